"""What happened to a project's gates, as the certificate tells it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

Doc = dict[str, Any]
_WORDS = {
    "OPEN": "opened",
    "CLOSED": "closed",
    "PROVING": "is to be proven",
    "BREACHED": "was breached, what it let out was recalled",
}


def look_of(gate: Doc) -> Doc:
    """One look at a gate (document of `qc_scorer.v1.Gate`), as it is kept."""
    version = gate.get("version", 0)
    return {
        "name": f"{gate['name']}/looks/{version:08}",
        "project": gate["project"],
        "gate": f"{gate.get('model', '')} {gate.get('model_version', '')}".strip(),
        "time": gate.get("update_time", ""),
        "state": gate.get("state", "CLOSED"),
        # What is 0 is not in the document of a message.
        "bound": gate.get("error_bound", 0.0 if gate.get("sample_size") else 1.0),
        "sample_size": gate.get("sample_size", 0),
        "reason": gate.get("reason", ""),
    }


def history(looks: Iterable[Doc]) -> list[Doc]:
    """`gate_history` of the evidence, in order of time."""
    kept = ("time", "bound", "sample_size", "state", "reason", "gate")
    return [{k: look[k] for k in kept} for look in _ordered(looks)]


def story(looks: Iterable[Doc]) -> list[Doc]:
    """`story` of the evidence: only what changed a gate's state."""
    states: dict[str, str] = {}
    told = []
    for look in _ordered(looks):
        before, now = states.get(look["gate"], "CLOSED"), look["state"]
        states[look["gate"]] = now
        if now != before:
            what = f"gate of {look['gate']} {_WORDS.get(now, now)}"
            told.append({"time": look["time"], "what": f"{what}: {look['reason']}"})
    return told


def _ordered(looks: Iterable[Doc]) -> Sequence[Doc]:
    return sorted(looks, key=lambda look: (look["time"], look["name"]))
