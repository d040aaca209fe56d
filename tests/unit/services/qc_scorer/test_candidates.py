"""Rules of what is uncertain, one of them chosen on a pilot that is paid for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.qc_scorer.gates import candidate_rules, lot_proof
from services.qc_scorer.gates.candidate_rules import PLAIN
from services.qc_scorer.gates.lot_proof import Draw

ALPHA = 0.05


def _lot(rng: np.random.Generator, size: int = 3000) -> tuple[np.ndarray, ...]:
    """(uncertainty, class, fact, wrong): the uncertainty says little, the fact nearly all."""
    uncertainty = rng.choice([0.1, 0.2, 0.3], size)
    kind, fact = rng.integers(0, 3, size), rng.integers(0, 4, size)
    chance = np.where(fact == 0, 0.6, 0.02) + 0.1 * (uncertainty - 0.2)
    return uncertainty, kind, fact, rng.random(size) < chance


def test_a_fact_that_tells_errors_apart_is_chosen_and_orders_them() -> None:
    uncertainty, kind, fact, wrong = _lot(np.random.default_rng(1))
    pilot = np.random.default_rng(2).choice(len(wrong), 150, replace=False)
    designs = candidate_rules.designs(uncertainty, kind, {"source": fact})
    chosen = candidate_rules.choose(designs, pilot, wrong[pilot])
    assert chosen.name == "facts" and chosen.gain > 0
    assert chosen.wrong[fact == 0].min() > chosen.wrong[fact != 0].max()
    assert abs(chosen.wrong.mean() - wrong.mean()) < 0.08


def test_the_plain_rule_stays_where_nothing_else_is_better() -> None:
    rng = np.random.default_rng(3)
    uncertainty, stays = rng.random(4000), 0
    wrong = rng.random(4000) < 0.6 * uncertainty
    designs = candidate_rules.designs(uncertainty, rng.integers(0, 3, 4000))
    for seed in range(20):
        pilot = np.random.default_rng(seed).choice(4000, 200, replace=False)
        stays += candidate_rules.choose(designs, pilot, wrong[pilot]).name == PLAIN
    assert stays >= 10


@pytest.mark.parametrize("outcome", [True, False])
def test_a_pilot_of_one_outcome_only_gives_finite_chances(outcome: bool) -> None:
    designs = candidate_rules.designs(np.linspace(0, 1, 500), np.zeros(500, int))
    chosen = candidate_rules.choose(designs, np.arange(40), np.full(40, outcome))
    assert np.isfinite(chosen.wrong).all() and chosen.wrong.min() > 0 and chosen.wrong.max() < 1


def test_rare_values_are_no_columns_of_their_own() -> None:
    """A thousand classes of ten items each are nothing a pilot could learn."""
    classes = np.arange(10_000) % 1000
    found = candidate_rules.designs(np.linspace(0, 1, 10_000), classes)
    assert found["class"].shape == (10_000, 1)


def test_outcomes_must_be_as_many_as_pilot_items() -> None:
    designs = candidate_rules.designs(np.linspace(0, 1, 50), np.zeros(50, int))
    with pytest.raises(ValueError, match="4 pilot items but 3 outcomes"):
        candidate_rules.choose(designs, np.arange(4), np.ones(3, bool))


def _broken(rng: np.random.Generator, *, reuse: bool) -> bool:
    """Does a lot break 4 %? With `reuse` the coins of the proof chose the order as well."""
    size, rate = 600, 0.3
    wrong = rng.random(size) < 0.12
    fact = rng.integers(0, 60, size)
    coins = rng.random(size) < rate
    pilot = np.flatnonzero(coins) if reuse else rng.permutation(size)[:150]
    # What an overfitted rule would do: values of the fact with an error in the pilot come last.
    seen = np.bincount(fact[pilot], weights=wrong[pilot], minlength=60)
    uncertainty = seen[fact]
    lot = np.ones(size, bool)
    if not reuse:
        lot[pilot] = False
    tie = rng.random(size)
    draws = [Draw(uncertainty[i], tie[i], bool(wrong[i])) for i in np.flatnonzero(coins & lot)]
    forbidden = lot_proof.forbidden_errors(0.04, size)
    proof = lot_proof.prove(draws, rate, forbidden, ALPHA)
    before = (uncertainty < proof.uncertainty) | (
        (uncertainty == proof.uncertainty) & (tie < proof.tie_breaker)
    )
    return int((wrong & before & ~coins & lot).sum()) >= forbidden


def test_a_pilot_of_its_own_keeps_the_promise_and_reuse_of_the_draws_breaks_it() -> None:
    rng, trials = np.random.default_rng(5), 400
    apart = np.mean([_broken(rng, reuse=False) for _ in range(trials)])
    reused = np.mean([_broken(rng, reuse=True) for _ in range(trials)])
    assert apart <= ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / trials)
    assert reused > 0.2


def test_a_plan_costs_what_its_forecast_says_and_more_where_errors_are_feared() -> None:
    chance = np.linspace(0.0, 0.3, 5000)
    mine = candidate_rules.plan(chance, 0.03, 5000, ALPHA)
    counts = np.arange(5001)
    curve = lot_proof.Curve(counts, np.concatenate([[0.0], np.cumsum(chance)]))
    fearing = lot_proof.plan(curve, 0.03, 5000, ALPHA, factors=(2.0,))
    hoping = lot_proof.plan(curve, 0.03, 5000, ALPHA, factors=(0.5,))
    assert 0 < hoping.human < mine.human < fearing.human


def test_a_fixed_sample_bears_no_fewer_errors_than_coins() -> None:
    """Without replacement a sample knows more: the same draws, the larger part passes."""
    rng = np.random.default_rng(6)
    wrong = rng.random(2000) < np.linspace(0, 0.2, 2000)
    taken = np.sort(rng.choice(2000, 500, replace=False))
    draws = [Draw(float(i), 0.0, bool(wrong[i])) for i in taken]
    fixed = lot_proof.prove(draws, 0.0, 61, ALPHA, lot=2000)
    coins = lot_proof.prove(draws, 0.25, 61, ALPHA)
    assert fixed.done and fixed.uncertainty >= coins.uncertainty > 0


@pytest.mark.statistical
def test_a_fixed_sample_keeps_the_promise() -> None:
    rng, trials, broken = np.random.default_rng(7), 1000, 0
    wrong = np.arange(2000) % 25 == 0
    for _ in range(trials):
        taken = rng.choice(2000, 400, replace=False)
        draws = [Draw(float(i), 0.0, bool(wrong[i])) for i in taken]
        proof = lot_proof.prove(draws, 0.0, 41, ALPHA, lot=2000)
        left = wrong & (np.arange(2000) < proof.uncertainty)
        left[taken] = False
        broken += int(left.sum()) >= 41
    assert 0 < broken / trials <= ALPHA + 2 * math.sqrt(ALPHA * 0.95 / trials)


def test_a_sample_larger_than_its_lot_is_refused() -> None:
    draws = [Draw(0.1, 0.0, False)] * 11
    with pytest.raises(ValueError, match="11 drawn of a lot of 10"):
        lot_proof.prove(draws, 0.0, 3, ALPHA, lot=10)
