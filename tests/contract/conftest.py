"""What the suites of store, bus, consumer and relay share."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from deploy.parts import KafkaBroker, Mongod
from deploy.parts.testing import require
from libs.common.bus import open_bus
from libs.common.clock import FakeClock
from libs.common.messaging.consumer import Consumer
from libs.common.store import open_store
from tests.contract.access_world import JWT_KEY, Access, populate
from tests.contract.desk import COUNTS, HANDLERS, TOPICS, Desk, House
from tools.platform import Platform


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    store = await open_store(f"sqlite:///{tmp_path}", "desk", [COUNTS])
    bus = await open_bus(f"sqlite:///{tmp_path}/bus.db", TOPICS)
    desk, clock = Desk(store), FakeClock()
    consumer = Consumer("desk", bus, store, desk, HANDLERS, clock)
    yield House(store, bus, desk, clock, consumer)
    await bus.close()
    await store.close()


@pytest.fixture(scope="session")
def broker() -> Iterator[KafkaBroker]:
    require("kafka")
    with KafkaBroker() as server:
        yield server


@pytest.fixture(scope="session")
def mongod() -> Iterator[Mongod]:
    require("mongo")
    with Mongod() as server:
        yield server


@pytest.fixture
def topic() -> str:
    return f"labelmill.t{uuid.uuid4().hex[:8]}.v1"


@pytest.fixture(scope="session")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Access]:
    """A platform without models, and people of every role."""
    env = {"INFERENCE_URL": "127.0.0.1:9", "JWT_KEY": JWT_KEY}
    data, without = tmp_path_factory.mktemp("access"), ["prelabel-gateway"]
    with Platform(data, env=env, without=without) as platform:
        yield populate(platform)
