"""Most tasks one person may have, with two task-dispatch services over one store."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.parts import Mongod
from libs.common.clock import SystemClock
from libs.common.errors import Exhausted
from libs.common.store import open_store
from services.task_dispatch import store as tables
from services.task_dispatch.domain import Action, Policy, Project, Routing
from services.task_dispatch.lifecycle import transitions
from services.task_dispatch.main import wire
from services.task_dispatch.service import UseCases

PROJECT, CAP = "tenants/t/projects/p", 3
HAM = {"choices": {"classes": ["ham"]}}


@pytest.fixture(params=["sqlite", "mongo"])
async def replicas(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[UseCases]]:
    """Two services with stores of their own over the same data, and 40 open tasks."""
    url = f"sqlite:///{tmp_path}"
    if request.param == "mongo":
        server: Mongod = request.getfixturevalue("mongod")
        url = server.url.replace("/?", f"/t{uuid.uuid4().hex[:10]}?")
    stores = [await open_store(url, "task_dispatch", tables.COLLECTIONS) for _ in range(2)]
    services = [wire(store, SystemClock()) for store in stores]
    project = Project(PROJECT, 1, "template", Policy(annotator_cap=CAP))
    await services[0].ingest.remember_projects([project])
    now = SystemClock().now() - timedelta(minutes=1)
    tasks = []
    for i in range(40):
        item = {"name": f"{PROJECT}/items/i{i:03}", "data": '{"text":"x"}'}
        task = transitions.create(item, project, now)
        opened = transitions.route(task, Routing(task.name, task.version, Action.ANNOTATE), now)
        assert opened is not None
        tasks.append((None, opened))

    async def work(unit: tables.Unit) -> None:
        tables.save_many(unit, tasks)

    await stores[0].transact(work)
    yield services
    for store in stores:
        await store.close()


async def _claim(service: UseCases, person: str) -> int:
    try:
        return len(await service.claims.claim(PROJECT, person, None, CAP, (), ""))
    except Exhausted:
        return 0


async def test_a_cap_holds_with_two_replicas(replicas: list[UseCases]) -> None:
    """Twelve claims of one person at once, six at each replica, take three tasks together; so do
    claims while the person submits."""
    taken = await asyncio.gather(*(_claim(replicas[i % 2], "ann") for i in range(12)))
    held = await replicas[0].claims.assignments(PROJECT, "ann")
    assert sum(taken) == CAP == len(held)

    async def submit(at: int) -> None:
        one, _ = held[at]
        await replicas[at % 2].work.submit(one.name, "ann", one.fencing_token, HAM, 1.0)

    later = (_claim(replicas[i % 2], "ann") for i in range(8))
    found = await asyncio.gather(*(submit(i) for i in range(CAP)), *later)
    assert sum(n or 0 for n in found) == 0
    assert not await replicas[1].claims.assignments(PROJECT, "ann")


async def test_a_cap_of_one_person_leaves_others_alone(replicas: list[UseCases]) -> None:
    people = ["ann", "bob", "eve"]
    claims = [_claim(replicas[i % 2], who) for i in range(6) for who in people]
    await asyncio.gather(*claims)
    for who in people:
        assert len(await replicas[0].claims.assignments(PROJECT, who)) == CAP
