"""Task-dispatch over a real store: nobody gets a task twice, events twice end the same."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.qc_scorer.v1.events_pb2 import AnnotatorPaused, AnnotatorResumed
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.bus import make_event, open_bus
from libs.common.clock import FakeClock
from libs.common.errors import Denied, Exhausted, OutOfTurn
from libs.common.messaging.consumer import Consumer
from libs.common.store import Store, open_store
from services.task_dispatch import store as tables
from services.task_dispatch.domain import Stage, State
from services.task_dispatch.events import HANDLERS
from services.task_dispatch.main import wire
from services.task_dispatch.service import UseCases

PROJECT = "tenants/t/projects/p"
HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}


class Bench:
    """The service, its store, its clock, and events handed to it as the bus would."""

    def __init__(self, store: Store, consumer: Consumer, service: UseCases, clock: FakeClock):
        self.store, self.consumer, self.service, self.clock = store, consumer, service, clock

    async def hear(self, *messages: Any) -> None:
        for message in messages:
            event = make_event("k", message)
            await self.consumer.apply([event])
            await self.consumer.apply([event])  # delivered twice: same end

    async def open_tasks(self, count: int, **policy: Any) -> None:
        project = ProjectUpdated()
        project.project.name, project.project.version = PROJECT, 1
        for field, value in policy.items():
            setattr(project.project.policy, field, value)
        admitted = ItemsAdmitted(project=PROJECT)
        for i in range(count):
            admitted.items.add(name=f"{PROJECT}/items/i{i:03}", data='{"text":"x"}')
        await self.hear(project, admitted)
        routed = TasksRouted(project=PROJECT)
        for i in range(count):
            routed.routings.add(
                task=f"{PROJECT}/tasks/i{i:03}",
                task_version=1,
                action=router_pb2.ACTION_ANNOTATE,
                replica_count=policy.get("replica_count", 1),
                blind=True,
            )
        await self.hear(routed)

    async def route(self, task: str, action: Any, **more: Any) -> None:
        """The router decides on the task as it now is."""
        version = (await self.service.tasks.get(task)).version
        message = TasksRouted(project=PROJECT)
        message.routings.add(task=task, task_version=version, action=action, **more)
        await self.hear(message)

    async def claim(self, person: str, count: int = 1, key: str = "") -> list[Any]:
        return await self.service.claims.claim(PROJECT, person, None, count, (), key)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    clock = FakeClock()
    store = await open_store(f"sqlite:///{tmp_path}", "task_dispatch", tables.COLLECTIONS)
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", [])
    service = wire(store, clock)
    consumer = Consumer("task_dispatch", bus, store, service, HANDLERS, clock)
    yield Bench(store, consumer, service, clock)
    await store.close()
    await bus.close()


async def test_events_twice_make_one_task_and_one_event(bench: Bench) -> None:
    await bench.open_tasks(20)
    events = Counter(e.type.rsplit(".", 1)[-1] for e in await bench.store.pending_events(1000))
    made = sum(
        len(e.message().tasks)  # type: ignore[attr-defined]
        for e in await bench.store.pending_events(1000)
        if e.type.endswith("TasksCreated")
    )
    assert made == 20 and set(events) == {"TasksCreated", "TasksOpened"}
    assert (await bench.service.tasks.progress(PROJECT))[1]["tasks"] == 20


async def test_many_claim_at_once_and_nobody_gets_anothers_task(bench: Bench) -> None:
    await bench.open_tasks(60)
    found = await asyncio.gather(*(bench.claim(f"p{i}", 2) for i in range(30)))
    tasks = [task.name for leased in found for _, task in leased]
    assert len(tasks) == 60 == len(set(tasks))
    assert await bench.claim("late") == []


async def test_replicas_go_to_different_people(bench: Bench) -> None:
    await bench.open_tasks(5, replica_count=2)
    first = await bench.claim("ann", 10)
    assert len(first) == 5 and await bench.claim("ann", 10) == []
    assert len(await bench.claim("bob", 10)) == 5 and await bench.claim("eve", 10) == []


async def test_caps_count_what_is_held_and_done(bench: Bench) -> None:
    await bench.open_tasks(5, annotator_cap=2)
    (held, _), *_ = await bench.claim("ann", 5)
    with pytest.raises(Exhausted):
        await bench.claim("ann")
    await bench.service.work.submit(held.name, "ann", held.fencing_token, HAM, 1.0)
    with pytest.raises(Exhausted):
        await bench.claim("ann")


async def test_the_same_request_leases_the_same_tasks(bench: Bench) -> None:
    await bench.open_tasks(5)
    first = [a.name for a, _ in await bench.claim("ann", 2, "key")]
    assert [a.name for a, _ in await bench.claim("ann", 2, "key")] == first
    assert not set(first) & {a.name for a, _ in await bench.claim("ann", 2, "other")}


async def test_an_expired_lease_goes_to_somebody_else_and_late_work_is_kept(bench: Bench) -> None:
    await bench.open_tasks(1, lease_seconds=60)
    (held, task), *_ = await bench.claim("ann")
    bench.clock.advance(61)
    await bench.service.lease_expiry.expire_leases()
    with pytest.raises(OutOfTurn):
        await bench.service.work.save_draft(held.name, "ann", held.fencing_token, HAM)
    (second, _), *_ = await bench.claim("bob")
    assert second.fencing_token > held.fencing_token
    late = await bench.service.work.submit(held.name, "ann", held.fencing_token, HAM, 5.0)
    assert late["late"] and (await bench.service.tasks.get(task.name)).state is State.ASSIGNED
    kept = await bench.service.work.submit(second.name, "bob", second.fencing_token, HAM, 5.0)
    after = await bench.service.tasks.get(task.name)
    assert not kept.get("late") and after.state is State.SCORING and after.annotation_count == 1


@pytest.mark.parametrize("swept", [False, True])
async def test_late_work_counts_where_nobody_else_was_given_its_place(
    bench: Bench, swept: bool
) -> None:
    await bench.open_tasks(1, lease_seconds=60)
    (held, task), *_ = await bench.claim("ann")
    bench.clock.advance(61)
    if swept:
        await bench.service.lease_expiry.expire_leases()
    kept = await bench.service.work.submit(held.name, "ann", held.fencing_token, HAM, 5.0)
    assert not kept.get("late")
    await bench.service.lease_expiry.expire_leases()
    assert (await bench.service.tasks.get(task.name)).state is State.SCORING
    assert not await bench.claim("bob")


async def test_work_for_a_task_that_was_decided_on_since_is_a_side_opinion(bench: Bench) -> None:
    """What its person saw is not what is asked now: blind, for instance."""
    await bench.open_tasks(1, lease_seconds=60)
    (held, task), *_ = await bench.claim("ann")
    bench.clock.advance(61)
    await bench.service.lease_expiry.expire_leases()
    (second, _), *_ = await bench.claim("bob")
    await bench.service.work.submit(second.name, "bob", second.fencing_token, HAM, 5.0)
    await bench.route(task.name, router_pb2.ACTION_AUDIT, replica_count=2, blind=True)
    kept = await bench.service.work.submit(held.name, "ann", held.fencing_token, HAM, 5.0)
    assert kept["late"] and (await bench.service.tasks.get(task.name)).state is State.OPEN


async def test_released_work_that_is_sent_all_the_same_is_a_side_opinion(bench: Bench) -> None:
    await bench.open_tasks(1)
    (held, task), *_ = await bench.claim("ann")
    await bench.service.work.give_back(held.name, "ann", held.fencing_token)
    kept = await bench.service.work.submit(held.name, "ann", held.fencing_token, HAM, 5.0)
    assert kept["late"] and (await bench.service.tasks.get(task.name)).state is State.OPEN


async def test_a_stale_token_and_a_second_answer_change_nothing(bench: Bench) -> None:
    await bench.open_tasks(1)
    (held, task), *_ = await bench.claim("ann")
    before = await bench.service.tasks.get(task.name)
    with pytest.raises(OutOfTurn) as stale:
        await bench.service.work.submit(held.name, "ann", 7, HAM, 1.0)
    assert stale.value.field == "fencing_token"
    assert await bench.service.tasks.get(task.name) == before
    first = await bench.service.work.submit(held.name, "ann", held.fencing_token, HAM, 1.0)
    assert await bench.service.work.submit(held.name, "ann", held.fencing_token, HAM, 1.0) == first
    with pytest.raises(OutOfTurn):
        await bench.service.work.submit(
            held.name, "ann", held.fencing_token, {"choices": {"classes": ["spam"]}}, 1.0
        )


async def test_three_skips_send_a_task_to_a_reviewer(bench: Bench) -> None:
    await bench.open_tasks(1)
    for person in ("ann", "bob", "eve"):
        (held, task), *_ = await bench.claim(person)
        await bench.service.work.give_back(held.name, person, held.fencing_token, "cannot tell")
    assert (await bench.service.tasks.get(task.name)).stage is Stage.ADJUDICATION
    assert await bench.claim("dan") == []
    judged = await bench.service.claims.claim(PROJECT, "judge", Stage.REVIEW, 1, (), "")
    assert judged[0][1].comment.startswith("skipped by 3 people")


async def test_counters_equal_a_scan(bench: Bench) -> None:
    await bench.open_tasks(12, replica_count=2)
    for person in ("ann", "bob"):
        for held, _ in await bench.claim(person, 7):
            await bench.service.work.submit(held.name, person, held.fencing_token, HAM, 2.0)
    _, progress = await bench.service.tasks.progress(PROJECT)
    tasks = await bench.service.tasks.list(PROJECT, None, 1000, "")
    states = Counter(f"counts.{t.stage}.{t.state}" for t in tasks)
    assert {k: v for k, v in progress.items() if k.startswith("counts.") and v} == states
    assert progress["annotations"] == sum(len(t.annotations) for t in tasks) == 14


async def test_who_is_paused_may_submit_but_not_claim_until_resumed(bench: Bench) -> None:
    await bench.open_tasks(4)
    ((held, _),) = await bench.claim("eve")
    told = {"project": PROJECT, "annotator": "eve", "version": 3}
    await bench.hear(AnnotatorPaused(reason="4 of your last 4 answers were wrong", **told))
    with pytest.raises(Denied, match="4 of your last 4"):
        await bench.claim("eve")
    kept = await bench.service.work.submit(held.name, "eve", held.fencing_token, HAM, 2.0)
    assert not kept.get("late") and len(await bench.claim("ann")) == 1
    await bench.hear(AnnotatorResumed(**{**told, "version": 2}))  # told before, heard late
    with pytest.raises(Denied):
        await bench.claim("eve")
    await bench.hear(AnnotatorResumed(**{**told, "version": 4}))
    assert len(await bench.claim("eve")) == 1


@pytest.mark.parametrize("reason", ["", "cannot tell"])
async def test_what_was_given_back_is_given_back_once(bench: Bench, reason: str) -> None:
    """The same request again has no other effect, also once somebody else has it."""
    await bench.open_tasks(1)
    ((held, _),) = await bench.claim("ann")
    asked = (held.name, "ann", held.fencing_token, reason)
    await bench.service.work.give_back(*asked)
    await bench.claim("bob")
    before, count = (
        await bench.service.tasks.get(held.task),
        len(await bench.store.pending_events(1000)),
    )
    await bench.service.work.give_back(*asked)
    assert await bench.service.tasks.get(held.task) == before
    assert len(await bench.store.pending_events(1000)) == count
    with pytest.raises(OutOfTurn):
        await bench.service.work.give_back(*asked[:3], "" if reason else "now skipped")


async def test_a_task_is_cancelled_once(bench: Bench) -> None:
    await bench.open_tasks(1)
    name = f"{PROJECT}/tasks/i000"
    first = await bench.service.tasks.cancel(name, "wrong file")
    count = len(await bench.store.pending_events(1000))
    assert await bench.service.tasks.cancel(name, "wrong file") == first
    assert len(await bench.store.pending_events(1000)) == count
