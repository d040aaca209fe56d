"""Consumer and dead letters on real stores and buses: effects once, whatever comes twice."""

from __future__ import annotations

import asyncio
import random

import pytest
from labelmill.task_dispatch.v1.events_pb2 import TasksCancelled

from libs.common.bus import Event, make_event
from libs.common.messaging.consumer import Consumer, TooManyDead
from libs.common.operations import DeadLetters
from libs.common.store import INBOX
from tests.contract.desk import HANDLERS, TOPIC, House, event, until


def shuffled_across_keys(events: list[Event], chance: random.Random) -> list[Event]:
    """Any order that keeps each key's events in theirs."""
    queues: dict[str, list[Event]] = {}
    for one in events:
        queues.setdefault(one.key, []).append(one)
    order = [key for key, queue in queues.items() for _ in queue]
    chance.shuffle(order)
    return [queues[key].pop(0) for key in order]


@pytest.mark.parametrize("seed", range(5))
async def test_an_effect_is_once_though_every_event_comes_twice(house: House, seed: int) -> None:
    chance = random.Random(seed)
    names = [f"p{i}" for i in range(60)]
    events = [event(name, f"k{i % 5}") for i, name in enumerate(names)]
    for again in (events, events):
        await house.bus.publish(shuffled_across_keys(again, chance))
    async with house.at_work():

        async def all_heard() -> bool:
            return len(await house.counts(names)) == len(names)

        await until(all_heard)
        await house.bus.publish(events)
        last = event("last")
        await house.bus.publish([last])

        async def last_heard() -> bool:
            return bool(await house.counts(["last"]))

        await until(last_heard)
    assert await house.counts(names) == dict.fromkeys(names, 1)
    own = await house.store.pending_events(1000)
    assert len(own) == len(names) + 1, "what it said itself is once, too"
    for k in range(5):
        heard = [n for n in house.desk.order if n in names[k::5]]
        assert heard == names[k::5], "each key in order"


async def test_old_marks_leave_the_inbox_and_young_ones_stay(house: House) -> None:
    old, young = event("old"), event("young")
    await house.consumer.apply([old])
    house.clock.advance(13 * 86_400)
    await house.consumer.apply([young])
    house.clock.advance(2 * 86_400)
    async with house.at_work():

        async def gone() -> bool:
            return await house.store.get(INBOX, old.id) is None

        await until(gone)
    assert await house.store.get(INBOX, young.id) is not None


async def test_two_replicas_that_hear_the_same_do_it_once(house: House) -> None:
    """A rebalance hands the same events to two members at once; the inbox lets one win."""
    second = Consumer("desk", house.bus, house.store, house.desk, HANDLERS, house.clock)
    events = [event(f"p{i}", "k") for i in range(50)]
    await asyncio.gather(house.consumer.apply(events), second.apply(events))
    names = [f"p{i}" for i in range(50)]
    assert await house.counts(names) == dict.fromkeys(names, 1)


async def test_poison_goes_to_the_dead_letters_and_its_neighbours_go_on(house: House) -> None:
    house.desk.broken = {"poison"}
    torn = Event("torn", TOPIC, "labelmill.template.v1.ProjectUpdated", "k", "", b"\xff\xff")
    await house.bus.publish([event("a"), event("poison"), torn, event("b"), event("c", "other")])
    async with house.at_work():

        async def done() -> bool:
            return len(await house.dead()) == 2 and len(await house.counts(["a", "b", "c"])) == 3

        await until(done)
    letters = {doc["name"]: doc for doc in await house.dead()}
    assert letters.pop("torn")["payload"] == "ffff"
    (letter,) = letters.values()
    assert letter["reason"] == "Invalid: poison cannot be"
    assert letter["type"] == f"{TOPIC}.ProjectUpdated" and letter["key"] == "k"
    assert await house.counts(["a", "b", "c", "poison"]) == {"a": 1, "b": 1, "c": 1}


async def test_what_nobody_here_listens_to_is_passed_by(house: House) -> None:
    stranger = make_event("k", TasksCancelled())
    foreign = Event("f", TOPIC, "no.such.Type", "k", "", b"x")
    await house.bus.publish([stranger, foreign, event("a")])
    async with house.at_work():

        async def heard() -> bool:
            return bool(await house.counts(["a"]))

        await until(heard)
    assert await house.dead() == []


async def test_what_comes_too_early_waits_and_holds_up_nobody_else(house: House) -> None:
    house.desk.early = {"early"}
    await house.bus.publish([event("early", "slow"), event("next", "slow"), event("b", "fast")])
    async with house.at_work():

        async def fast() -> bool:
            return bool(await house.counts(["b"]))

        await until(fast)
        assert await house.counts(["early"]) == {}
        house.desk.early = set()

        async def all_heard() -> bool:
            return len(await house.counts(["early", "next"])) == 2

        await until(all_heard)
    assert await house.dead() == []
    assert house.desk.order.index("early") < house.desk.order.index("next")


