"""nuScenes' tables both ways: frames, links, and rows that lead nowhere."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Doc, Sample
from libs.sensor import calibration, poses
from libs.sensor.calibration import Rig
from tests.unit.libs.formats.format_fixtures import files, read, source_of
from tests.unit.libs.formats.test_formats_hostile import JUNK, places, replaced, tried
from tests.unit.libs.formats.test_formats_space import (
    CLASSES,
    FRONT,
    LIDAR,
    alike,
    back,
    put,
    schema,
    turns,
    values,
)

NAMED = st.fixed_dictionaries(
    {},
    optional={
        "motion": st.sampled_from(["moving", "v1.5", ""]),
        "visibility": st.sampled_from(["v40-60", "half"]),
    },
)
POSED = calibration.document(
    Rig((FRONT,), LIDAR, 0.0, poses.pose([[500.0, 300.0, 20.0]], [[0.8, 0.0, 0.0, 0.6]]), (0.0,))
)
# Where the vehicle was is not known.
STANDING = calibration.document(Rig((FRONT,), LIDAR))
RIGS = {"POSED": POSED, "STANDING": STANDING}


@settings(max_examples=50)
@given(
    value=values(rotation=turns(), attributes=NAMED),
    rig=st.sampled_from(["POSED", "STANDING"]),
    frame=st.sampled_from(["lidar", "ego", "world"]),
)
def test_nuscenes_holds_any_boxes(value: Doc, rig: str, frame: str) -> None:
    value = {"cuboids": {**value["cuboids"], "frame": frame}}
    told = {"shape": "cuboids", "classes": CLASSES, "frame": frame}
    found = back("nuscenes", value, told, {"calibration": RIGS[rig]})
    for one in found.value["cuboids"].get("cuboids", []):  # type: ignore[index]
        # Without a name of ours an object has its token's.
        one.pop("id", None)
    assert alike(found.value, value)


def test_nuscenes_links_boxes_of_cloud_and_cameras() -> None:
    rect = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}
    box = {"centre": {"x": 9.0}, "size": {"x": 4.0, "y": 2.0, "z": 1.0}, "rotation": {"w": 1.0}}
    value = {
        "fusion": {
            "cuboids": {"frame": "lidar", "cuboids": [{"id": "c1", "class": "car", **box}]},
            "cameras": [
                {"camera": "P2", "objects": [{"id": "o1", "class": "car", "rect": rect}]},
                {"camera": "rear", "objects": [{"id": "o2", "class": "big truck", "rect": rect}]},
            ],
            "links": [{"cuboid": "c1", "camera": "P2", "object": "o1"}],
        }
    }
    found = back("nuscenes", value, schema("fusion"), {"calibration": POSED})
    assert alike(found.value, value)


def nuscenes_tables() -> dict[str, list[Doc]]:
    """A good part's tables: two boxes."""
    size, turn = {"x": 4.0, "y": 2.0, "z": 1.5}, {"w": 1.0}
    some = [
        {"class": "car", "id": f"c{n}", "centre": {"x": 9.0 * n}, "size": size, "rotation": turn}
        for n in (1, 2)
    ]
    value = {"cuboids": {"frame": "lidar", "cuboids": some}}
    content, _ = put("nuscenes", value, {"calibration": STANDING})
    source = source_of("nuscenes", content)
    names = [one for one in source.names if one.endswith(".json")]
    return {one.split("/")[1][:-5]: json.loads(source.read(one)) for one in names}


def of_tables(tables: dict[str, Any]) -> tuple[list[Sample], list[Any]]:
    held = {f"v1__{k}_dot_json": json.dumps(v) for k, v in tables.items()}
    return read("nuscenes", files(**held), schema("cuboids"))


@pytest.mark.parametrize(
    ("table", "column", "value", "reason"),
    [
        ("sample_annotation", "instance_token", "gone", "instance_token 'gone' is in no row"),
        ("sample_annotation", "sample_token", "gone", "sample_token 'gone' is in no row"),
        ("sample_annotation", "attribute_tokens", ["gone"], "attribute_token 'gone' is in no row"),
        ("sample_annotation", "size", [1, -1, 1], "above zero"),
        ("sample_annotation", "size", [1, 1], "3 numbers"),
        ("sample_annotation", "translation", ["1,5", 0, 0], "write a decimal point"),
        ("sample_annotation", "rotation", [0, 0, 0, 0], "rotation of length 0"),
        ("instance", "category_token", "gone", "category_token 'gone' is in no row"),
        ("ego_pose", "rotation", [0, 0, 0, 0], "no length"),
        ("sample", "scene_token", "gone", "scene_token 'gone' is in no row"),
        ("sample_data", "calibrated_sensor_token", "gone", "'gone' is in no row"),
    ],
)
def test_nuscenes_names_what_leads_nowhere(
    table: str, column: str, value: Any, reason: str
) -> None:
    tables = nuscenes_tables()
    tables[table][0][column] = value
    samples, faults = of_tables(tables)
    asked = "sample_annotation" if table == "instance" else table
    assert any(reason in one.reason and asked in one.where for one in faults)
    left = [one for sample in samples for one in sample.value["cuboids"].get("cuboids", [])]  # type: ignore[index]
    # What stands on the broken row is missing, the other box is there where it does not.
    assert len(left) == (1 if table in ("sample_annotation", "instance") else 0)


def test_nuscenes_chains_that_go_round_are_no_harm() -> None:
    tables = nuscenes_tables()
    for one in tables["sample_annotation"]:
        one["next"] = one["prev"] = one["token"]
    tables["sample"][0]["next"] = tables["sample"][0]["token"]
    samples, faults = of_tables(tables)
    assert len(samples) == 1 and not faults


@pytest.mark.parametrize("table", ["instance", "sample_data", "category"])
def test_nuscenes_names_a_table_that_is_missing(table: str) -> None:
    tables = nuscenes_tables()
    del tables[table]
    _, faults = of_tables(tables)
    assert faults[0].reason == f"the table {table}.json is missing"


@pytest.mark.fuzz
@settings(max_examples=150)
@given(data=st.data())
def test_junk_at_any_place_of_a_table_is_told(data: st.DataObject) -> None:
    tables = nuscenes_tables()
    name = data.draw(st.sampled_from(sorted(tables)))
    path = data.draw(st.sampled_from(list(places(tables[name]))))
    broken = {**tables, name: replaced(tables[name], path, data.draw(JUNK))}
    shape = data.draw(st.sampled_from(["cuboids", "cuboid_tracks", "fusion"]))
    held = {f"v1__{k}_dot_json": json.dumps(v) for k, v in broken.items()}
    tried("nuscenes", files(**held), schema(shape))
