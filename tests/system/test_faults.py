"""Faults on real parts: killed services, restarted broker and database, a model that is away,
poison events. Nothing acknowledged is lost, nothing counts twice, the line drains."""

from __future__ import annotations

import contextlib
import random
import signal
import threading
import time
from typing import Any

import httpx2
import pytest

from deploy.parts import Triton
from libs.cli.client import Client, Refused
from libs.common.bus import Event, open_bus
from libs.common.names import event_key, new_id
from tests.system.conftest import World
from tests.system.line import (
    add_items,
    add_person,
    deliver,
    fresh,
    make_project,
    truths_of,
    until,
    work_off,
)

pytestmark = pytest.mark.parametrize("world", ["real"], indirect=True)
VICTIMS = ("task_dispatch", "review_router", "qc_scorer", "prelabel_gateway", "intake", "delivery")


def _settled_once(owner: Client, project: str, total: int) -> None:
    """Every item has one task, settled once, with each person's opinion at most once."""
    tasks = list(owner.pages(f"{project}/tasks", "tasks", page_size=1000))
    assert len({t["item"] for t in tasks}) == len(tasks) == total
    for task in tasks:
        people = [a["annotator"] for a in task["annotations"] if not a["late"]]
        assert len(people) == len(set(people)), task["name"]
        accepts = [d for d in task["decisions"] if d["action"] == "ACCEPT"]
        assert len(accepts) == 1, task["name"]
    progress = owner.get(f"{project}/progress")
    opinions = sum(len(t["annotations"]) for t in tasks)
    assert progress["annotation_count"] == opinions
    assert sum(progress["counts"].values()) == total


class Mayhem(threading.Thread):
    """Kills a service now and then and starts it again."""

    def __init__(self, world: World, kills: int, seed: int) -> None:
        super().__init__(daemon=True)
        self._world, self._kills, self._rng = world, kills, random.Random(seed)
        self.victims: list[str] = []

    def run(self) -> None:
        for _ in range(self._kills):
            time.sleep(self._rng.uniform(0.5, 2.5))
            name = self._rng.choice(VICTIMS)
            self._world.platform.kill(name)
            self.victims.append(name)
            time.sleep(self._rng.uniform(0.1, 0.6))
            self._world.platform.start_process([name])


def test_killed_services_lose_nothing(world: World) -> None:
    tenant = fresh("kill")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant, replica_count=2)
    # A member that dies is missed by its Kafka group for ten seconds: news of a project made in
    # that time would come late, which is not what is tried here.
    until(lambda: _answers(owner, f"{project}/progress"), "the project is known")
    mayhem = Mayhem(world, kills=6, seed=7)
    mayhem.start()
    total = 150
    for _ in range(20):
        # An import is safe to repeat: items are named by their key.
        try:
            add_items(owner, project, [f"mail number {i}" for i in range(total)])
            break
        except Refused as refused:
            assert refused.status in (404, 503), refused
            time.sleep(0.5)
    until(lambda: len(_items(owner, project)) == total, "items")
    truths = truths_of(owner, project, {f"k{i}": "ham" for i in range(total)})
    work_off(world, owner, tenant, project, truths, total)
    mayhem.join()
    assert mayhem.victims
    _settled_once(owner, project, total)
    _deliver_all(owner, project, total)
    for service in ("task-dispatch", "review-router", "qc-scorer", "prelabel-gateway", "delivery"):
        letters = world.operator().get(f"services/{service}/deadLetters")["dead_letters"]
        assert not [one for one in letters if project in one["key"]], letters


def _answers(owner: Client, path: str) -> bool:
    try:
        owner.get(path)
    except Refused as refused:
        assert refused.status in (404, 503), refused
        return False
    return True


def _deliver_all(owner: Client, project: str, total: int) -> None:
    """Delivers until every label went out, each with one delivery."""
    counts: list[int] = []

    def done() -> bool:
        try:
            counts.append(deliver(owner, project)["label_count"])
        except Refused as refused:
            assert refused.status in (404, 409, 503), refused
        return sum(counts) >= total

    until(done, "every label delivered")
    assert sum(counts) == total


def _items(owner: Client, project: str) -> list[Any]:
    return list(owner.pages(f"{project}/items", "items", page_size=1000))


@pytest.mark.parametrize("part", ["broker", "mongod"])
def test_a_restarted_part_is_survived(world: World, part: str) -> None:
    tenant = fresh(part)
    owner = world.tenant(tenant)
    project = make_project(owner, tenant)
    add_items(owner, project, [f"first {i}" for i in range(40)])
    server = getattr(world, part)
    server.kill()
    time.sleep(1.0)
    server.restart()

    def again() -> bool:
        add_items(owner, project, [f"first {i}" for i in range(80)])
        return True

    until(again, "the platform takes items again")
    truths = truths_of(owner, project, {f"k{i}": "ham" for i in range(80)})
    work_off(world, owner, tenant, project, truths, 80)
    _settled_once(owner, project, 80)


