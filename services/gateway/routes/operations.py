"""Metrics, progress as a stream, dead letters."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from typing import Any

import orjson
from labelmill.operations.v1 import operations_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import Field
from sse_starlette import EventSourceResponse
from starlette.requests import Request
from starlette.responses import Response

from libs.common.access import Caller, allow
from libs.common.errors import Denied, NotFound, Unavailable
from libs.common.rpc import AnyPeer
from services.gateway.http import schema
from services.gateway.request_context import Door, answer
from services.gateway.routes.tenants import Strict, own_tenant, page, read

PROGRESS = "labelmill.task_dispatch.v1.Tasks/GetProgress"


class Replay(Strict):
    ids: list[str] = Field(default_factory=list, max_length=1000)


class Operations:
    """Routes for operators and their machines."""

    def __init__(self, door: Door, desks: dict[str, AnyPeer]) -> None:
        self._door, self._desks = door, desks

    async def metrics(self, _: Request) -> Response:
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    async def progress_stream(self, request: Request) -> Response:
        """Server-sent events: the progress whenever it changed, at most once a second."""
        who = await self._door.caller(request)
        tenant = own_tenant(request, who)
        name = f"{tenant}/projects/{request.path_params['project']}"
        first = await self._progress(name, who)
        last = request.headers.get("last-event-id", "")
        return EventSourceResponse(self._changes(request, name, first, last), ping=15)

    async def _changes(
        self, request: Request, name: str, first: bytes, last_id: str
    ) -> AsyncIterator[dict[str, Any]]:
        """Ends once the caller may not look any more: the key is asked for anew each time."""
        now, shown = first, b""
        while True:
            version = hashlib.sha256(now).hexdigest()[:16]
            if now != shown and not (shown == b"" and version == last_id):
                yield {"event": "progress", "id": version, "data": now.decode()}
            shown = now
            await asyncio.sleep(1.0)
            try:
                who = await self._door.caller_now(request)
                allow(PROGRESS, who)
                now = await self._progress(name, who)
            except Unavailable:
                continue
            except (Denied, NotFound) as ended:
                yield {"event": "end", "data": ended.message}
                return

    async def _progress(self, name: str, who: Caller) -> bytes:
        message = task_dispatch_pb2.GetProgressRequest(name=name)
        return orjson.dumps(
            schema.rest(await self._door.peers["Tasks"].call("GetProgress", message, who))
        )

    async def list_letters(self, request: Request) -> Response:
        desk, who = await self._desk(request)
        size, token = page(request)
        message = operations_pb2.ListDeadLettersRequest(page_size=size, page_token=token)
        found = await desk.call("ListDeadLetters", message, who, metadata=_meant(request))
        return answer(schema.rest(found))

    async def replay_letters(self, request: Request) -> Response:
        desk, who = await self._desk(request)
        asked = await read(self._door, request, Replay)
        message = operations_pb2.ReplayDeadLettersRequest(ids=asked.ids)
        done = await desk.call("ReplayDeadLetters", message, who, metadata=_meant(request))
        return answer(schema.rest(done))

    async def _desk(self, request: Request) -> tuple[AnyPeer, Caller]:
        who = await self._door.caller(request)
        service = request.path_params["service"].replace("-", "_")
        if service not in self._desks:
            raise NotFound(f"no service is called {service[:100]}", field="service")
        return self._desks[service], who


def _meant(request: Request) -> tuple[tuple[str, str], ...]:
    return (("labelmill-service", request.path_params["service"].replace("-", "_")),)
