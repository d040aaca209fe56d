"""Moves of accepted labels that get a second look: to a reviewer and back, none of them forgotten.

While a reviewer judges it, the label stays on its task, in the stage REVIEW. What replaces it puts
it among the earlier labels.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from services.task_dispatch.domain import Action, Stage, State, Task
from services.task_dispatch.lifecycle.states import Event, advance


def set_aside(task: Task) -> Task:
    """The task without its label, which is among the earlier ones now."""
    if task.label is None:
        return task
    return replace(task, label=None, earlier_labels=(*task.earlier_labels, task.label))


def under_review(task: Task) -> bool:
    """Does a label that was accepted before wait for a reviewer's verdict?"""
    working = task.state in (State.OPEN, State.ASSIGNED, State.SCORING)
    return working and task.stage is Stage.REVIEW and task.label is not None


def request_review(
    task: Task, version: int, priority: float, reason: str, now: datetime
) -> Task | None:
    """The label of this version goes to a reviewer; None where it does not stand any more."""
    if task.state is not State.ACCEPTED or task.version != version:
        return None
    decision = {
        "action": Action.REVIEW.value,
        "reason": reason or "a second look was asked for",
        "create_time": now.isoformat(timespec="microseconds"),
        "task_version": task.version,
    }
    return advance(
        task,
        Event.RELABEL,
        State.OPEN,
        now,
        stage=Stage.REVIEW,
        review_goal=len(task.reviews) + 1,
        decisions=(*task.decisions, decision),
        blind=True,
        priority=priority,
        comment="",
    )


def went_out(task: Task, now: datetime) -> Task | None:
    """A delivery held the label before its review was asked for: it is out, the review is off.
    None where no label is under review."""
    if not under_review(task):
        return None
    return advance(task, Event.DELIVER, State.DELIVERED, now, leases=())
