"""A small service to consume for, over a real store and a real bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any

from labelmill.task_dispatch.v1.events_pb2 import TasksCancelled
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.bus import Bus, Event, make_event
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, OutOfTurn, Unavailable
from libs.common.messaging.consumer import Consumer, Handlers, TooManyDead
from libs.common.store import DEAD_LETTERS, Collection, Store, Unit

COUNTS = Collection("counts")
TOPIC = ProjectUpdated.DESCRIPTOR.file.package
TOPICS = [TOPIC, TasksCancelled.DESCRIPTOR.file.package]


class Desk:
    """A service whose one effect is a counter per project, and an event of its own."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.order: list[str] = []
        self.broken: set[str] = set()
        self.early: set[str] = set()
        self.away = False

    async def heard(self, messages: list[ProjectUpdated]) -> None:
        if self.away:
            raise Unavailable("a part is away")
        for message in messages:
            name = message.project.name
            if name in self.early:
                raise OutOfTurn(f"{name} is not known here yet")
            if name in self.broken:
                raise Invalid(f"{name} cannot be")

        async def work(unit: Unit) -> None:
            for message in messages:
                unit.count(COUNTS, message.project.name, {"n": 1})
                unit.emit("k", message)

        await self.store.transact(work)
        self.order += [m.project.name for m in messages]


async def hear(desk: Desk, messages: list[Any]) -> None:
    await desk.heard(messages)


HANDLERS: Handlers = {ProjectUpdated: hear}


@dataclass
class House:
    """One service on its own store and the shared bus."""

    store: Store
    bus: Bus
    desk: Desk
    clock: FakeClock
    consumer: Consumer

    @contextlib.asynccontextmanager
    async def at_work(self) -> AsyncIterator[asyncio.Task[None]]:
        running = asyncio.create_task(self.consumer.run())
        try:
            yield running
        finally:
            self.consumer.close()
            with contextlib.suppress(asyncio.CancelledError, TooManyDead):
                await running

    async def counts(self, names: Sequence[str]) -> dict[str, int]:
        return {n: d["n"] for n, d in (await self.store.get_many(COUNTS, names)).items()}

    async def dead(self) -> list[dict[str, Any]]:
        return await self.store.find(DEAD_LETTERS, {}, order=("time", "name"))


def event(name: str, key: str = "k") -> Event:
    message = ProjectUpdated()
    message.project.name = name
    return make_event(key, message)


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 120.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not await true():
        assert asyncio.get_running_loop().time() < deadline, f"not after {seconds} s"
        await asyncio.sleep(0.02)
