"""When it happens: a project's phase and its alerts, moved by evidence."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.scheduler.alerts import (
    Alert,
    Drafting,
    GateNote,
    Waiting,
    of_drafts,
    of_gates,
    of_waiting,
)
from services.scheduler.training import Training, min_priority, nothing_learnt

Doc = dict[str, Any]
LEAST_COMPARED = 20
WARM, STEADY = 0.5, 0.8
SLACK = 0.05


class Phase(enum.StrEnum):
    COLD_START = "COLD_START"
    WARM_UP = "WARM_UP"
    STEADY = "STEADY"
    MATURE = "MATURE"


ORDER = (Phase.COLD_START, Phase.WARM_UP, Phase.STEADY, Phase.MATURE)


@dataclass(frozen=True)
class Measures:
    """What was measured: blind comparisons of prediction and settled label, predictions that came
    and failed lately, gates, when something was last settled, what waits for people."""

    compared: int = 0
    equal: int = 0
    accepted_time: str = ""
    gates: tuple[GateNote, ...] = ()
    drafting: Drafting = field(default_factory=Drafting)
    waiting: Waiting = field(default_factory=Waiting)


@dataclass(frozen=True)
class Schedule:
    """A project's schedule; fields as in the proto."""

    name: str
    project: str
    phase: Phase
    reason: str
    version: int
    update_time: datetime
    compared_count: int = 0
    equal_count: int = 0
    alerts: tuple[Doc, ...] = ()
    min_priority: float = 0.0


def wilson_lower(equal: int, compared: int, z: float = 1.645) -> float:
    """Lower end of Wilson's score interval (Wilson 1927), one-sided 95 %; 0 without data."""
    if compared == 0:
        return 0.0
    share, n = equal / compared, compared
    centre = share + z * z / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return (centre - spread) / (1 + z * z / n)


def phase_of(measures: Measures, now: Phase) -> tuple[Phase, str]:
    """The phase the evidence speaks for, and why. A phase once reached is left only when the
    evidence falls clearly below its threshold."""
    if any(gate.state == "OPEN" for gate in measures.gates):
        return Phase.MATURE, "a gate is open"
    if measures.compared < LEAST_COMPARED:
        # Until there is evidence drafts are shown: a newcomer's first model is worth a look.
        return Phase.WARM_UP, f"{measures.compared} blind comparisons; {LEAST_COMPARED} are needed"
    lower = wilson_lower(measures.equal, measures.compared)
    why = (
        f"{measures.equal} of {measures.compared} drafts equal the people's answer;"
        f" at least {lower:.2f}"
    )
    for phase, threshold in ((Phase.STEADY, STEADY), (Phase.WARM_UP, WARM)):
        slack = SLACK if ORDER.index(now) >= ORDER.index(phase) else 0.0
        if lower >= threshold - slack:
            return phase, why
    return Phase.COLD_START, why


def alerts_of(measures: Measures, training: Training | None, now: datetime) -> list[Alert]:
    """(kind, reason) of what a person should look at now."""
    found: list[Alert] = []
    if training is not None and training.unreachable:
        found.append(("TARGET_UNREACHABLE", training.unreachable))
    if why := nothing_learnt(training, now):
        found.append(("NOTHING_LEARNT", why))
    return [
        *found,
        *of_gates(measures.gates),
        *of_drafts(measures.drafting),
        *of_waiting(measures.waiting, measures.accepted_time, now),
    ]


def revise(
    schedule: Schedule, measures: Measures, training: Training | None, now: datetime
) -> Schedule | None:
    """The schedule under new measures; None where phase, alerts and floor stay as they are."""
    phase, reason = phase_of(measures, schedule.phase)
    floor = min_priority(training, now)
    wanted = alerts_of(measures, training, now)
    same = phase is schedule.phase and floor == schedule.min_priority
    if same and [(alert["kind"], alert["reason"]) for alert in schedule.alerts] == wanted:
        return None
    stamp = now.isoformat(timespec="microseconds")
    since = {alert["kind"]: alert["create_time"] for alert in schedule.alerts}
    alerts = tuple(
        {"kind": kind, "reason": why, "create_time": since.get(kind, stamp)} for kind, why in wanted
    )
    return replace(
        schedule,
        phase=phase,
        reason=reason,
        alerts=alerts,
        min_priority=floor,
        compared_count=measures.compared,
        equal_count=measures.equal,
        version=schedule.version + 1,
        update_time=now,
    )
