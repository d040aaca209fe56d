"""The platform for system tests, twice: on the embedded defaults in one process, and on real
Kafka, MongoDB and Triton with every service in a process of its own. Tests speak REST only."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from deploy.parts import KafkaBroker, Mongod, Triton
from deploy.parts.testing import require
from libs.cli.client import Client
from services.__main__ import SERVICES
from tests.built_models import built_models
from tests.groups import group_of
from tools.platform import Platform

MODELS = (
    "spam-text",
    "digits-image",
    "coco-boxes",
    "text-features",
    "entities-en",
    "voice-activity",
    "cloud-objects",
)
# Models that no test can do without, and those whose tests are skipped where they cannot be had.
POINTS = ("body-pose", "faces", "hands")


@dataclass(eq=False)
class World:
    """A running platform and the real parts under it, where there are any."""

    platform: Platform
    mongod: Mongod | None = None
    broker: KafkaBroker | None = None
    triton: Triton | None = None

    def close(self) -> None:
        """End it, and all that is under it; once is enough."""
        self.platform.stop()
        for part in (self.triton, self.broker, self.mongod):
            if part is not None:
                part.close()

    def operator(self) -> Client:
        return Client(self.platform.url, self.platform.operator_key())

    def tenant(self, name: str) -> Client:
        """A client of a new tenant's owner."""
        operator = self.operator()
        made = operator.post("tenants", {"tenant_id": name})
        operator.close()
        return Client(self.platform.url, made["api_key"])


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy: what tests train does not stay in the repository of the next run."""
    home = built_models(POINTS)
    copy = tmp_path_factory.mktemp("models") / "models"
    return Path(shutil.copytree(home, copy))


@pytest.fixture(scope="session")
def embedded(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[World]:
    data = tmp_path_factory.mktemp("embedded")
    with Platform(data, env={"LABELMILL_MODELS": str(models)}) as platform:
        yield _opened(World(platform))


@pytest.fixture(scope="session")
def real(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[World]:
    for part in ("mongo", "kafka", "triton"):
        require(part)
    load = [*MODELS, *(name for name in POINTS if (models / name).exists())]
    with Mongod() as mongod, KafkaBroker() as broker, Triton(models, load=load) as triton:
        env = {
            "STORE_URL": mongod.url,
            "BUS_URL": f"{broker.url}?partitions=4",
            "INFERENCE_URL": triton.url,
            "LABELMILL_MODELS": str(models),
        }
        data = tmp_path_factory.mktemp("real")
        processes = [[name] for name in SERVICES]
        with Platform(data, processes=processes, env=env) as platform:
            yield _opened(World(platform, mongod, broker, triton))


_open: list[World] = []


def _opened(world: World) -> World:
    _open.append(world)
    return world


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """A platform ends with its last test: ten idle services beside other tests slow them down."""
    if nextitem is None or group_of(item.nodeid) != group_of(nextitem.nodeid):
        while _open:
            _open.pop().close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, Any]:
    """What a platform logged stands beside the test that failed on it."""
    report = yield
    if report.failed and isinstance(item, pytest.Function):
        worlds = {id(w): w for w in item.funcargs.values() if isinstance(w, World)}
        for world in worlds.values():
            report.sections.append(("the platform's log", world.platform.log_tail()))
    return report


@pytest.fixture(params=["embedded", "real"])
def world(request: pytest.FixtureRequest) -> World:
    found: World = request.getfixturevalue(request.param)
    return found
