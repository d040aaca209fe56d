"""What the trainer hears."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

from labelmill.annotation.v1.source_pb2 import LABEL_SOURCE_MACHINE
from labelmill.prelabel_gateway.v1.events_pb2 import FeaturesComputed
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, LotPlanned
from labelmill.scheduler.v1.events_pb2 import TrainingRequested
from labelmill.task_dispatch.v1.events_pb2 import TasksAccepted, TasksCancelled
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.codec import message_to_doc
from services.trainer.domain import Project
from services.trainer.learning import pool
from services.trainer.service import Trainer


async def on_projects(service: Trainer, messages: list[Any]) -> None:
    await service.remember_projects([_project(m.project, m.template) for m in messages])


async def on_features(service: Trainer, messages: list[Any]) -> None:
    for m in messages:
        vectors = b64encode(b"".join(t.vector for t in m.tasks)).decode()
        gold = [t.task for t in m.tasks if t.gold]
        await service.add_features(m.project, [t.task for t in m.tasks], vectors, gold)


async def on_accepted(service: Trainer, messages: list[Any]) -> None:
    for m in messages:
        await service.add_labels(m.project, [_settled(task) for task in m.tasks])


async def on_cancelled(service: Trainer, messages: list[Any]) -> None:
    """What was taken out of the line is never asked for again."""
    for m in messages:
        if m.tasks:
            gone = [(task.name, "", pool.NEITHER) for task in m.tasks]
            await service.add_labels(m.project, gone)


async def on_requests(service: Trainer, messages: list[Any]) -> None:
    for m in messages:
        await service.request(m.project, m.number, m.reason)


async def on_plans(service: Trainer, messages: list[Any]) -> None:
    for m in messages:
        if m.decision == "LEARN":
            await service.order(m.project, m.model_version, m.batch_size)
        elif m.decision == "CERTIFY":
            await service.promote(m.project, m.model_version, message_to_doc(m.lot))


async def on_gates(service: Trainer, messages: list[Any]) -> None:
    for m in messages:
        await service.judge(message_to_doc(m.gate))


def _settled(task: Any) -> tuple[str, str, str]:
    """(name, class, use): known answers judge, what was drawn as proof or for an audit does
    neither, machines' labels never teach."""
    classes = task.label.value.choices.classes
    chosen = classes[0] if len(classes) == 1 else ""
    if task.gold:
        return task.name, chosen, pool.JUDGES
    audited = any(d.action == "AUDIT" for d in task.decisions)
    if task.sampled or audited or task.label.source == LABEL_SOURCE_MACHINE:
        return task.name, chosen, pool.NEITHER
    return task.name, chosen, pool.TEACHES


def _project(project: Any, template: Any) -> Project:
    training = project.policy.training
    return Project(
        name=project.name,
        version=project.version,
        embedding=training.embedding,
        input=training.input,
        classes=tuple(template.label_schema.classes),
    )


HANDLERS = {
    ProjectUpdated: on_projects,
    FeaturesComputed: on_features,
    TasksAccepted: on_accepted,
    TasksCancelled: on_cancelled,
    TrainingRequested: on_requests,
    LotPlanned: on_plans,
    GateUpdated: on_gates,
}
