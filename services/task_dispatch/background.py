"""What task-dispatch does by itself: takes back leases, offers waiting tasks to the router again;
and how it tells others what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from labelmill.task_dispatch.v1 import events_pb2, task_dispatch_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, from_doc, time_text, to_message
from libs.common.store import Below, Store, Unit
from services.task_dispatch import moves, store
from services.task_dispatch.answers import Answers
from services.task_dispatch.domain import Assignment, State, Task
from services.task_dispatch.ready import Offer, ReadyWindow, passes

_REROUTE_BLOCK = 1000
_EXPIRE_BLOCK = 500
_KEPT_CLAIMS_SECONDS = 3600
Grouped = dict[tuple[str, int], list[Any]]


class Background:
    """The part that needs no request; `TaskDispatch` adds the use cases."""

    def __init__(self, store_: Store, clock: Clock) -> None:
        self._store, self._clock, self._answers = store_, clock, Answers()
        # (project, person) of those asked to look again since their last claim.
        self._asked_again: set[tuple[str, str]] = set()
        self._ready = ReadyWindow(
            lambda queue, after, limit: store.open_tasks(store_, queue, after, limit),
            lambda project: _offer(store_, project),
        )

    async def plan_rerouting(self, gate: Doc) -> None:
        """Notes that a gate lets more through: waiting tasks are offered to the router again,
        block by block, by `reroute_some`."""
        if gate.get("state") != "OPEN":
            return
        name = gate["project"]

        async def work(unit: Unit) -> None:
            unit.put(
                store.REROUTES,
                {
                    "name": name,
                    "threshold": gate.get("threshold", 0.0),
                    "model": gate["model"],
                    "after": "",
                },
            )
            unit.after_commit.append(lambda: self._ready.forget_offer(name))

        await self._store.transact(work)

    async def reroute_some(self) -> None:
        """One block of waiting tasks of every project whose gate moved."""
        for plan in await self._store.find(store.REROUTES, {}, limit=20):
            await self._reroute_block(plan["name"])

    async def _reroute_block(self, project: str) -> None:
        async def work(unit: Unit) -> None:
            plan = await unit.get(store.REROUTES, project)
            if plan is None:
                return
            docs = await unit.find(
                store.TASKS,
                {"project": project, "state": State.OPEN.value},
                after=(plan["after"],) if plan["after"] else None,
                limit=_REROUTE_BLOCK,
            )
            now = self._clock.now()
            tasks = [from_doc(Task, doc) for doc in docs if passes(doc.get("prediction"), plan)]
            changes = [(t, after) for t in tasks if (after := moves.request_routing(t, now))]
            store.save_many(unit, changes)
            self._emit(unit, events_pb2.RoutingRequested, [after for _, after in changes])
            for before, _ in changes:
                self._forget(unit, before)
            if len(docs) < _REROUTE_BLOCK:
                unit.delete(store.REROUTES, [project])
            else:
                unit.put(store.REROUTES, {**plan, "after": docs[-1]["name"]})

        await self._store.transact(work)

    async def expire_leases(self) -> None:
        """Takes back what was leased and neither answered nor renewed in time."""
        while await self._expire_block() == _EXPIRE_BLOCK:
            pass

    async def _expire_block(self) -> int:
        async def work(unit: Unit) -> int:
            now = self._clock.now()
            over = await store.expired_assignments(self._store, now, _EXPIRE_BLOCK)
            tasks = await store.tasks_by_name(unit, sorted({a.task for a in over}))
            changes = [(t, after) for t in tasks.values() if (after := moves.expire(t, now))]
            store.save_many(unit, changes)
            for held in over:
                unit.put(store.ASSIGNMENTS, store.assignment_doc(changed(held, outcome="EXPIRED")))
            back = [after for _, after in changes]
            self._emit(unit, events_pb2.TasksReturned, back, reason="EXPIRED")
            self._resume(unit, back)
            for before, after in changes:
                self._settle_window(unit, before, after)
            return len(over)

        return await self._store.transact(work)

    def _resume(self, unit: Unit, tasks: Sequence[Task]) -> None:
        """Where a held answer counts again nobody else is waited for."""
        ready = [task for task in tasks if task.state is State.SCORING]
        self._emit(unit, events_pb2.AnnotationsSubmitted, ready)

    async def forget_claims(self) -> None:
        """Drops request ids that nobody will repeat any more."""

        async def work(unit: Unit) -> None:
            old = time_text(self._clock.now() - timedelta(seconds=_KEPT_CLAIMS_SECONDS))
            docs = await unit.find(store.CLAIMS, {"time": Below(old)}, order=("time",), limit=5000)
            unit.delete(store.CLAIMS, [doc["name"] for doc in docs])

        await self._store.transact(work)

    def _announce(self, unit: Unit, tasks: Sequence[Task]) -> None:
        accepted = [t for t in tasks if t.state is State.ACCEPTED]
        opened = [t for t in tasks if t.state is State.OPEN]
        self._emit(unit, events_pb2.TasksAccepted, accepted, data=True)
        self._emit(unit, events_pb2.TasksOpened, opened)
        queues: dict[str, list[Task]] = defaultdict(list)
        for task in opened:
            queues[queue_of(task)].append(task)
        for queue, group in queues.items():
            unit.after_commit.append(partial(self._ready.opened, queue, group))

    def _withdraw(self, unit: Unit, tasks: Sequence[Task], reason: str) -> None:
        """Tells that these tasks' labels do not stand any more."""
        for (project, shard), group in by_shard(tasks).items():
            gone = [events_pb2.WithdrawnLabel(task=t.name, task_version=t.version) for t in group]
            message = events_pb2.LabelsWithdrawn(project=project, tasks=gone, reason=reason)
            unit.emit(names.event_key(project, shard), message)

    def _settle_window(self, unit: Unit, before: Task, after: Task) -> None:
        if after.state is State.OPEN:
            unit.after_commit.append(lambda: self._ready.opened(queue_of(after), [after]))
        else:
            self._forget(unit, before)

    def _forget(self, unit: Unit, task: Task) -> None:
        unit.after_commit.append(lambda: self._ready.taken(queue_of(task), task.name))

    def _emit(
        self,
        unit: Unit,
        event: Any,
        tasks: Sequence[Task],
        *,
        data: bool = False,
        **fields: Any,
    ) -> None:
        for (project, shard), group in by_shard(tasks).items():
            messages = [to_message(task, task_dispatch_pb2.Task) for task in group]
            if not data:
                for message in messages:
                    message.ClearField("data")
            key = names.event_key(project, shard)
            unit.emit_all(key, event, "tasks", messages, project=project, **fields)


def by_shard(tasks: Sequence[Task]) -> Grouped:
    groups: Grouped = defaultdict(list)
    for task in tasks:
        groups[task.project, names.shard_of(task.name)].append(task)
    return groups


def queue_of(task: Task) -> str:
    return store.queue_of(task.project, store.REVIEW if task.reviewing else store.ANNOTATE)


async def _offer(store_: Store, project: str) -> Offer:
    floor = await store_.get(store.FLOORS, project) or {"floor": 0.0}
    plan = await store_.get(store.REROUTES, project)
    gate = plan and {"model": plan["model"], "threshold": plan["threshold"]}
    return Offer(floor["floor"], gate)


def changed(held: Assignment, **changes: Any) -> Assignment:
    return replace(held, version=held.version + 1, **changes)
