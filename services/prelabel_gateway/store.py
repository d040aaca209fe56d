"""What the prelabel gateway keeps: projects' routes and every prediction ever made."""

from __future__ import annotations

from libs.common.codec import from_doc
from libs.common.store import Collection, Doc, Reader, Unit
from services.prelabel_gateway.domain import Project, Route

PROJECTS = Collection("projects")
PREDICTIONS = Collection("predictions", indexes=(("task", "name"),))
PROMOTED = Collection("promoted")
FEATURES = Collection("features")
COLLECTIONS = (PROJECTS, PREDICTIONS, PROMOTED, FEATURES)


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def promoted_route(reader: Reader | Unit, project: str) -> Route | None:
    """The project's own model, where one was promoted."""
    doc = await reader.get(PROMOTED, project)
    return None if doc is None else from_doc(Route, doc)


async def predictions_of(reader: Reader, task: str) -> list[Doc]:
    return await reader.find(PREDICTIONS, {"task": task}, descending=True, limit=1000)
