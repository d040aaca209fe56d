"""What seconds, drafts and answers show about an annotator: evidence for a reviewer, no verdict.

Each function gives a `Signal` whose p is the chance of seeing as much where nothing is wrong;
`standing` keeps the family-wise false-alarm rate of all signals of a project (Holm 1979).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from services.qc_scorer.annotators.sequential_test import at_least, holm

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]

FAST, COPIES, BIAS, SHARED = "too fast", "copies the draft", "answer bias", "shared errors"
# Twice as fast as one's own habit is still nothing odd.
FASTER = 2.0
# An honest annotator may let so many wrong drafts pass.
TOLERATED_MISS = 0.2
# Berger and Boos (JASA 1994): risk spent on the rate of wrong drafts, which is itself estimated.
NUISANCE_RISK = 1e-4
# Shares of classes may differ by so much in total for no reason (other items, other skill).
TOLERATED_BIAS = 0.05
LEAST_CELL = 5.0
MIN_PEOPLE = 8
BASE_WEIGHT = 20.0
MIN_PAIR_ERRORS = 3


@dataclass(frozen=True)
class Signal:
    """Something odd: `p` is the chance of as much where nothing is wrong. Never a verdict."""

    kind: str
    p: float
    words: str


def standing(signals: Mapping[str, Signal], level: float = 0.01) -> dict[str, Signal]:
    """Those that stand when all of a project's are looked at together (Holm)."""
    names = list(signals)
    falls = holm(np.array([signals[n].p for n in names]), level)
    return {n: signals[n] for n, fell in zip(names, falls.tolist(), strict=True) if fell}


def too_fast(
    recent: Sequence[float], past: Sequence[float], medians_of_others: Sequence[float]
) -> Signal:
    """Seconds per task: `recent` against the annotator's own `past` and the medians of others.

    Own: rank-sum test of recent seconds, doubled, against the past. Project: robust z of the
    log median among the others' (median, MAD), t tail with the few degrees of freedom that a
    MAD is worth. The smaller of both, doubled (Bonferroni). Raises ValueError without `recent`.
    """
    if len(recent) == 0:
        raise ValueError("no seconds")
    p = min(1.0, 2.0 * min(_own_pace(recent, past), _others_pace(recent, medians_of_others)))
    words = f"median of {np.median(recent):.1f} s in the last {len(recent)} tasks"
    words += f"; own usual {np.median(past):.1f} s" if len(past) else ""
    words += f"; others {np.median(medians_of_others):.1f} s" if len(medians_of_others) else ""
    return Signal(FAST, p, words)


def _own_pace(recent: Sequence[float], past: Sequence[float]) -> float:
    if len(recent) < LEAST_CELL or len(past) < LEAST_CELL:
        return 1.0
    doubled = np.asarray(recent, dtype=float) * FASTER
    return float(stats.mannwhitneyu(doubled, past, alternative="less").pvalue)


def _others_pace(recent: Sequence[float], medians: Sequence[float]) -> float:
    if len(medians) < MIN_PEOPLE:
        return 1.0
    logs = np.log(np.maximum(np.asarray(medians, dtype=float), 1e-3))
    middle, n = float(np.median(logs)), len(logs)
    spread = 1.4826 * float(np.median(np.abs(logs - middle)))
    gap = math.log(max(float(np.median(recent)), 1e-3)) - middle
    if spread <= 0:
        return 1.0
    # The MAD has 37 % of the efficiency of the standard deviation, the median 64 %.
    z = gap / (spread * math.sqrt(1.0 + math.pi / (2 * n)))
    return float(stats.t.cdf(z, max(1.0, 0.37 * (n - 1))))


