"""Several rules of what is uncertain, one of them chosen, at a price that is paid.

A proof holds for whatever order of a lot was fixed before its coins fell. So which order is best
may be learnt, as long as it is learnt from labels of other items: a pilot that chance chose,
labelled by people, is used up for the choice and is no part of the lot. That is the whole price;
no risk is spent, however many rules are tried. (Learning what a model's errors look like is the
idea of Vishwakarma et al. 2024, "Pearls from pebbles"; here it only orders, and proves nothing.)

Every rule is a ridge logistic regression of "the draft is wrong" on what is known of a draft:
its uncertainty, its class, and whatever facts of the item the caller has.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtri
from scipy.stats import rankdata

from services.qc_scorer.gates import lot_proof

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
PLAIN = "confidence"
FOLDS = 5
# The uncertainty's own slope is hardly held back; what is fitted beside it must earn its place.
_SLOPE_RIDGE, _FACT_RIDGE = 0.05, 2.0
# Rarer values of a fact teach a pilot nothing.
LEAST_SHARE = 0.01
_STEPS = 25


@dataclass(frozen=True)
class Chosen:
    """`wrong` (n,) is the chance of each draft to be wrong under rule `name`; `gain` the
    log-likelihood per pilot item, out of fold, over the plain rule."""

    name: str
    wrong: Floats
    gain: float


def designs(
    uncertainty: Floats, classes: Ints, facts: Mapping[str, Ints] | None = None
) -> dict[str, Floats]:
    """The candidate rules' inputs (n, d): uncertainty alone, with the draft's class, and with
    categorical `facts` of the items. The first column of each is the uncertainty's normal score,
    so that only its order counts and not its scale."""
    plain = ndtri((rankdata(uncertainty) - 0.5) / len(uncertainty))[:, None]
    by_class = np.hstack([plain, _dummies(classes)])
    found = {PLAIN: plain, "class": by_class}
    if facts:
        found["facts"] = np.hstack([by_class, *(_dummies(fact) for fact in facts.values())])
    return found


def _dummies(values: Ints) -> Floats:
    """One column for each value that is common enough for a pilot to see it."""
    kinds, counts = np.unique(values, return_counts=True)
    kept = kinds[counts >= LEAST_SHARE * len(values)]
    return (values[:, None] == kept[None, :]).astype(np.float64)


def choose(candidates: Mapping[str, Floats], pilot: Ints, wrong: Bools) -> Chosen:
    """The rule that foretells the pilot's errors best out of fold; `pilot` (m,) are positions,
    `wrong` (m,) what people said of their drafts.

    The ridge keeps a small pilot from being believed too much. The pilot must not be part of
    what is proven afterwards.
    """
    if len(pilot) != len(wrong):
        raise ValueError(f"{len(pilot)} pilot items but {len(wrong)} outcomes")
    plain = candidates[PLAIN]
    best, most = PLAIN, 0.0
    before = _out_of_fold(plain[pilot], wrong)
    for name, design in candidates.items():
        gain = float((_out_of_fold(design[pilot], wrong) - before).mean())
        if gain > most:
            best, most = name, gain
    weights = _fit(candidates[best][pilot], wrong)
    return Chosen(best, _chance(candidates[best], weights), most)


def _out_of_fold(design: Floats, wrong: Bools) -> Floats:
    """Log-likelihood (m,) of each outcome under a fit that has not seen it. Folds go by place:
    a pilot is in random order."""
    logs = np.zeros(len(wrong))
    fold = np.arange(len(wrong)) % FOLDS
    for number in range(FOLDS):
        held = fold == number
        chance = _chance(design[held], _fit(design[~held], wrong[~held]))
        logs[held] = np.log(np.where(wrong[held], chance, 1.0 - chance))
    return logs


def _chance(design: Floats, weights: Floats) -> Floats:
    found = expit(weights[0] + design @ weights[1:])
    return np.asarray(np.clip(found, 1e-6, 1.0 - 1e-6))


def _fit(design: Floats, wrong: Bools) -> Floats:
    """(1 + d,) intercept and weights by Newton's steps. One pseudo-error and one pseudo-hit at
    the intercept keep an all-right pilot finite."""
    x = np.hstack([np.ones((len(design), 1)), design])
    ridge = np.full(x.shape[1], _FACT_RIDGE)
    ridge[:2] = 0.0, _SLOPE_RIDGE
    x = np.vstack([x, np.eye(1, x.shape[1]), np.eye(1, x.shape[1])])
    y = np.concatenate([wrong.astype(np.float64), [0.0, 1.0]])
    weights = np.zeros(x.shape[1])
    for _ in range(_STEPS):
        chance = expit(x @ weights)
        slope = x.T @ (y - chance) - ridge * weights
        bend = (x * (chance * (1.0 - chance) + 1e-9)[:, None]).T @ x + np.diag(ridge + 1e-9)
        step = np.linalg.solve(bend, slope)
        weights = weights + step / max(1.0, float(np.abs(step).max()))
        if float(np.abs(step).max()) < 1e-6:
            break
    return weights


def plan(
    chosen: Floats, target: float, size: int, alpha: float, *, spent: int = 0
) -> lot_proof.Plan:
    """The cheapest way to prove a lot whose items are wrong with the chances `chosen` (n,), as a
    pilot calibrated them: planned for the mean, without the caution a model's own word needs."""
    counts = np.arange(len(chosen) + 1)
    curve = lot_proof.Curve(counts, np.concatenate([[0.0], np.cumsum(np.sort(chosen))]))
    return lot_proof.plan(curve, target, size, alpha, spent=spent, factors=(1.0,))
