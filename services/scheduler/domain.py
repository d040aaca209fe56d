"""When it happens: a project's phase and its alerts, moved by evidence."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

Doc = dict[str, Any]
LEAST_COMPARED = 20
WARM, STEADY = 0.5, 0.8
SLACK = 0.05
STALL_SECONDS = 1800
FAILING_SHARE = 0.5
LEAST_DRAFTS = 100
QUIET_SECONDS, PATIENT_SECONDS = 1.5, 60.0
GROWTH_SHARE = 0.2
STUCK_SECONDS, MOST_OF = 120.0, 0.5
FLOOR = 1.0


class Phase(enum.StrEnum):
    COLD_START = "COLD_START"
    WARM_UP = "WARM_UP"
    STEADY = "STEADY"
    MATURE = "MATURE"


ORDER = (Phase.COLD_START, Phase.WARM_UP, Phase.STEADY, Phase.MATURE)


@dataclass(frozen=True)
class Measures:
    """What was measured: blind comparisons of draft and settled label, drafts made and
    failed, gates open, when something was last settled and opened."""

    compared: int = 0
    equal: int = 0
    drafts: int = 0
    failures: int = 0
    open_gates: int = 0
    closed_gates: int = 0
    accepted_time: str = ""
    opened_time: str = ""


@dataclass(frozen=True)
class Training:
    """What was seen of a project that trains: tasks created; embeddings, the newest at
    `seen_time`; labels people gave that may teach, and how many they were asked for, last at
    `asked_time`; rounds requested, and the embeddings and labels there were at the newest.
    `state`: LEARNING, PROVING or DONE."""

    name: str
    created: int = 0
    seen: int = 0
    seen_time: str = ""
    labels: int = 0
    label_time: str = ""
    asked: int = 0
    asked_time: str = ""
    rounds: int = 0
    seen_at_round: int = 0
    asked_at_round: int = 0
    state: str = "LEARNING"
    # Why no model can keep the promise on so few items; empty while one may.
    unreachable: str = ""


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
    offer_floor: float = 0.0


def training_due(training: Training, now: datetime) -> str:
    """Why a project's model should learn now; empty where it should not.

    When items have come and stopped coming, and again when the project has grown by a fifth;
    and whenever the batch people were asked for is labelled, or most of it and no more comes.
    """
    if not training.seen or training.state == "PROVING":
        return ""
    grown = training.seen - training.seen_at_round
    # A slow embedding makes pauses, too: a lot frozen in one would be a part of the project.
    pause = PATIENT_SECONDS if training.seen < training.created else QUIET_SECONDS
    quiet = _idle(training.seen_time, now) >= pause
    if quiet and grown > GROWTH_SHARE * training.seen_at_round:
        return f"{grown} new items"
    if training.state != "LEARNING" or training.asked == training.asked_at_round:
        return ""
    whole = training.labels >= training.asked
    stuck = _idle(max(training.label_time, training.asked_time), now) >= STUCK_SECONDS
    if whole or (stuck and training.labels >= MOST_OF * training.asked):
        return f"{training.labels} of {training.asked} answers are in"
    return ""


def requested(training: Training) -> Training:
    """After a round was asked for. What was asked for and did not come (a lot or its proof took
    the task) is not waited for again."""
    return replace(
        training,
        rounds=training.rounds + 1,
        seen_at_round=training.seen,
        asked=training.labels,
        asked_at_round=training.labels,
        state="LEARNING",
    )


def _idle(since: str, now: datetime) -> float:
    return (now - datetime.fromisoformat(since)).total_seconds() if since else math.inf


def offer_floor(training: Training | None) -> float:
    """Least priority that is offered: while a model learns or is proven, people label only what
    it asks for, because everything else may turn out not to need them."""
    return FLOOR if training is not None and training.state != "DONE" else 0.0


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
    if measures.open_gates:
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


def alerts_of(measures: Measures, now: datetime, unreachable: str = "") -> list[tuple[str, str]]:
    """(kind, reason) of what a person should look at now."""
    found = [("TARGET_UNREACHABLE", unreachable)] if unreachable else []
    if measures.closed_gates:
        found.append(("GATE_CLOSED", "a gate that was open was closed by newer evidence"))
    drafted = measures.drafts + measures.failures
    if drafted >= LEAST_DRAFTS and measures.failures / drafted > FAILING_SHARE:
        found.append(("DRAFTS_FAILING", f"{measures.failures} of {drafted} drafts failed"))
    last = max(measures.accepted_time, measures.opened_time)
    if measures.opened_time and measures.opened_time >= measures.accepted_time:
        idle = (now - datetime.fromisoformat(last)).total_seconds()
        if idle > STALL_SECONDS:
            found.append(("STALLED", f"nothing was settled for {int(idle // 60)} minutes"))
    return found


def revise(
    schedule: Schedule,
    measures: Measures,
    now: datetime,
    floor: float = 0.0,
    unreachable: str = "",
) -> Schedule | None:
    """The schedule under new measures; None where phase, alerts and floor stay as they are."""
    phase, reason = phase_of(measures, schedule.phase)
    wanted = alerts_of(measures, now, unreachable)
    kinds = [alert["kind"] for alert in schedule.alerts]
    same = phase is schedule.phase and floor == schedule.offer_floor
    if same and kinds == [kind for kind, _ in wanted]:
        return None
    stamp = now.isoformat(timespec="microseconds")
    known = {alert["kind"]: alert for alert in schedule.alerts}
    alerts = tuple(
        known.get(kind) or {"kind": kind, "reason": why, "create_time": stamp}
        for kind, why in wanted
    )
    return replace(
        schedule,
        phase=phase,
        reason=reason,
        alerts=alerts,
        offer_floor=floor,
        compared_count=measures.compared,
        equal_count=measures.equal,
        version=schedule.version + 1,
        update_time=now,
    )
