"""What a person should look at now: pure decisions. An alert's reason says what to do, and does
not change while nothing changes, so that it is emitted once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.scheduler.training import idle

Doc = dict[str, Any]
Alert = tuple[str, str]
STALL_SECONDS = 1800.0
# A reviewer may be at it already.
EVIDENCE_SECONDS = 60.0
FAILING_SHARE = 0.5
# Predictions that came or failed lately, of which the share is taken, and how many it needs.
WINDOW, LEAST_DRAFTS = 400.0, 20.0


@dataclass(frozen=True)
class GateNote:
    """A gate as last heard of, at `time`; `was_open`: did it ever let anything out?"""

    name: str
    project: str
    state: str
    version: int
    was_open: bool = False
    time: str = ""
    reason: str = ""


@dataclass(frozen=True)
class Drafting:
    """Predictions that came and failed lately (decayed counts), why the last failed, and how
    many failed since one came because the model is away."""

    drafts: float = 0.0
    failures: float = 0.0
    reason: str = ""
    away: int = 0
    away_reason: str = ""


@dataclass(frozen=True)
class Waiting:
    """What waits for people, as task-dispatch said; `since` when there was nothing last."""

    task_count: int = 0
    stranded_count: int = 0
    stranded_reason: str = ""
    evidence_count: int = 0
    evidence_time: str = ""
    since: str = ""


def drafted(before: Drafting, drafts: int, failures: int, reason: str = "") -> Drafting:
    """After so many more predictions came and failed: older ones count less and less."""
    kept = max(0.0, 1.0 - (drafts + failures) / WINDOW)
    return Drafting(
        drafts=before.drafts * kept + drafts,
        failures=before.failures * kept + failures,
        reason=reason or before.reason,
        away=0 if drafts else before.away,
        away_reason="" if drafts else before.away_reason,
    )


def of_gates(gates: Sequence[GateNote]) -> list[Alert]:
    """A gate that let labels out and closed, or broke its promise; until a later one opens."""
    opened = max((g.time for g in gates if g.state == "OPEN"), default="")
    found: dict[str, GateNote] = {}
    for gate in sorted(gates, key=lambda g: g.time):
        shut = gate.state == "BREACHED" or (gate.state == "CLOSED" and gate.was_open)
        if shut and gate.time >= opened:
            found[f"GATE_{gate.state}"] = gate
    words = {
        "GATE_BREACHED": "what it let out goes back to people",
        "GATE_CLOSED": "a gate that was open was closed by newer evidence",
    }
    return [
        (kind, f"{words[kind]}: {found[kind].reason or found[kind].name}") for kind in sorted(found)
    ]


def of_drafts(drafting: Drafting) -> list[Alert]:
    found: list[Alert] = []
    if drafting.away:
        found.append(("MODEL_AWAY", f"tasks go to people without a draft: {drafting.away_reason}"))
    total = drafting.drafts + drafting.failures
    if total >= LEAST_DRAFTS and drafting.failures > FAILING_SHARE * total:
        words = f"more than half of the latest drafts failed, the last: {drafting.reason}"
        found.append(("DRAFTS_FAILING", words))
    return found


def of_waiting(waiting: Waiting, accepted_time: str, now: datetime) -> list[Alert]:
    found: list[Alert] = []
    since = max(accepted_time, waiting.since)
    if waiting.task_count and since and idle(since, now) > STALL_SECONDS:
        found.append(("STALLED", f"work waits for people and nothing was settled since {since}"))
    if waiting.stranded_count:
        count, why = waiting.stranded_count, waiting.stranded_reason
        words = f"{count} tasks want one more opinion, and {why}"
        found.append(("NOBODY_LEFT", words))
    held = waiting.evidence_count and waiting.evidence_time
    if held and idle(waiting.evidence_time, now) >= EVIDENCE_SECONDS:
        words = (
            "evidence counts in the order it was drawn, and what comes after a task that waits for"
            f" a reviewer since {waiting.evidence_time} does not count before it: review it"
        )
        found.append(("EVIDENCE_WAITS", words))
    return found
