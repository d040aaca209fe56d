"""The bus: topics of events, kept in order per key, read by groups.

Topic = the producer's proto package. A service never calls this: it emits into its outbox,
`relay` publishes, `consumer` hands batches to its handlers. Delivery is at least once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from google.protobuf import symbol_database
from google.protobuf.message import Message
from opentelemetry import propagate

from libs.common.clock import SystemClock
from libs.common.errors import Invalid
from libs.common.names import new_id

CONTENT_TYPE = "application/protobuf"
# Every bus takes this much. A larger one would stand at the head of its outbox for ever.
MAX_PAYLOAD_BYTES = 7_500_000
# An outbox keeps its order by time.
_CLOCK = SystemClock()


@dataclass(frozen=True)
class Event:
    """CloudEvents attributes (binary mode) and the serialized message."""

    id: str
    topic: str
    type: str
    key: str
    time: str
    payload: bytes
    traceparent: str = ""

    def message(self) -> Message:
        """The message itself; raises where the type is unknown or the bytes are broken."""
        cls = symbol_database.Default().GetSymbol(self.type)
        return cls.FromString(self.payload)

    def headers(self) -> list[tuple[str, bytes]]:
        """CloudEvents 1.0 Kafka protocol binding, binary mode, with W3C trace context."""
        pairs = {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_source": f"/{self.topic}",
            "ce_type": self.type,
            "ce_time": self.time,
            "content-type": CONTENT_TYPE,
        }
        if self.traceparent:
            pairs["traceparent"] = self.traceparent
        return [(k, v.encode()) for k, v in pairs.items()]


def make_event(key: str, message: Message) -> Event:
    """Event of a message, with the trace context of where it was written.

    Raises `Invalid` where it is larger than a bus takes.
    """
    payload = message.SerializeToString()
    if len(payload) > MAX_PAYLOAD_BYTES:
        kind = message.DESCRIPTOR.name
        raise Invalid(
            f"{kind} would have {len(payload)} bytes, more than the bus takes"
            f" ({MAX_PAYLOAD_BYTES}); use smaller batches"
        )
    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    return Event(
        id=new_id(),
        topic=message.DESCRIPTOR.file.package,
        type=message.DESCRIPTOR.full_name,
        key=key,
        time=_CLOCK.now().isoformat(timespec="microseconds"),
        payload=payload,
        traceparent=carrier.get("traceparent", ""),
    )


@dataclass(frozen=True)
class Received:
    """An event and where it stood: `position` grows along its `partition`."""

    event: Event
    partition: str
    position: int


@dataclass(frozen=True)
class Lag:
    """What a group has still to handle: how many events, and when the oldest was written.

    `oldest` is an ISO time, empty where nothing waits; `events` may be counted up to a limit only.
    """

    events: int = 0
    oldest: str = ""


class Subscription(Protocol):
    """One group's place on some topics. One task uses it."""

    async def poll(self, limit: int, timeout: float) -> list[Received]:
        """Up to `limit` events, in order per key; empty after `timeout` seconds without any.
        Nothing is handed out twice by one subscription unless the group was rebalanced."""
        ...

    async def commit(self, received: Sequence[Received]) -> None:
        """Everything up to these is done with; a new subscription starts behind them."""
        ...

    async def close(self) -> None: ...


class Bus(Protocol):
    """Where events are published and subscribed to."""

    async def open(self, topics: Sequence[str]) -> None:
        """Makes the topics that are not there yet and connects."""
        ...

    async def publish(self, events: Sequence[Event]) -> None:
        """Durable when it returns; in the order given per key. Raises `Unavailable`."""
        ...

    async def subscribe(self, group: str, topics: Sequence[str]) -> Subscription:
        """A new group starts with the oldest event kept."""
        ...

    async def lag(self, group: str, topics: Sequence[str]) -> Lag:
        """What the group has not committed, whatever its members do. Raises `Unavailable`."""
        ...

    async def close(self) -> None: ...


def make_bus(url: str) -> Bus:
    """The bus at an address, not yet open: `sqlite:///file` or `kafka://host:port,...`."""
    scheme = url.split(":", 1)[0]
    if scheme == "sqlite":
        from libs.common.bus.sqlite import SqliteBus

        return SqliteBus(url)
    if scheme == "kafka":
        from libs.common.bus.kafka import KafkaBus

        return KafkaBus(url)
    raise ValueError(f"BUS_URL must start with sqlite: or kafka:, not {scheme}:")


async def open_bus(url: str, topics: Sequence[str]) -> Bus:
    """The bus at an address, open; raises `Unavailable` where it is away."""
    bus = make_bus(url)
    await bus.open(topics)
    return bus
