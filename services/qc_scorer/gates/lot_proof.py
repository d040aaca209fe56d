"""The gate: which predictions of a frozen lot may go out without a person, and what that proves.

A lot is everything that waits when its predictions are frozen. After the freeze each item gets a
coin of its own; those drawn are labelled blind to the draft, surest first. Draws whose draft
turns out wrong are corrected, and this credit is what makes the rule exact (the
problem is that of Candes, Ilyas and Zrnic 2025, "Probably approximately correct labels"):

Order the lot's true errors by uncertainty. With the threshold at the (k+1)-th detected error,
`forbidden` or more undetected errors lie below it only if among the first `forbidden + k` errors
(a fixed set: coins come after the freeze) at most k were detected, and that count is binomial.
No assumption on model or data, no union over thresholds, and looking after every answer is free.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.special import gammaincc
from scipy.stats import binom, hypergeom

# Of a project's risk the first lot may spend this part; the others share the rest.
FIRST_PART = 0.8
_TINY = 1e-9
_STEPS = 400


@dataclass(frozen=True)
class Draw:
    """One item drawn for the proof: its place in the order (uncertainty, tie) and what its
    blind label said of the draft; `wrong` is None until it is settled."""

    uncertainty: float
    tie_breaker: float
    wrong: bool | None


@dataclass(frozen=True)
class Proof:
    """What the draws have shown so far. Items strictly below (`uncertainty`, `tie_breaker`) pass
    once `done`; `errors` detected below it, and at most `bound` undetected ones remain."""

    done: bool
    uncertainty: float
    tie_breaker: float
    settled: int
    errors: int
    bound: int


def forbidden_errors(target: float, size: int, spent: int = 0) -> int:
    """First number of undetected errors that would break `target` (a fraction of `size` items),
    after `spent` were granted to earlier lots; at least 0. Zero means: nothing to grant."""
    return max(0, math.floor(target * size + _TINY) - spent + 1)


@lru_cache(maxsize=100_000)
def most_detected(rate: float, forbidden: int, alpha: float) -> int:
    """Most detected errors to go on with: max k with P(Bin(forbidden + k, rate) <= k) <= alpha;
    -1 where even none detected proves nothing.

    `rate` is the chance that an error is drawn *and* its blind label says so: the audit share
    times one minus the chance that a person repeats the model's error.
    """
    if forbidden <= 0 or not 0 < rate <= 1 or binom.cdf(0, forbidden, rate) > alpha:
        return -1
    low, high = 0, 1
    while binom.cdf(high, forbidden + high, rate) <= alpha:
        low, high = high, high * 2
        if high > 10**7:
            return low
    return _last(lambda k: bool(binom.cdf(k, forbidden + k, rate) <= alpha), low, high)


@lru_cache(maxsize=10_000)
def most_detected_of(sample: int, lot: int, forbidden: int, alpha: float) -> int:
    """As `most_detected` for a simple random sample of fixed size (negative hypergeometric).
    Raises `ValueError` for a sample larger than its lot."""
    if sample > lot:
        raise ValueError(f"{sample} drawn of a lot of {lot}; a sample is at most the whole lot")
    if forbidden <= 0 or forbidden > lot or hypergeom.cdf(0, lot, forbidden, sample) > alpha:
        return -1
    best = 0
    for k in range(1, min(sample, lot - forbidden) + 1):
        if hypergeom.cdf(k, lot, forbidden + k, sample) > alpha:
            break
        best = k
    return best


def _last(passes: object, low: int, high: int) -> int:
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if passes(middle) else (low, middle)  # type: ignore[operator]
    return low


def undetected_bound(rate: float, detected: int, alpha: float, most: int) -> int:
    """Largest number of undetected errors (up to `most`) that `detected` ones do not refute, for
    a lot that passed whole: max e with P(Bin(e + detected, rate) <= detected) > alpha."""
    if binom.cdf(detected, most + detected, rate) > alpha:
        return most
    fits = lambda e: bool(binom.cdf(detected, e + detected, rate) > alpha)  # noqa: E731
    return _last(fits, 0, most) if fits(0) else 0


def prove(
    draws: Iterable[Draw], rate: float, forbidden: int, alpha: float, *, lot: int = 0
) -> Proof:
    """The proof as far as the draws are settled, surest first.

    With `lot`, the draws are a simple random sample of that many items instead of coins of `rate`.

    It is done when one more than `most_detected` errors were found among the settled head of the
    order, or every draw is settled. A draw that is not settled stops the count: what settles
    late is not passed over.
    """
    uncertainty, tie, outcome = _in_order(draws)
    most = (
        most_detected_of(len(outcome), lot, forbidden, alpha)
        if lot
        else most_detected(rate, forbidden, alpha)
    )
    if most < 0:
        return Proof(True, -math.inf, 0.0, 0, 0, 0)
    open_ = np.flatnonzero(outcome < 0)
    head = int(open_[0]) if open_.size else len(outcome)
    found = np.flatnonzero(outcome[:head] == 1)
    if found.size > most:
        at = int(found[most])
        return Proof(True, float(uncertainty[at]), float(tie[at]), at + 1, most, forbidden - 1)
    if open_.size:
        return Proof(False, -math.inf, 0.0, head, found.size, forbidden - 1)
    most_left = forbidden - 1
    bound = most_left if lot else undetected_bound(rate, found.size, alpha, most_left)
    return Proof(True, math.inf, 1.0, head, found.size, bound)


def _in_order(draws: Iterable[Draw]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(uncertainty, tie, outcome) surest first; outcome is 1 wrong, 0 right, -1 not settled."""
    draws = list(draws)
    uncertainty = np.fromiter((d.uncertainty for d in draws), np.float64, len(draws))
    tie = np.fromiter((d.tie_breaker for d in draws), np.float64, len(draws))
    outcome = np.fromiter((-1 if d.wrong is None else d.wrong for d in draws), np.int8, len(draws))
    order = np.lexsort((tie, uncertainty))
    return uncertainty[order], tie[order], outcome[order]


