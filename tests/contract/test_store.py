"""One suite for every store: sqlite, and a real mongod through both drivers."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from labelmill.template.v1.events_pb2 import ProjectUpdated

from deploy.parts import Mongod
from libs.common.bus import MAX_PAYLOAD_BYTES, Lag
from libs.common.errors import Invalid, Unavailable
from libs.common.store import (
    Above,
    Below,
    Collection,
    Store,
    Unit,
    Work,
    keep_newest,
    open_store,
)

THINGS = Collection("things", indexes=(("project", "name"), ("project", "rank", "name")))
COUNTS = Collection("counts")
HOSTILE = {
    "name": "a'b\"c; DROP TABLE things;--",
    "k.x": "v.$é\u0000",
    "$set": {"$a.b": 1},
    "version": 1,
}


@pytest.fixture(params=["sqlite", "sqlite-full", "mongo-motor", "mongo-pymongo"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param.startswith("sqlite"):
        return f"sqlite:///{tmp_path}" + ("?sync=full" if request.param.endswith("full") else "")
    mongod: Mongod = request.getfixturevalue("mongod")
    prefix = f"t{uuid.uuid4().hex[:10]}"
    driver = request.param.removeprefix("mongo-")
    return mongod.url.replace("/?", f"/{prefix}?") + f"&driver={driver}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    opened = await open_store(url, "test", [THINGS, COUNTS])
    yield opened
    await opened.close()


def event(name: str) -> ProjectUpdated:
    message = ProjectUpdated()
    message.project.name = name
    return message


async def put(store: Store, *docs: dict[str, object]) -> None:
    async def work(unit: Unit) -> None:
        unit.insert(THINGS, list(docs))

    await store.transact(work)


async def test_what_is_written_is_read(store: Store) -> None:
    await put(store, {"name": "a", "version": 1, "project": "p", "rank": 2.5, "deep": {"x": [1]}})
    assert (await store.get(THINGS, "a"))["deep"] == {"x": [1]}  # type: ignore[index]
    assert await store.get(THINGS, "b") is None
    assert set(await store.get_many(THINGS, ["a", "b"])) == {"a"}


async def test_find_orders_pages_and_compares(store: Store) -> None:
    docs = [{"name": f"n{i:02}", "version": 1, "project": "p", "rank": i % 3} for i in range(20)]
    await put(store, *docs, {"name": "other", "version": 1, "project": "q", "rank": 0})
    order = ("rank", "name")
    whole = await store.find(THINGS, {"project": "p"}, order=order, limit=100)
    assert [(d["rank"], d["name"]) for d in whole] == sorted((d["rank"], d["name"]) for d in docs)
    seen, after = [], None
    while page := await store.find(THINGS, {"project": "p"}, order=order, after=after, limit=7):
        seen += page
        after = (page[-1]["rank"], page[-1]["name"])
    assert seen == whole
    back = await store.find(THINGS, {"project": "p"}, order=order, descending=True, limit=100)
    assert back == whole[::-1]
    above = await store.find(THINGS, {"project": "p", "rank": Above(1)}, order=order)
    below = await store.find(THINGS, {"project": "p", "rank": Below(1, equal=True)}, order=order)
    assert {d["rank"] for d in above} == {2} and {d["rank"] for d in below} == {0, 1}


async def test_an_index_of_a_later_release_finds_what_was_stored_before(url: str) -> None:
    docs: list[dict[str, object]] = [
        {"name": "a", "version": 1, "project": "p", "rank": 2.5, "done": True, "owner": "é"},
        {"name": "b", "version": 1, "project": "p", "rank": 1},
    ]
    earlier = await open_store(url, "test", [THINGS])
    await put(earlier, *docs)
    await earlier.close()
    indexes = (*THINGS.indexes, ("owner", "done", "name"))
    later = Collection(THINGS.name, indexes=indexes)
    for _ in range(2):
        store = await open_store(url, "test", [later])
        assert await store.find(later, {"owner": "é", "done": True}) == [docs[0]]
        assert await store.find(later, {"project": "p"}, order=("rank", "name")) == docs[::-1]
        await store.close()


async def test_no_update_is_lost_between_concurrent_writers(store: Store) -> None:
    await put(store, {"name": "n", "version": 1, "n": 0})

    async def one(unit: Unit) -> None:
        doc = await unit.get(THINGS, "n")
        assert doc is not None
        await asyncio.sleep(0)
        unit.put(THINGS, {**doc, "n": doc["n"] + 1, "version": doc["version"] + 1})

    await asyncio.gather(*(store.transact(one) for _ in range(20)))
    assert await store.get(THINGS, "n") == {"name": "n", "version": 21, "n": 20}


async def test_two_stores_on_one_database_see_each_other(url: str, store: Store) -> None:
    second = await open_store(url, "test", [THINGS, COUNTS])
    await put(store, {"name": "n", "version": 1, "n": 0})

    async def one(unit: Unit) -> None:
        doc = await unit.get(THINGS, "n")
        assert doc is not None
        unit.put(THINGS, {**doc, "n": doc["n"] + 1, "version": doc["version"] + 1})

    await asyncio.gather(*(s.transact(one) for s in (store, second) for _ in range(4)))
    assert (await second.get(THINGS, "n"))["n"] == 8  # type: ignore[index]
    await second.close()


async def test_a_put_must_follow_its_predecessor(store: Store) -> None:
    await put(store, {"name": "n", "version": 1})

    def writes(version: int) -> Work[None]:
        async def work(unit: Unit) -> None:
            unit.put(THINGS, {"name": "n", "version": version})
            unit.emit("k", event("x"))

        return work

    for wrong in (1, 3, 4):
        with pytest.raises(Unavailable, match="too many writers"):
            await store.transact(writes(wrong))
    await store.transact(writes(2))
    assert await store.get(THINGS, "n") == {"name": "n", "version": 2}
    assert len(await store.pending_events(10)) == 1, "no event of a unit that failed"


async def test_a_document_put_twice_in_a_unit_follows_the_stored_one(store: Store) -> None:
    await put(store, {"name": "old", "version": 1})

    async def work(unit: Unit) -> None:
        for name, first in (("old", 2), ("new", 1)):
            unit.put(THINGS, {"name": name, "version": first})
            doc = await unit.get(THINGS, name)
            assert doc is not None
            unit.put(THINGS, {**doc, "version": first + 1})

    await store.transact(work)
    found = await store.get_many(THINGS, ["old", "new"])
    assert {n: d["version"] for n, d in found.items()} == {"old": 3, "new": 2}


async def test_an_event_no_bus_would_take_fails_its_unit(store: Store) -> None:
    async def work(unit: Unit) -> None:
        unit.put(THINGS, {"name": "n", "version": 1})
        unit.emit("k", event("x" * MAX_PAYLOAD_BYTES))

    with pytest.raises(Invalid, match=r"ProjectUpdated would have \d+ bytes"):
        await store.transact(work)
    assert await store.get(THINGS, "n") is None
    assert await store.pending_events(1) == []


async def test_an_overwrite_takes_whatever_stands_there(store: Store) -> None:
    async def work(unit: Unit) -> None:
        unit.overwrite(THINGS, {"name": "copy", "version": 7})

    for _ in range(2):
        await store.transact(work)
    assert await store.get(THINGS, "copy") == {"name": "copy", "version": 7}


async def test_only_a_newer_copy_replaces_one(store: Store) -> None:
    def copy(name: str, version: int, said: str) -> dict[str, object]:
        return {"name": name, "version": version, "said": said}

    bare: dict[str, object] = {"name": "bare"}
    told = [copy("a", 2, "second"), copy("a", 1, "first"), copy("b", 1, "x"), copy("b", 3, "y")]
    await store.transact(lambda unit: keep_newest(unit, THINGS, [*told, bare]))
    again: list[dict[str, object]] = [
        copy("a", 2, "again"),
        copy("b", 2, "late"),
        {"name": "bare", "said": "again"},
    ]
    await store.transact(lambda unit: keep_newest(unit, THINGS, again))
    found = await store.get_many(THINGS, ["a", "b", "bare"])
    assert found == {"a": told[0], "b": told[3], "bare": bare}


async def test_a_task_left_behind_by_a_unit_starts_its_own(store: Store) -> None:
    """It has the unit in its context; what it staged there would be lost without a word."""
    later: list[asyncio.Task[None]] = []

    async def afterwards() -> None:
        await asyncio.sleep(0.05)
        await put(store, {"name": "late", "version": 1})

    async def work(unit: Unit) -> None:
        later.append(asyncio.create_task(afterwards()))

    await store.transact(work)
    await asyncio.gather(*later)
    assert await store.get(THINGS, "late") is not None


async def test_a_unit_that_fails_leaves_nothing(store: Store) -> None:
    await put(store, {"name": "taken", "version": 1})
    emitted = await store.pending_events(10)

    async def fails(unit: Unit) -> None:
        unit.insert(THINGS, [{"name": "new", "version": 1}])
        unit.count(COUNTS, "c", {"n": 1})
        unit.emit("k", event("x"))
        raise Invalid("no")

    async def clashes(unit: Unit) -> None:
        unit.insert(THINGS, [{"name": "new", "version": 1}, {"name": "taken", "version": 1}])
        unit.emit("k", event("x"))

    with pytest.raises(Invalid):
        await store.transact(fails)
    with pytest.raises(Unavailable):
        await store.transact(clashes)
    assert await store.get(THINGS, "new") is None
    assert await store.get(COUNTS, "c") is None
    assert await store.pending_events(10) == emitted


async def test_counters_add_up_under_concurrency(store: Store) -> None:
    async def one(unit: Unit) -> None:
        unit.count(COUNTS, "c", {"a.b": 1, "seconds": 0.5})

    await asyncio.gather(*(store.transact(one) for _ in range(20)))
    assert await store.get(COUNTS, "c") == {"name": "c", "a.b": 20, "seconds": 10.0}


async def test_units_join_and_read_their_own_writes(store: Store) -> None:
    async def inner(unit: Unit) -> None:
        unit.put(THINGS, {"name": "i", "version": 1, "said": "inner"})

    async def outer(unit: Unit) -> None:
        await store.transact(inner)
        assert (await unit.get(THINGS, "i"))["said"] == "inner"  # type: ignore[index]
        assert await store.get(THINGS, "i") is None, "nothing is committed yet"
        unit.overwrite(THINGS, {"name": "o", "free": True})

    await store.transact(outer)
    assert set(await store.get_many(THINGS, ["i", "o"])) == {"i", "o"}


async def test_the_outbox_keeps_order_until_published(store: Store) -> None:
    async def work(unit: Unit) -> None:
        for i in range(50):
            unit.emit("k", event(f"p{i}"))

    woken: list[int] = []
    store.on_emit(lambda: woken.append(1))
    await store.transact(work)
    events = await store.pending_events(100)
    names = [e.message().project.name for e in events]
    assert names == [f"p{i}" for i in range(50)] and woken
    await store.published(events[:20])
    assert [e.id for e in await store.pending_events(100)] == [e.id for e in events[20:]]


async def test_the_outbox_says_how_much_waits_and_since_when(store: Store) -> None:
    assert await store.unpublished() == Lag()

    async def emit(unit: Unit) -> None:
        for i in range(5):
            unit.emit("k", event(f"e{i}"))

    await store.transact(emit)
    events = await store.pending_events(10)
    assert await store.unpublished() == Lag(5, events[0].time)
    await store.published(events[:2])
    assert await store.unpublished() == Lag(3, events[2].time)


async def test_hostile_names_and_fields_survive(store: Store) -> None:
    await put(store, HOSTILE)
    found = await store.get(THINGS, HOSTILE["name"])  # type: ignore[arg-type]
    assert found == HOSTILE


async def test_any_fields_survive_or_are_refused(store: Store, url: str) -> None:
    """A name with NUL inside is no field of MongoDB: then it says so and keeps nothing."""
    strange = {"a.b": {"c.d": 1, "$e": [{"$f.g": "\ud7ff"}]}, "": 0, "\uff0e": 1, "big": 2**53}
    await put(store, {"name": "s", "version": 1, "deep": strange})
    found = await store.get(THINGS, "s")
    assert found is not None and found["deep"] == strange
    nul = {"name": "nul", "version": 1, "deep": {"a\u0000b": 1}}
    if url.startswith("mongodb"):
        with pytest.raises(Invalid, match="MongoDB cannot keep this"):
            await put(store, nul)
        assert await store.get(THINGS, "nul") is None
    else:
        await put(store, nul)
        assert await store.get(THINGS, "nul") == nul


async def test_names_and_values_are_data_in_every_question(store: Store) -> None:
    hostile = ["'; --", '"', "$gt", "a\\", "%", "_", "\u0000", "\U0001f600", "ÄÖ", "é"]
    docs = [{"name": f"n{h}", "version": 1, "project": h, "rank": 1} for h in hostile]
    await put(store, *docs)
    for doc in docs:
        where = {"project": doc["project"]}
        assert await store.find(THINGS, where, order=("rank", "name")) == [doc]
        assert await store.get_many(THINGS, [str(doc["name"])]) == {doc["name"]: doc}
    every = await store.find(THINGS, {}, limit=100)
    assert [d["name"] for d in every] == sorted((str(d["name"]) for d in docs), key=str.encode)


async def test_a_mongodb_that_is_away_is_unavailable(monkeypatch: pytest.MonkeyPatch) -> None:
    away = "mongodb://127.0.0.1:9/"
    monkeypatch.setattr("libs.common.store.mongo._SECONDS", 0.5)
    with pytest.raises(Unavailable, match=r"MongoDB \(STORE_URL\) cannot be reached"):
        await open_store(away, "test", [THINGS])


async def test_an_address_cannot_weaken_what_is_promised(mongod: Mongod) -> None:
    weak = f"{mongod.url}&w=1&journal=false&readConcernLevel=local"
    opened = await open_store(weak.replace("/?", "/weak?"), "test", [THINGS])
    await put(opened, {"name": "n", "version": 1})
    await opened.close()


async def test_deletes_and_big_batches(store: Store) -> None:
    docs = [
        {"name": f"d{i:05}", "version": 1, "project": "big", "t": "x" * 500} for i in range(5000)
    ]
    await put(store, *docs)
    names = [d["name"] for d in docs]
    assert len(await store.get_many(THINGS, names)) == 5000  # type: ignore[arg-type]

    async def drop(unit: Unit) -> None:
        unit.delete(THINGS, names[:4990])  # type: ignore[arg-type]

    await store.transact(drop)
    assert len(await store.find(THINGS, {"project": "big"}, limit=100)) == 10


CHILD = """
import asyncio, os, sys
from libs.common.store import Collection, open_store
THINGS = Collection("things", indexes=(("project", "name"), ("project", "rank", "name")))
async def main():
    store = await open_store(sys.argv[1], "test", [THINGS])
    async def work(unit):
        unit.insert(THINGS, [{"name": "acknowledged", "version": 1}])
    await store.transact(work)
    print("acknowledged", flush=True)
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


async def test_what_was_acknowledged_survives_a_kill(url: str, store: Store) -> None:
    paths = os.pathsep.join(sys.path)
    child = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", CHILD, url],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": paths},
    )
    assert child.stdout.strip() == "acknowledged" and child.returncode == -9
    assert await store.get(THINGS, "acknowledged") is not None
