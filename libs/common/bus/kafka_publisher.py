"""Publishing to Kafka under a deadline.

A producer of kafka-python may lose the futures of what it was sending while the broker was away
(seen with a broker that hung for 42 s: they never resolve). So nothing here trusts one: a publish
that makes no progress is given up, its producer is dropped and the next publish makes a new one.
What the old one had sent may arrive as well; events are delivered at least once anyway.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from kafka import KafkaProducer
from kafka.errors import KafkaError

from libs.common.bus import Event
from libs.common.errors import Unavailable

MAX_BYTES = 8_000_000
CONNECT_MS = 5_000
# Without an acknowledgement for so long a producer is given up. A broker that connects but is
# slower than that gets twice the time at each next try.
PATIENCE_SECONDS, LONGEST_PATIENCE_SECONDS = 5.0, 30.0
_CLOSE_SECONDS = 5.0


class _Acks:
    """Counts down the acknowledgements of one publish; lives in the loop."""

    def __init__(self, count: int) -> None:
        self._loop = asyncio.get_running_loop()
        self._left, self._moved = count, self._loop.time()
        self._done: asyncio.Future[None] = self._loop.create_future()
        self.faults: list[BaseException] = []

    def settle(self, result: Any) -> None:
        """One record's outcome; called in any thread."""
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self._loop.call_soon_threadsafe(self._settle, result)

    def _settle(self, result: Any) -> None:
        self._left -= 1
        self._moved = self._loop.time()
        if isinstance(result, BaseException):
            self.faults.append(result)
        if self._left == 0 and not self._done.done():
            self._done.set_result(None)

    async def wait(self, patience: float) -> None:
        """All are in when it returns; raises `TimeoutError` after so long without any."""
        while not self._done.done():
            rest = self._moved + patience - self._loop.time()
            if rest <= 0:
                raise TimeoutError(f"no acknowledgement within {patience:.0f} s")
            await asyncio.wait([self._done], timeout=rest)


class _Line:
    """One producer and the thread that feeds it: `send` may block, and must block nobody else."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="kafka-publisher")
        self._producer: Any = None

    async def connect(self, topics: Sequence[str]) -> None:
        """Raises `KafkaError` where no broker answers."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._connect, list(topics))

    def _connect(self, topics: list[str]) -> None:
        self._producer = KafkaProducer(
            **self._settings,
            acks="all",
            enable_idempotence=True,
            linger_ms=2,
            retries=10,
            max_request_size=MAX_BYTES,
            # Longer than anybody waits: its own expiry is what loses futures.
            delivery_timeout_ms=120_000,
            bootstrap_timeout_ms=CONNECT_MS,
            max_block_ms=CONNECT_MS,
            # Of the codecs the one that costs microseconds; gzip is fixed at its slowest level.
            compression_type="lz4",
        )
        for topic in topics:
            # The first send would block on this.
            self._producer.partitions_for(topic)

    async def send(self, events: Sequence[Event], patience: float) -> None:
        """Raises `KafkaError` or `TimeoutError`."""
        acks = _Acks(len(events))
        loop = asyncio.get_running_loop()
        sending = loop.run_in_executor(self._thread, self._send_all, list(events), acks)
        await acks.wait(patience)
        await sending
        if acks.faults:
            raise KafkaError(f"{len(acks.faults)} of {len(events)} events: {acks.faults[0]!r}")

    def _send_all(self, events: list[Event], acks: _Acks) -> None:
        for event in events:
            try:
                key, headers = event.key.encode(), event.headers()
                future = self._producer.send(event.topic, event.payload, key, headers)
                future.add_both(acks.settle)
            except Exception as fault:
                # A producer that was dropped meanwhile fails an assertion.
                acks.settle(fault)

    def drop(self) -> None:
        """Ends it behind the back of who goes on; its pending futures fail."""
        threading.Thread(target=self.end, args=(0.0,), name="kafka-drop", daemon=True).start()

    def end(self, seconds: float) -> None:
        """Sends what is left for so long; blocks."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        if self._producer is not None:
            with contextlib.suppress(KafkaError):
                self._producer.close(seconds)
            # Its `close` raises where it could not flush, and leaves its thread running.
            self._producer._sender.force_close()


class Publisher:
    """One producer at a time for a process; `settings` are those of every client."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self._settings = settings
        self._topics: set[str] = set()
        self._line: _Line | None = None
        self._connecting = asyncio.Lock()
        self._patience = PATIENCE_SECONDS

    async def open(self, topics: Sequence[str]) -> None:
        """Connects; raises `Unavailable`."""
        self._topics |= set(topics)
        await self._connected()

    async def publish(self, events: Sequence[Event]) -> None:
        """Durable when it returns; raises `Unavailable`, at the latest after a few seconds without
        an acknowledgement."""
        if not events:
            return
        line = await self._connected()
        try:
            await line.send(events, self._patience)
        except (KafkaError, TimeoutError) as away:
            if isinstance(away, TimeoutError):
                self._patience = min(self._patience * 2, LONGEST_PATIENCE_SECONDS)
            self._drop(line)
            raise Unavailable(f"Kafka (BUS_URL) does not take events: {away!r}") from away
        except BaseException:
            # Cancelled: what was sent may be in or not, and the next in line must not wait for it.
            self._drop(line)
            raise
        self._patience = PATIENCE_SECONDS

    async def close(self) -> None:
        if self._line is not None:
            await asyncio.to_thread(self._line.end, _CLOSE_SECONDS)
        self._line = None

    async def _connected(self) -> _Line:
        async with self._connecting:
            if self._line is None:
                line = _Line(self._settings)
                try:
                    await line.connect(sorted(self._topics))
                except BaseException as away:
                    line.drop()
                    if not isinstance(away, KafkaError):
                        raise
                    raise Unavailable(f"Kafka (BUS_URL) cannot be reached: {away!r}") from away
                self._line = line
            return self._line

    def _drop(self, line: _Line) -> None:
        line.drop()
        if self._line is line:
            self._line = None
