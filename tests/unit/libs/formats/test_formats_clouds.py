"""Labels of points in PCD and LAS: out and in, files of others, hostile bytes."""

from __future__ import annotations

import base64
import io
import zipfile
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Doc, Fault, Job, Sample
from libs.formats.registry import format_of
from libs.formats.source import Source, of_file, of_zip
from libs.formats.spatial.point_labels import NAMES, pcd
from libs.sensor import point_clouds as clouds

CLASSES = ("ground", "vehicle", "pole")
SCHEMA = {"shape": "points", "classes": list(CLASSES)}


def cloud(count: int, seed: int = 0, **more: np.ndarray) -> bytes:
    points = np.random.default_rng(seed).uniform(-50, 50, (count, 3)).astype(np.float32)
    return pcd({axis: points[:, i] for i, axis in enumerate("xyz")} | more)


def row(value: Doc, content: bytes) -> Doc:
    uri = "data:application/x-pcd;base64," + base64.b64encode(content).decode()
    return {
        "name": "tenants/t/projects/p/tasks/a",
        "item": "tenants/t/projects/p/items/a",
        "project": "tenants/t/projects/p",
        "source_key": "scans/a.pcd",
        "data": '{"cloud": "' + uri + '"}',
        "value": {"points": value},
    }


def written(format_: str, *rows: Doc) -> tuple[Source, list[Any]]:
    job = Job("n", "t", SCHEMA, ({"name": "cloud", "type": "cloud"},), lambda _: io.BytesIO())
    make = format_of(format_).encoder
    assert make is not None
    encoder = make(job)
    content = encoder.begin() + encoder.add(list(rows)) + b"".join(encoder.end())
    return of_zip(io.BytesIO(content)), encoder.problems


def read(format_: str, source: Source) -> list[Sample | Fault]:
    decode = format_of(format_).decode
    assert decode is not None
    return list(decode(source, SCHEMA))


@settings(max_examples=40)
@given(
    st.sampled_from(["pcd", "las"]),
    st.lists(st.tuples(st.integers(0, 3), st.integers(1, 9)), min_size=1, max_size=12),
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 9)), max_size=12),
)
def test_what_goes_out_comes_back(
    format_: str, classes: list[tuple[int, int]], objects: list[tuple[int, int]]
) -> None:
    count = sum(length for _, length in classes)
    value: Doc = {
        "count": count,
        "classes": list(CLASSES),
        "class_runs": [number for run in classes for number in run],
    }
    if objects and sum(length for _, length in objects) == count:
        value["object_runs"] = [number for run in objects for number in run]
    source, problems = written(format_, row(value, cloud(count)))
    assert not problems
    (found,) = read(format_, source)
    assert isinstance(found, Sample) and found.value is not None
    got = found.value["points"]
    assert got["count"] == count
    assert spread(got) == spread(value)
    assert _numbers(got.get("object_runs", [])) == _numbers(value.get("object_runs", []))


def spread(value: Doc) -> list[str]:
    names = ["", *value.get("classes", [])]
    return [names[n] for n in _numbers(value["class_runs"])]


def _numbers(runs: list[int]) -> list[int]:
    numbers = [n for n, k in zip(runs[::2], runs[1::2], strict=True) for _ in range(k)]
    return numbers if any(numbers) else []


@pytest.mark.parametrize("format_", ["pcd", "las"])
def test_points_stay_where_they_are(format_: str) -> None:
    content = cloud(50, 3, intensity=np.linspace(0, 1, 50, dtype=np.float32))
    value = {"count": 50, "classes": ["pole"], "class_runs": [1, 50], "object_runs": [7, 50]}
    source, problems = written(format_, row(value, content))
    (name,) = source.ending(f".{format_}")
    assert name == f"scans/a.{format_}"
    out, was = clouds.read(source.read(name), name), clouds.read(content)
    np.testing.assert_allclose(out.points, was.points, atol=0.00051)
    if format_ == "pcd":
        np.testing.assert_array_equal(out.points, was.points)
        np.testing.assert_array_equal(out.fields["intensity"], was.fields["intensity"])
    else:
        assert [p.reason for p in problems] == ["further fields of the cloud stay with the cloud"]
        assert set(out.fields["classification"]) == {65}
    assert b"vehicle" in source.read(NAMES)


