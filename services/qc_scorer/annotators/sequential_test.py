"""Is an annotator good enough? A test on gold answers with stated risks, and what else is seen.

The test is Page's cumulative sum (Biometrika 1954) of Wald's log-likelihood ratio of `bad`
against `good`: it starts anew whenever it falls to zero, so who turns bad late is caught as fast
as who starts bad. Its limit and its speed come from the exact distribution, not from
simulation. Gold that good annotators fail is itself suspected and not counted. What seconds,
drafts and answers show beside that is evidence for a reviewer (`signals`), never a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

CONTINUE, STOP = "CONTINUE", "STOP"
# Gold of a career of 500 tasks at 10 % (50 expected, above 64 in 2 % of careers).
CAREER = 64
NEAR = 1e-9
MIN_GOOD = 3


@dataclass(frozen=True)
class Plan:
    """A test of `bad` against `good` accuracy. `alpha`: risk that one of accuracy `good` is
    stopped within a career of `horizon` gold answers, at most `allowed_alpha`. `power`: chance
    that one of accuracy `bad` is. `expected` and `within_95`: gold answers until that happens,
    mean and 95th percentile; a new career starts where one ends."""

    good: float
    bad: float
    allowed_alpha: float
    horizon: int
    limit: float
    alpha: float
    power: float
    expected: float
    within_95: int


@dataclass(frozen=True)
class Verdict:
    """CONTINUE or STOP, and why, in words for the annotator. `evidence` in nats."""

    state: str
    reason: str
    evidence: float
    limit: float
    golds: int
    wrong: int


def _steps(good: float, bad: float) -> tuple[float, float]:
    """What a wrong answer adds and a right one takes, in nats."""
    if not 0.0 < bad < good < 1.0:
        raise ValueError("0 < bad < good < 1 is needed")
    return math.log((1 - bad) / (1 - good)), math.log(good / bad)


def stop_times(good: float, bad: float, limit: float, accuracy: float, horizon: int) -> FloatArray:
    """(career,) exact probability of stopping at gold answer 1, 2, ... at this accuracy.

    State: how many wrong and right answers since the sum last was zero.
    """
    up, down = _steps(good, bad)
    count = np.arange(horizon + 1)
    value = count[:, None] * up - count[None, :] * down
    stopped, back = value >= limit - NEAR, value <= NEAR
    mass, found = np.zeros_like(value), np.zeros(horizon)
    mass[0, 0] = 1.0
    for step in range(horizon):
        after = np.zeros_like(mass)
        after[1:] += mass[:-1] * (1 - accuracy)
        after[:, 1:] += mass[:, :-1] * accuracy
        found[step] = after[stopped].sum()
        at_zero = after[back].sum()
        after[stopped | back] = 0.0
        after[0, 0] = at_zero
        mass = after
    return found


@lru_cache(maxsize=64)
def plan(
    good: float = 0.90,
    bad: float = 0.70,
    alpha: float = 0.05,
    horizon: int = CAREER,
) -> Plan:
    """The lowest limit that stops an annotator of accuracy `good` in at most `alpha` of careers.

    Raises ValueError where the accuracies or risks make no sense.
    """
    if not (0.0 < alpha < 1.0 and horizon > 0):
        raise ValueError("a risk within (0, 1) and a career of at least one answer are needed")
    limit = _lowest_limit(good, bad, alpha, horizon)
    false_alarm = float(stop_times(good, bad, limit, good, horizon).sum())
    caught = stop_times(good, bad, limit, bad, horizon)
    power = float(caught.sum())
    missed = max(0.0, 1.0 - power)
    mean = float(np.arange(1, horizon + 1) @ caught) + missed * horizon
    expected = mean / power if power > 0 else math.inf
    within = _percentile(caught, 0.95)
    return Plan(good, bad, alpha, horizon, limit, false_alarm, power, expected, within)


def _lowest_limit(good: float, bad: float, alpha: float, horizon: int) -> float:
    """Bisection over the values that the sum can take."""
    up, down = _steps(good, bad)
    count = np.arange(horizon + 1)
    value = (count[:, None] * up - count[None, :] * down)[np.add.outer(count, count) <= horizon]
    values = np.unique(value[value > NEAR].round(9))
    low, high = 0, len(values)
    while low < high:
        middle = (low + high) // 2
        if stop_times(good, bad, values[middle], good, horizon).sum() <= alpha:
            high = middle
        else:
            low = middle + 1
    return float(values[low]) if low < len(values) else float(values[-1] + up)


def _percentile(caught: FloatArray, share: float) -> int:
    """First count by which `share` is caught, career after career."""
    power, horizon = float(caught.sum()), len(caught)
    if power <= 0:
        raise ValueError("no career is long enough to catch anyone")
    missed = max(0.0, 1.0 - power)
    whole = math.floor(math.log(1 - share) / math.log(missed)) if missed > 0 else 0
    left = (1 - missed**-whole * (1 - share)) if whole else share
    reached = np.cumsum(caught) >= left - 1e-12
    return whole * horizon + (int(np.argmax(reached)) + 1 if reached.any() else horizon)


def judge(right: Sequence[bool], test: Plan) -> Verdict:
    """The verdict on gold answers in the order given; suspected gold is left out beforehand."""
    up, down = _steps(test.good, test.bad)
    total, highest = 0.0, 0.0
    for count, fine in enumerate(right):
        total = 0.0 if count % test.horizon == 0 else total
        total = max(0.0, total + (-down if fine else up))
        highest = max(highest, total)
        if total >= test.limit - NEAR:
            return _stopped(right[: count + 1], total, test)
    wrong = len(right) - sum(right)
    words = f"{len(right)} of your answers were checked, {wrong} were wrong; that is within limits"
    return Verdict(CONTINUE, words, total, test.limit, len(right), wrong)


def _stopped(right: Sequence[bool], total: float, test: Plan) -> Verdict:
    """Stopped at the last of these answers; the words count since the sum last was zero."""
    start = _since_zero(right, test)
    seen = right[start:]
    wrong = len(seen) - sum(seen)
    words = (
        f"{wrong} of your last {len(seen)} checked answers were wrong; at least"
        f" {test.good:.0%} right is asked for. Someone who meets that is paused by mistake in at"
        f" most {test.allowed_alpha:.0%} of cases. Please see the guide; a reviewer will look at it"
    )
    return Verdict(STOP, words, total, test.limit, len(right), len(right) - sum(right))


def _since_zero(right: Sequence[bool], test: Plan) -> int:
    up, down = _steps(test.good, test.bad)
    total, start = 0.0, 0
    for count, fine in enumerate(right):
        total = 0.0 if count % test.horizon == 0 else total
        start = count if total == 0.0 else start
        total = max(0.0, total + (-down if fine else up))
    return start


def suspect_gold(
    item: IntArray, annotator: IntArray, right: BoolArray, level: float = 0.05
) -> list[int]:
    """Gold items that most good annotators fail: the gold is likely wrong, an expert looks.

    Three arrays (N,), one row an answer. An item is suspected when the better half of those
    who answered it mostly fail and so many failures would be chance with a probability that
    Holm's rule at `level` calls small (Poisson-binomial tail of each annotator's error rate
    elsewhere). Rates are then taken again without the suspects, until no more are found.
    """
    found: set[int] = set()
    while True:
        use = ~np.isin(item, sorted(found))
        # Only what somebody failed can be suspected; the others count for Holm's rule.
        items, failed = np.unique(item[use]), set(item[use & ~right].tolist())
        p = np.array(
            [
                _gold_chance(i, item, annotator, right, use) if i in failed else 1.0
                for i in items.tolist()
            ]
        )
        fresh = {int(i) for i in items[holm(p, level)]}
        if not fresh:
            return sorted(found)
        found |= fresh


def _gold_chance(
    i: int, item: IntArray, annotator: IntArray, right: BoolArray, use: BoolArray
) -> float:
    """Chance of so many failures of item i; 1 where it is not most of the good annotators."""
    here, elsewhere = item == i, use & (item != i)
    size = int(annotator.max()) + 1
    failures = np.bincount(annotator[elsewhere & ~right], minlength=size)
    answers = np.bincount(annotator[elsewhere], minlength=size)
    error = ((failures + 1) / (answers + 2))[annotator[here]]
    good = error <= np.median(error) + NEAR
    failed = int(np.sum(~right[here][good]))
    if good.sum() < MIN_GOOD or 2 * failed <= good.sum():
        return 1.0
    return at_least(failed, error[good])


def at_least(count: int, chance: FloatArray) -> float:
    """P(at least `count` successes) of independent trials of these chances (n,)."""
    mass = np.ones(1)
    for p in np.asarray(chance, dtype=float).tolist():
        mass = np.convolve(mass, [1 - p, p])
    return float(min(1.0, mass[count:].sum()))


def holm(p: FloatArray, level: float) -> BoolArray:
    """(n,) which hypotheses fall, family-wise error at most `level` (Holm 1979)."""
    order = np.argsort(p, kind="stable")
    small = np.asarray(p)[order] <= level / (len(p) - np.arange(len(p)))
    falls = np.zeros(len(p), dtype=bool)
    falls[order] = np.cumprod(small).astype(bool)
    return falls


@dataclass(frozen=True)
class Skill:
    """Accuracy with its interval, each (K,) per class of the truth."""

    mean: FloatArray
    lower: FloatArray
    upper: FloatArray
    golds: IntArray


def skill(truth: IntArray, answer: IntArray, classes: int, share: float = 0.95) -> Skill:
    """Skill per true class from gold answers (n,) each: Beta(1 + right, 1 + wrong)."""
    golds = np.bincount(truth, minlength=classes)
    right = np.bincount(truth[truth == answer], minlength=classes)
    a, b, tail = 1.0 + right, 1.0 + golds - right, (1 - share) / 2
    lower, upper = stats.beta.ppf(tail, a, b), stats.beta.ppf(1 - tail, a, b)
    return Skill(a / (a + b), lower, upper, golds)


@dataclass(frozen=True)
class Share:
    """A share or a difference of shares with its interval."""

    value: float
    lower: float
    upper: float


def share(count: int, size: int, level: float = 0.95) -> Share:
    """Wilson's interval (JASA 1927) of a share; of nothing: anything is possible."""
    if size == 0:
        return Share(math.nan, 0.0, 1.0)
    found = stats.binomtest(count, size).proportion_ci(level, method="wilson")
    return Share(count / size, float(found.low), float(found.high))


def anchoring(shown: tuple[int, int], blind: tuple[int, int], level: float = 0.95) -> Share:
    """How much more often answers agree with the draft where it was shown: two (agreeing, all).

    Causal only where a coin decided who sees the draft. Interval: Newcombe (1998), method 10.
    """
    a, b = share(*shown, level), share(*blind, level)
    value = a.value - b.value
    low = math.hypot((0 if math.isnan(a.value) else a.value) - a.lower, b.upper - b.value)
    high = math.hypot(a.upper - a.value, b.value - b.lower)
    if math.isnan(value):
        return Share(math.nan, -1.0, 1.0)
    return Share(value, max(-1.0, value - low), min(1.0, value + high))
