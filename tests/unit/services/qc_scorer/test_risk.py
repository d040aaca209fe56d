"""Risk of labels: the order, chances that are known, intervals that cover and bounds that hold."""

from __future__ import annotations

import math

import numpy as np
import pytest

from services.qc_scorer.review import risk
from services.qc_scorer.review.risk import Signals


def signals(**given: list[float]) -> Signals:
    size = len(next(iter(given.values())))
    columns = {
        name: np.array(given.get(name, [math.nan] * size), dtype=float)
        for name in ("margin", "agreement", "opinions", "skill", "novelty")
    }
    return Signals(**columns)


def test_margin_and_doubt_of_probabilities() -> None:
    chances = np.array([[0.7, 0.2, 0.1], [0.5, 0.5, 0.0], [0.1, 0.3, 0.6]])
    labels = np.array([0, 1, 0])
    assert risk.margins(chances, labels) == pytest.approx([-0.5, 0.0, 0.5])
    assert risk.doubts(chances, labels) == pytest.approx([0.3, 0.5, 0.9])


def test_with_probabilities_alone_the_order_is_that_of_the_margin() -> None:
    margin = np.linspace(-1, 1, 51)
    found = risk.risks(signals(margin=margin.tolist()))
    assert (np.diff(found) > 0).all() and found[0] > 0 and found[-1] < 1


def test_every_signal_moves_the_risk_the_right_way() -> None:
    def one(**given: float) -> float:
        return float(risk.risks(signals(**{k: [v] for k, v in given.items()}))[0])

    usual = one(margin=0.0)
    assert usual == pytest.approx(risk.BASE_RATE), "nothing known: a usual label"
    assert one(margin=0.0, skill=0.6) > usual > one(margin=0.0, skill=0.99)
    assert one(margin=0.0, agreement=0.5, opinions=2) > usual
    assert (
        one(margin=0.0, agreement=1.0, opinions=3)
        < usual
        == one(margin=0.0, agreement=1.0, opinions=1)
    )
    assert one(margin=0.0, novelty=1.0) > usual
    assert one(margin=0.9, novelty=1.0) - one(margin=0.9) < one(novelty=1.0, margin=0.0)


def test_a_draft_and_its_score_stand_in_for_probabilities() -> None:
    assert risk.draft_margin(False, 0.99) > 0.9 > risk.draft_margin(False, 0.5) > 0
    assert risk.draft_margin(True, 0.99) < -0.9
    assert risk.draft_margin(True, 0.1) == 0 > risk.draft_margin(True, 0.9)


def test_reasons_name_what_speaks_against_a_label() -> None:
    words = risk.reasons(0.8, 0.5, 2, 0.7, math.nan)
    assert len(words) == 3 and "prefers another" in words[0]
    assert any("1 of 2 opinions differ" in w for w in words)
    assert risk.reasons(-0.9, 1.0, 3, 0.99, math.nan) == []


def test_what_an_annotators_answers_are_worth() -> None:
    assert risk.accuracy(0, 0, 0, 0) == pytest.approx(risk.USUAL_ACCURACY)
    assert risk.accuracy(50, 100, 0, 0) < 0.6 < risk.accuracy(99, 100, 0, 0)


def test_chances_are_as_stated_and_none_is_zero() -> None:
    score = np.random.default_rng(1).random(2000) ** 6
    counts = np.zeros(2000)
    for seed in range(400):
        drawn, chance = risk.sample(score, 100, 0.5, np.random.default_rng(seed))
        counts[drawn] += 1
        assert (chance > 0).all() and (chance <= 1).all()
    stated = risk.chances(score, 100, 0.5, 2000, float(np.sqrt(score).sum()))
    assert stated.min() >= 0.5 * 100 / 2000
    assert counts.sum() / 400 == pytest.approx(100, rel=0.05)
    top = np.argsort(-score)[:200]
    assert counts[top].sum() / 400 == pytest.approx(stated[top].sum(), rel=0.05)
    with pytest.raises(ValueError, match="uniform_share"):
        risk.sample(score, 100, 0.0, np.random.default_rng(0))


def population(seed: int, size: int = 6000) -> tuple[np.ndarray, np.ndarray]:
    """(wrong, score): a score that ranks well and is calibrated badly."""
    rng = np.random.default_rng(seed)
    true = rng.random(size) ** 8 * 0.6
    return rng.random(size) < true, np.clip(true * 1.7, 0, 1)


@pytest.mark.statistical
def test_the_interval_covers_and_is_narrower_than_without_the_risk() -> None:
    wrong, score = population(9999)
    rate, covered, narrow, broken = wrong.mean(), 0, [], 0
    runs = 300
    for seed in range(runs):
        drawn, chance = risk.sample(score, 600, 0.5, np.random.default_rng(seed))
        found = risk.estimate(
            wrong[drawn], score[drawn], chance, len(wrong), float(score.sum()), 0.05
        )
        covered += found.low <= rate <= found.high
        broken += found.bound < rate
        narrow.append((found.high - found.low) / (found.plain_high - found.plain_low))
    assert covered / runs >= 0.95 - 3 * math.sqrt(0.95 * 0.05 / runs)
    assert broken / runs <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / runs)
    assert np.mean(narrow) < 0.95


def test_an_unweighted_rate_of_what_looks_risky_would_be_far_off() -> None:
    wrong, score = population(9999)
    drawn, _ = risk.sample(score, 600, 0.5, np.random.default_rng(0))
    assert wrong[drawn].mean() > 1.5 * wrong.mean(), "the test must be able to fail"


def test_few_errors_make_the_bound_the_end_of_the_interval() -> None:
    chance = np.full(300, 0.1)
    found = risk.estimate(np.zeros(300, bool), np.full(300, 0.01), chance, 3000, 30.0, 0.1)
    assert found.low == 0 and found.high >= found.bound > 0.005
    assert found.bound < 0.02
    unsure = risk.estimate(
        np.zeros(295, bool), np.full(295, 0.01), chance[:295], 3000, 30.0, 0.1, missing=[0.1] * 5
    )
    assert unsure.bound > found.bound, "what nobody judged counts as wrong"


def test_the_bound_holds_with_the_worst_errors_of_all() -> None:
    """All errors where the risk said there are none."""
    size, runs = 2000, 300
    score = np.linspace(0, 1, size) ** 4
    wrong = np.arange(size) < 60
    broken = 0
    for seed in range(runs):
        drawn, chance = risk.sample(score, 300, 0.5, np.random.default_rng(seed))
        bad = wrong[drawn].astype(float)
        broken += risk.upper_bound(bad, chance, size, 0.075, 0.1) < 0.03
    assert broken / runs <= 0.1 + 2 * math.sqrt(0.1 * 0.9 / runs)


def test_nothing_drawn_is_refused() -> None:
    with pytest.raises(ValueError, match="nothing was drawn"):
        risk.estimate([], np.empty(0), np.empty(0), 10, 1.0, 0.1)
