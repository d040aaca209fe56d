"""Claims: annotators and reviewers lease the next tasks of a project."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from libs.common import names
from libs.common.clock import Clock
from libs.common.errors import Denied, Exhausted, Fault
from libs.common.store import Store, Unit
from services.task_dispatch import domain, store
from services.task_dispatch.claims.ready_window import ReadyWindow
from services.task_dispatch.domain import Assignment, Project, Stage, State, Task
from services.task_dispatch.lifecycle import second_look, submissions, transitions
from services.task_dispatch.projects import Projects


class Claims:
    """Leases tasks, and says who holds which."""

    def __init__(
        self, store_: Store, clock: Clock, projects: Projects, window: ReadyWindow
    ) -> None:
        self._store, self._clock = store_, clock
        self._projects, self._window = projects, window

    async def claim(
        self,
        project_name: str,
        person: str,
        stage: Stage | None,
        count: int,
        skills: Sequence[str],
        request_id: str,
        may_work: Callable[[Project], bool] = lambda project: True,
    ) -> list[tuple[Assignment, Task]]:
        """Leases the next tasks; the same request answers with the same assignments."""
        project = await self._projects.known(project_name)
        if not may_work(project):
            raise Denied(f"{person} is not a member of {project_name}; its managers add people")
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
        """Of the whole items' own tasks, then of those of their parts, in the template's order.
        Who is refused in one, by its cap for instance, still gets work of the others."""
        leased: list[tuple[Assignment, Task]] = []
        refusals: list[Fault] = []
        for own in (project.name, *(f"{project.name}.{part['name']}" for part in project.parts)):
            left = max(1, count) - len(leased)
            mine = await store.project_by_name(self._store, own) if left else None
            try:
                if mine is not None:
                    leased += await self._claim_own(mine, person, stage, left, skills, request_id)
            except (Denied, Exhausted) as refused:
                refusals.append(refused)
        if refusals and not leased:
            raise refusals[0]
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
        await self._window.know_offer(project_name)
        lane = store.REVIEW if stage in domain.REVIEW_STAGES else store.ANNOTATE
        again = [] if lane == store.REVIEW else await self._again(project_name, person, count)
        if again:
            return again
        queue = store.queue_of(project_name, lane)
        touched: list[str] = []

        async def work(unit: Unit) -> list[tuple[Assignment, Task]]:
            self._window.leased(touched)
            touched.clear()
            repeated = await self._repeated_claim(unit, project_name, person, request_id)
            if repeated is not None:
                return repeated
            room = await self._room(unit, project, person, max(1, count))
            leased = await self._lease_from(unit, queue, project, person, room, touched)
            if request_id and leased:
                claimed = [assignment.name for assignment, _ in leased]
                name = f"{submissions.person(project_name, person)}:{request_id}"
                unit.insert(store.CLAIMS, [submissions.claim(name, claimed, self._clock.now())])
            return leased

        try:
            return await self._store.transact(work)
        finally:
            self._window.leased(touched)

    async def _again(self, project: str, person: str, count: int) -> list[tuple[Assignment, Task]]:
        """What the person is asked to look at again comes before anything new."""
        if not self._window.has_sent_back(project, person):
            return []
        held = await self.assignments(project, person)
        asked = [(a, task) for a, task in held if second_look.waits_for(task, person)]
        if len(asked) <= count:
            self._window.looked_again(project, person)
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
            proposed = await self._window.propose(queue, person, count - len(leased))
            if not proposed:
                break
            touched.extend(proposed)
            for name in proposed:
                self._window.leasing(name)
            tasks = await store.tasks_by_name(unit, proposed)
            for name in proposed:
                task = tasks.get(name)
                if task is None or not transitions.fits(task, person):
                    self._window.taken(queue, name)
                else:
                    leased.append(self._lease(unit, queue, project, person, task))
        return leased

    def _lease(
        self, unit: Unit, queue: str, project: Project, person: str, task: Task
    ) -> tuple[Assignment, Task]:
        now, seconds = self._clock.now(), project.policy.lease_seconds or 900
        name = f"{task.name}/assignments/{names.new_id()}"
        after = transitions.lease(task, person, name, now, seconds)
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
        # Proposed to nobody else even before the commit; a lost race is proposed again later.
        if after.state is State.OPEN:
            self._window.keep(queue, after)
        else:
            self._window.taken(queue, task.name)
        return assignment, after

    async def _room(self, unit: Unit, project: Project, person: str, count: int) -> int:
        """How many of `count` the person may take; of two at once the second looks again."""
        cap = project.policy.annotator_cap
        if not cap:
            return count
        await store.take_turn(unit, submissions.person(project.name, person))
        # In this order: what is submitted in between is counted twice, never left out.
        held = await store.live_assignments(self._store, project.name, person)
        doc = await self._store.get(store.PEOPLE, submissions.person(project.name, person)) or {}
        room = cap - int(doc.get("annotations", 0)) - len(held)
        if room <= 0:
            raise Exhausted(f"{person} has reached the cap of {cap} tasks in this project")
        return min(room, count)

    async def _repeated_claim(
        self, unit: Unit, project: str, person: str, request_id: str
    ) -> list[tuple[Assignment, Task]] | None:
        if not request_id:
            return None
        doc = await unit.get(store.CLAIMS, f"{submissions.person(project, person)}:{request_id}")
        if doc is None:
            return None
        found = [await store.assignment_by_name(unit, name) for name in doc["assignments"]]
        held = [a for a in found if a is not None]
        tasks = await store.tasks_by_name(unit, [a.task for a in held])
        return [(a, tasks[a.task]) for a in held if a.task in tasks]

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
