"""Rotations and upright boxes, beside scipy and shapely."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation, Slerp
from shapely.geometry import Polygon

from libs.sensor import boxes, rotations

SEEDS = st.integers(0, 2**32 - 1)


def turns(seed: int, count: int = 20) -> np.ndarray:
    return rotations.unit(np.random.default_rng(seed).normal(size=(count, 4)))


def drawn(seed: int, count: int = 12) -> np.ndarray:
    rng = np.random.default_rng(seed)
    places, sizes = rng.uniform(-4, 4, (count, 3)), rng.uniform(0.2, 6, (count, 3))
    return np.concatenate([places, sizes, rng.uniform(-7, 7, (count, 1))], axis=1)


def scipys(quaternions: np.ndarray) -> Rotation:
    return Rotation.from_quat(quaternions, scalar_first=True)


@settings(max_examples=50)
@given(SEEDS)
def test_rotations_are_scipys(seed: int) -> None:
    q, r = turns(seed), turns(seed + 1)
    np.testing.assert_allclose(rotations.matrix(q), scipys(q).as_matrix(), atol=1e-12)
    back = rotations.quaternion(rotations.matrix(q))
    np.testing.assert_allclose(np.abs((back * q).sum(axis=1)), 1, atol=1e-12)
    assert (back[:, 0] >= 0).all()
    np.testing.assert_allclose(
        rotations.matrix(rotations.multiply(q, r)), (scipys(q) * scipys(r)).as_matrix(), atol=1e-12
    )
    whole = rotations.multiply(q, rotations.inverse(q))
    np.testing.assert_allclose(np.abs(whole[:, 0]), 1, atol=1e-12)


@settings(max_examples=50)
@given(SEEDS, st.floats(0, 1))
def test_slerp_is_scipys(seed: int, part: float) -> None:
    q = turns(seed, 8)
    for a, b in pairwise(q):
        wanted = Slerp([0, 1], scipys(np.stack([a, b])))(part)
        found = rotations.slerp(a, b, part)
        assert (scipys(found).inv() * wanted).magnitude() < 1e-6


@pytest.mark.parametrize("turn", [(0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (1, 0, 0, 0)])
def test_half_turns_come_back(turn: tuple[float, ...]) -> None:
    back = rotations.quaternion(rotations.matrix(turn))
    assert abs(float(back @ np.array(turn))) == pytest.approx(1)


@given(st.floats(-20, 20))
def test_yaw_comes_back(angle: float) -> None:
    found = float(rotations.yaw(rotations.of_yaw(angle)))
    assert abs(float(rotations.difference(found, angle))) < 1e-9


def test_differences_go_the_short_way() -> None:
    assert float(rotations.difference(3.1, -3.1)) == pytest.approx(6.2 - 2 * math.pi)
    assert float(rotations.difference(3.1, 0, np.pi)) == pytest.approx(3.1 - math.pi)


def test_the_mean_of_a_turn_and_its_opposite_sign_is_the_turn() -> None:
    q = turns(1, 1)[0]
    found = rotations.mean(np.stack([q, -q]), [1, 3])
    assert abs(float(found @ q)) == pytest.approx(1)


def test_no_length_is_no_rotation() -> None:
    with pytest.raises(ValueError, match="no length"):
        rotations.matrix([0, 0, 0, 0])


@settings(max_examples=50)
@given(SEEDS)
def test_overlaps_are_shapelys(seed: int) -> None:
    a, b = drawn(seed), drawn(seed + 1)
    flat_a, flat_b = ([Polygon(c) for c in boxes.footprints(x)] for x in (a, b))
    shared = np.array([[p.intersection(q).area for q in flat_b] for p in flat_a])
    areas = np.array([p.area for p in flat_a])[:, None] + np.array([q.area for q in flat_b])
    np.testing.assert_allclose(boxes.bev_iou(a, b), shared / (areas - shared), atol=1e-9)
    tops = np.minimum((a[:, 2] + a[:, 5] / 2)[:, None], b[:, 2] + b[:, 5] / 2)
    bottoms = np.maximum((a[:, 2] - a[:, 5] / 2)[:, None], b[:, 2] - b[:, 5] / 2)
    common = shared * np.maximum(tops - bottoms, 0)
    volumes = a[:, 3:6].prod(axis=1)[:, None] + b[:, 3:6].prod(axis=1)
    np.testing.assert_allclose(boxes.iou_3d(a, b), common / (volumes - common), atol=1e-9)


@settings(max_examples=50)
@given(SEEDS, st.floats(-4, 4))
def test_overlaps_do_not_change_when_the_world_turns(seed: int, angle: float) -> None:
    a, b = drawn(seed), drawn(seed + 1)
    turned = []
    for some in (a, b):
        copy = some.copy()
        x, y = some[:, 0], some[:, 1]
        copy[:, 0] = math.cos(angle) * x - math.sin(angle) * y + 100
        copy[:, 1] = math.sin(angle) * x + math.cos(angle) * y - 50
        copy[:, 6] += angle
        turned.append(copy)
    np.testing.assert_allclose(boxes.iou_3d(*turned), boxes.iou_3d(a, b), atol=1e-9)
    np.testing.assert_allclose(boxes.iou_3d(b, a).T, boxes.iou_3d(a, b), atol=1e-12)


def test_a_box_is_all_of_itself_and_nothing_of_its_neighbour() -> None:
    some = drawn(3)
    np.testing.assert_allclose(np.diag(boxes.iou_3d(some, some)), 1)
    row = np.array([[0, 0, 0, 4.0, 2, 1.5, 0.3]])
    assert boxes.iou_3d(row, row + np.array([0, 0, 1.6, 0, 0, 0, 0]))[0, 0] == 0
    assert boxes.bev_iou(row, row + np.array([0, 0, 9, 0, 0, 0, np.pi]))[0, 0] == pytest.approx(1)
    assert boxes.iou_3d(np.empty((0, 7)), row).shape == (0, 1)


@settings(max_examples=30)
@given(SEEDS)
def test_points_inside_are_those_within_the_sizes(seed: int) -> None:
    some = drawn(seed, 5)
    points = np.random.default_rng(seed).uniform(-6, 6, (300, 3))
    found = boxes.inside(points, some)
    for row, mine in zip(some, found, strict=True):
        local = (points - row[:3]) @ rotations.matrix(rotations.of_yaw(row[6]))
        assert (mine == (np.abs(local) <= row[3:6] / 2).all(axis=1)).all()


def test_documents_come_back() -> None:
    some = drawn(5)
    some[:, 6] = rotations.wrap(some[:, 6])
    docs = [boxes.document(row, **{"class": "car"}) for row in some]
    assert docs[0]["class"] == "car"
    np.testing.assert_allclose(boxes.array(docs), some, atol=1e-12)
    assert boxes.array([]).shape == (0, 7)
    flat = {"centre": {}, "size": {"x": 1, "y": 1, "z": 1}}
    assert boxes.array([flat]).tolist() == [[0, 0, 0, 1, 1, 1, 0]]


def test_corners_stand_on_the_footprint() -> None:
    (found,) = boxes.corners(np.array([[1, 2, 3, 4, 2, 1, 0.0]]))
    assert found[:4].tolist() == [[3, 3, 2.5], [-1, 3, 2.5], [-1, 1, 2.5], [3, 1, 2.5]]
    assert (found[4:, 2] == 3.5).all()


def test_sides_that_lie_on_one_another_but_for_rounding_add_no_corner() -> None:
    """Two pairs of corners fell on both sides of a side in turn: nine corners, and an error."""
    row = [8.7, -36.23, 42.6, 69.36, 48.49, 46.8, -0.49963680225109464]
    rng = np.random.default_rng(1)
    first = np.tile(row, (20_000, 1))
    first[:, :2] += rng.uniform(-60, 60, (len(first), 2))
    first[:, 6] += rng.uniform(-3, 3, len(first))
    second = first.copy()
    second[:, 6] += rng.choice([0, 1e-16, 2e-16, -1e-15], len(first))
    assert boxes.paired_bev_iou(first, second) == pytest.approx(1, abs=1e-9)
    exact = [8.699737304648593, -36.23098816832572, 0, 69.35859264149198, 48.48885842496842, 1]
    pair = np.array([[*exact, -0.49963680225109464], [*exact, -0.4996368022510945]])
    assert boxes.paired_bev_iou(pair[:1], pair[1:]) == pytest.approx(1, abs=1e-9)
