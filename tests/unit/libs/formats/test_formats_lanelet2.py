"""Lanelet2 maps out and in: metres and degrees, areas of several ways, hostile files."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Doc, Fault, Job, Sample
from libs.formats.registry import format_of
from libs.formats.source import Source, of_file, of_zip

PLACES = st.floats(-1e4, 1e4, allow_nan=False).map(lambda v: round(v, 3))


def row(elements: list[Doc], frame: str = "ego") -> Doc:
    return {
        "name": "tenants/t/projects/p/tasks/a",
        "item": "tenants/t/projects/p/items/a",
        "project": "tenants/t/projects/p",
        "source_key": "tile.pcd",
        "data": "{}",
        "value": {"map": {"frame": frame, "elements": elements}},
    }


def written(*rows: Doc) -> tuple[Source, list[Any]]:
    make = format_of("lanelet2").encoder
    assert make is not None
    encoder = make(Job("n", "t", {"shape": "map"}, (), lambda _: io.BytesIO()))
    content = encoder.begin() + encoder.add(list(rows)) + b"".join(encoder.end())
    return of_zip(io.BytesIO(content)), encoder.problems


def read(source: Source) -> list[Sample | Fault]:
    decode = format_of("lanelet2").decode
    assert decode is not None
    return list(decode(source, {}))


def line(*points: float, **more: Any) -> Doc:
    return {"class": "lane divider", **more, "line": {"points": list(points)}}


@settings(max_examples=50)
@given(
    st.lists(
        st.tuples(st.lists(PLACES, min_size=6, max_size=6), st.text('ab<&" é', max_size=5)),
        max_size=4,
    )
)
def test_lines_come_back(drawn: list[tuple[list[float], str]]) -> None:
    elements = [
        line(*points, id=f"l{i}", attributes={"note": note} if note else {})
        for i, (points, note) in enumerate(drawn)
    ]
    elements = [{k: v for k, v in one.items() if v} for one in elements]
    source, problems = written(row(elements))
    assert not problems
    (found,) = read(source)
    assert isinstance(found, Sample) and found.value is not None
    assert found.value["map"].get("elements", []) == elements
    assert found.value["map"]["frame"] == "ego"


def test_areas_with_holes_and_boxes_come_back_as_areas() -> None:
    square = [0.0, 0, 0, 10, 0, 0, 10, 10, 0, 0, 10, 0]
    hole = [2.0, 2, 0, 2, 4, 0, 4, 4, 0]
    area = {
        "class": "crossing",
        "score": 0.5,
        "area": {"points": square, "holes": [{"points": hole}]},
    }
    box = {"class": "island", "box": {"x": 50.0, "length": 4.0, "width": 2.0}}
    source, problems = written(row([area, box]))
    assert [p.reason for p in problems] == ["a box is written as an area"]
    (found,) = read(source)
    assert isinstance(found, Sample) and found.value is not None
    first, second = found.value["map"]["elements"]
    assert first == area
    assert sorted(second["area"]["points"][::3]) == [48, 48, 52, 52] and second["class"] == "island"
    assert b'v="crosswalk"' in source.read("tile.osm")


OSM = """<?xml version='1.0'?><osm version='0.6'>
<node id='1' lat='49.0' lon='8.4'/><node id='2' lat='49.0' lon='8.401'/>
<node id='3' lat='49.001' lon='8.401'/>
<way id='10'><nd ref='1'/><nd ref='2'/><tag k='type' v='line_thin'/>
<tag k='subtype' v='dashed'/></way>
<way id='11'><nd ref='2'/><nd ref='3'/></way>
<way id='12'><nd ref='3'/><nd ref='1'/></way>
<relation id='20'>
<member type='way' ref='11' role='outer'/><member type='way' ref='10' role='outer'/>
<member type='way' ref='12' role='outer'/>
<tag k='type' v='multipolygon'/><tag k='subtype' v='parking'/>
</relation>
<relation id='21'><member type='way' ref='10' role='left'/><tag k='type' v='lanelet'/></relation>
</osm>"""


def test_degrees_become_metres_on_the_ellipsoid() -> None:
    (found,) = read(of_file("a.osm", OSM.encode()))
    assert isinstance(found, Sample) and found.value is not None
    (area,) = found.value["map"]["elements"]
    assert area["class"] == "parking"
    x, y = area["area"]["points"][0::3], area["area"]["points"][1::3]
    # Lengths of a thousandth of a degree at 49 degrees north, by the usual formulae.
    assert max(x) == pytest.approx(73.17, abs=0.02) and max(y) == pytest.approx(111.21, abs=0.02)
    assert found.metadata == {"latitude": "49.0", "longitude": "8.4"}
    assert found.left_out == ("relations of type lanelet: 1",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("<nd ref='3'/><nd ref='1'/>", "<nd ref='3'/><nd ref='99'/>", "node 99 is not in the file"),
        ("ref='12' role", "ref='98' role", "way 98 is not in the file"),
        ("lat='49.001'", "lat='49,001'", "lat: '49,001' is no number; write decimals"),
        ("lat='49.001'", "lat='nan'", "lat"),
        ("<member type='way' ref='12' role='outer'/>", "<member type='way' ref='12'/>", ""),
        (
            "ref='11' role='outer'/><member type='way' ref='10'",
            "ref='10'",
            "outer ways do not meet",
        ),
    ],
)
def test_what_does_not_fit_is_told_and_the_rest_goes_on(old: str, new: str, words: str) -> None:
    assert old in OSM
    other = "<way id='30'><nd ref='1'/><nd ref='2'/><tag k='type' v='wall'/></way></osm>"
    content = OSM.replace(old, new).replace("</osm>", other).encode()
    found = read(of_file("a.osm", content))
    faults = [f"{one.where}: {one.reason}" for one in found if isinstance(one, Fault)]
    assert not words or any(words in fault for fault in faults), found
    (sample,) = [one for one in found if isinstance(one, Sample)]
    assert sample.value is not None
    assert "wall" in [one["class"] for one in sample.value["map"]["elements"]]


BOMB = (
    "<?xml version='1.0'?><!DOCTYPE o [<!ENTITY a 'x'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'>]>"
    "<osm><node id='1' lat='&b;' lon='0'/></osm>"
)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (BOMB.encode(), "not readable XML"),
        (b"<osm><way>", "not readable XML"),
        (b"<gpx></gpx>", "begins with <gpx>"),
        (b"\xff\xfe\x00", "not readable XML"),
        (b"<osm>" + b"<a>" * 100_000, "not readable XML"),
    ],
)
def test_hostile_files_are_faults(content: bytes, words: str) -> None:
    (fault,) = read(of_file("a.osm", content))
    assert isinstance(fault, Fault) and words in fault.reason
