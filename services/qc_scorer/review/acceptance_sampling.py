"""Acceptance of a delivery: is the error rate of a lot at most what was promised?

A plan has two risks: that of the consumer, to accept a lot that is worse than promised (alpha),
and that of the producer, to see a lot rejected that is clearly better (beta at a better rate).
Without the second, the cheapest plan takes no error at all and rejects half of the good lots.

Fixed plans look once: n labels without replacement, at most c wrong (hypergeometric, exact).
Sequential plans look after every label: the bets of a mixture of better rates against "the lot is
worse than promised" are an e-process, whose wealth passes 1/alpha with probability at most alpha
however often one looks (Ville's inequality; Wald 1945; Waudby-Smith and Ramdas 2024); a mirrored
one protects the producer. A rejected lot that was reworked needs a new sample and its own part of
alpha.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom, hypergeom

from services.qc_scorer.gates import lot_proof

FloatArray = NDArray[np.float64]
# The better rates that are bet on, as parts of the promised one, and the worse ones as multiples
# of the producer's.
BETTER = (0.0, 0.1, 0.25, 0.5)
WORSE = (2.0, 4.0, 8.0, 16.0)
MOST_ERRORS = 400
CURVE = (0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
_TINY = 1e-9
_UNSEEN = 1e-12


class Verdict(enum.StrEnum):
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    CONTINUE = "CONTINUE"


class Unreachable(ValueError):
    """No plan keeps both risks; the message says why and what to change."""


@dataclass(frozen=True)
class Terms:
    """What a plan must keep: accept with probability at most `alpha` above `rate`, and with at
    least 1 - `beta` at `better`. `lot` is its number of labels, 0 for a stream without end."""

    rate: float
    alpha: float
    better: float
    beta: float
    lot: int = 0

    def __post_init__(self) -> None:
        if not 0.0 < self.rate < 1.0:
            raise Unreachable(f"the promised error rate is {self.rate}; give one between 0 and 1")
        if not 0.0 < self.alpha < 1.0 or not 0.0 < self.beta < 1.0:
            raise Unreachable("both risks must lie between 0 and 1")
        if not 0.0 <= self.better < self.rate:
            raise Unreachable(
                f"the better rate {self.better} must be below the promised {self.rate}: lots of"
                " the promised rate itself cannot be told from worse ones"
            )

    @property
    def worst(self) -> int:
        """Least number of wrong labels in a lot that breaks the promise."""
        return math.floor(self.rate * self.lot + _TINY) + 1


@dataclass(frozen=True)
class Plan:
    """Accept where at most `errors` of `size` labels are wrong; both risks as they really are."""

    size: int
    errors: int
    consumer_risk: float
    producer_risk: float


def accept_chance(size: int, errors: int, rate: float, lot: int = 0) -> float:
    """Chance that at most `errors` of `size` are wrong at this rate; of a lot, at its
    number of wrong labels rounded down."""
    if not lot:
        return float(binom.cdf(errors, size, rate))
    return float(hypergeom.cdf(errors, lot, math.floor(rate * lot + _TINY), size))


def least_size(terms: Terms, errors: int) -> int:
    """Smallest sample that may contain `errors` wrong labels; 0 where even all are too few."""

    def false_accept(size: int) -> float:
        if not terms.lot:
            return float(binom.cdf(errors, size, terms.rate))
        return float(hypergeom.cdf(errors, terms.lot, terms.worst, size))

    high = terms.lot or 1
    while not terms.lot and false_accept(high) > terms.alpha:
        high *= 2
    if false_accept(high) > terms.alpha:
        return 0
    low = errors
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if false_accept(middle) <= terms.alpha else (middle, high)
    return high


def fixed_plan(terms: Terms) -> Plan:
    """The smallest sample that keeps both risks; `Unreachable` where there is none."""
    for errors in range(MOST_ERRORS):
        size = least_size(terms, errors)
        if not size:
            break
        good = accept_chance(size, errors, terms.better, terms.lot)
        if good >= 1.0 - terms.beta:
            return _plan(terms, size, errors, good)
    raise Unreachable(
        f"no sample keeps both risks: {terms.better:.4g} is too near the promised"
        f" {terms.rate:.4g}; name a better rate, larger risks or a larger lot"
    )


def _plan(terms: Terms, size: int, errors: int, good: float) -> Plan:
    if terms.lot:
        bad = float(hypergeom.cdf(errors, terms.lot, terms.worst, size))
    else:
        bad = float(binom.cdf(errors, size, terms.rate))
    return Plan(size, errors, bad, 1.0 - good)


def curve(plan: Plan, terms: Terms) -> list[tuple[float, float]]:
    """Operating characteristic: (error rate, chance to accept)."""
    points = [min(1.0, part * terms.rate) for part in CURVE]
    return [(rate, accept_chance(plan.size, plan.errors, rate, terms.lot)) for rate in points]


def attempt_alpha(alpha: float, attempt: int) -> float:
    """Consumer risk of the 1st, 2nd, ... attempt at one delivery; sums to `alpha` over any
    number of reworks."""
    if attempt < 1:
        raise ValueError(f"attempt {attempt}: attempts count from 1")
    return lot_proof.lot_alpha(alpha, attempt)


class Sequential:
    """A sequential plan at work: tell it each outcome in a random order of the lot."""

    def __init__(self, terms: Terms, most: int = 0) -> None:
        """`most` labels at most (0: all of the lot); what is not accepted by then is rejected."""
        self._terms, self._most = terms, most or terms.lot
        self._accepting = np.zeros(len(BETTER))
        self._rejecting = np.zeros(len(_worse(terms)))
        self.seen = self.errors = 0
        self.verdict = Verdict.CONTINUE

    def tell(self, wrong: bool) -> Verdict:
        """The verdict after one more outcome; once it is given, it stands."""
        if self.verdict is not Verdict.CONTINUE:
            return self.verdict
        bad, good = self._left(self._terms.rate, 1), self._left(self._terms.better, 0)
        if bad < 1.0:
            self._accepting += _steps(bad, np.array(BETTER) * bad, wrong)
        if 0.0 < good < 1.0:
            self._rejecting += _steps(good, _worse(self._terms, good), wrong)
        self.seen, self.errors = self.seen + 1, self.errors + wrong
        self.verdict = self._decide(wrong and good <= 0.0)
        return self.verdict

    def _left(self, rate: float, more: int) -> float:
        """Least (or largest) share of wrong labels among those not seen yet under a claim."""
        lot = self._terms.lot
        if not lot:
            return rate
        wrong = math.floor(rate * lot + _TINY) + more - self.errors
        return min(1.0, max(0.0, wrong / max(1, lot - self.seen)))

    def _decide(self, impossible: bool) -> Verdict:
        terms = self._terms
        broken = terms.lot and self.errors >= terms.worst
        if broken or impossible or _mean_log(self._rejecting) >= -math.log(terms.beta):
            return Verdict.REJECT
        if _mean_log(self._accepting) >= -math.log(terms.alpha):
            return Verdict.ACCEPT
        return Verdict.REJECT if self._most and self.seen >= self._most else Verdict.CONTINUE


def _steps(claim: float, bets: FloatArray, wrong: bool) -> FloatArray:
    """Log of what each bet on another rate pays against the claimed one."""
    if wrong and claim <= 0.0:
        return np.full(len(bets), -np.inf)
    with np.errstate(divide="ignore"):
        paid = bets / claim if wrong else (1.0 - bets) / (1.0 - claim)
        return np.asarray(np.log(paid), dtype=np.float64)


def _worse(terms: Terms, good: float = -1.0) -> FloatArray:
    """Rates above the producer's that are bet on."""
    start = terms.better if good < 0 else good
    start = start or terms.rate / 16.0
    return np.minimum(0.99, np.array(WORSE) * start)


