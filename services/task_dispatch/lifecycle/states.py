"""The states of a task: the table of transitions, and the only functions that set a state.

`TRANSITIONS` has, for each event, from which state it leads to which. Where there are several, the
task's missing annotations and free places decide (`working_state`). An event that leaves a task in
its state, such as a late annotation of a settled one, sets none (`touch`).
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from services.task_dispatch.domain import IllegalMove, Stage, State, Task

PRELABELING, ROUTING, OPEN = State.PRELABELING, State.ROUTING, State.OPEN
ASSIGNED, SCORING, ACCEPTED = State.ASSIGNED, State.SCORING, State.ACCEPTED
DELIVERED, CANCELLED, DIVIDED = State.DELIVERED, State.CANCELLED, State.DIVIDED


class Event(enum.StrEnum):
    """What happens to a task."""

    IMPORT = "an item comes with a settled label"
    SPLIT = "an item is to be worked in parts"
    MERGE = "the labels of all parts make one"
    SPLIT_AGAIN = "labels of its parts do not stand any more"
    DROP = "what the subtask is about is not there any more"
    RESTORE = "what the subtask is about is there again"
    ACCEPT = "the router accepts a label"
    ASK = "the router asks people"
    SEND_BACK = "the router sends the newest annotation back to its annotator"
    REROUTE = "a gate lets more through: the router decides again"
    REDRAFT = "a promoted model predicts again, as part of a lot"
    LEASE = "somebody takes the task"
    SUBMIT = "an annotation comes in"
    JUDGE = "a review comes in"
    GIVE_BACK = "somebody skips or releases the task"
    EXPIRE = "a lease runs out"
    ESCALATE = "nobody is left who may annotate it, or too many skipped it"
    DELIVER = "a delivery holds the label"
    RETURN = "the label was rejected by the client, or by what was made of it"
    RELABEL = "an accepted label is to be reviewed"
    RECALL = "the gate that accepted the label broke its target"
    CANCEL = "a manager takes the task out"


_WORKING = (OPEN, ASSIGNED, SCORING)
TRANSITIONS: Mapping[Event, Mapping[State, tuple[State, ...]]] = {
    Event.IMPORT: {PRELABELING: (SCORING,)},
    Event.SPLIT: {PRELABELING: (DIVIDED,)},
    Event.MERGE: {DIVIDED: (ACCEPTED,)},
    Event.SPLIT_AGAIN: dict.fromkeys((ACCEPTED, DELIVERED), (DIVIDED,)),
    Event.DROP: dict.fromkeys((PRELABELING, ROUTING, *_WORKING, ACCEPTED, DELIVERED), (CANCELLED,)),
    Event.RESTORE: {CANCELLED: (OPEN,)},
    Event.ACCEPT: dict.fromkeys((PRELABELING, ROUTING, SCORING), (ACCEPTED,)),
    Event.ASK: dict.fromkeys((PRELABELING, ROUTING, SCORING), (OPEN,)),
    Event.SEND_BACK: {SCORING: (ASSIGNED, SCORING)},
    Event.REROUTE: {OPEN: (ROUTING,)},
    Event.REDRAFT: {OPEN: (PRELABELING,)},
    Event.LEASE: {OPEN: (OPEN, ASSIGNED)},
    Event.SUBMIT: dict.fromkeys((OPEN, ASSIGNED), _WORKING),
    Event.JUDGE: {ASSIGNED: (SCORING,)},
    Event.GIVE_BACK: {OPEN: (OPEN,), ASSIGNED: (OPEN, SCORING)},
    Event.EXPIRE: {OPEN: (OPEN,), ASSIGNED: (OPEN, SCORING)},
    Event.ESCALATE: dict.fromkeys((OPEN, ASSIGNED), (OPEN,)),
    Event.DELIVER: dict.fromkeys((*_WORKING, ACCEPTED), (DELIVERED,)),
    Event.RETURN: dict.fromkeys((ACCEPTED, DELIVERED), (OPEN,)),
    Event.RELABEL: {ACCEPTED: (OPEN,)},
    Event.RECALL: dict.fromkeys((ACCEPTED, DELIVERED), (OPEN,)),
    Event.CANCEL: dict.fromkeys((PRELABELING, ROUTING, *_WORKING, ACCEPTED, DIVIDED), (CANCELLED,)),
}


def begin(**fields: Any) -> Task:
    """Return a new task, which waits for a prediction."""
    return Task(stage=Stage.ANNOTATION, state=State.PRELABELING, version=1, **fields)


def set_state(task: Task, event: Event, state: State, **changes: Any) -> Task:
    """Return the task in the state that the event leads to, with these changes; raise `IllegalMove`
    where `TRANSITIONS` has no such row."""
    if state not in TRANSITIONS[event].get(task.state, ()):
        raise IllegalMove(f"a task that is {task.state} does not become {state}: {event}")
    return replace(task, state=state, **changes)


def advance(task: Task, event: Event, state: State, now: datetime, **changes: Any) -> Task:
    """As `set_state`, with the version one higher."""
    return set_state(task, event, state, version=task.version + 1, update_time=now, **changes)


def touch(task: Task, now: datetime, **changes: Any) -> Task:
    """Return the task in its state with these changes, the version one higher."""
    return replace(task, version=task.version + 1, update_time=now, **changes)


def working_state(task: Task) -> State:
    """Return the state of a task that people work on: whether annotations or reviews are missing,
    and whether somebody else may take it."""
    if task.wanted <= 0:
        return SCORING
    return OPEN if task.free_slots > 0 else ASSIGNED
