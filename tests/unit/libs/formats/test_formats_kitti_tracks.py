"""KITTI's tracking labels both ways: a sequence a file, a row a box and frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.formats import Doc
from libs.formats.image import shapes
from libs.sensor import boxes, calibration_files, poses, rotations, tracks
from tests.unit.libs.formats.format_fixtures import files, read, source_of
from tests.unit.libs.formats.test_formats_space import (
    AHEAD,
    CLASSES,
    HIDDEN,
    RIG,
    SIZES,
    VECTORS,
    YAWS,
    alike,
    back,
    drive,
    put,
    schema,
)

TRACKS = schema("cuboid_tracks")
CALIBRATION = """P0: 700 0 600 0 0 700 180 0 0 0 1 0
P2: 700 0 600 45.5 0 700 180 -0.35 0 0 1 0.003
R_rect 1 0 0 0 1 0 0 0 1
Tr_velo_cam 0 -1 0 0.01 0 0 -1 -0.07 1 0 0 -0.27
Tr_imu_velo 1 0 0 0 0 1 0 0 0 0 1 0
"""
IGNORED = "{} -1 DontCare -1 -1 -10 219 188 245 218 -1000 -1000 -1000 -10 -1 -1 -1\n"


def line(frame: object, track: object, x: float = 1.0, more: str = "0 0", name: str = "car") -> str:
    """1.5 high, 2 wide, 4 long; on its bottom at x, 2, 20 before the camera."""
    return f"{frame} {track} {name} {more} -1.5 296 161 455 292 1.5 2 4 {x} 2 20 -0.5\n"


def sequence(*lines: str, **more: str) -> Any:
    return files(label_02__0000_dot_txt="".join(lines), calib__0000_dot_txt=CALIBRATION, **more)


def test_tracks_of_a_sequence_are_read_in_the_frame_of_the_lidar() -> None:
    rows = [line(0, 7), IGNORED.format(0), line(1, 7, 2.0, "0 2"), line(0, 12, name="big_truck")]
    samples, faults = read("kitti", sequence(*rows, IGNORED.format(3)), TRACKS)
    (sample,) = samples
    assert not faults and sample.key == "0000" and not sample.media
    held = sample.value["cuboid_tracks"]  # type: ignore[index]
    car, truck = held["tracks"]
    assert held["frame"] == "lidar"
    assert (car["id"], truck["id"], truck["class"]) == ("7", "12", "big truck")
    # They leave: frame 3 is known of the area to be ignored there.
    shown = [(tracks.number(one), one.get("outside", False)) for one in car["frames"]]
    assert shown == [(0, False), (1, False), (2, True)]
    # Forward is the camera's z, left minus x, up minus y; a bottom lies half the height below.
    place = [20 + 0.27, -1 + 0.01, -2 - 0.07 + 1.5 / 2]
    assert boxes.vector(car["frames"][0]["centre"]) == pytest.approx(place)
    assert boxes.vector(car["frames"][0]["size"]) == [4, 2, 1.5]
    yaw = float(rotations.yaw(boxes.turn(car["frames"][0]["rotation"])))
    assert yaw == pytest.approx(0.5 - np.pi / 2)
    # What all boxes of a track say is said once.
    assert car["attributes"] == {"truncated": "0"}
    said = [one.get("attributes") for one in car["frames"]]
    assert said == [{"occluded": "0"}, {"occluded": "2"}, None]
    assert truck["attributes"] == {"occluded": "0", "truncated": "0"}
    assert sample.left_out == (
        "boxes on the image; the template labels 3D boxes: 3",
        "areas to be ignored: 2",
    )


def test_tracks_end_where_the_clouds_go_on() -> None:
    clouds = {f"velodyne__0000__{n:06}_dot_bin": "" for n in range(3)}
    for more, ends in (({}, False), (clouds, True)):
        samples, _ = read("kitti", sequence(line(0, 1), line(1, 1), **more), TRACKS)
        frames = samples[0].value["cuboid_tracks"]["tracks"][0]["frames"]  # type: ignore[index]
        assert frames[-1].get("outside", False) is ends and not samples[0].media


def test_scores_are_those_of_the_best_box_and_flat_rows_are_told() -> None:
    flat = "0 4 car -1 -1 -10 1 1 9 9 {0} {0} {0} {1} {1} {1} -10 0.5\n"
    rows = [f"{line(n, 3).strip()} {score}\n" for n, score in enumerate((0.25, 0.75, 7))]
    both = [flat.format("-1", "-1000"), flat.format("-1000", "-10")]
    samples, faults = read("kitti", sequence(*rows, *both), TRACKS)
    (track,) = samples[0].value["cuboid_tracks"]["tracks"]  # type: ignore[index]
    assert not faults and track["score"] == 0.75
    assert "boxes on the image only: 2" in samples[0].left_out
    assert "scores outside 0 to 1: 1" in samples[0].left_out


def test_without_calibration_tracks_stay_before_the_camera() -> None:
    source = files(label_02__0000_dot_txt=line(0, 1))
    samples, _ = read("kitti", source, {"classes": CLASSES})
    held = samples[0].value["cuboid_tracks"]  # type: ignore[index]
    assert held["frame"] == "camera:P2" and "no file in calib/" in str(samples[0].left_out)
    assert boxes.vector(held["tracks"][0]["frames"][0]["centre"]) == [1, 1.25, 20]


@pytest.mark.parametrize("shape", ["boxes", "tracks"])
def test_tracks_say_which_shape_they_need(shape: str) -> None:
    samples, faults = read("kitti", sequence(line(0, 1), line(1, 1)), schema(shape))
    (fault,) = faults
    assert not samples and fault.where == "label_02/0000.txt"
    assert (
        f"they need a template of the shape cuboid_tracks, cuboids or fusion, not {shape}"
        in fault.reason
    )


def test_object_labels_are_none_of_tracks() -> None:
    """One class is called by a number, one row has two cells too many."""
    rows = "3 0 0 0 1 1 9 9 1.5 2 4 1 2 20 0.5\ncar 0 0 0 1 1 9 9 1.5 2 4 1 2 20 0.5 1 1\n"
    samples, faults = read("kitti", files(label_2__a_dot_txt=rows), schema("cuboids"))
    assert len(samples[0].value["cuboids"]["cuboids"]) == 1  # type: ignore[index]
    assert [one.where for one in faults] == ["label_2/a.txt line 2"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (line("x", 1), "frame: 'x' is not a whole number"),
        (line(1, "1.5"), "track: '1.5' is not a whole number"),
        (line(-1, 1), "frame -1; 0 to 999999 wanted"),
        (line(10**7, 1), "frame 10000000; 0 to 999999 wanted"),
        (line(1, "9" * 19), "is not a whole number"),
        (line(1, -1), "track -1; only DontCare has none"),
        (line(0, 1), "track 1 has two boxes in frame 0"),
        (line(1, 1, name="big_truck"), "track 1 changes its class"),
        (line(1, 1).replace(" 4 ", " -4 "), "must be above zero"),
        (line(1, 1).replace(" 20 ", " nan "), "z: nan is not finite"),
        (line(1, 1).replace("1.5 2", "1,5 2"), "write a decimal point"),
        ("1 1 car 0 0\n", "5 cells; 17 wanted, or 18 with a score"),
        (line(1, 1).replace("car", "car 0.5 0.5"), "19 cells; 17 wanted"),
    ],
)
def test_a_row_of_a_sequence_is_named(row: str, reason: str) -> None:
    samples, faults = read("kitti", sequence(line(0, 1), row), TRACKS)
    assert len(samples[0].value["cuboid_tracks"]["tracks"]) == 1  # type: ignore[index]
    assert [one.where for one in faults] == ["label_02/0000.txt line 2"]
    assert reason in faults[0].reason


def test_a_file_is_known_by_its_first_whole_row() -> None:
    samples, faults = read("kitti", sequence("0 1 car 0\n", line(0, 2)), {"classes": CLASSES})
    assert len(samples[0].value["cuboid_tracks"]["tracks"]) == 1  # type: ignore[index]
    assert [one.where for one in faults] == ["label_02/0000.txt line 1"]
    samples, faults = read("kitti", sequence(), TRACKS)
    assert samples[0].value == {"cuboid_tracks": {"frame": "lidar"}} and not faults


@pytest.mark.fuzz
@settings(max_examples=150)
@given(
    rows=st.lists(
        st.lists(
            st.sampled_from(["-1", "0", "2", "nan", "1e308", "1,5", "x", "\u0661", "9" * 30]),
            min_size=14,
            max_size=19,
        ),
        max_size=3,
    ),
    first=st.booleans(),
)
def test_any_cells_of_a_sequence_are_told(rows: list[list[str]], first: bool) -> None:
    told = [line(0, 1)] * first + [" ".join([*one[:2], "car", *one[2:]]) + "\n" for one in rows]
    for shape in ("cuboid_tracks", "cuboids", ""):
        samples, faults = read("kitti", sequence(*told), schema(shape))
        assert all(one.where and one.reason for one in faults) and (samples or faults)


# -- out -------------------------------------------------------------------------------------


@st.composite
def moving(draw: st.DrawFn, key: str) -> Doc:
    """A track of five frames: in some, and with attributes that change."""
    held = sorted(draw(st.sets(st.integers(0, 4), min_size=1)))
    made: list[Doc] = []
    for place in held:
        pose = {"size": boxes.vector_doc(draw(SIZES)), "rotation": draw(YAWS)}
        at = {"frame": place, **pose, "centre": draw(VECTORS)}
        told = draw(HIDDEN)
        made.append({**at, **({"attributes": told} if told else {})})
        if place + 1 not in held and place < 4:
            made.append({**at, "frame": place + 1, "outside": True})
    told = shapes.plain(id=key, score=draw(st.sampled_from([0.0, 0.5])))
    return {"class": draw(st.sampled_from(CLASSES)), **told, "frames": made}


def shown(value: Doc) -> list[Any]:
    """(id, class, score, {frame: box with all that is true of it}) of the tracks, by id."""
    found = []
    for one in value["cuboid_tracks"].get("tracks", []):
        known, by_frame = dict(one.get("attributes", {})), {}
        for frame in one["frames"]:
            known |= frame.get("attributes", {})
            box = {k: frame[k] for k in ("size", "centre", "rotation")}
            if not frame.get("outside"):
                by_frame[str(tracks.number(frame))] = {**box, "attributes": dict(known)}
        found.append([one["id"], one["class"], one.get("score", 0), by_frame])
    return sorted(found, key=lambda one: one[0])


@pytest.mark.fuzz
@settings(max_examples=60)
@given(
    made=st.tuples(moving("3"), moving("11"), moving("0")),
    world=st.booleans(),
)
def test_tracks_come_back(made: tuple[Doc, ...], world: bool) -> None:
    sweeps = drive(5)
    lidar = {"cuboid_tracks": {"frame": "lidar", "tracks": list(made)}}
    value = in_world(lidar, sweeps) if world else lidar
    data = {"sweeps": sweeps, "calibration": RIG}
    found = back("kitti", value, TRACKS, data)
    assert found.value is not None and found.value["cuboid_tracks"]["frame"] == "lidar"
    for left, right in zip(shown(found.value), shown(lidar), strict=True):
        assert left[:3] == right[:3] and alike(left[3], right[3])


def in_world(value: Doc, sweeps: list[Doc]) -> Doc:
    _, ways = poses.motion(sweeps)
    assert ways is not None
    made = []
    for one in value["cuboid_tracks"]["tracks"]:
        frames = []
        for frame in one["frames"]:
            pose = ways[frame["frame"]] @ poses.pose(
                boxes.vector(frame["centre"]), boxes.turn(frame["rotation"])
            )
            turn = boxes.turn_doc(rotations.quaternion(pose[:3, :3]))
            frames.append({**frame, "centre": boxes.vector_doc(pose[:3, 3]), "rotation": turn})
        made.append({**one, "frames": frames})
    return {"cuboid_tracks": {"frame": "world", "tracks": made}}


def test_tracks_are_written_as_kittis_tracking_has_them() -> None:
    at: Doc = {"size": {"x": 4.0, "y": 2.0, "z": 1.5}, "rotation": {"w": 1.0}}
    ends: list[Doc] = [
        {"frame": n, **at, "centre": {"x": 20.0 + n, "y": 5.0, "z": -1.0}} for n in (0, 2)
    ]
    ends[1] |= {"attributes": {"occluded": "1"}, "time": 0.2, "occluded": True}
    named = [{"class": "car", "id": "van", "frames": ends}, {"class": "car", "frames": ends[:1]}]
    value = {
        "cuboid_tracks": {
            "frame": "lidar",
            "tracks": [*named, {"class": "big truck", "id": "0", "frames": ends[1:]}],
        }
    }
    data = {"sweeps": ["blob:blobs/t/1.pcd"] * 4, "calibration": AHEAD}
    content, problems = put("kitti", value, data, TRACKS)
    source = source_of("kitti", content)
    rows = [one.split() for one in source.text("drive/label_02/1.txt").splitlines()]
    # Number 0 is taken: a track of another name, and one without, become 1 and 2.
    assert [tuple(one[:3]) for one in rows][:6] == [
        ("0", "1", "car"),
        ("0", "2", "car"),
        ("1", "1", "car"),
        ("1", "2", "car"),
        ("2", "1", "car"),
        ("2", "2", "car"),
    ]
    assert {len(one) for one in rows} == {17} and rows[6][:3] == ["2", "0", "big_truck"]
    assert [one[4] for one in rows if one[1] == "1"] == ["-1", "-1", "1", "1"]
    # Interpolated in between: right is minus left, down minus up, the bottom half a height below.
    assert [float(one) for one in rows[2][10:16]] == [1.5, 2.0, 4.0, -5.0, 1.75, 21.0]
    calibration = source.text("drive/calib/1.txt")
    names = ["P2:", "R_rect", "Tr_velo_cam"]
    assert [one.split()[0] for one in calibration.splitlines()] == names
    assert calibration_files.kitti(calibration).camera("P2").focal == (700, 700)
    assert [one.reason for one in problems] == [
        "ids of tracks that are no whole numbers are numbered anew",
        "KITTI has no place for time of a key frame",
        "KITTI has no place for occluded of a key frame",
        "the item's calibration knows no P0, P1, P3, Tr_imu_to_velo: left out of calib/",
    ]


def test_frames_behind_the_last_box_are_told() -> None:
    at: Doc = {"size": {"x": 4.0, "y": 2.0, "z": 1.5}, "centre": {"x": 9.0}, "rotation": {"w": 1.0}}
    gone = [{**at, "frame": 0}, {**at, "frame": 1, "outside": True}]
    one = {"class": "car", "id": "1", "frames": gone}
    value = {"cuboid_tracks": {"frame": "lidar", "tracks": [one]}}
    data = {"sweeps": ["blob:blobs/t/1.pcd"] * 3, "calibration": AHEAD}
    _, problems = put("kitti", value, data, TRACKS)
    assert any("behind the last box" in one.reason for one in problems)


@pytest.mark.parametrize("frame", ["world", "camera:front"])
def test_tracks_in_a_frame_that_nothing_leads_to_are_told(frame: str) -> None:
    at: Doc = {"size": {"x": 4.0, "y": 2.0, "z": 1.5}, "centre": {"x": 9.0}, "rotation": {"w": 1.0}}
    one = {"class": "car", "id": "1", "frames": [at]}
    value = {"cuboid_tracks": {"frame": frame, "tracks": [one]}}
    _, problems = put("kitti", value, {"calibration": RIG}, TRACKS)
    assert [one.whole for one in problems][-1:] == [True]
