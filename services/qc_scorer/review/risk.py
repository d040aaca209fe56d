"""Which accepted labels are most likely wrong, and how often they are: order, samples, estimates.

The order. The model's opinion of a label enters as its normalized margin, the probability of the
best other class minus that of the label (Northcutt, Jiang and Chuang 2021, "Confident learning").
A label error has one concrete rival, so the margin ranks better than one minus the label's own
probability (self-confidence), which also counts what is spread over all other classes. The margin
becomes log-odds, and independent evidence adds to it: who labelled it, who agreed, how new it is.
The sum orders labels; it is no probability that anybody measured.

The estimate. Labels are drawn by coins of known chance, half of them alike for all, half by risk.
The error rate is the mean risk of all labels plus the weighted error of that mean in the sample
(prediction-powered inference, Angelopoulos et al. 2023; how far the risk is believed is tuned as
in PPI++, Angelopoulos, Duchi and Zrnic 2023), beside the weighted rate alone (Hajek's form of
Horvitz and Thompson 1952). Both intervals are asymptotic. `upper_bound` is not.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t as student

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BASE_RATE = 0.03
USUAL_ACCURACY = 0.95
# People who see the same item err alike: an opinion counts as this part of an independent one.
OPINION_WORTH = 0.5
# Log-odds that an item quite unlike all seen before adds.
NOVELTY_WORTH = 1.0
UNIFORM_SHARE = 0.5
# With fewer errors (or right labels) in a sample, no asymptotic interval is to be believed.
LEAST_COUNT = 8
# Fixed parts of the largest bet; their mean is the bet of `upper_bound`.
BETS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.7, 0.85, 1.0)
PARTS = ("model", "opinions", "annotator", "novelty")
_EDGE = 1e-6


def margins(chances: FloatArray, labels: IntArray) -> FloatArray:
    """(n,) best other class minus the label, -1 to 1; `chances` (n, K) of a model that never saw
    these labels, `labels` (n,) are class numbers."""
    rows = np.arange(len(labels))
    own = chances[rows, labels]
    others = np.array(chances, dtype=np.float64)
    others[rows, labels] = -np.inf
    return np.asarray(others.max(axis=1) - own, dtype=np.float64)


def doubts(chances: FloatArray, labels: IntArray) -> FloatArray:
    """(n,) one minus the label's own probability (one minus self-confidence)."""
    return np.asarray(1.0 - chances[np.arange(len(labels)), labels], dtype=np.float64)


def draft_margin(equal: bool, score: float) -> float:
    """The margin where only a draft and its score are known: of what the model does not give to
    its draft, half counts for one rival, which is never above the draft itself. Positive where
    the draft differs from the label."""
    sure = min(1.0, max(0.0, score))
    gap = sure - min(sure, (1.0 - sure) / 2.0)
    return -gap if equal else gap


def accuracy(right: float, total: float, agreeing: float, compared: float) -> float:
    """Accuracy of an annotator for ordering: gold counts fully, agreement with others by half;
    ten usual answers stand in for what is not known yet."""
    held = 10.0
    sums = right + OPINION_WORTH * agreeing + held * USUAL_ACCURACY
    return sums / (total + OPINION_WORTH * compared + held)


@dataclass(frozen=True)
class Signals:
    """What is known of n labels, each (n,); NaN where nothing is.

    `margin` -1 to 1; `agreement` the share of the `opinions` that agree with the label, 0 to 1;
    `skill` the accuracy of who labelled it; `novelty` its distance to what was seen before as a
    share, 0 (seen) to 1 (like nothing seen).
    """

    margin: FloatArray
    agreement: FloatArray
    opinions: FloatArray
    skill: FloatArray
    novelty: FloatArray = field(default_factory=lambda: np.empty(0))


