"""One suite for every bus: sqlite, and a real Kafka broker."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections import defaultdict
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from kafka import KafkaProducer

from deploy.parts import KafkaBroker
from libs.common.bus import (
    MAX_PAYLOAD_BYTES,
    Bus,
    Event,
    Lag,
    Received,
    Subscription,
    open_bus,
)
from libs.common.bus.sqlite import SqliteBus
from libs.common.errors import Unavailable
from libs.common.names import new_id

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@dataclass(frozen=True)
class Features:
    """What a bus can do."""

    shares_groups: bool


FEATURES = {
    "sqlite": Features(shares_groups=False),
    "kafka": Features(shares_groups=True),
    "kafka-static": Features(shares_groups=True),
}


@pytest.fixture(params=list(FEATURES))
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/bus.db"
    server: KafkaBroker = request.getfixturevalue("broker")
    return f"{server.url}?partitions=4" + ("&member=host" if kind == "kafka-static" else "")


@pytest.fixture
async def bus(url: str, topic: str) -> AsyncIterator[Bus]:
    opened = await open_bus(url, [topic])
    yield opened
    await opened.close()


def make(topic: str, key: str, number: int, payload: bytes = b"x") -> Event:
    when = "2026-01-01T00:00:00.000000+00:00"
    return Event(new_id(), topic, f"type{number}", key, when, payload, "00-ab-cd-01")


async def read(subscription: Subscription, count: int, seconds: float = 120.0) -> list[Received]:
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


@pytest.mark.parametrize("size", [2_000_000, MAX_PAYLOAD_BYTES])
async def test_megabytes_in_one_event(bus: Bus, topic: str, size: int) -> None:
    sent = make(topic, "k", 1, os.urandom(size))
    await bus.publish([sent])
    subscription = await bus.subscribe(new_id(), [topic])
    (got,) = await read(subscription, 1)
    assert got.event.payload == sent.payload
    await subscription.close()


async def test_five_thousand_events_arrive_once_each_and_in_order(bus: Bus, topic: str) -> None:
    events = [make(topic, f"k{i % 50}", i, b"y" * 200) for i in range(5000)]
    for start in range(0, 5000, 500):
        await bus.publish(events[start : start + 500])
    subscription = await bus.subscribe(new_id(), [topic])
    got = await read(subscription, 5000)
    assert sorted(r.event.id for r in got) == sorted(e.id for e in events)
    by_key: dict[str, list[int]] = defaultdict(list)
    for one in got:
        by_key[one.event.key].append(int(one.event.type.removeprefix("type")))
    assert all(numbers == sorted(numbers) for numbers in by_key.values())
    await subscription.close()


async def test_a_subscriber_hears_what_comes_while_it_waits(bus: Bus, topic: str) -> None:
    subscription = await bus.subscribe(new_id(), [topic])
    assert await subscription.poll(10, 1.0) == []
    waiting = asyncio.create_task(subscription.poll(10, 10.0))
    await asyncio.sleep(0.05)
    sent, started = make(topic, "k", 1), asyncio.get_running_loop().time()
    await bus.publish([sent])
    assert [r.event.id for r in await waiting] == [sent.id]
    assert asyncio.get_running_loop().time() - started < 2
    await subscription.close()


async def test_a_commit_holds_back_what_is_behind_it(bus: Bus, topic: str) -> None:
    """The consumer commits up to its first parked event, not all that it has been given."""
    group = new_id()
    await bus.publish([make(topic, "k", i) for i in range(10)])
    first = await bus.subscribe(group, [topic])
    got: list[Received] = []
    while len(got) < 10:
        got += await first.poll(10, 1.0)
    await first.commit(got[:4])
    await first.close()
    second = await bus.subscribe(group, [topic])
    again = await read(second, 6)
    assert [r.event.id for r in again] == [r.event.id for r in got[4:]]
    await second.close()


async def test_a_slow_handler_keeps_its_place(bus: Bus, topic: str) -> None:
    subscription = await bus.subscribe(new_id(), [topic])
    await bus.publish([make(topic, "k", i) for i in range(3)])
    got = await subscription.poll(1, 10.0)
    await asyncio.sleep(1.5)
    await subscription.commit(got)
    rest = await read(subscription, 3 - len(got))
    assert [r.event.type for r in [*got, *rest]] == ["type0", "type1", "type2"]
    await subscription.close()


async def test_what_a_member_that_left_had_not_done_goes_to_the_other(
    broker: KafkaBroker, topic: str
) -> None:
    bus = await open_bus(f"{broker.url}?partitions=4", [topic])
    group = new_id()
    one, two = await bus.subscribe(group, [topic]), await bus.subscribe(group, [topic])
    await asyncio.gather(one.poll(1, 3.0), two.poll(1, 3.0))
    events = [make(topic, f"k{i}", i) for i in range(100)]
    await bus.publish(events)
    taken = await one.poll(256, 10.0)
    assert taken, "the first member had a share"
    await one.close()
    got = await read(two, 100, 15.0)
    assert {r.event.id for r in got} == {e.id for e in events}
    with pytest.raises(Unavailable):
        await one.commit(taken)
    await two.close()
    await bus.close()


MEMBER = """
import asyncio, sys
from libs.common.bus import open_bus

async def main(url, group, topic):
    subscription = await (await open_bus(url, [topic])).subscribe(group, [topic])
    while True:
        if got := await subscription.poll(256, 1.0):
            await subscription.commit(got)
            print(len(got), flush=True)

