"""Scenes, clips and documents from the coin to the label: router and scorer over real stores,
their events handed from one to the other as the bus would."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from labelmill.annotation.v1.annotation_pb2 import Choices, Lot, Prediction, Value
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.intake.v1.intake_pb2 import Item
from labelmill.prelabel_gateway.v1.events_pb2 import (
    FailedTask,
    PredictedTask,
    PredictionsCompleted,
    PredictionsFailed,
)
from labelmill.qc_scorer.v1.events_pb2 import GateUpdated, GroupsPassed, LotPlanned
from labelmill.review_router.v1.review_router_pb2 import ACTION_ACCEPT
from labelmill.task_dispatch.v1.events_pb2 import LotFrozen, RoutingRequested
from labelmill.task_dispatch.v1.task_dispatch_pb2 import Task

from libs.common.clock import FakeClock
from libs.common.codec import message_to_doc
from libs.common.store.sqlite import SqliteStore
from services.qc_scorer import events as scorer_events
from services.qc_scorer import store as scorer_store
from services.qc_scorer.domain import Project, Reference
from services.qc_scorer.gates import clusters, lot_proof
from services.qc_scorer.service import QcScorer
from services.review_router import events as router_events
from services.review_router import store as router_store
from services.review_router.service import Router, coins

CAT, DOG = (Value(choices=Choices(classes=[name])) for name in ("cat", "dog"))
TARGET, CONFIDENCE = 0.1, 0.8
RISK = lot_proof.FIRST_PART * (1 - CONFIDENCE)


@dataclass(frozen=True)
class Frame:
    """An item: the scene it belongs to (empty for none), the draft's score, and is it wrong."""

    name: str
    group: str
    score: float
    wrong: bool


def scenes(sizes: Sequence[int], bad: Sequence[int], rng: np.random.Generator) -> list[Frame]:
    """Every frame of a bad scene is wrong; the scores say nothing of it. Size 0: one item
    without a scene."""
    return [
        Frame(f"{s}-{i}", f"scene {s}" if size else "", float(rng.uniform(0.9, 1.0)), s in bad)
        for s, size in enumerate(sizes)
        for i in range(size or 1)
    ]


@dataclass
class Run:
    """One project's lot; `routed` holds the newest routing of each task, `drawn` what chance drew
    for the proof."""

    project: str
    frames: list[Frame]
    lot: Lot
    routed: dict[str, Any] = field(default_factory=dict)
    failed: Sequence[Frame] = ()
    drawn: Sequence[Frame] = ()

    def task(self, frame: Frame) -> str:
        return f"{self.project}/tasks/{frame.name}"

    @property
    def accepted(self) -> list[Frame]:
        return [f for f in self.frames if self.routed[self.task(f)].action == ACTION_ACCEPT]

    @property
    def passing(self) -> list[Frame]:
        """What the gate lets out, what it keeps for the standing audit among it."""
        kept = [f for f in self.frames if "standing audit" in self.routed[self.task(f)].reason]
        return [*self.accepted, *kept]


