"""A delivery goes on after a crash in any phase, and no two workers write it at once."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from labelmill.delivery.v1 import events_pb2 as delivery_events

from libs.bundle.__main__ import run
from libs.common.errors import Unavailable
from libs.common.store import DEAD_LETTERS, INBOX
from services.delivery import store as delivery_store
from services.delivery.domain import MAX_FAILURES, DeliveryState
from services.delivery.signing import Signer
from tests.unit.services.delivery.test_delivery import (
    _PEM,
    PROJECT,
    House,
    contents,
    project_event,
    task,
)
from tests.unit.services.delivery.test_delivery import house as house


class Stop(BaseException):
    """The process is gone."""


@pytest.mark.parametrize("commits", range(1, 12))
async def test_goes_on_after_a_crash_with_the_same_files(
    tmp_path: Path, commits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dies before the n-th commit of the background work, goes on in another process."""
    found = []
    for crash in (False, True):
        house = House(tmp_path / str(crash))
        house.signer = Signer(_PEM)
        house.service = house.worker("one")
        await house.store.open([*delivery_store.COLLECTIONS, INBOX, DEAD_LETTERS])
        await house.hear(project_event())
        await house.accepted(*[task(i) for i in range(50)])
        monkeypatch.setattr("services.delivery.service.names.new_id", lambda: "fixed")
        made = await house.service.create(PROJECT, [], "")
        monkeypatch.undo()
        if crash:
            await _die(house, commits)
            house.clock.advance(100)
            house.service = house.worker("two")
        ended = await house.finish(made)
        assert ended.state is DeliveryState.COMPLETED, ended.reason
        found.append(contents(house.path(ended)))
        await house.store.close()
    assert found[0] == found[1]


async def _die(house: House, commits: int) -> None:
    commit, count = house.store._units._commit, 0

    async def dying(unit: Any) -> None:
        nonlocal count
        count += 1
        if count >= commits:
            raise Stop
        await commit(unit)

    house.store._units._commit = dying
    with pytest.raises(Stop):
        await house.service.advance()
        house.clock.advance(5)
        await house.service.advance()
        raise Stop
    house.store._units._commit = commit


@pytest.mark.parametrize("writes", range(1, 13))
async def test_goes_on_after_a_crash_between_files(house: House, writes: int) -> None:
    """Dies at the n-th file, in the middle of a part or among the closing files."""
    await house.accepted(*[task(i) for i in range(50)])
    made = await house.service.create(PROJECT, [], "")
    write, count = house.blobs.write, 0

    def dying(path: str) -> Any:
        nonlocal count
        count += 1
        if count == writes:
            raise Stop
        return write(path)

    house.blobs.write = dying  # type: ignore[method-assign]
    with pytest.raises(Stop):
        await house.finish(made)
    house.clock.advance(100)
    house.service = house.worker("two")
    ended = await house.finish(made)
    assert (ended.state, ended.written_count) == (DeliveryState.COMPLETED, 50)
    assert run(house.path(ended), None) == 0


async def test_two_workers_write_one_delivery_once(house: House) -> None:
    await house.accepted(*[task(i) for i in range(90)])
    made = await house.service.create(PROJECT, [], "")
    workers = [house.worker("a"), house.worker("b")]
    await asyncio.gather(*(w.advance() for w in workers))
    house.clock.advance(5)
    await asyncio.gather(*(w.advance() for w in workers))
    ended = await house.service.delivery(made.name)
    assert (ended.state, ended.written_count) == (DeliveryState.COMPLETED, 90)
    assert len(await house.emitted(delivery_events.DeliveryCompleted)) == 1
    assert run(house.path(ended), None) == 0


async def test_a_stumbling_delivery_is_given_up_and_lets_go(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    await house.accepted(*[task(i) for i in range(5)])
    made = await house.service.create(PROJECT, [], "")

    def full(*_: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(house.blobs, "write", full)
    for _ in range(20):
        await house.service.advance()
        house.clock.advance(61)
    failed = await house.service.delivery(made.name)
    assert failed.state is DeliveryState.FAILED and "No space left" in failed.reason
    assert await delivery_store.deliverable(house.store, PROJECT) == 5
    assert not list((house.folder / "blobs").rglob("*.part"))


async def test_half_a_file_of_a_killed_process_is_swept_away(house: House) -> None:
    await house.accepted(*[task(i) for i in range(5)])
    made = await house.service.create(PROJECT, [], "")
    house.path(made).mkdir(parents=True)
    (house.path(made) / "labels-00001.jsonl.01abc.part").write_text("{")
    assert run(house.path(await house.finish(made)), None) == 0


async def test_a_blob_store_without_room_is_waited_for(house: House) -> None:
    """However long: the delivery is no worse for it, says why it waits, and then goes on."""
    await house.accepted(*[task(i) for i in range(5)])
    made = await house.service.create(PROJECT, [], "")
    write = house.blobs.write

    def full(_: str) -> Any:
        raise Unavailable("nothing was written: make room on the disk")

    house.blobs.write = full  # type: ignore[method-assign]
    for _ in range(MAX_FAILURES + 5):
        await house.service.advance()
        house.clock.advance(60)
    waits = await house.service.delivery(made.name)
    assert waits.state is DeliveryState.WRITING
    assert waits.reason == "waits: nothing was written: make room on the disk"
    house.blobs.write = write  # type: ignore[method-assign]
    ended = await house.finish(made)
    assert ended.state is DeliveryState.COMPLETED and not ended.reason
