"""What several opinions make together: majority; matching and medians of boxes and spans; texts
word by word."""

from __future__ import annotations

import statistics
from typing import Any

from services.qc_scorer import span_loss, word_loss
from services.qc_scorer.agreement import differs, matches

Doc = dict[str, Any]


def merge(values: list[Doc], rule: str, loss: str) -> tuple[Doc, float]:
    """(consensus, share of opinions that agree with it). Ties go to the first given."""
    if len(values) == 1:
        return values[0], 1.0
    value = _made(values, rule)
    if value is not None:
        return value, sum(not differs(value, v, loss) for v in values) / len(values)
    votes = [sum(not differs(a, b, loss) for b in values) for a in values]
    best = max(range(len(values)), key=lambda i: votes[i])
    return values[best], votes[best] / len(values)


def _made(values: list[Doc], rule: str) -> Doc | None:
    """What the opinions make, which may be the opinion of nobody; None where they are voted on."""
    if rule == "boxes":
        return _merge_boxes(values)
    if rule == "spans":
        return span_loss.merge(values)
    if rule == "words":
        text = word_loss.merge([v.get("text", {}).get("text", "") for v in values])
        return None if text is None else {"text": {"text": text}}
    return None


def _merge_boxes(values: list[Doc]) -> Doc:
    """Boxes that more than half of the people drew, at the median of their coordinates."""
    lists = [list(v.get("boxes", {}).get("boxes", [])) for v in values]
    groups: list[list[Doc]] = []
    for boxes in lists:
        heads = [group[0] for group in groups]
        pairs = {j: i for i, j in matches(heads, boxes)}
        for j, box in enumerate(boxes):
            if j in pairs:
                groups[pairs[j]].append(box)
            else:
                groups.append([box])
    kept = [g for g in groups if len(g) * 2 > len(values)]
    return {"boxes": {"boxes": [_median(group) for group in kept]}}


def _median(group: list[Doc]) -> Doc:
    sides = ("x", "y", "width", "height")
    return {
        "class": group[0]["class"],
        **{side: statistics.median(b.get(side, 0.0) for b in group) for side in sides},
    }
