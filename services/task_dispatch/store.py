"""What task-dispatch keeps, and its named questions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from collections.abc import Set as AbstractSet

from libs.common import telemetry
from libs.common.codec import from_doc, time_text, to_doc
from libs.common.errors import NotFound
from libs.common.names import SHARDS, shard_of
from libs.common.store import Below, Collection, Doc, Reader, Unit, every, find_below
from services.task_dispatch.domain import (
    Assignment,
    Project,
    State,
    Task,
    User,
    counted,
)
from services.task_dispatch.reporting.work_accounting import worked

PROJECTS = Collection("projects")
TASKS = Collection(
    "tasks",
    indexes=(("project", "state", "name"), ("queue", "rank", "name"), ("begun", "name")),
)
ASSIGNMENTS = Collection(
    "assignments", indexes=(("person", "outcome", "name"), ("outcome", "expire_time", "name"))
)
COUNTERS = Collection("counters")
PEOPLE = Collection("people")
CLAIMS = Collection("claims", indexes=(("time",),))
TURNS = Collection("turns")
REROUTES = Collection("reroutes")
REDRAFTS = Collection("redrafts")
RECALLS = Collection("recalls")
FLOORS = Collection("floors")
PAUSES = Collection("pauses")
# Projects whose waiting work is to be counted, by when.
WATCHES = Collection("watches", indexes=(("time", "name"),))
# What reviewers said of rejected work, for who did it.
FEEDBACK = Collection("feedback", indexes=(("person", "name"),))
# Users of tenants, as the gateway tells them.
USERS = Collection("users")
COLLECTIONS = (
    USERS,
    WATCHES,
    FEEDBACK,
    PROJECTS,
    TASKS,
    ASSIGNMENTS,
    COUNTERS,
    PEOPLE,
    CLAIMS,
    TURNS,
    REROUTES,
    REDRAFTS,
    RECALLS,
    FLOORS,
    PAUSES,
)
# Fields that versions before 0.2 called otherwise.
RENAMED = {
    "planted": "injected_error",
    "planted_share": "injected_error_share",
    "adaptive_opinions": "adaptive_annotations",
    "whole": "parent_task",
    "pieces": "subtasks",
    "entry": "element",
}
ANNOTATE, REVIEW = "annotate", "review"
_PAGE = 200
# The commonest first.
_AT_WORK = (State.OPEN, State.PRELABELING, State.ROUTING, State.ASSIGNED, State.SCORING)


def queue_of(project: str, lane: str) -> str:
    """Name of the queue of open tasks: one per project and lane."""
    return f"{project}:{lane}"


def task_doc(task: Task) -> Doc:
    """Document of a task; only OPEN ones stand in a queue, best rank first."""
    doc = to_doc(task)
    waits = task.state is State.OPEN
    doc["queue"] = queue_of(task.project, REVIEW if task.reviewing else ANNOTATE) if waits else None
    doc["rank"] = -task.priority
    # Few of those that wait: they are found among any number of untouched ones.
    doc["begun"] = task.project if task.begun else None
    return doc


def save(unit: Unit, before: Task | None, after: Task) -> None:
    """Stages the task and what it changes in the counters."""
    unit.put(TASKS, task_doc(after))
    count(unit, before, after)


def save_many(unit: Unit, changes: Sequence[tuple[Task | None, Task]]) -> None:
    """As `save`, with new tasks inserted in bulk."""
    for before, after in changes:
        if before is not None:
            unit.put(TASKS, task_doc(after))
        count(unit, before, after)
    unit.insert(TASKS, [task_doc(after) for before, after in changes if before is None])


def count(unit: Unit, before: Task | None, after: Task) -> None:
    """Counters are kept per shard, so that many writers do not queue for one document; those of
    people's work have documents of their own, as most changes do not touch them."""
    deltas, shard = counted(before, after), shard_of(after.name)
    unit.count(COUNTERS, f"{after.project}/counters/{shard}", deltas)
    work = worked(before, after)
    if work:
        unit.count(COUNTERS, f"{after.project}/efforts/{shard}", work)
    settled = {k[8:]: v for k, v in deltas.items() if k.startswith("sources.") and v > 0}
    if work or settled:
        unit.after_commit.append(lambda: _measure(work, settled))


def _measure(work: dict[str, float], settled: dict[str, float]) -> None:
    """Tells the metrics what was committed."""
    for source, count in settled.items():
        telemetry.LABELS_TOTAL.labels(source).inc(count)
    for key, value in work.items():
        kind, stage, what = key.split(".")
        # Whether a model learns from an answer is the project's affair, not known here.
        stage = "annotation" if stage == "training" else stage
        if kind == "stages" and what == "seconds":
            telemetry.PEOPLE_SECONDS_TOTAL.labels(stage).inc(value)
        elif kind == "stages" and what in ("count", "untimed"):
            telemetry.ANSWERS_TOTAL.labels(stage).inc(value)


def counter_names(project: str, shards: int) -> list[str]:
    return [f"{project}/counters/{shard}" for shard in range(shards)]


async def totals_of(reader: Reader | Unit, project: str) -> dict[str, float]:
    """Sums of all counters of a project: a fixed number of small reads."""
    work = [f"{project}/efforts/{shard}" for shard in range(SHARDS)]
    docs = await reader.get_many(COUNTERS, [*counter_names(project, SHARDS), *work])
    totals: dict[str, float] = {}
    for doc in docs.values():
        for key, value in doc.items():
            if key != "name":
                totals[key] = totals.get(key, 0) + value
    return totals


async def live_count(reader: Reader | Unit, project: str) -> int:
    """Tasks of a project that were not cancelled."""
    docs = await reader.get_many(COUNTERS, counter_names(project, SHARDS))
    made = sum(doc.get("tasks", 0) for doc in docs.values())
    gone = sum(
        count
        for doc in docs.values()
        for key, count in doc.items()
        if key.startswith("counts.") and key.endswith(f".{State.CANCELLED}")
    )
    return int(made - gone)


