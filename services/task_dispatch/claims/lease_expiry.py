"""What ends by itself: leases that ran out, and request ids that nobody will repeat."""

from __future__ import annotations

from datetime import timedelta

from libs.common.clock import Clock
from libs.common.codec import time_text
from libs.common.store import Below, Store, Unit
from services.task_dispatch import store
from services.task_dispatch.domain import changed
from services.task_dispatch.lifecycle import transitions
from services.task_dispatch.reporting.announcer import Announcer

_EXPIRE_BLOCK = 500
_FORGET_BLOCK = 5000
_KEPT_CLAIMS_SECONDS = 3600


class LeaseExpiry:
    """Takes back what was leased and neither answered nor renewed in time."""

    def __init__(self, store_: Store, clock: Clock, announcer: Announcer) -> None:
        self._store, self._clock, self._announcer = store_, clock, announcer

    async def expire_leases(self) -> None:
        """End every lease whose time is over, block by block."""
        while await self._store.transact(self._expire_block) == _EXPIRE_BLOCK:
            pass

    async def _expire_block(self, unit: Unit) -> int:
        now = self._clock.now()
        over = await store.expired_assignments(self._store, now, _EXPIRE_BLOCK)
        tasks = await store.tasks_by_name(unit, sorted({a.task for a in over}))
        changes = [(t, after) for t in tasks.values() if (after := transitions.expire(t, now))]
        store.save_many(unit, changes)
        for held in over:
            unit.put(store.ASSIGNMENTS, store.assignment_doc(changed(held, outcome="EXPIRED")))
        # Where a held annotation counts again nobody else is waited for.
        self._announcer.ready_to_score(unit, [after for _, after in changes])
        for before, after in changes:
            self._announcer.settle_window(unit, before, after)
        return len(over)

    async def forget_claims(self) -> None:
        """Drop request ids that nobody will repeat any more, block by block."""
        while await self._store.transact(self._forget_block) == _FORGET_BLOCK:
            pass

    async def _forget_block(self, unit: Unit) -> int:
        old = time_text(self._clock.now() - timedelta(seconds=_KEPT_CLAIMS_SECONDS))
        where = {"time": Below(old)}
        docs = await unit.find(store.CLAIMS, where, order=("time",), limit=_FORGET_BLOCK)
        unit.delete(store.CLAIMS, [doc["name"] for doc in docs])
        return len(docs)
