"""What task-dispatch hears."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import asdict
from typing import Any

from labelmill.delivery.v1.events_pb2 import DeliveryRejected, LabelsFrozen
from labelmill.gateway.v1.events_pb2 import UserUpdated
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.qc_scorer.v1.events_pb2 import (
    AnnotatorPaused,
    AnnotatorResumed,
    GateUpdated,
    LabelsRecalled,
    ReviewsRequested,
)
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.scheduler.v1.events_pb2 import ScheduleUpdated
from labelmill.template.v1.events_pb2 import ProjectUpdated
from labelmill.trainer.v1.events_pb2 import ModelPromoted, TasksPrioritized

from libs import label_validation
from libs.common.codec import from_message, message_to_doc
from services.task_dispatch.domain import Policy, Project, Routing, User
from services.task_dispatch.service import UseCases


async def on_projects(service: UseCases, messages: list[Any]) -> None:
    await service.ingest.remember_projects([_project(m.project, m.template) for m in messages])


async def on_users(service: UseCases, messages: list[Any]) -> None:
    await service.ingest.remember_users(
        [User(m.user, m.role, m.version, tuple(m.skills), m.active) for m in messages]
    )


async def on_items(service: UseCases, messages: list[Any]) -> None:
    by_project: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        by_project[message.project].extend(_item(item) for item in message.items)
    for project, items in by_project.items():
        await service.ingest.create_tasks(project, items)


async def on_routings(service: UseCases, messages: list[Any]) -> None:
    await service.ingest.route_tasks(
        [from_message(Routing, r) for m in messages for r in m.routings]
    )


async def on_gates(service: UseCases, messages: list[Any]) -> None:
    for message in messages:
        await service.rerouting.plan(message_to_doc(message.gate))


async def on_promoted(service: UseCases, messages: list[Any]) -> None:
    for m in messages:
        if m.HasField("lot"):
            version = m.version
            lot = message_to_doc(m.lot)
            await service.bulk_updates.plan_redraft(m.project, version.model, version.version, lot)


async def on_priorities(service: UseCases, messages: list[Any]) -> None:
    for m in messages:
        await service.bulk_updates.prioritize({t.task: t.priority for t in m.tasks})


async def on_schedules(service: UseCases, messages: list[Any]) -> None:
    for m in messages:
        schedule = m.schedule
        await service.bulk_updates.remember_floor(
            schedule.project, schedule.min_priority, schedule.version
        )


async def on_recalled(service: UseCases, messages: list[Any]) -> None:
    for m in messages:
        await service.bulk_updates.plan_recall(m.project, m.gate, m.reason)


async def on_pauses(service: UseCases, messages: list[Any]) -> None:
    await service.ingest.remember_pauses([_pause(m, m.reason) for m in messages])


async def on_resumed(service: UseCases, messages: list[Any]) -> None:
    await service.ingest.remember_pauses([_pause(m, "") for m in messages])


def _pause(message: Any, reason: str) -> dict[str, Any]:
    return {
        "project": message.project,
        "annotator": message.annotator,
        "reason": reason,
        "version": message.version,
    }


async def on_frozen(service: UseCases, messages: list[Any]) -> None:
    for message in messages:
        await service.ingest.deliver_tasks(list(message.tasks))


async def on_reviews(service: UseCases, messages: list[Any]) -> None:
    for m in messages:
        asked = [(t.task, t.task_version, t.priority) for t in m.tasks]
        await service.ingest.review_tasks(m.request, asked, m.reason)


async def on_rejected(service: UseCases, messages: list[Any]) -> None:
    for message in messages:
        await service.ingest.return_tasks(list(message.tasks), message.reason)


def _project(project: Any, template: Any) -> Project:
    """A project without a policy has the policy of zero values."""
    return Project(
        project.name,
        project.version,
        project.template,
        from_message(Policy, project.policy),
        label_schema=_schema(template),
        text_field=_first_field(template, "text"),
        candidates_field=_first_field(template, "candidates"),
        parts=tuple(message_to_doc(part) for part in template.parts),
        join=template.join,
        data_fields=tuple(message_to_doc(one) for one in template.data_fields),
        listed=project.members.listed,
        people=tuple(project.members.people),
    )


def _schema(template: Any) -> dict[str, Any]:
    """The label schema, with those of the parts by name."""
    assists = [message_to_doc(one) for one in template.assists]
    schema = label_validation.with_source(message_to_doc(template.label_schema), assists)
    parts = {part.name: message_to_doc(part.label_schema) for part in template.parts}
    return {**schema, "parts": parts} if parts else schema


def _item(item: Any) -> dict[str, Any]:
    """Only what a task needs; whether there is a known answer, not which."""
    doc = {"name": item.name, "data": item.data, "source_key": item.source_key}
    doc |= {"group": item.group, "import_id": item.import_id}
    extent = label_validation.extent_of(item.metadata)
    if extent != label_validation.NOWHERE:
        doc["extent"] = asdict(extent)
    doc |= {
        n: message_to_doc(getattr(item, n)) for n in ("prediction", "label") if item.HasField(n)
    }
    return {**doc, "gold": True} if item.HasField("gold") else doc


HANDLERS = {
    ProjectUpdated: on_projects,
    UserUpdated: on_users,
    ItemsAdmitted: on_items,
    TasksRouted: on_routings,
    GateUpdated: on_gates,
    LabelsRecalled: on_recalled,
    ReviewsRequested: on_reviews,
    AnnotatorPaused: on_pauses,
    AnnotatorResumed: on_resumed,
    ScheduleUpdated: on_schedules,
    ModelPromoted: on_promoted,
    TasksPrioritized: on_priorities,
    LabelsFrozen: on_frozen,
    DeliveryRejected: on_rejected,
}


def _first_field(template: Any, type_: str) -> str:
    return next((f.name for f in template.data_fields if f.type == type_), "")