def _mean_log(logs: Sequence[float] | FloatArray) -> float:
    with np.errstate(divide="ignore"):
        return float(np.logaddexp.reduce(logs)) - math.log(len(logs))


@dataclass(frozen=True)
class Course:
    """How a sequential plan goes at one error rate: chance to accept, to reject before the
    end, mean number of labels, and that of the accepted."""

    accept: float
    reject: float
    mean: float
    mean_accepted: float


def course(terms: Terms, rate: float, most: int) -> Course:
    """The sequential plan at a true `rate` of a stream, exactly, by the distribution of errors
    after each label; `most` labels at most."""
    seen = np.arange(1, most + 1)
    takes, drops = _accept_line(terms, seen), _reject_line(terms, seen)
    # Beyond this many errors lies less than any figure here can show.
    alive = np.zeros(int(min(drops.max(), binom.isf(_UNSEEN, most, rate))) + 2)
    alive[0] = 1.0
    accept = reject = weighted = ended = 0.0
    for t, take, drop in zip(seen.tolist(), takes.tolist(), drops.tolist(), strict=True):
        alive[1:] = alive[1:] * (1.0 - rate) + alive[:-1] * rate
        alive[0] *= 1.0 - rate
        bad, alive[drop:] = float(alive[drop:].sum()), 0.0
        good = float(alive[: take + 1].sum())
        alive[: take + 1] = 0.0
        accept, reject = accept + good, reject + bad
        weighted, ended = weighted + t * good, ended + t * (good + bad)
    left = max(0.0, 1.0 - accept - reject)
    return Course(accept, reject, ended + most * left, weighted / accept if accept else math.nan)


def _accept_line(terms: Terms, seen: NDArray[np.int64]) -> NDArray[np.int64]:
    """(t,) most errors to accept with after each number of labels; -1 for none."""
    keep = np.log((1.0 - np.array(BETTER) * terms.rate) / (1.0 - terms.rate))
    with np.errstate(divide="ignore"):
        cost = np.log(np.array(BETTER)) - keep

    def passes(errors: NDArray[np.int64]) -> NDArray[np.bool_]:
        with np.errstate(invalid="ignore"):
            lost = np.where(errors[:, None] == 0, 0.0, errors[:, None] * cost)
        logs = seen[:, None] * keep + lost
        return np.asarray(
            np.logaddexp.reduce(logs, axis=1) - math.log(len(BETTER)) >= -math.log(terms.alpha)
        )

    line = np.full(len(seen), -1, dtype=np.int64)
    for errors in range(len(seen)):
        fits = passes(np.full(len(seen), errors))
        if not fits.any():
            break
        line[fits] = errors
    return line


def _reject_line(terms: Terms, seen: NDArray[np.int64]) -> NDArray[np.int64]:
    """(t,) least errors to reject with; one more than were seen where there are none.

    With a producer's rate of zero the first error would reject: nothing is then refuted before
    the end, except by the end itself.
    """
    if not terms.better:
        return seen + 1
    claim, bets = terms.better, _worse(terms)
    keep, gain = np.log((1.0 - bets) / (1.0 - claim)), np.log(bets / claim)
    line, errors = np.empty(len(seen), dtype=np.int64), 0
    for i, t in enumerate(seen.tolist()):
        while errors <= t and _mean_log(errors * gain + (t - errors) * keep) < -math.log(
            terms.beta
        ):
            errors += 1
        line[i] = errors
    return line
