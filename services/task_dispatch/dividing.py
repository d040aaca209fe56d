"""Use cases of items in parts: pieces are made, put together, and sent back where they clash."""

from __future__ import annotations

import json
from collections.abc import Sequence

from labelmill.task_dispatch.v1 import events_pb2

from libs.common.errors import OutOfTurn
from libs.common.store import Unit
from services.task_dispatch import divided, moves, store
from services.task_dispatch.background import Background
from services.task_dispatch.divided import Plan
from services.task_dispatch.domain import Project, State, Task

_GONE = "the labels of its parts are not what they were"


class Dividing(Background):
    """The part that knows which tasks are pieces of which item.

    Every change of a piece writes the task of the whole, so that two that are settled at once do
    not both believe that the other one is still missing."""

    async def _divide(self, unit: Unit, project: Project, tasks: Sequence[Task]) -> None:
        """Makes new tasks of items, each with its first pieces."""
        wholes = [divided.divide(task) for task in tasks]
        plans = [self._plan_of(whole, project, []) for whole in wholes]
        made = [(plan.whole or whole) for plan, whole in zip(plans, wholes, strict=True)]
        store.save_many(unit, [(None, whole) for whole in made])
        for plan in plans:
            self._tell(unit, plan)

    async def _go_on(self, unit: Unit, changed: Sequence[Task]) -> None:
        """What pieces that were settled, sent back or changed mean for their items."""
        names = sorted({task.whole for task in changed if task.whole})
        if not names:
            return
        wholes = await store.tasks_by_name(unit, names)
        for name in names:
            whole = wholes.get(name)
            if whole is None:
                raise OutOfTurn(f"{name} is not known here yet")
            project = await store.project_by_name(unit, whole.project)
            if project is None:
                raise OutOfTurn(f"{whole.project} is not known here yet")
            pieces = await store.tasks_by_name(unit, whole.pieces)
            plan = self._plan_of(whole, project, list(pieces.values()))
            self._tell(unit, plan)
            if plan.whole is None:
                continue
            store.save(unit, whole, plan.whole)
            if plan.whole.state in (State.ACCEPTED, State.OPEN):
                self._announce(unit, [plan.whole])
            if plan.withdrawn:
                self._withdraw(unit, [plan.whole], _GONE)

    def _plan_of(self, whole: Task, project: Project, pieces: Sequence[Task]) -> Plan:
        data = json.loads(whole.data)
        return divided.plan(whole, project, data, pieces, self._clock.now())

    def _tell(self, unit: Unit, plan: Plan) -> None:
        """Stages and tells what becomes of the pieces."""
        store.save_many(unit, [*plan.changed, *((None, task) for task in plan.fresh)])
        self._emit(unit, events_pb2.TasksCreated, plan.fresh, data=True)
        self._announce(unit, [after for _, after in plan.changed if after.state is State.OPEN])
        self._withdraw(unit, plan.reopened, _GONE)
        self._emit(unit, events_pb2.TasksCancelled, plan.cancelled)
        for before, after in plan.changed:
            if after.state is State.CANCELLED:
                self._forget(unit, before)

    async def _cancel_with(self, unit: Unit, task: Task, reason: str) -> list[tuple[Task, Task]]:
        """A piece that is taken out takes its item with it, and an item its pieces."""
        whole = await store.task_by_name(unit, task.whole) if task.whole else task
        pieces = await store.tasks_by_name(unit, whole.pieces) if whole else {}
        others = [*pieces.values(), *([whole] if whole else [])]
        now = self._clock.now()
        return [
            (other, moves.cancel(other, reason, now))
            for other in others
            if other.name != task.name and other.state not in (State.DELIVERED, State.CANCELLED)
        ]
