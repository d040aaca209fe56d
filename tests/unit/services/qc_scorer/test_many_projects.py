"""More projects than a page holds: what timers do is done for each of them, and again only where
something moved."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelmill.qc_scorer.v1.events_pb2 import QualityUpdated
from labelmill.trainer.v1.events_pb2 import NothingToLearn, TasksPrioritized

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.store import Store, Unit, every, open_store
from services.qc_scorer import store as scored
from services.qc_scorer.domain import Project
from services.qc_scorer.service import QcScorer
from services.trainer import domain as trained
from services.trainer import store as trainer_store
from services.trainer.model_repository import Repository
from services.trainer.service import Trainer

NAMES = [f"tenants/t/projects/p{i:04}" for i in range(1100)]
LAST = NAMES[-1]


async def told(store: Store, kind: type) -> list[Any]:
    """Messages of a kind in the outbox, which is emptied."""
    found: list[Any] = []
    while events := await store.pending_events(5000):
        found += [message for e in events if isinstance(message := e.message(), kind)]
        await store.published(events)
    return found


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path}", "qc_scorer", scored.COLLECTIONS)
    yield opened
    await opened.close()


@pytest.mark.statistical
async def test_every_project_has_its_report_its_look_and_its_clean_up(store: Store) -> None:
    scorer = QcScorer(store, FakeClock())
    await scorer.remember_projects([Project(name, 1, "class", "majority") for name in NAMES])
    await scorer.tell_quality()
    reports = await told(store, QualityUpdated)
    assert {m.report.project for m in reports} == set(NAMES)
    await scorer.tell_quality()
    assert not await told(store, QualityUpdated)

    async def work(unit: Unit) -> None:
        for name in NAMES:
            scored.count_quality(unit, name, {"opinions": 10})
            scored.mark(unit, scored.Due.PEOPLE, name)
        chunk = {"name": f"{LAST}/risks/1", "project": LAST, "gate": "", "time": "2026", "top": 1.0}
        unit.insert(scored.RISKS, [{**chunk, "total": 1.0, "rows": []}])

    await store.transact(work)
    await scorer.look_over()
    assert len([doc async for doc in every(store, scored.SIGNALS, {})]) == len(NAMES)
    for name in NAMES:
        await scorer.note_delivery(name, "d", "COMPLETED", "2027")
    await scorer.forget_delivered()
    assert await store.get(scored.RISKS, f"{LAST}/risks/1") is None
    left = [doc["kind"] async for doc in every(store, scored.DUE, {})]
    assert set(left) <= {"QUALITY"}


async def test_a_fault_of_one_project_is_no_others_and_is_tried_again(store: Store) -> None:
    done: list[str] = []

    async def work(project: str) -> None:
        if project == NAMES[0] and NAMES[0] not in done:
            done.append(project)
            raise ValueError("broken")
        done.append(project)

    async def mark(unit: Unit) -> None:
        for name in NAMES[:3]:
            scored.mark(unit, scored.Due.FIT, name)

    await store.transact(mark)
    await scored.each_due(store, scored.Due.FIT, work)
    assert done == NAMES[:3]
    await scored.each_due(store, scored.Due.FIT, work)
    assert done == [*NAMES[:3], NAMES[0]]


async def test_every_project_that_was_asked_for_is_trained_and_its_job_deleted(
    tmp_path: Path,
) -> None:
    opened = await open_store(f"sqlite:///{tmp_path}", "trainer", trainer_store.COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    trainer = Trainer(opened, FakeClock(), blobs, Repository(tmp_path))
    one = trained.Project(LAST, 1, "text-features", "text", ("ham", "spam"))
    await trainer.remember_projects([one])
    vectors = b64encode(np.zeros((5, 4), np.float16).tobytes()).decode()
    await trainer.add_features(LAST, [f"{LAST}/tasks/{i}" for i in range(5)], vectors, [])
    for name in NAMES:
        await trainer.request(name, 1, "new items")
    await trainer.train_some()
    (asked,) = await told(opened, TasksPrioritized)
    assert asked.project == LAST and len(asked.tasks) == 5
    assert not await opened.find(trainer_store.JOBS, {})
    await trainer.request(LAST, 2, "again")
    await trainer.train_some()
    (nothing,) = await told(opened, NothingToLearn)
    assert nothing.project == LAST and "no item" in nothing.reason
    await opened.close()


async def test_a_round_that_fails_stops_no_other_and_has_an_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await open_store(f"sqlite:///{tmp_path}", "trainer", trainer_store.COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    trainer = Trainer(opened, FakeClock(), blobs, Repository(tmp_path))
    rounds: list[str] = []

    async def train(job: dict[str, Any]) -> None:
        rounds.append(job["name"])
        if job["name"] == NAMES[0]:
            raise ValueError("broken")

    monkeypatch.setattr(trainer, "_train", train)
    for name in NAMES[:2]:
        await trainer.request(name, 1, "new items")
    for _ in range(5):
        await trainer.train_some()
    assert rounds.count(NAMES[0]) == 3 and NAMES[1] in rounds
    (nothing,) = await told(opened, NothingToLearn)
    assert nothing.project == NAMES[0] and "broken" in nothing.reason
    await opened.close()
