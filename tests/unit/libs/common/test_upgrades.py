"""Stores of an earlier release: work lists that came later know what was there before."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from libs.common.clock import FakeClock
from libs.common.store import Collection, Store, Unit, every, open_store
from libs.common.upgrades import mark_each, rename_fields
from services.qc_scorer import store as scored
from services.qc_scorer.service import QcScorer
from services.scheduler import store as scheduled
from services.scheduler.service import Scheduler
from services.task_dispatch import store as dispatched
from services.task_dispatch.main import wire

# More than a page.
NAMES = {f"tenants/t/projects/p{i:03}" for i in range(450)}


def started(module: ModuleType, store: Store) -> Any:
    """What a service does once at its start, as its `main` wires it."""
    if module is scheduled:
        return Scheduler(store, FakeClock()).mark_known
    if module is scored:
        return QcScorer(store, FakeClock()).mark_known
    return wire(store, FakeClock()).attention.mark_known


CASES = [
    (scheduled, scheduled.SCHEDULES, scheduled.DUE),
    (scored, scored.PROJECTS, scored.DUE),
    (dispatched, dispatched.PROJECTS, dispatched.WATCHES),
]


@pytest.mark.parametrize(("module", "before", "marks"), CASES, ids=["schedule", "quality", "tasks"])
async def test_what_an_earlier_release_left_is_looked_at_once(
    tmp_path: Path, module: ModuleType, before: Collection, marks: Collection
) -> None:
    """Else a project that waits, or whose people all left, is silent until something moves."""
    store = await open_store(f"sqlite:///{tmp_path}", "one", module.COLLECTIONS)

    async def left(unit: Unit) -> None:
        for name in NAMES:
            unit.overwrite(before, {"name": name, "project": name})

    async def forget(unit: Unit) -> None:
        unit.delete(marks, [doc["name"] async for doc in every(store, marks, {})])

    await store.transact(left)
    await started(module, store)()
    assert {doc["project"] async for doc in every(store, marks, {})} == NAMES
    await store.transact(forget)
    await started(module, store)()
    assert not [doc async for doc in every(store, marks, {})], "once for each store"
    await store.close()


async def test_a_step_that_was_cut_off_begins_anew(tmp_path: Path) -> None:
    things, marks = Collection("things"), Collection("marks")
    store = await open_store(f"sqlite:///{tmp_path}", "one", [things, marks])

    async def left(unit: Unit) -> None:
        for i in range(250):
            unit.overwrite(things, {"name": f"t{i:03}"})

    await store.transact(left)

    def cut_off(unit: Unit, doc: dict[str, Any]) -> None:
        unit.overwrite(marks, doc)
        if doc["name"] == "t240":
            raise OSError("the process ended")

    with pytest.raises(OSError, match="ended"):
        await mark_each(store, "step", things, cut_off)
    await mark_each(store, "step", things, lambda unit, doc: unit.overwrite(marks, doc))
    assert len([doc async for doc in every(store, marks, {})]) == 250
    await store.close()


async def test_fields_are_called_by_their_new_names_once_and_keys_of_callers_stay(
    tmp_path: Path,
) -> None:
    things = Collection("things")
    store = await open_store(f"sqlite:///{tmp_path}", "one", (things,))
    theirs = {"metadata": {"planted": "theirs"}, "class_error_limits": {"planted": 0.1}}
    old = {"policy": {"planted": 1}, "parts": [{"planted": 2, **theirs}], "planted": 3, **theirs}
    new = {"policy": {"injected": 1}, "parts": [{"injected": 2, **theirs}], "injected": 3, **theirs}

    async def left(unit: Unit) -> None:
        for name in NAMES:
            unit.overwrite(things, {"name": name, **old})

    await store.transact(left)
    for _ in range(2):
        await rename_fields(store, "names", (things,), {"planted": "injected"})
    docs = [doc async for doc in every(store, things, {})]
    assert docs == [{"name": name, **new} for name in sorted(NAMES)]
    await store.close()
