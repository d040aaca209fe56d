"""The exact gate over lots: its numbers, its validity on hostile lots, its plans."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.qc_scorer.gates import lot_proof, planner
from services.qc_scorer.gates.lot_proof import Curve, Draw

ALPHA = 0.05


@pytest.mark.parametrize(
    ("rate", "forbidden", "most"),
    [
        (0.01, 501, 1),
        (0.02, 501, 4),
        (0.05, 501, 17),
        (0.1, 501, 42),
        (0.05, 2501, 112),
        (0.05, 281, 8),
        (0.02, 281, 1),
        (0.1, 41, 0),
        (0.2, 41, 4),
        (0.02, 201, 0),
        (0.01, 281, -1),
    ],
)
def test_how_many_detected_errors_a_proof_bears(rate: float, forbidden: int, most: int) -> None:
    assert lot_proof.most_detected(rate, forbidden, ALPHA) == most


@pytest.mark.parametrize(
    ("sample", "lot", "forbidden", "most"),
    [(5000, 50000, 501, 42), (500, 2299, 115, 21), (1000, 10000, 101, 5), (3500, 70000, 281, 8)],
)
def test_the_same_for_a_sample_of_fixed_size(
    sample: int, lot: int, forbidden: int, most: int
) -> None:
    assert lot_proof.most_detected_of(sample, lot, forbidden, ALPHA) == most


def test_the_first_forbidden_number_does_not_suffer_from_floating_point() -> None:
    assert lot_proof.forbidden_errors(0.01, 50_000) == 501
    assert lot_proof.forbidden_errors(0.29, 100) == 30
    assert lot_proof.forbidden_errors(0.01, 50_000, spent=500) == 1
    assert lot_proof.forbidden_errors(0.01, 50_000, spent=600) == 0


def test_risk_over_any_number_of_lots_stays_within_what_there_is() -> None:
    assert sum(lot_proof.lot_alpha(ALPHA, n) for n in range(1, 100_000)) < ALPHA


def _trials(
    scores: str, errors: int, size: int, target: float, rate: float, rng: np.random.Generator
) -> tuple[bool, bool]:
    """(did the exact rule, did the plug-in let too many errors out) of one lot."""
    wrong = np.zeros(size, bool)
    wrong[:errors] = True
    uncertainty = {
        "random": rng.random(size),
        "reversed": np.where(wrong, rng.random(size) * 0.1, 1.0),
        "ties": np.zeros(size),
        "good": np.where(wrong, 0.5 + rng.random(size), rng.random(size)),
    }[scores]
    tie = rng.random(size)
    coins = rng.random(size) < rate
    draws = [Draw(uncertainty[i], tie[i], bool(wrong[i])) for i in np.flatnonzero(coins)]
    forbidden = lot_proof.forbidden_errors(target, size)
    proof = lot_proof.prove(draws, rate, forbidden, ALPHA)
    order = np.lexsort((tie, uncertainty))
    place = np.array(
        [
            (u, t) < (proof.uncertainty, proof.tie_breaker)
            for u, t in zip(uncertainty, tie, strict=True)
        ]
    )
    exact = int((wrong & place & ~coins).sum()) > proof.bound
    seen = np.cumsum((wrong & coins)[order]) / max(rate, 1e-9)
    allowed = np.flatnonzero(seen <= target * size)
    passed = order[: allowed[-1] + 1] if allowed.size else order[:0]
    plug_in = int((wrong & ~coins)[passed].sum()) >= forbidden
    return exact, plug_in


@pytest.mark.statistical
@pytest.mark.parametrize("scores", ["random", "reversed", "ties", "good"])
@pytest.mark.parametrize("times", [1.0, 2.0, 10.0])
def test_the_promise_holds_whatever_the_scores_are(scores: str, times: float) -> None:
    rng = np.random.default_rng(7)
    size, target, rate, trials = 2000, 0.02, 0.15, 1000
    errors = min(size, round(times * target * size) - (times == 1.0))
    broken = sum(_trials(scores, errors, size, target, rate, rng)[0] for _ in range(trials))
    assert broken / trials <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / trials)


def test_the_naive_rule_fails_the_same_test() -> None:
    rng = np.random.default_rng(8)
    broken = [_trials("random", 80, 2000, 0.02, 0.15, rng)[1] for _ in range(300)]
    assert np.mean(broken) > 0.2


def test_people_who_repeat_the_models_error_are_reckoned_with() -> None:
    """Each error is overlooked with chance `miss`; the bound counts overlooked ones, too."""
    rng = np.random.default_rng(9)
    size, target, rate, miss, broken = 2000, 0.02, 0.2, 0.1, 0
    for _ in range(1000):
        wrong = np.arange(size) < 60
        uncertainty = rng.random(size)
        coins = rng.random(size) < rate
        seen = wrong & (rng.random(size) >= miss)
        draws = [Draw(uncertainty[i], 0.0, bool(seen[i])) for i in np.flatnonzero(coins)]
        forbidden = lot_proof.forbidden_errors(target, size)
        proof = lot_proof.prove(draws, rate * (1 - miss), forbidden, ALPHA)
        left = wrong & ~(coins & seen) & (uncertainty < proof.uncertainty)
        broken += int(left.sum()) > proof.bound
    assert broken / 1000 <= ALPHA + 2 * math.sqrt(ALPHA * 0.95 / 1000)


def test_what_is_not_settled_is_not_passed_over() -> None:
    draws = [Draw(0.1, 0.0, False), Draw(0.2, 0.0, None), Draw(0.3, 0.0, True)]
    proof = lot_proof.prove(draws, 0.5, 20, ALPHA)
    assert not proof.done and proof.settled == 1


def test_a_lot_too_small_for_its_target_lets_nothing_out() -> None:
    proof = lot_proof.prove([Draw(0.1, 0.0, False)] * 5, 0.05, 3, ALPHA)
    assert proof.done and proof.uncertainty == -math.inf and proof.bound == 0


def test_floors_of_a_class_hold() -> None:
    """A class whose surest items are wrong too often is not let through at any size."""
    sizes, draws = [200, 400, 600, 800], [100, 200, 300, 400]
    assert lot_proof.subset_threshold([False] * 400, sizes, draws, 0.05, ALPHA) == 800
    assert lot_proof.subset_threshold([True] * 30 + [False] * 370, sizes, draws, 0.05, ALPHA) == 0
    late = [False] * 200 + [True] * 60 + [False] * 140
    assert lot_proof.subset_threshold(late, sizes, draws, 0.05, ALPHA) == 400
    assert (
        lot_proof.subset_threshold([False] * 150 + [None] * 250, sizes, draws, 0.05, ALPHA) == 200
    )


def _curve(count: int, errors: float) -> Curve:
    counts = np.linspace(0, count, 50).astype(int)
    return Curve(counts, errors * (counts / count) ** 4)


def test_a_tighter_promise_costs_more_and_a_better_model_less() -> None:
    prices = lot_proof.prices(_curve(10_000, 100), [0.05, 0.02, 0.01, 0.005], 10_000, ALPHA)
    assert [p.human for p in prices] == sorted(p.human for p in prices)
    better = lot_proof.plan(_curve(10_000, 10), 0.01, 10_000, ALPHA)
    assert better.human < prices[2].human


def test_a_target_that_no_audit_can_reach_is_refused_with_what_would_be_needed() -> None:
    now = planner.Circumstances(target=0.001, alpha=ALPHA, size=500, labelled=100)
    decision = planner.decide(_curve(400, 1), now)
    assert decision.what == planner.STOP
    assert "2996" in decision.reason and "looser target" in decision.reason


def test_learning_ends_when_it_does_not_pay_and_goes_on_when_it_does() -> None:
    now = planner.Circumstances(target=0.02, alpha=ALPHA, size=10_000, labelled=200)
    assert planner.decide(_curve(9800, 900), now).what == planner.LEARN
    assert planner.decide(_curve(9800, 1), now).what == planner.CERTIFY
    still = ((1000, 705.0), (1350, 703.0), (1700, 702.0))
    stuck = planner.Circumstances(0.02, ALPHA, 10_000, 2000, history=still)
    assert planner.decide(_curve(8000, 700), stuck).what == planner.CERTIFY
    falls = ((1000, 5600.0), (1350, 2300.0), (1700, 1140.0))
    moving = planner.Circumstances(0.02, ALPHA, 10_000, 2000, history=falls)
    assert planner.falling([*falls, (2000, 700.0)]) > planner.FALL
    assert planner.decide(_curve(8000, 700), moving).what == planner.LEARN


def test_the_worked_example_of_the_documentation_is_what_the_code_says() -> None:
    alpha = lot_proof.lot_alpha(0.05, 1)
    forbidden = lot_proof.forbidden_errors(0.01, 10_000)
    assert (alpha, forbidden) == (pytest.approx(0.04), 101)
    assert lot_proof.most_detected(0.1, forbidden, alpha) == 5
    assert lot_proof.undetected_bound(0.1, 3, alpha, forbidden - 1) == 75
