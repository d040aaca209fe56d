"""What every test shares: no clock of Hypothesis, and the order and company in which tests run.

`make test` runs several processes, and a group of tests stays in one of them: those of a started
platform, else those of a module. Groups that wait for real parts begin first, then those that take
long, so that waiting and computing overlap and none is left over at the end.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from deploy.parts.server import PORTS
from tests.groups import group_of

# Its deadline of 200 ms an example is an absolute limit: a first call, or a busy machine, breaks
# it. What else the profile in force says (`ci` where `CI` is set) stays.
settings.register_profile("untimed", settings(), deadline=None)
settings.load_profile("untimed")

PARTS = {"real", "broker", "mongod", "helm", "models", "server"}
SLOW = ("statistical", "fuzz")
PROCESSES_AT_MOST = 12


def pytest_configure(config: pytest.Config) -> None:
    """Give every process ports of its own: what is free is bound only a while after the look."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    share = len(PORTS) // PROCESSES_AT_MOST
    first = PORTS.start + share * (worker % PROCESSES_AT_MOST)
    os.environ["LABELMILL_PORTS"] = f"{first}-{first + share}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """Hand out whole groups, in order."""
    return Groups(config, log)


class Groups(LoadScopeScheduling):
    """xdist's own `loadgroup` finds no group under the node ids of pytest 9.2."""

    def _split_scope(self, nodeid: str) -> str:
        return group_of(nodeid)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Generator[None, None, None]:
    """Mark what runs on real parts and put the groups in order: a wrapper, since the marks must be
    there before they are read."""
    ranks: dict[str, int] = {}
    for item in items:
        group = group_of(item.nodeid)
        if group == "real" or PARTS & set(getattr(item, "fixturenames", ())):
            item.add_marker("real_parts")
        ranks[group] = min(_rank(item, group), ranks.get(group, len(items)))
    items.sort(key=lambda item: ranks[group_of(item.nodeid)])
    return (yield)


def _rank(item: pytest.Item, group: str) -> int:
    """What is long, and mostly waiting, first."""
    if group == "real" or item.get_closest_marker("outage"):
        return 0
    if group == "embedded" or item.get_closest_marker("real_parts"):
        return 1
    return 2 if any(item.get_closest_marker(name) for name in SLOW) else 3
