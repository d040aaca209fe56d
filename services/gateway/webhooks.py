"""Webhooks: events told to tenants' own servers, signed as Standard Webhooks specifies.

A message is stored with the event that caused it and sent by a timer until it is taken, with
growing pauses; every tenant has a lane of its own, so that a server that hangs holds nobody
else's messages. URLs are hostile: the name is resolved once, private addresses are refused,
the connection goes to the address that was checked, redirects are not followed.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from typing import Any

import httpx2
import orjson

from libs.common import names, outbound
from libs.common.clock import Clock
from libs.common.codec import to_doc
from libs.common.errors import Invalid, NotFound
from libs.common.outbound import Address, NotAllowed
from libs.common.store import Store, Unit
from services.gateway import domain, store
from services.gateway.domain import Message
from services.gateway.security.vault import Unreadable, Vault

_SECONDS = 10.0
# Messages of one tenant that are under way at once.
_LANE = 4
_ANSWER_BYTES = 10_000
log = logging.getLogger(__name__)


class Webhooks:
    """Stores and sends webhook messages."""

    def __init__(self, store_: Store, clock: Clock, *, allow_private: bool, vault: Vault) -> None:
        self._store, self._clock, self._private = store_, clock, allow_private
        self.vault = vault
        # The lanes bound what is under way; a pool's own bound would be shared by all tenants.
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx2.AsyncClient(timeout=_SECONDS, follow_redirects=False, limits=limits)
        # Messages under way by tenant.
        self._lanes: dict[str, dict[str, asyncio.Task[None]]] = defaultdict(dict)

    async def close(self) -> None:
        under_way = [task for lane in self._lanes.values() for task in lane.values()]
        for task in under_way:
            task.cancel()
        await asyncio.gather(*under_way, return_exceptions=True)
        await self._client.aclose()

    async def tell(self, tenant: str, kind: str, data: dict[str, Any]) -> None:
        """Puts a message in the way of every webhook of the tenant that wants its kind."""

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            content = {"type": kind, "timestamp": now.isoformat(), "data": data}
            body = orjson.dumps(content).decode()
            for hook in await store.webhooks(unit, tenant):
                if hook.event_types and kind not in hook.event_types:
                    continue
                name = f"{hook.name}/messages/{names.new_id()}"
                message = Message(name, hook.name, tenant, kind, body, now, now)
                unit.put(store.MESSAGES, to_doc(message))

        await self._store.transact(work)

    async def send_due(self) -> None:
        """Begins with every message whose time has come and whose tenant's lane has room; waits
        for none of them."""
        now = self._clock.now()
        async for message in store.due_messages(self._store, now, 2 * _LANE):
            lane = self._lanes[message.tenant]
            if message.name not in lane and len(lane) < _LANE:
                task = asyncio.create_task(self._send_one(message))
                lane[message.name] = task
                task.add_done_callback(lambda _, m=message: self._leave(m))  # type: ignore[misc]

    def _leave(self, message: Message) -> None:
        lane = self._lanes[message.tenant]
        lane.pop(message.name, None)
        if not lane:
            self._lanes.pop(message.tenant, None)

    async def _send_one(self, message: Message) -> None:
        try:
            await self._send(message)
        except Exception:
            log.exception("%s could not be sent; it is tried again", message.name)

    async def replay(self, name: str) -> Message:
        """The message starts over."""

        async def work(unit: Unit) -> Message:
            message = await store.message(unit, name)
            if message is None:
                raise NotFound(f"{name[:200]} was not found", field="name")
            again = domain.again(message, self._clock.now())
            unit.put(store.MESSAGES, to_doc(again))
            return again

        return await self._store.transact(work)

    async def _send(self, message: Message) -> None:
        hook = await store.webhook(self._store, message.webhook)
        status, error = 0, "the webhook was deleted"
        if hook is not None:
            status, error = await self._post(hook.url, hook.secret, message)

        async def work(unit: Unit) -> None:
            now = self._clock.now()
            unit.put(store.MESSAGES, to_doc(domain.after_attempt(message, status, error, now)))

        await self._store.transact(work)

    async def _post(self, url: str, secret: str, message: Message) -> tuple[int, str]:
        try:
            # However slowly the parts of an answer come, it has no longer than this.
            async with asyncio.timeout(_SECONDS):
                opened = self.vault.open(secret)
                target, address = await self.resolve(url)
                return await self._exchange(target, address, opened, message)
        except Invalid as refused:
            return 0, refused.message
        except Unreadable as wrong:
            return 0, str(wrong)
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            return 0, type(error).__name__

    async def _exchange(
        self, target: str, address: Address, secret: str, message: Message
    ) -> tuple[int, str]:
        body, moment = message.body.encode(), int(self._clock.now().timestamp())
        message_id = message.name.rsplit("/", 1)[-1]
        headers = {
            "host": address.host_header,
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": domain.signature(secret, message_id, moment, body),
        }
        extensions = {"sni_hostname": address.host}
        async with self._client.stream(
            "POST", target, content=body, headers=headers, extensions=extensions
        ) as response:
            read = 0
            async for chunk in response.aiter_bytes():
                read += len(chunk)
                if read > _ANSWER_BYTES:
                    break
            return (
                response.status_code,
                "" if response.is_success else f"HTTP {response.status_code}",
            )

    async def resolve(self, url: str) -> tuple[str, Address]:
        """(URL with the checked address instead of the host, the address); raises `Invalid`."""
        schemes = ("https", "http") if self._private else ("https",)
        try:
            address = outbound.taken_apart(url, schemes)
            found = await asyncio.to_thread(outbound.resolved, address)
            return address.at(outbound.checked(address, found, self._private)), address
        except NotAllowed as error:
            raise Invalid(str(error), field="url") from error
