"""A round of the trainer over a real store: what it tells of a version, class by class."""

from __future__ import annotations

from base64 import b64encode
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from labelmill.trainer.v1 import trainer_pb2

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.codec import to_message
from libs.common.store import Unit, open_store
from services.trainer import store
from services.trainer.domain import ModelState, ModelVersion, Project
from services.trainer.learning import pool
from services.trainer.model_repository import Repository
from services.trainer.service import Trainer

PROJECT = "tenants/t/projects/p"
NOW = datetime(2026, 1, 1, tzinfo=UTC)
CLASSES = ("ham", "spam", "never seen")


async def _version(folder: Path, taught: int, asked: int) -> trainer_pb2.ModelVersion:
    """The version of one round over 400 items, of which `taught` have labels and the trainer
    itself chose the first `asked` by chance."""
    opened = await open_store(f"sqlite:///{folder}", "trainer", store.COLLECTIONS)
    service = Trainer(opened, FakeClock(), Blobs(f"file://{folder}/blobs"), Repository(folder))
    await service.remember_projects([Project(PROJECT, 1, "text-features", "text", CLASSES)])
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 2, 400)
    vectors = (rng.normal(size=(400, 4)) + 1.5 * truth[:, None]).astype(np.float16)
    names = [f"{PROJECT}/tasks/i{i:03}" for i in range(400)]
    await service.add_features(PROJECT, names, b64encode(vectors.tobytes()).decode(), [])
    order = {"name": f"{PROJECT}/orders/1", "project": PROJECT, "tasks": names[:asked]}
    await service._insert(store.ORDERS, {**order, "drawn": [True] * asked})
    labels = [(names[i], CLASSES[truth[i]], pool.TEACHES) for i in range(taught)]
    await service.add_labels(PROJECT, labels)
    await service.request(PROJECT, 1, "a test asks")
    await service.train_some()
    (version,) = await service.versions(PROJECT)
    await opened.close()
    return to_message(version, trainer_pb2.ModelVersion)


async def test_a_version_says_class_by_class_what_its_scores_are_worth(tmp_path: Path) -> None:
    version = await _version(tmp_path, 200, 200)
    found = {told.name: told for told in version.class_calibration}
    assert set(found) == {"ham", "spam"}
    assert sum(told.count for told in found.values()) == version.drawn_count == 200
    for told in found.values():
        assert told.confidence == pytest.approx(told.accuracy, abs=0.1)


async def test_a_class_drafted_too_seldom_is_not_spoken_of(tmp_path: Path) -> None:
    version = await _version(tmp_path, 200, 25)
    assert sum(told.count for told in version.class_calibration) <= version.drawn_count == 25
    assert len(version.class_calibration) <= 1


async def test_a_project_whose_items_are_all_labelled_is_told_all_the_same(tmp_path: Path) -> None:
    version = await _version(tmp_path, 400, 400)
    assert version.label_count == 400


async def test_a_version_that_is_back_already_is_not_put_back_again(tmp_path: Path) -> None:
    opened = await open_store(f"sqlite:///{tmp_path}", "trainer", store.COLLECTIONS)
    service = Trainer(opened, FakeClock(), Blobs(f"file://{tmp_path}/b"), Repository(tmp_path))
    lineage = {"embedding": "e", "label_count": 1, "labels_digest": "", "weights_digest": ""}
    measured = {"accuracy": 0.9, "drawn_count": 1, "calibration_error": 0.0, "cpu_seconds": 0.0}
    names = [f"{PROJECT}/models/{n}" for n in (1, 2)]

    async def work(unit: Unit) -> None:
        for name, state in zip(names, (ModelState.RETIRED, ModelState.SERVING), strict=True):
            made = ModelVersion(
                name, PROJECT, "m", name[-1], state, "", **lineage, **measured, create_time=NOW
            )
            store.save_version(unit, made)

    await opened.transact(work)
    first = await service.roll_back(names[0])
    assert first.state is ModelState.SERVING
    events = len(await opened.pending_events(100))
    assert await service.roll_back(names[0]) == first
    assert len(await opened.pending_events(100)) == events
    states = {version.name: version.state for version in await store.versions_of(opened, PROJECT)}
    await opened.close()
    assert states == dict(zip(names, (ModelState.SERVING, ModelState.ROLLED_BACK), strict=True))
