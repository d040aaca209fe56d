"""What the scorer keeps."""

from __future__ import annotations

import enum
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence

from libs.common.codec import from_doc
from libs.common.store import Below, Collection, Doc, Reader, Store, Unit, every, find_below
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
COUNTS = Collection("counts")
# Items of each scene, clip or document, and of lots the place of each item that has one.
GROUPS = Collection("groups")
MEMBERS = Collection("members", indexes=(("gate", "name"),))
FITS = Collection("fits")
STOOD = Collection("stood")
CHECKS = Collection("checks")
THRESHOLDS = Collection("thresholds")
RESERVOIRS = Collection("reservoirs", indexes=(("gate", "name"),))
HISTORIES = Collection("histories")
SECRETS = Collection("secrets")
SUSPECTS = Collection("suspects", indexes=(("project", "name"),))
OPINIONS = Collection("opinions", indexes=(("project", "time", "name"),))
SIGNALS = Collection("signals")
# Accepted labels in chunks, their withdrawals, and reviews asked for by task.
RISKS = Collection("risks", indexes=(("project", "top", "name"), ("project", "time", "name")))
WITHDRAWN = Collection("withdrawn")
REQUESTS = Collection("requests")
SAMPLES = Collection("samples")
REVIEWS = Collection("reviews", indexes=(("request", "name"),))
# Rejected deliveries in a row, and until when labels have gone out.
ATTEMPTS = Collection("attempts")
# Projects of which something moved, by what is to be done about it.
DUE = Collection("due", indexes=(("kind", "name"),))
COLLECTIONS = (
    DUE,
    GROUPS,
    MEMBERS,
    RISKS,
    WITHDRAWN,
    REQUESTS,
    SAMPLES,
    REVIEWS,
    ATTEMPTS,
    SUSPECTS,
    OPINIONS,
    SIGNALS,
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
    COUNTS,
    FITS,
    STOOD,
    CHECKS,
    THRESHOLDS,
    RESERVOIRS,
    HISTORIES,
    SECRETS,
)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "class_floors": "class_error_limits",
    "adaptive_opinions": "adaptive_annotations",
    "whole": "parent_project",
    "tie": "tie_breaker",
    "look_count": "analysis_count",
    "standing_count": "ongoing_audit_count",
    "standing_errors": "ongoing_audit_errors",
    "planted": "injected_error",
    "planted_kept": "injected_error_kept",
    "opinion_count": "annotation_count",
    "answer_count": "annotation_count",
    "piece_count": "subtask_count",
    "career": "horizon",
    "entry": "element",
}
log = logging.getLogger(__name__)
_MOST_EVIDENCE = 200_000
_MOST_OPINIONS = 2_000
_CHUNKS = 20


class Due(enum.StrEnum):
    """What is to be done for a project, by a timer."""

    QUALITY = "QUALITY"
    PEOPLE = "PEOPLE"
    FIT = "FIT"
    DELIVERED = "DELIVERED"


def mark(unit: Unit, kind: Due, project: str) -> None:
    """Something of the project moved."""
    name = f"{project}/{kind.lower()}"
    unit.overwrite(DUE, {"name": name, "kind": kind.value, "project": project})


async def each_due(store_: Store, kind: Due, work: Callable[[str], Awaitable[None]]) -> None:
    """Does the work for every marked project, however many there are. The mark goes first, so that
    what moves meanwhile marks the project anew; it comes back where the work failed, and one
    project's fault is no other's."""
    async for doc in every(store_, DUE, {"kind": kind.value}):

        async def take(unit: Unit, name: str = doc["name"]) -> None:
            unit.delete(DUE, [name])

        async def put_back(unit: Unit, project: str = doc["project"]) -> None:
            mark(unit, kind, project)

        await store_.transact(take)
        try:
            await work(doc["project"])
        except Exception:
            log.exception("%s: %s waits for the next time", doc["project"], kind.lower())
            await store_.transact(put_back)


def count_quality(unit: Unit, project: str, deltas: Mapping[str, float]) -> None:
    """Adds to a project's counters, of which a report is made."""
    unit.count(QUALITY, project, deltas)
    mark(unit, Due.QUALITY, project)


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def evidence_of(reader: Reader | Unit, gate: str) -> dict[str, Doc]:
    """Rows of the gate's blind sample by task: time, score, wrong, pending; those a unit has only
    staged among them, as a draw that is overlooked would let a whole lot pass."""
    found: dict[str, Doc] = {}
    after: tuple[str] | None = None
    while len(found) < _MOST_EVIDENCE:
        docs = await reader.find(EVIDENCE, {"gate": gate}, after=after, limit=5000)
        found.update({doc["name"]: doc for doc in docs})
        if len(docs) < 5000:
            break
        after = (docs[-1]["name"],)
    mine = reader.mine(EVIDENCE) if isinstance(reader, Unit) else []
    return found | {doc["name"]: doc for doc in mine if doc["gate"] == gate}


async def ledger_of(reader: Reader | Unit, project: str) -> Doc:
    """A project's risk ledger: lots begun, undetected errors granted so far, (labels, errors
    expected) of this lot's rounds, versions that were planned for."""
    found = await reader.get(LEDGERS, project)
    return found or {"name": project, "lots": 0, "spent": 0, "history": [], "planned": []}


