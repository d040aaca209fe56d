"""Kafka through kafka-python, which knows no asyncio.

One producer a process (thread-safe; idempotent, acks=all; `kafka_publisher`). Each
subscription has a consumer in a thread of its own: only that thread touches it, commands go
through a queue, and it keeps polling (paused) while a handler is slow, so that the group does
not take it for dead. No Kafka transactions: effects are once through outbox and inbox.

`member=host` makes members static, named after the host (in Kubernetes the pod): one that crashed
and is back within the session's 10 s has its partitions at once, where otherwise the whole group
would wait for the dead member's session. Hosts must then run one process of a service each: of
two members of one name the broker turns the older away. Who closes leaves the group as ever.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import queue
import re
import socket
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import KafkaAdminClient, MemberToRemove, NewTopic
from kafka.consumer.subscription_state import ConsumerRebalanceListener
from kafka.coordinator.assignors.cooperative_sticky import CooperativeStickyAssignor
from kafka.errors import KafkaError, RebalanceInProgressError, TopicAlreadyExistsError
from kafka.structs import OffsetAndMetadata

from libs.common.bus import Event, Lag, Received
from libs.common.bus.kafka_lag import LagMeter
from libs.common.bus.kafka_publisher import CONNECT_MS, MAX_BYTES, Publisher
from libs.common.errors import Unavailable

PARTITIONS = 16
# One request; what is in flight when a broker hangs fails after it.
_REQUEST_MS = 10_000
# A commit waits so long for a group that shares out its partitions anew, and so long in all.
_REBALANCE_SECONDS = 20.0
_COMMIT_SECONDS = 40.0
# The broker waits so long for members that must join again, and a join for the broker; members
# poll many times a second, so this is long.
_MOST_BETWEEN_POLLS_MS = 60_000
# How often a member that waits for its handler looks after its place in the group.
_TEND_SECONDS = 0.2
log = logging.getLogger(__name__)


class KafkaBus:
    """`libs.common.bus.Bus` at `kafka://host:port,...?partitions=16&replication=3&member=host`."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = dict(parse_qsl(parts.query))
        self._servers = parts.netloc.split(",")
        self._partitions = int(options.get("partitions", PARTITIONS))
        self._replication = int(options.get("replication", 1))
        self._static = _is_static(options.get("member", ""))
        self._subscriptions: list[KafkaSubscription] = []
        self._publisher = Publisher(self._common)
        self._meter = LagMeter(self._common, lambda record: _received(record).event)

    @property
    def _common(self) -> dict[str, Any]:
        pauses = {"reconnect_backoff_ms": 50, "reconnect_backoff_max_ms": 1000}
        waits = {"request_timeout_ms": _REQUEST_MS}
        return {"bootstrap_servers": self._servers, **pauses, **waits}

    async def open(self, topics: Sequence[str]) -> None:
        try:
            await asyncio.to_thread(self._make_topics, topics)
        except KafkaError as away:
            raise Unavailable(f"Kafka (BUS_URL) cannot be reached: {away!r}") from away
        await self._publisher.open(topics)

    def _make_topics(self, topics: Sequence[str]) -> None:
        admin = KafkaAdminClient(**self._common, bootstrap_timeout_ms=CONNECT_MS)
        try:
            missing = sorted(set(topics) - set(admin.list_topics()))
            size, limit = (self._partitions, self._replication), str(MAX_BYTES)
            given = {"topic_configs": {"max.message.bytes": limit}}
            if new := [NewTopic(topic, *size, **given) for topic in missing]:
                with contextlib.suppress(TopicAlreadyExistsError):
                    admin.create_topics(new)
        finally:
            admin.close()

    async def publish(self, events: Sequence[Event]) -> None:
        await self._publisher.publish(events)

    async def subscribe(self, group: str, topics: Sequence[str]) -> KafkaSubscription:
        nth = sum(other.group == group for other in self._subscriptions)
        member = _member_name(group, nth) if self._static else None
        subscription = KafkaSubscription(self._common, group, topics, member)
        self._subscriptions.append(subscription)
        return subscription

    async def lag(self, group: str, topics: Sequence[str]) -> Lag:
        return await self._meter.measure(group, topics)

    async def close(self) -> None:
        await self._meter.close()
        await asyncio.gather(*(subscription.close() for subscription in self._subscriptions))
        await self._publisher.close()


def _is_static(member: str) -> bool:
    if member not in ("", "host"):
        raise ValueError(f"BUS_URL: member must be host or left out, not {member}")
    return member == "host"