async def tasks_by_name(reader: Reader | Unit, names: Sequence[str]) -> dict[str, Task]:
    found = await reader.get_many(TASKS, names)
    return {name: from_doc(Task, doc) for name, doc in found.items()}


async def task_by_name(reader: Reader | Unit, name: str) -> Task | None:
    doc = await reader.get(TASKS, name)
    return None if doc is None else from_doc(Task, doc)


async def existing_task(reader: Reader | Unit, name: str) -> Task:
    """The task; raises `NotFound` where there is none."""
    task = await task_by_name(reader, name)
    if task is None:
        raise NotFound(f"{name[:200]} was not found", field="name")
    return task


async def take_turn(unit: Unit, person: str) -> None:
    """Make units of work about one person's claims follow one another: of two at once the second
    runs again, and reads what the first has written."""
    doc = await unit.get(TURNS, person)
    unit.put(TURNS, {"name": person, "version": (doc or {"version": 0})["version"] + 1})


async def open_tasks(
    reader: Reader, queue: str, after: tuple[float, str] | None, limit: int
) -> list[Task]:
    """Open tasks of a queue in order, behind a place in it."""
    docs = await reader.find(
        TASKS, {"queue": queue}, order=("rank", "name"), after=after, limit=limit
    )
    return [from_doc(Task, doc) for doc in docs]


async def begun_tasks(reader: Reader, project: str, after: str, limit: int) -> list[Task]:
    """Tasks that wait for one more annotation after somebody answered or skipped them, by name."""
    where = {"begun": project}
    docs = await reader.find(TASKS, where, after=(after,) if after else None, limit=limit)
    return [from_doc(Task, doc) for doc in docs]


async def task_page(
    reader: Reader, project: str, state: State | None, after: str, limit: int
) -> list[Doc]:
    """Tasks of a project in name order, of one state where it is given."""
    if state is None:
        return await find_below(reader, TASKS, f"{project}/tasks/", after, limit)
    where = {"project": project, "state": state.value}
    return await reader.find(TASKS, where, after=(after,) if after else None, limit=limit)


async def waits_for_others(
    reader: Reader | Unit, whole: Task, part: str, settled: AbstractSet[str]
) -> bool:
    """Is a piece of this part of an item not settled yet, other than those that just were? A few
    small reads, however many pieces there are; `whole` must have been read in this unit
    before."""
    project = f"{whole.project}.{part}"
    begin = f"{project}/tasks/{whole.name.rsplit('/', 1)[-1]}."
    for state in _AT_WORK:
        where = {"project": project, "state": state.value}
        docs = await reader.find(TASKS, where, after=(begin,), limit=len(settled) + 1)
        if any(doc["parent_task"] == whole.name and doc["name"] not in settled for doc in docs):
            return True
    return False


async def project_by_name(reader: Reader | Unit, name: str) -> Project | None:
    doc = await reader.get(PROJECTS, name)
    return None if doc is None else from_doc(Project, doc)


async def watches_due(reader: Reader, now: str, limit: int) -> list[Doc]:
    """Marks whose time has come, oldest first."""
    where = {"time": Below(now, equal=True)}
    return await reader.find(WATCHES, where, order=("time", "name"), limit=limit)


async def people_of(reader: Reader, project: str) -> AsyncIterator[Doc]:
    """Counters of everybody who ever answered in a project, by name."""
    after = ""
    while True:
        docs = await find_below(reader, PEOPLE, f"{project}/people/", after, _PAGE)
        for doc in docs:
            yield doc
        if len(docs) < _PAGE:
            return
        after = docs[-1]["name"]


async def users_of(reader: Reader, tenant: str) -> list[User]:
    """Users of a tenant, by name."""
    found: list[User] = []
    after = ""
    while docs := await find_below(reader, USERS, f"{tenant}/users/", after, _PAGE):
        found += [from_doc(User, doc) for doc in docs]
        after = docs[-1]["name"]
    return found


async def feedback_of(reader: Reader, person: str, after: str, limit: int) -> list[Doc]:
    """What reviewers said of a person's rejected work in one project, newest first."""
    return await reader.find(
        FEEDBACK,
        {"person": person},
        descending=True,
        after=(after,) if after else None,
        limit=limit,
    )


def pause_name(project: str, person: str) -> str:
    return f"{project}/pauses/{person}"


async def pause_of(reader: Reader, project: str, person: str) -> str:
    """Why the person may not claim; empty where they may."""
    doc = await reader.get(PAUSES, pause_name(project, person))
    return str(doc["reason"]) if doc else ""


async def assignment_by_name(reader: Reader | Unit, name: str) -> Assignment | None:
    doc = await reader.get(ASSIGNMENTS, name)
    return None if doc is None else from_doc(Assignment, doc)


def assignment_doc(held: Assignment) -> Doc:
    return {**to_doc(held), "person": f"{held.project}:{held.annotator}"}


async def live_assignments(reader: Reader, project: str, annotator: str) -> list[Assignment]:
    where = {"person": f"{project}:{annotator}", "outcome": "LIVE"}
    return [from_doc(Assignment, doc) async for doc in every(reader, ASSIGNMENTS, where)]


async def expired_assignments(reader: Reader, now: object, limit: int) -> list[Assignment]:
    docs = await reader.find(
        ASSIGNMENTS,
        {"outcome": "LIVE", "expire_time": Below(time_text(now), equal=True)},  # type: ignore[arg-type]
        order=("expire_time", "name"),
        limit=limit,
    )
    return [from_doc(Assignment, doc) for doc in docs]