async def scores_of(reader: Reader | Unit, gate: str) -> list[tuple[str, float]]:
    """(class, score) of everything in a lot."""
    return [(c, s) for doc in await _chunks_of(reader, SCORES, gate) for c, s in doc["scores"]]


async def members_of(reader: Reader | Unit, gate: str) -> list[tuple[str, float, float]]:
    """(group, score, tie) of everything in a lot that has a group and a draft."""
    chunks = await _chunks_of(reader, MEMBERS, gate)
    return [(group, score, tie) for doc in chunks for group, score, tie in doc["members"]]


async def _chunks_of(reader: Reader | Unit, collection: Collection, gate: str) -> list[Doc]:
    """A gate's chunks, those a unit has only staged among them."""
    found: list[Doc] = []
    after: tuple[str] | None = None
    while True:
        docs = await reader.find(collection, {"gate": gate}, after=after, limit=500)
        found.extend(docs)
        if len(docs) < 500:
            mine = reader.mine(collection) if isinstance(reader, Unit) else []
            return found + [doc for doc in mine if doc["gate"] == gate]
        after = (docs[-1]["name"],)


async def coin_secret(unit: Unit) -> str:
    """The secret that makes chance repeatable for us and unpredictable for others."""
    doc = await unit.get(SECRETS, "coins")
    if doc is None:
        doc = {"name": "coins", "version": 1, "value": secrets.token_hex(32)}
        unit.put(SECRETS, doc)
    return str(doc["value"])


async def reservoirs_of(unit: Unit, gate: str) -> dict[str, Doc]:
    """Distances of right submissions under one model version, by class."""
    docs = await unit.find(RESERVOIRS, {"gate": gate}, limit=5000)
    return {doc["class"]: doc for doc in docs}


async def settled_of(reader: Reader, project: str, most: int) -> list[Doc]:
    """The newest settled tasks whose answers were kept for truth inference."""
    found: list[Doc] = []
    after: tuple[str] | None = None
    while len(found) < most:
        docs = await reader.find(
            SCORED, {"project": project}, descending=True, after=after, limit=2000
        )
        found.extend(doc for doc in docs if doc.get("said"))
        if len(docs) < 2000:
            break
        after = (docs[-1]["name"],)
    return found[:most]


async def gates_of(reader: Reader | Unit, project: str) -> list[Doc]:
    return [doc async for doc in every(reader, GATES, {"project": project})]


async def people_of(reader: Reader, project: str, after: str, limit: int) -> list[Doc]:
    return await reader.find(
        PEOPLE, {"project": project}, after=(after,) if after else None, limit=limit
    )


async def people_named(unit: Unit, project: str, people: Sequence[str]) -> dict[str, Doc]:
    """Documents of these people, new ones for those not known yet."""
    found = await unit.get_many(PEOPLE, [f"{project}/skills/{who}" for who in people])
    named = {who: f"{project}/skills/{who}" for who in people}
    return {
        who: found.get(name) or {"name": name, "project": project, "annotator": who}
        for who, name in named.items()
    }


async def all_people(reader: Reader | Unit, project: str) -> list[Doc]:
    found: list[Doc] = []
    after: tuple[str] | None = None
    while True:
        docs = await reader.find(PEOPLE, {"project": project}, after=after, limit=500)
        found.extend(docs)
        if len(docs) < 500:
            return found
        after = (docs[-1]["name"],)


async def suspects_of(reader: Reader, project: str, after: str, limit: int) -> list[Doc]:
    return await reader.find(
        SUSPECTS, {"project": project}, after=(after,) if after else None, limit=limit
    )


async def newest_opinions(reader: Reader | Unit, project: str) -> list[Doc]:
    """Opinions on tasks whose truth is known from elsewhere, the newest ones."""
    return await reader.find(
        OPINIONS,
        {"project": project},
        order=("time", "name"),
        descending=True,
        limit=_MOST_OPINIONS,
    )


async def risks_by_top(reader: Reader | Unit, project: str) -> AsyncIterator[Doc]:
    """Chunks of accepted labels, the one with the riskiest first."""
    after: tuple[float, str] | None = None
    while True:
        docs = await reader.find(
            RISKS,
            {"project": project},
            order=("top", "name"),
            descending=True,
            after=after,
            limit=_CHUNKS,
        )
        for doc in docs:
            yield doc
        if len(docs) < _CHUNKS:
            return
        after = (docs[-1]["top"], docs[-1]["name"])


async def risks_by_name(reader: Reader, project: str) -> AsyncIterator[Doc]:
    """Every chunk of accepted labels, in the order they came."""
    after = ""
    while True:
        docs = await find_below(reader, RISKS, f"{project}/risks/", after, _CHUNKS)
        for doc in docs:
            yield doc
        if len(docs) < _CHUNKS:
            return
        after = docs[-1]["name"]


async def risks_until(unit: Unit, project: str, until: str, limit: int) -> list[Doc]:
    """Chunks that came until then, oldest first."""
    where = {"project": project, "time": Below(until, equal=True)}
    return await unit.find(RISKS, where, order=("time", "name"), limit=limit)


async def reviews_of(reader: Reader | Unit, request: str) -> list[Doc]:
    """Everything a request sent to reviewers."""
    return await reader.find(REVIEWS, {"request": request}, limit=100_000)
