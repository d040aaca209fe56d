"""Acceptance plans: the published figures, both risks kept, bets that no peeking can break."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.qc_scorer.review import acceptance_sampling
from services.qc_scorer.review.acceptance_sampling import Sequential, Terms, Unreachable, Verdict
from services.qc_scorer.review.accepted_labels import plan_doc

ERRORS = (0, 1, 2, 5, 10)


@pytest.mark.parametrize(
    ("rate", "sizes"),
    [
        (0.02, [149, 236, 313, 523, 845]),
        (0.01, [299, 473, 628, 1049, 1693]),
        (0.004, [748, 1185, 1572, 2626, 4238]),
    ],
)
def test_sizes_of_fixed_plans_are_the_published_ones(rate: float, sizes: list[int]) -> None:
    terms = Terms(rate, 0.05, rate / 4, 0.05)
    assert [acceptance_sampling.least_size(terms, c) for c in ERRORS] == sizes
    good = [
        acceptance_sampling.accept_chance(n, c, rate / 4)
        for n, c in zip(sizes, ERRORS, strict=True)
    ]
    assert good == pytest.approx([0.47, 0.67, 0.79, 0.95, 1.0], abs=0.006)


@pytest.mark.parametrize("lot", [0, 300, 1000, 20_000])
def test_a_plan_keeps_both_risks_and_no_smaller_one_does(lot: int) -> None:
    terms = Terms(0.02, 0.05, 0.005, 0.1, lot)
    plan = acceptance_sampling.fixed_plan(terms)
    assert plan.consumer_risk <= 0.05 and plan.producer_risk <= 0.1
    assert plan.size <= (lot or 10**9)
    for errors in range(plan.errors):
        size = acceptance_sampling.least_size(terms, errors)
        assert not size or acceptance_sampling.accept_chance(size, errors, 0.005, lot) < 0.9
    points = [chance for _, chance in acceptance_sampling.curve(plan, terms)]
    assert points[0] == 1.0 and points == sorted(points, reverse=True)


def test_a_small_lot_is_looked_at_whole() -> None:
    plan = acceptance_sampling.fixed_plan(Terms(0.02, 0.05, 0.0, 0.1, 40))
    assert plan.size == 38 and plan.errors == 0, "one wrong label hides in two of 40 at 5 %"


def test_what_cannot_be_planned_is_refused_with_the_reason() -> None:
    with pytest.raises(Unreachable, match="below the promised"):
        Terms(0.02, 0.05, 0.02, 0.1)
    with pytest.raises(Unreachable, match="too near"):
        acceptance_sampling.fixed_plan(Terms(0.3, 0.05, 0.299, 0.05))
    with pytest.raises(Unreachable, match="between 0 and 1"):
        Terms(0.0, 0.05, 0.0, 0.1)


def test_attempts_at_one_delivery_share_the_risk() -> None:
    parts = [acceptance_sampling.attempt_alpha(0.05, attempt) for attempt in range(1, 3000)]
    assert parts == sorted(parts, reverse=True) and parts[1] < parts[0] / 2
    assert sum(parts) < 0.05
    with pytest.raises(ValueError, match="from 1"):
        acceptance_sampling.attempt_alpha(0.05, 0)


def test_labels_until_acceptance_are_the_published_ones() -> None:
    terms = Terms(0.02, 0.05, 0.0, 0.05)
    means = [
        acceptance_sampling.course(terms, 0.02 * part, 6000).mean_accepted
        for part in (0, 0.1, 0.25)
    ]
    assert means == pytest.approx([176, 237, 392], rel=0.02)


@pytest.mark.statistical
def test_the_exact_course_is_what_a_plan_at_work_does() -> None:
    terms, most, runs = Terms(0.05, 0.1, 0.0125, 0.1), 600, 400
    expected = acceptance_sampling.course(terms, 0.0125, most)
    rng, ends = np.random.default_rng(3), []
    for _ in range(runs):
        plan = Sequential(terms, most)
        for wrong in rng.random(most) < 0.0125:
            if plan.tell(bool(wrong)) is not Verdict.CONTINUE:
                break
        ends.append((plan.verdict is Verdict.ACCEPT, plan.seen))
    accepted, seen = np.mean(ends, axis=0)
    assert accepted == pytest.approx(expected.accept, abs=0.05)
    assert seen == pytest.approx(expected.mean, rel=0.1)
    assert expected.accept >= 0.9, "the producer's risk is kept"


@pytest.mark.parametrize("lot", [0, 800])
def test_no_peeking_makes_a_bad_lot_pass_where_a_plug_in_does(lot: int) -> None:
    rate, alpha, runs = 0.05, 0.1, 400
    terms = Terms(rate, alpha, 0.0, 0.1, lot)
    bad = terms.worst / lot if lot else rate
    accepted = naive = 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        wrong = rng.permutation(np.arange(lot) < terms.worst) if lot else rng.random(800) < bad
        plan = Sequential(terms, 800)
        verdicts = [plan.tell(bool(w)) for w in wrong]
        accepted += verdicts[-1] is Verdict.ACCEPT
        seen = np.arange(1, 801)
        naive += bool((np.cumsum(wrong)[100:] / seen[100:] <= rate * 0.6).any())
    assert accepted / runs <= alpha + 2 * math.sqrt(alpha * (1 - alpha) / runs)
    assert naive / runs > 0.2, "the test must be able to fail"


def test_the_mirrored_bets_reject_early_and_rarely_a_good_lot() -> None:
    terms = Terms(0.04, 0.05, 0.01, 0.1)
    good = acceptance_sampling.course(terms, 0.01, 1500)
    awful = acceptance_sampling.course(terms, 0.12, 1500)
    assert good.reject <= 0.1 and awful.reject > 0.99 and awful.mean < 150


def test_a_verdict_stands_and_a_broken_lot_is_rejected_at_once() -> None:
    plan = Sequential(Terms(0.1, 0.05, 0.0, 0.1, 20))
    assert [plan.tell(True) for _ in range(3)][-1] is Verdict.REJECT
    assert plan.tell(False) is Verdict.REJECT and plan.seen <= 3


@pytest.mark.statistical
def test_rare_errors_go_as_less_rare_ones_in_more_labels() -> None:
    rare = Terms(rate=4e-4, alpha=0.05, better=1e-4, beta=0.1)
    told = plan_doc(rare, 1, 8)
    assert told["most_count"] == 20_000
    exact = [acceptance_sampling.course(rare, rate, 20_000) for rate in (rare.better, rare.rate)]
    assert told["expected_accept"] == pytest.approx(exact[0].accept, abs=0.002)
    assert told["expected_count"] == pytest.approx(exact[0].mean, rel=0.002)
    assert told["expected_count_at_target"] == pytest.approx(exact[1].mean, rel=0.002)