def parts(signals: Signals) -> FloatArray:
    """(n, 4) log-odds that each of `PARTS` adds; 0 where nothing is known.

    Where an item is new the model's opinion counts for less.
    """
    new = signals.novelty if len(signals.novelty) else np.zeros(len(signals.margin))
    new = np.clip(np.nan_to_num(new), 0.0, 1.0)
    sure = np.clip(np.nan_to_num(signals.margin), -1.0 + _EDGE, 1.0 - _EDGE)
    model = np.log((1.0 + sure) / (1.0 - sure)) * (1.0 - 0.5 * new)
    usual = _logit(np.float64(USUAL_ACCURACY))
    # One opinion is the label itself; only those beyond it say more.
    share = np.where(np.isnan(signals.agreement), 1.0, signals.agreement)
    count = np.nan_to_num(signals.opinions)
    against = (1.0 - share) * count
    beyond = np.maximum(0.0, share * count - 1.0)
    opinions = OPINION_WORTH * usual * (against - beyond)
    skill = np.where(np.isnan(signals.skill), USUAL_ACCURACY, signals.skill)
    annotator = usual - _logit(np.clip(skill, 0.05, 0.999))
    return np.stack([model, opinions, annotator, NOVELTY_WORTH * new], axis=1)


def risks(signals: Signals, base: float = BASE_RATE) -> FloatArray:
    """(n,) 0 to 1, higher first: the sum of all parts on top of a usual rate of errors."""
    total = parts(signals).sum(axis=1) + _logit(np.float64(base))
    return np.asarray(1.0 / (1.0 + np.exp(-total)), dtype=np.float64)


def reasons(margin: float, agreement: float, opinions: int, skill: float, new: float) -> list[str]:
    """What speaks against one label, in words, the weightiest first."""
    columns = [np.array([x], dtype=np.float64) for x in (margin, agreement, opinions, skill, new)]
    weight = parts(Signals(*columns))[0]
    against = round((1.0 - agreement) * opinions) if not math.isnan(agreement) else 0
    words = (
        f"the model prefers another label (margin {margin:+.2f})"
        if margin > 0
        else f"the model is not sure of it (margin {margin:+.2f})",
        f"{against} of {opinions} opinions differ",
        f"labelled at an accuracy of about {skill:.0%}",
        "unlike what was seen before",
    )
    shown = [i for i in np.argsort(-weight) if weight[i] > 0 or (i == 0 and margin > -0.5)]
    return [words[i] for i in shown]


def _logit(share: FloatArray | np.float64) -> FloatArray:
    return np.asarray(np.log(share / (1.0 - share)), dtype=np.float64)


# -- samples with known chances ----------------------------------------------------------------


def chances(
    risk: FloatArray, budget: float, uniform_share: float, count: int, roots: float
) -> FloatArray:
    """(n,) chance of each label to be drawn, at most 1, from its risk (n,), the `count` of all
    labels and the sum of the roots of their risks; these may be a part of them.

    A part of the budget is alike for all, so that no chance is zero and no weight is beyond
    bounds. The other goes by the root of the risk, which is the spread of an error of that
    chance: it makes the weighted estimate narrowest (Neyman 1934).
    """
    if not 0.0 < uniform_share <= 1.0:
        raise ValueError(f"uniform_share is {uniform_share}; it must be above 0 and at most 1")
    alike = budget * uniform_share / max(1, count)
    by_risk = budget * (1.0 - uniform_share) / roots if roots > 0 else 0.0
    return np.minimum(1.0, alike + by_risk * np.sqrt(risk))


def sample(
    risk: FloatArray, budget: float, uniform_share: float, rng: np.random.Generator
) -> tuple[IntArray, FloatArray]:
    """(places drawn, their chances (k,)): every label has a coin of its own (Poisson sampling),
    so that about `budget` are drawn, never more than their number in the mean."""
    chance = chances(risk, budget, uniform_share, len(risk), float(np.sqrt(risk).sum()))
    drawn = np.nonzero(rng.random(len(risk)) < chance)[0]
    return drawn, chance[drawn]


@dataclass(frozen=True)
class Estimate:
    """An error rate as a sample shows it. `low` to `high` is asymptotic (prediction-powered),
    `plain` with its own interval does without the risk; `bound` holds at any sample size.
    `trust` is how far the risk is believed (PPI++'s lambda)."""

    rate: float
    low: float
    high: float
    plain: float
    plain_low: float
    plain_high: float
    bound: float
    trust: float
    drawn: int
    errors: int