@pytest.mark.outage
@pytest.mark.parametrize("part", ["broker", "mongod"])
def test_a_part_that_hangs_for_40_s_is_survived(world: World, part: str) -> None:
    """Longer than any request waits and any consumer is missed; it answers nothing meanwhile."""
    tenant = fresh(f"hang-{part}")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant)
    add_items(owner, project, [f"first {i}" for i in range(20)])
    server = getattr(world, part)
    server.pause()
    with contextlib.suppress(Refused, httpx2.TransportError):
        add_items(owner, project, [f"first {i}" for i in range(40)])
    time.sleep(42)
    said = httpx2.get(f"{world.platform.url}/readyz", timeout=20)
    assert said.status_code == 503, said.text
    assert {"broker": "BUS_URL", "mongod": "STORE_URL"}[part] in said.json()["reason"]
    server.resume()

    def again() -> bool:
        add_items(owner, project, [f"first {i}" for i in range(40)])
        return httpx2.get(f"{world.platform.url}/readyz", timeout=20).status_code == 200

    until(again, "every service gets on again")
    truths = truths_of(owner, project, {f"k{i}": "ham" for i in range(40)})
    work_off(world, owner, tenant, project, truths, 40)
    _settled_once(owner, project, 40)


@pytest.mark.outage
def test_services_that_stop_for_longer_than_a_lease_do_nothing_twice(world: World) -> None:
    """15 s: their tasks' leases end, and their groups go on without them."""
    tenant = fresh("stop")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant, replica_count=2, lease_seconds=10)
    add_items(owner, project, [f"mail {i}" for i in range(60)])
    until(lambda: len(_items(owner, project)) == 60, "items")
    truths = truths_of(owner, project, {f"k{i}": "ham" for i in range(60)})
    stopped = [world.platform.children[name] for name in VICTIMS]

    def hold() -> None:
        for process in stopped:
            process.send_signal(signal.SIGSTOP)
        time.sleep(15)
        for process in stopped:
            process.send_signal(signal.SIGCONT)

    holding = threading.Timer(2.0, hold)
    holding.start()
    work_off(world, owner, tenant, project, truths, 60)
    holding.join()
    _settled_once(owner, project, 60)


def test_without_triton_tasks_go_to_people_and_drafts_come_back(world: World) -> None:
    triton = world.triton
    assert isinstance(triton, Triton)
    tenant = fresh("triton")
    owner = world.tenant(tenant)
    project = make_project(owner, tenant)
    triton.kill()
    add_items(owner, project, ["while away"])
    until(lambda: _first(owner, project).get("state") == "OPEN", "open without a draft")
    task = _first(owner, project)
    assert "prediction" not in task and "spam-text" in task["decisions"][0]["reason"]
    triton.restart()

    def drafted() -> bool:
        fresh_item = {"data": {"text": f"again {new_id()}"}}
        owner.post(f"{project}/items:batchCreate", {"items": [fresh_item]})
        return any("prediction" in t for t in owner.get(f"{project}/tasks")["tasks"])

    until(drafted, "drafts again")


def _first(owner: Client, project: str) -> dict[str, Any]:
    tasks: list[dict[str, Any]] = owner.get(f"{project}/tasks")["tasks"]
    return tasks[0] if tasks else {}


async def test_poison_is_dead_lettered_shown_and_replayed(world: World) -> None:
    tenant = fresh("poison")
    owner, operator = world.tenant(tenant), world.operator()
    project = make_project(owner, tenant)
    assert world.broker is not None
    bus = await open_bus(f"{world.broker.url}?partitions=4", [])
    poison = Event(
        new_id(),
        "labelmill.intake.v1",
        "labelmill.intake.v1.ItemsAdmitted",
        event_key(project, 3),
        "2026-01-01T00:00:00+00:00",
        b"\xff\xff not protobuf",
    )
    await bus.publish([poison])
    await bus.close()

    def letters() -> list[dict[str, Any]]:
        found = operator.get("services/task-dispatch/deadLetters")["dead_letters"]
        return [one for one in found if one["id"] == poison.id]

    until(lambda: bool(letters()), "dead letter")
    assert "DecodeError" in letters()[0]["reason"]
    done = operator.post("services/task-dispatch/deadLetters:replay", {"ids": [poison.id]})
    assert done == {"replayed_count": 0, "failed_count": 1}
    add_items(owner, project, ["the line goes on"])
    until(lambda: _first(owner, project).get("state") == "OPEN", "the neighbour goes on")
    stranger = Client(world.platform.url, add_person(owner, tenant, "eve", "manager"))
    with pytest.raises(Refused) as denied:
        stranger.get("services/task-dispatch/deadLetters")
    assert denied.value.status == 403
