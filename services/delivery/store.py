"""What delivery keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from libs.common.codec import from_doc, time_text, to_doc
from libs.common.names import project_of
from libs.common.store import Below, Collection, Doc, Reader, Unit, every
from services.delivery.domain import READY, Delivery, Project

PROJECTS = Collection("projects")
LABELS = Collection(
    "labels", indexes=(("delivery", "name"), ("project", "delivery", "arrive_time", "name"))
)
DELIVERIES = Collection("deliveries", indexes=(("project", "name"), ("work", "name")))
REQUESTS = Collection("requests")
COUNTERS = Collection("counters")
GATES = Collection("gates", indexes=(("project", "name"),))
LOOKS = Collection("looks", indexes=(("project", "time", "name"),))
REPORTS = Collection("reports")
# The named tasks of a rejection, by delivery.
REJECTIONS = Collection("rejections")
# What models behind the labels were made of, and what the inference server did by project.
MODELS = Collection("models", indexes=(("project", "name"),))
# The last manifest of each project: every manifest names its predecessor's hash.
CHAINS = Collection("chains")
COLLECTIONS = (
    PROJECTS,
    LABELS,
    DELIVERIES,
    REQUESTS,
    COUNTERS,
    GATES,
    LOOKS,
    REPORTS,
    REJECTIONS,
    MODELS,
    CHAINS,
)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "class_floors": "class_error_limits",
    "look_count": "analysis_count",
    "standing_count": "ongoing_audit_count",
    "standing_errors": "ongoing_audit_errors",
    "piece_count": "subtask_count",
    "planted": "injected_error",
    "entry": "element",
}
MOST_LOOKS = 200
_OPEN, _DONE = "OPEN", "DONE"


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


def save(unit: Unit, delivery: Delivery) -> None:
    """Stages the delivery; `work` says whether the timer has to look at it."""
    doc = to_doc(delivery)
    doc["project"] = project_of(delivery.name)
    doc["work"] = _OPEN if delivery.open else _DONE
    unit.put(DELIVERIES, doc)


async def delivery_by_name(reader: Reader | Unit, name: str) -> Delivery | None:
    doc = await reader.get(DELIVERIES, name)
    return None if doc is None else from_doc(Delivery, doc)


async def open_deliveries(reader: Reader) -> list[Delivery]:
    return [from_doc(Delivery, doc) async for doc in every(reader, DELIVERIES, {"work": _OPEN})]


async def deliveries_of(reader: Reader, project: str, after: str, limit: int) -> list[Delivery]:
    docs = await reader.find(
        DELIVERIES, {"project": project}, after=(after,) if after else None, limit=limit
    )
    return [from_doc(Delivery, doc) for doc in docs]


async def ready_labels(
    reader: Reader | Unit, project: str, until: datetime, limit: int
) -> list[Doc]:
    """Labels no delivery holds that had come by then, oldest first."""
    return await reader.find(
        LABELS,
        {
            "project": project,
            "delivery": READY,
            "arrive_time": Below(time_text(until), equal=True),
        },
        order=("arrive_time", "name"),
        limit=limit,
    )


async def newest_arrival(reader: Reader | Unit, project: str) -> datetime | None:
    """When the youngest label came that no delivery holds; may be ahead of a clock set back."""
    found = await reader.find(
        LABELS,
        {"project": project, "delivery": READY},
        order=("arrive_time", "name"),
        descending=True,
        limit=1,
    )
    return datetime.fromisoformat(found[0]["arrive_time"]) if found else None


async def labels_of(reader: Reader | Unit, delivery: str, after: str, limit: int) -> list[Doc]:
    """Labels a delivery holds, by name."""
    return await reader.find(
        LABELS, {"delivery": delivery}, after=(after,) if after else None, limit=limit
    )


async def deliverable(reader: Reader | Unit, project: str) -> int:
    """Labels that are ready and not promised to a delivery; from counters."""
    doc = await reader.get(COUNTERS, project) or {}
    return int(doc.get("ready", 0) - doc.get("promised", 0))


async def gates_of(reader: Reader | Unit, project: str) -> list[Doc]:
    return [doc async for doc in every(reader, GATES, {"project": project})]


async def models_of(reader: Reader | Unit, project: str) -> list[Doc]:
    return [doc async for doc in every(reader, MODELS, {"project": project})]


async def looks_of(reader: Reader | Unit, project: str) -> list[Doc]:
    """The newest looks at the project's gates, newest first."""
    order = ("time", "name")
    return await reader.find(
        LOOKS, {"project": project}, order=order, descending=True, limit=MOST_LOOKS
    )


async def labels_by_name(reader: Reader | Unit, names: Sequence[str]) -> dict[str, Doc]:
    return await reader.get_many(LABELS, names)
