"""Formats of 3D boxes both ways: what goes out comes back, and where in space it is."""

from __future__ import annotations

import io
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Doc, Job, Problem, Sample
from libs.formats.image import shapes
from libs.formats.registry import format_of
from libs.sensor import boxes, calibration, poses, rotations
from libs.sensor.calibration import Rig
from libs.sensor.cameras import Camera
from tests.unit.libs.formats.format_fixtures import PROJECT, files, open_png, read, row, source_of

CLASSES = ["car", "big truck"]
FIELDS = ("cloud", "sweeps", "calibration", "cameras")
# Turned and moved against the lidar as no axes change alone would be.
FRONT = Camera(
    *("P2", 1200, 400, (700.0, 700.0), (600.0, 200.0)),
    pose=poses.pose([0.3, 0.1, -0.2], rotations.multiply([0.5, -0.5, 0.5, -0.5], [1.0, 0, 0, 0])),
)
RIG = calibration.document(Rig((FRONT,)))
# At the lidar, which it looks ahead with.
AHEAD = calibration.document(
    Rig((replace(FRONT, pose=poses.pose([0, 0, 0], [0.5, -0.5, 0.5, -0.5])),))
)


def schema(shape: str, frame: str = "lidar", **more: Any) -> Doc:
    return {"shape": shape, "classes": CLASSES, "frame": frame, **more}


def put(
    format_: str, value: Doc, data: Doc | None = None, told: Doc | None = None
) -> tuple[bytes, list[Problem]]:
    """One label as a part, and what it could not hold."""
    fields = tuple({"name": one, "type": one} for one in FIELDS)
    encoder_of = format_of(format_).encoder
    assert encoder_of is not None
    held = told or {"classes": CLASSES}
    encoder = encoder_of(Job(PROJECT, "t", held, fields, open_png))
    given_ = {"cloud": "blob:blobs/t/1.pcd", **(data or {})}
    content = encoder.begin() + encoder.add([row(1, value, given_, "drive/1.pcd")])
    return content + b"".join(encoder.end()), list(encoder.problems)


def back(format_: str, value: Doc, told: Doc, data: Doc | None = None) -> Sample:
    content, problems = put(format_, value, data, told)
    assert not [one for one in problems if one.whole]
    samples, faults = read(format_, source_of(format_, content), told)
    assert not faults
    (found,) = samples
    return found


def alike(left: Any, right: Any, tolerance: float = 1e-6) -> bool:
    """Equal, numbers within the tolerance, a rotation and its negative too."""
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return math.isclose(left, right, abs_tol=tolerance)
    if isinstance(left, dict) and isinstance(right, dict):
        turns_ = [one.get("rotation") for one in (left, right)]
        if all(turns_):
            dot = float(np.dot(boxes.turn(turns_[0]), boxes.turn(turns_[1])))
            if not math.isclose(abs(dot), 1, abs_tol=tolerance):
                return False
        names = {*left, *right} - ({"rotation"} if all(turns_) else set())
        return all(alike(left.get(k, 0), right.get(k, 0), tolerance) for k in names)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(alike, left, right))
    return bool(left == right)


NUMBERS = st.floats(-50, 50).map(lambda v: round(v, 3))
VECTORS = st.tuples(NUMBERS, NUMBERS, NUMBERS).map(boxes.vector_doc)
SIZES = st.tuples(*(st.integers(1, 900).map(lambda v: v / 100) for _ in range(3)))
YAWS = st.floats(-3.14, 3.14).map(lambda v: boxes.turn_doc(rotations.of_yaw(v)))


def turns() -> st.SearchStrategy[Doc]:
    part = st.integers(-9, 9)
    found = st.tuples(part, part, part, part).filter(any)
    return found.map(lambda q: boxes.turn_doc(rotations.unit(q)))


@st.composite
def cuboids(
    draw: st.DrawFn, rotation: st.SearchStrategy[Doc] = YAWS, attributes: Any = None
) -> Doc:
    size = boxes.vector_doc(draw(SIZES))
    told = draw(attributes) if attributes is not None else {}
    made = {"centre": draw(VECTORS), "size": size, "rotation": draw(rotation)}
    return {**shapes.plain(**{"class": draw(st.sampled_from(CLASSES))}, attributes=told), **made}


def values(*, frame: str = "lidar", **options: Any) -> st.SearchStrategy[Doc]:
    held = st.lists(cuboids(**options), max_size=4)
    return held.map(lambda some: {"cuboids": shapes.plain(frame=frame, cuboids=some)})


