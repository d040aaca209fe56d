"""A submission that comes back with a hint: asked once, nothing lost, every event twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.bus import make_event, open_bus
from libs.common.clock import FakeClock
from libs.common.errors import OutOfTurn
from libs.common.messaging.consumer import Consumer
from libs.common.store import Store, open_store
from services.task_dispatch import store as tables
from services.task_dispatch.domain import Assignment, Stage, State, Task, shown_opinions
from services.task_dispatch.events import HANDLERS
from services.task_dispatch.lifecycle import second_look
from services.task_dispatch.main import wire
from services.task_dispatch.service import UseCases

PROJECT = "tenants/t/projects/p"
HAM: dict[str, Any] = {"choices": {"classes": ["ham"]}}
SPAM: dict[str, Any] = {"choices": {"classes": ["spam"]}}
HINT = "The choice may be wrong."


class Desk:
    """One open task, a person who answers it, and the router's say about it."""

    def __init__(self, store: Store, consumer: Consumer, service: UseCases, clock: FakeClock):
        self.store, self.consumer, self.service, self.clock = store, consumer, service, clock
        self.name = f"{PROJECT}/tasks/i0"

    async def hear(self, *messages: Any) -> None:
        for message in messages:
            event = make_event("k", message)
            await self.consumer.apply([event])
            await self.consumer.apply([event])

    async def open(self, count: int = 1, **policy: Any) -> None:
        project = ProjectUpdated()
        project.project.name, project.project.version = PROJECT, 1
        for field, value in policy.items():
            setattr(project.project.policy, field, value)
        admitted = ItemsAdmitted(project=PROJECT)
        for i in range(count):
            admitted.items.add(name=f"{PROJECT}/items/i{i}", data='{"text":"x"}')
        await self.hear(project, admitted)
        for i in range(count):
            await self.route(router_pb2.ACTION_ANNOTATE, 1, task=f"{PROJECT}/tasks/i{i}")

    async def route(self, action: Any, version: int = 0, **fields: Any) -> None:
        version = version or (await self.task()).version
        made = {"task": self.name, "replica_count": 1, "reason": "why", **fields}
        routed = TasksRouted(project=PROJECT)
        routed.routings.add(action=action, task_version=version, **made)
        await self.hear(routed)

    async def task(self) -> Task:
        return await self.service.tasks.get(self.name)

    async def answer(self, value: dict[str, Any] = HAM, person: str = "ann") -> None:
        (held, _), *_ = await self.service.claims.claim(PROJECT, person, None, 1, (), "")
        await self.service.work.submit(held.name, person, held.fencing_token, value, 4.0)

    async def ask_again(self) -> Assignment:
        """After an answer: it comes back, and this is how its annotator holds it."""
        await self.route(router_pb2.ACTION_RETURN, comment=HINT)
        ((held, task),) = await self.service.claims.assignments(PROJECT, "ann")
        assert task.name == self.name
        return held

    async def scored(self) -> list[int]:
        """Versions of the task in which the scorer was told of it."""
        events = await self.store.pending_events(1000)
        told = [e.message() for e in events if e.type.endswith("AnnotationsSubmitted")]
        return [
            task.version
            for message in told
            for task in message.tasks  # type: ignore[attr-defined]
            if task.name == self.name
        ]


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    clock = FakeClock()
    store = await open_store(f"sqlite:///{tmp_path}", "task_dispatch", tables.COLLECTIONS)
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", [])
    service = wire(store, clock)
    yield Desk(
        store, Consumer("task_dispatch", bus, store, service, HANDLERS, clock), service, clock
    )
    await store.close()
    await bus.close()


async def test_it_comes_back_to_its_annotator_alone_with_value_and_hint(desk: Desk) -> None:
    await desk.open(2)
    await desk.answer()
    held = await desk.ask_again()
    task = await desk.task()
    assert held.annotator == "ann" and held.draft == HAM
    assert task.state is State.ASSIGNED and task.comment == HINT and task.annotation_count == 0
    assert len(task.leases) == 1 and task.decisions[-1]["action"] == "RETURN"
    (other,) = await desk.service.claims.claim(PROJECT, "bob", None, 5, (), "")
    assert other[1].name != desk.name
    # A claim brings it before anything new, and only it.
    ((again, _),) = await desk.service.claims.claim(PROJECT, "ann", None, 1, (), "")
    assert again.name == held.name


