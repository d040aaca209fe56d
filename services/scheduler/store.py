"""What the scheduler keeps: a schedule and the measures behind it per project."""

from __future__ import annotations

from libs.common.codec import from_doc, to_doc
from libs.common.store import Collection, Doc, Reader, Unit
from services.scheduler.domain import Measures, Schedule, Training

SCHEDULES = Collection("schedules")
COUNTS = Collection("counts")
GATES = Collection("gates", indexes=(("project", "name"),))
TRAININGS = Collection("trainings")
COLLECTIONS = (SCHEDULES, COUNTS, GATES, TRAININGS)


def schedule_name(project: str) -> str:
    return f"{project}/schedule"


async def schedule_of(reader: Reader | Unit, project: str) -> Schedule | None:
    doc = await reader.get(SCHEDULES, schedule_name(project))
    return None if doc is None else from_doc(Schedule, doc)


async def measures_of(reader: Reader | Unit, project: str) -> Measures:
    doc = await reader.get(COUNTS, project) or {}
    times = await reader.get(COUNTS, f"{project}/times") or {}
    gates = await reader.find(GATES, {"project": project}, limit=100)
    open_gates = sum(g["state"] == "OPEN" for g in gates)
    return Measures(
        compared=int(doc.get("compared", 0)),
        equal=int(doc.get("equal", 0)),
        drafts=int(doc.get("drafts", 0)),
        failures=int(doc.get("failures", 0)),
        open_gates=open_gates,
        closed_gates=sum(g["state"] == "CLOSED" and g["was_open"] for g in gates),
        accepted_time=times.get("accepted", ""),
        opened_time=times.get("opened", ""),
    )


async def training_of(reader: Reader | Unit, project: str) -> Training | None:
    """None where the project does not train."""
    doc = await reader.get(TRAININGS, project)
    return None if doc is None else from_doc(Training, doc)


def save_training(unit: Unit, training: Training) -> None:
    unit.overwrite(TRAININGS, to_doc(training))


async def note_time(unit: Unit, project: str, what: str, time: str) -> None:
    doc = await unit.get(COUNTS, f"{project}/times") or {"name": f"{project}/times"}
    unit.overwrite(COUNTS, {**doc, what: time})


async def note_gate(unit: Unit, gate: Doc) -> None:
    known = await unit.get(GATES, gate["name"]) or {}
    if known.get("version", 0) < gate["version"]:
        was_open = known.get("was_open", False) or gate["state"] == "OPEN"
        kept = {k: gate[k] for k in ("name", "project", "state", "version")}
        unit.overwrite(GATES, {**kept, "was_open": was_open})
