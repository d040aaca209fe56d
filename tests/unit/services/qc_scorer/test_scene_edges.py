"""What is no part of a scene, and projects without any."""

from __future__ import annotations

from typing import Any

import numpy as np
from labelmill.intake.v1.events_pb2 import ItemsAdmitted
from labelmill.intake.v1.intake_pb2 import Item

from services.qc_scorer import events as scorer_events
from services.qc_scorer import store as scorer_store
from services.qc_scorer.gates import clusters, lot_proof
from services.review_router import store as router_store
from tests.unit.services.qc_scorer.test_scenes import (
    CONFIDENCE,
    TARGET,
    House,
    house,
    scenes,
    whole,
)

__all__ = ["house"]


async def test_a_frame_without_a_draft_is_peoples_and_its_scene_may_pass(house: House) -> None:
    frames = scenes([5] * 80, [], np.random.default_rng(6))
    run = await house.plan("tenants/acme/projects/p", frames)
    failed = [f for f in frames if f.name.endswith("-2")]
    await house.join(run, failed)
    assert not any(run.routed[run.task(f)].sampled for f in failed)
    await house.settle(run, run.drawn)
    assert (await house.gate(run))["state"] == "OPEN"
    await house.let_out(run)
    assert len(run.passing) + len(run.drawn) + len(failed) == len(frames)
    assert len(run.accepted) > 0
    assert not set(run.accepted) & set(failed)


async def test_draws_that_come_with_the_end_of_a_lot_are_not_overlooked(house: House) -> None:
    """A unit's own writes are not found by a search yet: scenes that were only staged count."""
    frames = scenes([5] * 80, [], np.random.default_rng(10))
    run = await house.plan("tenants/acme/projects/p", frames)

    async def work(_: Any) -> None:
        await house.join(run)

    await house.scorer_store.transact(work)
    assert (await house.gate(run))["state"] == "PROVING"
    joined = await house.scorer_store.get(scorer_store.JOINED, run.lot.gate) or {}
    assert (joined["count"], joined["grouped"]) == (400, 400)
    assert joined["units"] == [80, clusters.forbidden_within(40, [5] * 80)]


async def test_a_floor_of_a_class_is_not_proven_by_scenes(house: House) -> None:
    frames = scenes([5] * 80, [], np.random.default_rng(8))
    run = await whole(
        house, "floors", frames, classes=("cat", "dog"), class_error_limits={"cat": 0.05}
    )
    doc = await house.gate(run)
    assert doc["state"] == "OPEN" and doc["class_thresholds"]["cat"] > 1
    assert not run.accepted, "every draft is of that class"


async def test_a_project_without_groups_runs_as_ever(house: House) -> None:
    frames = scenes([0] * 900, [1, 2], np.random.default_rng(9))
    run = await whole(house, "plain", frames)
    doc = await house.gate(run)
    assert "cluster_count" not in doc
    assert not await house.scorer_store.find(scorer_store.GROUPS, {}, limit=5)
    assert not await house.scorer_store.find(scorer_store.MEMBERS, {"gate": doc["name"]}, limit=5)
    assert not await house.router_store.find(router_store.PASSING, {}, limit=5)
    curve = lot_proof.Curve(np.array([0, 900]), np.array([0.0, 0.0]))
    planned = lot_proof.plan(curve, TARGET, 900, lot_proof.lot_alpha(1 - CONFIDENCE, 1))
    assert doc["audit_rate"] == planned.rate
    assert doc["state"] == "OPEN" and run.accepted


async def test_plans_know_how_large_scenes_are(house: House) -> None:
    name = "tenants/acme/projects/p"
    for groups in (["a"] * 3 + ["b"], ["a"] * 2 + [""]):
        items = [Item(name=f"{name}/items/{i}", group=g) for i, g in enumerate(groups)]
        await scorer_events.on_items(house.scorer, [ItemsAdmitted(project=name, items=items)])
    doc = await house.scorer_store.get(scorer_store.GROUPS, name) or {}
    assert doc["sizes"] == {"5": 1, "1": 1}, "five frames in scene a, one in b"
    run = await house.plan(f"{name}2", scenes([20] * 100, [], np.random.default_rng(0)))
    forbidden = clusters.forbidden_within(200, [20] * 100)
    alpha = lot_proof.lot_alpha(1 - CONFIDENCE, 1)
    assert lot_proof.most_detected(run.lot.audit_rate, forbidden, alpha) >= 0
    # Prices reckon with scenes, too: the same items without them would be cheaper.
    told = await house.scorer.forecast(run.project)
    alone = await house.plan(f"{name}3", scenes([0] * 2000, [], np.random.default_rng(0)))
    cheap = await house.scorer.forecast(alone.project)
    for dear, free in zip(told["prices"], cheap["prices"], strict=True):
        assert dear["max_error_rate"] == free["max_error_rate"]
        assert dear["human_count"] >= free["human_count"]
    assert told["prices"][-1]["human_count"] > 2 * cheap["prices"][-1]["human_count"] > 0