# -- KITTI ---------------------------------------------------------------------------------------

HIDDEN = st.fixed_dictionaries(
    {}, optional={"truncated": st.just("0.25"), "occluded": st.sampled_from("0123")}
)


@settings(max_examples=60)
@given(value=values(attributes=HIDDEN))
def test_kitti_holds_upright_boxes(value: Doc) -> None:
    found = back("kitti", value, schema("cuboids"), {"calibration": RIG})
    assert alike(found.value, value)


@pytest.mark.parametrize("data", [{}, {"calibration": {}}, {"calibration": {"lidar": {}}}])
@pytest.mark.parametrize("format_", ["kitti", "nuscenes", "argoverse2"])
def test_no_calibration_is_made_up(format_: str, data: Doc) -> None:
    one = {"class": "car", "centre": {"x": 9.0}, "size": {"x": 4.0, "y": 2.0, "z": 1.0}}
    value = {"cuboids": {"frame": "lidar", "cuboids": [{**one, "rotation": {"w": 1.0}}]}}
    content, problems = put(format_, value, data)
    if format_ != "kitti" and data.get("calibration"):
        # A rig without cameras says where the lidar stands.
        assert not [one for one in problems if one.whole]
        return
    assert [one.whole for one in problems] == [True] and "calibration" in problems[0].reason
    assert not [n for n in source_of(format_, content).names if "calib/" in n or "label" in n[-9:]]


def test_boxes_of_the_camera_need_no_calibration() -> None:
    source = files(label_2__a_dot_txt=f"{GOOD}\n")
    ((sample,), _) = read("kitti", source, schema("cuboids", "camera:P2"))
    assert sample.value is not None and not sample.data
    content, problems = put("kitti", sample.value)
    made = source_of("kitti", content)
    assert made.names == ("drive/label_2/1.txt",)
    assert made.text("drive/label_2/1.txt").split()[8:] == GOOD.split()[8:]
    assert [one.reason for one in problems] == [
        "the item has no calibration: no file calib/ is written"
    ]


def test_kitti_says_where_the_bottom_is_and_turns_about_the_axis_down() -> None:
    value = {
        "cuboids": {
            "frame": "lidar",
            "cuboids": [
                {
                    "class": "car",
                    "centre": {"x": 20.0, "y": 5.0, "z": -1.0},
                    "size": {"x": 4.0, "y": 2.0, "z": 1.5},
                    "rotation": boxes.turn_doc(rotations.of_yaw(0.5)),
                }
            ],
        }
    }
    content, problems = put("kitti", value, {"calibration": AHEAD})
    cells = source_of("kitti", content).text("drive/label_2/1.txt").split()
    numbers = [float(one) for one in cells[8:]]
    # Right is minus left, down is minus up; half the height below the middle.
    assert numbers[:6] == [1.5, 2.0, 4.0, -5.0, 1.75, 20.0]
    assert numbers[6] == pytest.approx(-0.5 - math.pi / 2)
    assert float(cells[3]) == pytest.approx(numbers[6] - math.atan2(-5.0, 20.0))
    assert [one.reason for one in problems] == [
        "the item's calibration knows no P0, P1, P3, Tr_imu_to_velo: left out of calib/"
    ]


def test_kitti_links_boxes_of_cloud_and_image() -> None:
    rect = {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0}
    one = {
        **{
            "id": "c1",
            "class": "car",
            "centre": {"x": 9.0},
            "size": {"x": 4.0, "y": 2.0, "z": 1.0},
        },
        "rotation": {"w": 1.0},
    }
    value = {
        "fusion": {
            "cuboids": {"frame": "lidar", "cuboids": [one]},
            "cameras": [
                {
                    "camera": "P2",
                    "objects": [
                        {"id": "o1", "class": "car", "rect": rect},
                        {"id": "o2", "class": "big truck", "rect": {**rect, "x": 50.0}},
                    ],
                }
            ],
            "links": [{"cuboid": "c1", "camera": "P2", "object": "o1"}],
        }
    }
    found = back("kitti", value, schema("fusion"), {"calibration": RIG})
    assert alike(found.value, value)


