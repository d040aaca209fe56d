"""Publishes a store's outbox: by state (not yet published), never by `seq > last`.

Runs beside its service; wakes when a unit of work committed events, and looks by itself now
and then, for what another process left behind.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from libs.common.bus import Bus
from libs.common.errors import Unavailable

if TYPE_CHECKING:
    from libs.common.store import Store

_BATCH = 500
_IDLE_SECONDS = 2.0
_SMALL, _LINGER_SECONDS = 64, 0.03
log = logging.getLogger(__name__)


class Relay:
    """Moves one store's events onto the bus until closed."""

    def __init__(self, store: Store, bus: Bus) -> None:
        self._store, self._bus = store, bus
        self._woken = asyncio.Event()
        self._closing = False
        store.on_emit(self._woken.set)

    async def run(self) -> None:
        """Publishes until `close`; a bus that is away is tried again, nothing is dropped."""
        pause = 0.1
        while not self._closing:
            try:
                moved = await self.drain()
                pause = 0.1
            except Unavailable as away:
                log.warning("events wait: %s", away)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
                continue
            if not moved:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), _IDLE_SECONDS)
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
        return len(events)

    async def close(self) -> None:
        """Publishes what is left, if the bus lets it, and ends `run`."""
        self._closing = True
        self._woken.set()
        with contextlib.suppress(Unavailable):
            while await self.drain():
                pass
