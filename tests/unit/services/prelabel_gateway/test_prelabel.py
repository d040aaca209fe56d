"""Impossible outputs of a model become reasons; the line never waits for a model."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelmill.task_dispatch.v1 import task_dispatch_pb2

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.errors import Invalid, Unavailable
from libs.common.store import open_store
from services.prelabel_gateway import domain
from services.prelabel_gateway.domain import Impossible, Project, Route
from services.prelabel_gateway.events import on_postponed
from services.prelabel_gateway.inference.client import Model
from services.prelabel_gateway.service import PrelabelGateway
from services.prelabel_gateway.store import COLLECTIONS

CLASSES = ("ham", "spam")
PROJECT = Project(
    "tenants/t/projects/p", 1, "tpl", Route("m", "", "text-classification", "text"), CLASSES
)


def test_a_good_row_is_a_draft_with_its_score() -> None:
    found = domain.choice_of([0.1, 0.9], list(CLASSES), CLASSES)
    assert found == {"value": {"choices": {"classes": ["spam"]}}, "score": 0.9}


@pytest.mark.parametrize(
    ("row", "classes", "words"),
    [
        ([float("nan"), 0.5], CLASSES, "NaN"),
        ([0.5, float("inf")], CLASSES, "infinity"),
        ([1.7, 0.1], CLASSES, "outside 0 to 1"),
        ([0.2, 0.3, 0.5], CLASSES, "3 probabilities for 2 classes"),
        ([0.9, 0.1], ("other",), "does not know the template's other"),
        ([0.9, 0.1], (*CLASSES, "other"), "does not know the template's other"),
        ([0.9, 0.1], CLASSES[1:], "is not one of the template's"),
    ],
)
def test_impossible_probabilities(row: list[float], classes: tuple[str, ...], words: str) -> None:
    with pytest.raises(Impossible, match=words):
        domain.choice_of(row, list(CLASSES), classes)


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ([500, 0, 600, 50, 0.9, 0], "outside the image"),
        ([20, 20, 10, 10, 0.9, 0], "outside the image"),
        ([0, 0, 10, 10, 0.9, 7], "class number 7"),
        ([float("nan"), 0, 10, 10, 0.9, 0], "NaN"),
    ],
)
def test_impossible_boxes(box: list[float], words: str) -> None:
    with pytest.raises(Impossible, match=words):
        domain.boxes_of([box], (100, 100), ["cat"], ("cat",))


def test_boxes_of_no_common_class_are_no_draft() -> None:
    with pytest.raises(Impossible, match="knows none of the template's classes"):
        domain.boxes_of([], (100, 100), ["cat"], ("mug",))


def test_boxes_are_clipped_and_padding_is_left_out() -> None:
    found = domain.boxes_of([[-5, 2, 50, 120, 0.8, 0], [0] * 6], (100, 100), ["cat"], ("cat",))
    (box,) = found["value"]["boxes"]["boxes"]
    assert (box["x"], box["y"], box["width"], box["height"]) == (0.0, 2.0, 50.0, 98.0)
    assert found["score"] == pytest.approx(0.8)


class Answers:
    """An inference server that answers what it is told to."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def model(self, name: str, version: str = "") -> Model:
        return Model(name, "1", "text-classification", list(CLASSES), 64)

    async def infer(self, *_: Any) -> dict[str, np.ndarray]:
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"PROBS": np.array(self.answer, np.float32)}


@pytest.mark.parametrize(
    ("answer", "drafted", "words"),
    [
        ([[0.9, 0.1], [float("nan"), 0.1]], 1, "NaN"),
        (Unavailable("model m: connection refused"), 0, "connection refused"),
        (Invalid("model m answered PROBS with shape (1, 2) for 2 items"), 0, "shape"),
    ],
)
async def test_every_task_goes_on_with_a_draft_or_the_reason(
    answer: Any, drafted: int, words: str, tmp_path: Path
) -> None:
    import orjson

    store = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    service = PrelabelGateway(store, FakeClock(), blobs, Answers(answer), orjson.loads)  # type: ignore[arg-type]
    await service.remember_projects([PROJECT])
    tasks = [
        task_dispatch_pb2.Task(name=f"{PROJECT.name}/tasks/t{i}", version=1, data='{"text": "x"}')
        for i in range(2)
    ]
    await service.draft_tasks(PROJECT.name, tasks)
    messages: list[Any] = [e.message() for e in await store.pending_events(10)]
    completed = [t for m in messages if "Completed" in type(m).__name__ for t in m.tasks]
    failed = [t for m in messages if "Failed" in type(m).__name__ for t in m.tasks]
    assert (len(completed), len(failed)) == (drafted, 2 - drafted)
    assert all(words in one.reason for one in failed)
    await store.close()


