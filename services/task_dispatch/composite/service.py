"""Use cases of items in parts: pieces are made, put together, and sent back where they clash."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence

from labelmill.task_dispatch.v1 import events_pb2

from libs.common.clock import Clock
from libs.common.errors import OutOfTurn
from libs.common.store import Unit
from services.task_dispatch import store
from services.task_dispatch.composite import plan as divided
from services.task_dispatch.composite.plan import Plan
from services.task_dispatch.domain import Project, State, Task
from services.task_dispatch.lifecycle import transitions
from services.task_dispatch.projects import Projects
from services.task_dispatch.reporting.announcer import Announcer

# Pieces that are looked at together whenever one is settled.
_FEW = 50
_GONE = "the labels of its parts are not what they were"


class Composites:
    """Knows which tasks are pieces of which item.

    Every change of a piece writes the task of the whole, so that two that are settled at once do
    not both believe that the other one is still missing."""

    def __init__(self, clock: Clock, projects: Projects, announcer: Announcer) -> None:
        self._clock, self._projects, self._announcer = clock, projects, announcer

    async def divide(self, unit: Unit, project: Project, tasks: Sequence[Task]) -> None:
        """Makes new tasks of items, each with its first pieces."""
        wholes = [divided.divide(task) for task in tasks]
        plans = [self._plan_of(whole, project, []) for whole in wholes]
        made = [(plan.parent_task or whole) for plan, whole in zip(plans, wholes, strict=True)]
        store.save_many(unit, [(None, whole) for whole in made])
        for plan in plans:
            self._tell(unit, plan)

    async def go_on(self, unit: Unit, changed: Sequence[Task]) -> None:
        """What pieces that were settled, sent back or changed mean for their items."""
        mine: dict[str, list[Task]] = defaultdict(list)
        for task in changed:
            if task.parent_task:
                mine[task.parent_task].append(task)
        if not mine:
            return
        names = sorted(mine)
        wholes = await store.tasks_by_name(unit, names)
        projects = {
            project: await self._projects.expected(unit, project)
            for project in {whole.project for whole in wholes.values()}
        }
        for name in names:
            whole = wholes.get(name)
            if whole is None:
                raise OutOfTurn(f"{name} is not known here yet")
            if await self._others_first(unit, whole, mine[name]):
                store.save(unit, whole, divided.stays(whole, self._clock.now()))
                continue
            project = projects[whole.project]
            pieces = await store.tasks_by_name(unit, whole.subtasks)
            plan = self._plan_of(whole, project, list(pieces.values()))
            self._tell(unit, plan)
            if plan.parent_task is None:
                continue
            store.save(unit, whole, plan.parent_task)
            if plan.parent_task.state in (State.ACCEPTED, State.OPEN):
                self._announcer.announce(unit, [plan.parent_task])
            if plan.withdrawn:
                self._announcer.withdraw(unit, [plan.parent_task], _GONE)

    async def _others_first(self, unit: Unit, whole: Task, changed: Sequence[Task]) -> bool:
        """Of an item with many pieces: were some just settled, and is each one of a part that has
        others at work? Nothing follows of them then, and the others need not be looked at."""
        many = len(whole.subtasks) > _FEW and whole.state is State.DIVIDED
        if not many or any(task.state is not State.ACCEPTED for task in changed):
            return False
        settled = {task.name for task in changed}
        for part in {task.part for task in changed}:
            if not await store.waits_for_others(unit, whole, part, settled):
                return False
        return True

    def _plan_of(self, whole: Task, project: Project, pieces: Sequence[Task]) -> Plan:
        data = json.loads(whole.data)
        return divided.plan(whole, project, data, pieces, self._clock.now())

    def _tell(self, unit: Unit, plan: Plan) -> None:
        """Stages and tells what becomes of the pieces."""
        store.save_many(unit, [*plan.changed, *((None, task) for task in plan.fresh)])
        self._announcer.emit(unit, events_pb2.TasksCreated, plan.fresh, data=True)
        self._announcer.announce(
            unit, [after for _, after in plan.changed if after.state is State.OPEN]
        )
        self._announcer.withdraw(unit, plan.reopened, _GONE)
        self._announcer.emit(unit, events_pb2.TasksCancelled, plan.cancelled)
        for before, after in plan.changed:
            if after.state is State.CANCELLED:
                self._announcer.forget(unit, before)

    async def cancel_with(self, unit: Unit, task: Task, reason: str) -> list[tuple[Task, Task]]:
        """A piece that is taken out takes its item with it, and an item its pieces."""
        whole = await store.task_by_name(unit, task.parent_task) if task.parent_task else task
        pieces = await store.tasks_by_name(unit, whole.subtasks) if whole else {}
        others = [*pieces.values(), *([whole] if whole else [])]
        now = self._clock.now()
        return [
            (other, transitions.cancel(other, reason, now))
            for other in others
            if other.name != task.name and other.state not in (State.DELIVERED, State.CANCELLED)
        ]