def _member_name(group: str, nth: int) -> str:
    """The same after a restart; only with characters that Kafka takes."""
    return re.sub(r"[^A-Za-z0-9._-]", "-", f"{socket.gethostname()}-{group}-{nth}")[-249:]


def _settle(future: asyncio.Future[None], fault: BaseException | None) -> None:
    if future.done():
        return
    if fault is None:
        future.set_result(None)
    else:
        future.set_exception(fault)


class _Rebalanced(ConsumerRebalanceListener):
    """Tells the subscription which partitions it lost."""

    def __init__(self, lost: Callable[[set[str]], None]) -> None:
        self._lost = lost

    def on_partitions_revoked(self, revoked: Any) -> None:
        self._lost({_partition(p) for p in revoked})

    def on_partitions_assigned(self, assigned: Any) -> None:
        """Nothing to do: reading goes on at the group's offsets."""


class KafkaSubscription:
    """One member of a group; its consumer lives in one thread."""

    def __init__(
        self, common: dict[str, Any], group: str, topics: Sequence[str], member: str | None
    ) -> None:
        self._common, self.group, self._topics = common, group, list(topics)
        self._member = member
        self._loop = asyncio.get_running_loop()
        self._commits: queue.SimpleQueue[tuple[dict[str, int], asyncio.Future[None]]] = (
            queue.SimpleQueue()
        )
        self._buffer: list[Received] = []
        self._arrived = asyncio.Event()
        self._wanted = threading.Event()
        self._called = threading.Event()
        self._closing = threading.Event()
        self._give_up = 0.0
        self._thread = threading.Thread(target=self._run, name=f"kafka-{group}", daemon=True)
        self._thread.start()

    async def poll(self, limit: int, timeout: float) -> list[Received]:
        if not self._buffer:
            self._arrived.clear()
            self._wanted.set()
            self._called.set()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._arrived.wait(), timeout)
        taken, self._buffer = self._buffer[:limit], self._buffer[limit:]
        return taken

    async def commit(self, received: Sequence[Received]) -> None:
        if self._closing.is_set():
            raise Unavailable("the consumer is closed; the events will come again")
        upto: dict[str, int] = {}
        for one in received:
            upto[one.partition] = max(one.position + 1, upto.get(one.partition, 0))
        future: asyncio.Future[None] = self._loop.create_future()
        self._commits.put((upto, future))
        self._called.set()
        try:
            await asyncio.wait_for(future, _COMMIT_SECONDS)
        except TimeoutError as late:
            raise Unavailable("Kafka (BUS_URL) does not save offsets") from late

    async def close(self) -> None:
        self._closing.set()
        self._called.set()
        await asyncio.to_thread(self._thread.join, 10)

    # -- in the thread ------------------------------------------------------------------------

    def _run(self) -> None:
        while not self._closing.is_set():
            try:
                self._serve()
            except Exception as fault:
                # Whatever it was: a thread that ended would starve its service without a word.
                log.warning("consumer %s starts again: %r", self.group, fault)
                self._drop_buffer(lambda one: True)
                self._fail_waiting()
                self._closing.wait(1.0)
        self._fail_waiting()
        if self._member:
            with contextlib.suppress(KafkaError):
                self._leave(self._member)

    def _leave(self, member: str) -> None:
        """A static member's consumer leaves no group: others would wait for its session to end."""
        timeouts = {"bootstrap_timeout_ms": 3000, "request_timeout_ms": 3000}
        admin = KafkaAdminClient(**(self._common | timeouts))
        try:
            admin.remove_group_members(self.group, [MemberToRemove(group_instance_id=member)])
        finally:
            admin.close()

    def _serve(self) -> None:
        consumer = KafkaConsumer(
            **self._common,
            group_id=self.group,
            group_instance_id=self._member,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            partition_assignment_strategy=[CooperativeStickyAssignor],
            allow_auto_create_topics=False,
            max_poll_records=256,
            max_partition_fetch_bytes=MAX_BYTES,
            fetch_max_bytes=4 * MAX_BYTES,
            bootstrap_timeout_ms=CONNECT_MS,
            max_poll_interval_ms=_MOST_BETWEEN_POLLS_MS,
            session_timeout_ms=10_000,
            heartbeat_interval_ms=2_000,
            fetch_max_wait_ms=100,
        )
        try:
            for topic in self._topics:
                # Who leads the group would else share out topics it does not know yet: nothing.
                consumer.partitions_for_topic(topic)
            consumer.subscribe(self._topics, listener=_Rebalanced(self._lost))
            while not self._closing.is_set():
                self._turn(consumer)
            self._commit_waiting(consumer)
        finally:
            with contextlib.suppress(KafkaError):
                consumer.close(timeout_ms=CONNECT_MS)

    def _turn(self, consumer: Any) -> None:
        again = self._commit_waiting(consumer)
        wanted = self._wanted.is_set()
        assigned = consumer.assignment()
        if wanted:
            consumer.resume(*(consumer.paused() & assigned))
        else:
            # Someone is at work: keep the membership, hand over nothing.
            consumer.pause(*(assigned - consumer.paused()))
            if not again and self._called.wait(_TEND_SECONDS):
                self._called.clear()
                return
        _finish_joining(consumer)
        records = consumer.poll(timeout_ms=50 if wanted or again else 20)
        batch = [_received(r) for part in records.values() for r in part]
        if batch:
            self._wanted.clear()
            self._in_loop(self._arrive, batch)

    def _arrive(self, batch: list[Received]) -> None:
        self._buffer.extend(batch)
        self._arrived.set()

    def _lost(self, partitions: set[str]) -> None:
        """What is buffered of lost partitions comes to their new owner."""
        self._drop_buffer(lambda one: one.partition in partitions)

    def _drop_buffer(self, gone: Callable[[Received], bool]) -> None:
        def drop() -> None:
            self._buffer = [one for one in self._buffer if not gone(one)]

        self._in_loop(drop)

    def _in_loop(self, call: Callable[..., None], *arguments: Any) -> None:
        with contextlib.suppress(RuntimeError):  # the loop may be closed by now
            self._loop.call_soon_threadsafe(call, *arguments)

    def _commit_waiting(self, consumer: Any) -> bool:
        """True where the group shares out its partitions anew: poll, then commit again."""
        upto: dict[str, int] = defaultdict(int)
        futures = []
        with contextlib.suppress(queue.Empty):
            while True:
                more, future = self._commits.get_nowait()
                futures.append(future)
                for partition, position in more.items():
                    upto[partition] = max(upto[partition], position)
        if not futures:
            return False
        owned = {_partition(p): p for p in consumer.assignment()}
        offsets = {
            owned[name]: OffsetAndMetadata(position, "", -1)
            for name, position in upto.items()
            if name in owned
        }
        fault: Exception | None = None
        try:
            if offsets:
                consumer.commit(offsets, timeout_ms=CONNECT_MS)
        except KafkaError as error:
            if isinstance(error, RebalanceInProgressError) and self._patient():
                for future in futures:
                    self._commits.put((dict(upto), future))
                return True
            fault = Unavailable(f"offsets not committed: {error!r}")
        self._give_up = 0.0
        for future in futures:
            self._in_loop(_settle, future, fault)
        return False

    def _patient(self) -> bool:
        self._give_up = self._give_up or time.monotonic() + _REBALANCE_SECONDS
        return time.monotonic() < self._give_up and not self._closing.is_set()

    def _fail_waiting(self) -> None:
        gone = Unavailable("the consumer is closing; the events will come again")
        with contextlib.suppress(queue.Empty):
            while True:
                _, future = self._commits.get_nowait()
                self._in_loop(_settle, future, gone)


def _finish_joining(consumer: Any) -> None:
    """kafka-python begins a join when the metadata change and forgets it when they change back,
    as they do while a broker restarts: the member would be neither in nor out for ever."""
    coordinator = consumer._coordinator
    if coordinator.rebalance_in_progress() and not coordinator.need_rejoin():
        coordinator.request_rejoin()


def _partition(part: TopicPartition) -> str:
    return f"{part.topic}:{part.partition}"


def _received(record: Any) -> Received:
    """A foreign message becomes an event of no known type: it must not end the consumer."""
    headers = {key: _text(value) for key, value in record.headers}
    event = Event(
        id=headers.get("ce_id", f"{record.topic}-{record.partition}-{record.offset}"),
        topic=record.topic,
        type=headers.get("ce_type", ""),
        key=_text(record.key),
        time=headers.get("ce_time", "1970-01-01T00:00:00+00:00"),
        payload=record.value or b"",
        traceparent=headers.get("traceparent", ""),
    )
    return Received(event, f"{record.topic}:{record.partition}", record.offset)


def _text(value: bytes | None) -> str:
    return (value or b"").decode(errors="replace")
