"""What the gateway keeps for a stated time only: uploads with their chunks, and requests' keys."""

from __future__ import annotations

import logging
from datetime import timedelta

from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.store import Store, Unit
from services.gateway import store
from services.gateway.domain import Upload
from services.gateway.uploads import files

KEYS_KEPT = timedelta(days=7)
log = logging.getLogger(__name__)


class Sweep:
    """Forgets what is older than its time. Blobs of finished uploads are intake's to collect,
    which knows what items they became."""

    def __init__(self, store_: Store, blobs: Blobs, clock: Clock, upload_days: float) -> None:
        self._store, self._blobs, self._clock = store_, blobs, clock
        self._kept = timedelta(days=upload_days)

    async def run(self) -> None:
        """Look at every upload and at old keys, once."""
        before = self._clock.now() - self._kept
        async for upload in store.each_upload(self._store):
            if upload.done or upload.expired(before):
                await files.sweep_chunks(self._store, self._blobs, upload.name)
            if upload.expired(before):
                await self._forget(upload)
        await self._forget_keys()

    async def _forget(self, upload: Upload) -> None:
        async def work(unit: Unit) -> None:
            now = await store.upload(unit, upload.name)
            if now is not None and now.version == upload.version:
                unit.delete(store.UPLOADS, [upload.name])

        await self._store.transact(work)

    async def _forget_keys(self) -> None:
        before = self._clock.now() - KEYS_KEPT
        while old := await store.old_requests(self._store, before):

            async def work(unit: Unit, names: list[str] = old) -> None:
                unit.delete(store.REQUESTS, names)

            await self._store.transact(work)
