"""When a project's model learns, and what people are offered meanwhile: pure decisions."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from datetime import datetime

QUIET_SECONDS, PATIENT_SECONDS = 1.5, 60.0
GROWTH_SHARE = 0.2
STUCK_SECONDS, MOST_OF = 120.0, 0.5
# After so long without an answer a round learns from whatever has come.
GIVEN_UP_SECONDS = 1800.0
FLOOR = 1.0


@dataclass(frozen=True)
class Training:
    """What was seen of a project that trains: tasks created, last at `created_time`; embeddings,
    the newest at `seen_time`; labels people gave that may teach, and how many they were asked for,
    last at `asked_time`, and of those cancelled (`gone`); rounds requested, and the embeddings and
    labels there were at the newest. `state`: LEARNING, PROVING or DONE."""

    name: str
    created: int = 0
    created_time: str = ""
    seen: int = 0
    seen_time: str = ""
    labels: int = 0
    label_time: str = ""
    asked: int = 0
    asked_time: str = ""
    gone: int = 0
    rounds: int = 0
    seen_at_round: int = 0
    asked_at_round: int = 0
    state: str = "LEARNING"
    # Why no model can keep the promise on so few items; empty while one may.
    unreachable: str = ""
    # Why no model can learn at all; empty while one may.
    hopeless: str = ""

    @property
    def settled(self) -> int:
        """Of what was asked for, what is answered or will never be."""
        return self.labels + self.gone


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
    quiet = idle(training.seen_time, now) >= pause
    if quiet and grown > GROWTH_SHARE * training.seen_at_round:
        return f"{grown} new items"
    if training.state != "LEARNING" or training.asked == training.asked_at_round:
        return ""
    if training.settled >= training.asked or _stuck(training, now):
        return f"{training.labels} of {training.asked} answers are in"
    return ""


def _stuck(training: Training, now: datetime) -> bool:
    """Does no more come of what was asked for? Most of it, or anything new after a long time."""
    waited = idle(max(training.label_time, training.asked_time), now)
    most = training.settled >= MOST_OF * training.asked and waited >= STUCK_SECONDS
    some = training.settled > training.asked_at_round and waited >= GIVEN_UP_SECONDS
    return most or some


def requested(training: Training) -> Training:
    """After a round was asked for. What was asked for and did not come (a lot or its proof took
    the task) is not waited for again."""
    return replace(
        training,
        rounds=training.rounds + 1,
        seen_at_round=training.seen,
        asked=training.settled,
        asked_at_round=training.settled,
        state="LEARNING",
        hopeless="",
    )


def idle(since: str, now: datetime) -> float:
    """Seconds since a time's text; infinite where there is none."""
    return (now - datetime.fromisoformat(since)).total_seconds() if since else math.inf


def nothing_learnt(training: Training | None, now: datetime) -> str:
    """Why people label without a model in a project that trains; empty where one may come."""
    if training is None or training.state == "DONE":
        return ""
    if training.hopeless:
        return training.hopeless
    blind = training.created > 0 and not training.seen
    if blind and idle(training.created_time, now) >= PATIENT_SECONDS:
        return f"none of {training.created} items could be embedded; people label all of them"
    return ""


def min_priority(training: Training | None, now: datetime) -> float:
    """Least priority that is offered: while a model learns or is proven, people label only what
    it asks for, because everything else may turn out not to need them. Where nothing can be
    learnt they get all of it."""
    learns = training is not None and training.state != "DONE"
    return FLOOR if learns and not nothing_learnt(training, now) else 0.0


def moves(training: Training, now: datetime) -> bool:
    """Did anything of it move so lately that its next round may be near?"""
    stamps = (training.created_time, training.seen_time, training.label_time, training.asked_time)
    return idle(max(stamps), now) < 2 * STUCK_SECONDS
