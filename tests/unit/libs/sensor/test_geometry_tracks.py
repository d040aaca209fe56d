"""Tracks between their key frames, on images and in space with a sensor that moves."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sensor import boxes, poses, rotations, tracks

SEEDS = st.integers(0, 2**32 - 1)


def rect(frame: int, x: float, **rest: Any) -> dict[str, Any]:
    return {"frame": frame, "rect": {"x": x, "y": 1.0, "width": 10.0, "height": 5.0}, **rest}


def test_a_rectangle_goes_straight_and_stays_to_the_end() -> None:
    frames = [rect(0, 0.0), rect(4, 8.0)]
    found = [(n, g["rect"].get("x", 0.0)) for n, g in tracks.visible(frames, 7)]
    assert found == [(0, 0), (1, 2), (2, 4), (3, 6), (4, 8), (5, 8), (6, 8)]


def test_nothing_is_there_between_outside_and_the_next_key_frame() -> None:
    frames = [rect(0, 0.0), rect(2, 4.0, outside=True), rect(5, 1.0)]
    assert [n for n, _ in tracks.visible(frames, 6)] == [0, 1, 5]
    filled = tracks.filled(frames, 6)
    assert [(f.get("frame", 0), f.get("outside", False)) for f in filled] == [
        (0, False),
        (1, False),
        (2, True),
        (5, False),
    ]


def test_filling_a_filled_track_changes_nothing() -> None:
    frames = [rect(0, 0.0, occluded=True), rect(3, 9.0), rect(5, 1.0)]
    filled = tracks.filled(frames, 8)
    assert tracks.filled(filled, 8) == filled and len(filled) == 8
    assert filled[1]["occluded"] and "occluded" not in filled[4]


def test_an_angle_goes_the_short_way() -> None:
    turned = [{"x": 1.0, "y": 1.0, "width": 4.0, "height": 2.0, "angle": a} for a in (170, -170)]
    found = tracks.between({"rotated": turned[0]}, {"rotated": turned[1]}, 0.25)
    assert found["rotated"]["angle"] == pytest.approx(175)


def test_what_cannot_be_mixed_stands() -> None:
    mask = {"mask": {"height": 2, "width": 2, "counts": "04"}}
    assert tracks.between(mask, {"mask": {"height": 2}}, 0.5) == mask
    lines = [{"polyline": {"points": [0.0] * n}} for n in (4, 6)]
    assert tracks.between(*lines, 0.5) == lines[0]
    assert tracks.between(lines[0], mask, 0.5) == lines[0]


def test_points_that_are_not_labelled_at_both_ends_stand() -> None:
    first = {"keypoints": {"points": [{"x": 2.0, "visibility": 2}, {"visibility": 0}]}}
    second = {"keypoints": {"points": [{"x": 4.0, "visibility": 1}, {"x": 9.0, "visibility": 2}]}}
    found = tracks.between(first, second, 0.5)["keypoints"]["points"]
    assert found == [{"x": 3.0, "visibility": 2}, {"visibility": 0}]


def polygon(*points: float) -> dict[str, Any]:
    return {"polygon": {"rings": [{"points": list(points)}]}}


def test_polygons_of_equal_corners_mix() -> None:
    found = tracks.between(polygon(0, 0, 2, 0, 2, 2), polygon(2, 2, 4, 2, 4, 4), 0.5)
    assert found == polygon(1, 1, 3, 1, 3, 3)


def key(frame: int, x: float, y: float, yaw: float, **rest: Any) -> dict[str, Any]:
    row = np.array([x, y, 0.5, 4, 2, 1.5, yaw])
    return {"frame": frame, **boxes.document(row), **rest}


def test_a_cuboid_goes_straight_by_time() -> None:
    frames = [key(0, 0, 0, 0), key(2, 10, 0, math.pi / 2)]
    (half,) = tracks.cuboids(frames, [1], times=[0, 0.25, 1])
    assert half is not None
    (row,) = boxes.array([half])
    assert row[0] == pytest.approx(2.5) and row[6] == pytest.approx(math.pi / 8)
    assert tracks.cuboids([key(2, 1, 1, 0)], [0]) == [None]
    assert tracks.cuboids([key(0, 1, 1, 0, outside=True)], [3]) == [None]


@settings(max_examples=40)
@given(SEEDS)
def test_what_stands_in_the_world_stands_however_the_sensor_moves(seed: int) -> None:
    rng, count = np.random.default_rng(seed), 6
    turns = rotations.of_yaw(rng.uniform(-3, 3, count))
    to_world = poses.pose(rng.uniform(-50, 50, (count, 3)), turns)
    standing = poses.pose([5, 3, 0], rotations.of_yaw(0.7))
    seen = [poses.inverse(pose) @ standing for pose in to_world]
    ends = [
        {
            "frame": n,
            "centre": boxes.vector_doc(seen[n][:3, 3]),
            "size": {"x": 4, "y": 2, "z": 1},
            "rotation": boxes.turn_doc(rotations.quaternion(seen[n][:3, :3])),
        }
        for n in (0, 4)
    ]
    for place, found in enumerate(tracks.cuboids(ends, range(count), to_world=to_world)):
        assert found is not None
        np.testing.assert_allclose(tracks._pose_of(found), seen[place], atol=1e-9)


def test_a_filled_track_has_a_key_frame_for_every_sweep() -> None:
    filled = tracks.filled_cuboids([key(1, 0, 0, 0), key(3, 4, 0, 0)], 5, times=[0, 1, 2, 3, 4])
    assert [f["frame"] for f in filled] == [1, 2, 3, 4]
    assert filled[1]["centre"]["x"] == pytest.approx(2) and filled[1]["time"] == 2


def test_poses_between_and_outside_of_what_is_known() -> None:
    two = poses.pose([[0, 0, 0], [2, 0, 0]], rotations.of_yaw([0, 1]))
    found = poses.at(two, [0, 4], 1)
    assert found[0, 3] == pytest.approx(0.5)
    assert float(rotations.yaw(rotations.quaternion(found[:3, :3]))) == pytest.approx(0.25)
    with pytest.raises(ValueError, match="no pose around 5"):
        poses.at(two, [0, 4], 5)
    there = poses.apply(two[1], [[1, 2, 3]])
    np.testing.assert_allclose(poses.apply(poses.inverse(two[1]), there), [[1, 2, 3]])
