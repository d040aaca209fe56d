"""Wiring of the gateway."""

from __future__ import annotations

import logging
import secrets

from labelmill.operations.v1.operations_pb2_grpc import DeadLettersStub

from libs.common.config import kept_secret
from libs.common.errors import Unavailable
from libs.common.host import Context, Parts, Timer, sweep_seconds
from services.gateway.config import GatewaySettings
from services.gateway.events import HANDLERS
from services.gateway.grpc_front import PlatformFront
from services.gateway.http.app import make
from services.gateway.request_context import Door
from services.gateway.routes.health import Health
from services.gateway.routes.table import STUBS
from services.gateway.security.auth import Authenticator
from services.gateway.security.vault import open_vault, seal_all
from services.gateway.store import COLLECTIONS as COLLECTIONS
from services.gateway.store import tell_known_users
from services.gateway.uploads.retention import Sweep
from services.gateway.webhooks import Webhooks

log = logging.getLogger(__name__)


def build(ctx: Context) -> Parts:
    settings = GatewaySettings()
    operator = settings.operator_key or kept_secret(
        ctx.settings.data_dir / "keys" / "operator", "op_" + secrets.token_urlsafe(32)
    )
    auth = Authenticator(ctx.store, settings, operator)
    peers = {
        name: ctx.peer(where, stub, f"labelmill.{where}.v1.{name}")
        for name, (where, stub) in STUBS.items()
    }
    letters = "labelmill.operations.v1.DeadLetters"
    desks = {where: ctx.peer(where, DeadLettersStub, letters) for where in ctx.addresses}
    days = ctx.settings.unused_blob_days
    door = Door(ctx.store, ctx.clock, ctx.blobs, settings, auth, peers, upload_days=days)
    sweep = Sweep(ctx.store, ctx.blobs, ctx.clock, days)
    vault = open_vault(settings.secrets_key, ctx.settings.data_dir)
    webhooks = Webhooks(
        ctx.store, ctx.clock, allow_private=settings.webhook_allow_private, vault=vault
    )
    channels = {where: ctx.channel(where) for where in ctx.addresses}
    front = PlatformFront(
        ctx.settings.platform_listen, auth, channels, ctx.settings.service_token_key
    )

    async def start() -> None:
        try:
            await seal_all(ctx.store, vault)
        except Unavailable as away:
            log.warning("secrets of webhooks are sealed at the next start: %s", away)
        await tell_known_users(ctx.store)
        await front.start()

    async def stop() -> None:
        await front.stop()
        await webhooks.close()

    return Parts(
        service=webhooks,
        handlers=HANDLERS,
        timers=[
            Timer("webhooks", 1.0, webhooks.send_due),
            Timer("sweep", sweep_seconds(days), sweep.run),
        ],
        http=make(door, webhooks, desks, Health(ctx.health, channels)),
        start=start,
        stop=stop,
    )
