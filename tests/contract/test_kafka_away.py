"""A broker that is away or hangs: nobody waits for ever, nothing is lost, all goes on at once."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from labelmill.template.v1.events_pb2 import ProjectUpdated

from deploy.parts import KafkaBroker
from libs.common.bus import Event, Subscription, make_event, open_bus
from libs.common.errors import Unavailable
from libs.common.messaging.relay import Relay
from libs.common.names import new_id
from libs.common.store import Unit, open_store

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def make(topic: str) -> Event:
    return dataclasses.replace(make_event("k", ProjectUpdated()), topic=topic)


async def test_a_broker_that_hangs_fails_a_publish_and_hears_the_next(
    broker: KafkaBroker, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The client's own futures may never resolve; nobody waits for them."""
    bus = await open_bus(f"{broker.url}?partitions=4", [topic])
    await bus.publish([make(topic)])
    monkeypatch.setattr("libs.common.bus.kafka_publisher.PATIENCE_SECONDS", 1.0)
    monkeypatch.setattr("libs.common.bus.kafka_publisher.CONNECT_MS", 1000)
    monkeypatch.setattr("libs.common.bus.kafka_lag.CONNECT_MS", 1000)
    broker.pause()
    try:
        for _ in range(3):
            with pytest.raises(Unavailable, match="BUS_URL"):
                await asyncio.wait_for(bus.publish([make(topic)]), 25)
        with pytest.raises(Unavailable, match="BUS_URL"):
            await bus.lag("anybody", [topic])
    finally:
        broker.resume()
    monkeypatch.undo()
    while True:  # for a moment its partitions may have no leader; the relay tries again, too
        with contextlib.suppress(Unavailable):
            await bus.publish([make(topic)])
            break
    assert threading.active_count() < 60, "dropped producers leave no threads"
    await bus.close()


@pytest.mark.outage
@pytest.mark.parametrize("how", ["killed", "hanging"])
async def test_a_broker_away_for_longer_than_any_request_is_survived(
    broker: KafkaBroker, topic: str, tmp_path: Path, how: str
) -> None:
    """42 s: longer than producers wait, and than a group misses a member."""
    bus = await open_bus(f"{broker.url}?partitions=4", [topic])
    subscription = await bus.subscribe(new_id(), [topic])
    store = await open_store(f"sqlite:///{tmp_path}", "desk", [])
    relay = Relay(store, bus)
    running = asyncio.create_task(relay.run())
    got: list[str] = []
    reading = asyncio.create_task(keep_reading(subscription, got))
    wanted: list[str] = []

    async def emit() -> None:
        async def work(unit: Unit) -> None:
            for _ in range(10):
                unit.events.append(make(topic))
            wanted.extend(event.id for event in unit.events)

        await store.transact(work)
        relay._woken.set()

    await emit()
    await until(lambda: set(got) >= set(wanted))
    left = asyncio.get_running_loop().time()
    broker.pause() if how == "hanging" else await asyncio.to_thread(broker.kill)
    for _ in range(42):
        await emit()
        await asyncio.sleep(1)
    assert relay.outage.seconds > 20 and "BUS_URL" in relay.outage.reason
    broker.resume() if how == "hanging" else await asyncio.to_thread(broker.restart)
    back = asyncio.get_running_loop().time()
    while await store.pending_events(1):  # noqa: ASYNC110
        await asyncio.sleep(0.02)
    assert asyncio.get_running_loop().time() - back < (back - left) / 2, "at once, not in turn"
    await emit()
    await until(lambda: set(got) >= set(wanted))
    reading.cancel()
    await relay.close()
    await running
    await store.close()
    await bus.close()


async def keep_reading(subscription: Subscription, got: list[str]) -> None:
    while True:
        batch = await subscription.poll(256, 0.5)
        got += [one.event.id for one in batch]
        if batch:
            with contextlib.suppress(Unavailable):
                await subscription.commit(batch)


async def until(true: Callable[[], bool], seconds: float = 120.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not true():
        assert asyncio.get_running_loop().time() < deadline, f"not after {seconds} s"
        await asyncio.sleep(0.02)