def copies_draft(
    confirmed: tuple[int, int], blind_wrong: tuple[int, int], planted: tuple[int, int] = (0, 0)
) -> Signal:
    """Does the annotator confirm wrong drafts? Each argument: (count, of how many).

    `confirmed` drafts in production against `blind_wrong`, drafts that blind answers proved
    wrong; `injected_error` wrong drafts that were confirmed. Exact binomial tails, tolerating that
    TOLERATED_MISS of wrong drafts pass; the rate of wrong drafts at its lower bound.
    """
    lower = _lower_bound(*blind_wrong, NUISANCE_RISK) * (1 - TOLERATED_MISS)
    corrected = confirmed[1] - confirmed[0]
    live = stats.binom.cdf(corrected, confirmed[1], lower) + NUISANCE_RISK
    trap = stats.binom.sf(planted[0] - 1, planted[1], TOLERATED_MISS) if planted[1] else 1.0
    words = (
        f"confirmed {confirmed[0]} of {confirmed[1]} drafts where blind answers differ from"
        f" {blind_wrong[0]} of {blind_wrong[1]}; {planted[0]} of {planted[1]} planted wrong drafts"
    )
    return Signal(COPIES, float(min(1.0, 2 * min(live, trap))), words)


def _lower_bound(count: int, size: int, alpha: float) -> float:
    """Clopper-Pearson."""
    return float(stats.beta.ppf(alpha, count, size - count + 1)) if count and size else 0.0


def answer_bias(mine: Sequence[int], others: Sequence[int], names: Sequence[str] = ()) -> Signal:
    """Answers per class (K,) of an annotator and of others on comparable items (drawn alike).

    G test of the 2 x K table (Woolf 1957) after the others' shares were moved towards the
    annotator's by TOLERATED_BIAS in total variation: people of other skill differ a little.
    Classes expected fewer than five times are pooled.
    """
    table = np.array([mine, others], dtype=float).reshape(2, -1)
    if table.sum(axis=1).min() == 0:
        return Signal(BIAS, 1.0, "too few answers to compare")
    shares = table / table.sum(axis=1, keepdims=True)
    odd = int(np.argmax(np.abs(shares[0] - shares[1])))
    what = names[odd] if names else f"class {odd}"
    words = f"{what}: {shares[0, odd]:.0%} of answers, others {shares[1, odd]:.0%}"
    distance = float(np.abs(shares[0] - shares[1]).sum()) / 2
    if distance <= TOLERATED_BIAS:
        return Signal(BIAS, 1.0, words)
    moved = shares[1] + (shares[0] - shares[1]) * TOLERATED_BIAS / distance
    return Signal(BIAS, _table_chance(table[0], moved * table[1].sum()), words)


def _table_chance(mine: FloatArray, others: FloatArray) -> float:
    table = np.array([mine, others])
    expected = table.sum(axis=0) * table.sum(axis=1).min() / table.sum()
    rare = expected < LEAST_CELL
    pooled = np.column_stack([table[:, ~rare], table[:, rare].sum(axis=1)])
    pooled = pooled[:, pooled.sum(axis=0) > 0]
    if pooled.shape[1] < 2:
        return 1.0
    return float(stats.chi2_contingency(pooled, correction=False, lambda_="log-likelihood").pvalue)


def collusion(
    task: IntArray, annotator: IntArray, answer: IntArray, truth: IntArray, level: float = 0.01
) -> dict[tuple[int, int], Signal]:
    """Pairs who share errors: one signal a pair (a < b) with shared tasks where one erred.

    Three arrays (N,) of answers; `truth` (T,) settled label per task, -1 unknown. Of each task
    where a erred: does b err alike? By chance as often as anyone repeats anyone's error of
    that true class, scaled to b's error rate: items are hard for all, so the base rate already
    holds what hard items do. Poisson-binomial tail, both directions, doubled. The base rate is
    taken again without the pairs that Holm's rule finds at `level`, until no more are found,
    so that a ring of colluders does not hide in it.
    """
    known = truth[task] >= 0 if len(task) else np.zeros(0, dtype=bool)
    task, annotator, answer = task[known], annotator[known], answer[known]
    if not np.any(answer != truth[task]):
        return {}
    ratio = _error_ratio(annotator, answer != truth[task])
    repeats = _repeats(task, annotator, answer, truth)
    pairs = sorted({(min(a, b), max(a, b)) for a, b in repeats})
    colluding: set[tuple[int, int]] = set()
    while True:
        base = _base_rates(repeats, colluding)
        found = {pair: _shared_errors(pair, repeats, base, ratio) for pair in pairs}
        fallen = holm(np.array([found[pair].p for pair in pairs]), level)
        fresh = {pair for pair, fell in zip(pairs, fallen.tolist(), strict=True) if fell}
        if fresh <= colluding:
            return found
        colluding |= fresh


