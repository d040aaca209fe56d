"""OpenLABEL both ways: images, tracks, 3D boxes, links and maps; files that are broken."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Broken, Doc, Fault
from libs.formats.image import shapes
from libs.formats.registry import format_of
from libs.formats.source import of_file
from libs.sensor import boxes, poses, rotations
from tests.unit.libs.formats.format_fixtures import SCHEMA, files, read, source_of, written
from tests.unit.libs.formats.test_formats_hostile import JUNK, places, replaced, tried
from tests.unit.libs.formats.test_formats_images import (
    LINES,
    drawn_masks,
    keypoints,
    labels,
    polygons,
    rects,
    rotated,
)
from tests.unit.libs.formats.test_formats_space import alike, back, schema, turns, values

HELD = (rects(), rotated(), polygons(), LINES, drawn_masks(), keypoints())
EXTRA = st.fixed_dictionaries(
    {},
    optional={
        "score": st.sampled_from([0.25, 1.0]),
        "velocity": st.just({"x": 1.5, "y": -2.0}),
        "point_count": st.integers(1, 99),
        "attributes": st.fixed_dictionaries({"count": st.sampled_from(["7", "7.50", "seven"])}),
    },
)


@settings(max_examples=80)
@given(value=labels(*HELD))
def test_openlabel_holds_anything_on_an_image(value: Doc) -> None:
    content, problems = written("openlabel", [value])
    samples, faults = read("openlabel", source_of("openlabel", content))
    assert not faults and not problems
    assert alike(samples[0].value, value)


def test_openlabel_boxes_are_read_as_boxes() -> None:
    box = {"class": "cat", "x": 1.0, "y": 2.0, "width": 30.0, "height": 20.0, "score": 0.5}
    content, _ = written("openlabel", [{"boxes": {"boxes": [box]}}])
    source = source_of("openlabel", content)
    doc = json.loads(source.read("a/1.json"))["openlabel"]
    # The middle and the sides, as the standard has it.
    assert doc["objects"]["0"]["object_data"]["bbox"][0]["val"] == [16.0, 12.0, 30.0, 20.0]
    samples, _ = read("openlabel", source, {**SCHEMA, "shape": "boxes"})
    assert alike(samples[0].value, {"boxes": {"boxes": [box]}})


@settings(max_examples=60)
@given(
    value=values(rotation=turns()),
    more=EXTRA,
    frame=st.sampled_from(["lidar", "ego", "world", "camera:front"]),
)
def test_openlabel_holds_any_cuboids(value: Doc, more: Doc, frame: str) -> None:
    held = [{**one, **more} for one in value["cuboids"].get("cuboids", [])]
    value = {"cuboids": shapes.plain(frame=frame, cuboids=held)}
    told = {**schema("cuboids", frame), "attributes": [{"name": "count", "type": "number"}]}
    found = back("openlabel", value, told)
    if frame.startswith("camera:"):
        # Lying boxes of a camera's frame may have their sides renamed.
        assert len(found.value["cuboids"].get("cuboids", [])) == len(held)  # type: ignore[index]
    else:
        assert alike(found.value, value)


def test_openlabel_links_through_a_relation() -> None:
    rect = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}
    box = {"centre": {"x": 9.0}, "size": {"x": 4.0, "y": 2.0, "z": 1.0}, "rotation": {"w": 1.0}}
    value = {
        "fusion": {
            "cuboids": {"frame": "lidar", "cuboids": [{"id": "c1", "class": "car", **box}]},
            "cameras": [
                {"camera": "front", "objects": [{"id": "o1", "class": "car", "rect": rect}]},
                {"camera": "rear", "objects": [{"id": "o2", "class": "car", "rect": rect}]},
            ],
            "links": [{"cuboid": "c1", "camera": "front", "object": "o1"}],
        }
    }
    assert alike(back("openlabel", value, schema("fusion")).value, value)


def test_openlabel_holds_maps() -> None:
    ring = [0.0, 0.0, 0.1, 5.0, 0.0, 0.0, 5.0, 5.0, 0.0]
    value = {
        "map": {
            "frame": "ego",
            "elements": [
                {"class": "car", "id": "l1", "line": {"points": ring[:6]}},
                {
                    "class": "car",
                    "attributes": {"style": "dashed"},
                    "area": {"points": ring, "holes": [{"points": [v / 2 for v in ring]}]},
                },
                {"class": "car", "box": {"x": 1.0, "length": 4.0, "width": 2.0, "yaw": -2.5}},
            ],
        }
    }
    assert alike(back("openlabel", value, schema("map", "ego")).value, value)


def test_openlabel_fills_tracks_frame_by_frame() -> None:
    first, last = ({"x": x, "y": 1.0, "width": 5.0, "height": 5.0} for x in (10.0, 20.0))
    frames = [{"rect": first}, {"frame": 2, "occluded": True, "rect": last}]
    gone = {"frame": 3, "outside": True, "rect": last}
    value = {"tracks": {"tracks": [{"class": "cat", "id": "t1", "frames": [*frames, gone]}]}}
    data = {"frames": [f"blob:blobs/t/{n}.png" for n in range(5)]}
    content, _ = written("openlabel", [value], data=data, type_="frames")
    samples, faults = read("openlabel", source_of("openlabel", content), {"shape": "tracks"})
    assert not faults
    between = {"frame": 1, "rect": {**first, "x": 15.0}}
    track = {"class": "cat", "id": "t1", "frames": [frames[0], between, frames[1], gone]}
    assert alike(samples[0].value, {"tracks": {"tracks": [track]}})


BOX = [5.0, 1.0, 0.5, 0.0, 0.0, 0.0, 1.0, 4.0, 2.0, 1.5]


def one(data: Doc, **more: Any) -> Doc:
    held = {"0": {"name": "a", "type": "car", "object_data": data}}
    return {"openlabel": {"metadata": {"schema_version": "1.0.0"}, "objects": held, **more}}


def cuboid(**more: Any) -> Doc:
    return {"cuboid": [{"name": "box", "val": BOX, **more}]}


def found(doc: Doc, told: Doc | None = None) -> tuple[list[Any], list[Fault]]:
    samples, faults = read("openlabel", of_file("a.json", json.dumps(doc).encode()), told or {})
    return [one.value for one in samples], faults


def test_angles_turn_about_x_then_y_then_z() -> None:
    val = [*BOX[:3], 0.1, 0.2, 0.3, *BOX[7:]]
    (value,), _ = found(one({"cuboid": [{"name": "box", "val": val}]}))
    x, y, z = ([math.cos(a / 2), *(math.sin(a / 2) * (i == k) for k in range(3))]
               for i, a in enumerate((0.1, 0.2, 0.3)))  # fmt: skip
    wanted = rotations.matrix(z) @ rotations.matrix(y) @ rotations.matrix(x)
    got = value["cuboids"]["cuboids"][0]["rotation"]
    assert rotations.matrix(boxes.turn(got)) == pytest.approx(wanted)


def test_boxes_go_through_parents_into_the_template_frame() -> None:
    lidar = poses.pose([1.0, 0.0, 2.0], rotations.of_yaw(math.pi / 2))
    systems = {
        "base": {"type": "local_cs", "parent": "", "children": ["VELO"]},
        "VELO": {
            **{"type": "sensor_cs", "parent": "base", "children": []},
            "pose_wrt_parent": {"matrix4x4": lidar.ravel().tolist()},
        },
    }
    doc = one(cuboid(coordinate_system="VELO"), coordinate_systems=systems)
    (value,), faults = found(doc, schema("cuboids", "ego"))
    assert not faults
    assert alike(value["cuboids"]["cuboids"][0]["centre"], {"x": 0.0, "y": 5.0, "z": 2.5})


def test_a_box_of_a_camera_stands_up() -> None:
    """KITTI's own axes in the camera's frame: x forward, y down, z across."""
    systems = {"CAM": {"type": "sensor_cs", "parent": "", "children": []}}
    doc = one(cuboid(coordinate_system="CAM"), coordinate_systems=systems)
    (value,), _ = found(doc)
    (made,) = value["cuboids"]["cuboids"]
    assert value["cuboids"]["frame"] == "camera:CAM"
    assert made["size"] == {"x": 4.0, "y": 1.5, "z": 2.0}
    up = rotations.matrix(boxes.turn(made["rotation"]))[:, 2]
    assert up == pytest.approx([0, -1, 0])


LOOP: dict[str, Doc] = {
    "a": {"type": "sensor_cs", "parent": "b", "children": []},
    "b": {"type": "sensor_cs", "parent": "a", "children": []},
}
for _one in LOOP.values():
    _one["pose_wrt_parent"] = {"quaternion": [0, 0, 0, 1], "translation": [0, 0, 0]}


@pytest.mark.parametrize(
    ("doc", "reason"),
    [
        (one(cuboid(val=BOX[:8])), "a cuboid of 8 numbers"),
        (one(cuboid(val=[*BOX[:9], -1.0])), "above zero"),
        (one(cuboid(val=["1,5", *BOX[1:]])), "write a decimal point"),
        (one(cuboid(val=[*BOX[:3], 0, 0, 0, 0, *BOX[7:]])), "rotation of length 0"),
        (one(cuboid(coordinate_system="gone")), "'gone' is not declared"),
        (one(cuboid(coordinate_system="a"), coordinate_systems=LOOP), "its own ancestor"),
        (one({"bbox": [{"name": "b", "val": [1, 2, 0, 4]}]}), "must be above zero"),
        (one({"bbox": [{"name": "b", "val": [1, 2, 3]}]}), "4 numbers"),
        (one({"poly2d": [{"name": "p", "val": [1, 2, 3, 4], "closed": True}]}), "3 corners"),
        (one({"poly3d": [{"name": "p", "val": [1, 2, 3, 4], "closed": False}]}), "x, y, z of 2"),
        (one({"image": [{"name": "mask", "val": "?"}]}), "no PNG in base64"),
        (one({"bbox": 7}), "another form"),
        (one({}, frames={"x": {}}), "frame 'x' is no number"),
        (one({}, frames={"0": {"objects": {"9": {}}}}), "not among the file's objects"),
        ({"vcd": {}}, "it is VCD 4"),
        ([], "a JSON object wanted"),
    ],
)
def test_what_is_broken_is_named(doc: Any, reason: str) -> None:
    # What is wrong with the way to a frame shows where one is wanted.
    told = found(doc)[1] or found(doc, schema("cuboids", "ego"))[1]
    assert any(reason in fault.reason for fault in told), told
    assert all(fault.where.startswith("a.json") for fault in told)


def test_nan_and_deep_nesting_are_told() -> None:
    for content in (b'{"openlabel": NaN}', b"[" * 100_000, b'{"a":' * 50_000):
        _, faults = read("openlabel", of_file("a.json", content))
        assert "not JSON" in faults[0].reason
    decode = format_of("openlabel").decode
    assert decode is not None
    with pytest.raises(Broken, match=r"no \.json"):
        list(decode(files(a_dot_txt="x"), {}))


@settings(max_examples=200)
@given(data=st.data())
def test_junk_at_any_place_is_told(data: st.DataObject) -> None:
    point = [{"name": "p", "id": 0, "val": [1, 2]}]
    many = {
        **cuboid(coordinate_system="a", attributes={"num": [{"name": "score", "val": 0.5}]}),
        "bbox": [{"name": "b", "val": [9, 9, 4, 4], "coordinate_system": "c"}],
        "poly2d": [{"name": "p", "val": [1, 2, 3, 4, 5, 7], "closed": True, "mode": "x"}],
        "poly3d": [{"name": "p", "val": [1, 2, 3, 4, 5, 7], "closed": False}],
        "point2d": point,
    }
    frames: Doc = {"0": {"frame_properties": {"timestamp": 1, "transforms": {}}}}
    frames["0"]["objects"] = {"0": {"object_data": many}}
    agent = [{"uid": "0", "type": "object"}]
    relations = {"0": {"name": "", "type": "sameAs", "rdf_subjects": agent, "rdf_objects": agent}}
    doc = one(many, frames=frames, coordinate_systems=LOOP, relations=relations)
    path = data.draw(st.sampled_from(list(places(doc))))
    broken = replaced(doc, path, data.draw(JUNK))
    shape = data.draw(st.sampled_from(["", "fusion", "tracks", "cuboid_tracks", "map", "boxes"]))
    told = {"shape": shape, "frame": data.draw(st.sampled_from(["", "ego", "lidar"]))}
    tried("openlabel", of_file("a.json", json.dumps(broken).encode()), told)