class House:
    """Router and scorer; what one tells is handed to the other."""

    def __init__(self, folder: Path) -> None:
        self.router_store = SqliteStore(f"sqlite:///{folder}", "review_router")
        self.scorer_store = SqliteStore(f"sqlite:///{folder}", "qc_scorer")
        self.router = Router(self.router_store)
        self.scorer = QcScorer(self.scorer_store, FakeClock())

    async def open(self) -> None:
        await self.router_store.open(router_store.COLLECTIONS)
        await self.scorer_store.open(scorer_store.COLLECTIONS)

    async def close(self) -> None:
        await self.router_store.close()
        await self.scorer_store.close()

    async def told(self, store: SqliteStore) -> list[Any]:
        events = await store.pending_events(100_000)
        await store.published(events)
        return [event.message() for event in events]

    async def plan(self, name: str, frames: list[Frame], **changes: Any) -> Run:
        """A project that is to be proven at once, with its items come in."""
        fixed: dict[str, Any] = {"reference": Reference.EXPERTS, "machine_label": True}
        fixed |= {"max_error_rate": TARGET, "confidence": CONFIDENCE, "training": True}
        project = Project(name, 1, "class", "majority", **{**fixed, **changes})
        await self.scorer.remember_projects([project])
        policy = {"machine_label": True, "training": {}}
        await self.router.remember_projects([{"name": name, "version": 1, "policy": policy}])
        items = [Item(name=f"{name}/items/{f.name}", group=f.group) for f in frames]
        await scorer_events.on_items(self.scorer, [ItemsAdmitted(project=name, items=items)])
        version = {"model": "own", "version": "1", "label_count": 500}
        curve = {"counts": [len(frames)], "errors": [0.0]}
        told = {"version": version, "curve": curve, "task_count": len(frames)}
        await self.scorer.plan_lot(name, told)
        planned = [m for m in await self.told(self.scorer_store) if isinstance(m, LotPlanned)]
        return Run(name, frames, planned[-1].lot)

    async def join(self, run: Run, failed: Sequence[Frame] = ()) -> None:
        """Drafts come, each task is routed into the lot, and the lot is frozen."""
        tasks = [PredictedTask(task=_task(run, f), prediction=_draft(run, f)) for f in run.frames]
        drafted = [t for t, f in zip(tasks, run.frames, strict=True) if f not in failed]
        about: dict[str, Any] = {"project": run.project, "lot": run.lot}
        run.failed = failed
        await router_events.on_predictions(
            self.router, [PredictionsCompleted(tasks=drafted, **about)]
        )
        none = [FailedTask(task=_task(run, f), reason="unreadable") for f in failed]
        await router_events.on_failures(self.router, [PredictionsFailed(tasks=none, **about)])
        size = len(run.frames)
        await self._route(run, to_scorer=True)
        run.drawn = [f for f in run.frames if run.routed[run.task(f)].sampled]
        frozen = LotFrozen(task_count=size, project_task_count=size, **about)
        await scorer_events.on_frozen(self.scorer, [frozen])

    async def _route(self, run: Run, *, to_scorer: bool = False) -> None:
        for message in await self.told(self.router_store):
            run.routed.update({r.task: r for r in message.routings})
            if to_scorer:
                await scorer_events.on_routings(self.scorer, [message])

    async def settle(self, run: Run, frames: Sequence[Frame]) -> None:
        """People label these; they are right."""
        people = [
            {
                "name": run.task(f),
                "sampled": True,
                "prediction": message_to_doc(_draft(run, f)),
                "label": {"value": message_to_doc(DOG if f.wrong else CAT)},
            }
            for f in frames
        ]
        await self.scorer.count_accepted(run.project, 0, people)

    async def let_out(self, run: Run) -> list[Any]:
        """The scorer's word reaches the router, and what waits is offered to it again."""
        told = await self.told(self.scorer_store)
        handlers = router_events.HANDLERS
        for message in told:
            if type(message) in handlers:
                await handlers[type(message)](self.router, [message])
        waiting = [
            f for f in run.frames if not (run.routed[run.task(f)].sampled or f in run.failed)
        ]
        asked = [_task(run, f, drafted=True) for f in waiting]
        requested = RoutingRequested(project=run.project, tasks=asked)
        await router_events.on_requests(self.router, [requested])
        await self._route(run)
        return told

    async def gate(self, run: Run) -> dict[str, Any]:
        return await self.scorer_store.get(scorer_store.GATES, run.lot.gate) or {}


def _task(run: Run, frame: Frame, *, drafted: bool = False) -> Task:
    draft = _draft(run, frame) if drafted else None
    return Task(name=run.task(frame), version=1, group=frame.group, prediction=draft)


def _draft(run: Run, frame: Frame) -> Prediction:
    about: dict[str, Any] = {"model": "own", "model_version": "1", "lot": run.lot.number}
    return Prediction(task=run.task(frame), value=CAT, score=frame.score, **about)


@pytest.fixture
async def house(tmp_path: Path) -> Any:
    made = House(tmp_path)
    await made.open()
    yield made
    await made.close()


