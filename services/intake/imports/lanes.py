"""Lanes: each tenant's imports are worked on one after the other, beside those of all others.

A lane is held by one process at a time (a lease in the store, said again while it works). A tenant
whose source takes an hour holds up nobody but itself.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from libs.common import names
from libs.common.clock import Clock
from libs.common.errors import Unavailable
from libs.common.outage import Outage
from libs.common.store import Store, Unit
from services.intake import store
from services.intake.domain import ImportState
from services.intake.imports.runner import Importing
from services.intake.imports.stopping import Stop

_OPEN = (ImportState.RUNNING.value, ImportState.PENDING.value)
_LEASE = timedelta(seconds=30)
_BEAT_SECONDS = 1.0
_BEATS_A_LEASE = 10
log = logging.getLogger(__name__)


@dataclass
class _Lane:
    """What is being done for a tenant: the import at work, and how to end it."""

    tenant: str
    name: str = ""
    stop: Stop = field(default_factory=Stop)


class Lanes:
    """Starts and ends lanes; `most` at once in this process."""

    def __init__(self, importing: Importing, store_: Store, clock: Clock, most: int) -> None:
        self._importing, self._store, self._clock, self._most = importing, store_, clock, most
        self._me = names.new_id()
        self._outage = Outage("intake: what imports need")
        self._lanes: dict[str, _Lane] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._last = ""
        self._threads = ThreadPoolExecutor(most, thread_name_prefix="import")

    async def start(self) -> None:
        """Start a lane for every tenant that waits for one; return at once."""
        waiting = await store.tenants_importing(self._store, _OPEN)
        # Where not all find room, those whose turn it was not yet come first.
        for tenant in sorted(waiting, key=lambda one: (one <= self._last, one)):
            if len(self._tasks) >= self._most:
                return
            if tenant not in self._tasks:
                self._last = tenant
                task = asyncio.create_task(self._lane(_Lane(tenant)), name=f"imports of {tenant}")
                self._tasks[tenant] = task
                task.add_done_callback(partial(self._ended, tenant))

    def _ended(self, tenant: str, _: asyncio.Task[None]) -> None:
        del self._tasks[tenant]

    async def run(self) -> None:
        """Work on everything that can be worked on now; return when that is done."""
        await self.start()
        while self._tasks:
            await asyncio.gather(*self._tasks.values())

    def stop_import(self, name: str) -> None:
        """End the work on an import here and now; elsewhere its lane sees it in a moment."""
        for lane in self._lanes.values():
            if lane.name == name:
                lane.stop.set()

    async def close(self) -> None:
        """End all lanes; others take them over at once."""
        tasks = list(self._tasks.values())
        for lane in self._lanes.values():
            lane.stop.set()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _lane(self, lane: _Lane) -> None:
        self._lanes[lane.tenant] = lane
        beat = asyncio.create_task(self._beats(lane))
        try:
            await self._work(lane)
        except Unavailable as away:
            self._outage.note(str(away))
        except Exception:
            # What it was is in the import.
            log.exception("the imports of %s were interrupted", lane.tenant)
        finally:
            beat.cancel()
            del self._lanes[lane.tenant]
            await self._let_go(lane.tenant)

    async def _work(self, lane: _Lane) -> None:
        served = ""
        # Asked each time: who was slow may have lost the lane.
        while await self._hold(lane.tenant, _LEASE):
            self._outage.over()
            now = self._clock.now()
            found = await store.next_import(self._store, lane.tenant, _OPEN, now, served)
            if found is None:
                return
            lane.name, lane.stop = found.name, Stop()
            await self._importing.run(found, lane.stop, self._threads)
            served = names.project_of(found.name)
            if len(self._tasks) >= self._most:
                return

    async def _beats(self, lane: _Lane) -> None:
        """Say again that this process works here; end what was cancelled, or taken over."""
        held = True
        for number in itertools.count(1):
            await asyncio.sleep(_BEAT_SECONDS)
            name, stop = lane.name, lane.stop
            try:
                if number % _BEATS_A_LEASE == 0:
                    held = await self._hold(lane.tenant, _LEASE)
                found = await store.import_by_name(self._store, name) if name else None
            except Unavailable as away:
                self._outage.note(str(away))
                continue
            except Exception as error:
                log.warning("the lane of %s was not looked at: %r", lane.tenant, error)
                continue
            if not held or (found is not None and found.state is ImportState.CANCELLED):
                stop.set()

    async def _hold(self, tenant: str, lease: timedelta) -> bool:
        async def work(unit: Unit) -> bool:
            now = self._clock.now()
            return await store.take_lane(unit, tenant, self._me, now, now + lease)

        return await self._store.transact(work)

    async def _let_go(self, tenant: str) -> None:
        try:
            await self._hold(tenant, timedelta(0))
        except Unavailable as away:
            self._outage.note(str(away))
        except Exception as error:
            log.warning("the lane of %s ends by itself: %r", tenant, error)
