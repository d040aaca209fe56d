"""Spans of a text and relations between them: when two markings differ, and in what.

A span is right when its beginning, its end and its class are; a relation when its class and the
spans at both its ends are. The order of either says nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from services.qc_scorer.losses.protocol import Doc, Errors, Loss

# (start, end, class), places in characters, the end excluded.
Mark = tuple[int, int, str]
# (class, span it goes out from, span it goes to)
Edge = tuple[str, Mark, Mark]
NOWHERE: Mark = (-1, -1, "")


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
    return sorted(map(mark_of, value.get("spans", {}).get("spans", [])))


def mark_of(span: Doc) -> Mark:
    return span.get("start", 0), span.get("end", 0), span.get("class", "")


def edges(value: Doc) -> list[Edge]:
    """The relations, in the order of their names; an end that is not there is nowhere."""
    given = value.get("spans", {})
    at = {s["id"]: mark_of(s) for s in given.get("spans", []) if s.get("id")}
    found = []
    for relation in given.get("relations", []):
        ends = [at.get(relation.get(end, ""), NOWHERE) for end in ("head", "tail")]
        found.append((relation.get("class", ""), ends[0], ends[1]))
    return sorted(found)


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


def f1(truth: Doc, label: Doc, partial: bool = False) -> float:
    """Harmonic mean of the shares of the label's and of the truth's spans that are equal; with
    `partial` those of the same class that touch count half (MUC). 1 where there are none."""
    found = changes(label, truth)
    size = len(marks(truth)) + len(marks(label))
    right = found.equal + (found.misplaced / 2 if partial else 0.0)
    return 2.0 * right / size if size else 1.0


def _related(true: list[Edge], said: list[Edge]) -> tuple[int, int]:
    """(relations missed, too many or wrong, relations that both have)."""
    equal = (Counter(true) & Counter(said)).total()
    return max(len(true), len(said)) - equal, equal


def _relation_errors(truth: Doc, label: Doc, tolerance: float | None = None) -> Errors:
    """Of relations and of spans, those without relations too."""
    spans, true = _errors(truth, label), edges(truth)
    wrong, _ = _related(true, edges(label))
    return Errors(spans.count + wrong, spans.units + len(true))


def _relation_distance(a: Doc, b: Doc, tolerance: float | None = None) -> float:
    found, (wrong, equal) = changes(a, b), _related(edges(a), edges(b))
    wrong += found.errors
    return wrong / max(1, wrong + found.equal + equal)


SPANS = Loss(_distance, _errors, _differs)
RELATIONS = Loss(_relation_distance, _relation_errors)
