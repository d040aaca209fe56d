"""What other services say: it makes tasks and moves them on."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill.task_dispatch.v1 import events_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, to_doc
from libs.common.store import Store, Unit, keep_newest
from services.task_dispatch import store
from services.task_dispatch.claims.ready_window import ReadyWindow
from services.task_dispatch.composite.service import Composites
from services.task_dispatch.domain import Action, Project, Routing, State, Task, User
from services.task_dispatch.lifecycle import relabel, transitions
from services.task_dispatch.projects import Projects
from services.task_dispatch.reporting.announcer import Announcer

# (task, version its label was accepted at, priority)
Asked = tuple[str, int, float]


class Ingest:
    """Takes in projects, items, routings and deliveries."""

    def __init__(
        self,
        store_: Store,
        clock: Clock,
        projects: Projects,
        window: ReadyWindow,
        announcer: Announcer,
        composites: Composites,
    ) -> None:
        self._store, self._clock = store_, clock
        self._projects, self._window = projects, window
        self._announcer, self._composites = announcer, composites

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        """Keeps each project as it now is; an older version changes nothing."""
        docs = [to_doc(project) for project in projects]
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def remember_users(self, users: Sequence[User]) -> None:
        """Keeps each user as they now are; older news changes nothing."""
        docs = [to_doc(user) for user in users]
        await self._store.transact(lambda unit: keep_newest(unit, store.USERS, docs))

    async def remember_pauses(self, docs: Sequence[Doc]) -> None:
        """Who may not claim, and why (`reason`; empty once resumed); the newest word counts."""
        named = [{**d, "name": store.pause_name(d["project"], d["annotator"])} for d in docs]
        await self._store.transact(lambda unit: keep_newest(unit, store.PAUSES, named))

    async def create_tasks(self, project_name: str, items: Sequence[Doc]) -> None:
        """Makes a task of every item that has none yet."""

        async def work(unit: Unit) -> None:
            project = await self._projects.expected(unit, project_name)
            now = self._clock.now()
            tasks = [transitions.create(item, project, now) for item in items]
            known = await unit.get_many(store.TASKS, [task.name for task in tasks])
            fresh = {task.name: task for task in tasks if task.name not in known}
            if project.parts:
                # What comes with a settled label is whole already.
                split = [t for t in fresh.values() if t.state is not State.SCORING]
                await self._composites.divide(unit, project, split)
                fresh = {n: t for n, t in fresh.items() if t.state is State.SCORING}
            store.save_many(unit, [(None, task) for task in fresh.values()])
            self._announcer.emit(unit, events_pb2.TasksCreated, list(fresh.values()), data=True)
            self._announcer.ready_to_score(unit, list(fresh.values()))

        await self._store.transact(work)

    async def route_tasks(self, routings: Sequence[Routing]) -> None:
        """Applies decisions to the tasks they were made for; stale ones are dropped."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, [r.task for r in routings])
            changes = []
            for routing in routings:
                task = tasks.get(routing.task)
                if task and routing.action is Action.RETURN:
                    after = await self._ask_again(unit, task, routing)
                else:
                    after = task and transitions.route(task, routing, now)
                if task and after:
                    changes.append((task, after))
                    tasks[routing.task] = after
            store.save_many(unit, changes)
            self._announcer.announce(unit, [after for _, after in changes])
            await self._composites.go_on(unit, [t for _, t in changes if t.state is State.ACCEPTED])

        await self._store.transact(work)

    async def _ask_again(self, unit: Unit, task: Task, routing: Routing) -> Task | None:
        """Gives a task back to who answered it; too late, it is to be scored as it is."""
        project = await self._projects.expected(unit, task.project)
        name = f"{task.name}/assignments/{names.new_id()}"
        seconds = project.policy.lease_seconds or 900
        asked = transitions.ask_again(task, routing, name, self._clock.now(), seconds)
        if asked is None:
            return None
        after, held = asked
        if held is None:
            self._announcer.ready_to_score(unit, [after])
            return after
        unit.insert(store.ASSIGNMENTS, [store.assignment_doc(held)])
        unit.after_commit.append(lambda: self._window.sent_back(held.project, held.annotator))
        return after

    async def deliver_tasks(self, task_names: Sequence[str]) -> None:
        """Marks tasks that a delivery holds."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, task_names)
            changes = [(t, after) for t in tasks.values() if (after := transitions.deliver(t, now))]
            store.save_many(unit, changes)
            # A label that a delivery froze before its review was known is out as it was.
            off = [before for before, _ in changes if relabel.under_review(before)]
            for before in off:
                self._announcer.forget(unit, before)
            self._refuse(unit, "", [before.name for before in off])

        await self._store.transact(work)

    async def return_tasks(self, task_names: Sequence[str], reason: str) -> None:
        """Takes a rejected delivery's tasks back into work."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, task_names)
            changes = [
                (t, after)
                for t in tasks.values()
                if (after := transitions.return_to_work(t, reason, now))
            ]
            store.save_many(unit, changes)
            self._announcer.announce(unit, [after for _, after in changes])
            self._announcer.withdraw(unit, [after for _, after in changes], reason)
            await self._composites.go_on(unit, [after for _, after in changes])

        await self._store.transact(work)

    async def review_tasks(self, request: str, asked: Sequence[Asked], reason: str) -> None:
        """Sends accepted labels to reviewers; those that do not stand any more are refused."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, [name for name, _, _ in asked])
            changes, refused = [], []
            for name, version, priority in asked:
                task = tasks.get(name)
                after = task and relabel.request_review(task, version, priority, reason, now)
                if task and after:
                    changes.append((task, after))
                else:
                    refused.append(name)
            store.save_many(unit, changes)
            self._announcer.announce(unit, [after for _, after in changes])
            self._announcer.withdraw(unit, [after for _, after in changes], reason)
            self._refuse(unit, request, refused)
            await self._composites.go_on(unit, [after for _, after in changes])

        await self._store.transact(work)

    def _refuse(self, unit: Unit, request: str, task_names: Sequence[str]) -> None:
        if task_names:
            project = names.project_of(task_names[0])
            message = events_pb2.ReviewsRefused(project=project, request=request, tasks=task_names)
            unit.emit(names.event_key(project, names.shard_of(task_names[0])), message)