def test_kitti_tells_a_box_that_leans() -> None:
    leaning = {"w": math.cos(0.2), "x": math.sin(0.2)}
    one = {"class": "car", "centre": {}, "size": {"x": 1.0, "y": 1.0, "z": 1.0}}
    value = {"cuboids": {"frame": "lidar", "cuboids": [{**one, "rotation": leaning}]}}
    _, problems = put("kitti", value, {"calibration": RIG})
    assert any("tilt" in one.reason for one in problems)


GOOD = "car 0 0 0 1 1 9 9 1.5 2 4 1 2 20 0.5"


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (GOOD.replace("20", "nan"), "z: nan is not finite"),
        (GOOD.replace("1.5", "1,5"), "write a decimal point"),
        (GOOD + " 0.5 7", "17 cells"),
        (GOOD.replace(" 4 ", " -4 "), "must be above zero"),
        (GOOD.replace("9 9", "0.5 9"), "pixels"),
    ],
)
def test_kitti_names_the_line(line: str, reason: str) -> None:
    source = files(label_2__a_dot_txt=f"{GOOD}\n{line}\n")
    samples, faults = read("kitti", source, schema("cuboids"))
    assert len(samples[0].value["cuboids"]["cuboids"]) == 1  # type: ignore[index]
    assert [one.where for one in faults] == ["label_2/a.txt line 2"]
    assert reason in faults[0].reason
    assert samples[0].value["cuboids"]["frame"] == "camera:P2"  # type: ignore[index]
    assert "no file in calib/" in str(samples[0].left_out)


def test_kitti_names_a_calibration_that_is_none() -> None:
    source = files(label_2__a_dot_txt=GOOD, calib__a_dot_txt="P2: 1 2 3\n")
    _, faults = read("kitti", source, schema("cuboids"))
    assert faults[0].where == "label_2/a.txt" and "P2 has 3 numbers" in faults[0].reason


# -- Argoverse 2 ---------------------------------------------------------------------------------

LIDAR = poses.pose([1.2, 0.0, 1.8], rotations.of_yaw(0.3))
MOUNTED = {"calibration": calibration.document(Rig(lidar=LIDAR))}


def drive(count: int) -> list[Doc]:
    """Sweeps of a lidar that drives a bend."""
    found = []
    for place in range(count):
        pose = poses.pose([2.0 * place, 0.3 * place, 0.1], rotations.of_yaw(0.05 * place))
        told = {"cloud": f"blob:blobs/t/{place}.pcd", "time": 0.1 * place}
        found.append({**told, "pose": calibration.pose_document(pose)})
    return found


@settings(max_examples=50)
@given(value=values(rotation=turns()))
def test_argoverse2_holds_any_boxes(value: Doc) -> None:
    told = {"shape": "cuboids", "classes": CLASSES, "frame": "lidar"}
    for place, one in enumerate(value["cuboids"].get("cuboids", [])):
        one |= {"id": f"c{place}", "point_count": place + 1}
    found = back("argoverse2", value, told, MOUNTED)
    assert alike(found.value, value)


def key_frames(every: bool = True) -> st.SearchStrategy[list[Doc]]:
    """Poses of one track in sweeps 0 to 4: all, or the first and the last alone."""
    box = st.tuples(VECTORS, YAWS)

    def made(some: list[tuple[Doc, Doc]]) -> list[Doc]:
        numbers = range(5) if every else (0, 4)
        size = {"x": 4.0, "y": 2.0, "z": 1.5}
        return [
            shapes.plain(frame=n, time=0.1 * n, size=size, rotation=r) | {"centre": c}
            for n, (c, r) in zip(numbers, some, strict=True)
        ]

    return st.lists(box, min_size=5 if every else 2, max_size=5 if every else 2).map(made)


@settings(max_examples=40)
@given(
    frames=key_frames(),
    held=st.sets(st.integers(0, 4), min_size=1),
    frame=st.sampled_from(["lidar", "world", "ego"]),
    format_=st.sampled_from(["argoverse2", "nuscenes", "openlabel"]),
)
def test_tracks_come_back_in_any_frame(
    frames: list[Doc], held: set[int], frame: str, format_: str
) -> None:
    made: list[Doc] = []
    for place in sorted(held):
        made.append(frames[place])
        if place + 1 not in held and place < 4:
            gone = {k: v for k, v in frames[place].items() if k != "time"}
            made.append({**gone, "frame": place + 1, "outside": True})
    value = {
        "cuboid_tracks": {"frame": frame, "tracks": [{"class": "car", "id": "t1", "frames": made}]}
    }
    told = {"shape": "cuboid_tracks", "classes": CLASSES, "frame": frame}
    found = back(format_, value, told, {**MOUNTED, "sweeps": drive(5)})
    assert alike(without_outside_places(found.value), without_outside_places(value))


