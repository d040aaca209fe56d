"""The RPCs of `labelmill.template.v1`."""

from __future__ import annotations

from typing import Any

from labelmill.template.v1 import template_pb2 as pb
from labelmill.template.v1.template_pb2_grpc import ProjectsServicer, TemplatesServicer

from libs.common.codec import from_message, to_message
from services.template.domain import Project
from services.template.service import Templates


class TemplatesRpc(TemplatesServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Templates) -> None:
        self._service = service

    async def GetTemplate(self, request: Any, context: Any) -> pb.Template:  # noqa: N802
        return to_message(await self._service.template(request.name), pb.Template)

    async def ListTemplates(self, request: Any, context: Any) -> Any:  # noqa: N802
        templates = await self._service.templates(request.parent)
        return pb.ListTemplatesResponse(templates=[to_message(t, pb.Template) for t in templates])

    async def PublishTemplate(self, request: Any, context: Any) -> pb.Template:  # noqa: N802
        template = await self._service.publish(
            request.parent, request.template_id, request.definition
        )
        return to_message(template, pb.Template)

    async def DiffTemplates(self, request: Any, context: Any) -> Any:  # noqa: N802
        found = await self._service.diff(request.name, request.other, request.definition)
        changes = [pb.TemplateChange(path=c.path, breaks=c.breaks, text=c.text) for c in found]
        return pb.DiffTemplatesResponse(changes=changes)


class ProjectsRpc(ProjectsServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Templates) -> None:
        self._service = service

    async def CreateProject(self, request: Any, context: Any) -> pb.Project:  # noqa: N802
        asked = from_message(Project, request.project)
        project = await self._service.create(
            request.parent, request.project_id, asked, request.request_id
        )
        return to_message(project, pb.Project)

    async def GetProject(self, request: Any, context: Any) -> pb.Project:  # noqa: N802
        return to_message(await self._service.project(request.name), pb.Project)

    async def ListProjects(self, request: Any, context: Any) -> Any:  # noqa: N802
        size = request.page_size or 100
        projects = await self._service.projects(request.parent, size, request.page_token)
        return pb.ListProjectsResponse(
            projects=[to_message(p, pb.Project) for p in projects],
            next_page_token=projects[-1].name if len(projects) == size else "",
        )

    async def UpdateProject(self, request: Any, context: Any) -> pb.Project:  # noqa: N802
        asked = from_message(Project, request.project)
        return to_message(await self._service.update(asked), pb.Project)

    async def ListTargets(self, request: Any, context: Any) -> Any:  # noqa: N802
        targets = await self._service.targets(request.parent)
        return pb.ListTargetsResponse(targets=[to_message(t, pb.TargetVersion) for t in targets])