async def test_a_parked_event_comes_again_after_a_restart(house: House) -> None:
    house.desk.early = {"early"}
    await house.bus.publish([event("early", "slow"), event("b", "fast")])
    async with house.at_work():

        async def fast() -> bool:
            return bool(await house.counts(["b"]))

        await until(fast)
    house.desk.early = set()
    house.consumer = Consumer("desk", house.bus, house.store, house.desk, HANDLERS, house.clock)
    async with house.at_work():

        async def heard() -> bool:
            return bool(await house.counts(["early"]))

        await until(heard)
    assert await house.counts(["early", "b"]) == {"early": 1, "b": 1}


async def test_what_stays_too_early_dies_in_the_end(house: House) -> None:
    house.desk.early = {"never"}
    await house.bus.publish([event("never")])
    async with house.at_work():
        await asyncio.sleep(0.3)
        assert await house.dead() == []
        house.clock.advance(31)

        async def dead() -> bool:
            return bool(await house.dead())

        await until(dead)
    assert (await house.dead())[0]["reason"].startswith("OutOfTurn: never")


async def test_what_waits_for_a_part_that_is_away_does_not_die_of_it(house: House) -> None:
    """Too early first, then a part goes away for longer than anything is parked."""
    house.desk.early = {"a"}
    await house.bus.publish([event("a")])
    async with house.at_work():

        async def parked() -> bool:
            return bool(house.consumer._parked)

        await until(parked)
        house.desk.away = True
        for _ in range(10):
            house.clock.advance(20)
            await asyncio.sleep(0.15)
        assert house.consumer.outage.seconds > 0
        house.desk.away, house.desk.early = False, set()

        async def heard() -> bool:
            return bool(await house.counts(["a"]))

        await until(heard)
    assert await house.dead() == []


@pytest.mark.parametrize("seconds", [-86_400, 86_400])
async def test_a_clock_that_is_set_kills_nothing_that_came_too_early(
    house: House, seconds: float
) -> None:
    house.desk.early = {"a"}
    await house.bus.publish([event("a")])
    async with house.at_work():

        async def parked() -> bool:
            return bool(house.consumer._parked)

        await until(parked)
        house.clock.set_by(seconds)
        await asyncio.sleep(0.3)
        assert await house.dead() == []
        house.desk.early = set()

        async def heard() -> bool:
            return bool(await house.counts(["a"]))

        await until(heard)


async def test_a_part_that_is_away_is_waited_for(house: House) -> None:
    house.desk.away = True
    await house.bus.publish([event("a")])
    async with house.at_work():
        await asyncio.sleep(0.6)  # more than three tries
        house.desk.away = False

        async def heard() -> bool:
            return bool(await house.counts(["a"]))

        await until(heard)
    assert await house.dead() == []


async def test_dead_letters_are_shown_and_replayed_once(house: House) -> None:
    house.desk.broken = {f"p{i}" for i in range(3)}
    await house.bus.publish([event(f"p{i}", f"k{i}") for i in range(3)])
    async with house.at_work():

        async def dead() -> bool:
            return len(await house.dead()) == 3

        await until(dead)
    letters = DeadLetters(house.store, house.consumer)
    first, token = await letters.page(2, "")
    rest, end = await letters.page(2, token)
    assert len({doc["name"] for doc in [*first, *rest]}) == 3 and end == ""
    house.desk.broken = {"p1"}
    assert await letters.replay([]) == (2, 1)
    (left,) = await house.dead()
    assert left["reason"] == "Invalid: p1 cannot be"
    house.desk.broken = set()
    assert await letters.replay([left["name"]]) == (1, 0)
    assert await letters.replay([left["name"]]) == (0, 0)
    assert await house.counts(["p0", "p1", "p2"]) == {"p0": 1, "p1": 1, "p2": 1}


async def test_a_consumer_stops_instead_of_draining_a_topic_into_the_bin(house: House) -> None:
    names = [f"p{i}" for i in range(40)]
    house.desk.broken = set(names)
    await house.bus.publish([event(name, name) for name in names])
    with pytest.raises(TooManyDead, match=r"desk: 20 of the last 20 events died.*cannot be"):
        await asyncio.wait_for(house.consumer.run(), 30)
    assert len(await house.dead()) == 20
    house.desk.broken = set()
    house.consumer = Consumer("desk", house.bus, house.store, house.desk, HANDLERS, house.clock)
    async with house.at_work():

        async def heard() -> bool:
            return len(await house.counts(names)) == len(names)

        await until(heard)
    assert await house.counts(names) == dict.fromkeys(names, 1), "nothing was lost by stopping"