async def whole(house: House, name: str, frames: list[Frame], **changes: Any) -> Run:
    """A lot from its plan to what goes out."""
    run = await house.plan(f"tenants/acme/projects/{name}", frames, **changes)
    await house.join(run)
    await house.settle(run, run.drawn)
    await house.let_out(run)
    return run


def by_group(frames: Sequence[Frame]) -> dict[str, list[Frame]]:
    found = defaultdict(list)
    for frame in frames:
        found[frame.group or frame.name].append(frame)
    return found


# -- the promise --------------------------------------------------------------------------------


@pytest.mark.statistical
@pytest.mark.parametrize("bad", [9, 16])
def test_over_many_lots_the_promise_about_items_holds(bad: int) -> None:
    """As the services do it, from the router's coins on; whole scenes are wrong, the scores say
    nothing of it."""
    rng, lots, broken, passed, rate = np.random.default_rng(bad), 300, 0, 0, 0.2
    for lot in range(lots):
        frames = scenes([5] * 80, range(bad), rng)
        chance = [coins(b"secret", f.name, f"gate/{lot}", f.group) for f in frames]
        rows = [
            {**asdict(f), "tie_breaker": c.tie_breaker, "pending": False}
            for f, c in zip(frames, chance, strict=True)
            if c.lot < rate
        ]
        members = [(f.group, f.score, c.tie_breaker) for f, c in zip(frames, chance, strict=True)]
        lot_of = clusters.gather(members)
        forbidden = clusters.forbidden_within(40, [c.size for c in lot_of])
        proof = clusters.prove(clusters.drawn_of(rows), rate, forbidden, RISK)
        out = {c.name for c in lot_of if clusters.passes(c, proof)} - {r["group"] for r in rows}
        wrong = sum(f.wrong for f in frames if f.group in out)
        assert wrong % 5 == 0
        broken, passed = broken + (wrong > 40), passed + len(out)
    assert broken / lots <= RISK + 2 * math.sqrt(RISK * (1 - RISK) / lots)
    assert passed and (broken or bad > 9), "the test must be able to fail"


@pytest.mark.statistical
@pytest.mark.parametrize("bad", [0, 9])
async def test_scenes_are_drawn_whole_and_pass_whole(house: House, bad: int) -> None:
    rng, opened = np.random.default_rng(bad), 0
    for lot in range(12):
        frames = scenes([5] * 80, range(bad), rng)
        run = await whole(house, f"p{lot}", frames)
        drawn, out = by_group(run.drawn), by_group(run.passing)
        assert all(len(members) == 5 for members in (*drawn.values(), *out.values()))
        assert not drawn.keys() & out.keys()
        assert all(run.routed[run.task(f)].blind for f in run.drawn)
        doc = await house.gate(run)
        assert doc["bound_count"] <= TARGET * len(frames) and doc["cluster_count"] == 80
        # An open gate may have nothing below its threshold: the first wrong scene stands first.
        assert doc["state"] == "OPEN" or not out
        opened += bool(out)
    assert opened == 12 or bad


@pytest.mark.statistical
async def test_sizes_may_differ_and_items_without_a_scene_be_among_them(house: House) -> None:
    rng, passed = np.random.default_rng(7), 0
    for lot in range(12):
        sizes = [*rng.integers(1, 13, 40).tolist(), *[0] * 120]
        bad = rng.choice(160, 24, replace=False)
        run = await whole(house, f"p{lot}", scenes(sizes, bad.tolist(), rng))
        whole_groups = by_group(run.frames)
        for name, members in by_group([*run.drawn, *run.passing]).items():
            assert len(members) == len(whole_groups[name]), "whole or not at all"
        doc = await house.gate(run)
        ledger = await house.scorer_store.get(scorer_store.LEDGERS, run.project) or {}
        assert ledger["spent"] == doc["bound_count"] <= TARGET * len(run.frames)
        passed += len(run.passing)
    assert passed > 0


