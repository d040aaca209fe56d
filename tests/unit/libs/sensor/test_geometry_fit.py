"""Boxes from points: made scenes with a car on a road, seen from one side as a lidar does."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sensor import box_fit, boxes, rotations


def seen(row: np.ndarray, rng: np.random.Generator, count: int = 400) -> np.ndarray:
    """Points on the two sides of a box that face the sensor at the origin."""
    corners = boxes.footprints(row[None])[0]
    distances = np.hypot(*corners.T)
    nearest = int(distances.argmin())
    out = []
    for other in ((nearest + 1) % 4, (nearest - 1) % 4):
        share = rng.uniform(0, 1, (count, 1))
        flat = corners[nearest] + share * (corners[other] - corners[nearest])
        z = rng.uniform(row[2] - row[5] / 2, row[2] + row[5] / 2, (count, 1))
        out.append(np.concatenate([flat, z], axis=1))
    return np.concatenate(out) + rng.normal(0, 0.01, (2 * count, 3))


def road(rng: np.random.Generator, slope: float = 0.02) -> np.ndarray:
    flat = rng.uniform(-40, 40, (8000, 2))
    return np.column_stack([flat, -1.7 + slope * flat[:, 0] + rng.normal(0, 0.02, len(flat))])


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(-3.1, 3.1), st.floats(-0.15, 0.15))
def test_a_rough_box_is_fitted_to_the_car(seed: int, yaw: float, turn: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = 15 * math.cos(seed), 15 * math.sin(seed)
    bottom = -1.7 + 0.02 * x
    car = np.array([x, y, bottom + 0.75, 4.4, 1.8, 1.5, yaw])
    cloud = np.concatenate([road(rng), seen(car, rng)])
    rough = car + np.array([0.3, -0.2, 0.1, 0.4, 0.3, 0.2, turn])
    found = box_fit.fit(cloud, rough)
    assert boxes.iou_3d(found[None], car[None])[0, 0] > 0.8
    assert abs(float(rotations.difference(found[6], yaw))) < math.radians(3)
    assert boxes.iou_3d(found[None], car[None]) > boxes.iou_3d(rough[None], car[None])


def test_the_ground_is_found_with_its_slope() -> None:
    rng = np.random.default_rng(1)
    plane = box_fit.ground(
        np.concatenate([road(rng, 0.05), rng.uniform((-5, -5, 1), (5, 5, 11), (500, 3))])
    )
    assert plane is not None
    assert -plane[0] / plane[2] == pytest.approx(0.05, abs=0.005)
    assert -plane[3] / plane[2] == pytest.approx(-1.7, abs=0.03)
    assert box_fit.ground(np.empty((0, 3))) is None
    assert box_fit.ground(np.ones((50, 3))) is None


def test_the_neighbour_stays_outside() -> None:
    rng = np.random.default_rng(2)
    car = np.array([12, 3, -0.95, 4.4, 1.8, 1.5, 0.0])
    wall = np.column_stack([rng.uniform(5, 20, 500), np.full(500, 4.9), rng.uniform(-1.5, 1, 500)])
    cloud = np.concatenate([road(rng, 0), seen(car, rng), wall])
    found = box_fit.fit(cloud, car + np.array([0, 0, 0, 0.2, 0.4, 0, 0.05]))
    assert boxes.iou_3d(found[None], car[None])[0, 0] > 0.8


def test_without_points_there_is_no_box() -> None:
    row = np.array([0, 0, 0, 4, 2, 1.5, 0.0])
    with pytest.raises(box_fit.Unfit, match="only 0 points"):
        box_fit.fit(np.empty((0, 3)), row)
    with pytest.raises(box_fit.Unfit, match="only 0 points"):
        box_fit.fit(np.full((50, 3), 100.0), row)


@given(st.integers(0, 2**32 - 1))
def test_a_rectangle_holds_all_of_its_points(seed: int) -> None:
    points = np.random.default_rng(seed).normal(size=(30, 2)) * [3, 1]
    x, y, length, width, yaw = box_fit.rectangle(points)
    row = np.array([[x, y, 0, length + 1e-9, width + 1e-9, 1, yaw]])
    assert boxes.inside(np.column_stack([points, np.zeros(30)]), row).all()
    assert length >= width and abs(yaw) <= np.pi / 2
