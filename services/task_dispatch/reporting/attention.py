"""What waits for people, counted now and then and emitted where it has changed: how much, what
nobody may take any more, and evidence that waits for a reviewer."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from labelmill.task_dispatch.v1 import events_pb2

from libs.common import names
from libs.common.access import ANNOTATOR, REVIEWER
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, time_text
from libs.common.store import Store, Unit
from libs.common.upgrades import mark_each
from services.task_dispatch import store
from services.task_dispatch.domain import Project, State, Task
from services.task_dispatch.lifecycle.transitions import fits

# A change is looked at so long after it; in between the project is not marked again.
_LOOK_SECONDS, _MARK_SECONDS = 15.0, 10.0
# What waits is looked at again, ever more seldom while nothing changes.
_AGAIN_SECONDS, _LONGEST_SECONDS = 20.0, 300.0
# Somebody may be about to take it.
_STRANDED_SECONDS = 20.0
# Of a queue's head: evidence comes first in it.
_MOST, _PAGE = 500, 200
NOBODY = (
    "each of the {0} people who {1} this project has answered or skipped them, saw a draft of what"
    " is blind now, is paused or has reached the cap: let somebody else work there, or cancel them"
)
TO_REVIEWER = "nobody is left who may give one more opinion: a reviewer decides"
# Sends tasks (names), where they still wait, to a reviewer with a reason.
Escalate = Callable[[Sequence[str], str], Awaitable[None]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Crew:
    """How many people annotate in a project, those of them who may now, and whether what none of
    them may take goes to reviewers."""

    count: int
    free: Sequence[str]
    reviewed: bool


class Marks:
    """Marks projects whose tasks moved, so that what waits there is counted anew."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._marked: dict[str, float] = {}

    def mark(self, unit: Unit, project: str) -> None:
        """Tasks of the project moved. Cheap: once in a while it writes one document."""
        now = time.monotonic()
        if self._marked.get(project, 0.0) > now:
            return
        due = time_text(self._clock.now() + timedelta(seconds=_LOOK_SECONDS))
        unit.overwrite(store.WATCHES, {"name": project, "project": project, "time": due})
        unit.after_commit.append(lambda: self._marked.update({project: now + _MARK_SECONDS}))

    def prune(self) -> None:
        """Forget marks that are over, so that memory does not grow with projects."""
        now = time.monotonic()
        self._marked = {name: until for name, until in self._marked.items() if until > now}


