"""Publishes a store's outbox: by state (not yet published), never by `seq > last`.

Runs beside its service; wakes when a unit of work committed events, and looks by itself now
and then, for what another process left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from typing import TYPE_CHECKING

from libs.common.bus import Bus
from libs.common.errors import Unavailable
from libs.common.outage import Outage

if TYPE_CHECKING:
    from libs.common.store import Store

_BATCH = 500
_IDLE_SECONDS = 2.0
_SMALL, _LINGER_SECONDS = 64, 0.03
_LONGEST_PAUSE_SECONDS = 2.0
log = logging.getLogger(__name__)


class Relay:
    """Moves one store's events onto the bus until closed."""

    def __init__(self, store: Store, bus: Bus, name: str = "relay") -> None:
        self._store, self._bus = store, bus
        self._woken = asyncio.Event()
        self._closing = False
        self.outage = Outage(f"{name}: what its events need")
        self.moved_at = time.monotonic()
        store.on_emit(self._woken.set)

    async def run(self) -> None:
        """Publishes until `close`; a store or bus that is away is tried again, nothing is dropped.
        So is whatever else fails: a relay that ended would leave its service without a voice."""
        pause = 0.1
        while not self._closing:
            try:
                moved = await self.drain()
            except Exception as fault:
                if not isinstance(fault, Unavailable) and not self.outage.seconds:
                    log.exception("events cannot be published")
                self.outage.note(str(fault) or repr(fault))
                await self._sleep(pause)
                pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
                continue
            pause = 0.1
            self.outage.over()
            if not moved:
                await self._sleep(_IDLE_SECONDS, until_woken=True)
            elif moved < _SMALL:
                # The first event went at once; those of the next moment share one publish.
                await asyncio.sleep(_LINGER_SECONDS)

    async def drain(self) -> int:
        """Publishes one batch; the number of events moved."""
        self._woken.clear()
        events = await self._store.pending_events(_BATCH)
        if events:
            await self._bus.publish(events)
            await self._store.published(events)
        self.moved_at = time.monotonic()
        return len(events)

    async def close(self, seconds: float = 10.0) -> None:
        """Publishes what is left, as far as the bus lets it within so long, and ends `run`."""
        self._closing = True
        self._woken.set()
        with contextlib.suppress(Exception):
            async with asyncio.timeout(seconds):
                while await self.drain():
                    pass

    async def _sleep(self, seconds: float, *, until_woken: bool = False) -> None:
        """So long, or until `close`, or where asked until there is something to publish."""
        deadline = time.monotonic() + seconds
        while not self._closing and (rest := deadline - time.monotonic()) > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._woken.wait(), rest)
            if until_woken:
                return
            # New events do not bring the bus back.
            self._woken.clear()
