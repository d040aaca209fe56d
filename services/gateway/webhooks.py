"""Webhooks: events told to tenants' own servers, signed as Standard Webhooks specifies.

A message is stored with the event that caused it and sent by a timer until it is taken, with
growing pauses. URLs are hostile: the name is resolved once, private addresses are refused,
the connection goes to the address that was checked, redirects are not followed.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import to_doc
from libs.common.errors import Invalid, NotFound
from libs.common.store import Store, Unit
from services.gateway import domain, store
from services.gateway.domain import Message

_SECONDS = 10.0
_AT_ONCE = 20
_ANSWER_BYTES = 10_000


class Webhooks:
    """Stores and sends webhook messages."""

    def __init__(self, store_: Store, clock: Clock, *, allow_private: bool) -> None:
        self._store, self._clock, self._private = store_, clock, allow_private
        self._client = httpx2.AsyncClient(timeout=_SECONDS, follow_redirects=False)

    async def close(self) -> None:
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
        """Tries every message whose time has come, some at once."""
        due = await store.due_messages(self._store, self._clock.now(), _AT_ONCE)
        await asyncio.gather(*(self._send(message) for message in due))

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
            target, host = await self.resolve(url)
            return await self._exchange(target, host, secret, message)
        except Invalid as refused:
            return 0, refused.message
        except (httpx2.HTTPError, OSError) as error:
            return 0, type(error).__name__

    async def _exchange(
        self, target: str, host: str, secret: str, message: Message
    ) -> tuple[int, str]:
        body, moment = message.body.encode(), int(self._clock.now().timestamp())
        message_id = message.name.rsplit("/", 1)[-1]
        headers = {
            "host": host,
            "content-type": "application/json",
            "webhook-id": message_id,
            "webhook-timestamp": str(moment),
            "webhook-signature": domain.signature(secret, message_id, moment, body),
        }
        extensions = {"sni_hostname": host.rsplit(":", 1)[0]}
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

    async def resolve(self, url: str) -> tuple[str, str]:
        """(URL with the checked address instead of the host, Host header); raises `Invalid`."""
        parts = urlsplit(url)
        schemes = ("https", "http") if self._private else ("https",)
        if parts.scheme not in schemes or not parts.hostname or parts.username is not None:
            raise Invalid(f"must be a {' or '.join(schemes)} URL without user", field="url")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        found = await addresses(parts.hostname, port)
        bad = [a for a in found if domain.forbidden_address(a)]
        if not found or (bad and not self._private):
            raise Invalid("leads to no public address", field="url")
        address = f"[{found[0]}]" if ":" in found[0] else found[0]
        path = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        host = parts.hostname if parts.port is None else f"{parts.hostname}:{parts.port}"
        return f"{parts.scheme}://{address}:{port}{path}", host


async def addresses(host: str, port: int) -> Sequence[str]:
    """Addresses of a host name; none where it cannot be resolved."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError):
        return []
    return [str(entry[4][0]) for entry in found]