def without_outside_places(value: Any) -> Any:
    """Where an object is that is not in the scene says nothing."""
    (track,) = value["cuboid_tracks"]["tracks"]
    frames = [
        {"frame": one["frame"], "outside": True} if one.get("outside") else one
        for one in track["frames"]
    ]
    return {**value["cuboid_tracks"], "tracks": [{**track, "frames": frames}]}


def test_argoverse2_fills_sweeps_between_key_frames() -> None:
    size, turn = {"x": 4.0, "y": 2.0, "z": 1.5}, {"w": 1.0}
    ends = [{"frame": n, "centre": {"x": 10.0 * n}, "size": size, "rotation": turn} for n in (0, 2)]
    value = {
        "cuboid_tracks": {"frame": "ego", "tracks": [{"class": "car", "id": "t", "frames": ends}]}
    }
    told = {"shape": "cuboid_tracks", "classes": CLASSES, "frame": "ego"}
    found = back("argoverse2", value, told, {"sweeps": ["blob:blobs/t/1.pcd"] * 3})
    frames = found.value["cuboid_tracks"]["tracks"][0]["frames"]  # type: ignore[index]
    assert [one["centre"].get("x", 0) for one in frames] == [0, 10, 20]


def av2(**columns: Any) -> bytes:
    one: dict[str, Any] = {k: [1.0, 1.0] for k in ("length_m", "width_m", "height_m", "qw")}
    one |= {k: [0.0, 0.0] for k in ("qx", "qy", "qz", "tx_m", "ty_m", "tz_m")}
    one |= {"timestamp_ns": [5, 6], "track_uuid": ["a", "a"], "category": ["car", "car"]}
    one |= columns
    out = io.BytesIO()
    feather.write_feather(pa.table({k: v for k, v in one.items() if v is not None}), out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("columns", "where", "reason"),
    [
        ({"qz": [math.nan, 0.0]}, "row 1", "not finite"),
        ({"qw": [1.0, 0.0]}, "row 2", "rotation of length 0"),
        ({"width_m": [-1.0, 1.0]}, "row 1", "above zero"),
        ({"tx_m": ["1,5", "1"]}, "row 1", "write a decimal point"),
        ({"timestamp_ns": [5, 5]}, "row 2", "two boxes"),
        ({"timestamp_ns": [5, None]}, "row 2", "no time"),
        ({"category": ["", "car"]}, "row 1", "without category"),
        ({"qw": None}, "", "there is no column qw"),
    ],
)
def test_argoverse2_names_the_row(columns: Doc, where: str, reason: str) -> None:
    source = files(log__annotations_dot_feather=av2(**columns))
    samples, faults = read("argoverse2", source, schema("cuboid_tracks", "ego"))
    (fault,) = faults
    assert fault.where == f"log/annotations.feather {where}".strip()
    assert reason in fault.reason
    assert len(samples) == (1 if where else 0)


def test_argoverse2_needs_poses_for_the_world() -> None:
    source = files(log__annotations_dot_feather=av2())
    _, faults = read("argoverse2", source, schema("cuboid_tracks", "world"))
    assert "there is no log/city_SE3_egovehicle.feather" in faults[0].reason


@settings(max_examples=40)
@given(cut=st.integers(0, 2000), junk=st.binary(max_size=20))
def test_a_damaged_table_is_told(cut: int, junk: bytes) -> None:
    whole = av2()
    content = whole[:cut] + junk + whole[cut + len(junk) :]
    source = files(log__annotations_dot_feather=content)
    samples, faults = read("argoverse2", source, schema("cuboid_tracks", "ego"))
    assert samples or faults


@settings(max_examples=100)
@given(
    cells=st.lists(st.sampled_from(["-1", "0", "2", "nan", "1e308", "1,5", "x", "\u0661"]),
                   min_size=13, max_size=16)
)  # fmt: skip
def test_any_cells_of_kitti_are_told(cells: list[str]) -> None:
    source = files(label_2__a_dot_txt=" ".join(["car", *cells]))
    for shape in ("cuboids", "fusion"):
        samples, faults = read("kitti", source, schema(shape))
        assert samples and all(one.where and one.reason for one in faults)
