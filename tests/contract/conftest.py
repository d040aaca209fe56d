"""What the suites of consumer and relay share."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from libs.common.bus import open_bus
from libs.common.bus.consumer import Consumer
from libs.common.clock import FakeClock
from libs.common.store import open_store
from tests.contract.desk import COUNTS, HANDLERS, TOPICS, Desk, House


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await open_store(f"sqlite:///{tmp_path}", "desk", [COUNTS])
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", TOPICS)
    desk, clock = Desk(store), FakeClock()
    consumer = Consumer("desk", bus, store, desk, HANDLERS, clock)
    yield House(store, bus, desk, clock, consumer)
    await bus.close()
    await store.close()
