"""What the prelabel gateway hears."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from typing import Any

from labelmill.prelabel_gateway.v1.events_pb2 import PredictionsPostponed
from labelmill.task_dispatch.v1.events_pb2 import PredictionsRequested, TasksCreated
from labelmill.template.v1.events_pb2 import ProjectUpdated
from labelmill.trainer.v1.events_pb2 import ModelPromoted, ModelRolledBack

from libs.common.codec import from_message, message_to_doc
from libs.common.names import may_use_model, tenant_of
from services.prelabel_gateway.domain import Assist, Project, Route
from services.prelabel_gateway.service import PrelabelGateway


async def on_projects(service: PrelabelGateway, messages: list[Any]) -> None:
    await service.remember_projects([_project(m.project, m.template) for m in messages])


async def on_tasks(service: PrelabelGateway, messages: list[Any]) -> None:
    by_project: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        by_project[message.project].extend(message.tasks)
    for project, tasks in by_project.items():
        await service.draft_tasks(project, tasks)


async def on_postponed(service: PrelabelGateway, messages: list[Any]) -> None:
    waiting: dict[tuple[str, datetime], list[Any]] = defaultdict(list)
    for message in messages:
        since = message.since.ToDatetime(tzinfo=UTC)
        waiting[message.project, since].extend(message.tasks)
    for (project, since), tasks in waiting.items():
        await service.draft_tasks(project, tasks, since)


async def on_drafts_requested(service: PrelabelGateway, messages: list[Any]) -> None:
    for m in messages:
        await service.draft_lot(m.project, m.tasks, m.model, m.model_version, m.lot)


async def on_versions(service: PrelabelGateway, messages: list[Any]) -> None:
    for m in messages:
        await service.remember_version(m.project, m.version.model, m.version.version)


def _project(project: Any, template: Any) -> Project:
    own = project.policy.model_route
    route = from_message(Route, own if own.model else template.model_route)
    assists = [from_message(Assist, one) for one in template.assists]
    tenant = tenant_of(project.name)
    return Project(
        name=project.name,
        version=project.version,
        template=project.template,
        # What was named before creation looked whose it is, is not asked either.
        route=route if may_use_model(tenant, route.model) else Route(),
        classes=tuple(template.label_schema.classes),
        embedding=_embedding(tenant, project.policy.training),
        assists=tuple(one for one in assists if may_use_model(tenant, one.model)),
        schema=message_to_doc(template.label_schema),
        per=template.per,
    )


def _embedding(tenant: str, training: Any) -> Route:
    if not may_use_model(tenant, training.embedding):
        return Route()
    return Route(model=training.embedding, capability="embedding", input=training.input)


HANDLERS = {
    ProjectUpdated: on_projects,
    TasksCreated: on_tasks,
    PredictionsPostponed: on_postponed,
    PredictionsRequested: on_drafts_requested,
    ModelPromoted: on_versions,
    ModelRolledBack: on_versions,
}
