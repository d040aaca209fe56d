"""Use cases around lots: waiting tasks are drafted anew and frozen, ranked anew, recalled."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from labelmill.annotation.v1 import annotation_pb2
from labelmill.task_dispatch.v1 import events_pb2, task_dispatch_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, from_doc, to_message
from libs.common.errors import OutOfTurn
from libs.common.store import Collection, Store, Unit, every
from services.task_dispatch import store
from services.task_dispatch.claims.ready_window import ReadyWindow
from services.task_dispatch.composite.service import Composites
from services.task_dispatch.domain import State, Task
from services.task_dispatch.lifecycle import untouched
from services.task_dispatch.reporting.announcer import Announcer, by_shard

_BLOCK = 1000
Change = Callable[[Task], Task | None]


class BulkUpdates:
    """Moves many waiting tasks at once, block by block."""

    def __init__(
        self,
        store_: Store,
        clock: Clock,
        window: ReadyWindow,
        announcer: Announcer,
        composites: Composites,
    ) -> None:
        self._store, self._clock, self._window = store_, clock, window
        self._announcer, self._composites = announcer, composites

    async def plan_redraft(self, project: str, model: str, version: str, lot: Doc) -> None:
        """Notes that a promoted version drafts what waits, as one lot; `redraft_some` does it."""
        plan = {"name": lot["gate"], "project": project, "model": model, "version": version}
        await self._plan(store.REDRAFTS, {**plan, "lot": lot, "after": "", "count": 0})

    async def plan_recall(self, project: str, gate: str, reason: str) -> None:
        """Notes that a gate broke its promise; `recall_some` takes back what it let out."""
        plan = {"name": gate, "project": project, "reason": reason, "after": ""}
        await self._plan(store.RECALLS, {**plan, "state": State.ACCEPTED.value})

    async def _plan(self, collection: Collection, plan: Doc) -> None:
        async def work(unit: Unit) -> None:
            unit.overwrite(collection, plan)

        await self._store.transact(work)

    async def redraft_some(self) -> None:
        """One block of every lot that is being frozen."""
        async for plan in every(self._store, store.REDRAFTS, {}):
            await self._store.transact(partial(self._redraft, plan["name"]))

    async def _redraft(self, name: str, unit: Unit) -> None:
        plan = await unit.get(store.REDRAFTS, name)
        if plan is None:
            return
        now = self._clock.now()
        changed, last = await self._sweep(
            unit, plan, State.OPEN, lambda t: untouched.request_draft(t, now)
        )
        lot = doc_to_message(plan["lot"], annotation_pb2.Lot)
        for (project, shard), group in by_shard(changed).items():
            told = {"model": plan["model"], "model_version": plan["version"], "lot": lot}
            messages = [to_message(task, task_dispatch_pb2.Task) for task in group]
            key = names.event_key(project, shard)
            unit.emit_all(
                key, events_pb2.PredictionsRequested, "tasks", messages, project=project, **told
            )
        count = plan["count"] + len(changed)
        if last:
            unit.overwrite(store.REDRAFTS, {**plan, "after": last, "count": count})
            return
        unit.delete(store.REDRAFTS, [name])
        frozen = events_pb2.LotFrozen(
            project=plan["project"],
            lot=lot,
            task_count=count,
            project_task_count=await store.live_count(unit, plan["project"]),
        )
        unit.emit(names.event_key(plan["project"], 0), frozen)

    async def recall_some(self) -> None:
        """One block of every gate whose output is recalled: what is settled, then delivered."""
        async for plan in every(self._store, store.RECALLS, {}):
            await self._store.transact(partial(self._recall, plan["name"]))

    async def _recall(self, name: str, unit: Unit) -> None:
        plan = await unit.get(store.RECALLS, name)
        if plan is None:
            return
        now, state = self._clock.now(), State(plan["state"])
        changed, last = await self._sweep(
            unit, plan, state, lambda t: untouched.recall(t, name, plan["reason"], now)
        )
        self._announcer.announce(unit, changed)
        self._announcer.withdraw(unit, changed, plan["reason"])
        await self._composites.go_on(unit, changed)
        if last:
            unit.overwrite(store.RECALLS, {**plan, "after": last})
        elif state is State.ACCEPTED:
            delivered = {**plan, "after": "", "state": State.DELIVERED.value}
            unit.overwrite(store.RECALLS, delivered)
        else:
            unit.delete(store.RECALLS, [name])

    async def _sweep(
        self, unit: Unit, plan: Doc, state: State, change: Change
    ) -> tuple[list[Task], str]:
        """(changed tasks, where to go on; empty at the end) of the plan's next block."""
        docs = await unit.find(
            store.TASKS,
            {"project": plan["project"], "state": state.value},
            after=(plan["after"],) if plan["after"] else None,
            limit=_BLOCK,
        )
        tasks = [from_doc(Task, doc) for doc in docs]
        changes = [(task, after) for task in tasks if (after := change(task))]
        store.save_many(unit, changes)
        for before, after in changes:
            if after.state is not State.OPEN:
                self._announcer.forget(unit, before)
        return [after for _, after in changes], docs[-1]["name"] if len(docs) == _BLOCK else ""

    async def prioritize(self, priorities: Mapping[str, float]) -> None:
        """Waiting tasks take another place in their queue; what is on its way to it is awaited."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            tasks = await store.tasks_by_name(unit, list(priorities))
            if any(task.state is State.PRELABELING for task in tasks.values()):
                raise OutOfTurn("some of these tasks are not open yet")
            changes = [
                (task, after)
                for name, task in tasks.items()
                if (after := untouched.prioritize(task, priorities[name], now))
            ]
            store.save_many(unit, changes)
            for before, after in changes:
                self._announcer.settle_window(unit, before, after)

        await self._store.transact(work)

    async def remember_floor(self, project: str, floor: float, version: int) -> None:
        """Least priority that is offered to people of a project."""

        async def work(unit: Unit) -> None:
            known: Any = await unit.get(store.FLOORS, project) or {"version": 0}
            if known["version"] < version:
                doc = {"name": project, "floor": floor, "version": version}
                unit.overwrite(store.FLOORS, doc)
                unit.after_commit.append(lambda: self._window.forget_offer(project))

        await self._store.transact(work)
