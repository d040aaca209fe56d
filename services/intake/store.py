"""What intake keeps."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from datetime import datetime

from libs.common.codec import from_doc, time_text, to_doc
from libs.common.names import content_id
from libs.common.store import Collection, Doc, Reader, Unit, find_below
from services.intake.cleaning.near import NEAR
from services.intake.domain import Import, Project
from services.intake.sources.entry import Entry
from services.intake.sources.remote import Object

PROJECTS = Collection("projects")
ITEMS = Collection("items")
IMPORTS = Collection("imports", indexes=(("project", "name"), ("state", "name")))
REFUSALS = Collection("refusals", indexes=(("project", "name"),))
REQUESTS = Collection("requests")
# Objects of buckets as they were when last seen: `source` is one bucket prefix of one project.
OBJECTS = Collection("objects", indexes=(("source", "name"),))
# Which process works on a tenant's imports, and until when unless it says so again.
LANES = Collection("lanes")
# What other services said of an import's items: apart from it, as the import is still written.
NOTES = Collection("notes")
COLLECTIONS = (NOTES, PROJECTS, ITEMS, IMPORTS, REFUSALS, REQUESTS, OBJECTS, NEAR, LANES)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "draft": "prediction",
    "whole": "parent_project",
}
_PAGE = 1000
# Items may hold a quarter of a megabyte each.
_NAMING_PAGE = 50


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def digests(reader: Reader | Unit, names: Sequence[str]) -> dict[str, str]:
    """Digest per stored item name."""
    found = await reader.get_many(ITEMS, names)
    return {name: doc["digest"] for name, doc in found.items()}


def import_doc(import_: Import) -> Doc:
    return {**to_doc(import_), "project": import_.name.rsplit("/imports/", 1)[0]}


async def with_notes(reader: Reader, imports: Sequence[Import]) -> list[Import]:
    """The imports, each with what was noted of it in its report."""
    noted = await reader.get_many(NOTES, [one.name for one in imports])
    return [
        replace(one, report={**(one.report or {}), "notes": noted[one.name]["notes"]})
        if one.name in noted
        else one
        for one in imports
    ]


async def import_by_name(reader: Reader | Unit, name: str) -> Import | None:
    doc = await reader.get(IMPORTS, name)
    return None if doc is None else from_doc(Import, doc)


async def tenants_importing(reader: Reader, states: Sequence[str]) -> list[str]:
    """Tenant ids with imports in these states: one look-up a tenant, however many imports."""
    found = set[str]()
    for state in states:
        after: tuple[str, ...] | None = None
        while docs := await reader.find(IMPORTS, {"state": state}, after=after, limit=1):
            tenant = docs[0]["name"].split("/")[1]
            found.add(tenant)
            # Behind every name below the tenant, before every other tenant's.
            after = (f"tenants/{tenant}/~",)
    return sorted(found)


async def next_import(
    reader: Reader, tenant: str, states: Sequence[str], now: datetime, behind: str
) -> Import | None:
    """A tenant's import that may be worked on now: of the project behind the one served last, in
    the order of names, and the oldest of that; those under way before those that wait."""
    for state in states:
        for start in dict.fromkeys((behind, "")):
            found = await _first_due(reader, tenant, state, now, start)
            if found is not None:
                return found
    return None


async def _first_due(
    reader: Reader, tenant: str, state: str, now: datetime, behind: str
) -> Import | None:
    prefix = f"tenants/{tenant}/"
    after = f"{behind}/~" if behind else prefix
    while docs := await reader.find(IMPORTS, {"state": state}, after=(after,), limit=20):
        for doc in docs:
            if not doc["name"].startswith(prefix):
                return None
            one = from_doc(Import, doc)
            if one.next_time is None or one.next_time <= now:
                return one
        after = docs[-1]["name"]
    return None


async def take_lane(unit: Unit, tenant: str, holder: str, now: datetime, until: datetime) -> bool:
    """Whether the holder may work on a tenant's imports until then: nobody else does."""
    doc = await unit.get(LANES, tenant)
    if doc is not None and doc["holder"] != holder and doc["until"] > time_text(now):
        return False
    version = (doc or {}).get("version", 0) + 1
    held = {"name": tenant, "holder": holder, "until": time_text(until), "version": version}
    unit.put(LANES, held)
    return True


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


async def naming(reader: Reader, tenant: str) -> AsyncIterator[Doc]:
    """Every document of a tenant that may name blobs: unfinished imports, items, refusals."""
    for state in ("PENDING", "RUNNING"):
        async for doc in _each(reader, IMPORTS, {"state": state}):
            if doc["name"].startswith(f"{tenant}/"):
                yield doc
    for collection in (ITEMS, REFUSALS):
        after = ""
        while docs := await find_below(reader, collection, f"{tenant}/", after, _NAMING_PAGE):
            for doc in docs:
                yield doc
            after = docs[-1]["name"]
            await asyncio.sleep(0)


async def _each(
    reader: Reader, collection: Collection, where: dict[str, str]
) -> AsyncIterator[Doc]:
    after: tuple[str, ...] | None = None
    while docs := await reader.find(collection, where, after=after, limit=_NAMING_PAGE):
        for doc in docs:
            yield doc
        after = (docs[-1]["name"],)


# -- what buckets held -----------------------------------------------------------------------


async def objects_known(
    reader: Reader, project: str, source: str, objects: Sequence[Object]
) -> dict[str, str]:
    """Stamp per key of those that an earlier import saw."""
    folder = _folder(project, source)
    found = await reader.get_many(OBJECTS, [f"{folder}/{content_id(o.key)}" for o in objects])
    return {doc["key"]: doc["stamp"] for doc in found.values()}


def keep_objects(unit: Unit, project: str, import_: Import, chunk: Sequence[Entry]) -> None:
    """Notes the objects of a batch as seen by this import."""
    folder = _folder(project, import_.source)
    for entry in chunk:
        if entry.stamp:
            name = f"{folder}/{content_id(entry.key)}"
            seen = {"key": entry.key, "stamp": entry.stamp, "import": import_.id}
            unit.overwrite(OBJECTS, {"name": name, "source": folder, **seen})


async def objects_gone(reader: Reader, project: str, import_: Import) -> list[str]:
    """Keys that an earlier import of the source saw and this one did not."""
    gone: list[str] = []
    after: tuple[str, ...] | None = None
    where = {"source": _folder(project, import_.source)}
    while docs := await reader.find(OBJECTS, where, after=after, limit=_PAGE):
        gone += [doc["key"] for doc in docs if doc["import"] != import_.id]
        after = (docs[-1]["name"],)
    return sorted(gone)


def _folder(project: str, source: str) -> str:
    return f"{project}/sources/{content_id(source)}"
