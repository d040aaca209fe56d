"""What people gave, as it is kept."""

from __future__ import annotations

from typing import Any

from libs.common.codec import Doc, time_text
from libs.common.errors import OutOfTurn
from services.task_dispatch import domain
from services.task_dispatch.domain import Assignment, Task


def person(project: str, person: str) -> str:
    return f"{project}/people/{person}"


def claim(name: str, assignments: list[str], now: Any) -> Doc:
    """What a repeated claim of one request is answered from."""
    return {"name": name, "time": time_text(now), "assignments": assignments}


def same(first: Doc, field: str, again: Any) -> Doc:
    """A repeated submit must say what the first said."""
    if first.get(field) != again:
        raise OutOfTurn("this assignment was submitted already, with another answer", field=field)
    return first


def annotation(
    task: Task, held: Assignment, value: Doc, work_seconds: float, now: Any, delegate: str = ""
) -> Doc:
    shown = domain.shown_prediction(task)
    longest = (held.expire_time - held.create_time).total_seconds()
    return {
        "name": f"{task.name}/annotations/{held.name.rsplit('/', 1)[-1]}",
        "annotator": held.annotator,
        "value": value,
        "create_time": time_text(now),
        "work_seconds": min(work_seconds, longest),
        **({"prediction": shown["name"]} if shown else {}),
        **({"delegate": delegate} if delegate else {}),
    }


def feedback(task: Task, review: Doc) -> list[Doc]:
    """What a rejection says to each of those whose answers it rejected."""
    if review.get("verdict") != "REJECTED":
        return []
    # By name in the order they came: the newest is the last.
    moment = review["create_time"]
    return [
        {
            "name": f"{person(task.project, who)}/feedback/{moment}-{review['name'][-8:]}",
            "person": person(task.project, who),
            "task": task.name,
            "comment": review.get("comment", ""),
            "create_time": moment,
            "annotation": mine["name"],
            "value": mine["value"],
        }
        for who, mine in {a["annotator"]: a for a in task.annotations if domain.counts(a)}.items()
    ]


def review(held: Assignment, verdict: Doc, now: Any) -> Doc:
    longest = (held.expire_time - held.create_time).total_seconds()
    return {
        **{k: v for k, v in verdict.items() if v},
        "name": f"{held.task}/reviews/{held.name.rsplit('/', 1)[-1]}",
        "reviewer": held.annotator,
        "create_time": time_text(now),
        "work_seconds": min(verdict.get("work_seconds", 0.0), longest),
    }
