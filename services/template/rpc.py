"""The RPCs of `labelmill.template.v1`."""

from __future__ import annotations

from typing import Any

from labelmill.template.v1 import template_pb2 as pb
from labelmill.template.v1.template_pb2_grpc import ProjectsServicer, TemplatesServicer

from libs.common.access import Caller, caller, is_member, leads, own_request
from libs.common.codec import doc_to_message, from_message, to_message
from libs.common.errors import NotFound
from libs.common.paging import following, not_a_token, page
from services.template import domain
from services.template.domain import Project
from services.template.service import Templates


class TemplatesRpc(TemplatesServicer):
    """Request -> service -> reply."""

    def __init__(self, service: Templates) -> None:
        self._service = service

    async def GetTemplate(self, request: Any, context: Any) -> pb.Template:  # noqa: N802
        return to_message(await self._service.template(request.name), pb.Template)

    async def ListTemplates(self, request: Any, context: Any) -> Any:  # noqa: N802
        if request.page_token:
            # All come at once, so that no page leads on.
            raise not_a_token()
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
            request.parent, request.project_id, asked, own_request(request.request_id)
        )
        return to_message(project, pb.Project)

    async def GetProject(self, request: Any, context: Any) -> pb.Project:  # noqa: N802
        project = _seen(await self._service.project(request.name), caller())
        if project is None:
            raise NotFound(f"{request.name[:200]} was not found", field="name")
        return to_message(project, pb.Project)

    async def ListProjects(self, request: Any, context: Any) -> Any:  # noqa: N802
        size, after = page(request, "projects")
        who, shown = caller(), list[Project]()
        while len(shown) < size:
            # Pages of what the caller sees: also a token tells no project that they do not.
            projects = await self._service.projects(request.parent, size, after)
            shown += [seen for project in projects if (seen := _seen(project, who))]
            if len(projects) < size:
                break
            after = projects[-1].name
        shown = shown[:size]
        return pb.ListProjectsResponse(
            projects=[to_message(project, pb.Project) for project in shown],
            next_page_token=following(shown, size),
        )

    async def UpdateProject(self, request: Any, context: Any) -> pb.Project:  # noqa: N802
        asked = from_message(Project, request.project)
        return to_message(await self._service.update(asked), pb.Project)

    async def GetMembers(self, request: Any, context: Any) -> pb.Members:  # noqa: N802
        return _members(await self._service.project(request.name))

    async def ChangeMembers(self, request: Any, context: Any) -> pb.Members:  # noqa: N802
        listed = request.listed if request.HasField("listed") else None
        add, remove = list(request.add), list(request.remove)
        return _members(await self._service.change_members(request.name, add, remove, listed))

    async def ListTargets(self, request: Any, context: Any) -> Any:  # noqa: N802
        targets = await self._service.targets(request.parent)
        return pb.ListTargetsResponse(targets=[to_message(t, pb.TargetVersion) for t in targets])


def _members(project: Project) -> pb.Members:
    return doc_to_message(project.members or {}, pb.Members)


def _seen(project: Project, who: Caller) -> Project | None:
    """Return what the caller sees of a project; None where it is not theirs to see."""
    known = project.members or {}
    if not is_member(who, bool(known.get("listed")), known.get("people", ())):
        return None
    return project if leads(who) else domain.for_workers(project)