class Documents(Answers):
    """An inference server whose model answers documents, shaped as they come over the wire."""

    async def model(self, name: str, version: str = "") -> Model:
        return Model(name, "1", "entities", ["person"], 64)

    async def infer(self, *_: Any) -> dict[str, np.ndarray]:
        return {"VALUE": np.array([[one] for one in self.answer], dtype=object)}


@pytest.mark.parametrize(
    "bad",
    [
        b'{"value": {"spans": {"spans": [{"end": 1, "class": "person", "source": "SOMEBODY"}]}}}',
        b'{"value": {"spans": {"spans": [{"end": NaN, "class": "person"}]}}}',
        b'{"value": {"spans": {"spans": {"end": 1}}}}',
        b'{"value": {"spans": {"spans": [{"end": 1, "class": "person", "id": "\\ud800"}]}}}',
        b'{"value": {"spans": []}}',
    ],
)
async def test_one_bad_answer_is_one_task_without_a_draft(bad: bytes, tmp_path: Path) -> None:
    import orjson

    good = b'{"value": {"spans": {"spans": [{"end": 1, "class": "person"}]}}}'
    store = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    server: Any = Documents([good, bad, good])
    service = PrelabelGateway(store, FakeClock(), blobs, server, orjson.loads)
    route = Route("m", "", "entities", "text")
    schema = {"shape": "spans", "classes": ["person"]}
    await service.remember_projects([replace(PROJECT, route=route, schema=schema)])
    tasks = [
        task_dispatch_pb2.Task(name=f"{PROJECT.name}/tasks/t{i}", version=1, data='{"text": "x"}')
        for i in range(3)
    ]
    await service.draft_tasks(PROJECT.name, tasks)
    messages: list[Any] = [e.message() for e in await store.pending_events(10)]
    completed = [t for m in messages if "Completed" in type(m).__name__ for t in m.tasks]
    failed = [t for m in messages if "Failed" in type(m).__name__ for t in m.tasks]
    assert sorted(t.task.name[-2:] for t in completed) == ["t0", "t2"]
    assert [t.task.name[-2:] for t in failed] == ["t1"] and failed[0].reason.startswith("model m")
    await store.close()


@pytest.mark.parametrize("answer", [[0.5, 0.5], [[[0.9, 0.1]], [[0.2, 0.8]]], [["a", "b"]] * 2])
async def test_an_answer_of_another_shape_is_no_draft(answer: Any, tmp_path: Path) -> None:
    import orjson

    class Shaped(Answers):
        async def infer(self, *_: Any) -> dict[str, np.ndarray]:
            return {"PROBS": np.array(self.answer)}

    store = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    server: Any = Shaped(answer)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    service = PrelabelGateway(store, FakeClock(), blobs, server, orjson.loads)
    await service.remember_projects([PROJECT])
    tasks = [
        task_dispatch_pb2.Task(name=f"{PROJECT.name}/tasks/t{i}", version=1, data='{"text": "x"}')
        for i in range(2)
    ]
    await service.draft_tasks(PROJECT.name, tasks)
    messages: list[Any] = [e.message() for e in await store.pending_events(10)]
    assert sum(len(m.tasks) for m in messages if "Failed" in type(m).__name__) == 2
    await store.close()


class Slow(Documents):
    """Answers a portion at a time, and takes long."""

    def __init__(self, clock: list[float]) -> None:
        super().__init__(b"")
        self.clock, self.portions = clock, []  # type: ignore[var-annotated]

    async def model(self, name: str, version: str = "") -> Model:
        return Model(name, "1", "voice-activity", ["speech"], 1)

    async def infer(self, _: Any, __: str, values: list[bytes], *___: Any) -> dict[str, np.ndarray]:
        self.clock[0] += 100.0
        self.portions.append(len(values))
        nothing = b'{"value": {"segments": {}}}'
        if len(self.portions) == 1:
            raise Unavailable("model m: deadline exceeded")
        self.answer = [nothing] * len(values)
        return await super().infer()


