"""What task-dispatch hears."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from labelmill.delivery.v1.events_pb2 import DeliveryRejected, LabelsFrozen
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.codec import from_message, message_to_doc
from services.task_dispatch.domain import Policy, Project, Routing
from services.task_dispatch.service import TaskDispatch


async def on_projects(service: TaskDispatch, messages: list[Any]) -> None:
    await service.remember_projects([_project(m.project) for m in messages])


async def on_items(service: TaskDispatch, messages: list[Any]) -> None:
    by_project: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        by_project[message.project].extend(_item(item) for item in message.items)
    for project, items in by_project.items():
        await service.create_tasks(project, items)


async def on_routings(service: TaskDispatch, messages: list[Any]) -> None:
    await service.route_tasks([from_message(Routing, r) for m in messages for r in m.routings])


async def on_gates(service: TaskDispatch, messages: list[Any]) -> None:
    for message in messages:
        await service.plan_rerouting(message_to_doc(message.gate))


async def on_frozen(service: TaskDispatch, messages: list[Any]) -> None:
    for message in messages:
        await service.deliver_tasks(list(message.tasks), message.delivery)


async def on_rejected(service: TaskDispatch, messages: list[Any]) -> None:
    for message in messages:
        await service.return_tasks(list(message.tasks), message.reason)


def _project(project: Any) -> Project:
    """A project without a policy has the policy of zero values."""
    policy = from_message(Policy, project.policy)
    return Project(project.name, project.version, project.template, policy)


def _item(item: Any) -> dict[str, Any]:
    """Only what a task needs; whether there is a known answer, not which."""
    doc = {"name": item.name, "data": item.data, "source_key": item.source_key}
    return {**doc, "gold": True} if item.HasField("gold") else doc


HANDLERS = {
    ProjectUpdated: on_projects,
    ItemsAdmitted: on_items,
    TasksRouted: on_routings,
    GateUpdated: on_gates,
    LabelsFrozen: on_frozen,
    DeliveryRejected: on_rejected,
}
