"""Wiring of the gateway."""

from __future__ import annotations

import secrets

from labelmill.operations.v1.operations_pb2_grpc import DeadLettersStub

from libs.common.config import kept_secret
from libs.common.host import Context, Parts, Timer
from services.gateway.app import make
from services.gateway.auth import Authenticator
from services.gateway.config import GatewaySettings
from services.gateway.door import Door
from services.gateway.events import HANDLERS
from services.gateway.platform import PlatformFront
from services.gateway.routes.table import STUBS
from services.gateway.store import COLLECTIONS as COLLECTIONS
from services.gateway.webhooks import Webhooks


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
    door = Door(ctx.store, ctx.clock, ctx.blobs, settings, auth, peers)
    webhooks = Webhooks(ctx.store, ctx.clock, allow_private=settings.webhook_allow_private)
    channels = {where: ctx.channel(where) for where in ctx.addresses}
    front = PlatformFront(
        ctx.settings.platform_listen, auth, channels, ctx.settings.service_token_key
    )

    async def stop() -> None:
        await front.stop()
        await webhooks.close()

    return Parts(
        service=webhooks,
        handlers=HANDLERS,
        timers=[Timer("webhooks", 1.0, webhooks.send_due)],
        http=make(door, webhooks, desks),
        start=front.start,
        stop=stop,
    )
