"""Orders of candidates, with ties, and choices between two.

Two rankings are compared pair by pair of candidates. The distance is (1 - tau-b) / 2 (Kendall
1945); candidates that are not ranked are tied behind all that are. Whether a candidate is
acceptable is one more comparison, with the line above which candidates may be used.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from services.qc_scorer.losses.protocol import EPSILON, Doc, Errors, Loss

Ranks = dict[str, int]


def ranks(value: Doc) -> Ranks:
    """Candidate -> its place, 0 first."""
    groups = value.get("ranking", {}).get("groups", [])
    return {name: place for place, group in enumerate(groups) for name in group.get("ids", [])}


def unacceptable(value: Doc) -> set[str]:
    return set(value.get("ranking", {}).get("unacceptable", []))


@dataclass(frozen=True)
class Pairs:
    """Pairs of things in two orders: turned round, tied in one of them only, all there are."""

    turned: int
    tied_first: int
    tied_second: int
    tied_both: int
    total: int

    @property
    def changed(self) -> int:
        return self.turned + self.tied_first + self.tied_second - 2 * self.tied_both

    @property
    def tau(self) -> float:
        """Kendall's tau-b, -1 to 1. Where one side ties all it is 0, where both do 1."""
        first, second = self.total - self.tied_first, self.total - self.tied_second
        if not first or not second:
            return float(first == second)
        tied = self.tied_first + self.tied_second - self.tied_both
        return (self.total - tied - 2 * self.turned) / math.sqrt(first * second)


def compare(first: Sequence[float], second: Sequence[float]) -> Pairs:
    """Two numbers for each of the same things: places, or scores both ways alike."""
    both = sorted(zip(first, second, strict=True))
    seen: list[float] = []
    turned = 0
    for _, number in both:
        turned += len(seen) - bisect_right(seen, number)
        insort(seen, number)
    ties = _ties(Counter(first)), _ties(Counter(second)), _ties(Counter(both))
    return Pairs(turned, *ties, total=_choose(len(both)))


def _ties(counts: Mapping[object, int]) -> int:
    return sum(map(_choose, counts.values()))


def _choose(count: int) -> int:
    return count * (count - 1) // 2


def compare_ranks(a: Mapping[str, int], b: Mapping[str, int]) -> Pairs:
    """Who is not ranked by one is behind all that are."""
    names, last = sorted({*a, *b}), max(len(a), len(b)) + 1
    return compare([a.get(n, last) for n in names], [b.get(n, last) for n in names])


def _lines(a: Doc, b: Doc) -> tuple[int, int]:
    """(candidates that only one finds acceptable, candidates that are asked about)."""
    left, right = unacceptable(a), unacceptable(b)
    asked = {*ranks(a), *ranks(b), *left, *right} if left or right else set()
    return len(left ^ right), len(asked)


def _errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Pairs of candidates in another order, or tied in one ranking only, of all pairs."""
    found, (changed, asked) = compare_ranks(ranks(truth), ranks(label)), _lines(truth, label)
    return Errors(float(found.changed + changed), float(found.total + asked))


def _distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    found, (changed, asked) = compare_ranks(ranks(a), ranks(b)), _lines(a, b)
    apart = found.total * (1.0 - found.tau) / 2.0 + changed
    return apart / max(1, found.total + asked)


def _differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
    return _distance(truth, label) > (tolerance or 0.0) + EPSILON


RANKING = Loss(_distance, _errors, _differs)


def outcome(value: Doc) -> str:
    """The class of a preference: TIE, BOTH_BAD, or the candidate that is better."""
    said = value.get("preference", {})
    name = str(said.get("outcome", ""))
    return f"CHOSEN {said.get('chosen', '')}" if name == "CHOSEN" else name


def _outcome_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Strength, ratings and reasons go with a preference and are not compared."""
    return Errors(float(outcome(truth) != outcome(label)), 1.0)


def _outcome_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    return _outcome_errors(a, b).count


PREFERENCE = Loss(_outcome_distance, _outcome_errors)
