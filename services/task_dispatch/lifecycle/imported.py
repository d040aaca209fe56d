"""What items bring along: drafts of other tools, and labels that were settled elsewhere.

A draft is a prediction of the model "imported", its version the import; prelabel-gateway tells it
like any other, so it is shown, measured and gated like any other. A label is the one opinion of
the annotator "imported": it is scored and accepted as a single person's answer is, and chance
draws some for a blind second opinion. Nobody here saw it, so it counts as audited only where it
was drawn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from services.task_dispatch.domain import Doc, State, Task
from services.task_dispatch.lifecycle.states import Event, set_state

IMPORTED = "imported"
# Of a draft whose source says nothing of how sure it is.
_UNSURE = 0.5


def with_brought(task: Task, item: Doc) -> Task:
    """The new task with the item's draft or label, where it has one and is no known answer."""
    if task.gold:
        return task
    if "label" in item:
        stamp = task.create_time.isoformat(timespec="microseconds")
        annotation = {
            "name": f"{task.name}/annotations/{IMPORTED}",
            "annotator": IMPORTED,
            "value": item["label"],
            "create_time": stamp,
        }
        return set_state(
            task, Event.IMPORT, State.SCORING, annotations=(annotation,), replica_count=1
        )
    if "prediction" in item:
        version = item.get("import_id") or "calls"
        made = {"model": IMPORTED, "model_version": version, "task": task.name}
        return replace(
            task,
            prediction={**made, "value": item["prediction"], "score": score_of(item["prediction"])},
        )
    return task


def score_of(value: Doc) -> float:
    """That of the least certain object, as of a model's draft; 0.5 where nothing says."""
    return min(_scores(value), default=_UNSURE)


def _scores(value: Any) -> Iterator[float]:
    if isinstance(value, list):
        for one in value:
            yield from _scores(one)
    elif isinstance(value, dict):
        if isinstance(value.get("score"), (int, float)):
            yield float(value["score"])
        for name, one in value.items():
            if name != "score":
                yield from _scores(one)