class Attention:
    """Counts what waits in marked projects, and emits `WorkWaiting`."""

    def __init__(self, store_: Store, clock: Clock, marks: Marks, escalate: Escalate) -> None:
        self._store, self._clock = store_, clock
        self._marks, self._escalate = marks, escalate

    async def mark_known(self) -> None:
        """Looks at every project that an earlier release left, once."""
        now = time_text(self._clock.now())

        def mark(unit: Unit, project: Doc) -> None:
            watch = {"name": project["name"], "project": project["name"], "time": now}
            unit.overwrite(store.WATCHES, watch)

        await mark_each(self._store, "watches", store.PROJECTS, mark)

    async def look_due(self) -> None:
        """Looks at every project whose time has come; one's fault is no other's."""
        now = time_text(self._clock.now())
        self._marks.prune()
        while True:
            docs = await store.watches_due(self._store, now, _PAGE)
            for doc in docs:
                await self._look_safely(doc)
            if len(docs) < _PAGE:
                return

    async def _look_safely(self, watch: Doc) -> None:
        project = watch["project"]

        async def take(unit: Unit) -> None:
            # Before the reading: what moves from here on marks it anew.
            if watch["name"] == project:
                unit.delete(store.WATCHES, [project])
            await self._later(unit, project, {}, _AGAIN_SECONDS)

        await self._store.transact(take)
        try:
            await self._look(project)
        except Exception:
            log.exception("%s: what waits there could not be counted", project)

    async def _later(self, unit: Unit, project: str, told: Doc, seconds: float) -> None:
        name = f"{project}/later"
        known = await unit.get(store.WATCHES, name) or {"name": name, "project": project}
        due = time_text(self._clock.now() + timedelta(seconds=seconds))
        unit.overwrite(store.WATCHES, {**known, **told, "time": due})

    async def _look(self, project_name: str) -> None:
        project = await store.project_by_name(self._store, project_name)
        counted = await self._counted(project) if project is not None else {}

        async def work(unit: Unit) -> None:
            known = await unit.get(store.WATCHES, f"{project_name}/later") or {}
            changed = known.get("told", {}) != counted
            if changed:
                message = doc_to_message(counted, events_pb2.WorkWaiting)
                message.project = project_name
                unit.emit(names.event_key(project_name, 0), message)
            if not counted:
                unit.delete(store.WATCHES, [f"{project_name}/later"])
                return
            seconds = known.get("pause", 0.0) * 2
            pause = (
                _AGAIN_SECONDS if changed else min(max(seconds, _AGAIN_SECONDS), _LONGEST_SECONDS)
            )
            await self._later(unit, project_name, {"told": counted, "pause": pause}, pause)

        await self._store.transact(work)

    async def _counted(self, project: Project) -> Doc:
        """Fields of `WorkWaiting`; empty where nothing waits."""
        totals = await store.totals_of(self._store, project.name)
        waits = (f".{State.OPEN}", f".{State.ASSIGNED}")
        count = sum(n for k, n in totals.items() if k.startswith("counts.") and k.endswith(waits))
        if not count:
            return {}
        found: Doc = {"task_count": int(count)}
        found |= await self._stranded(project, reviewed=totals.get("reviews", 0) > 0)
        queue = store.queue_of(project.name, store.REVIEW)
        reviews = await store.open_tasks(self._store, queue, None, _MOST)
        if evidence := [task for task in reviews if task.sampled]:
            oldest = min(_since(task) for task in evidence)
            found |= {"evidence_count": len(evidence), "evidence_time": oldest}
        return found

    async def _stranded(self, project: Project, *, reviewed: bool) -> Doc:
        """Fields that tell of tasks that nobody may annotate any more who may work here. Where
        there are reviewers those tasks go to them."""
        before = self._clock.now() - timedelta(seconds=_STRANDED_SECONDS)
        crew: _Crew | None = None
        count = 0
        async for tasks in self._begun(project.name):
            crew = crew or await self._crew(project, reviewed=reviewed)
            free = crew.free
            waits = [task for task in tasks if task.update_time <= before and task.free_slots > 0]
            stranded = [task for task in waits if not any(fits(task, who) for who in free)]
            if crew.reviewed:
                open_ = [task for task in stranded if _for_reviewer(task)]
                await self._escalate([task.name for task in open_], TO_REVIEWER)
                count -= len(open_)
            count += len(stranded)
        if not count or crew is None:
            return {}
        words = "are members of" if project.listed else "may label in"
        return {"stranded_count": count, "stranded_reason": NOBODY.format(crew.count, words)}

    async def _begun(self, project: str) -> AsyncIterator[list[Task]]:
        """Pages of the project's tasks that wait for one more opinion."""
        after = ""
        while tasks := await store.begun_tasks(self._store, project, after, _PAGE):
            yield tasks
            after = tasks[-1].name

    async def _crew(self, project: Project, *, reviewed: bool) -> _Crew:
        """Who annotates here: in a closed project its members but for those who only review, in an
        open one the tenant's annotators; and everybody else who ever answered and still may."""
        users = {user.id: user for user in await store.users_of(self._store, project.tenant)}
        people = store.people_of(self._store, project.name)
        work = {doc["name"].rsplit("/", 1)[-1]: doc async for doc in people}
        annotate = {who for who, doc in work.items() if doc.get("annotations", 0)}
        annotators = {who for who, user in users.items() if user.role == ANNOTATOR}
        reviewers = {who for who, user in users.items() if user.role == REVIEWER and user.active}
        if project.listed:
            annotate = {who for who in project.people if who in annotate or who not in work}
            reviewers &= set(project.people)
        else:
            annotate |= annotators
        skills = project.policy.required_skills
        # Whom only a token names is no user here.
        annotate = {who for who in annotate if who not in users or users[who].has(skills)}
        cap = project.policy.annotator_cap
        free = []
        for who in sorted(annotate):
            full = cap and work.get(who, {}).get("annotations", 0) >= cap
            if not full and not await store.pause_of(self._store, project.name, who):
                free.append(who)
        # Without annotators on record those of an open project may be anybody's guess.
        told = bool(project.listed or annotators)
        judged = bool(reviewed or project.policy.review_share or reviewers)
        return _Crew(len(annotate), free, reviewed=told and judged)


def _for_reviewer(task: Task) -> bool:
    """May it go to a reviewer? Not while somebody is at it; neither known answers nor evidence
    without an opinion, of which a reviewer would see the draft alone."""
    return not (task.leases or task.gold or (task.sampled and not task.annotation_count))


def _since(task: Task) -> str:
    """Since when it waits for what it waits for."""
    decided = task.decisions[-1]["create_time"] if task.decisions else task.update_time
    return time_text(decided) if isinstance(decided, datetime) else str(decided)
