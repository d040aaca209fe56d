"""What the trainer keeps: embeddings, labels, orders, versions and heads, all append-only but
the versions' states."""

from __future__ import annotations

from collections.abc import AsyncIterator

from libs.common.codec import from_doc, to_doc
from libs.common.store import Collection, Doc, Reader, Unit, every
from services.trainer.domain import ModelVersion, Project

PROJECTS = Collection("projects")
FEATURES = Collection("features", indexes=(("project", "name"),))
LABELS = Collection("labels", indexes=(("project", "name"),))
ORDERS = Collection("orders", indexes=(("project", "name"),))
VERSIONS = Collection("versions", indexes=(("project", "name"),))
RANKINGS = Collection("rankings")
JOBS = Collection("jobs")
COLLECTIONS = (PROJECTS, FEATURES, LABELS, ORDERS, VERSIONS, RANKINGS, JOBS)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "planted": "injected_error",
    "entry": "element",
}
_PAGE = 200


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def chunks(reader: Reader, collection: Collection, project: str) -> AsyncIterator[Doc]:
    """Every chunk of a project's features, labels or orders, oldest first."""
    after: tuple[str] | None = None
    while True:
        docs = await reader.find(collection, {"project": project}, after=after, limit=_PAGE)
        for doc in docs:
            yield doc
        if len(docs) < _PAGE:
            return
        after = (docs[-1]["name"],)


async def versions_of(reader: Reader | Unit, project: str) -> list[ModelVersion]:
    """Newest first."""
    docs = [doc async for doc in every(reader, VERSIONS, {"project": project})]
    return [from_doc(ModelVersion, doc) for doc in reversed(docs)]


async def version_by_name(reader: Reader | Unit, name: str) -> ModelVersion | None:
    doc = await reader.get(VERSIONS, name)
    return None if doc is None else from_doc(ModelVersion, doc)


def save_version(unit: Unit, version: ModelVersion) -> None:
    unit.overwrite(VERSIONS, to_doc(version))
