"""How far a group is behind, asked of the broker and not of the group's members: a member that
hangs would not know."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from libs.common.bus import Event, Lag
from libs.common.bus.kafka_publisher import CONNECT_MS
from libs.common.errors import Unavailable

# So long the first events of lagging partitions are read for; what did not come is left out.
_READ_SECONDS = 1.0


class LagMeter:
    """Two clients in a thread of their own, made when first asked and again after a fault."""

    def __init__(self, settings: dict[str, Any], event_of: Callable[[Any], Event]) -> None:
        self._settings, self._event_of = settings, event_of
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-lag")
        self._admin: Any = None
        self._reader: Any = None
        self._times: dict[tuple[TopicPartition, int], str] = {}

    async def measure(self, group: str, topics: Sequence[str]) -> Lag:
        """What the group has not committed; raises `Unavailable`."""
        loop = asyncio.get_running_loop()
        try:
            return await loop.run_in_executor(self._thread, self._measure, group, list(topics))
        except KafkaError as away:
            await loop.run_in_executor(self._thread, self._disconnect)
            raise Unavailable(f"Kafka (BUS_URL) does not answer: {away!r}") from away

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(self._thread, self._disconnect)
        self._thread.shutdown(wait=False)

    def _disconnect(self) -> None:
        for client in (self._admin, self._reader):
            if client is not None:
                with contextlib.suppress(KafkaError):
                    client.close()
        self._admin = self._reader = None

    def _connect(self) -> None:
        if self._admin is None:
            self._admin = KafkaAdminClient(**self._settings, bootstrap_timeout_ms=CONNECT_MS)
        if self._reader is None:
            self._reader = KafkaConsumer(
                **self._settings,
                bootstrap_timeout_ms=CONNECT_MS,
                enable_auto_commit=False,
                allow_auto_create_topics=False,
                # One batch a partition is more than enough.
                max_partition_fetch_bytes=100_000,
            )

    def _measure(self, group: str, topics: list[str]) -> Lag:
        self._connect()
        parts = [
            TopicPartition(topic, number)
            for topic in topics
            for number in self._reader.partitions_for_topic(topic) or ()
        ]
        ends = self._reader.end_offsets(parts, timeout_ms=CONNECT_MS)
        starts = self._starts(group, parts)
        behind = {p: starts[p] for p in parts if starts[p] < ends[p]}
        times = [time for time in self._times_of(behind).values() if time]
        return Lag(sum(ends[p] - start for p, start in behind.items()), min(times, default=""))

    def _starts(self, group: str, parts: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the group goes on: at what it committed, else at the oldest event kept."""
        oldest = self._reader.beginning_offsets(parts, timeout_ms=CONNECT_MS)
        saved = self._admin.list_group_offsets({group: parts}).get(group, {})
        found = {p: saved[p].offset if p in saved else -1 for p in parts}
        return {p: max(found[p], oldest[p]) for p in parts}

    def _times_of(self, behind: dict[TopicPartition, int]) -> dict[TopicPartition, str]:
        """When the first event of each partition that waits was written."""
        known = {p: self._times[p, at] for p, at in behind.items() if (p, at) in self._times}
        unread = {p: at for p, at in behind.items() if p not in known}
        self._reader.assign(list(unread))
        # A partition that was assigned before keeps that it was paused.
        self._reader.resume(*unread)
        for part, at in unread.items():
            self._reader.seek(part, at)
        deadline = time.monotonic() + _READ_SECONDS
        while unread.keys() - known.keys() and time.monotonic() < deadline:
            for part, records in self._reader.poll(timeout_ms=200).items():
                known.setdefault(part, self._event_of(records[0]).time)
                self._reader.pause(part)
        if len(self._times) > 10_000:
            self._times.clear()
        self._times.update({(p, behind[p]): moment for p, moment in known.items()})
        return known