Repeats = dict[tuple[int, int], list[tuple[int, bool]]]


def _error_ratio(annotator: IntArray, wrong: BoolArray) -> FloatArray:
    """(people,) error rate against the median of people, at least 1; a few answers say little."""
    answers = np.bincount(annotator)
    errors = np.bincount(annotator[wrong], minlength=len(answers))
    rate = (errors + 1.0) / (answers + 1.0 / float(wrong.mean()))
    return np.asarray(np.maximum(1.0, rate / np.median(rate[answers > 0])))


def _repeats(task: IntArray, annotator: IntArray, answer: IntArray, truth: IntArray) -> Repeats:
    """Per ordered pair (a, b): true class and whether b repeated it, of each error of a."""
    found: Repeats = defaultdict(list)
    order = np.argsort(task, kind="stable")
    bounds = np.flatnonzero(np.diff(task[order])) + 1
    for rows in np.split(order, bounds):
        label = int(truth[task[rows[0]]])
        for i in rows[answer[rows] != label].tolist():
            for j in rows[rows != i].tolist():
                same = bool(answer[i] == answer[j])
                found[int(annotator[i]), int(annotator[j])].append((label, same))
    return dict(found)


def _base_rates(repeats: Repeats, without: Set[tuple[int, int]]) -> dict[int, float]:
    """Per true class: how often anyone repeats anyone's error, apart from the pairs `without`.

    A pair weighs at most as much as the median pair, however much it shares. A class seen
    rarely leans on the rate over all classes.
    """
    kept = {pair: seen for pair, seen in repeats.items() if (min(pair), max(pair)) not in without}
    usual = float(np.median([len(seen) for seen in kept.values()])) if kept else 1.0
    same: dict[int, float] = defaultdict(float)
    size: dict[int, float] = defaultdict(float)
    for seen in kept.values():
        weight = min(1.0, usual / len(seen))
        for label, repeated in seen:
            same[label] += weight * repeated
            size[label] += weight
    overall = (sum(same.values()) + 1.0) / (sum(size.values()) + 2.0)
    labels = {label for seen in repeats.values() for label, _ in seen}
    return {k: (same[k] + BASE_WEIGHT * overall) / (size[k] + BASE_WEIGHT) for k in sorted(labels)}


def _shared_errors(
    pair: tuple[int, int], repeats: Repeats, base: Mapping[int, float], ratio: FloatArray
) -> Signal:
    low, high = pair
    forth, back = repeats.get((low, high), []), repeats.get((high, low), [])
    p = min(
        _repeat_chance(forth, base, float(ratio[high])),
        _repeat_chance(back, base, float(ratio[low])),
    )
    shared = sum(same for _, same in forth)
    words = f"{shared} equal errors in {len(forth)} and {len(back)} errors on shared tasks"
    return Signal(SHARED, min(1.0, 2.0 * p), words)


def _repeat_chance(
    seen: Sequence[tuple[int, bool]], base: Mapping[int, float], ratio: float
) -> float:
    count = sum(same for _, same in seen)
    if count < MIN_PAIR_ERRORS:
        return 1.0
    chance = np.array([base[label] for label, _ in seen]) * ratio
    return at_least(count, np.minimum(chance, 0.99))
