"""The test on gold: its risks are exact, its words true; wrong gold, skill, shares, anchoring."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from services.qc_scorer.annotators import profile, sequential_test
from services.qc_scorer.domain import Project

PLAN = sequential_test.plan()
PROJECT = Project("p", 1, "class", "majority", classes=("ham", "spam"))


def stops(accuracy: float, runs: int, golds: int, seed: int = 3) -> float:
    rng = np.random.default_rng(seed)
    found = [sequential_test.judge(list(rng.random(golds) < accuracy), PLAN) for _ in range(runs)]
    return float(np.mean([one.state == sequential_test.STOP for one in found]))


def test_simulated_risks_are_the_exact_ones() -> None:
    runs = 3000
    for accuracy, exact in ((PLAN.good, PLAN.alpha), (PLAN.bad, PLAN.power)):
        error = math.sqrt(exact * (1 - exact) / runs)
        assert stops(accuracy, runs, PLAN.horizon) == pytest.approx(exact, abs=4 * error)
    assert PLAN.alpha <= PLAN.allowed_alpha and PLAN.power >= 0.9


def test_the_exact_chance_of_a_single_path() -> None:
    # One of accuracy a stops at the third answer only by three wrong ones, if the limit is so.
    up, _ = sequential_test._steps(0.9, 0.7)
    found = sequential_test.stop_times(0.9, 0.7, 3 * up, 0.6, 3)
    assert found == pytest.approx([0.0, 0.0, 0.4**3])


def test_the_limit_is_the_lowest_that_keeps_the_risk() -> None:
    below = PLAN.limit - 1e-6
    up, down = sequential_test._steps(PLAN.good, PLAN.bad)
    sums = {a * up - b * down for a in range(65) for b in range(65 - a)}
    lower = max(s for s in sums if s < below)
    risk = sequential_test.stop_times(PLAN.good, PLAN.bad, lower, PLAN.good, PLAN.horizon).sum()
    assert risk > PLAN.allowed_alpha


@pytest.mark.parametrize("good", [0.05, 0.3, 0.5, 0.6, 0.75, 0.85, 0.95, 0.99, 0.999])
def test_every_accuracy_a_policy_may_ask_for_has_a_plan(good: float) -> None:
    found = profile.plan_of(Project("p", 1, "text", "", gold_accuracy=good))
    assert found is not None and found.bad < found.good == good
    assert found.alpha <= found.allowed_alpha and found.expected > 0


def test_senseless_plans_are_refused() -> None:
    for wrong in ({"good": 0.7, "bad": 0.9}, {"alpha": 0.0}, {"alpha": 1.0}, {"horizon": 0}):
        with pytest.raises(ValueError, match="needed"):
            sequential_test.plan(**wrong)  # type: ignore[arg-type]


def test_who_turns_bad_late_is_caught_as_fast() -> None:
    late = sequential_test.judge([True] * 40 + [False] * 4, PLAN)
    early = sequential_test.judge([False] * 4, PLAN)
    assert late.state == early.state == sequential_test.STOP
    assert "4 of your last 4" in late.reason and late.wrong == 4 and late.golds == 44
    assert sequential_test.judge([], PLAN).state == sequential_test.CONTINUE


def test_a_new_career_starts_from_nothing() -> None:
    right = [True] * (PLAN.horizon - 3) + [False] * 3
    assert sequential_test.judge(right, PLAN).evidence > 3
    assert sequential_test.judge([*right, False], PLAN).state == sequential_test.CONTINUE


def crowd(wrong_items: int, seed: int) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    item, who = np.repeat(np.arange(30), 8), np.tile(np.arange(8), 30)
    right = rng.random(240) < 0.92
    right[item < wrong_items] = rng.random(8 * wrong_items) < 0.05
    return item, who, right


def test_wrong_gold_is_found_and_right_gold_left_alone() -> None:
    found = [sequential_test.suspect_gold(*crowd(2, seed)) for seed in range(40)]
    assert np.mean([{0, 1} <= set(f) for f in found]) > 0.85
    assert np.mean([any(i > 1 for i in f) for f in found]) <= 0.05
    honest = [sequential_test.suspect_gold(*crowd(0, seed)) for seed in range(40)]
    assert np.mean([bool(f) for f in honest]) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 40)


def test_a_bad_annotator_alone_makes_no_gold_suspect() -> None:
    item, who, right = crowd(0, 1)
    right[who == 0] = False
    assert sequential_test.suspect_gold(item, who, right) == []
    none = np.zeros(0, dtype=np.int64)
    assert sequential_test.suspect_gold(none, none, none.astype(bool)) == []


def test_the_poisson_binomial_tail_is_the_binomial_where_chances_are_equal() -> None:
    for count in range(9):
        tail = sequential_test.at_least(count, np.full(8, 0.3))
        assert tail == pytest.approx(float(stats.binom.sf(count - 1, 8, 0.3)))


def test_holm_stops_at_the_first_that_stands() -> None:
    p = np.array([0.001, 0.03, 0.012, 0.9])
    assert sequential_test.holm(p, 0.05).tolist() == [True, False, True, False]


def test_skill_per_class_and_its_interval() -> None:
    truth, answer = np.array([0, 0, 0, 0, 1]), np.array([0, 0, 0, 1, 2])
    found = sequential_test.skill(truth, answer, 3)
    assert found.golds.tolist() == [4, 1, 0]
    assert found.mean == pytest.approx([4 / 6, 1 / 3, 1 / 2])
    assert found.lower[0] == pytest.approx(float(stats.beta.ppf(0.025, 4, 2)))


def test_a_share_of_nothing_says_nothing() -> None:
    assert math.isnan(sequential_test.share(0, 0).value)
    nothing = sequential_test.anchoring((0, 0), (3, 9))
    assert math.isnan(nothing.value) and (nothing.lower, nothing.upper) == (-1.0, 1.0)


@pytest.mark.statistical
def test_anchoring_covers_the_difference_as_often_as_it_says() -> None:
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(600):
        shown, blind = int(rng.binomial(120, 0.93)), int(rng.binomial(60, 0.85))
        found = sequential_test.anchoring((shown, 120), (blind, 60))
        held += found.lower <= 0.08 <= found.upper
    assert held / 600 > 0.93


def test_suspected_gold_is_taken_out_of_every_sum() -> None:
    gold = {"item": "a", "task": "t", "truth": "ham", "answer": "spam", "right": False}
    doc = {"annotator": "ann", "name": "n", "gold": 2.0, "gold_correct": 1.0}
    doc |= {"golds": [gold, {**gold, "item": "b", "right": True, "answer": "ham"}]}
    after = profile.without(doc, frozenset({"a"}))
    assert after is not None and (after["gold"], after["gold_correct"]) == (1.0, 1.0)
    assert profile.without(after, frozenset({"a"})) is None, "once is enough"
    test = profile.plan_of(PROJECT)
    assert test is not None and profile.verdict(after, test).golds == 1
    (ham,) = profile.skill_doc(after, PROJECT)["classes"]
    assert ham["gold_count"] == 1