async def test_errors_granted_are_counted_in_items(house: House) -> None:
    rng = np.random.default_rng(1)
    run = await whole(house, "counted", scenes([5] * 200, [], rng))
    doc = await house.gate(run)
    assert doc["state"] == "OPEN" and len(run.passing) + len(run.drawn) == 1000
    assert doc["forbidden"] == 101 and doc["lot_size"] == 1000
    # 100 wrong items would be allowed, which 20 scenes hold; no more than these are granted.
    assert doc["bound_count"] % 5 == 0 and 0 < doc["bound_count"] <= 100
    assert "of 200 drawn" not in doc["reason"] and "200 clusters of 1000 items" in doc["reason"]
    assert doc["evidence_count"] == doc["sample_size"] == len(by_group(run.drawn))


async def test_a_scene_larger_than_what_may_be_wrong_makes_the_proof_dear(house: House) -> None:
    """That one wrong would be too many; nothing may be granted, and nearly all is drawn."""
    run = await whole(house, "huge", scenes([600, *[5] * 80], [], np.random.default_rng(2)))
    doc = await house.gate(run)
    assert doc["bound_count"] == 0 and doc["audit_rate"] > 0.8


async def test_where_coins_are_too_few_for_scenes_nothing_passes(house: House) -> None:
    """Enough for frames, too few for scenes of 40: the plan did not know of them."""
    frames = scenes([40] * 25, [], np.random.default_rng(2))
    plain = [replace(f, group="") for f in frames]
    run = await house.plan("tenants/acme/projects/p", plain)
    run.frames = frames
    await house.join(run)
    await house.settle(run, run.drawn)
    await house.let_out(run)
    assert not run.accepted and (await house.gate(run))["state"] == "CLOSED"
    assert "nothing could be proven" in (await house.gate(run))["reason"]


# -- order of events ----------------------------------------------------------------------------


async def test_a_drawn_scene_counts_once_all_of_its_frames_are_settled(house: House) -> None:
    run = await house.plan(
        "tenants/acme/projects/p", scenes([5] * 80, [], np.random.default_rng(3))
    )
    await house.join(run)
    last = {name: members[-1] for name, members in by_group(run.drawn).items()}
    await house.settle(run, [f for f in run.drawn if f not in last.values()])
    assert (await house.gate(run))["state"] == "PROVING"
    for frame in last.values():
        assert (await house.gate(run))["state"] == "PROVING"
        await house.settle(run, [frame])
    assert (await house.gate(run))["state"] == "OPEN"


async def test_one_wrong_frame_makes_its_scene_count_as_wrong(house: House) -> None:
    """And only once, however many of its frames are wrong."""
    for name, per_scene in (("one", 1), ("all", 5)):
        frames = [
            Frame(f"{s}-{i}", f"s{s}", 0.99, s < 4 and i < per_scene)
            for s in range(80)
            for i in range(5)
        ]
        run = await whole(house, name, frames)
        doc = await house.gate(run)
        wrong = {f.group for f in run.drawn if f.wrong}
        assert doc["sample_errors"] <= len(wrong) <= 4


@pytest.mark.statistical
async def test_a_verdict_is_told_before_its_gate_opens(house: House) -> None:
    frames = scenes([2] * 2600, [], np.random.default_rng(4))
    run = await house.plan("tenants/acme/projects/p", frames)
    await house.join(run)
    await house.settle(run, run.drawn)
    events = await house.scorer_store.pending_events(100)
    told = await house.let_out(run)
    parts = [m for m in told if isinstance(m, GroupsPassed)]
    assert [len(m.groups) for m in parts[:2]] == [1000, 1000] and len(parts) == 3
    assert [type(m) for m in told[-4:]] == [GroupsPassed] * 3 + [GateUpdated]
    assert len({e.key for e in events[-4:]}) == 1, "the bus keeps the order of one key"
    names = {g for m in parts for g in m.groups}
    assert names.isdisjoint(by_group(run.drawn)) and names == set(by_group(run.passing))


async def test_no_item_passes_before_its_groups_verdict_is_known(house: House) -> None:
    frames = scenes([5] * 80, [], np.random.default_rng(5))
    run = await house.plan("tenants/acme/projects/p", frames)
    await house.join(run)
    await house.settle(run, run.drawn)
    opened = [m for m in await house.told(house.scorer_store) if isinstance(m, GateUpdated)]
    await router_events.on_gates(house.router, opened)
    await house.let_out(run)
    assert not run.accepted
