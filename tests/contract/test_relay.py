"""Relay on real stores and buses: what was committed is published, whoever dies in between."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import pytest
from labelmill.template.v1.events_pb2 import ProjectUpdated

from libs.common.bus import Bus, Event
from libs.common.errors import Unavailable
from libs.common.messaging.relay import Relay
from libs.common.store import Store, Unit, open_store
from tests.contract.desk import COUNTS, TOPIC, House, until


async def emit(store: Store, count: int) -> None:
    async def work(unit: Unit) -> None:
        for i in range(count):
            message = ProjectUpdated()
            message.project.name = f"e{i}"
            unit.emit("k", message)

    await store.transact(work)


async def names_on(bus: Bus) -> list[str]:
    subscription = await bus.subscribe("reader", [TOPIC])
    got: list[str] = []
    while batch := await subscription.poll(500, 0.3):
        got += [r.event.message().project.name for r in batch]
    await subscription.close()
    return got


async def test_a_relay_publishes_what_a_dead_process_had_committed(
    house: House, tmp_path: Path
) -> None:
    await emit(house.store, 20)
    # Another process: nothing tells its relay that there is something to publish.
    heir = await open_store(f"sqlite:///{tmp_path}", "desk", [COUNTS])
    relay = Relay(heir, house.bus)
    running = asyncio.create_task(relay.run())

    async def gone() -> bool:
        return not await house.store.pending_events(1)

    await until(gone)
    await relay.close()
    await running
    await heir.close()
    assert await names_on(house.bus) == [f"e{i}" for i in range(20)]


class DyingBus:
    """A real bus under a relay whose process dies between publishing and taking note of it."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def publish(self, events: Sequence[Event]) -> None:
        await self._bus.publish(events)
        raise asyncio.CancelledError


async def test_events_published_twice_by_a_crash_have_their_effect_once(house: House) -> None:
    await emit(house.store, 5)
    with pytest.raises(asyncio.CancelledError):
        await Relay(house.store, DyingBus(house.bus)).drain()  # type: ignore[arg-type]
    await Relay(house.store, house.bus).drain()
    names = [f"e{i}" for i in range(5)]
    assert sorted(await names_on(house.bus)) == sorted(names * 2)
    async with house.at_work():

        async def heard() -> bool:
            return len(await house.counts(names)) == 5

        await until(heard)
        await asyncio.sleep(0.2)
    assert await house.counts(names) == dict.fromkeys(names, 1)


async def test_a_relay_waits_for_a_bus_that_is_away_and_drops_nothing(house: House) -> None:
    class Away:
        tries = 0

        async def publish(self, events: Sequence[Event]) -> None:
            self.tries += 1
            if self.tries < 3:
                raise Unavailable("the bus is away")
            await house.bus.publish(events)

    relay = Relay(house.store, Away())  # type: ignore[arg-type]
    running = asyncio.create_task(relay.run())
    await emit(house.store, 3)

    async def gone() -> bool:
        return not await house.store.pending_events(1)

    await until(gone)
    await relay.close()
    await running
    assert await names_on(house.bus) == ["e0", "e1", "e2"]


async def test_closing_a_relay_that_is_at_work_is_no_error(house: House) -> None:
    """Both publish the same events then; neither may stumble over the other."""
    await emit(house.store, 400)
    relay = Relay(house.store, house.bus)
    await asyncio.gather(relay.drain(), relay.drain(), relay.close())
    assert await house.store.pending_events(1) == []
    assert set(await names_on(house.bus)) == {f"e{i}" for i in range(400)}


async def test_a_relay_outlives_a_fault_that_nobody_thought_of(house: House) -> None:
    class Odd:
        tries = 0

        async def publish(self, events: Sequence[Event]) -> None:
            self.tries += 1
            if self.tries < 3:
                raise KeyError("a mistake in a driver")
            await house.bus.publish(events)

    relay = Relay(house.store, Odd())  # type: ignore[arg-type]
    running = asyncio.create_task(relay.run())
    await emit(house.store, 3)

    async def gone() -> bool:
        return not await house.store.pending_events(1)

    await until(gone)
    await relay.close()
    await running
    assert await names_on(house.bus) == ["e0", "e1", "e2"]


async def test_closing_a_relay_ends_though_the_bus_hangs(house: House) -> None:
    class Hanging:
        async def publish(self, events: Sequence[Event]) -> None:
            await asyncio.Event().wait()

    relay = Relay(house.store, Hanging())  # type: ignore[arg-type]
    await emit(house.store, 3)
    await asyncio.wait_for(relay.close(0.1), 20)
    assert len(await house.store.pending_events(10)) == 3
