"""The scene, clip or document of an item, from what is uploaded to its task."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from labelmill.intake.v1 import intake_pb2
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.task_dispatch.v1.events_pb2 import TasksCreated

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.store.sqlite import SqliteStore
from services.intake import store as intake_store
from services.intake.domain import DataField, Import, ImportState, Outcome, Project
from services.intake.rpc import IntakeRpc
from services.intake.service import Intake
from services.intake.sources import Entry, entries
from services.task_dispatch import events as dispatch_events
from services.task_dispatch import store as dispatch_store
from services.task_dispatch.domain import Policy
from services.task_dispatch.domain import Project as Known
from services.task_dispatch.main import wire

NAME = "tenants/acme/projects/p"
SCHEMA = {"shape": "choice", "classes": ["cat", "dog"]}


def project(*fields: str) -> Project:
    return Project(NAME, 1, tuple(DataField(name, "text") for name in fields), SCHEMA)


def read(content: bytes, kind: str, known: Project) -> list[Entry]:
    now = FakeClock().now()
    import_ = Import(f"{NAME}/imports/i", "", "", kind, ImportState.RUNNING, now, now)
    return list(entries(io.BytesIO(content), import_, known, Blobs("file:///nowhere")))


@pytest.fixture
async def intake(tmp_path: Path) -> Any:
    store = SqliteStore(f"sqlite:///{tmp_path}", "intake")
    await store.open(intake_store.COLLECTIONS)
    made = Intake(store, FakeClock(), Blobs(f"file://{tmp_path}/blobs"), orjson.loads)
    await made.remember_projects([project("text")])
    yield made
    await store.close()


async def test_a_group_goes_from_the_call_to_the_task(intake: Intake, tmp_path: Path) -> None:
    items = [intake_pb2.NewItem(data=json.dumps({"text": f"t{i}"}), group="s") for i in range(3)]
    items.append(intake_pb2.NewItem(data='{"text": "alone"}'))
    request = intake_pb2.BatchCreateItemsRequest(parent=NAME, items=items)
    assert (await IntakeRpc(intake).BatchCreateItems(request, None)).admitted_count == 4
    kept = await intake.items(NAME, 10, "")
    assert sorted(doc.get("group", "") for doc in kept) == ["", "s", "s", "s"]
    told = [e.message() for e in await intake._store.pending_events(100)]
    admitted = [m for m in told if isinstance(m, ItemsAdmitted)]
    store = SqliteStore(f"sqlite:///{tmp_path}", "task_dispatch")
    await store.open(dispatch_store.COLLECTIONS)
    dispatch = wire(store, FakeClock())
    await dispatch.ingest.remember_projects([Known(NAME, 1, "template", Policy())])
    await dispatch_events.on_items(dispatch, admitted)
    made = [e.message() for e in await store.pending_events(100)]
    tasks = [t for m in made if isinstance(m, TasksCreated) for t in m.tasks]
    assert sorted(task.group for task in tasks) == ["", "s", "s", "s"]
    await store.close()


async def test_the_same_item_again_keeps_the_group_it_came_with(intake: Intake) -> None:
    for group, outcome in (("a", Outcome.ADMITTED), ("b", Outcome.DUPLICATE)):
        line = json.dumps({"data": {"text": "x"}, "group": group}).encode()
        (entry,) = read(line, "jsonl", project("text"))
        assert entry.item is not None
        assert [r[0] for r in await intake.admit(NAME, "", [entry.item])] == [outcome]
    assert [doc["group"] for doc in await intake.items(NAME, 10, "")] == ["a"]


@pytest.mark.parametrize("group", [5, ["a"], None, "x" * 201, "\ud800", "a\x00b"])
def test_a_group_that_is_no_name_is_refused_with_its_field(group: Any) -> None:
    line = json.dumps({"data": {"text": "x"}, "group": group}).encode()
    (entry,) = read(line, "jsonl", project("text"))
    assert entry.item is None and entry.reason.startswith("group: must be")


async def test_a_column_names_the_group_and_a_long_one_is_not_cut(intake: Intake) -> None:
    long = "x" * 201
    rows = read(f"text,group\na,s 1\nb,\nc,{long}\n".encode(), "csv", project("text"))
    items = [row.item for row in rows if row.item is not None]
    assert [item.group for item in items[:2]] == ["s 1", ""]
    results = await intake.admit(NAME, "", items)
    assert [r[0] for r in results] == [Outcome.ADMITTED, Outcome.ADMITTED, Outcome.REFUSED]
    assert results[2][2].startswith("group: must be")


def test_a_data_field_called_group_stays_data() -> None:
    (row,) = read(b"text,group\na,b\n", "csv", project("text", "group"))
    assert row.item is not None and row.item.group == ""
    assert json.loads(row.item.data) == {"text": "a", "group": "b"}
    (line,) = read(b'{"text": "a", "group": "b"}', "jsonl", project("text", "group"))
    assert line.item is not None and line.item.group == "", "a bare data object has no group"
