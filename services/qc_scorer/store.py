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
LEDGERS = Collection("ledgers")
FORECASTS = Collection("forecasts")
JOINED = Collection("joined")
SCORES = Collection("scores", indexes=(("gate", "name"),))
COLLECTIONS = (
    PROJECTS,
    GOLD,
    GATES,
    EVIDENCE,
    SCORED,
    PEOPLE,
    QUALITY,
    LEDGERS,
    FORECASTS,
    JOINED,
    SCORES,
)
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


async def ledger_of(reader: Reader | Unit, project: str) -> Doc:
    """A project's risk ledger: lots begun, undetected errors granted so far, the forecasts of
    this lot's rounds, versions that were planned for."""
    found = await reader.get(LEDGERS, project)
    return found or {"name": project, "lots": 0, "spent": 0, "forecasts": [], "planned": []}


async def scores_of(reader: Reader | Unit, gate: str) -> list[tuple[str, float]]:
    """(class, score) of everything in a lot."""
    found: list[tuple[str, float]] = []
    after: tuple[str] | None = None
    while True:
        docs = await reader.find(SCORES, {"gate": gate}, after=after, limit=500)
        found.extend((c, s) for doc in docs for c, s in doc["scores"])
        if len(docs) < 500:
            return found
        after = (docs[-1]["name"],)


async def gates_of(reader: Reader | Unit, project: str) -> list[Doc]:
    return await reader.find(GATES, {"project": project}, limit=1000)


async def people_of(reader: Reader, project: str, after: str, limit: int) -> list[Doc]:
    return await reader.find(
        PEOPLE, {"project": project}, after=(after,) if after else None, limit=limit
    )
