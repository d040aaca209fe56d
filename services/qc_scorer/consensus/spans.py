"""Spans that more than half of the weight marked, at the median of their beginnings and ends."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence

from services.qc_scorer.agreement.contract import Doc
from services.qc_scorer.agreement.spans import Mark, marks
from services.qc_scorer.merging import Span, merge_spans

# Markings whose matching would need more cells than this are merged by votes for equal spans.
MOST_CELLS = 250_000


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    opinions = [marks(value) for value in values]
    longest, whole = max(map(len, opinions)), sum(map(len, opinions))
    made = _voted if longest * whole > MOST_CELLS else _matched
    kept = made(opinions, weights)
    return {"spans": {"spans": [{"start": a, "end": b, "class": c} for a, b, c in kept]}}


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