async def test_another_answer_counts_instead_and_both_stay(desk: Desk) -> None:
    await desk.open(annotator_cap=1)
    await desk.answer()
    held = await desk.ask_again()
    kept = await desk.service.work.submit(held.name, "ann", held.fencing_token, SPAM, 2.0)
    task = await desk.task()
    assert kept["after_hint"] and not kept.get("objected")
    assert task.state is State.SCORING and task.annotation_count == 1 and not task.leases
    assert [a["value"] for a in task.annotations] == [HAM, SPAM]
    assert task.annotations[0]["held"] and (await desk.scored())[-1] == task.version
    # Repeated, it is the same answer.
    assert await desk.service.work.submit(held.name, "ann", held.fencing_token, SPAM, 2.0) == kept


async def test_the_same_answer_is_an_objection_and_nobody_is_asked_a_third_time(
    desk: Desk,
) -> None:
    await desk.open()
    await desk.answer()
    held = await desk.ask_again()
    kept = await desk.service.work.submit(held.name, "ann", held.fencing_token, HAM, 2.0)
    assert kept["objected"] and kept["after_hint"]
    await desk.route(router_pb2.ACTION_RETURN, comment=HINT)
    assert (await desk.task()).state is State.SCORING
    await desk.route(router_pb2.ACTION_REVIEW)
    ((_, seen),) = await desk.service.claims.claim(PROJECT, "judge", Stage.REVIEW, 1, (), "")
    assert seen.reviewing and seen.annotation_count == 1


@pytest.mark.parametrize("end", ["expire", "skip", "release", "late submit"])
async def test_without_an_answer_the_first_one_counts_unchecked(desk: Desk, end: str) -> None:
    await desk.open(lease_seconds=60)
    await desk.answer()
    held = await desk.ask_again()
    before = await desk.scored()
    if end in ("expire", "late submit"):
        desk.clock.advance(61)
    if end == "late submit":
        late = await desk.service.work.submit(held.name, "ann", held.fencing_token, SPAM, 2.0)
        assert late["late"]
    elif end == "expire":
        await desk.service.lease_expiry.expire_leases()
    else:
        reason = "cannot tell" if end == "skip" else ""
        await desk.service.work.give_back(held.name, "ann", held.fencing_token, reason)
    await desk.service.lease_expiry.expire_leases()
    task = await desk.task()
    assert task.state is State.SCORING and task.annotation_count == 1 and not task.leases
    assert task.annotations[0]["unchecked"] and not task.annotations[0].get("held")
    assert await desk.scored() == [*before, task.version]
    if end != "late submit":
        with pytest.raises(OutOfTurn):
            await desk.service.work.save_draft(held.name, "ann", held.fencing_token, SPAM)


async def test_a_check_that_took_too_long_asks_nobody(desk: Desk) -> None:
    await desk.open()
    await desk.answer()
    desk.clock.advance(second_look.LATE_SECONDS + 1)
    await desk.route(router_pb2.ACTION_RETURN, comment=HINT)
    task = await desk.task()
    assert task.state is State.SCORING and task.annotations[0]["unchecked"]
    assert not task.comment and (await desk.scored())[-1] == task.version
    assert await desk.service.claims.assignments(PROJECT, "ann") == []


async def test_a_return_for_a_task_that_moved_on_is_ignored(desk: Desk) -> None:
    await desk.open()
    await desk.answer()
    old = (await desk.task()).version
    await desk.route(router_pb2.ACTION_REVIEW)
    before = await desk.task()
    await desk.route(router_pb2.ACTION_RETURN, old, comment=HINT)
    assert await desk.task() == before
    assert await desk.service.claims.assignments(PROJECT, "ann") == []


async def test_what_is_held_stays_out_of_what_a_reviewer_sees(desk: Desk) -> None:
    await desk.open()
    await desk.answer()
    held = await desk.ask_again()
    await desk.service.work.submit(held.name, "ann", held.fencing_token, SPAM, 2.0)
    await desk.route(router_pb2.ACTION_REVIEW)
    assert shown_opinions(await desk.task()) == (SPAM,)
