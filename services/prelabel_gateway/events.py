"""What the prelabel gateway hears."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from labelmill.task_dispatch.v1.events_pb2 import TasksCreated
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.codec import from_message
from services.prelabel_gateway.domain import Project, Route
from services.prelabel_gateway.service import PrelabelGateway


async def on_projects(service: PrelabelGateway, messages: list[Any]) -> None:
    await service.remember_projects([_project(m.project, m.template) for m in messages])


async def on_tasks(service: PrelabelGateway, messages: list[Any]) -> None:
    by_project: dict[str, list[Any]] = defaultdict(list)
    for message in messages:
        by_project[message.project].extend(message.tasks)
    for project, tasks in by_project.items():
        await service.draft_tasks(project, tasks)


def _project(project: Any, template: Any) -> Project:
    own = project.policy.model_route
    return Project(
        name=project.name,
        version=project.version,
        template=project.template,
        route=from_message(Route, own if own.model else template.model_route),
        classes=tuple(template.label_schema.classes),
    )


HANDLERS = {ProjectUpdated: on_projects, TasksCreated: on_tasks}
