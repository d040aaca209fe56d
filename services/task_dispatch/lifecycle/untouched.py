"""Moves of tasks no person has touched: drafted anew for a lot, ranked anew, recalled."""

from __future__ import annotations

from datetime import datetime

from services.task_dispatch.domain import Stage, State, Task
from services.task_dispatch.lifecycle.relabel import set_aside
from services.task_dispatch.lifecycle.states import Event, advance, touch

RECALLED = 2.5


def untouched(task: Task) -> bool:
    """Does the task wait for people without anybody having seen it, or chance having drawn it?"""
    touched = task.leases or task.annotations or task.reviews or task.sampled or task.gold
    return task.state is State.OPEN and task.stage is Stage.ANNOTATION and not touched


def request_draft(task: Task, now: datetime) -> Task | None:
    """Back to wait for a draft, as part of a lot; None where somebody works on it already."""
    if not untouched(task):
        return None
    return advance(task, Event.REDRAFT, State.PRELABELING, now)


def prioritize(task: Task, priority: float, now: datetime) -> Task | None:
    """At another place in the queue; None where it does not wait any more."""
    if not untouched(task) or task.priority == priority:
        return None
    return touch(task, now, priority=priority)


def recall(task: Task, gate: str, reason: str, now: datetime) -> Task | None:
    """What a breached gate let out goes to people, blind; None where it came another way."""
    label = task.label or {}
    if task.state not in (State.ACCEPTED, State.DELIVERED) or label.get("gate") != gate:
        return None
    return advance(
        set_aside(task),
        Event.RECALL,
        State.OPEN,
        now,
        stage=Stage.ANNOTATION,
        blind=True,
        priority=RECALLED,
        comment=reason,
    )
