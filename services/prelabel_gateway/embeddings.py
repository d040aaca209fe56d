"""Embeddings of a project's items: computed once, kept, emitted to the trainer. What could not be
embedded because the model was away is tried again until it is back."""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import numpy as np
from labelmill.prelabel_gateway.v1 import events_pb2
from labelmill.task_dispatch.v1 import task_dispatch_pb2

from libs.common import names
from libs.common.clock import Clock
from libs.common.codec import Doc, time_text
from libs.common.store import Store, Unit
from services.prelabel_gateway import store
from services.prelabel_gateway.domain import ModelAway, Project
from services.prelabel_gateway.drafts import BATCH_SECONDS, Drafts

_BLOCK = 256
_FIRST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# After so long an item stays without: its project goes on without it.
_GIVEN_UP = timedelta(days=7)
Vector = np.ndarray | str


class Embeddings:
    """Embeds new tasks, and later those that are lacking."""

    def __init__(self, store_: Store, clock: Clock, drafts: Drafts) -> None:
        self._store, self._clock, self._drafts = store_, clock, drafts

    async def embed(self, project: Project, tasks: Sequence[Any]) -> dict[str, str]:
        """Embeds tasks (messages with data); why there is no embedding, by task name."""
        vectors = await self._drafts.vectors(project, [t.data for t in tasks], BATCH_SECONDS)
        now = self._clock.now()

        async def work(unit: Unit) -> None:
            await self._keep(unit, project, tasks, vectors)
            for task, vector in zip(tasks, vectors, strict=True):
                if isinstance(vector, ModelAway):
                    row: Doc = {"name": task.name, "project": project.name, "data": task.data}
                    row |= {"gold": task.gold, "since": time_text(now), "pause": _FIRST_PAUSE}
                    again = now + timedelta(seconds=_FIRST_PAUSE)
                    unit.overwrite(store.LACKING, {**row, "time": time_text(again)})

        await self._store.transact(work)
        pairs = zip(tasks, vectors, strict=True)
        return {task.name: vector for task, vector in pairs if isinstance(vector, str)}

    async def retry_some(self) -> None:
        """One block of what is lacking and due, project by project."""
        due = await store.lacking_due(self._store, time_text(self._clock.now()), _BLOCK)
        by_project: dict[str, list[Doc]] = defaultdict(list)
        for row in due:
            by_project[row["project"]].append(row)
        for name, rows in by_project.items():
            await self._retry(name, rows)

    async def _retry(self, name: str, rows: Sequence[Doc]) -> None:
        project = await store.project_by_name(self._store, name)
        if project is None or not project.embedding.model:
            return await self._forget(rows)
        tasks = [
            task_dispatch_pb2.Task(name=row["name"], data=row["data"], gold=row["gold"])
            for row in rows
        ]
        vectors = await self._drafts.vectors(project, [t.data for t in tasks], BATCH_SECONDS)
        now = self._clock.now()
        oldest = time_text(now - _GIVEN_UP)

        async def work(unit: Unit) -> None:
            await self._keep(unit, project, tasks, vectors)
            over = []
            for row, vector in zip(rows, vectors, strict=True):
                if not isinstance(vector, ModelAway) or row["since"] < oldest:
                    over.append(row["name"])
                    continue
                pause = min(_LONGEST_PAUSE, 2 * row["pause"])
                again = time_text(now + timedelta(seconds=pause))
                unit.overwrite(store.LACKING, {**row, "pause": pause, "time": again})
            unit.delete(store.LACKING, over)

        await self._store.transact(work)

    async def _forget(self, rows: Sequence[Doc]) -> None:
        async def work(unit: Unit) -> None:
            unit.delete(store.LACKING, [row["name"] for row in rows])

        await self._store.transact(work)

    async def _keep(
        self, unit: Unit, project: Project, tasks: Sequence[Any], vectors: Sequence[Vector]
    ) -> None:
        good = [(t, v) for t, v in zip(tasks, vectors, strict=True) if not isinstance(v, str)]
        shards: dict[int, list[Any]] = defaultdict(list)
        known = await unit.get_many(store.FEATURES, [task.name for task, _ in good])
        fresh = [(task, v.tobytes()) for task, v in good if task.name not in known]
        for task, vector in fresh:
            feature = events_pb2.TaskFeatures(task=task.name, vector=vector, gold=task.gold)
            shards[names.shard_of(task.name)].append(feature)
        docs = [{"name": t.name, "vector": b64encode(v).decode()} for t, v in fresh]
        unit.insert(store.FEATURES, docs)
        for shard, features in shards.items():
            key = names.event_key(project.name, shard)
            event = events_pb2.FeaturesComputed
            unit.emit_all(key, event, "tasks", features, project=project.name)
