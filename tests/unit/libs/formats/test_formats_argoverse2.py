"""Argoverse 2's tables: a log of its own for each label, and times that nanoseconds can hold."""

from __future__ import annotations

import math
from typing import Any

import pytest

from libs.formats import Doc, Job
from libs.formats.registry import format_of
from tests.unit.libs.formats.format_fixtures import PROJECT, open_png, read, row, source_of
from tests.unit.libs.formats.test_formats_space import CLASSES, FIELDS, back, put, schema

KNOWN: Doc = {"class": "car", "id": "t"}
BOX: Doc = {"rotation": {"w": 1.0}, "size": {"x": 4.0, "y": 2.0, "z": 1.5}}


def single(place: float) -> Doc:
    return {"cuboids": {"frame": "ego", "cuboids": [{**KNOWN, **BOX, "centre": {"x": place}}]}}


def moving() -> Doc:
    """A track through two sweeps."""
    frames = [{**BOX, "frame": n, "centre": {"x": 1.0 + n}} for n in (0, 1)]
    return {"cuboid_tracks": {"frame": "ego", "tracks": [{**KNOWN, "frames": frames}]}}


def at(*times: float) -> Doc:
    return {"sweeps": [{"cloud": "blob:blobs/t/1.pcd", "time": one} for one in times]}


def test_labels_of_one_name_are_logs_of_their_own() -> None:
    fields = tuple({"name": one, "type": one} for one in FIELDS)
    encoder_of = format_of("argoverse2").encoder
    assert encoder_of is not None
    encoder = encoder_of(Job(PROJECT, "t", {"classes": CLASSES}, fields, open_png))
    keys = ("d/1.pcd", "d/1.bin", "d/1.pcd", "d/1.5")
    data = {"cloud": "blob:blobs/t/1.pcd"}
    rows = [row(n, single(float(n)), data, key) for n, key in enumerate(keys, 1)]
    source = source_of("argoverse2", encoder.add(rows) + b"".join(encoder.end()))
    samples, faults = read("argoverse2", source, schema("cuboids", "ego"))
    assert not faults
    assert len({one.key for one in samples}) == len(keys)
    found: list[Any] = [(one.value or {})["cuboids"]["cuboids"][0]["centre"] for one in samples]
    assert sorted(one["x"] for one in found) == [1, 2, 3, 4]


@pytest.mark.parametrize("first", [-0.5, -0.1, 0.0, 5.25, 1532402927.5])
def test_times_may_begin_anywhere(first: float) -> None:
    found = back("argoverse2", moving(), schema("cuboid_tracks", "ego"), at(first, first + 0.5))
    (track,) = (found.value or {})["cuboid_tracks"]["tracks"]
    assert [one.get("time", 0.0) for one in track["frames"]] == pytest.approx([0, 0.5])


@pytest.mark.parametrize(
    ("times", "reason"),
    [
        ((0.0, 1e10), "a sweep at 1e+10 s"),
        ((-math.pi * 1e300, 0.0), "s; 9.22337e+09 at most"),
        ((0.0, 1e-10), "less than a nanosecond apart"),
    ],
)
def test_times_that_nanoseconds_cannot_hold_are_told(times: Any, reason: str) -> None:
    _, problems = put("argoverse2", moving(), at(*times), schema("cuboid_tracks", "ego"))
    (problem,) = [one for one in problems if one.whole]
    assert reason in problem.reason
