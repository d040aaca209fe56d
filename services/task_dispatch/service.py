"""Use cases of people and managers: load, decide in `moves`, save.

What other services ask for is in `line` and `lots`, what happens by itself in `background`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from labelmill.task_dispatch.v1 import events_pb2

from libs.common import names
from libs.common.codec import Doc, from_doc, time_text
from libs.common.errors import Denied, Exhausted, Invalid, NotFound, OutOfTurn
from libs.common.patience import eventually
from libs.common.store import Unit
from services.task_dispatch import domain, given, moves, returned, store
from services.task_dispatch.background import changed
from services.task_dispatch.domain import Assignment, Project, Stage, State, Task
from services.task_dispatch.line import Line


@contextmanager
def legal() -> Iterator[None]:
    """An illegal move is a request out of turn."""
    try:
        yield
    except domain.IllegalMove as illegal:
        raise OutOfTurn(str(illegal)) from illegal


class TaskDispatch(Line):
    """The only owner of a task's state."""

    # -- people -------------------------------------------------------------------------------

    async def claim(
        self,
        project_name: str,
        person: str,
        stage: Stage | None,
        count: int,
        skills: Sequence[str],
        request_id: str,
    ) -> list[tuple[Assignment, Task]]:
        """Leases the next tasks; the same request answers with the same assignments."""
        project = await self._known(project_name)
        if project.parts:
            return await self._claim_parts(project, person, stage, count, skills, request_id)
        return await self._claim_own(project, person, stage, count, skills, request_id)

    async def _claim_parts(
        self,
        project: Project,
        person: str,
        stage: Stage | None,
        count: int,
        skills: Sequence[str],
        request_id: str,
    ) -> list[tuple[Assignment, Task]]:
        """Of the whole items' own tasks, then of those of their parts, in the template's order."""
        leased: list[tuple[Assignment, Task]] = []
        own = (person, stage, max(1, count), skills, request_id)
        leased += await self._claim_own(project, *own)
        for part in project.parts:
            if len(leased) >= max(1, count):
                break
            mine = await store.project_by_name(self._store, f"{project.name}.{part['name']}")
            if mine is not None:
                left = max(1, count) - len(leased)
                leased += await self._claim_own(mine, person, stage, left, skills, request_id)
        return leased

    async def _claim_own(
        self,
        project: Project,
        person: str,
        stage: Stage | None,
        count: int,
        skills: Sequence[str],
        request_id: str,
    ) -> list[tuple[Assignment, Task]]:
        project_name = project.name
        lacking = [s for s in project.policy.required_skills if s not in skills]
        if lacking:
            raise Denied(f"{project_name} needs the skills {', '.join(lacking)}")
        if pause := await store.pause_of(self._store, project_name, person):
            raise Denied(f"you are paused in this project: {pause}", field="annotator")
        await self._ready.know_offer(project_name)
        lane = store.REVIEW if stage in domain.REVIEW_STAGES else store.ANNOTATE
        again = [] if lane == store.REVIEW else await self._again(project_name, person, count)
        if again:
            return again
        queue = store.queue_of(project_name, lane)
        touched: list[str] = []

        async def work(unit: Unit) -> list[tuple[Assignment, Task]]:
            self._ready.leased(touched)
            touched.clear()
            repeated = await self._repeated_claim(unit, project_name, person, request_id)
            if repeated is not None:
                return repeated
            room = await self._room(unit, project, person, max(1, count))
            leased = await self._lease_from(unit, queue, project, person, room, touched)
            if request_id and leased:
                unit.insert(
                    store.CLAIMS, [self._claim_doc(project_name, person, request_id, leased)]
                )
            return leased

        try:
            return await self._store.transact(work)
        finally:
            self._ready.leased(touched)

    async def _again(self, project: str, person: str, count: int) -> list[tuple[Assignment, Task]]:
        """What the person is asked to look at again comes before anything new."""
        if (project, person) not in self._asked_again:
            return []
        held = await self.assignments(project, person)
        asked = [(a, task) for a, task in held if returned.waits_for(task, person)]
        if len(asked) <= count:
            self._asked_again.discard((project, person))
        return asked[: max(1, count)]

    async def _lease_from(
        self,
        unit: Unit,
        queue: str,
        project: Project,
        person: str,
        count: int,
        touched: list[str],
    ) -> list[tuple[Assignment, Task]]:
        leased: list[tuple[Assignment, Task]] = []
        while len(leased) < count:
            proposed = await self._ready.propose(queue, person, count - len(leased))
            if not proposed:
                break
            touched.extend(proposed)
            for name in proposed:
                self._ready.leasing(name)
            tasks = await store.tasks_by_name(unit, proposed)
            for name in proposed:
                task = tasks.get(name)
                if task is None or not moves.fits(task, person):
                    self._ready.taken(queue, name)
                else:
                    leased.append(self._lease(unit, queue, project, person, task))
        return leased

    def _lease(
        self, unit: Unit, queue: str, project: Project, person: str, task: Task
    ) -> tuple[Assignment, Task]:
        now, seconds = self._clock.now(), project.policy.lease_seconds or 900
        name = f"{task.name}/assignments/{names.new_id()}"
        after = moves.lease(task, person, name, now, seconds)
        held = after.leases[-1]
        assignment = Assignment(
            name=name,
            task=task.name,
            project=task.project,
            annotator=person,
            stage=task.stage,
            fencing_token=held.fencing_token,
            create_time=now,
            expire_time=held.expire_time,
        )
        store.save(unit, task, after)
        unit.insert(store.ASSIGNMENTS, [store.assignment_doc(assignment)])
        self._emit(unit, events_pb2.TasksAssigned, [after])
        # Proposed to nobody else even before the commit; a lost race is proposed again later.
        if after.state is State.OPEN:
            self._ready.keep(queue, after)
        else:
            self._ready.taken(queue, task.name)
        return assignment, after

    async def _room(self, unit: Unit, project: Project, person: str, count: int) -> int:
        cap = project.policy.annotator_cap
        if not cap:
            return count
        doc = await unit.get(store.PEOPLE, given.person(project.name, person)) or {}
        held = await store.live_assignments(self._store, project.name, person)
        room = cap - int(doc.get("annotations", 0)) - len(held)
        if room <= 0:
            raise Exhausted(f"{person} has reached the cap of {cap} tasks in this project")
        return min(room, count)

    async def _repeated_claim(
        self, unit: Unit, project: str, person: str, request_id: str
    ) -> list[tuple[Assignment, Task]] | None:
        if not request_id:
            return None
        doc = await unit.get(store.CLAIMS, f"{given.person(project, person)}:{request_id}")
        if doc is None:
            return None
        found = [await store.assignment_by_name(unit, name) for name in doc["assignments"]]
        held = [a for a in found if a is not None]
        tasks = await store.tasks_by_name(unit, [a.task for a in held])
        return [(a, tasks[a.task]) for a in held if a.task in tasks]

    def _claim_doc(
        self, project: str, person: str, request_id: str, leased: list[tuple[Assignment, Task]]
    ) -> Doc:
        return {
            "name": f"{given.person(project, person)}:{request_id}",
            "time": time_text(self._clock.now()),
            "assignments": [assignment.name for assignment, _ in leased],
        }

    async def assignments(self, project: str, person: str) -> list[tuple[Assignment, Task]]:
        """The person's live leases, those of an item's parts among them."""
        now = self._clock.now()
        known = await store.project_by_name(self._store, project)
        parts = known.parts if known is not None else ()
        held = await store.live_assignments(self._store, project, person)
        for part in parts:
            own = f"{project}.{part['name']}"
            held += await store.live_assignments(self._store, own, person)
        live = [a for a in held if a.expire_time > now]
        tasks = await store.tasks_by_name(self._store, [a.task for a in live])
        return [(a, tasks[a.task]) for a in live if a.task in tasks]

    async def save_draft(
        self, name: str, person: str, token: int, value: Doc
    ) -> tuple[Assignment, Task]:
        """Keeps an unfinished value; the lease counts from now again."""

        async def work(unit: Unit) -> tuple[Assignment, Task]:
            held, task = await self._held(unit, name, person, token)
            project = await self._told(unit, task.project)
            with legal():
                after = moves.extend(
                    task, held, self._clock.now(), project.policy.lease_seconds or 900
                )
            lease = next(x for x in after.leases if x.assignment == name)
            kept = changed(held, draft=value, expire_time=lease.expire_time)
            store.save(unit, task, after)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(kept))
            return kept, after

        return await self._store.transact(work)

    async def submit(
        self, name: str, person: str, token: int, value: Doc, work_seconds: float
    ) -> Doc:
        """The annotation as kept; a repeated submit is answered with the first one."""

        async def work(unit: Unit) -> Doc:
            held, task = await self._held(unit, name, person, token, live=False)
            if held.outcome == "SUBMITTED" and held.result is not None:
                return given.same(held.result, "value", value)
            await self._answers.check(unit, task, value)
            now = self._clock.now()
            annotation = given.annotation(task, held, value, work_seconds, now)
            after, kept = moves.submit(task, held, annotation, now)
            store.save(unit, task, after)
            done = changed(held, outcome="SUBMITTED", result=kept, draft=None)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(done))
            fresh = {"annotations": int(not kept.get("after_hint"))}
            unit.count(store.PEOPLE, given.person(task.project, person), fresh)
            self._emit(unit, events_pb2.AnnotationsSubmitted, [after])
            self._settle_window(unit, task, after)
            return kept

        return await self._store.transact(work)

    async def review(self, name: str, person: str, token: int, verdict: Doc) -> Doc:
        """The review as kept. `verdict`: verdict, value (FIXED only), comment, work_seconds."""
        if (verdict["verdict"] == "FIXED") != bool(verdict.get("value")):
            raise Invalid("a value goes with the verdict FIXED and with no other", field="value")

        async def work(unit: Unit) -> Doc:
            held, task = await self._held(unit, name, person, token, live=False)
            if held.outcome == "SUBMITTED" and held.result is not None:
                return given.same(held.result, "verdict", verdict["verdict"])
            if "value" in verdict:
                await self._answers.check(unit, task, verdict["value"])
            now = self._clock.now()
            kept = given.review(held, verdict, now)
            with legal():
                after = moves.review(task, held, kept, now)
            store.save(unit, task, after)
            done = changed(held, outcome="SUBMITTED", result=kept)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(done))
            self._emit(unit, events_pb2.ReviewsSubmitted, [after])
            return kept

        return await self._store.transact(work)

    async def give_back(self, name: str, person: str, token: int, skip_reason: str = "") -> None:
        """Skips (with a reason) or releases the task."""

        async def work(unit: Unit) -> None:
            held, task = await self._held(unit, name, person, token)
            with legal():
                after = moves.give_back(task, held, self._clock.now(), skip_reason=skip_reason)
            outcome = "SKIPPED" if skip_reason else "RELEASED"
            store.save(unit, task, after)
            unit.put(store.ASSIGNMENTS, store.assignment_doc(changed(held, outcome=outcome)))
            self._emit(unit, events_pb2.TasksReturned, [after], reason=skip_reason or outcome)
            self._resume(unit, [after])
            self._settle_window(unit, task, after)

        await self._store.transact(work)

    # -- managers -----------------------------------------------------------------------------

    async def task(self, name: str) -> Task:
        task = await store.task_by_name(self._store, name)
        if task is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return task

    async def tasks(
        self, project: str, state: State | None, page_size: int, after: str
    ) -> list[Task]:
        await self._known(project)
        docs = await store.task_page(self._store, project, state, after, page_size or 100)
        return [from_doc(Task, doc) for doc in docs]

    async def cancel(self, name: str, reason: str) -> Task:
        async def work(unit: Unit) -> Task:
            task = await store.task_by_name(unit, name)
            if task is None:
                raise NotFound(f"{name[:200]} was not found", field="name")
            with legal():
                after = moves.cancel(task, reason, self._clock.now())
            changes = [(task, after), *await self._cancel_with(unit, task, reason)]
            store.save_many(unit, changes)
            self._emit(unit, events_pb2.TasksCancelled, [gone for _, gone in changes])
            for before, gone in changes:
                self._settle_window(unit, before, gone)
            return after

        return await self._store.transact(work)

    async def progress(self, project: str) -> tuple[Project, dict[str, float]]:
        """The project and the sums of its counters."""
        return await self._known(project), await store.totals_of(self._store, project)

    # -- inside -------------------------------------------------------------------------------

    async def _known(self, name: str) -> Project:
        """The project a person names; `NotFound` where there is none."""
        project = await eventually(lambda: store.project_by_name(self._store, name))
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field="parent")
        return project

    async def _held(
        self, unit: Unit, name: str, person: str, token: int, *, live: bool = True
    ) -> tuple[Assignment, Task]:
        """The person's own assignment and its task, under the right fencing token."""
        held = await store.assignment_by_name(unit, name)
        if held is None or held.annotator != person:
            raise NotFound(f"{name[:200]} was not found", field="name")
        if held.fencing_token != token:
            raise OutOfTurn(
                f"fencing token {token} is not that of this assignment", field="fencing_token"
            )
        if live and (held.outcome != "LIVE" or held.expire_time <= self._clock.now()):
            raise OutOfTurn("the lease is over; claim the task again", field="name")
        task = await store.task_by_name(unit, held.task)
        if task is None:
            raise NotFound(f"{held.task} was not found", field="name")
        return held, task
