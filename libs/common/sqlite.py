"""SQLite for the embedded defaults: connections, and one writer a file.

Durability: what was acknowledged survives the death of the process, at any point. A power cut
may take the last moments; `?sync=full` in the address syncs every commit to disk, at the price
of a few milliseconds each. Checkpoints, which do sync, run in a thread of their own.

A disk that is full (or a file that cannot be written) fails the write with `Unavailable` and its
cause; nothing of the write stays, reads go on, and the next write is tried like any other.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from libs.common.errors import Unavailable
from libs.common.files import close_to_others, private_file

_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA busy_timeout=15000",
    "PRAGMA cache_size=-262144",
    "PRAGMA wal_autocheckpoint=0",
)
_SMALL = 100
# The write-ahead log is emptied into the file once it is so large, or so long after a write.
LOG_BYTES, LOG_SECONDS = 32_000_000, 20.0
# A log that could not be emptied, because somebody was reading it, is left alone for so long.
_RETRY_SECONDS, _WAIT_MILLISECONDS = 1.0, 50
_REMEDY = {
    sqlite3.SQLITE_FULL: "make room on the disk",
    sqlite3.SQLITE_IOERR: "look at the disk",
    sqlite3.SQLITE_READONLY: "let the service write there",
    sqlite3.SQLITE_CANTOPEN: "let the service write there",
    sqlite3.SQLITE_BUSY: "another process holds the file; try again",
    sqlite3.SQLITE_LOCKED: "another process holds the file; try again",
    sqlite3.SQLITE_NOMEM: "give the service more memory",
}
Write = Callable[[sqlite3.Connection], object]
log = logging.getLogger(__name__)


def connect(path: Path, *, sync: str = "NORMAL") -> sqlite3.Connection:
    """Return a connection with explicit transactions that any one thread at a time may use.

    The file, and the log beside it, is for its owner only.
    """
    private_file(path)
    for beside in (f"{path}-wal", f"{path}-shm"):
        close_to_others(Path(beside))
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


def fault_of(error: Exception, file: str) -> Exception:
    """Return `Unavailable` with the cause and what to do, for what the machine did to a write;
    any other error as it is."""
    code = getattr(error, "sqlite_errorcode", None)
    remedy = None if code is None else _REMEDY.get(code & 0xFF)
    if remedy is None:
        return error
    fault = Unavailable(f"nothing was written: {error} ({file}); {remedy}. Reading goes on")
    fault.__cause__ = error
    return fault


class Writer:
    """Applies writes one after the other: small ones at once in the event loop (tens of
    microseconds), large and synced ones in a thread, where those that wait together share
    one transaction. Each write stands or falls alone."""

    def __init__(self, path: Path, name: str, *, full: bool = False) -> None:
        self.connection = connect(path, sync="FULL" if full else "NORMAL")
        self._path, self._log = path, Path(f"{path}-wal")
        self._checkpointer = connect(path)
        self._checkpointer.execute(f"PRAGMA busy_timeout={_WAIT_MILLISECONDS}")
        self._full = full
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting: list[tuple[Write, asyncio.Future[None]]] = []
        self._running: asyncio.Task[None] | None = None
        self._checkpointing: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._not_before = 0.0

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
        if self._running is not None:
            await self._running
        if self._checkpointing is not None:
            await self._checkpointing
        if self._timer is not None:
            self._timer.cancel()
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

    # -- the write-ahead log ------------------------------------------------------------------

    def _check(self) -> None:
        """Sees to it that what is in the log gets into the file, beside the writing."""
        loop = asyncio.get_running_loop()
        if self._checkpointing is not None and not self._checkpointing.done():
            return
        if self._log_size() >= LOG_BYTES and loop.time() >= self._not_before:
            self._begin_checkpoint()
        elif self._timer is None:
            self._timer = loop.call_later(LOG_SECONDS, self._begin_checkpoint)

    def _log_size(self) -> int:
        try:
            return self._log.stat().st_size
        except FileNotFoundError:
            return 0

    def _begin_checkpoint(self) -> None:
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._not_before = loop.time() + _RETRY_SECONDS
        self._checkpointing = loop.run_in_executor(self._thread, self._checkpoint)
        self._checkpointing.add_done_callback(lambda _: self._after_checkpoint())

    def _checkpoint(self) -> None:
        try:
            # First beside the writers, who then wait only for what came meanwhile.
            for how in ("PASSIVE", "TRUNCATE"):
                self._checkpointer.execute(f"PRAGMA wal_checkpoint({how})").fetchone()
        except sqlite3.Error as error:
            log.warning("the log of %s stays for now: %s", self._path.name, error)

    def _after_checkpoint(self) -> None:
        """A log that is still there, because somebody read it or the disk was full, comes again."""
        if self._timer is None and self._log_size():
            self._timer = asyncio.get_running_loop().call_later(LOG_SECONDS, self._begin_checkpoint)

    # -- transactions -------------------------------------------------------------------------

    def _commit(self, writes: list[Write]) -> list[Exception | None]:
        """Return for each write why it failed, None where it is done."""
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            faults = [self._apply(write, alone=len(writes) == 1) for write in writes]
            connection.execute("COMMIT" if None in faults else "ROLLBACK")
        except BaseException as error:
            # SQLite ends the transaction itself where the disk is full.
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            if not isinstance(error, sqlite3.Error):
                raise
            faults = [error] * len(writes)
        return [f if f is None else fault_of(f, self._path.name) for f in faults]

    def _apply(self, write: Write, *, alone: bool) -> Exception | None:
        connection = self.connection
        if not alone:
            connection.execute("SAVEPOINT one")
        try:
            write(connection)
        except Exception as fault:
            if not connection.in_transaction:
                raise  # those before it in the same transaction are gone, too
            if not alone:
                connection.execute("ROLLBACK TO one")
                connection.execute("RELEASE one")
            return fault
        if not alone:
            connection.execute("RELEASE one")
        return None
