"""What the prelabel gateway keeps: projects' routes and every prediction ever made."""

from __future__ import annotations

from libs.common.codec import from_doc
from libs.common.store import Below, Collection, Doc, Reader, Unit
from services.prelabel_gateway.domain import Project, Route

PROJECTS = Collection("projects")
PREDICTIONS = Collection("predictions", indexes=(("task", "name"),))
PROMOTED = Collection("promoted")
FEATURES = Collection("features")
# Items whose embedding is to be tried again, by when.
LACKING = Collection("lacking", indexes=(("time", "name"),))
COLLECTIONS = (PROJECTS, PREDICTIONS, PROMOTED, FEATURES, LACKING)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "planted": "injected_error",
    "entry": "element",
}


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def promoted_route(reader: Reader | Unit, project: str) -> Route | None:
    """The project's own model, where one was promoted."""
    doc = await reader.get(PROMOTED, project)
    return None if doc is None else from_doc(Route, doc)


async def lacking_due(reader: Reader, now: str, limit: int) -> list[Doc]:
    """Items without an embedding that are to be tried now, the longest waiting first."""
    where = {"time": Below(now, equal=True)}
    return await reader.find(LACKING, where, order=("time", "name"), limit=limit)


async def predictions_of(reader: Reader, task: str) -> list[Doc]:
    return await reader.find(PREDICTIONS, {"task": task}, descending=True, limit=1000)
