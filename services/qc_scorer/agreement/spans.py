"""Spans of a text: when two markings differ, and in what.

A span is right when its beginning, its end and its class are; the order of spans says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from services.qc_scorer.agreement.contract import Doc, Errors, Loss

# (start, end, class), places in characters, the end excluded.
Mark = tuple[int, int, str]


class Changes(NamedTuple):
    """What makes one marking of the other: counts of spans."""

    equal: int
    missing: int
    extra: int
    misplaced: int
    renamed: int

    @property
    def errors(self) -> int:
        return self.missing + self.extra + self.misplaced + self.renamed


def marks(value: Doc) -> list[Mark]:
    """In the order of their places."""
    spans = value.get("spans", {}).get("spans", [])
    return sorted((s.get("start", 0), s.get("end", 0), s.get("class", "")) for s in spans)


def _differs(truth: Doc, label: Doc, tolerance: float | None = None) -> bool:
    """A missed, extra, misplaced or wrongly named span makes the text an error."""
    return marks(truth) != marks(label)


def changes(said: Doc, true: Doc) -> Changes:
    """Of what remains beside equal spans, those that touch one of the same class are misplaced,
    those that touch another are wrongly named, and the rest stands alone."""
    mine, others = Counter(marks(said)), Counter(marks(true))
    equal = (mine & others).total()
    left, right = sorted((mine - others).elements()), sorted((others - mine).elements())
    misplaced = 0
    rest: tuple[list[Mark], list[Mark]] = ([], [])
    for name in {label for _, _, label in (*left, *right)}:
        pairs = _touching([m for m in left if m[2] == name], [m for m in right if m[2] == name])
        misplaced += pairs.found
        rest[0].extend(pairs.left)
        rest[1].extend(pairs.right)
    places = [sorted(side, key=lambda mark: mark[:2]) for side in rest]
    last = _touching(*places)
    return Changes(equal, len(last.right), len(last.left), misplaced, last.found)


class _Pairs(NamedTuple):
    found: int
    left: list[Mark]
    right: list[Mark]


def _touching(left: Sequence[Mark], right: Sequence[Mark]) -> _Pairs:
    """Pairs from the first place on, and what found no partner; both in order of their places."""
    i = j = count = 0
    alone: tuple[list[Mark], list[Mark]] = ([], [])
    while i < len(left) and j < len(right):
        if left[i][1] <= right[j][0]:
            alone[0].append(left[i])
            i += 1
        elif right[j][1] <= left[i][0]:
            alone[1].append(right[j])
            j += 1
        else:
            i, j, count = i + 1, j + 1, count + 1
    return _Pairs(count, [*alone[0], *left[i:]], [*alone[1], *right[j:]])


def _errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    found = changes(label, truth)
    return Errors(float(found.errors), float(len(marks(truth))))


def _distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    found = changes(a, b)
    return found.errors / max(1, found.errors + found.equal)


SPANS = Loss(_distance, _errors, _differs)
