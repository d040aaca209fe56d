"""Moves of a submission that goes back to its annotator with a hint, and of what follows.

A held annotation waits: it does not count while its annotator has the task again, nor once
their second answer has come. Without one it counts as it is, marked unchecked: nothing is lost
and nobody waits for anybody.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from services.task_dispatch.domain import Assignment, Doc, Lease, Task, counts, next_token

# Who is asked to look again should still have the item in mind.
LATE_SECONDS = 60.0


def hold(
    task: Task, assignment: str, now: datetime, seconds: int
) -> tuple[Task, Assignment | None]:
    """(task, the assignment it is held under): the newest answer goes back to who gave it. No
    assignment where there is none to hold or nothing is missing without it, or the check came too
    late: then it is unchecked.

    The caller sets version and state."""
    index = _newest(task)
    if index is None:
        return task, None
    answer = task.annotations[index]
    age = now - datetime.fromisoformat(answer["create_time"])
    if age.total_seconds() > LATE_SECONDS:
        return _with(task, index, {**answer, "unchecked": True}), None
    waiting = _with(task, index, {**answer, "held": True})
    if waiting.wanted <= 0:
        return task, None
    until = now + timedelta(seconds=seconds)
    lease = Lease(assignment, answer["annotator"], next_token(task, now), until, now)
    task = replace(
        waiting,
        leases=(*task.leases, lease),
        fencing=lease.fencing_token,
    )
    return task, Assignment(
        name=assignment,
        task=task.name,
        project=task.project,
        annotator=lease.annotator,
        stage=task.stage,
        fencing_token=lease.fencing_token,
        create_time=now,
        expire_time=lease.expire_time,
        draft=answer["value"],
    )


def second(task: Task, annotation: Doc) -> Doc:
    """The annotation, marked where its annotator's first one is held."""
    first = _held_of(task, annotation["annotator"])
    if first is None:
        return annotation
    same = first["value"] == annotation["value"]
    return {**annotation, "after_hint": True, **({"objected": True} if same else {})}


def waits_for(task: Task, person: str) -> bool:
    """Is the person asked to look again?"""
    return _held_of(task, person) is not None


def resume(task: Task) -> Task:
    """Held annotations nobody will answer any more count as they are."""
    holders = {lease.annotator for lease in task.leases}
    for index, one in enumerate(task.annotations):
        if one.get("held") and one["annotator"] not in holders and not _answered(task, one):
            kept = {k: v for k, v in one.items() if k != "held"}
            task = _with(task, index, {**kept, "unchecked": True})
    return task


def _newest(task: Task) -> int | None:
    places = [i for i, a in enumerate(task.annotations) if counts(a)]
    # Nobody is asked a third time.
    if not places or task.annotations[places[-1]].get("after_hint"):
        return None
    return places[-1]


def _held_of(task: Task, person: str) -> Doc | None:
    return next(
        (
            a
            for a in task.annotations
            if a.get("held") and a["annotator"] == person and not _answered(task, a)
        ),
        None,
    )


def _answered(task: Task, held: Doc) -> bool:
    return any(
        a.get("after_hint") and a["annotator"] == held["annotator"] for a in task.annotations
    )


def _with(task: Task, index: int, annotation: Doc) -> Task:
    kept = task.annotations
    return replace(task, annotations=(*kept[:index], annotation, *kept[index + 1 :]))
