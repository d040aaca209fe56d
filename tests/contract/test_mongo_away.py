"""A mongod that hangs or steps down: every operation ends in time, and all goes on after it."""

from __future__ import annotations

import asyncio
import uuid

import pymongo
import pytest

from deploy.parts import Mongod
from libs.common.errors import Unavailable
from libs.common.store import Collection, Store, Unit, open_store

THINGS = Collection("things")


async def put(store: Store, *docs: dict[str, object]) -> None:
    async def work(unit: Unit) -> None:
        unit.insert(THINGS, list(docs))

    await store.transact(work)


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_mongodb_that_hangs_is_unavailable_and_comes_back(
    mongod: Mongod, driver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = mongod.url.replace("/?", f"/h{uuid.uuid4().hex[:10]}?") + f"&driver={driver}"
    store = await open_store(url, "test", [THINGS])
    await put(store, {"name": "before", "version": 1})
    monkeypatch.setattr("libs.common.store.mongo._SECONDS", 1.0)
    mongod.pause()
    try:
        for ask in (store.get(THINGS, "before"), store.find(THINGS, {}), store.pending_events(1)):
            with pytest.raises(Unavailable):
                await asyncio.wait_for(ask, 20)
        with pytest.raises(Unavailable):
            await asyncio.wait_for(put(store, {"name": "a"}, {"name": "b"}), 20)
    finally:
        mongod.resume()
    monkeypatch.undo()
    await put(store, {"name": "after", "version": 1})
    assert {"before", "after"} <= {d["name"] for d in await store.find(THINGS, {})}
    await store.close()


@pytest.mark.parametrize("driver", ["motor", "pymongo"])
async def test_a_change_of_primary_is_waited_for(mongod: Mongod, driver: str) -> None:
    url = mongod.url.replace("/?", f"/p{uuid.uuid4().hex[:10]}?") + f"&driver={driver}"
    store = await open_store(url, "test", [THINGS])
    client: pymongo.MongoClient[dict[str, object]] = pymongo.MongoClient(mongod.url)
    stepping = {"replSetStepDown": 2, "secondaryCatchUpPeriodSecs": 0, "force": True}
    client.admin.command(stepping)
    written, number = 0, 0
    while written < 20:
        number += 1
        names = (f"a{number}", f"b{number}")
        try:
            await put(store, *({"name": name, "version": 1} for name in names))
            written += 1
        except Unavailable:
            await asyncio.sleep(0.05)
    found = {d["name"] for d in await store.find(THINGS, {}, limit=1000)}
    assert {name[1:] for name in found if name[0] == "a"} == {
        name[1:] for name in found if name[0] == "b"
    }, "both of a unit or neither"
    await store.close()
    client.close()
