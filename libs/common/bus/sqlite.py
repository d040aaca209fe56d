"""The embedded bus: an append-only log in one SQLite file, with a cursor per group.

One member a group (a second one would see the same events): that is what it cannot do and a
Kafka broker can. Writers in the same process wake subscribers at once, other processes are
seen by polling.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

from libs.common.bus import Event, Lag, Received
from libs.common.sqlite import Writer, connect, full_sync, path_of

_POLL_SECONDS = 0.25
# Events of a topic that stay though every group has read them, and how often that is looked at.
_KEPT, _TRIM_EVERY = 50_000, 10_000
# A group further behind is as far behind as this.
_COUNTED = 10_000


class SqliteBus:
    """`libs.common.bus.Bus` over one file."""

    def __init__(self, url: str) -> None:
        self._path, self._full = path_of(url), full_sync(url)
        self._woken: dict[asyncio.Event, set[str]] = {}
        self._untrimmed: Counter[str] = Counter()

    async def open(self, topics: Sequence[str]) -> None:
        self._writer = Writer(self._path, "bus", full=self._full)
        self._reader = connect(self._path)
        self._writer.connection.execute(
            "CREATE TABLE IF NOT EXISTS log(position INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT,"
            " topic TEXT, type TEXT, key TEXT, time TEXT, payload BLOB, traceparent TEXT)"
        )
        self._writer.connection.execute(
            "CREATE INDEX IF NOT EXISTS log_topic ON log(topic, position)"
        )
        self._writer.connection.execute(
            "CREATE TABLE IF NOT EXISTS cursors(consumer TEXT, topic TEXT, position INTEGER,"
            " PRIMARY KEY(consumer, topic))"
        )

    async def close(self) -> None:
        await self._writer.close()
        self._reader.close()

    async def publish(self, events: Sequence[Event]) -> None:
        rows = [(e.id, e.topic, e.type, e.key, e.time, e.payload, e.traceparent) for e in events]
        await self.write(
            "INSERT INTO log(id, topic, type, key, time, payload, traceparent)"
            " VALUES (?,?,?,?,?,?,?)",
            rows,
        )
        published = Counter(event.topic for event in events)
        self._untrimmed += published
        for topic in published:
            if self._untrimmed[topic] >= _TRIM_EVERY:
                await self.trim(topic)
        for woken, topics in self._woken.items():
            if topics & published.keys():
                woken.set()

    async def subscribe(self, group: str, topics: Sequence[str]) -> SqliteSubscription:
        # From now on nothing is trimmed that this group has not read.
        await self.write(
            "INSERT OR IGNORE INTO cursors(consumer, topic, position) VALUES (?,?,0)",
            [(group, topic) for topic in topics],
        )
        woken = asyncio.Event()
        self._woken[woken] = set(topics)
        return SqliteSubscription(self, group, topics, woken)

    async def lag(self, group: str, topics: Sequence[str]) -> Lag:
        read = dict(self.read("SELECT topic, position FROM cursors WHERE consumer = ?", (group,)))
        count, times = 0, []
        for topic in topics:
            place = (topic, read.get(topic, 0))
            rest = "FROM log WHERE topic = ? AND position > ?"
            oldest = self.read(f"SELECT time {rest} ORDER BY position LIMIT 1", place)
            if oldest:
                times.append(oldest[0][0])
                counted = f"SELECT count(*) FROM (SELECT 1 {rest} LIMIT ?)"  # noqa: S608
                count += self.read(counted, (*place, _COUNTED))[0][0]
        return Lag(count, min(times, default=""))

    async def write(self, sql: str, rows: Sequence[tuple[Any, ...]]) -> None:
        """Durable when it returns."""
        await self._writer.write(lambda connection: connection.executemany(sql, rows), len(rows))

    def read(self, sql: str, values: Sequence[Any]) -> list[Any]:
        return self._reader.execute(sql, values).fetchall()

    def forget(self, woken: asyncio.Event) -> None:
        self._woken.pop(woken, None)

    async def trim(self, topic: str, kept: int = _KEPT) -> None:
        """Drops what every group that ever subscribed has read, but the last `kept` events."""
        self._untrimmed[topic] = 0
        (read,) = self.read("SELECT min(position) FROM cursors WHERE topic = ?", (topic,))[0]
        young = self.read(
            "SELECT position FROM log WHERE topic = ? ORDER BY position DESC LIMIT 1 OFFSET ?",
            (topic, kept),
        )
        if read is not None and young:
            upto = min(read, young[0][0])
            sql = "DELETE FROM log WHERE topic = ? AND position <= ?"
            await self._writer.write(lambda c: c.execute(sql, (topic, upto)), _TRIM_EVERY)


class SqliteSubscription:
    """One group's cursors, read ahead in memory, written on commit."""

    def __init__(
        self, bus: SqliteBus, group: str, topics: Sequence[str], woken: asyncio.Event
    ) -> None:
        self._bus, self._group, self._woken = bus, group, woken
        rows = bus.read("SELECT topic, position FROM cursors WHERE consumer = ?", (group,))
        kept = dict(rows)
        self._ahead: dict[str, int] = {topic: kept.get(topic, 0) for topic in topics}
        self._closed = False

    async def poll(self, limit: int, timeout: float) -> list[Received]:
        deadline = asyncio.get_running_loop().time() + timeout
        while not self._closed:
            self._woken.clear()
            received = self._read(limit)
            rest = deadline - asyncio.get_running_loop().time()
            if received or rest <= 0:
                return received
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), min(rest, _POLL_SECONDS))
        return []

    def _read(self, limit: int) -> list[Received]:
        received: list[Received] = []
        share = max(1, limit // len(self._ahead))  # no topic starves behind a flood on another
        for topic, position in self._ahead.items():
            rows = self._bus.read(
                "SELECT position, id, topic, type, key, time, payload, traceparent FROM log"
                " WHERE topic = ? AND position > ? ORDER BY position LIMIT ?",
                (topic, position, share),
            )
            received += [Received(Event(*row[1:]), topic, row[0]) for row in rows]
            if rows:
                self._ahead[topic] = rows[-1][0]
        return received

    async def commit(self, received: Sequence[Received]) -> None:
        last: dict[str, int] = {}
        for one in received:
            last[one.partition] = max(one.position, last.get(one.partition, 0))
        await self._bus.write(
            "INSERT INTO cursors(consumer, topic, position) VALUES (?,?,?)"
            " ON CONFLICT(consumer, topic) DO UPDATE SET position=excluded.position",
            [(self._group, topic, position) for topic, position in last.items()],
        )

    async def close(self) -> None:
        self._closed = True
        self._woken.set()
        self._bus.forget(self._woken)
