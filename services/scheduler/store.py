"""What the scheduler keeps: a schedule and the measures behind it per project."""

from __future__ import annotations

from libs.common.codec import from_doc, to_doc
from libs.common.store import Below, Collection, Doc, Reader, Unit, every
from services.scheduler.alerts import Drafting, GateNote, Waiting
from services.scheduler.domain import Measures, Schedule
from services.scheduler.training import Training

SCHEDULES = Collection("schedules")
COUNTS = Collection("counts")
GATES = Collection("gates", indexes=(("project", "name"),))
TRAININGS = Collection("trainings")
# Projects whose schedule is to be revised, by when.
DUE = Collection("due", indexes=(("time", "name"),))
COLLECTIONS = (SCHEDULES, COUNTS, GATES, TRAININGS, DUE)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "offer_floor": "min_priority",
    "look_count": "analysis_count",
}


def schedule_name(project: str) -> str:
    return f"{project}/schedule"


async def schedule_of(reader: Reader | Unit, project: str) -> Schedule | None:
    doc = await reader.get(SCHEDULES, schedule_name(project))
    return None if doc is None else from_doc(Schedule, doc)


async def measures_of(reader: Reader | Unit, project: str) -> Measures:
    doc = await reader.get(COUNTS, project) or {}
    times = await reader.get(COUNTS, f"{project}/times") or {}
    gates = [from_doc(GateNote, gate) async for gate in every(reader, GATES, {"project": project})]
    return Measures(
        compared=int(doc.get("compared", 0)),
        equal=int(doc.get("equal", 0)),
        accepted_time=times.get("accepted", ""),
        gates=tuple(gates),
        drafting=await drafting_of(reader, project),
        waiting=from_doc(Waiting, await reader.get(COUNTS, f"{project}/waiting") or {}),
    )


async def drafting_of(reader: Reader | Unit, project: str) -> Drafting:
    return from_doc(Drafting, await reader.get(COUNTS, f"{project}/drafting") or {})


def save_drafting(unit: Unit, project: str, drafting: Drafting) -> None:
    unit.overwrite(COUNTS, {**to_doc(drafting), "name": f"{project}/drafting"})


async def save_waiting(unit: Unit, project: str, waiting: Waiting, now: str) -> None:
    """Keeps since when something waits."""
    name = f"{project}/waiting"
    known = await unit.get(COUNTS, name) or {}
    since = (known.get("since") or now) if waiting.task_count else ""
    unit.overwrite(COUNTS, {**to_doc(waiting), "name": name, "since": since})


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
        note = GateNote(
            name=gate["name"],
            project=gate["project"],
            state=gate["state"],
            version=gate["version"],
            was_open=known.get("was_open", False) or gate["state"] == "OPEN",
            time=gate.get("update_time", ""),
            reason=gate.get("reason", ""),
        )
        unit.overwrite(GATES, to_doc(note))


def mark(unit: Unit, project: str, now: str) -> None:
    """Something of the project moved: its schedule is revised next."""
    unit.overwrite(DUE, {"name": project, "project": project, "time": now})


def mark_later(unit: Unit, project: str, time: str) -> None:
    """Revised at a time though nothing moves; apart from `mark`: neither hides the other."""
    unit.overwrite(DUE, {"name": f"{project}/later", "project": project, "time": time})


async def due(reader: Reader, now: str, limit: int) -> list[Doc]:
    """Marks whose time has come, oldest first."""
    where = {"time": Below(now, equal=True)}
    return await reader.find(DUE, where, order=("time", "name"), limit=limit)