def lot_alpha(alpha: float, number: int) -> float:
    """Risk that lot 1, 2, ... of a project may spend; sums to `alpha` over any number of lots
    and model versions, so that looking again is always paid for."""
    if number <= 1:
        return FIRST_PART * alpha
    return (1.0 - FIRST_PART) * alpha * 6.0 / (math.pi**2 * (number - 1) ** 2)


def subset_threshold(
    wrong: Sequence[bool | None],
    sizes: Sequence[int],
    draws: Sequence[int],
    floor: float,
    alpha: float,
) -> int:
    """How many of the surest items of a class (or customer slice) pass with an error of at most
    `floor` *within what passes*: the guarantee per subset.

    A grid of accepted counts `sizes`, ascending and fixed beforehand, each with the number of
    draws in it; `wrong` are the settled draws, surest first. Fixed-sequence testing with the
    hypergeometric tail; stops at the first size that is not rejected or not settled.
    """
    best = 0
    for size, drawn in zip(sizes, draws, strict=True):
        head = wrong[:drawn]
        if None in head:
            break
        least = math.floor(floor * size + _TINY) + 1
        if least > size or hypergeom.cdf(sum(map(bool, head)), size, least, drawn) > alpha:
            break
        best = size
    return best


@dataclass(frozen=True)
class Curve:
    """What a model thinks of the waiting lot, surest first: after `counts[i]` items
    `errors[i]` errors are expected. Starts at (0, 0)."""

    counts: np.ndarray
    errors: np.ndarray


@dataclass(frozen=True)
class Plan:
    """A way to finish: audit `rate`, items expected to pass, and human labels still needed."""

    rate: float
    passing: int
    audited: int
    human: int


# A plan is made for the mean over a forecast that is right and ones that are off by a factor.
# Planning only: no proof leans on it.
FACTORS = (0.7, 1.0, 1.5)
RATES = tuple(float(r) for r in np.geomspace(0.002, 0.6, 100))


def plan(
    curve: Curve,
    target: float,
    size: int,
    alpha: float,
    *,
    spent: int = 0,
    miss: float = 0.0,
    factors: Sequence[float] = FACTORS,
) -> Plan:
    """The cheapest audit rate for a lot of which `curve` speaks, in a project of `size` items.

    An item passes while at most so many errors are detected above it as the proof allows; that
    count is about Poisson, so that the labels a rate costs can be expected exactly, early ends of
    the proof and all. A curve that a random pilot calibrated needs no `factors` but 1.
    """
    lot = int(curve.counts[-1])
    steps, errors = _steps(curve)
    forbidden = forbidden_errors(target, size, spent)
    best = Plan(0.0, 0, 0, lot)
    for rate in RATES:
        most = most_detected(rate * (1.0 - miss), forbidden, alpha)
        if most < 0:
            continue
        passes = [gammaincc(most + 1.0, rate * factor * errors) for factor in factors]
        passing = round(float(steps @ np.mean(passes, axis=0)))
        audited = math.ceil(rate * passing)
        human = lot - passing + audited
        if human < best.human:
            best = Plan(rate, passing, audited, human)
    return best


def _steps(curve: Curve) -> tuple[np.ndarray, np.ndarray]:
    """(items of each step, errors expected up to its end) in a few hundred steps."""
    last = len(curve.counts) - 1
    at = np.unique(np.linspace(0, last, min(last, _STEPS) + 1).astype(np.int64))
    return np.diff(curve.counts[at]), curve.errors[at[1:]]


def prices(
    curve: Curve,
    targets: Sequence[float],
    size: int,
    alpha: float,
    *,
    spent: int = 0,
    miss: float = 0.0,
) -> list[Plan]:
    """The price of each promise: what the next tenth of a percent costs."""
    return [plan(curve, target, size, alpha, spent=spent, miss=miss) for target in targets]
