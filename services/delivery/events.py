"""What delivery hears."""

from __future__ import annotations

import hashlib
from typing import Any

import orjson
from labelmill.prelabel_gateway.v1.events_pb2 import InferenceMeasured
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, QualityUpdated
from labelmill.task_dispatch.v1.events_pb2 import LabelsWithdrawn, TasksAccepted, TasksCancelled
from labelmill.template.v1.events_pb2 import ProjectUpdated
from labelmill.template.v1.template_pb2 import Reference
from labelmill.trainer.v1.events_pb2 import ModelCandidateEvaluated

from libs.common.codec import message_to_doc
from libs.common.errors import Invalid
from libs.common.explicit import explicit
from libs.common.work_stages import effort_of
from services.delivery.certificate.models import model_of
from services.delivery.domain import CONFIDENCE, Doc, Project
from services.delivery.service import Deliveries


async def on_projects(service: Deliveries, messages: list[Any]) -> None:
    await service.remember_projects([_project(m.project, m.template) for m in messages])


async def on_gates(service: Deliveries, messages: list[Any]) -> None:
    await service.remember_gates([message_to_doc(m.gate) for m in messages])


async def on_reports(service: Deliveries, messages: list[Any]) -> None:
    await service.remember_reports([message_to_doc(m.report) for m in messages])


async def on_evaluations(service: Deliveries, messages: list[Any]) -> None:
    await service.remember_models([model_of(message_to_doc(m.evaluation)) for m in messages])


async def on_inference(service: Deliveries, messages: list[Any]) -> None:
    for m in messages:
        await service.count_inference(m.project, m.seconds, m.item_count)


async def on_accepted(service: Deliveries, messages: list[Any]) -> None:
    await service.keep_labels([_row(task) for m in messages for task in m.tasks])


async def on_cancelled(service: Deliveries, messages: list[Any]) -> None:
    await service.drop_labels([task.name for m in messages for task in m.tasks])


async def on_withdrawn(service: Deliveries, messages: list[Any]) -> None:
    await service.withdraw_labels({t.task: t.task_version for m in messages for t in m.tasks})


def _project(project: Any, template: Any) -> Project:
    return Project(
        name=project.name,
        version=project.version,
        template=project.template,
        exports=tuple(template.exports),
        unit_of_error=template.unit_of_error,
        label_schema=message_to_doc(template.label_schema),
        data_fields=tuple(message_to_doc(f) for f in template.data_fields),
        max_error_rate=project.target.max_error_rate,
        confidence=project.target.confidence or CONFIDENCE,
        hourly_cost=project.policy.hourly_cost,
        trains=project.policy.HasField("training"),
        promise=_promise(project),
        guideline_digest=_digest(template.guideline),
    )


def _promise(project: Any) -> Doc:
    """What the target says besides its rate and confidence, as the certificate has it."""
    target = project.target
    experts = Reference.Name(target.reference) == "REFERENCE_EXPERTS"
    return {
        "version": project.target_version,
        "reference": "EXPERTS" if experts else "AUDITED",
        "class_error_limits": dict(sorted(target.class_error_limits.items())),
    }


def _digest(guideline: str) -> str:
    return hashlib.sha256(guideline.encode()).hexdigest() if guideline else ""


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
    """What made the label, as it leaves the platform."""
    prediction = _told(task.prediction) if task.HasField("prediction") else None
    earlier = [_told(label) for label in task.earlier_labels]
    return {
        **({"earlier_labels": earlier} if earlier else {}),
        "prediction": prediction,
        "annotations": [_told(a) for a in task.annotations],
        "reviews": [_told(r) for r in task.reviews],
        "decisions": [_told(d) for d in task.decisions],
    }


def _told(message: Any) -> Doc:
    return explicit(message_to_doc(message), type(message))


def _one_line(data: str) -> str:
    """JSON text without line breaks between its tokens: a label is one line of JSONL."""
    if "\n" in data or "\r" in data:
        return orjson.dumps(orjson.loads(data)).decode()
    return data


HANDLERS = {
    ProjectUpdated: on_projects,
    TasksAccepted: on_accepted,
    TasksCancelled: on_cancelled,
    LabelsWithdrawn: on_withdrawn,
    GateUpdated: on_gates,
    QualityUpdated: on_reports,
    ModelCandidateEvaluated: on_evaluations,
    InferenceMeasured: on_inference,
}
