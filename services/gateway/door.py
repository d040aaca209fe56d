"""What every route needs: who asks, the body under its cap, peers, idempotency, answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from libs.common.access import Caller
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import time_text
from libs.common.rpc import AnyPeer
from libs.common.store import Store, Unit
from services.gateway import store
from services.gateway.auth import Authenticator
from services.gateway.config import GatewaySettings
from services.gateway.problems import Problem

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

    async def caller(self, request: Request) -> Caller:
        return await self.auth.caller(request.headers.get("authorization", ""))

    async def body(self, request: Request, most: int = 0) -> bytes:
        """The whole body; 413 past the cap, 415 where it says it is no JSON."""
        kind = request.headers.get("content-type", "").split(";", 1)[0].strip().lower()
        if kind not in _JSON and not most:
            raise Problem(415, f"send application/json, not {kind[:100]}")
        limit = most or self.settings.max_body_bytes
        chunks, size = [], 0
        async for chunk in request.stream():
            size += len(chunk)
            if size > limit:
                raise Problem(413, f"the body is larger than {limit} bytes; send it in parts")
            chunks.append(chunk)
        return b"".join(chunks)

    async def check_key(self, who: Caller, key: str, path: str, digest: str) -> None:
        """Refuses an Idempotency-Key that came with another request before."""
        if len(key) > 200:
            raise Problem(422, "Idempotency-Key: longer than 200 characters")
        name = f"{who.tenant}/{who.subject}:{key}"
        said = f"{path}:{digest}"

        async def work(unit: Unit) -> None:
            known = await unit.get(store.REQUESTS, name)
            if known is None:
                now = time_text(self.clock.now())
                unit.insert(store.REQUESTS, [{"name": name, "said": said, "time": now}])
            elif known["said"] != said:
                raise Problem(
                    422,
                    "this Idempotency-Key came with another request before; make a new one",
                    [{"field": "Idempotency-Key", "message": "used with another request"}],
                )

        await self.store.transact(work)


def answer(content: Any, status: int = 200) -> Response:
    """A JSON answer."""
    return Response(orjson.dumps(content), status, media_type="application/json")
