"""What certifies a model never taught it: known answers, draws of a proof, audited labels.

Events go through the trainer's handlers into a real store; a head learns from what comes out.
The test of a leak is the strongest there is: labels that must not teach are all made wrong, and
the head may not change by a bit.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from labelmill.annotation.v1.source_pb2 import (
    LABEL_SOURCE_HUMAN,
    LABEL_SOURCE_MACHINE,
    LABEL_SOURCE_REVIEWED,
)
from labelmill.prelabel_gateway.v1.events_pb2 import FeaturesComputed
from labelmill.task_dispatch.v1.events_pb2 import TasksAccepted

from libs.common.blobs import Blobs
from libs.common.clock import FakeClock
from libs.common.store import Store, open_store
from services.trainer import events
from services.trainer import store as tables
from services.trainer.domain import Project
from services.trainer.learning import pool
from services.trainer.learning.pool import Pool
from services.trainer.learning.round import learn
from services.trainer.model_repository import Repository
from services.trainer.service import Trainer

PROJECT = "tenants/t/projects/p"
CLASSES = ("ham", "spam")
COUNT = 160


@dataclass
class Bench:
    """A trainer over a store of its own, and items of two classes that are easy to tell apart."""

    store: Store
    service: Trainer
    features: np.ndarray
    truth: np.ndarray

    async def settle(self, at: range, wrong: bool = False, **facts: Any) -> None:
        """Tasks are accepted; `facts` as in the event's task."""
        source = facts.pop("source", LABEL_SOURCE_HUMAN)
        audited = facts.pop("audited", False)
        message = TasksAccepted(project=PROJECT)
        for i in at:
            task = message.tasks.add(name=_name(i), project=PROJECT, **facts)
            task.label.source = source
            task.label.value.choices.classes.append(CLASSES[int(self.truth[i]) ^ wrong])
            if audited:
                task.decisions.add(action="AUDIT")
        await events.on_accepted(self.service, [message])

    async def pool(self) -> Pool:
        return await pool.load(self.store, PROJECT)


def _name(i: int) -> str:
    return f"{PROJECT}/tasks/i{i:04}"


async def _bench(folder: Path, gold: range) -> Bench:
    store = await open_store(f"sqlite:///{folder}", "trainer", tables.COLLECTIONS)
    blobs = Blobs(f"file://{folder}/blobs")
    service = Trainer(store, FakeClock(), blobs, Repository(folder / "models"))
    await service.remember_projects([Project(PROJECT, 1, "text-features", "text", CLASSES)])
    rng = np.random.default_rng(3)
    truth = rng.integers(0, 2, COUNT)
    features = (rng.normal(size=(COUNT, 4)) + 2.0 * truth[:, None]).astype(np.float16)
    message = FeaturesComputed(project=PROJECT)
    for i in range(COUNT):
        message.tasks.add(task=_name(i), vector=features[i].tobytes(), gold=i in gold)
    await events.on_features(service, [message])
    return Bench(store, service, features.astype(np.float32), truth)


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    made = await _bench(tmp_path, range(0, 20))
    yield made
    await made.store.close()


def _taught(weights: bytes) -> list[str]:
    model = onnx.load_from_string(weights)
    facts = {entry.key: entry.value for entry in model.metadata_props}
    return facts["taught"].split()


JUDGED = [
    pytest.param({"gold": True}, id="known answers"),
    pytest.param({"sampled": True}, id="draws of a proof"),
    pytest.param({"audited": True}, id="audited labels"),
    pytest.param({"sampled": True, "source": LABEL_SOURCE_REVIEWED}, id="adjudicated draws"),
    pytest.param({"source": LABEL_SOURCE_MACHINE}, id="labels of machines"),
]


@pytest.mark.parametrize("facts", JUDGED)
async def test_what_judges_or_came_from_a_machine_teaches_nothing(
    facts: dict[str, Any], tmp_path: Path
) -> None:
    heads = []
    for wrong in (False, True):
        made = await _bench(tmp_path / str(wrong), range(0, 20) if "gold" in facts else range(0))
        await made.settle(range(20, 100))
        await made.settle(range(0, 20), wrong=wrong, **facts)
        heads.append(learn(await made.pool(), 2, 1, None).weights)
        await made.store.close()
    assert heads[0] == heads[1]
    assert set(_taught(heads[0])) == {f"i{i:04}" for i in range(20, 100)}


async def test_wrong_labels_that_do_teach_change_the_head(tmp_path: Path) -> None:
    """The test above could fail: the same twenty labels, given by people as work, do count."""
    heads = []
    for wrong in (False, True):
        made = await _bench(tmp_path / str(wrong), range(0))
        await made.settle(range(20, 100))
        await made.settle(range(0, 20), wrong=wrong)
        heads.append(learn(await made.pool(), 2, 1, None).weights)
        await made.store.close()
    assert heads[0] != heads[1]


async def test_gold_stays_gold_though_an_event_forgets_to_say_so(bench: Bench) -> None:
    """The embedding's event said it first: it is asked of nobody and teaches nothing."""
    found = await bench.pool()
    assert not set(found.waiting.tolist()) & set(range(20))
    await bench.settle(range(0, 60))
    found = await bench.pool()
    assert found.learnt.tolist() == list(range(20, 60))
    ranking = learn(found, 2, 1, None).ranking
    assert not set(ranking.tolist()) & set(range(60))


async def test_draws_of_a_proof_under_way_teach_no_round_that_starts_meanwhile(
    bench: Bench,
) -> None:
    await bench.settle(range(20, 60))
    before = learn(await bench.pool(), 2, 1, None)
    for i in range(60, 80):
        await bench.settle(range(i, i + 1), sampled=True)
        found = await bench.pool()
        assert not found.teaches[i] and found.gone[i]
    assert learn(await bench.pool(), 2, 1, None).weights == before.weights


async def test_a_draw_that_is_settled_again_still_teaches_nothing(bench: Bench) -> None:
    await bench.settle(range(20, 60))
    await bench.settle(range(60, 70), sampled=True)
    await bench.settle(range(60, 70), sampled=True, source=LABEL_SOURCE_REVIEWED)
    assert (await bench.pool()).learnt.tolist() == list(range(20, 60))


async def test_no_item_it_learnt_from_judges_a_version(bench: Bench) -> None:
    """Compared are gold and labels newer than the older version, by leave-one-out answers."""
    await bench.settle(range(0, 20), gold=True)
    await bench.settle(range(20, 60))
    older = learn(await bench.pool(), 2, 1, None).weights
    await bench.settle(range(60, 100))
    found = learn(await bench.pool(), 2, 2, older)
    assert found.comparison is not None
    assert found.comparison.item_count == 20 + 40
