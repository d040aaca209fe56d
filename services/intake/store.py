"""What intake keeps."""

from __future__ import annotations

from collections.abc import Sequence

from libs.common.codec import from_doc, to_doc
from libs.common.store import Collection, Doc, Reader, Unit, find_below
from services.intake.domain import Import, Project

PROJECTS = Collection("projects")
ITEMS = Collection("items")
IMPORTS = Collection("imports", indexes=(("project", "name"), ("state", "name")))
REFUSALS = Collection("refusals", indexes=(("project", "name"),))
REQUESTS = Collection("requests")
COLLECTIONS = (PROJECTS, ITEMS, IMPORTS, REFUSALS, REQUESTS)


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def digests(reader: Reader | Unit, names: Sequence[str]) -> dict[str, str]:
    """Digest per stored item name."""
    found = await reader.get_many(ITEMS, names)
    return {name: doc["digest"] for name, doc in found.items()}


def import_doc(import_: Import) -> Doc:
    return {**to_doc(import_), "project": import_.name.rsplit("/imports/", 1)[0]}


async def import_by_name(reader: Reader | Unit, name: str) -> Import | None:
    doc = await reader.get(IMPORTS, name)
    return None if doc is None else from_doc(Import, doc)


async def imports_in(reader: Reader, state: str, limit: int) -> list[Import]:
    docs = await reader.find(IMPORTS, {"state": state}, limit=limit)
    return [from_doc(Import, doc) for doc in docs]


async def imports_of(reader: Reader, project: str, after: str, limit: int) -> list[Import]:
    docs = await reader.find(
        IMPORTS, {"project": project}, after=(after,) if after else None, limit=limit
    )
    return [from_doc(Import, doc) for doc in docs]


async def item_page(reader: Reader, project: str, after: str, limit: int) -> list[Doc]:
    """Items of a project in name order."""
    return await find_below(reader, ITEMS, f"{project}/items/", after, limit)


async def refusal_page(reader: Reader, project: str, after: str, limit: int) -> list[Doc]:
    """Refusals of a project, newest first."""
    return await reader.find(
        REFUSALS,
        {"project": project},
        after=(after,) if after else None,
        limit=limit,
        descending=True,
    )