def estimate(
    wrong: Sequence[bool] | NDArray[np.bool_],
    risk: FloatArray,
    chance: FloatArray,
    count: int,
    total: float,
    least: float,
    confidence: float = 0.95,
    missing: Sequence[float] = (),
) -> Estimate:
    """Error rate of `count` labels with the sum of risks `total`, of which those drawn are
    `wrong` or not, each with its risk and its chance of being drawn. No label had a chance
    below `least`.

    `missing` are the chances of those drawn that nobody has judged: they are left out of the
    estimate and count as wrong in the bound.
    """
    bad = np.asarray(wrong, dtype=np.float64)
    if not len(bad):
        raise ValueError("nothing was drawn yet, so there is nothing to estimate from")
    unsure = np.concatenate([bad, np.ones(len(missing))])
    known = np.concatenate([chance, np.asarray(missing, dtype=np.float64)])
    bound = upper_bound(unsure, known, count, least, 1.0 - confidence)
    trust = _trust(bad, risk, chance)
    errors = int(bad.sum())
    few = min(errors, len(bad) - errors) < LEAST_COUNT
    rate, half = _weighted(bad - trust * risk, chance, count, confidence)
    plain, plain_half = _weighted(bad, chance, count, confidence)
    rate = min(1.0, max(0.0, rate + trust * total / count))

    def interval(middle: float, wide: float) -> tuple[float, float]:
        low, high = max(0.0, middle - wide), min(1.0, middle + wide)
        return (0.0, max(bound, high)) if few else (low, high)

    ends = (*interval(rate, half), plain, *interval(plain, plain_half))
    return Estimate(rate, *ends, bound, trust, len(bad), errors)


def _weighted(
    loss: FloatArray, chance: FloatArray, count: int, confidence: float
) -> tuple[float, float]:
    """(weighted mean, half of its interval) under coins of these chances.

    Few labels may make most of the variance: Student's t with as many degrees as it says
    (Satterthwaite 1946) keeps what it covers.
    """
    weight = 1.0 / chance
    mean = float((loss * weight).sum() / weight.sum())
    shares = (1.0 - chance) * (weight * (loss - mean)) ** 2
    variance = float(shares.sum())
    if variance <= 0.0:
        return mean, 0.0
    degrees = max(1.0, variance**2 / float((shares**2).sum()))
    wide = float(student.ppf(0.5 + confidence / 2.0, degrees))
    return mean, wide * math.sqrt(variance) / count


def _trust(bad: FloatArray, risk: FloatArray, chance: FloatArray) -> float:
    """The share of the risk that makes the interval narrowest, 0 to 1."""
    weight = 1.0 / chance
    spread = (1.0 - chance) * weight**2
    a = bad - float((bad * weight).sum() / weight.sum())
    b = risk - float((risk * weight).sum() / weight.sum())
    power = float((spread * b * b).sum())
    return min(1.0, max(0.0, float((spread * a * b).sum()) / power)) if power > 0 else 0.0


def least_chance(budget: float, uniform_share: float, count: int) -> float:
    """No label's chance is below this one."""
    return min(1.0, budget * uniform_share / max(1, count))


def upper_bound(
    bad: FloatArray, chance: FloatArray, count: int, least: float, alpha: float
) -> float:
    """Upper bound of the error rate of `count` labels at confidence 1 - alpha, at any size.

    A bet against the claim "the rate is at least m": every label pays 1 + b (m - z), z being its
    error over its chance where it was drawn, else 0. The coins are independent and the bets are
    fixed beforehand, so that the expected wealth is a product of 1 + b (m - mean), at most
    (1 + b (m - rate))^count <= 1 by the means' inequality; wealth beyond 1/alpha refutes m
    (Markov; the bets are those of Waudby-Smith and Ramdas 2024). Bets are parts of the `least`
    chance of any label, so that none can lose more than it has.
    """
    limit, low, high = math.log(1.0 / alpha), 0.0, 1.0
    if not len(bad) or _wealth(1.0, bad, chance, count, least) < limit:
        return 1.0
    for _ in range(40):
        middle = (low + high) / 2.0
        refuted = _wealth(middle, bad, chance, count, least) >= limit
        low, high = (low, middle) if refuted else (middle, high)
    return high


def _wealth(rate: float, bad: FloatArray, chance: FloatArray, count: int, least: float) -> float:
    """Logarithm of the mean wealth of the bets against `rate`; it grows with the rate."""
    bets = np.array(BETS) * least
    rest = (count - len(bad)) * np.log1p(bets * rate)
    paid = 1.0 + bets[:, None] * (rate - (bad / chance)[None, :])
    with np.errstate(divide="ignore"):
        logs = np.log(np.maximum(paid, 0.0)).sum(axis=1) + rest
    return float(np.logaddexp.reduce(logs)) - math.log(len(bets))
