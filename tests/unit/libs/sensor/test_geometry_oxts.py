"""The way of a KITTI drive: places, turns and times, and what is told of broken packets."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.sensor import oxts, poses
from libs.sensor.calibration import Miscalibrated

STAMP = "2011-09-26 13:02:{:012.9f}"
Packet = tuple[float, float, float, float, float, float]


def packet(*numbers: float) -> str:
    return " ".join(f"{v:.12f}" for v in [*numbers, *[0.0] * (30 - len(numbers))])


def drive(*rows: Packet) -> tuple[str, list[tuple[str, str]]]:
    """`timestamps.txt` and packets, ten a second."""
    stamps = "\n".join(STAMP.format(25.5 + i / 10) for i in range(len(rows)))
    return stamps, [(f"{i:010}.txt", packet(*row)) for i, row in enumerate(rows)]


START = (49.0, 8.4, 110.0, 0.0, 0.0, 0.0)


def test_places_are_metres_east_north_and_up_from_the_first() -> None:
    # A minute of arc is a nautical mile, along the meridian and, at 60 degrees, half along it.
    rows = [(60.0, 8.0, 5.0), (60.0, 8.0 + 0.01 / 60, 7.0), (60.0 + 0.01 / 60, 8.0, 5.0)]
    ego, times = oxts.way(*drive(*((*row, 0.0, 0.0, 0.0) for row in rows)))
    places = ego[:, :3, 3]
    assert np.allclose(places[0], 0)
    mile = 2 * math.pi * 6378137.0 / 360 / 60
    assert np.allclose(places[1], [mile / 200, 0, 2], rtol=1e-6)
    assert np.allclose(places[2], [0, mile / 100, 0], rtol=1e-5, atol=1e-9)
    assert np.allclose(np.diff(times), 0.1, atol=1e-6)
    assert times[0] == pytest.approx(1317042145.5)


def test_it_looks_where_it_drives() -> None:
    north = math.pi / 2
    ego, _ = oxts.way(*drive((*START[:3], 0.1, 0.0, north), (*START[:3], 0.0, 0.2, 0.0)))
    ahead, left = poses.apply(ego[0], [[1, 0, 0], [0, 1, 0]])
    assert np.allclose(ahead, [0, 1, 0]), "x is forward, north is y"
    assert left[0] < -0.99 and left[2] == pytest.approx(math.sin(0.1)), "rolled to the right"
    nose = poses.apply(ego[1], [[1, 0, 0]])[0]
    assert nose[2] == pytest.approx(-math.sin(0.2)), "pitched down"


@given(
    st.lists(
        st.tuples(
            st.floats(-84, 84),
            st.floats(-180, 180),
            st.floats(-100, 5000),
            *(st.floats(-3, 3) for _ in range(3)),
        ),
        min_size=1,
        max_size=5,
    )
)
@settings(max_examples=50)
def test_turns_are_the_three_turns_one_after_the_other(rows: list[Packet]) -> None:
    ego, _ = oxts.way(*drive(*rows))
    for pose, (*_, roll, pitch, yaw) in zip(ego, rows, strict=True):
        made = _turn(2, yaw) @ _turn(1, pitch) @ _turn(0, roll)
        assert np.allclose(pose[:3, :3], made, atol=1e-9)


def _turn(axis: int, angle: float) -> np.ndarray:
    a, b = [i for i in range(3) if i != axis]
    made = np.eye(3)
    made[a, a] = made[b, b] = math.cos(angle)
    sign = -1 if axis == 1 else 1
    made[b, a], made[a, b] = sign * math.sin(angle), -sign * math.sin(angle)
    return made


@pytest.mark.parametrize(
    ("stamps", "texts", "words"),
    [
        ("", [], "1 to 100000 times"),
        (STAMP.format(1), [], "1 times for 0 packets"),
        ("yesterday", [packet(*START)], "timestamps.txt:1: 'yesterday' is no time"),
        ("2011-13-26 13:02:25", [packet(*START)], "is no time"),
        (f"{STAMP.format(2)}\n{STAMP.format(2)}", [packet(*START)] * 2, "txt:2: must be after"),
        (STAMP.format(1), ["1 2 3"], "0.txt: a packet has 30 numbers, not 3"),
        (STAMP.format(1), [packet(*START).replace("49", "4,9")], "must be numbers"),
        (STAMP.format(1), [packet(math.nan)], "finite"),
        (STAMP.format(1), [packet(90.0)], "no place to drive"),
        (STAMP.format(1), [packet(0.0, 181.0)], "no place to drive"),
    ],
)
def test_what_is_broken_is_told_with_its_file(stamps: str, texts: list[str], words: str) -> None:
    with pytest.raises(Miscalibrated, match=words):
        oxts.way(stamps, [(f"{i}.txt", text) for i, text in enumerate(texts)])
