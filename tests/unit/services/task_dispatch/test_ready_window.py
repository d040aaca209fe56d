"""The ready window: whoever waits gets what came, whatever its rank and whoever made it."""

from __future__ import annotations

import pytest
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.review_router.v1 import review_router_pb2 as router_pb2
from labelmill.review_router.v1.events_pb2 import TasksRouted

from services.task_dispatch.main import wire
from tests.unit.services.task_dispatch.test_task_dispatch import PROJECT, Bench
from tests.unit.services.task_dispatch.test_task_dispatch import bench as bench


async def opened(bench: Bench, item: str, priority: float) -> str:
    """A task that two people are to annotate."""
    admitted = ItemsAdmitted(project=PROJECT)
    admitted.items.add(name=f"{PROJECT}/items/{item}", data='{"text":"x"}')
    routed = TasksRouted(project=PROJECT)
    routed.routings.add(
        task=f"{PROJECT}/tasks/{item}",
        task_version=1,
        action=router_pb2.ACTION_ANNOTATE,
        replica_count=2,
        blind=True,
        priority=priority,
    )
    await bench.hear(admitted, routed)
    return f"{PROJECT}/tasks/{item}"


@pytest.mark.parametrize("elsewhere", [False, True])
async def test_a_task_between_those_one_cannot_take_is_offered(
    bench: Bench, elsewhere: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The window holds what waits for a second person; a later task ranks between its first and
    its last. `elsewhere`: another process made it, which tells this one's window nothing."""
    if elsewhere:
        monkeypatch.setattr("services.task_dispatch.claims.ready_window._AGAIN_SECONDS", 0.0)
    await bench.open_tasks(0, replica_count=2)
    first, last = await opened(bench, "a", 0.9), await opened(bench, "c", 0.1)
    claims = wire(bench.store, bench.clock).claims if elsewhere else bench.service.claims
    held = await claims.claim(PROJECT, "ann", None, 5, (), "")
    assert [task.name for _, task in held] == [first, last]
    between = await opened(bench, "b", 0.5)
    ((_, task),) = await claims.claim(PROJECT, "ann", None, 5, (), "")
    assert task.name == between
