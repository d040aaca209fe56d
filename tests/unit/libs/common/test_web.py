"""A stopping HTTP server over real sockets: requests end, streams are ended, nothing is cut."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import httpx2
from sse_starlette import EventSourceResponse
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.common.web import HttpServer


class Site:
    """Answers when told to."""

    def __init__(self) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        routes = [Route("/slow", self.slow), Route("/stream", self.stream)]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.listen = f"127.0.0.1:{free.getsockname()[1]}"
        self.server = HttpServer(Starlette(routes=routes), self.listen)
        self.client = httpx2.AsyncClient(base_url=f"http://{self.listen}", timeout=30)

    async def slow(self, _: Request) -> Response:
        self.asked.set()
        await self.may_answer.wait()
        return Response("done")

    async def stream(self, _: Request) -> Response:
        async def events() -> Any:
            while True:
                yield {"data": "x"}
                self.asked.set()
                await asyncio.sleep(0.05)

        return EventSourceResponse(events())


async def test_a_running_request_ends_well_while_the_server_stops() -> None:
    site = Site()
    await site.server.start()
    running = asyncio.create_task(site.client.get("/slow"))
    await site.asked.wait()
    stopping = asyncio.create_task(site.server.stop(30))
    done, _ = await asyncio.wait([stopping], timeout=0.5)
    assert not done, "it waits for what runs"
    site.may_answer.set()
    answer = await running
    assert (answer.status_code, answer.text) == (200, "done")
    await asyncio.wait_for(stopping, 20)
    await site.client.aclose()


async def test_a_request_that_needs_longer_is_told_so() -> None:
    site = Site()
    await site.server.start()
    running = asyncio.create_task(site.client.get("/slow"))
    await site.asked.wait()
    await asyncio.wait_for(site.server.stop(0.1), 20)
    answer = await running
    assert answer.status_code == 503 and answer.headers["retry-after"] == "1"
    assert answer.json()["detail"] == "this process is stopping; ask again"
    await site.client.aclose()


async def test_a_stream_is_ended_and_holds_nothing_up() -> None:
    site = Site()
    await site.server.start()

    async def listen() -> int:
        async with site.client.stream("GET", "/stream") as answer:
            return len([line async for line in answer.aiter_lines()])

    listening = asyncio.create_task(listen())
    await site.asked.wait()
    await asyncio.wait_for(site.server.stop(1000), 20)
    assert await asyncio.wait_for(listening, 20) >= 1, "a stream ends as a whole answer does"
    await site.client.aclose()
