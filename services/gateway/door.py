"""What every route needs: who asks, the body under its cap, peers, idempotency, answers."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from libs.common.access import Caller
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import Doc, time_text
from libs.common.rpc import AnyPeer
from libs.common.store import Store, Unit
from services.gateway import store
from services.gateway.auth import Authenticator
from services.gateway.config import GatewaySettings
from services.gateway.problems import Problem

Handler = Callable[[Request], Awaitable[Response]]
_JSON = ("application/json", "")
_KEY = re.compile(r"[!-~]{1,200}")
_SECRETS = ('"api_key":', '"secret":')


@dataclass
class Door:
    """The gateway's own means, handed to every route."""

    store: Store
    clock: Clock
    blobs: Blobs
    settings: GatewaySettings
    auth: Authenticator
    peers: dict[str, AnyPeer]

    async def caller(self, request: Request) -> Caller:
        return await self.auth.caller(request.headers.get("authorization", ""))

    async def body(self, request: Request, most: int = 0) -> bytes:
        """The whole body; 413 past the cap, 415 where it says it is no JSON."""
        kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        if kind not in _JSON and not most:
            raise Problem(415, f"send application/json, not {kind[:100]}")
        limit = most or self.settings.max_body_bytes
        kept: bytes | None = getattr(request.state, "body", None)
        if kept is not None:
            return kept
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise Problem(413, f"the body is larger than {limit} bytes; send it in parts")
            chunks.append(chunk)
        request.state.body = b"".join(chunks)
        return bytes(request.state.body)

    async def check_key(self, who: Caller, key: str, path: str, digest: str) -> Doc:
        """What is known of the request with this Idempotency-Key; refuses a key that came with
        another request before."""
        if not _KEY.fullmatch(key):
            raise _bad_key("must be 1 to 200 visible ASCII characters")
        name = f"{who.tenant}/{who.subject}:{key}"
        said = f"{path}:{digest}"

        async def work(unit: Unit) -> Doc:
            known = await unit.get(store.REQUESTS, name)
            if known is not None and known["said"] != said:
                raise _bad_key("came with another request before; make a new one")
            if known is None:
                known = {"name": name, "said": said, "time": time_text(self.clock.now())}
                unit.put(store.REQUESTS, known)
            return known

        return await self.store.transact(work)

    async def once(self, request: Request, handle: Handler) -> Response:
        """Runs a POST of the gateway's own; with an Idempotency-Key a second time only tells
        the first answer. An answer that held a secret is not kept: it was shown once."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return await handle(request)
        who = await self.caller(request)
        digest = hashlib.sha256(await self.body(request)).hexdigest()
        known = await self.check_key(who, key, request.url.path, digest)
        if "status" in known:
            if not known["body"]:
                raise Problem(409, "this request was done; its answer held a secret, shown once")
            return Response(known["body"], known["status"], media_type="application/json")
        response = await handle(request)
        await self._remember(known, response)
        return response

    async def _remember(self, known: Doc, response: Response) -> None:
        text = bytes(response.body).decode()
        secret = any(mark in text for mark in _SECRETS)
        done = {**known, "status": response.status_code, "body": "" if secret else text}

        async def work(unit: Unit) -> None:
            unit.put(store.REQUESTS, done)

        await self.store.transact(work)


def _bad_key(message: str) -> Problem:
    errors = [{"field": "Idempotency-Key", "message": message}]
    return Problem(422, f"Idempotency-Key: {message}", errors)


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")
