"""Scenes, calls and documents as units: errors come together, and so must the coins."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.qc_scorer.gates import clusters, lot_proof
from services.qc_scorer.gates.clusters import Cluster
from services.qc_scorer.gates.lot_proof import Draw

ALPHA, SCENES, FRAMES = 0.05, 400, 20


def _limit(trials: int) -> float:
    return ALPHA + 2 * math.sqrt(ALPHA * (1 - ALPHA) / trials)


def _scenes(rng: np.random.Generator, bad: int) -> list[Cluster]:
    """`bad` scenes are wrong in every frame; the scores say nothing of it."""
    return [
        Cluster(str(i), FRAMES, float(rng.random()), 0.0, FRAMES if i < bad else 0)
        for i in range(SCENES)
    ]


def _left(scenes: list[Cluster], coins: np.ndarray, proof: lot_proof.Proof) -> list[Cluster]:
    return [s for s, c in zip(scenes, coins, strict=True) if not c and clusters.passes(s, proof)]


@pytest.mark.statistical
@pytest.mark.parametrize("bad", [21, 40, 200])
def test_the_promise_about_scenes_holds_when_errors_fill_whole_scenes(bad: int) -> None:
    rng, trials, broken, rate = np.random.default_rng(bad), 800, 0, 0.2
    forbidden = lot_proof.forbidden_errors(0.05, SCENES)
    for _ in range(trials):
        scenes, coins = _scenes(rng, bad), rng.random(SCENES) < rate
        drawn = [s for s, c in zip(scenes, coins, strict=True) if c]
        proof = clusters.prove(drawn, rate, forbidden, ALPHA)
        broken += sum(bool(s.wrong) for s in _left(scenes, coins, proof)) > proof.bound
    assert broken / trials <= _limit(trials)


def _item_error(rng: np.random.Generator, *, whole: bool) -> int:
    """Wrong frames that pass where frames of drawn scenes count as if each had its own coin
    (`whole`), and where each really has."""
    scenes, rate, forbidden = (
        _scenes(rng, 60),
        0.1,
        lot_proof.forbidden_errors(0.05, SCENES * FRAMES),
    )
    wrong = np.repeat([bool(s.wrong) for s in scenes], FRAMES)
    unsure = np.repeat([s.uncertainty for s in scenes], FRAMES)
    tie = rng.random(len(wrong))
    coins = rng.random(SCENES).repeat(FRAMES) < rate if whole else rng.random(len(wrong)) < rate
    draws = [Draw(unsure[i], tie[i], bool(wrong[i])) for i in np.flatnonzero(coins)]
    proof = lot_proof.prove(draws, rate, forbidden, ALPHA)
    left = (
        wrong
        & ~coins
        & (
            (unsure < proof.uncertainty)
            | ((unsure == proof.uncertainty) & (tie < proof.tie_breaker))
        )
    )
    return int(left.sum()) - (forbidden - 1)


@pytest.mark.statistical
def test_frames_of_a_drawn_scene_are_no_coins_of_their_own() -> None:
    """Counting them as such breaks the promise; coins of their own keep it, even though errors
    come by the scene."""
    rng, trials = np.random.default_rng(3), 150
    assert np.mean([_item_error(rng, whole=True) > 0 for _ in range(trials)]) > 0.2
    assert np.mean([_item_error(rng, whole=False) > 0 for _ in range(trials)]) <= _limit(trials)


def test_a_promise_about_items_says_little_about_scenes() -> None:
    """One wrong frame in each of many scenes: 1 % of the frames, 20 % of the scenes. The proof
    over items lets them pass, the proof over scenes does not."""
    rng = np.random.default_rng(4)
    scenes = [
        Cluster(str(i), FRAMES, 0.5, float(rng.random()), int(i % 5 == 0)) for i in range(SCENES)
    ]
    coins = rng.random(SCENES) < 0.3
    drawn = [s for s, c in zip(scenes, coins, strict=True) if c]
    by_scene = clusters.prove(drawn, 0.3, lot_proof.forbidden_errors(0.05, SCENES), ALPHA)
    passed = _left(scenes, coins, by_scene)
    assert sum(bool(s.wrong) for s in passed) <= 0.05 * SCENES
    items = rng.random((SCENES, FRAMES)) < 0.3
    draws = [
        Draw(0.5, float(rng.random()), bool(scenes[i].wrong and j == 0))
        for i, j in zip(*np.nonzero(items), strict=True)
    ]
    by_item = lot_proof.prove(draws, 0.3, lot_proof.forbidden_errors(0.05, SCENES * FRAMES), ALPHA)
    assert math.isinf(by_item.uncertainty) and by_item.uncertainty > 0


def test_the_promise_about_items_holds_for_clusters_of_any_size() -> None:
    rng, trials, broken, rate = np.random.default_rng(5), 500, 0, 0.3
    for _ in range(trials):
        sizes = rng.integers(1, 30, 300)
        bad = rng.random(300) < 0.15
        lot = [
            Cluster(str(i), int(n), float(rng.random()), 0.0, int(n) if b else 0)
            for i, (n, b) in enumerate(zip(sizes, bad, strict=True))
        ]
        coins = rng.random(300) < rate
        forbidden = clusters.forbidden_within(int(0.05 * sizes.sum()), sizes.tolist())
        proof = clusters.prove(
            [c for c, x in zip(lot, coins, strict=True) if x], rate, forbidden, ALPHA
        )
        broken += sum(c.wrong or 0 for c in _left(lot, coins, proof)) > 0.05 * sizes.sum()
    assert broken / trials <= _limit(trials)


def test_forbidden_clusters_are_counted_from_the_largest() -> None:
    assert clusters.forbidden_within(10, [10, 10, 10, 10, 60]) == 1
    assert clusters.forbidden_within(10, [10] * 10) == 2
    assert clusters.forbidden_within(30, [10] * 10) == 4
    assert clusters.forbidden_within(20, [10] * 10) == 3
    assert clusters.forbidden_within(7, [3, 4]) == 3
    # Where less than nothing is left to grant, no proof may be tried.
    assert clusters.forbidden_within(-1, [10] * 10) == 0


def test_most_wrong_items_of_what_passed() -> None:
    passing = [Cluster("a", 10, 0.1, 0.0), Cluster("b", 30, 0.1, 0.0), Cluster("c", 20, 0.1, 0.0)]
    assert clusters.most_wrong_items(passing, 1) == 30
    assert clusters.most_wrong_items(passing, 1, tolerated=0.1) == 30 + 2 + 1
    assert clusters.most_wrong_items(passing, 5) == 60


def test_a_scene_is_defective_beyond_what_is_tolerated() -> None:
    scene = Cluster("a", 20, 0.3, 0.5, wrong=1)
    assert clusters.draw_of(scene).wrong is True
    assert clusters.draw_of(scene, tolerated=0.05).wrong is False
    assert clusters.draw_of(replace(scene, wrong=2), tolerated=0.05).wrong is True
    assert clusters.draw_of(replace(scene, wrong=None)).wrong is None


def test_items_are_gathered_by_group_and_none_is_left_out() -> None:
    found = clusters.gather([("b", 0.5, 0.7), ("a", 0.9, 0.3), ("b", 0.5, 0.7)])
    by_name = {c.name: c for c in found}
    assert (by_name["a"].size, by_name["a"].tie_breaker) == (1, 0.3)
    assert by_name["a"].uncertainty == -0.9, "one item has the place it has without a group"
    assert (by_name["b"].size, by_name["b"].tie_breaker) == (2, 0.7)
    assert by_name["b"].uncertainty == pytest.approx(-0.25)
    with pytest.raises(ValueError, match="no group"):
        clusters.gather([("a", 0.9, 0.1), ("", 0.9, 0.2)])


@given(st.lists(st.floats(-0.5, 1.5), min_size=1, max_size=60), st.randoms())
def test_a_cluster_stands_below_each_of_its_items_in_any_order(
    scores: list[float], chance: Any
) -> None:
    """A threshold that lets the cluster pass then lets no item of it be left behind."""
    whole = clusters.whole_score(scores)
    assert 0.0 <= whole <= min(1.0, max(0.0, min(scores)))
    chance.shuffle(scores)
    assert clusters.whole_score(scores) == whole


def test_a_drawn_scene_is_settled_once_all_of_its_items_are() -> None:
    row = {"score": 0.9, "tie_breaker": 0.2, "pending": False, "wrong": False}
    rows = [
        {**row, "name": "1", "group": "a"},
        {**row, "name": "2", "group": "a", "wrong": True},
        {**row, "name": "3", "group": "b"},
        {**row, "name": "4", "group": "b", "pending": True, "wrong": True},
        {**row, "name": "5"},
    ]
    found = {c.name: (c.size, c.wrong) for c in clusters.drawn_of(rows)}
    assert found == {"a": (2, 1), "b": (2, None), "5": (1, 0)}


@pytest.mark.parametrize("size", [1, 2, 5, 20, 200, 18_000])
def test_a_plan_for_scenes_can_prove_something(size: int) -> None:
    curve = lot_proof.Curve(np.array([0, 9000, 18_000]), np.array([0.0, 5.0, 60.0]))
    sizes = [size] * (18_000 // size)
    plan = clusters.plan(curve, 400, sizes, 0.04, 0.05)
    rate = plan.rate
    forbidden = clusters.forbidden_within(400, sizes)
    assert 0.0 < rate <= 1.0
    assert lot_proof.most_detected(rate * 0.95, forbidden, 0.04) >= 0 or rate == 1.0
    if size == 1:
        assert plan == lot_proof.plan(curve, 0.02, 20_000, 0.04, miss=0.05), "as for items"
    assert plan.human == 18_000 - plan.passing + plan.audited
    assert 0 <= plan.audited <= plan.passing <= 18_000


def test_larger_scenes_are_dearer() -> None:
    curve = lot_proof.Curve(np.array([0, 9000, 18_000]), np.array([0.0, 5.0, 60.0]))
    sizes = [1, 2, 5, 20, 200]
    human = [clusters.plan(curve, 400, [n] * (18_000 // n), 0.04, 0.0).human for n in sizes]
    assert human == sorted(human) and human[-1] > 10 * human[0]


def test_no_plan_where_nothing_is_left_to_grant() -> None:
    curve = lot_proof.Curve(np.array([0, 100]), np.array([0.0, 1.0]))
    nothing = lot_proof.Plan(0.0, 0, 0, 100)
    assert clusters.plan(curve, -1, [5] * 20, 0.04, 0.0) == nothing
    assert clusters.plan(curve, 10, [5] * 20, 0.0, 0.0) == nothing
