"""What system tests share: a project, simulated people, waiting."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from libs.bundle.__main__ import main as verify_command
from libs.cli import deliveries
from libs.cli.client import Client, Refused
from tests.system.conftest import World
from tools.simulate import Habits, SimulatedPerson

# What takes a second here takes many where a machine is slow and busy.
PATIENCE_SECONDS = 240.0
PERFECT = Habits(0.0, 0.0, 5.0, 2.0)


def fresh(prefix: str) -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


def make_project(owner: Client, tenant: str, **policy: Any) -> str:
    body = {
        "project_id": "p",
        "project": {
            "template": "tenants/catalogue/templates/text-classification/versions/1",
            "target": {"max_error_rate": 0.05, "confidence": 0.95},
            "policy": {"pre_label": True, "audit_share": 0.05, **policy},
        },
    }
    return str(owner.post(f"tenants/{tenant}/projects", body)["name"])


def add_items(
    owner: Client, project: str, texts: Iterable[str], first: int = 0, **extra: Any
) -> dict[str, Any]:
    """Adds texts as items with the keys k0, k1, ... from `first` on."""
    items = [
        {"data": {"text": t}, "source_key": f"k{i}", **extra} for i, t in enumerate(texts, first)
    ]
    result: dict[str, Any] = {}
    for start in range(0, len(items), 1000):
        result = owner.post(f"{project}/items:batchCreate", {"items": items[start : start + 1000]})
    return result


def add_person(owner: Client, tenant: str, user: str, role: str = "annotator", **more: Any) -> str:
    owner.post(f"tenants/{tenant}/users", {"user_id": user, "role": role, **more})
    return str(owner.post(f"tenants/{tenant}/users/{user}/keys")["api_key"])


def until(found: Callable[[], bool], what: str) -> None:
    """Waits for something to come true; an assertion where it does not."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    last = ""
    while time.monotonic() < deadline:
        try:
            if found():
                return
            last = ""
        except Refused as refused:
            if refused.status != 503:
                raise
            last = f"; the last answer: {refused}"
        time.sleep(0.2)
    raise AssertionError(f"{what}: not after {PATIENCE_SECONDS:.0f} s{last}")


def work_off(
    world: World,
    owner: Client,
    tenant: str,
    project: str,
    truths: dict[str, str],
    total: int,
    people: int = 4,
    seconds: float = 2 * PATIENCE_SECONDS,
    crew: str = "simulated",
) -> list[SimulatedPerson]:
    """Simulated people work until so many tasks are settled; another `crew` may go on after."""
    keys = [add_person(owner, tenant, f"{crew}-{i}") for i in range(people)]
    keys.append(add_person(owner, tenant, f"{crew}-reviewer", "reviewer"))
    staff = [
        SimulatedPerson(
            world.platform.url,
            key,
            project,
            truths,
            ("ham", "spam"),
            PERFECT,
            i,
            reviewer=i == people,
        )
        for i, key in enumerate(keys)
    ]

    async def work() -> None:
        over = False
        running = [asyncio.create_task(person.work(lambda: over)) for person in staff]
        deadline = time.monotonic() + seconds
        while not over and time.monotonic() < deadline:
            await asyncio.sleep(0.3)
            for task in running:
                if task.done() and task.exception():
                    raise AssertionError(f"a simulated person failed: {task.exception()}")
            try:
                progress = await asyncio.to_thread(owner.get, f"{project}/progress")
            except Refused:
                continue
            over = progress["accepted_count"] >= total
        finished, over = over, True
        await asyncio.gather(*running)
        assert finished, f"not settled after {seconds:.0f} s: {owner.get(f'{project}/progress')}"

    asyncio.run(work())
    return staff


def truths_of(owner: Client, project: str, by_key: dict[str, str]) -> dict[str, str]:
    items = owner.pages(f"{project}/items", "items", page_size=1000)
    return {i["name"].rsplit("/", 1)[-1]: by_key[i["source_key"]] for i in items}


def deliver(owner: Client, project: str) -> dict[str, Any]:
    """A completed delivery of all that is accepted."""
    made, lacking = deliveries.delivered(owner, project, [])
    assert not lacking, made
    return made


def labels_of(folder: Path) -> list[dict[str, Any]]:
    lines = []
    for path in sorted(folder.glob("labels-*.jsonl")):
        lines += [json.loads(line) for line in path.read_text().splitlines()]
    return lines


def delivered(owner: Client, project: str, count: int, folder: Path) -> list[dict[str, Any]]:
    """The labels, so many, of a verified delivery below a folder."""
    place = folder / "delivery"
    deliveries.download(owner, deliver(owner, project), place)
    assert verify_command(["verify", str(place)]) == 0
    labels = labels_of(place)
    assert len(labels) == count
    return labels
