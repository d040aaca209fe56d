"""One suite for every bus: sqlite, and a real Kafka broker."""

from __future__ import annotations

import asyncio
import uuid
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.parts import KafkaBroker
from deploy.parts.testing import require
from libs.common.bus import Bus, Event, Received, Subscription, open_bus
from libs.common.names import new_id

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@dataclass(frozen=True)
class Features:
    """What a bus can do."""

    shares_groups: bool


FEATURES = {"sqlite": Features(shares_groups=False), "kafka": Features(shares_groups=True)}


@pytest.fixture(scope="session")
def broker() -> Iterator[KafkaBroker]:
    require("kafka")
    with KafkaBroker() as server:
        yield server


@pytest.fixture(params=["sqlite", "kafka"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/bus.db"
    server: KafkaBroker = request.getfixturevalue("broker")
    return f"{server.url}?partitions=4"


@pytest.fixture
def topic() -> str:
    return f"labelmill.t{uuid.uuid4().hex[:8]}.v1"


@pytest.fixture
async def bus(url: str, topic: str) -> AsyncIterator[Bus]:
    opened = await open_bus(url, [topic])
    yield opened
    await opened.close()


def make(topic: str, key: str, number: int, payload: bytes = b"x") -> Event:
    when = "2026-01-01T00:00:00.000000+00:00"
    return Event(new_id(), topic, f"type{number}", key, when, payload, "00-ab-cd-01")


async def read(subscription: Subscription, count: int, seconds: float = 20.0) -> list[Received]:
    """That many events (fewer only when time is up), committed as they come."""
    got: list[Received] = []
    deadline = asyncio.get_running_loop().time() + seconds
    while len(got) < count and asyncio.get_running_loop().time() < deadline:
        batch = await subscription.poll(256, 0.5)
        if batch:
            await subscription.commit(batch)
        got += batch
    return got


async def test_every_group_gets_everything_in_order_per_key(bus: Bus, topic: str) -> None:
    events = [make(topic, f"k{i % 7}", i) for i in range(500)]
    await bus.publish(events)
    for group in (new_id(), new_id()):
        subscription = await bus.subscribe(group, [topic])
        got = await read(subscription, 500)
        assert sorted(r.event.id for r in got) == sorted(e.id for e in events)
        by_key: dict[str, list[str]] = defaultdict(list)
        for one in got:
            by_key[one.event.key].append(one.event.id)
        for key, ids in by_key.items():
            assert ids == [e.id for e in events if e.key == key]
        await subscription.close()


async def test_an_event_arrives_as_it_was_sent(bus: Bus, topic: str) -> None:
    sent = make(topic, "tenants/t/projects/ü/shards/3", 1, bytes(range(256)))
    await bus.publish([sent])
    subscription = await bus.subscribe(new_id(), [topic])
    (got,) = await read(subscription, 1)
    assert got.event == sent
    await subscription.close()


async def test_a_restart_goes_on_behind_the_commit(bus: Bus, topic: str) -> None:
    group = new_id()
    await bus.publish([make(topic, "k", i) for i in range(10)])
    first = await bus.subscribe(group, [topic])
    got = await read(first, 10)
    await first.close()
    await bus.publish([make(topic, "k", 10)])
    second = await bus.subscribe(group, [topic])
    again = await read(second, 1)
    assert len(got) == 10 and [r.event.type for r in again] == ["type10"]
    await second.close()


async def test_what_was_not_committed_comes_again(bus: Bus, topic: str) -> None:
    group = new_id()
    await bus.publish([make(topic, "k", i) for i in range(5)])
    first = await bus.subscribe(group, [topic])
    batch: list[Received] = []
    while len(batch) < 5:
        batch += await first.poll(10, 1.0)
    await first.close()
    second = await bus.subscribe(group, [topic])
    again = await read(second, 5)
    assert [r.event.id for r in again] == [r.event.id for r in batch]
    await second.close()


async def test_two_megabytes_in_one_event(bus: Bus, topic: str) -> None:
    sent = make(topic, "k", 1, b"ab" * 1_000_000)
    await bus.publish([sent])
    subscription = await bus.subscribe(new_id(), [topic])
    (got,) = await read(subscription, 1)
    assert got.event.payload == sent.payload
    await subscription.close()


async def test_members_of_a_group_share_the_work(
    bus: Bus, topic: str, kind: str, request: pytest.FixtureRequest
) -> None:
    if not FEATURES[kind].shares_groups:
        request.applymarker(pytest.mark.xfail(strict=True, reason="one member a group"))
    group = new_id()
    one, two = await bus.subscribe(group, [topic]), await bus.subscribe(group, [topic])
    await asyncio.gather(one.poll(1, 4.0), two.poll(1, 4.0))  # both have joined
    events = [make(topic, f"k{i}", i) for i in range(200)]
    await bus.publish(events)
    got = await asyncio.gather(read(one, 200, 8.0), read(two, 200, 8.0))
    await one.close()
    await two.close()
    ids = [r.event.id for part in got for r in part]
    assert sorted(ids) == sorted(e.id for e in events), "each event to one member"


async def test_a_broker_that_restarts_loses_nothing(
    bus: Bus, topic: str, kind: str, request: pytest.FixtureRequest
) -> None:
    if kind == "sqlite":
        pytest.skip("there is no broker to restart: the log is a file")
    server: KafkaBroker = request.getfixturevalue("broker")
    subscription = await bus.subscribe(new_id(), [topic])
    before = [make(topic, "k", i) for i in range(20)]
    await bus.publish(before)
    await asyncio.to_thread(server.kill)
    await asyncio.to_thread(server.restart)
    after = [make(topic, "k", i) for i in range(20, 40)]
    await bus.publish(after)
    got = await read(subscription, 40, 40.0)
    assert {r.event.id for r in got} == {e.id for e in [*before, *after]}
    await subscription.close()
