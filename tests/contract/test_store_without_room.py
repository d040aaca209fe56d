"""A disk without room: a write fails with its cause and leaves nothing, reads go on, and what
comes after goes well once there is room. SQLite's own limit of pages stands for the disk here;
tests/system/test_full_disk.py fills a real one."""

from __future__ import annotations

import asyncio
import errno
import os
import sqlite3
import stat
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from libs.common import sqlite
from libs.common.blobs import Blobs
from libs.common.bus import Event, open_bus
from libs.common.clock import FakeClock
from libs.common.errors import NotFound, Unavailable
from libs.common.messaging.consumer import Consumer
from libs.common.messaging.relay import Relay
from libs.common.sqlite import Writer
from libs.common.store import DEAD_LETTERS, INBOX, Collection, Unit
from libs.common.store.sqlite import SqliteStore
from tests.contract.desk import COUNTS, HANDLERS, TOPICS, Desk

THINGS = Collection("things")
BIG = "x" * 200_000


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = SqliteStore(f"sqlite:///{tmp_path}/store", "test")
    await opened.open([THINGS, COUNTS, INBOX, DEAD_LETTERS])
    yield opened
    await opened.close()


def limit(writer: Writer, spare: int) -> None:
    """So many pages more may be written, as on a disk that is nearly full; -1 for no limit."""
    (pages,) = writer.connection.execute("PRAGMA page_count").fetchone()
    most = 2**30 if spare < 0 else pages + spare
    writer.connection.execute(f"PRAGMA max_page_count={most}")


async def put(store: SqliteStore, *names: str, text: str = BIG) -> None:
    async def work(unit: Unit) -> None:
        unit.insert(THINGS, [{"name": name, "text": text} for name in names])

    await store.transact(work)


async def test_a_full_disk_is_told_reads_go_on_and_room_is_enough(store: SqliteStore) -> None:
    await put(store, "before")
    limit(store._writer, 2)
    for name in ("one", "two"):  # the second meets what the first left
        with pytest.raises(Unavailable, match=r"disk is full.*make room"):
            await put(store, name)
    assert await store.get(THINGS, "before") is not None
    assert await store.get(THINGS, "one") is None
    limit(store._writer, -1)
    await put(store, "after")
    assert await store.get(THINGS, "after") is not None


async def test_writes_that_share_a_transaction_all_fail_and_say_so(store: SqliteStore) -> None:
    """SQLite ends the whole transaction: none of the group may be told that it is safe."""
    limit(store._writer, 60)
    rows = [f"n{i:03}" for i in range(150)]  # large: through the thread, together
    small = [put(store, *(f"{g}{n}" for n in rows), text="") for g in "ab"]
    large = put(store, *(f"c{n}" for n in rows))
    done = await asyncio.gather(*small, large, return_exceptions=True)
    for group, outcome in zip("abc", done, strict=True):
        found = len(await store.get_many(THINGS, [f"{group}{n}" for n in rows]))
        assert found == (0 if isinstance(outcome, Unavailable) else 150)
    assert isinstance(done[2], Unavailable)
    limit(store._writer, -1)
    await put(store, *(f"c{n}" for n in rows), text="")


async def test_a_fault_of_the_work_itself_is_no_fault_of_the_machine(tmp_path: Path) -> None:
    writer = Writer(tmp_path / "a.db", "a")
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await writer.write(lambda c: c.execute("INSERT INTO nowhere VALUES (1)"))
    await writer.close()


async def test_relay_and_consumer_outlive_a_full_disk(tmp_path: Path, store: SqliteStore) -> None:
    """Nothing ends, nothing is dropped, nobody is buried: they wait for room."""
    bus: Any = await open_bus(f"sqlite:///{tmp_path}/bus.db", TOPICS)
    clock, desk = FakeClock(), Desk(store)
    consumer = Consumer("desk", bus, store, desk, HANDLERS, clock)
    event = Event("e", TOPICS[0], "x", "k", "t", BIG.encode())
    limit(store._writer, 0)
    assert not await consumer._given_up(event, RuntimeError("a letter that cannot be kept"))
    assert not await consumer._given_up(event, Unavailable("full"))
    limit(store._writer, -1)
    assert await consumer._given_up(event, RuntimeError("kept now"))
    limit(bus._writer, 0)
    with pytest.raises(Unavailable):
        await bus.publish([Event(f"e{i}", TOPICS[0], "x", "k", "t", BIG.encode()) for i in "ab"])
    relay = Relay(store, bus)
    await relay.close()
    await bus.close()


# -- the write-ahead log ---------------------------------------------------------------------


async def log_is_empty(path: Path) -> bool:
    for _ in range(200):
        if size(path) == 0:
            return True
        await asyncio.sleep(0.02)
    return False


def size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


@pytest.mark.parametrize("limits", [(100_000, 1e9), (10**12, 0.02)], ids=["size", "time"])
async def test_the_log_is_emptied_by_size_and_by_time(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, limits: tuple[int, float], tmp_path: Path
) -> None:
    monkeypatch.setattr(sqlite, "LOG_BYTES", limits[0])
    monkeypatch.setattr(sqlite, "LOG_SECONDS", limits[1])
    await put(store, "one")
    assert await log_is_empty(tmp_path / "store" / "test.db-wal")
    assert await store.get(THINGS, "one") is not None


async def test_a_log_that_is_read_is_emptied_later(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sqlite, "LOG_SECONDS", 0.02)
    reader = sqlite.connect(tmp_path / "store" / "test.db")
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM things").fetchone()
    await put(store, "one")
    assert not await asyncio.wait_for(_still(tmp_path / "store" / "test.db-wal"), 5)
    reader.execute("COMMIT")
    assert await log_is_empty(tmp_path / "store" / "test.db-wal")
    reader.close()


async def _still(path: Path) -> bool:
    """Is the log empty though a reader needs it? Looked at over several attempts."""
    for _ in range(10):
        await asyncio.sleep(0.02)
        if size(path) == 0:
            return True
    return False


# -- who may read, and blobs -----------------------------------------------------------------


async def test_files_of_the_store_are_their_owners(store: SqliteStore, tmp_path: Path) -> None:
    await put(store, "one")
    folder = tmp_path / "store"
    files = list(folder.iterdir())
    assert len(files) == 3, "the file, its log and its index"
    assert {stat.S_IMODE(f.stat().st_mode) for f in files} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


async def test_a_file_that_others_could_read_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "old.db"
    path.touch()
    path.chmod(0o644)
    sqlite.connect(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


class Full:
    """A file system whose files take no bytes."""

    protocol = "full"

    def __init__(self, fs: Any) -> None:
        self._fs = fs

    def open(self, path: str, mode: str) -> Any:
        file = self._fs.open(path, mode)
        if "w" in mode:

            def write(_: bytes) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

            file.write = write
        return file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._fs, name)


async def test_a_blob_store_without_room_says_so_and_keeps_no_part(tmp_path: Path) -> None:
    blobs = Blobs(f"file://{tmp_path}/blobs")
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700
    await blobs.put("a/one", b"1")
    good, blobs._fs = blobs._fs, Full(blobs._fs)
    with pytest.raises(Unavailable, match=r"No space left on device.*make room"):
        await blobs.put("a/two", b"2")
    blobs._fs = good
    assert await blobs.list("a") == ["a/one"]
    with pytest.raises(NotFound):
        await blobs.get("a/two")
