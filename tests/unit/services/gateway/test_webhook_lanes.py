"""A tenant's server that hangs holds nobody else's messages."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from libs.common.clock import FakeClock
from libs.common.codec import to_doc
from libs.common.store import Unit, open_store
from services.gateway import store
from services.gateway.domain import Webhook
from services.gateway.security.vault import Vault
from services.gateway.store import COLLECTIONS
from services.gateway.webhooks import Webhooks


class Server:
    """Answers every message, but for those to /hang, which it keeps without a word."""

    def __init__(self) -> None:
        self.taken: Counter[str] = Counter()
        self.heard = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readline()).split()[1].decode()
        self.taken[path] += 1
        self.heard.set()
        if path == "/hang":
            await asyncio.Event().wait()
        writer.write(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()


@pytest.fixture
async def server() -> AsyncIterator[tuple[Server, str]]:
    mine = Server()
    listening = await asyncio.start_server(mine.serve, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    yield mine, f"http://127.0.0.1:{port}"
    listening.close()


async def test_a_hanging_server_holds_no_other_tenants_messages(
    server: tuple[Server, str], tmp_path: Path
) -> None:
    mine, url = server
    kept = await open_store(f"sqlite:///{tmp_path}", "gateway", COLLECTIONS)
    clock = FakeClock()
    hooks = Webhooks(kept, clock, allow_private=True, vault=Vault(Fernet.generate_key().decode()))

    async def add(unit: Unit) -> None:
        for tenant, path in (("a-bad", "hang"), ("b-good", "take")):
            name = f"tenants/{tenant}/webhooks/w"
            hook = Webhook(
                name, f"tenants/{tenant}", f"{url}/{path}", (), "whsec_AAAA", clock.now()
            )
            unit.put(store.WEBHOOKS, to_doc(hook))

    await kept.transact(add)
    for _ in range(300):
        await hooks.tell("tenants/a-bad", "delivery.completed", {})
    await hooks.tell("tenants/b-good", "delivery.completed", {})
    await hooks.send_due()
    while not mine.taken["/take"]:
        mine.heard.clear()
        await mine.heard.wait()
    assert mine.taken["/hang"] <= 4, "no more of a tenant's messages are under way at once"
    (message,) = await store.messages(kept, "tenants/b-good/webhooks/w", "", 10)
    while message.state != "DELIVERED":
        await asyncio.sleep(0)
        (message,) = await store.messages(kept, "tenants/b-good/webhooks/w", "", 10)
    await hooks.close()
    await kept.close()
