"""SQLite for the embedded defaults: connections, and one writer a file.

Durability: what was acknowledged survives the death of the process, at any point. A power cut
may take the last moments; `?sync=full` in the address syncs every commit to disk, at the price
of a few milliseconds each. Checkpoints, which do sync, run in a thread of their own.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA busy_timeout=15000",
    "PRAGMA cache_size=-262144",
    "PRAGMA wal_autocheckpoint=0",
)
_SMALL = 100
_CHECKPOINT_CHANGES = 20_000
Write = Callable[[sqlite3.Connection], object]


def connect(path: Path, *, sync: str = "NORMAL") -> sqlite3.Connection:
    """A connection with explicit transactions that any one thread at a time may use."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    for pragma in (*_PRAGMAS, f"PRAGMA synchronous={sync}"):
        connection.execute(pragma)
    return connection


def path_of(url: str) -> Path:
    """`sqlite:///data/store` is relative to the working folder, `sqlite:////data` absolute."""
    return Path(url.removeprefix("sqlite:///").split("?", 1)[0])


def full_sync(url: str) -> bool:
    """Does the address ask for every commit to be synced?"""
    return "sync=full" in url.partition("?")[2].split("&")


class Writer:
    """Applies writes one after the other: small ones at once in the event loop (tens of
    microseconds), large and synced ones in a thread, where those that wait together share
    one transaction. Each write stands or falls alone."""

    def __init__(self, path: Path, name: str, *, full: bool = False) -> None:
        self.connection = connect(path, sync="FULL" if full else "NORMAL")
        self._checkpointer = connect(path)
        self._full = full
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[tuple[Write, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None
        self._checkpointing: asyncio.Future[None] | None = None
        self._checked = 0

    async def write(self, write: Write, size: int = 1) -> None:
        """Durable when it returns; raises what the write raised. `size`: rows it touches."""
        if self._running is None and not self._full and size <= _SMALL:
            (fault,) = self._commit([write])
            self._check()
            if fault is not None:
                raise fault
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((write, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        await asyncio.shield(future)

    async def close(self) -> None:
        for work in (self._running, self._checkpointing):
            if work is not None:
                await work
        self._thread.shutdown()
        self._checkpointer.close()
        self.connection.close()

    async def _run(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            group, self._waiting = self._waiting, []
            writes = [write for write, _ in group]
            try:
                faults = await loop.run_in_executor(self._thread, self._commit, writes)
            except Exception as broken:
                faults = [broken] * len(group)
            for (_, future), fault in zip(group, faults, strict=True):
                if future.cancelled():
                    continue
                if fault is None:
                    future.set_result(None)
                else:
                    future.set_exception(fault)
        self._running = None
        self._check()

    def _check(self) -> None:
        """Moves the write-ahead log into the file now and then, beside the writing."""
        changes = self.connection.total_changes
        idle = self._checkpointing is None or self._checkpointing.done()
        if changes - self._checked > _CHECKPOINT_CHANGES and idle:
            self._checked = changes
            self._checkpointing = asyncio.get_running_loop().run_in_executor(
                self._thread, self._checkpoint
            )

    def _checkpoint(self) -> None:
        self._checkpointer.execute("PRAGMA wal_checkpoint(RESTART)")

    def _commit(self, writes: list[Write]) -> list[Exception | None]:
        connection = self.connection
        connection.execute("BEGIN IMMEDIATE")
        try:
            faults = [self._apply(write, alone=len(writes) == 1) for write in writes]
            connection.execute("COMMIT" if None in faults else "ROLLBACK")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        return faults

    def _apply(self, write: Write, *, alone: bool) -> Exception | None:
        connection = self.connection
        if not alone:
            connection.execute("SAVEPOINT one")
        try:
            write(connection)
        except Exception as fault:
            if not alone:
                connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")
            return fault
        if not alone:
            connection.execute("RELEASE one")
        return None
