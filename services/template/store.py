"""What the template service keeps."""

from __future__ import annotations

from libs.common.codec import from_doc
from libs.common.store import Collection, Reader, Unit
from services.template.domain import Project, Template

TEMPLATES = Collection("templates", indexes=(("parent", "name"), ("series", "number")))
PROJECTS = Collection("projects", indexes=(("parent", "name"),))
REQUESTS = Collection("requests")
COLLECTIONS = (TEMPLATES, PROJECTS, REQUESTS)


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
