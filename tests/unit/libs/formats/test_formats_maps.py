"""Ground maps as GeoJSON: out and in, what it cannot hold, hostile files."""

from __future__ import annotations

import io
import json
import zipfile
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.formats import Doc, Fault, Problem, Sample
from libs.formats.registry import format_of
from libs.formats.source import Source, of_file
from tests.unit.libs.formats.format_fixtures import job, read, row, source_of

SCHEMA: Doc = {"shape": "map", "classes": ["divider", "crossing"], "frame": "ego"}
LINE: Doc = {
    **{"id": "l1", "class": "divider", "score": 0.5, "attributes": {"style": "dashed"}},
    "line": {"points": [0.0, 1.8, 0.25, 15.0, 1.8, 0.0]},
}
SQUARE = [0.0, 0.0, 1.0, 8.0, 0.0, 1.0, 8.0, 8.0, 1.0, 0.0, 8.0, 1.0]
HOLE = [2.0, 2.0, 1.0, 2.0, 4.0, 1.0, 4.0, 4.0, 1.0]
AREA: Doc = {"class": "crossing", "area": {"points": SQUARE, "holes": [{"points": HOLE}]}}
FRAME = {"name": "ego", "unit": "metre"}


def written(*elements: Doc) -> tuple[bytes, list[Problem]]:
    make = format_of("geojson").encoder
    assert make is not None
    encoder = make(job(SCHEMA, "cloud"))
    value = {"map": {"frame": "ego", "elements": list(elements)}}
    content = encoder.begin() + encoder.add([row(1, value, {"cloud": "blob:b/1.pcd"}, "d/1.pcd")])
    return content + b"".join(encoder.end()), encoder.problems


def collection(content: bytes) -> Any:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.namelist() == ["d/1.geojson"]
        return json.loads(archive.read("d/1.geojson"))


def found(content: bytes) -> tuple[list[Sample], list[Fault]]:
    return read("geojson", source_of("geojson", content), SCHEMA)


def feature(geometry: Any, **more: Any) -> Doc:
    return {"type": "Feature", "properties": {"class": "divider", **more}, "geometry": geometry}


def of_features(*features: Any, **more: Any) -> Source:
    doc = {"type": "FeatureCollection", "coordinate_frame": FRAME, "features": features, **more}
    return of_file("a.geojson", json.dumps(doc).encode())


def test_lines_and_areas_with_holes_come_back() -> None:
    content, problems = written(LINE, AREA)
    samples, faults = found(content)
    assert not problems and not faults
    assert samples[0].value == {"map": {"frame": "ego", "elements": [LINE, AREA]}}


def test_rings_are_closed_and_turn_as_the_rfc_has_it() -> None:
    points = [c for i in (9, 6, 3, 0) for c in SQUARE[i : i + 3]]
    content, _ = written({"class": "crossing", "area": {"points": points}})
    (ring,) = collection(content)["features"][0]["geometry"]["coordinates"]
    assert ring[0] == ring[-1] and len(ring) == 5
    assert sum(a[0] * b[1] - b[0] * a[1] for a, b in pairwise(ring)) == 128


def test_a_box_is_an_area_and_that_is_told() -> None:
    box = {"x": 5.0, "y": 1.0, "length": 4.0, "width": 2.0}
    content, problems = written({"class": "crossing", "box": box})
    (ring,) = collection(content)["features"][0]["geometry"]["coordinates"]
    assert {tuple(place[:2]) for place in ring} == {(3, 0), (7, 0), (7, 2), (3, 2)}
    assert [one.reason for one in problems] == ["a box is written as an area"]


@given(st.lists(st.floats(-1e6, 1e6), min_size=6, max_size=30).map(lambda x: x[: len(x) // 3 * 3]))
def test_any_line_comes_back(points: list[float]) -> None:
    samples, faults = found(written({"class": "divider", "line": {"points": points}})[0])
    assert not faults and samples[0].value is not None
    assert samples[0].value["map"]["elements"][0]["line"]["points"] == points


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        ({"type": "LineString", "coordinates": [[0, 0]]}, "2 places"),
        ({"type": "LineString", "coordinates": [["1,5", 0], [1, 1]]}, "decimal point"),
        ({"type": "LineString", "coordinates": [[0], [1, 1]]}, "two or three"),
        ({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}, "last is the"),
        ({"type": "Polygon", "coordinates": []}, "without a ring"),
        ({"type": "MultiPolygon", "coordinates": 3}, "another form"),
        (None, "JSON object"),
    ],
)
def test_a_broken_feature_is_a_fault_and_the_rest_goes_on(geometry: Any, reason: str) -> None:
    good = feature({"type": "LineString", "coordinates": [[0, 0], [1, 1]]})
    samples, faults = read("geojson", of_features(feature(geometry), good), SCHEMA)
    assert faults[0].where == "a.geojson feature 1" and reason in faults[0].reason
    assert samples[0].value is not None and len(samples[0].value["map"]["elements"]) == 1


def test_points_are_left_out_and_said() -> None:
    source = of_features(feature({"type": "Point", "coordinates": [0, 0]}, colour="red"))
    samples, _ = read("geojson", source, SCHEMA)
    assert set(samples[0].left_out) == {"geometry Point", "property colour"}


@pytest.mark.parametrize("content", [b"", b"{", b"[NaN]", b"\xff\xfe{}", b'{"type": "Feature"}'])
def test_what_is_no_collection_is_a_fault(content: bytes) -> None:
    samples, faults = read("geojson", of_file("a.geojson", content), SCHEMA)
    assert not samples and faults[0].where == "a.geojson"


def test_degrees_are_refused_with_what_to_do() -> None:
    _, faults = read("geojson", of_features(coordinate_frame=None), SCHEMA)
    assert "WGS84" in faults[0].reason and "coordinate_frame" in faults[0].reason
