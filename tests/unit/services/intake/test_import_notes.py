"""Drafts that never come because the model is not there are told once in the import's report."""

from __future__ import annotations

from pathlib import Path

import orjson
from labelmill.intake.v1 import intake_pb2
from labelmill.prelabel_gateway.v1 import events_pb2

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.codec import to_message
from libs.common.store import Unit, open_store
from services.intake import store
from services.intake.domain import Import, ImportState
from services.intake.events import HANDLERS
from services.intake.service import Intake

PROJECT = "tenants/t/projects/p"


async def test_an_import_says_once_that_its_items_get_no_drafts(tmp_path: Path) -> None:
    kept = await open_store(f"sqlite:///{tmp_path}", "intake", store.COLLECTIONS)
    clock = FakeClock()
    intake = Intake(kept, clock, Blobs(f"file://{tmp_path}/blobs"), orjson.loads)
    now = clock.now()
    name = f"{PROJECT}/imports/one"
    one = Import(name, "", "b", "zip", ImportState.SUCCEEDED, now, now)

    async def work(unit: Unit) -> None:
        unit.put(store.IMPORTS, store.import_doc(one))
        item = {"name": f"{PROJECT}/items/i", "digest": "d", "import_id": "one"}
        unit.insert(store.ITEMS, [item])

    await kept.transact(work)
    failed = events_pb2.PredictionsFailed(project=PROJECT)
    task = failed.tasks.add(reason="model body-pose: not found")
    task.task.item, task.cause = f"{PROJECT}/items/i", events_pb2.FAILURE_CAUSE_NO_ANSWER
    await HANDLERS[type(failed)](intake, [failed])
    assert not (await intake.import_(name)).report
    task.cause = events_pb2.FAILURE_CAUSE_MODEL_AWAY
    for _ in range(2):
        await HANDLERS[type(failed)](intake, [failed])
    told = to_message(await intake.import_(name), intake_pb2.Import)
    (note,) = told.report.notes
    assert "body-pose" in note and "without a draft" in note
    await kept.close()
