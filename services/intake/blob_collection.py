"""Collects blobs that nothing names any more: archives after their import, media of items that were
refused, what a broken import left.

A blob of a tenant goes when it was written longer ago than the stated time and no item, no refusal
that can be appealed and no unfinished import of the tenant names it. Writing the same content
again makes it young again, so that what is about to be named is never old. Only items name blobs
for good, and intake holds every item: tasks, drafts and deliveries have theirs from here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.store import Store
from services.intake import store

_FOLDERS = ("blobs", "uploads")
log = logging.getLogger(__name__)


class Collecting:
    """Sweeps every tenant's blobs, one tenant after the other."""

    def __init__(self, store_: Store, blobs: Blobs, clock: Clock, days: float) -> None:
        self._store, self._blobs, self._clock = store_, blobs, clock
        self._kept = timedelta(days=days)

    async def run(self) -> None:
        """Look at all tenants; what one has does not hold up the next."""
        tenants = {t for folder in _FOLDERS for t in await self._blobs.folders(folder)}
        for tenant in sorted(tenants):
            try:
                await self.collect(tenant)
            except Exception:
                log.exception("blobs of %s were not collected", tenant)

    async def collect(self, tenant: str) -> list[str]:
        """Return the blobs of one tenant that are gone now."""
        before = self._clock.now() - self._kept
        old: set[str] = set()
        for folder in _FOLDERS:
            old.update(await self._blobs.older(f"{folder}/{tenant}", before))
        async for doc in store.naming(self._store, f"tenants/{tenant}"):
            if not old:
                break
            old.difference_update(references(doc))
        for path in sorted(old):
            await self._blobs.delete(path)
        if old:
            log.info("%d blobs of %s that nothing named are gone", len(old), tenant)
        return sorted(old)


def references(value: Any) -> Iterator[str]:
    """Paths of the blobs that a document names, also within fields that hold JSON text."""
    if isinstance(value, dict):
        for one in value.values():
            yield from references(one)
    elif isinstance(value, list):
        for one in value:
            yield from references(one)
    elif isinstance(value, str):
        yield from _named(value)


def _named(text: str) -> Iterator[str]:
    if text.startswith("blob:"):
        yield text[5:]
    elif text.startswith(("blobs/", "uploads/")):
        yield text
    elif text.lstrip()[:1] in ("{", "[") and ("blob:" in text or "\\" in text):
        # Escaped, a reference need not look like one.
        try:
            yield from references(json.loads(text))
        except ValueError:
            return
