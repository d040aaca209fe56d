"""A round of the trainer over a real store: what it tells of a version, class by class."""

from __future__ import annotations

from base64 import b64encode
from pathlib import Path

import numpy as np
import pytest
from labelmill.trainer.v1 import trainer_pb2

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.codec import to_message
from libs.common.store import open_store
from services.trainer import pool, store
from services.trainer.domain import Project
from services.trainer.repository import Repository
from services.trainer.service import Trainer

PROJECT = "tenants/t/projects/p"
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
