"""The gateway's application over a store and blobs of its own, called without a network."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

from libs.common.access import Caller
from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.health import OVERALL, HealthDesk
from libs.common.store import Store, open_store
from services.gateway.config import GatewaySettings
from services.gateway.http.app import make
from services.gateway.request_context import Door
from services.gateway.routes.health import Health
from services.gateway.routes.table import STUBS
from services.gateway.security.auth import Authenticator
from services.gateway.security.vault import Vault
from services.gateway.store import COLLECTIONS
from services.gateway.webhooks import Webhooks

OPERATOR = "op_test"
SECRETS_KEY = "x" * 43 + "="


@dataclass
class Recorder:
    """Stands for the services behind the gateway: counts what reaches them."""

    calls: list[tuple[str, Any]] = field(default_factory=list)
    # Set, it lets calls through.
    gate: asyncio.Event | None = None
    fail: Exception | None = None
    # Released once for every call.
    arrived: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(0))

    async def call(self, method: str, request: Any, who: Caller, *_: Any, **__: Any) -> Any:
        self.calls.append((method, request))
        self.arrived.release()
        if self.gate is not None:
            await self.gate.wait()
        else:
            await asyncio.sleep(0.01)
        if self.fail is not None:
            raise self.fail
        services = request.DESCRIPTOR.file.services_by_name.values()
        known = (service.methods_by_name.get(method) for service in services)
        return next(m.output_type._concrete_class() for m in known if m is not None)


@dataclass
class Gateway:
    """One replica."""

    http: httpx2.AsyncClient
    store: Store
    blobs: Blobs
    clock: FakeClock
    peer: Recorder


@asynccontextmanager
async def gateway(
    folder: Path, url: str = "", peer: Recorder | None = None
) -> AsyncIterator[Gateway]:
    """A replica over the folder; several over one are replicas of each other."""
    store = await open_store(url or f"sqlite:///{folder}/store", "gateway", COLLECTIONS)
    blobs, clock = Blobs(f"file://{folder}/blobs"), FakeClock()
    settings, recorder = GatewaySettings(), peer or Recorder()
    auth = Authenticator(store, settings, OPERATOR)
    peers: Any = dict.fromkeys((*STUBS,), recorder)
    door = Door(store, clock, blobs, settings, auth, peers)
    desk = HealthDesk([])
    await desk.report(OVERALL, "")
    hooks = Webhooks(store, clock, allow_private=True, vault=Vault(SECRETS_KEY))
    http = httpx2.AsyncClient(
        transport=httpx2.ASGITransport(app=make(door, hooks, {}, Health(desk, {}))),
        base_url="http://gateway",
        headers={"authorization": f"Bearer {OPERATOR}"},
    )
    try:
        yield Gateway(http, store, blobs, clock, recorder)
    finally:
        await http.aclose()
        await hooks.close()
        await store.close()
