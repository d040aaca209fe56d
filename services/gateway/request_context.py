"""What every route needs: who asks, the body under its cap, peers, idempotency, answers."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from libs.common.access import ON_BEHALF_OF, Caller
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.limits import ORDINARY, Limit
from libs.common.offload import aside
from libs.common.rpc import AnyPeer
from libs.common.store import Store
from services.gateway.config import GatewaySettings
from services.gateway.http.idempotency import Handle, Once
from services.gateway.http.problems import Problem
from services.gateway.security.auth import Authenticator

Handler = Callable[[Request], Awaitable[Response]]
_JSON = ("application/json", "")


@dataclass
class Door:
    """The gateway's own means, handed to every route."""

    store: Store
    clock: Clock
    blobs: Blobs
    settings: GatewaySettings
    auth: Authenticator
    peers: dict[str, AnyPeer]
    # How long uploads are kept.
    upload_days: float = 7.0

    async def caller(self, request: Request) -> Caller:
        """Return who asks, looked up once a request."""
        known: Caller | None = getattr(request.state, "caller", None)
        if known is None:
            known = request.state.caller = await self.caller_now(request)
        return known

    async def caller_now(self, request: Request) -> Caller:
        """Return who asks as of now, for what outlasts a request."""
        headers = request.headers
        return await self.auth.caller(
            headers.get("authorization", ""), headers.get(ON_BEHALF_OF, "")
        )

    async def body(self, request: Request, limit: Limit = ORDINARY) -> bytes:
        """The whole JSON body; 413 past the cap, 415 where it says it is no JSON."""
        kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        if kind not in _JSON:
            raise Problem(415, f"send application/json, not {kind[:100]}")
        return await self.content(request, min(limit.bytes, self.settings.max_body_bytes))

    async def content(self, request: Request, limit: int) -> bytes:
        """All bytes of the body, whatever they are; 413 past so many, before they are read where
        the request says how many come."""
        kept: bytes | None = getattr(request.state, "body", None)
        if kept is not None:
            return kept
        said = request.headers.get("content-length", "")
        if said.isdecimal() and int(said[:20]) > limit:
            raise _too_large(limit)
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            chunks.append(chunk)
        request.state.body = b"".join(chunks)
        return bytes(request.state.body)

    async def once(self, request: Request, handle: Handler) -> Response:
        """Runs a POST of the gateway's own; with an Idempotency-Key a second time only tells
        the first answer. An answer that held a secret is not kept: it was shown once."""
        if request.headers.get("idempotency-key") is None:
            return await handle(request)
        who, body = await self.caller(request), await self.body(request)
        return await self.keyed(request, who, body, lambda: handle(request), own=True)

    async def keyed(
        self, request: Request, who: Caller, body: bytes, handle: Handle, *, own: bool
    ) -> Response:
        """Runs the request that its Idempotency-Key names, once."""
        digest = await aside(len(body), lambda: hashlib.sha256(body).hexdigest())
        said = f"{request.url.path}:{digest}"
        key = request.headers["idempotency-key"]
        return await Once(self.store, self.clock).run(who, key, said, handle, own=own)


def _too_large(limit: int) -> Problem:
    return Problem(413, f"the body is larger than {limit} bytes; send it in parts")


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")
