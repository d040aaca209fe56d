"""Routes of webhooks and their messages."""

from __future__ import annotations

import base64
import secrets
from typing import Any, Literal

from pydantic import Field
from starlette.requests import Request
from starlette.responses import Response

from libs.common import names
from libs.common.codec import to_doc
from libs.common.errors import NotFound
from libs.common.paging import following
from libs.common.store import Unit
from services.gateway import store
from services.gateway.domain import Webhook
from services.gateway.request_context import Door, answer
from services.gateway.routes.tenants import Strict, own_tenant, page, read
from services.gateway.webhooks import Webhooks

EventType = Literal[
    "delivery.completed",
    "delivery.accepted",
    "delivery.rejected",
    "gate.updated",
    "annotator.paused",
    "annotator.resumed",
    "schedule.updated",
    "items.refused",
]


class NewWebhook(Strict):
    url: str = Field(min_length=1, max_length=2000)
    event_types: list[EventType] = Field(default_factory=list, max_length=20)


class WebhookRoutes:
    """Managers and owners see to webhooks."""

    def __init__(self, door: Door, webhooks: Webhooks) -> None:
        self._door, self._webhooks = door, webhooks

    async def create(self, request: Request) -> Response:
        """The answer shows the signing secret, once."""
        tenant = await self._tenant(request)
        asked = await read(self._door, request, NewWebhook)
        await self._webhooks.resolve(asked.url)
        secret = "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()
        hook = Webhook(
            f"{tenant}/webhooks/{names.new_id()}",
            tenant,
            asked.url,
            tuple(asked.event_types),
            self._webhooks.vault.seal(secret),
            self._door.clock.now(),
        )

        async def work(unit: Unit) -> None:
            unit.put(store.WEBHOOKS, to_doc(hook))

        await self._door.store.transact(work)
        return answer({**_shown(hook), "secret": secret}, 201)

    async def list(self, request: Request) -> Response:
        tenant = await self._tenant(request)
        found = await store.webhooks(self._door.store, tenant)
        return answer({"webhooks": [_shown(hook) for hook in found]})

    async def delete(self, request: Request) -> Response:
        hook = await self._hook(request)

        async def work(unit: Unit) -> None:
            unit.delete(store.WEBHOOKS, [hook.name])

        await self._door.store.transact(work)
        return Response(status_code=204)

    async def messages(self, request: Request) -> Response:
        hook = await self._hook(request)
        size, after = page(request, f"{hook.name}/messages/")
        found = await store.messages(self._door.store, hook.name, after, size)
        docs = [to_doc(m) for m in found]
        return answer({"messages": docs, "next_page_token": following(found, size)})

    async def replay(self, request: Request) -> Response:
        hook = await self._hook(request)
        name = f"{hook.name}/messages/{request.path_params['message']}"
        return answer(to_doc(await self._webhooks.replay(name)))

    async def _tenant(self, request: Request) -> str:
        return own_tenant(request, await self._door.caller(request))

    async def _hook(self, request: Request) -> Webhook:
        tenant = await self._tenant(request)
        name = f"{tenant}/webhooks/{request.path_params['webhook']}"
        hook = await store.webhook(self._door.store, name)
        if hook is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return hook


def _shown(hook: Webhook) -> dict[str, Any]:
    doc = to_doc(hook)
    return {k: doc[k] for k in ("name", "url", "event_types", "create_time")}
