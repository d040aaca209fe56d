"""Waiting tasks go another way: to the router again once a gate lets more through, to a reviewer
where nobody may annotate them any more."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from labelmill.task_dispatch.v1 import events_pb2

from libs.common.clock import Clock
from libs.common.codec import Doc, from_doc
from libs.common.store import Store, Unit, every
from services.task_dispatch import store
from services.task_dispatch.claims.ready_window import ReadyWindow, passes
from services.task_dispatch.domain import State, Task
from services.task_dispatch.lifecycle import transitions
from services.task_dispatch.reporting.announcer import Announcer

_BLOCK = 1000


class Rerouting:
    """Moves waiting tasks to the router or to a reviewer."""

    def __init__(
        self, store_: Store, clock: Clock, window: ReadyWindow, announcer: Announcer
    ) -> None:
        self._store, self._clock = store_, clock
        self._window, self._announcer = window, announcer

    async def plan(self, gate: Doc) -> None:
        """Note that a gate lets more through; `reroute_some` follows it block by block."""
        if gate.get("state") != "OPEN":
            return
        name = gate["project"]
        threshold = gate.get("threshold", 0.0)
        plan = {"name": name, "threshold": threshold, "model": gate["model"], "after": ""}

        async def work(unit: Unit) -> None:
            unit.put(store.REROUTES, plan)
            unit.after_commit.append(lambda: self._window.forget_offer(name))

        await self._store.transact(work)

    async def reroute_some(self) -> None:
        """Send one block of waiting tasks of every project whose gate moved."""
        async for plan in every(self._store, store.REROUTES, {}):
            await self._store.transact(partial(self._reroute_block, plan["name"]))

    async def _reroute_block(self, project: str, unit: Unit) -> None:
        plan = await unit.get(store.REROUTES, project)
        if plan is None:
            return
        docs = await unit.find(
            store.TASKS,
            {"project": project, "state": State.OPEN.value},
            after=(plan["after"],) if plan["after"] else None,
            limit=_BLOCK,
        )
        now = self._clock.now()
        tasks = [from_doc(Task, doc) for doc in docs if passes(doc.get("prediction"), plan)]
        changes = [(t, after) for t in tasks if (after := transitions.request_routing(t, now))]
        store.save_many(unit, changes)
        self._announcer.emit(unit, events_pb2.RoutingRequested, [after for _, after in changes])
        for before, _ in changes:
            self._announcer.forget(unit, before)
        if len(docs) < _BLOCK:
            unit.delete(store.REROUTES, [project])
        else:
            unit.put(store.REROUTES, {**plan, "after": docs[-1]["name"]})

    async def escalate(self, task_names: Sequence[str], reason: str) -> None:
        """Send tasks that nobody else may annotate to a reviewer, those that still wait."""

        async def work(unit: Unit) -> None:
            tasks = await store.tasks_by_name(unit, task_names)
            now = self._clock.now()
            changes = [
                (t, after)
                for t in tasks.values()
                if (after := transitions.escalate(t, reason, now))
            ]
            store.save_many(unit, changes)
            for before, _ in changes:
                self._announcer.forget(unit, before)
            self._announcer.announce(unit, [after for _, after in changes])

        if task_names:
            await self._store.transact(work)
