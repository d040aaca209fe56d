"""Two values are compared by the template's loss: scores inside a value and a pixel more or less
make no prediction wrong; and a gate's decision is kept and emitted as one document."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, PredictionsCompared

from libs.common.clock import FakeClock
from libs.common.codec import message_to_doc
from libs.common.store import Store, open_store
from services.qc_scorer import store as scored
from services.qc_scorer.domain import Project
from services.qc_scorer.service import QcScorer

NAME = "tenants/t/projects/p"


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store(f"sqlite:///{tmp_path}", "qc_scorer", scored.COLLECTIONS)
    yield opened
    await opened.close()


def boxes(left: float, **more: Any) -> dict[str, Any]:
    box = {"class": "cat", "x": left, "y": 10.0, "width": 50.0, "height": 40.0, **more}
    return {"boxes": {"boxes": [box]}}


def settled(number: int, label: dict[str, Any], draft: dict[str, Any]) -> dict[str, Any]:
    prediction = {"model": "m", "model_version": "1", "value": draft, "score": 0.9}
    opinion = {"annotator": "ann", "value": label}
    task = {"name": f"{NAME}/tasks/{number}", "sampled": True, "prediction": prediction}
    return {**task, "annotations": [opinion], "label": {"value": label, "source": "HUMAN"}}


async def told(store: Store, kind: type) -> list[Any]:
    events = await store.pending_events(1000)
    return [message for e in events if isinstance(message := e.message(), kind)]


async def test_right_boxes_are_equal_whatever_scores_stand_in_them(store: Store) -> None:
    scorer = QcScorer(store, FakeClock())
    await scorer.remember_projects([Project(NAME, 1, "boxes", "boxes", classes=("cat",))])
    right = [settled(i, boxes(10.0), boxes(11.0, score=0.93)) for i in range(70)]
    wrong = [settled(i, boxes(10.0), boxes(300.0, score=0.93)) for i in range(70, 75)]
    await scorer.count_accepted(NAME, 0, [*right, *wrong])
    await scorer.count_accepted(NAME, 0, right)
    (compared,) = await told(store, PredictionsCompared)
    assert (compared.compared_count, compared.equal_count) == (75, 70)


async def test_a_look_is_kept_as_it_is_emitted_with_its_history(store: Store) -> None:
    scorer = QcScorer(store, FakeClock())
    project = Project(NAME, 1, "boxes", "boxes", 0.2, classes=("cat",), machine_label=True)
    await scorer.remember_projects([project])
    for start in range(0, 400, 100):
        some = [settled(i, boxes(10.0), boxes(10.0)) for i in range(start, start + 100)]
        await scorer.count_accepted(NAME, 0, some)
    emitted = [message.gate for message in await told(store, GateUpdated)]
    assert [gate.version for gate in emitted] == list(range(1, len(emitted) + 1))
    (kept,) = await scorer.gates(NAME)
    assert emitted and len(kept["history"]) == len(emitted)
    assert kept["history"][-1]["reason"] == kept["reason"]
    known = message_to_doc(emitted[-1])
    assert {key: kept[key] for key in known} == known
