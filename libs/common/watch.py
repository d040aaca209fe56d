"""Looks whether the services of a process get on: what waits, since when, and why.

The looks cost little and never handle anything, so that they see what is stuck as well.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from libs.common import telemetry
from libs.common.bus import Bus, Lag
from libs.common.errors import Unavailable
from libs.common.health import HealthDesk
from libs.common.messaging.consumer import Consumer
from libs.common.messaging.relay import Relay
from libs.common.outage import Outage
from libs.common.store import Store

# A part may be away so long before its service is said not to get on; and so long may events
# wait while none of them is moved or handled.
AWAY_SECONDS, UNMOVED_SECONDS = 5.0, 60.0
# A handler may work on one batch for a while: a slow model's, a training's.
UNHANDLED_SECONDS = 180.0
_LOOK_SECONDS = 5.0
# How far a group is behind is asked of the broker: every third look.
_LAG_EVERY = 3
# Why a service does not get on, or nothing.
Check = Callable[[], Awaitable[str]]
log = logging.getLogger(__name__)


@dataclass
class Watched:
    """One service of this process and what was last seen of it."""

    name: str
    store: Store
    relay: Relay
    consumer: Consumer | None = None
    checks: Sequence[Check] = ()
    outbox: Lag = field(default_factory=Lag)
    unhandled: Lag = field(default_factory=Lag)


class Watch:
    """Keeps metrics and health of every service of this process up to date."""

    def __init__(self, bus: Bus, desk: HealthDesk) -> None:
        self._bus, self._desk = bus, desk
        self._watched: list[Watched] = []
        self._outages: dict[str, Outage] = {}

    def add(self, one: Watched) -> None:
        self._watched.append(one)
        self._outages[one.name] = Outage(f"{one.name}: the broker's word on its events")

    async def run(self) -> None:
        """Looks until cancelled."""
        number = 0
        while True:
            for one in self._watched:
                try:
                    await self.look(one, lag=number % _LAG_EVERY == 0)
                except Exception:
                    log.exception("the look after %s failed", one.name)
            number += 1
            await asyncio.sleep(_LOOK_SECONDS)

    async def look(self, one: Watched, *, lag: bool = True) -> None:
        """Measures one service and reports it."""
        with contextlib.suppress(Unavailable):  # the relay found that, too, and says so
            one.outbox = await one.store.unpublished()
        if lag and one.consumer is not None:
            await self._measure_lag(one, one.consumer)
        telemetry.show_waiting(one.name, one.outbox, one.unhandled)
        reason = await _reason(one)
        telemetry.SERVICE_READY.labels(one.name).set(not reason)
        await self._desk.report(one.name, reason)

    async def _measure_lag(self, one: Watched, consumer: Consumer) -> None:
        outage = self._outages[one.name]
        try:
            one.unhandled = await self._bus.lag(consumer.group, consumer.topics)
            outage.over()
        except Unavailable as away:
            # What was known to wait grows older all the same.
            outage.note(str(away))


async def _reason(one: Watched) -> str:
    """Why the service does not get on; empty where it does."""
    if reason := _relay_reason(one.relay, one.outbox):
        return reason
    if one.consumer is not None and (reason := _consumer_reason(one.consumer, one.unhandled)):
        return reason
    for check in one.checks:
        if reason := await check():
            return reason
    return ""


def _relay_reason(relay: Relay, outbox: Lag) -> str:
    if relay.outage.seconds > AWAY_SECONDS:
        waits = _waits("events wait to be published", outbox)
        return f"{waits}: {relay.outage.reason}"
    still = time.monotonic() - relay.moved_at
    if outbox.events and still > UNMOVED_SECONDS:
        waits = _waits("events wait to be published", outbox)
        return f"{waits}, and none was for {still:.0f} s"
    return ""


def _consumer_reason(consumer: Consumer, unhandled: Lag) -> str:
    if consumer.outage.seconds > AWAY_SECONDS:
        return f"{_waits('events wait to be handled', unhandled)}: {consumer.outage.reason}"
    still = consumer.idle_seconds
    if min(telemetry.age_of(unhandled.oldest), still) > UNHANDLED_SECONDS:
        return f"{_waits('events wait to be handled', unhandled)}, and none was for {still:.0f} s"
    return ""


def _waits(what: str, lag: Lag) -> str:
    if not lag.events:
        return what
    return f"{lag.events} {what}, the oldest for {telemetry.age_of(lag.oldest):.0f} s"
