"""What delivery hears."""

from __future__ import annotations

from typing import Any

import orjson
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, QualityUpdated
from labelmill.task_dispatch.v1.events_pb2 import TasksAccepted, TasksCancelled
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.codec import message_to_doc
from libs.common.effort import effort_of
from libs.common.errors import Invalid
from services.delivery.domain import CONFIDENCE, Doc, Project
from services.delivery.service import Deliveries


async def on_projects(service: Deliveries, messages: list[Any]) -> None:
    await service.remember_projects([_project(m.project, m.template) for m in messages])


async def on_gates(service: Deliveries, messages: list[Any]) -> None:
    await service.remember_gates([message_to_doc(m.gate) for m in messages])


async def on_reports(service: Deliveries, messages: list[Any]) -> None:
    await service.remember_reports([message_to_doc(m.report) for m in messages])


async def on_accepted(service: Deliveries, messages: list[Any]) -> None:
    await service.keep_labels([_row(task) for m in messages for task in m.tasks])


async def on_cancelled(service: Deliveries, messages: list[Any]) -> None:
    await service.drop_labels([task.name for m in messages for task in m.tasks])


def _project(project: Any, template: Any) -> Project:
    return Project(
        name=project.name,
        version=project.version,
        template=project.template,
        exports=tuple(template.exports),
        unit_of_error=template.unit_of_error,
        classes=tuple(template.label_schema.classes),
        image_field=next((f.name for f in template.data_fields if f.type == "image"), ""),
        max_error_rate=project.target.max_error_rate,
        confidence=project.target.confidence or CONFIDENCE,
        hourly_cost=project.policy.hourly_cost,
        trains=project.policy.HasField("training"),
    )


def _row(task: Any) -> Doc:
    """The label row of an accepted task; see `domain`."""
    if not task.HasField("label"):
        raise Invalid(f"{task.name} was accepted without a label", field="tasks.label")
    label, lineage = message_to_doc(task.label), _lineage(task)
    source = label.get("source", "UNSPECIFIED")
    return {
        "name": task.name,
        "project": task.project,
        "item": task.item,
        "source_key": task.source_key,
        "data": _one_line(task.data or "{}"),
        "template": task.template,
        "task_version": task.version,
        "value": label.get("value", {}),
        "source": source,
        "score": label.get("score", 0.0),
        "accept_time": label.get("accept_time", ""),
        "gate": label.get("gate", ""),
        "work_seconds": sum(a.work_seconds for a in task.annotations)
        + sum(r.work_seconds for r in task.reviews),
        "effort": effort_of(lineage, source, gold=task.gold, sampled=task.sampled),
        "lineage": orjson.dumps(lineage).decode(),
    }


def _lineage(task: Any) -> Doc:
    prediction = message_to_doc(task.prediction) if task.HasField("prediction") else None
    return {
        "prediction": prediction,
        "annotations": [message_to_doc(a) for a in task.annotations],
        "reviews": [message_to_doc(r) for r in task.reviews],
        "decisions": [message_to_doc(d) for d in task.decisions],
    }


def _one_line(data: str) -> str:
    """JSON text without line breaks between its tokens: a label is one line of JSONL."""
    if "\n" in data or "\r" in data:
        return orjson.dumps(orjson.loads(data)).decode()
    return data


HANDLERS = {
    ProjectUpdated: on_projects,
    TasksAccepted: on_accepted,
    TasksCancelled: on_cancelled,
    GateUpdated: on_gates,
    QualityUpdated: on_reports,
}
