"""A project that trains lives on when its items could not be embedded in the moment they came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from labelmill.prelabel_gateway.v1 import events_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Unavailable
from libs.common.store import Store, open_store
from services.prelabel_gateway.domain import Project, Route
from services.prelabel_gateway.inference.client import Model
from services.prelabel_gateway.service import PrelabelGateway
from services.prelabel_gateway.store import COLLECTIONS, LACKING

NAME = "tenants/t/projects/p"
PROJECT = Project(NAME, 1, "tpl", Route(), embedding=Route("text-features", input="text"))


class Embedder:
    """An inference server that is away until it is not; it cannot read the text "bad"."""

    def __init__(self) -> None:
        self.away, self.answer = True, np.ones((1, 4), np.float32)

    async def model(self, name: str, version: str = "") -> Model:
        if self.away:
            raise Unavailable(f"model {name}: connection refused")
        return Model(name, "1", "text-embedding", [], 64)

    async def infer(self, _: Any, __: str, values: list[bytes], *___: Any) -> dict[str, np.ndarray]:
        rows = [np.full(4, np.nan if value == b"bad" else 1.0) for value in values]
        return {"EMBEDDING": np.array(rows, np.float32)}


class World:
    def __init__(self, store: Store, folder: Path) -> None:
        self.store, self.clock, self.server = store, FakeClock(), Embedder()
        server: Any = self.server
        blobs = Blobs(f"file://{folder}/blobs")
        self.service = PrelabelGateway(store, self.clock, blobs, server, orjson.loads)

    async def add(self, *texts: str, project: str = NAME) -> None:
        tasks = [
            task_dispatch_pb2.Task(name=f"{project}/tasks/{i}", data=orjson.dumps({"text": text}))
            for i, text in enumerate(texts)
        ]
        await self.service.draft_tasks(project, tasks)

    async def told(self, kind: type) -> list[Any]:
        events = await self.store.pending_events(1000)
        found = [m for e in events if isinstance(m := e.message(), kind)]
        return [task for m in found for task in m.tasks]  # type: ignore[attr-defined]


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    store = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    found = World(store, tmp_path)
    await found.service.remember_projects([PROJECT])
    yield found
    await store.close()


async def test_items_that_came_while_the_model_was_away_are_embedded_later(world: World) -> None:
    await world.add("a", "b", "bad")
    failed = await world.told(events_pb2.PredictionsFailed)
    assert {task.cause for task in failed} == {events_pb2.FAILURE_CAUSE_MODEL_AWAY}
    assert all("connection refused" in task.reason for task in failed)
    world.clock.advance(2)
    await world.service.embeddings.retry_some()
    assert not await world.told(events_pb2.FeaturesComputed)
    world.server.away = False
    await world.service.embeddings.retry_some()
    assert not await world.told(events_pb2.FeaturesComputed), "not before its pause is over"
    world.clock.advance(60)
    await world.service.embeddings.retry_some()
    features = await world.told(events_pb2.FeaturesComputed)
    assert [f.task.rsplit("/", 1)[-1] for f in features] == ["0", "1"]
    assert not await world.store.find(LACKING, {}), "what cannot be read is not tried for ever"


async def test_what_is_tried_has_an_end(world: World) -> None:
    await world.add("a")
    world.clock.advance(8 * 24 * 3600)
    await world.service.embeddings.retry_some()
    assert not await world.store.find(LACKING, {})


async def test_a_project_without_a_model_yet_has_failed_at_nothing(world: World) -> None:
    world.server.away = False
    await world.add("a")
    (failed,) = await world.told(events_pb2.PredictionsFailed)
    assert failed.cause == events_pb2.FAILURE_CAUSE_NO_MODEL


async def test_vectors_of_another_shape_are_no_embeddings(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.server.away = False

    async def infer(*_: Any) -> dict[str, np.ndarray]:
        return {"EMBEDDING": np.ones((1, 4, 2), np.float32)}

    monkeypatch.setattr(world.server, "infer", infer)
    await world.add("a")
    (failed,) = await world.told(events_pb2.PredictionsFailed)
    assert "not one vector" in failed.reason
    assert not await world.store.find(LACKING, {}), "it would answer the same again"
