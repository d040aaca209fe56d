"""Classes that more than half of the weight chose, each voted on by itself."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from services.qc_scorer.losses.classes import classes
from services.qc_scorer.losses.protocol import Doc


def merge(values: Sequence[Doc], weights: Sequence[float]) -> Doc:
    votes: dict[str, float] = defaultdict(float)
    for value, weight in zip(values, weights, strict=True):
        for name in dict.fromkeys(classes(value)):
            votes[name] += weight
    kept = [name for name, weight in votes.items() if 2.0 * weight > sum(weights)]
    return {"choices": {"classes": kept}}
