"""Boxes that more than half of the weight drew, at the median of their sides."""

from __future__ import annotations

from collections.abc import Sequence

from services.qc_scorer.agreement.boxes import boxes, matches
from services.qc_scorer.agreement.contract import Doc
from services.qc_scorer.merging import weighted_median

SIDES = ("x", "y", "width", "height")


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    groups: list[list[tuple[Doc, float]]] = []
    for index in sorted(range(len(values)), key=lambda i: -weights[i]):
        drawn = boxes(values[index])
        pairs = {j: i for i, j in matches([group[0][0] for group in groups], drawn)}
        for j, box in enumerate(drawn):
            if j not in pairs:
                groups.append([])
            groups[pairs.get(j, -1)].append((box, weights[index]))
    kept = [g for g in groups if 2.0 * sum(w for _, w in g) > sum(weights)]
    return {"boxes": {"boxes": [_median(group) for group in kept]}}


def _median(group: list[tuple[Doc, float]]) -> Doc:
    weights = [weight for _, weight in group]
    sides = {s: weighted_median([b.get(s, 0.0) for b, _ in group], weights) for s in SIDES}
    return {"class": group[0][0]["class"], **sides}
