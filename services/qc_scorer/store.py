"""What the scorer keeps."""

from __future__ import annotations

from libs.common.codec import from_doc
from libs.common.store import Collection, Doc, Reader, Unit
from services.qc_scorer.domain import Project

PROJECTS = Collection("projects")
GOLD = Collection("gold")
GATES = Collection("gates", indexes=(("project", "name"),))
EVIDENCE = Collection("evidence", indexes=(("gate", "name"),))
SCORED = Collection("scored", indexes=(("project", "name"),))
PEOPLE = Collection("people", indexes=(("project", "name"),))
QUALITY = Collection("quality")
COLLECTIONS = (PROJECTS, GOLD, GATES, EVIDENCE, SCORED, PEOPLE, QUALITY)
_MOST_EVIDENCE = 200_000


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def evidence_of(reader: Reader | Unit, gate: str) -> dict[str, Doc]:
    """Rows of the gate's blind sample by task: time, score, wrong, pending."""
    found: dict[str, Doc] = {}
    after: tuple[str] | None = None
    while len(found) < _MOST_EVIDENCE:
        docs = await reader.find(EVIDENCE, {"gate": gate}, after=after, limit=5000)
        found.update({doc["name"]: doc for doc in docs})
        if len(docs) < 5000:
            break
        after = (docs[-1]["name"],)
    return found


async def gates_of(reader: Reader | Unit, project: str) -> list[Doc]:
    return await reader.find(GATES, {"project": project}, limit=1000)


async def people_of(reader: Reader, project: str, after: str, limit: int) -> list[Doc]:
    return await reader.find(
        PEOPLE, {"project": project}, after=(after,) if after else None, limit=limit
    )
