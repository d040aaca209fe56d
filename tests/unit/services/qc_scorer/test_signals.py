"""Signals about people: false alarms on honest simulated annotators, power on planted cheats."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from services.qc_scorer.annotators import anomaly_tests
from services.qc_scorer.annotators.anomaly_tests import Signal

LEVEL = 0.05
CLASSES = 5
Rng = np.random.Generator


def alarms(simulate: Callable[[Rng], float], runs: int, seed: int = 7) -> float:
    """Share of simulated runs whose p is at most LEVEL."""
    rng = np.random.default_rng(seed)
    return float(np.mean([simulate(rng) <= LEVEL for _ in range(runs)]))


def limit(runs: int) -> float:
    """The level and two standard errors of a share measured in so many runs."""
    return LEVEL + 2 * float(np.sqrt(LEVEL * (1 - LEVEL) / runs))


def seconds(rng: Rng, count: int, median: float = 12.0) -> list[float]:
    return list(rng.lognormal(np.log(median), 0.6, count))


def pace(rng: Rng, mine: float, before: float) -> float:
    medians = list(rng.lognormal(np.log(12.0), 0.25, 12))
    return anomaly_tests.too_fast(seconds(rng, 20, mine), seconds(rng, 80, before), medians).p


@pytest.mark.statistical
def test_honest_paces_are_rarely_called_too_fast() -> None:
    assert alarms(lambda rng: pace(rng, *[12.0 * rng.lognormal(0, 0.25)] * 2), 700) <= limit(700)


def test_who_rushes_is_seen_from_the_past_and_from_the_others() -> None:
    assert alarms(lambda rng: pace(rng, 2.5, 12.0), 200) > 0.95
    others = [12.0, 10, 14] * 4
    always = [
        anomaly_tests.too_fast(seconds(np.random.default_rng(i), 20, 2.0), [], others)
        for i in range(50)
    ]
    assert np.mean([one.p <= LEVEL for one in always]) > 0.95
    assert "2 tasks" in anomaly_tests.too_fast([1.0, 2.0], [], []).words
    with pytest.raises(ValueError, match="seconds"):
        anomaly_tests.too_fast([], [1.0], [])


def drafts(rng: Rng, passed: float, wrong: float = 0.12) -> float:
    """Confirmed drafts of one who lets a share of wrong ones pass."""
    seen, blind = 300, 250
    kept = seen - int(rng.binomial(seen, wrong * (1 - passed)))
    traps = int(rng.binomial(6, passed))
    return anomaly_tests.copies_draft(
        (kept, seen), (int(rng.binomial(blind, wrong)), blind), (traps, 6)
    ).p


@pytest.mark.parametrize("passed", [0.0, 0.1, anomaly_tests.TOLERATED_MISS])
def test_who_overlooks_as_much_as_is_tolerated_does_not_copy(passed: float) -> None:
    assert alarms(lambda rng: drafts(rng, passed), 1200) <= limit(1200)


def test_who_confirms_everything_copies() -> None:
    assert alarms(lambda rng: drafts(rng, 1.0), 300) > 0.95
    assert anomaly_tests.copies_draft((5, 5), (0, 0)).p == 1.0
    assert anomaly_tests.copies_draft((0, 0), (10, 50), (6, 6)).p < 0.001


def bias(rng: Rng, mine: np.ndarray, size: int = 400) -> float:
    shares = np.array([0.4, 0.3, 0.2, 0.07, 0.03])
    return anomaly_tests.answer_bias(rng.multinomial(size, mine), rng.multinomial(4000, shares)).p


def test_shares_that_differ_as_little_as_skill_explains_are_no_bias() -> None:
    alike = np.array([0.4, 0.3, 0.2, 0.07, 0.03])
    other = alike + np.array([-0.05, 0.02, 0.02, 0.005, 0.005])
    assert alarms(lambda rng: bias(rng, alike), 700) <= limit(700)
    assert alarms(lambda rng: bias(rng, other, 5000), 700) <= limit(700)


def test_one_answer_for_everything_is_a_bias() -> None:
    lazy = np.array([0.7, 0.15, 0.1, 0.03, 0.02])
    assert alarms(lambda rng: bias(rng, lazy), 200) > 0.95
    found = anomaly_tests.answer_bias([90, 10], [50, 50], ["ham", "spam"])
    assert found.words == "ham: 90% of answers, others 50%"
    assert (
        anomaly_tests.answer_bias([], []).p == 1.0
        and anomaly_tests.answer_bias([3, 0], [0, 0]).p == 1.0
    )


def crowd(
    rng: Rng, ring: int = 0, people: int = 12, tasks: int = 400
) -> dict[tuple[int, int], Signal]:
    """Three opinions a task; some items are hard for all, errors go to neighbours more often.
    The first `ring` people copy from one another."""
    truth = rng.integers(CLASSES, size=tasks)
    hard = np.where(rng.random(tasks) < 0.1, 4.0, 0.8)
    rate = rng.uniform(0.03, 0.15, people)
    rows = []
    for task in range(tasks):
        here = rng.choice(people, 3, replace=False)
        shared = None
        for person in here.tolist():
            wrong = rng.random() < min(0.9, rate[person] * hard[task])
            slip = 1 if rng.random() < 0.6 else int(rng.integers(1, CLASSES))
            said = int(truth[task] + slip * wrong) % CLASSES
            if person < ring:
                shared = said if shared is None else shared
                said = shared
            rows.append((task, person, said))
    task_, person_, answer = np.array(rows).T
    return anomaly_tests.collusion(task_, person_, answer, truth)


def test_honest_people_on_hard_items_do_not_look_like_colluders() -> None:
    runs = 40
    found = [crowd(np.random.default_rng(i)) for i in range(runs)]
    pairs = np.array([one.p for run in found for one in run.values()])
    assert np.mean(pairs <= LEVEL) <= LEVEL
    named = [anomaly_tests.standing({str(k): s for k, s in run.items()}, LEVEL) for run in found]
    assert np.mean([bool(one) for one in named]) <= limit(runs)


@pytest.mark.parametrize("ring", [2, 4])
def test_colluders_are_found_and_the_ring_does_not_hide_in_the_rate(ring: int) -> None:
    caught, wrongly = 0, 0
    for i in range(10):
        found = crowd(np.random.default_rng(i), ring, people=8, tasks=1000)
        standing = anomaly_tests.standing({f"{a}-{b}": s for (a, b), s in found.items()})
        named = {tuple(int(x) for x in name.split("-")) for name in standing}
        caught += any(max(pair) < ring for pair in named)
        wrongly += any(min(pair) >= ring for pair in named)
    assert caught >= 9 and wrongly <= 1


def test_without_known_errors_nobody_colludes() -> None:
    none = np.zeros(0, dtype=np.int64)
    assert anomaly_tests.collusion(none, none, none, none) == {}
    two = np.array([0, 0])
    people = np.array([0, 1])
    assert anomaly_tests.collusion(two, people, np.array([1, 1]), np.array([1])) == {}
    assert anomaly_tests.collusion(two, people, np.array([1, 1]), np.array([-1])) == {}
    # One way only: the second never erred where the first answered.
    found = anomaly_tests.collusion(two, people, np.array([1, 0]), np.array([0]))
    assert found[0, 1].p == 1.0


def test_what_stands_is_taken_over_all_signals_together() -> None:
    one = {"a": Signal("x", 0.004, ""), "b": Signal("x", 0.2, "")}
    assert set(anomaly_tests.standing(one)) == {"a"}
    many = one | {f"c{i}": Signal("x", 0.5, "") for i in range(9)}
    assert anomaly_tests.standing(many) == {} and anomaly_tests.standing({}) == {}
