"""Hands a service's events to its handlers: in batches, in order per key, effects once.

A batch is one unit of work: inbox marks, the handler's effects and its own events commit
together. A batch that fails is taken apart to find the event at fault. One that came too early
(`OutOfTurn`) is parked, and what follows it under the same key with it, while everything else
goes on; one that found a part away (`Unavailable`) is tried until that is back; any other goes
to the dead letters after three tries, with the reason. When too many of the recent events died
the consumer stops instead of draining a topic into the bin.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from google.protobuf.message import Message

from libs.common import telemetry
from libs.common.bus import Bus, Event, Received, Subscription
from libs.common.clock import Clock
from libs.common.codec import time_text
from libs.common.errors import OutOfTurn, Unavailable
from libs.common.outage import Outage
from libs.common.store import DEAD_LETTERS, INBOX, Below, Doc, Store, Unit

Handler = Callable[[Any, list[Any]], Awaitable[None]]
Handlers = Mapping[type[Message], Handler]
_POLL = 256
_SMALL, _LINGER_SECONDS = 32, 0.08
_TRIES = 3
_PARKED_SECONDS = 30.0
# So long what follows a parked event under its key waits as well; then it may be the missing one.
_IN_ORDER_SECONDS = 5.0
# Longer than any bus keeps events: what could come again is still marked.
_MARKS_KEPT, _SWEEP_SECONDS, _SWEEP_BATCH = timedelta(days=14), 600.0, 5000
_DEAD_WINDOW, _DEAD_LIMIT = 100, 20
log = logging.getLogger(__name__)


class TooManyDead(Exception):
    """The consumer stopped: see the dead letters, mend the cause, replay, restart."""


def topics_of(handlers: Handlers) -> list[str]:
    """Topics a handler table listens to."""
    return sorted({cls.DESCRIPTOR.file.package for cls in handlers})


class Consumer:
    """One service's place on the bus."""

    def __init__(
        self, group: str, bus: Bus, store: Store, service: Any, handlers: Handlers, clock: Clock
    ) -> None:
        self.group, self._bus, self._store = group, bus, store
        self._service, self._clock = service, clock
        self._handlers = {cls.DESCRIPTOR.full_name: (cls, h) for cls, h in handlers.items()}
        self.topics = topics_of(handlers)
        self._recent: deque[bool] = deque(maxlen=_DEAD_WINDOW)
        self._closing = False
        self.outage = Outage(f"{group}: what its events need")
        self._handled_at = clock.monotonic()
        # Too early, in the order they came: since when, on the monotonic clock.
        self._parked: dict[Received, float] = {}
        self._done: list[Received] = []
        self._next_sweep = clock.monotonic()

    async def run(self) -> None:
        """Consumes until `close`; raises `TooManyDead` rather than go on with a bad deploy."""
        subscription = await self._bus.subscribe(self.group, self.topics)
        try:
            while not self._closing:
                received = await subscription.poll(_POLL, 0.1 if self._parked else 1.0)
                await self._handle_all(received)
                await self._retry_parked()
                await self._commit(subscription, received)
                with contextlib.suppress(Unavailable):
                    await self._sweep()
                if 0 < len(received) < _SMALL:
                    # The first event was handled at once; those of the next moment share a
                    # batch, which costs little more than one of them would.
                    await asyncio.sleep(_LINGER_SECONDS)
        finally:
            await subscription.close()

    def close(self) -> None:
        self._closing = True

    @property
    def idle_seconds(self) -> float:
        """How long no event has been handled, for want of events or for another reason."""
        return self._clock.monotonic() - self._handled_at

    async def _sweep(self) -> None:
        """Now and then takes old marks out of the inbox, which would grow for ever."""
        now = self._clock.monotonic()
        if now < self._next_sweep:
            return
        old = {"time": Below(time_text(self._clock.now() - _MARKS_KEPT))}
        marks = await self._store.find(INBOX, old, order=("time",), limit=_SWEEP_BATCH)
        # A full batch means that there is more: the next turn goes on.
        pause = 0.0 if len(marks) == _SWEEP_BATCH else _SWEEP_SECONDS
        self._next_sweep = now + pause

        async def work(unit: Unit) -> None:
            unit.delete(INBOX, [mark["name"] for mark in marks])

        if marks:
            await self._store.transact(work)

    async def _commit(self, subscription: Subscription, received: list[Received]) -> None:
        """Commits up to the first parked event of each partition; the rest waits with it."""
        self._done += received
        first: dict[str, int] = {}
        for parked in self._parked:
            at = first.get(parked.partition, parked.position)
            first[parked.partition] = min(parked.position, at)
        ready: list[Received] = []
        held: list[Received] = []
        for one in self._done:
            waits = one.position >= first.get(one.partition, one.position + 1)
            (held if waits else ready).append(one)
        if not ready:
            return
        try:
            await subscription.commit(ready)
        except Unavailable as away:
            # Tried again in the next turn; the inbox drops what comes again.
            log.info("offsets of %s not saved: %s", self.group, away)
            return
        self._done = held

    async def _handle_all(self, received: list[Received]) -> None:
        known = [r for r in received if r.event.type in self._handlers]
        blocked = {(r.event.topic, r.event.key) for r in self._parked}
        free = []
        for one in known:
            if (one.event.topic, one.event.key) in blocked:
                self._parked[one] = self._clock.monotonic()
            else:
                free.append(one)
        # Delivered twice, an event stands where it stood first.
        by_event = {r.event.id: r for r in reversed(free)}
        once = [r.event for r in free if by_event[r.event.id] is r]
        for batch in batches(once):
            await self._handle([by_event[e.id] for e in batch])

    async def _handle(self, batch: list[Received]) -> None:
        events = [r.event for r in batch]
        with telemetry.consuming(self.group, events):
            try:
                await self.apply(events)
                self._recent.extend([False] * len(batch))
            except Exception as fault:
                if len(batch) == 1:
                    await self._retry(batch[0], fault)
                    return
                for one in batch:
                    if any(p.event.key == one.event.key for p in self._parked):
                        self._parked[one] = self._clock.monotonic()
                    else:
                        await self._handle([one])

    async def _retry_parked(self) -> None:
        """Tries what came too early again, in order; gives up on what stays too early."""
        held: set[tuple[str, str]] = set()
        for one, since in list(self._parked.items()):
            place = (one.event.topic, one.event.key)
            if place in held:
                continue
            waited = self._clock.monotonic() - since
            try:
                await self.apply([one.event])
                self._recent.append(False)
            except Unavailable as away:
                # How long a part is away says nothing about what came too early.
                self.outage.note(str(away))
                self._parked[one] = self._clock.monotonic()
                held.add(place)
                continue
            except Exception as fault:
                early = isinstance(fault, OutOfTurn) and waited < _PARKED_SECONDS
                if early or not await self._given_up(one.event, fault):
                    held |= {place} if waited < _IN_ORDER_SECONDS else set()
                    continue
            del self._parked[one]

    async def apply(self, batch: list[Event]) -> None:
        """One unit of work over events of one type; events seen before are dropped."""
        cls, handler = self._handlers[batch[0].type]
        messages = [(event, cls.FromString(event.payload)) for event in batch]

        async def work(unit: Unit) -> None:
            seen = await unit.get_many(INBOX, [event.id for event in batch])
            fresh = [(e, m) for e, m in messages if e.id not in seen]
            if fresh:
                await handler(self._service, [m for _, m in fresh])
                now = time_text(self._clock.now())
                marks = {e.id: {"name": e.id, "time": now} for e, _ in fresh}
                unit.insert(INBOX, list(marks.values()))

        await self._store.transact(work)
        self._handled_at = self._clock.monotonic()

    async def _retry(self, one: Received, fault: Exception) -> None:
        tries, pause = 1, 0.05
        while not self._closing:
            if isinstance(fault, Unavailable):
                self.outage.note(str(fault))
            elif isinstance(fault, OutOfTurn):
                self._parked[one] = self._clock.monotonic()
                return
            if tries >= _TRIES and await self._given_up(one.event, fault):
                return
            await asyncio.sleep(pause)
            pause, tries = min(pause * 3, 5.0), tries + 1
            try:
                await self.apply([one.event])
            except Exception as again:
                fault = again
                continue
            self._recent.append(False)
            self.outage.over()
            return
        raise asyncio.CancelledError

    async def _given_up(self, event: Event, fault: Exception) -> bool:
        """Is the event among the dead letters now? Never one that only found a part away, nor
        while the store takes no letters: that event is tried again."""
        if isinstance(fault, Unavailable):
            self.outage.note(str(fault))
            return False
        try:
            await self._bury(event, fault)
        except Unavailable as away:
            self.outage.note(str(away))
            return False
        return True

    async def _bury(self, event: Event, fault: Exception) -> None:
        log.error("dead letter %s %s: %r", event.type, event.id, fault)
        doc = dead_letter(event, fault, time_text(self._clock.now()))

        async def work(unit: Unit) -> None:
            unit.put(DEAD_LETTERS, doc)

        await self._store.transact(work)
        telemetry.DEAD_LETTERS_TOTAL.labels(self.group, event.type).inc()
        self._recent.append(True)
        if sum(self._recent) >= _DEAD_LIMIT:
            raise TooManyDead(
                f"{self.group}: {sum(self._recent)} of the last {len(self._recent)} events died;"
                f" the last: {fault!r}"
            )


def batches(events: list[Event]) -> list[list[Event]]:
    """Splits events into batches of one type each, as few as keep every key in order.

    An event may join an earlier batch of its type unless an event of its own key stands
    behind that batch.
    """
    made: list[list[Event]] = []
    last_of_key: dict[str, int] = {}
    for event in events:
        start = last_of_key.get(event.key, 0)
        home = next(
            (i for i in range(start, len(made)) if made[i][0].type == event.type), len(made)
        )
        if home == len(made):
            made.append([])
        made[home].append(event)
        last_of_key[event.key] = home
    return made


def dead_letter(event: Event, fault: Exception, time: str) -> Doc:
    """What is kept of an event that could not be handled: the original and the reason."""
    return {
        "name": event.id,
        "time": time,
        "topic": event.topic,
        "type": event.type,
        "key": event.key,
        "event_time": event.time,
        "payload": event.payload.hex(),
        "reason": f"{type(fault).__name__}: {fault}"[:2000],
    }


def revive(doc: Doc) -> Event:
    """The event of a dead letter."""
    return Event(
        id=doc["name"],
        topic=doc["topic"],
        type=doc["type"],
        key=doc["key"],
        time=doc["event_time"],
        payload=bytes.fromhex(doc["payload"]),
    )
