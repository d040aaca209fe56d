"""What a host runs ends by what it is, whatever it is called."""

from __future__ import annotations

import asyncio
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from libs.common.config import Settings
from libs.common.host import Context, Host, Parts, Timer


async def test_a_timer_is_cut_off_whatever_its_name_ends_with(tmp_path: Path) -> None:
    began, cut = asyncio.Event(), []

    async def hang() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut.append("cut")
            raise

    def build(ctx: Context) -> Parts:
        return Parts(timers=[Timer("old relay", 0.0, hang)])

    main: Any = SimpleNamespace(COLLECTIONS=(), build=build)
    settings = Settings(
        store_url=f"sqlite:///{tmp_path}/store",
        bus_url=f"sqlite:///{tmp_path}/bus.db",
        blob_url=f"file://{tmp_path}/blobs",
        grpc_listen="127.0.0.1:0",
        service_token_key="k" * 40,
        metrics_listen="",
    )
    host = Host(settings, {"one": main}, ["one"], {})
    await host.start()
    await began.wait()
    await host.stop()
    await asyncio.sleep(0)
    assert cut == ["cut"]
