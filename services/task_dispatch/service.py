"""Use cases of people: what annotators and reviewers do with the tasks they hold, what managers
see and cancel. Each loads, lets `lifecycle` decide, and saves.

Leases are given in `claims`; what other services say comes in through `ingest` and
`bulk_updates`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from labelmill.task_dispatch.v1 import events_pb2

from libs.common.clock import Clock
from libs.common.codec import Doc, from_doc
from libs.common.errors import Invalid, NotFound, OutOfTurn
from libs.common.store import Store, Unit
from services.task_dispatch import domain, store
from services.task_dispatch.claims.lease_expiry import LeaseExpiry
from services.task_dispatch.claims.service import Claims
from services.task_dispatch.composite.service import Composites
from services.task_dispatch.domain import Assignment, Project, State, Task, changed
from services.task_dispatch.lifecycle import submissions, transitions
from services.task_dispatch.projects import Projects
from services.task_dispatch.reporting.announcer import Announcer
from services.task_dispatch.reporting.attention import Attention
from services.task_dispatch.routing.bulk_updates import BulkUpdates
from services.task_dispatch.routing.ingest import Ingest
from services.task_dispatch.routing.rerouting import Rerouting
from services.task_dispatch.value_check import ValueCheck


@contextmanager
def legal() -> Iterator[None]:
    """An illegal move is a request out of turn."""
    try:
        yield
    except domain.IllegalMove as illegal:
        raise OutOfTurn(str(illegal)) from illegal


class Work:
    """What annotators and reviewers do with the tasks they hold."""

    def __init__(
        self, store_: Store, clock: Clock, projects: Projects, announcer: Announcer
    ) -> None:
        self._store, self._clock = store_, clock
        self._projects, self._announcer = projects, announcer
        self._value_check = ValueCheck()

    async def save_draft(
        self, name: str, person: str, token: int, value: Doc
    ) -> tuple[Assignment, Task]:
        """Keeps an unfinished value; the lease counts from now again."""

        async def work(unit: Unit) -> tuple[Assignment, Task]:
            held, task = await self._held(unit, name, person, token)
            project = await self._projects.expected(unit, task.project)
            with legal():
                after = transitions.extend(
                    task, held, self._clock.now(), project.policy.lease_seconds or 900
                )
            lease = next(x for x in after.leases if x.assignment == name)
            kept = changed(held, draft=value, expire_time=lease.expire_time)
            store.save(unit, task, after)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(kept))
            return kept, after

        return await self._store.transact(work)

    async def submit(
        self,
        name: str,
        person: str,
        token: int,
        value: Doc,
        work_seconds: float,
        delegate: str = "",
    ) -> Doc:
        """The annotation as kept, that `delegate` brought where it is set; a repeated submit is
        answered with the first one."""

        async def work(unit: Unit) -> Doc:
            held, task = await self._held(unit, name, person, token, live=False)
            if held.outcome == "SUBMITTED" and held.result is not None:
                return submissions.same(held.result, "value", value)
            await self._value_check.check(unit, task, value)
            now = self._clock.now()
            annotation = submissions.annotation(task, held, value, work_seconds, now, delegate)
            after, kept = transitions.submit(task, held, annotation, now)
            store.save(unit, task, after)
            done = changed(held, outcome="SUBMITTED", result=kept, draft=None)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(done))
            fresh = {"annotations": int(not kept.get("after_hint"))}
            unit.count(store.PEOPLE, submissions.person(task.project, person), fresh)
            self._announcer.emit(unit, events_pb2.AnnotationsSubmitted, [after])
            self._announcer.settle_window(unit, task, after)
            return kept

        return await self._store.transact(work)

    async def review(self, name: str, person: str, token: int, verdict: Doc) -> Doc:
        """The review as kept. `verdict`: verdict, value (FIXED only), comment, work_seconds, and
        the delegate."""
        if (verdict["verdict"] == "FIXED") != bool(verdict.get("value")):
            raise Invalid("a value goes with the verdict FIXED and with no other", field="value")

        async def work(unit: Unit) -> Doc:
            held, task = await self._held(unit, name, person, token, live=False)
            if held.outcome == "SUBMITTED" and held.result is not None:
                return submissions.same(held.result, "verdict", verdict["verdict"])
            if "value" in verdict:
                await self._value_check.check(unit, task, verdict["value"])
            now = self._clock.now()
            kept = submissions.review(held, verdict, now)
            with legal():
                after = transitions.review(task, held, kept, now)
            store.save(unit, task, after)
            ended = changed(held, outcome="SUBMITTED", result=kept)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(ended))
            unit.insert(store.FEEDBACK, submissions.feedback(task, kept))
            unit.count(
                store.PEOPLE, submissions.person(task.project, held.annotator), {"reviews": 1}
            )
            self._announcer.emit(unit, events_pb2.ReviewsSubmitted, [after])
            return kept

        return await self._store.transact(work)

    async def give_back(self, name: str, person: str, token: int, skip_reason: str = "") -> None:
        """Skips (with a reason) or releases the task; done already, it stays as it is."""
        outcome = "SKIPPED" if skip_reason else "RELEASED"

        async def work(unit: Unit) -> None:
            held, task = await self._held(unit, name, person, token, done=outcome)
            if held.outcome == outcome:
                return
            now = self._clock.now()
            with legal():
                after = transitions.give_back(task, held, now, skip_reason=skip_reason)
            store.save(unit, task, after)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(changed(held, outcome=outcome)))
            self._announcer.ready_to_score(unit, [after])
            self._announcer.settle_window(unit, task, after)

        await self._store.transact(work)

    async def feedback(self, project: str, person: str, size: int, after: str) -> list[Doc]:
        """What reviewers said of the person's rejected work, newest first, in an item's parts
        too; `after` is the name of the last one seen."""
        known = await self._projects.known(project)
        found: list[Doc] = []
        for own in (project, *(f"{project}.{part['name']}" for part in known.parts)):
            where = submissions.person(own, person)
            if not after or after.startswith(f"{where}/"):
                found += await store.feedback_of(self._store, where, after, size - len(found))
                after = ""
            if len(found) >= size:
                break
        if after:
            raise Invalid("page_token is not one of this list", field="page_token")
        return found

    async def _held(
        self, unit: Unit, name: str, person: str, token: int, *, live: bool = True, done: str = ""
    ) -> tuple[Assignment, Task]:
        """The person's own assignment and its task, under the right fencing token; `live` as it
        must be, or ended in `done`."""
        held = await store.assignment_by_name(unit, name)
        if held is None or held.annotator != person:
            raise NotFound(f"{name[:200]} was not found", field="name")
        if held.fencing_token != token:
            raise OutOfTurn(
                f"fencing token {token} is not that of this assignment", field="fencing_token"
            )
        over = held.outcome != "LIVE" or held.expire_time <= self._clock.now()
        if live and over and held.outcome != done:
            raise OutOfTurn("the lease is over; claim the task again", field="name")
        return held, await store.existing_task(unit, held.task)


class Tasks:
    """What managers see of tasks, and how they cancel one."""

    def __init__(
        self,
        store_: Store,
        clock: Clock,
        projects: Projects,
        announcer: Announcer,
        composites: Composites,
    ) -> None:
        self._store, self._clock, self._projects = store_, clock, projects
        self._announcer, self._composites = announcer, composites

    async def get(self, name: str) -> Task:
        return await store.existing_task(self._store, name)

    async def list(
        self, project: str, state: State | None, page_size: int, after: str
    ) -> list[Task]:
        await self._projects.known(project)
        docs = await store.task_page(self._store, project, state, after, page_size or 100)
        return [from_doc(Task, doc) for doc in docs]

    async def cancel(self, name: str, reason: str) -> Task:
        """The task, out of the line; cancelled already, it stays as it is."""

        async def work(unit: Unit) -> Task:
            task = await store.existing_task(unit, name)
            if task.state is State.CANCELLED:
                return task
            with legal():
                after = transitions.cancel(task, reason, self._clock.now())
            changes = [(task, after), *await self._composites.cancel_with(unit, task, reason)]
            store.save_many(unit, changes)
            self._announcer.emit(unit, events_pb2.TasksCancelled, [gone for _, gone in changes])
            for before, gone in changes:
                self._announcer.settle_window(unit, before, gone)
            return after

        return await self._store.transact(work)

    async def progress(self, project: str) -> tuple[Project, dict[str, float]]:
        """The project and the sums of its counters."""
        return await self._projects.known(project), await store.totals_of(self._store, project)


@dataclass(frozen=True)
class UseCases:
    """The owners of the service's use cases, as `main.wire` builds them: an event or a timer calls
    the one that it concerns."""

    claims: Claims
    work: Work
    tasks: Tasks
    ingest: Ingest
    bulk_updates: BulkUpdates
    rerouting: Rerouting
    lease_expiry: LeaseExpiry
    attention: Attention