asyncio.run(main(*sys.argv[1:]))
"""


async def test_a_member_that_crashed_is_back_at_once(broker: KafkaBroker, topic: str) -> None:
    """Without its own name it would wait for 10 s until the session of the dead one is over."""
    url, group = f"{broker.url}?partitions=4&member=host", new_id()
    bus = await open_bus(url, [topic])
    await bus.publish([make(topic, "k", 0)])
    crashing = await asyncio.create_subprocess_exec(
        sys.executable, "-c", MEMBER, url, group, topic, stdout=asyncio.subprocess.PIPE
    )
    assert crashing.stdout and await crashing.stdout.readline() == b"1\n"
    crashing.kill()
    await crashing.wait()
    sent, started = make(topic, "k", 1), asyncio.get_running_loop().time()
    await bus.publish([sent])
    subscription = await bus.subscribe(group, [topic])
    (got,) = await read(subscription, 1)
    assert got.event.id == sent.id
    assert asyncio.get_running_loop().time() - started < 5
    await bus.close()


async def test_a_member_is_named_after_its_host_or_not_at_all() -> None:
    with pytest.raises(ValueError, match="member must be host"):
        await open_bus("kafka://127.0.0.1:9?member=me", [])


async def test_a_foreign_message_is_no_reason_to_stop(broker: KafkaBroker, topic: str) -> None:
    bus = await open_bus(f"{broker.url}?partitions=1", [topic])
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap)
    headers = [("ce_id", b"\xff\xfe")]
    producer.send(topic, value=None, key=b"\xff", headers=headers).get(10)
    producer.close()
    mine = make(topic, "k", 1)
    await bus.publish([mine])
    subscription = await bus.subscribe(new_id(), [topic])
    got = await read(subscription, 2)
    assert [r.event.id for r in got][1:] == [mine.id] and got[0].event.type == ""
    await subscription.close()
    await bus.close()


async def test_how_far_a_group_is_behind_is_known_without_its_members(bus: Bus, topic: str) -> None:
    group = new_id()
    events = [
        Event(new_id(), topic, "t", "k", f"2026-01-01T00:00:{i:02}+00:00", b"x") for i in range(10)
    ]
    assert await bus.lag(group, [topic]) == Lag()
    await bus.publish(events)
    assert await bus.lag(group, [topic]) == Lag(10, events[0].time), "nobody has read"
    subscription = await bus.subscribe(group, [topic])
    got: list[Received] = []
    while len(got) < 10:
        got += await subscription.poll(10, 1.0)
    await subscription.commit(got[:4])
    assert await bus.lag(group, [topic]) == Lag(6, events[4].time), "handed out is not handled"
    await subscription.commit(got)
    assert await bus.lag(group, [topic]) == Lag()
    await subscription.close()


async def test_members_of_a_group_share_the_work(
    bus: Bus, topic: str, kind: str, request: pytest.FixtureRequest
) -> None:
    if not FEATURES[kind].shares_groups:
        request.applymarker(pytest.mark.xfail(strict=True, reason="one member a group"))
    group = new_id()
    one, two = await bus.subscribe(group, [topic]), await bus.subscribe(group, [topic])
    await asyncio.gather(one.poll(1, 2.0), two.poll(1, 2.0))  # both have joined
    events = [make(topic, f"k{i}", i) for i in range(200)]
    await bus.publish(events)
    ids: list[str] = []
    # On a busy machine a member may be given its partitions only now.
    for _ in range(60):
        got = await asyncio.gather(one.poll(200, 1.0), two.poll(200, 1.0))
        ids += [r.event.id for part in got for r in part]
        if len(ids) >= 200 and not any(got):
            break
    await one.close()
    await two.close()
    assert sorted(ids) == sorted(e.id for e in events), "each event to one member"


async def test_the_embedded_log_drops_what_every_group_has_read(tmp_path: Path) -> None:
    bus = SqliteBus(f"sqlite:///{tmp_path}/bus.db")
    await bus.open(["t", "other"])
    events = [make("t", "k", i) for i in range(30)]
    await bus.publish([*events, make("other", "k", 0)])
    await bus.trim("t", kept=5)
    fast, slow = await bus.subscribe("fast", ["t"]), await bus.subscribe("slow", ["t"])
    assert len(await read(fast, 30)) == 30, "nobody had read it: all is there"
    await slow.commit((await slow.poll(30, 1.0))[:20])
    await bus.trim("t", kept=5)
    await slow.close()
    slow = await bus.subscribe("slow", ["t"])
    assert [r.event.id for r in await read(slow, 10)] == [e.id for e in events[20:]]
    await bus.trim("t", kept=5)
    late = await bus.subscribe("late", ["t", "other"])
    assert [r.event.id for r in await read(late, 6)][:5] == [e.id for e in events[25:]]
    await bus.close()


async def test_a_kafka_that_is_away_is_unavailable(
    topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("libs.common.bus.kafka.CONNECT_MS", 500)
    with pytest.raises(Unavailable, match=r"Kafka \(BUS_URL\) cannot be reached"):
        await open_bus("kafka://127.0.0.1:9", [topic])


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
    waiting = asyncio.create_task(bus.publish([make(topic, "k", 99)]))
    assert await subscription.poll(0, 0.5) == [], "a broker that is away is no error to a reader"
    await asyncio.to_thread(server.restart)
    with contextlib.suppress(Unavailable):
        await waiting
    after = [make(topic, "k", i) for i in range(20, 40)]
    while True:  # the relay tries again, too, until the partitions have a leader
        with contextlib.suppress(Unavailable):
            await bus.publish(after)
            break
    wanted = {e.id for e in [*before, *after]}
    got: set[str] = set()
    deadline = asyncio.get_running_loop().time() + 120
    while not got >= wanted and asyncio.get_running_loop().time() < deadline:
        got |= {r.event.id for r in await read(subscription, 1, 2.0)}
    assert got >= wanted
    await subscription.close()
