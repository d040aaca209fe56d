"""What the prelabel gateway keeps: projects' routes and every prediction ever made."""

from __future__ import annotations

from libs.common.codec import from_doc
from libs.common.store import Collection, Doc, Reader, Unit
from services.prelabel_gateway.domain import Project

PROJECTS = Collection("projects")
PREDICTIONS = Collection("predictions", indexes=(("task", "name"),))
COLLECTIONS = (PROJECTS, PREDICTIONS)


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def predictions_of(reader: Reader, task: str) -> list[Doc]:
    return await reader.find(PREDICTIONS, {"task": task}, descending=True, limit=1000)
