"""What the template service keeps."""

from __future__ import annotations

from libs.common.codec import from_doc, to_doc
from libs.common.store import Collection, Reader, Unit
from services.template.domain import Project, TargetVersion, Template

TEMPLATES = Collection("templates", indexes=(("parent", "name"), ("series", "number")))
PROJECTS = Collection("projects", indexes=(("parent", "name"),))
REQUESTS = Collection("requests")
TARGETS = Collection("targets", indexes=(("project", "number"),))
COLLECTIONS = (TEMPLATES, PROJECTS, REQUESTS, TARGETS)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "class_floors": "class_error_limits",
    "planted_share": "injected_error_share",
    "adaptive_opinions": "adaptive_annotations",
    "whole": "parent_project",
    "entry": "element",
}
MOST_TARGETS = 1000


async def template_by_name(reader: Reader | Unit, name: str) -> Template | None:
    doc = await reader.get(TEMPLATES, name)
    return None if doc is None else from_doc(Template, doc)


async def newest_version(reader: Reader | Unit, series: str) -> Template | None:
    """The newest version of `tenants/t/templates/id`."""
    docs = await reader.find(
        TEMPLATES, {"series": series}, order=("number",), descending=True, limit=1
    )
    return from_doc(Template, docs[0]) if docs else None


async def templates_of(reader: Reader, parents: list[str]) -> list[Template]:
    found = []
    for parent in parents:
        docs = await reader.find(TEMPLATES, {"parent": parent}, limit=1000)
        found += [from_doc(Template, doc) for doc in docs]
    return found


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def projects_of(reader: Reader, parent: str, after: str, limit: int) -> list[Project]:
    docs = await reader.find(
        PROJECTS, {"parent": parent}, after=(after,) if after else None, limit=limit
    )
    return [from_doc(Project, doc) for doc in docs]


def keep_promise(unit: Unit, project: Project) -> None:
    """Keeps the target in force as a version of its own."""
    unit.insert(TARGETS, [{**to_doc(project.promise), "project": project.name}])


async def targets_of(reader: Reader, project: str) -> list[TargetVersion]:
    """Newest first."""
    docs = await reader.find(
        TARGETS, {"project": project}, order=("number",), descending=True, limit=MOST_TARGETS
    )
    return [from_doc(TargetVersion, doc) for doc in docs]
