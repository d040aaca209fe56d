"""The HTTP server of a process: it stops by letting running requests end.

First what never ends by itself (server-sent events) is ended, no connection is taken any more,
then running requests have their time; one that needs longer is answered 503 and not cut off.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import orjson
import uvicorn
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_STREAM = b"text/event-stream"
_STOPPING = orjson.dumps(
    {
        "type": "urn:labelmill:problem:unavailable",
        "title": "Unavailable",
        "status": 503,
        "detail": "this process is stopping; ask again",
    }
)


@dataclass
class _Exchange:
    """One request that is being answered."""

    begun: bool = False
    ended: bool = False
    streams: bool = False
    cut: bool = False


class Draining:
    """ASGI: knows which requests run, and ends them in good order when asked to."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._running: dict[asyncio.Task[None], _Exchange] = {}
        self._stopping = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        task = asyncio.current_task()
        if scope["type"] != "http" or task is None:
            await self._app(scope, receive, send)
            return
        exchange = _Exchange()

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                exchange.begun = True
                kinds = [v for k, v in message.get("headers", []) if k == b"content-type"]
                exchange.streams = any(kind.startswith(_STREAM) for kind in kinds)
            elif not message.get("more_body"):
                exchange.ended = True
            await send(message)
            if exchange.streams and self._stopping:
                self._cut(task)

        self._running[task] = exchange
        try:
            await self._app(scope, receive, sending)
        except asyncio.CancelledError:
            if not exchange.cut:
                raise
            task.uncancel()
            await _end(exchange, send)
        finally:
            del self._running[task]

    async def drain(self, seconds: float) -> None:
        """No request runs any more when it returns, at the latest a moment after so long."""
        self._stopping = True
        for task, exchange in list(self._running.items()):
            if exchange.streams:
                self._cut(task)
        if self._running:
            await asyncio.wait(list(self._running), timeout=seconds)
        for task in list(self._running):
            self._cut(task)

    def _cut(self, task: asyncio.Task[None]) -> None:
        exchange = self._running[task]
        if not exchange.cut:
            exchange.cut = True
            task.cancel()


async def _end(exchange: _Exchange, send: Send) -> None:
    """Ends the answer: with the reason where it had not begun."""
    if exchange.ended:
        return
    body = b""
    if not exchange.begun:
        body = _STOPPING
        headers = [
            (b"content-type", b"application/problem+json"),
            (b"content-length", str(len(body)).encode()),
            (b"retry-after", b"1"),
        ]
        await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})


class HttpServer:
    """Serves an application at `host:port`."""

    def __init__(self, app: ASGIApp, listen: str) -> None:
        host, port = listen.rsplit(":", 1)
        self._draining = Draining(app)
        config = uvicorn.Config(
            self._draining,
            host=host,
            port=int(port),
            log_config=None,
            access_log=False,
            lifespan="off",
        )
        self._server = uvicorn.Server(config)
        self._server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> asyncio.Task[None]:
        """Takes requests when it returns; the task ends with the server. Raises `RuntimeError`."""
        self._serving = asyncio.create_task(self._serve(), name="http")
        while not self._server.started:
            if self._serving.done():
                self._serving.result()
            await asyncio.sleep(0.02)
        return self._serving

    async def _serve(self) -> None:
        # Uvicorn leaves by SystemExit when its port is taken; that must not end the loop silently.
        try:
            await self._server._serve()
        except SystemExit as gone:
            raise RuntimeError("the HTTP port is taken; set HTTP_LISTEN to another") from gone

    async def stop(self, seconds: float) -> None:
        """Takes nothing new, lets what runs end for so long."""
        # Closes the listeners and what is idle; waits for connections that have a request.
        self._server.should_exit = True
        await self._draining.drain(seconds)
        if self._serving is not None:
            _, late = await asyncio.wait([self._serving], timeout=2.0)
            for task in late:
                task.cancel()
