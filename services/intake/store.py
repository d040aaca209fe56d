"""What intake keeps."""

from __future__ import annotations

from collections.abc import Sequence

from libs.common.codec import from_doc, to_doc
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
COLLECTIONS = (PROJECTS, ITEMS, IMPORTS, REFUSALS, REQUESTS, OBJECTS, NEAR)
_PAGE = 1000


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