def test_standard_codes_of_las_are_used_and_read() -> None:
    value = {"count": 4, "classes": ["ground", "pole"], "class_runs": [1, 2, 2, 1, 0, 1]}
    source, _ = written("las", row(value, cloud(4)))
    codes = clouds.read(source.read("scans/a.las")).fields["classification"]
    assert codes.tolist() == [2, 2, 65, 1]
    alone = of_file("a.las", source.read("scans/a.las"))
    (fault,) = read("las", alone)
    assert isinstance(fault, Fault) and "nothing says which classes 65 are" in fault.reason
    ground = {"count": 4, "classes": ["ground"], "class_runs": [1, 4]}
    source, _ = written("las", row(ground, cloud(4)))
    (found,) = read("las", of_file("a.las", source.read("scans/a.las")))
    assert isinstance(found, Sample) and found.value == {"points": ground}


@pytest.mark.parametrize(
    ("value", "content", "words"),
    [
        ({"count": 3, "class_runs": [0, 3]}, cloud(4), "the label has 3 points, and the cloud 4"),
        ({"count": 3, "class_runs": [0, 3]}, b"# .PCD v0.7\nnothing", "the cloud cannot be read"),
    ],
)
def test_what_cannot_be_written_is_told(value: Doc, content: bytes, words: str) -> None:
    good = {"count": 2, "classes": ["pole"], "class_runs": [1, 2]}
    source, problems = written("pcd", row(value, content), row(good, cloud(2)))
    assert problems[0].whole and words in problems[0].reason
    assert len(read("pcd", source)) == 1, "the other label went out"


def test_las_refuses_places_that_it_cannot_hold() -> None:
    points = np.array([[0, 0, 0], [np.nan, 0, 0]], dtype=np.float32)
    content = pcd({axis: points[:, i] for i, axis in enumerate("xyz")})
    value = {"count": 2, "class_runs": [0, 2]}
    _, problems = written("las", row(value, content))
    assert "points without a place" in problems[0].reason


def hostile(label: np.ndarray) -> bytes:
    return cloud(len(label), label=label)


@pytest.mark.parametrize(
    ("content", "names", "words"),
    [
        (cloud(3), "", "no field label"),
        (hostile(np.array([1, 2, 9], np.uint32)), "", "which classes 9 are"),
        (hostile(np.array([1, 2, 9], np.uint32)), "1 a\nnine b\n", "line 2: must be a number"),
        (hostile(np.array([0.5, 1, 2], np.float32)), "", "whole numbers from 0"),
        (hostile(np.array([np.nan, 1, 2], np.float32)), "", "whole numbers from 0"),
        (hostile(np.array([-1, 1, 2], np.int32)), "", "whole numbers from 0"),
        (cloud(3)[:-5], "", "cut off"),
        (cloud(3).replace(b"POINTS 3", b"POINTS 3000000000"), "", "a.pcd"),
        (cloud(3).replace(b"SIZE 4", b"SIZE 4,5"), "", "a.pcd"),
        (b"\xff" * 300, "", "does not begin as such a file does"),
    ],
)
def test_hostile_files_are_faults_and_the_rest_goes_on(
    content: bytes, names: str, words: str
) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as out:
        out.writestr("bad/a.pcd", content)
        out.writestr("good/b.pcd", hostile(np.array([1, 1, 2], np.uint32)))
        if names:
            out.writestr(f"bad/{NAMES}", names)
    bad, good = read("pcd", of_zip(file))
    assert isinstance(bad, Fault) and words in f"{bad.where} {bad.reason}"
    assert isinstance(good, Sample) and good.value is not None
    assert good.value["points"]["classes"] == ["ground", "vehicle"]
