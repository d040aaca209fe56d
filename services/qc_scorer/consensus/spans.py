"""Spans that more than half of the weight marked, at the median of their beginnings and ends, and
the relations between them that more than half of it drew."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from services.qc_scorer.consensus.merging import Span, matches, merge_spans
from services.qc_scorer.consensus.objects import Group, attributes
from services.qc_scorer.losses.protocol import Doc
from services.qc_scorer.losses.text.spans import Mark, edges, mark_of, marks

# Markings whose matching would need more cells than this are merged by votes for equal spans.
MOST_CELLS = 250_000


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    opinions = [marks(value) for value in values]
    longest, whole = max(map(len, opinions)), sum(map(len, opinions))
    few = longest * whole <= MOST_CELLS
    kept = (_matched if few else _voted)(opinions, weights)
    made: list[Doc] = [
        {"start": a, "end": b, "class": c, **attributes(group)}
        for (a, b, c), group in zip(kept, _groups(values, weights, kept, few), strict=True)
    ]
    drawn = _drawn(values, weights, kept, few)
    if not drawn:
        return {"spans": {"spans": made}}
    for number, span in enumerate(made, 1):
        span["id"] = f"s{number}"
    relations = [{"class": c, "head": f"s{h + 1}", "tail": f"s{t + 1}"} for c, h, t in drawn]
    return {"spans": {"spans": made, "relations": relations}}


def _groups(
    values: Sequence[Doc], weights: Sequence[float], kept: Sequence[Mark], few: bool
) -> list[Group]:
    """What each person marked that became part of each merged span, the heaviest first."""
    groups = [Group([], []) for _ in kept]
    for index in sorted(range(len(values)), key=lambda i: -weights[i]):
        given = values[index].get("spans", {}).get("spans", [])
        at = _places([mark_of(span) for span in given], kept, few)
        for span in given:
            if (place := at.get(mark_of(span))) is not None:
                groups[place].members.append(span)
                groups[place].weights.append(weights[index])
    return groups


def _drawn(
    values: Sequence[Doc], weights: Sequence[float], kept: Sequence[Mark], few: bool
) -> list[tuple[str, int, int]]:
    """(class, place of the head in `kept`, place of the tail): each end of each person's relation
    is moved to the span that theirs became part of."""
    votes: dict[tuple[str, int, int], float] = defaultdict(float)
    for value, weight in zip(values, weights, strict=True):
        drawn = edges(value)
        at = _places([end for _, *both in drawn for end in both], kept, few)
        for name, head, tail in set(drawn):
            if head in at and tail in at:
                votes[name, at[head], at[tail]] += weight
    return sorted(edge for edge, weight in votes.items() if 2.0 * weight > sum(weights))


def _places(given: Sequence[Mark], kept: Sequence[Mark], few: bool) -> dict[Mark, int]:
    """Which merged span each of one person's has become part of."""
    ends = sorted(set(given))
    if not few:
        known = {mark: place for place, mark in enumerate(kept)}
        return {end: known[end] for end in ends if end in known}
    pairs = matches([Span(*end) for end in ends], [Span(*mark) for mark in kept])
    return {ends[i]: j for i, j in pairs}


def _voted(opinions: Sequence[Sequence[Mark]], weights: Sequence[float]) -> list[Mark]:
    votes: dict[Mark, float] = defaultdict(float)
    for opinion, weight in zip(opinions, weights, strict=True):
        for mark in set(opinion):
            votes[mark] += weight
    return sorted(mark for mark, weight in votes.items() if 2.0 * weight > sum(weights))


def _matched(opinions: Sequence[Sequence[Mark]], weights: Sequence[float]) -> list[Mark]:
    merged = merge_spans([[Span(*mark) for mark in opinion] for opinion in opinions], weights)
    # Between two places the earlier: a span has at least one character, before as after.
    return [(math.floor(s.start), math.floor(s.end), s.label) for s in merged]