async def test_slow_models_get_a_few_items_at_a_time_and_the_rest_another_turn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import orjson

    seconds = [0.0]
    monkeypatch.setattr("services.prelabel_gateway.drafts.time.monotonic", lambda: seconds[0])
    store, clock = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS), FakeClock()
    slow = Slow(seconds)
    service = PrelabelGateway(store, clock, Blobs(f"file://{tmp_path}/b"), slow, orjson.loads)  # type: ignore[arg-type]
    project = replace(
        PROJECT, route=Route("m", "", "voice-activity", "audio"), schema={"shape": "segments"}
    )
    await service.remember_projects([project])
    data = '{"audio": "data:audio/wav;base64,UklG"}'
    tasks = [
        task_dispatch_pb2.Task(name=f"{PROJECT.name}/tasks/t{i}", version=1, data=data)
        for i in range(15)
    ]
    begun = clock.now()

    async def told() -> tuple[list[str], list[str], list[Any]]:
        """(names drafted, reasons of those without, events of those that wait)."""
        events = await store.pending_events(100)
        await store.published(events)
        messages: list[Any] = [e.message() for e in events]
        done = [t.task.name for m in messages if "Completed" in type(m).__name__ for t in m.tasks]
        failed = [t.reason for m in messages if "Failed" in type(m).__name__ for t in m.tasks]
        return done, failed, [m for m in messages if "Postponed" in type(m).__name__]

    await service.draft_tasks(PROJECT.name, tasks)
    done, failed, later = await told()
    assert slow.portions == [4] and not done
    assert failed == ["model m: deadline exceeded"] * 4
    waiting = [t for m in later for t in m.tasks]
    assert len(waiting) == 11 and all(t.data == data for t in waiting)
    assert {m.since.ToDatetime(tzinfo=begun.tzinfo) for m in later} == {begun}

    clock.advance(1700)
    await on_postponed(service, later)
    done, failed, later = await told()
    assert len(done) == 4 and not failed and sum(len(m.tasks) for m in later) == 7
    assert {m.since.ToDatetime(tzinfo=begun.tzinfo) for m in later} == {begun}

    # Not for ever.
    clock.advance(200)
    await on_postponed(service, later)
    done, failed, later = await told()
    assert len(done) == 4 and not later
    assert failed == ["model m has had too much to do for 30 minutes"] * 3
    await store.close()


async def test_documents_are_drafts_or_reasons_each_for_itself(tmp_path: Path) -> None:
    import orjson

    store = await open_store(f"sqlite:///{tmp_path}", "prelabel", COLLECTIONS)
    blobs = Blobs(f"file://{tmp_path}/blobs")
    span = {"end": 3, "class": "person", "score": 0.9}
    good = orjson.dumps({"value": {"spans": {"spans": [span]}}})
    answers = Documents([good, b'{"error": "too long"}'])
    service = PrelabelGateway(store, FakeClock(), blobs, answers, orjson.loads)  # type: ignore[arg-type]
    project = replace(
        PROJECT,
        route=Route("m", "", "entities", "text"),
        schema={"shape": "spans", "classes": ["person"]},
    )
    await service.remember_projects([project])
    tasks = [
        task_dispatch_pb2.Task(name=f"{PROJECT.name}/tasks/t{i}", version=1, data=data)
        for i, data in enumerate(['{"text": "Ada"}', '{"text": "Ada"}', "{}"])
    ]
    await service.draft_tasks(PROJECT.name, tasks)
    messages: list[Any] = [e.message() for e in await store.pending_events(10)]
    (drafted,) = [t for m in messages if "Completed" in type(m).__name__ for t in m.tasks]
    assert drafted.prediction.value.spans.spans[0].end == 3 and drafted.prediction.score == 0.9
    reasons = [t.reason for m in messages if "Failed" in type(m).__name__ for t in m.tasks]
    assert sorted(reasons) == ["model m: too long", "the item has no text"]
    await store.close()
