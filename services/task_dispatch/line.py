"""Use cases of the line: what other services say makes tasks and moves them on."""

from __future__ import annotations

from collections.abc import Sequence

from labelmill.task_dispatch.v1 import events_pb2

from libs.common import names
from libs.common.codec import Doc, to_doc
from libs.common.errors import OutOfTurn
from libs.common.store import Unit, keep_newest
from services.task_dispatch import moves, store, withdrawn
from services.task_dispatch.background import by_shard
from services.task_dispatch.domain import Action, Project, Routing, State, Task
from services.task_dispatch.lots import Lots

# (task, version its label was accepted at, priority)
Asked = tuple[str, int, float]


class Line(Lots):
    """The part that hears: projects, items, routings and deliveries."""

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        """Keeps each project as it now is; an older version changes nothing."""
        docs = [to_doc(project) for project in projects]
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def remember_pauses(self, docs: Sequence[Doc]) -> None:
        """Who may not claim, and why (`reason`; empty once resumed); the newest word counts."""
        named = [{**d, "name": store.pause_name(d["project"], d["annotator"])} for d in docs]
        await self._store.transact(lambda unit: keep_newest(unit, store.PAUSES, named))

    async def create_tasks(self, project_name: str, items: Sequence[Doc]) -> None:
        """Makes a task of every item that has none yet."""

        async def work(unit: Unit) -> None:
            project = await self._told(unit, project_name)
            now = self._clock.now()
            tasks = [moves.create(item, project, now) for item in items]
            known = await unit.get_many(store.TASKS, [task.name for task in tasks])
            fresh = {task.name: task for task in tasks if task.name not in known}
            if project.parts:
                # What comes with a settled label is whole already.
                split = [t for t in fresh.values() if t.state is not State.SCORING]
                await self._divide(unit, project, split)
                fresh = {n: t for n, t in fresh.items() if t.state is State.SCORING}
            store.save_many(unit, [(None, task) for task in fresh.values()])
            self._emit(unit, events_pb2.TasksCreated, list(fresh.values()), data=True)
            answered = [task for task in fresh.values() if task.state is State.SCORING]
            self._emit(unit, events_pb2.AnnotationsSubmitted, answered)

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
                    after = task and moves.route(task, routing, now)
                if task and after:
                    changes.append((task, after))
                    tasks[routing.task] = after
            store.save_many(unit, changes)
            self._announce(unit, [after for _, after in changes])
            await self._go_on(unit, [t for _, t in changes if t.state is State.ACCEPTED])

        await self._store.transact(work)

    async def _ask_again(self, unit: Unit, task: Task, routing: Routing) -> Task | None:
        """Gives a task back to who answered it; too late, it is to be scored as it is."""
        project = await self._told(unit, task.project)
        name = f"{task.name}/assignments/{names.new_id()}"
        seconds = project.policy.lease_seconds or 900
        asked = moves.ask_again(task, routing, name, self._clock.now(), seconds)
        if asked is None:
            return None
        after, held = asked
        if held is None:
            self._emit(unit, events_pb2.AnnotationsSubmitted, [after])
            return after
        unit.insert(store.ASSIGNMENTS, [store.assignment_doc(held)])
        self._emit(unit, events_pb2.TasksAssigned, [after])
        unit.after_commit.append(lambda: self._asked_again.add((held.project, held.annotator)))
        return after

    async def deliver_tasks(self, task_names: Sequence[str], delivery: str) -> None:
        """Marks tasks that a delivery holds."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, task_names)
            changes = [(t, after) for t in tasks.values() if (after := moves.deliver(t, now))]
            store.save_many(unit, changes)
            # A label that a delivery froze before its review was known is out as it was.
            off = [before for before, _ in changes if withdrawn.under_review(before)]
            for before in off:
                self._forget(unit, before)
            self._refuse(unit, "", [before.name for before in off])
            for (project, shard), group in by_shard([after for _, after in changes]).items():
                message = events_pb2.TasksDelivered(
                    project=project, tasks=[t.name for t in group], delivery=delivery
                )
                unit.emit(names.event_key(project, shard), message)

        await self._store.transact(work)

    async def return_tasks(self, task_names: Sequence[str], reason: str) -> None:
        """Takes a rejected delivery's tasks back into work."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, task_names)
            changes = [
                (t, after)
                for t in tasks.values()
                if (after := moves.return_to_work(t, reason, now))
            ]
            store.save_many(unit, changes)
            self._announce(unit, [after for _, after in changes])
            self._withdraw(unit, [after for _, after in changes], reason)
            await self._go_on(unit, [after for _, after in changes])

        await self._store.transact(work)

    async def review_tasks(self, request: str, asked: Sequence[Asked], reason: str) -> None:
        """Sends accepted labels to reviewers; those that do not stand any more are refused."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, [name for name, _, _ in asked])
            changes, refused = [], []
            for name, version, priority in asked:
                task = tasks.get(name)
                after = task and withdrawn.request_review(task, version, priority, reason, now)
                if task and after:
                    changes.append((task, after))
                else:
                    refused.append(name)
            store.save_many(unit, changes)
            self._announce(unit, [after for _, after in changes])
            self._withdraw(unit, [after for _, after in changes], reason)
            self._refuse(unit, request, refused)
            await self._go_on(unit, [after for _, after in changes])

        await self._store.transact(work)

    def _refuse(self, unit: Unit, request: str, task_names: Sequence[str]) -> None:
        if task_names:
            project = names.project_of(task_names[0])
            message = events_pb2.ReviewsRefused(project=project, request=request, tasks=task_names)
            unit.emit(names.event_key(project, names.shard_of(task_names[0])), message)

    async def _told(self, unit: Unit, name: str) -> Project:
        """The project an event names; `OutOfTurn` where the event came too early."""
        project = await store.project_by_name(unit, name)
        if project is None:
            raise OutOfTurn(f"{name} is not known here yet")
        return project
