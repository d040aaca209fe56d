"""What a gate lets out without a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Doc = dict[str, Any]


@dataclass(frozen=True)
class Gate:
    """The gate of one model version as the scorer last said; `groups` are those of its lot that
    pass whole, as far as they were asked for."""

    name: str = ""
    open: bool = False
    threshold: float = 1.0
    error_bound: float = 1.0
    lot: int = 0
    tie_breaker: float = 0.0
    class_thresholds: Mapping[str, float] = field(default_factory=dict)
    groups: frozenset[str] = frozenset()


def passes(prediction: Doc, group: str, gate: Gate, tie: float) -> bool:
    """Is the draft on the right side of the gate's threshold, and of its lot? In a lot those of
    one group pass together or not at all, whatever the score of each."""
    score = float(prediction.get("score", 0.0))
    if not gate.lot:
        return score >= gate.threshold
    if prediction.get("lot", 0) != gate.lot:
        return False
    chosen = prediction.get("value", {}).get("choices", {}).get("classes", [])
    if any(score < gate.class_thresholds.get(name, 0.0) for name in chosen):
        return False
    if group:
        return group in gate.groups
    return score > gate.threshold or (score == gate.threshold and tie < gate.tie_breaker)
