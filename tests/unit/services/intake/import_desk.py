"""Intake over a store and blobs of its own, and a source that is slow."""

from __future__ import annotations

import asyncio
import contextlib
import http.server
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import orjson
import pytest

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.store.sqlite import SqliteStore
from services.intake import store as intake_store
from services.intake.config import IntakeSettings
from services.intake.domain import DataField, Import, ImportState, Project
from services.intake.service import Intake

SCHEMA = {"shape": "choice", "classes": ["cat", "dog"]}


class Desk:
    """An intake of several tenants, each with a project of texts."""

    def __init__(self, folder: Path, clock: FakeClock, **settings: Any) -> None:
        self.folder, self.clock = folder, clock
        self.store = SqliteStore(f"sqlite:///{folder}", "intake")
        self.blobs = Blobs(f"file://{folder}/blobs")
        self.settings = IntakeSettings(allow_hosts="localhost", **settings)
        self.intake = Intake(self.store, clock, self.blobs, orjson.loads, self.settings)
        self.count = 0

    async def open(self, *tenants: str, field: str = "text") -> None:
        await self.store.open(intake_store.COLLECTIONS)
        fields = (DataField(field, field),)
        made = [Project(f"tenants/{t}/projects/p", 1, fields, SCHEMA) for t in tenants]
        await self.intake.remember_projects(made)

    async def ask(
        self, tenant: str, content: bytes = b"", format_: str = "jsonl", request: str = "",
        person: str = "ada", **more: Any,
    ) -> Import:  # fmt: skip
        now, name = self.clock.now(), f"tenants/{tenant}/projects/p"
        blob = ""
        if "url" not in more:
            self.count += 1
            blob = more.pop("blob", f"uploads/{tenant}/{self.count}/f")
            await self.blobs.put(blob, content)
        asked = Import(name, "", blob, format_, ImportState.PENDING, now, now)
        return await self.intake.create_import(replace(asked, **more), request, person)

    async def bring(self, content: bytes, format_: str = "jsonl", **more: Any) -> Import:
        made = await self.ask("acme", content, format_, **more)
        await self.intake.run_imports()
        return await self.intake.import_(made.name)

    async def reasons(self) -> str:
        found = await self.intake.refusals("tenants/acme/projects/p", 100, "")
        return " | ".join(one["reason"] for one in found)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    made = Desk(tmp_path, FakeClock())
    yield made
    await made.intake.close()
    await made.store.close()


class Slow(http.server.BaseHTTPRequestHandler):
    """Gives a little, says that it did, and the rest when it is let."""

    asked: threading.Event
    go_on: threading.Event

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(b'{"text": "first"}\n' * 50)
            self.wfile.flush()
            self.asked.set()
            self.go_on.wait(60)
            self.wfile.write(b'{"text": "last"}\n')

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def slow() -> Iterator[str]:
    Slow.asked, Slow.go_on = threading.Event(), threading.Event()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/rows.jsonl"
    Slow.go_on.set()
    server.shutdown()
    server.server_close()


GOOD = b'{"data": {"text": "good one"}, "source_key": "good"}'


async def until(desk: Desk, name: str, state: str) -> Import:
    """The import once it is so; a limit is the test's own."""
    while (found := await desk.intake.import_(name)).state in ("PENDING", "RUNNING"):
        await desk.intake.start_imports()
        await asyncio.sleep(0.01)
    assert found.state == state, found
    return found
