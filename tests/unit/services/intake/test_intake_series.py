"""Labels of space come in with clouds, pictures, calibration and poses, and go out as they came."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from libs.formats import Doc
from libs.formats.source import Source
from tests.unit.services.intake import series_fixtures as made
from tests.unit.services.intake.series_fixtures import Came, imported, project


def left_out(came: Came) -> str:
    return dict(came.items[0].metadata or {})["import.left_out"]


def cells(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def alike(ours: list[list[str]], theirs: list[list[str]], alpha: int) -> None:
    """Cell by cell: texts as they were, numbers equal; the angle of view is worked out again."""
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs, strict=True):
        assert len(left) == len(right)
        for place, (one, other) in enumerate(zip(left, right, strict=True)):
            if place == alpha:
                assert float(one) == pytest.approx(float(other), abs=0.02)
            elif place > alpha or place in (alpha - 1, alpha - 2):
                assert float(one) == float(other), (place, one, other)
            else:
                assert one == other


def test_kitti_goes_out_as_it_came(tmp_path: Path) -> None:
    files = made.kitti()
    came = imported("kitti", files, project("fusion"), tmp_path)
    (data,) = came.data
    assert not came.reasons and came.items[0].source_key == "training/000001"
    assert [one["name"] for one in data["cameras"]] == ["P2"]
    assert [one["name"] for one in data["calibration"]["cameras"]] == ["P0", "P1", "P2", "P3"]
    # The size is the picture's own.
    assert {(c["width"], c["height"]) for c in data["calibration"]["cameras"]} == {(1242, 375)}
    source, told = came.delivered("kitti")
    name = source.names[0]
    assert source.text(name) == files["training/calib/000001.txt"].decode()
    labels = source.text(name.replace("calib", "label_2"))
    theirs = cells(files["training/label_2/000001.txt"].decode())
    # An area to be ignored has no class of the template.
    alike(cells(labels), theirs[:2], 3)
    assert "areas to be ignored: 1" in left_out(came)
    assert told == []


def test_a_template_without_calibration_says_what_deliveries_lack(tmp_path: Path) -> None:
    came = imported("kitti", made.kitti(), project("cuboids", fields=("cloud",)), tmp_path)
    assert "calibration: the template has no data field" in left_out(came)
    source, told = came.delivered("kitti")
    assert not source.names and "calibration" in told[0]


def test_a_calibration_that_was_changed_is_not_kittis_any_more(tmp_path: Path) -> None:
    came = imported("kitti", made.kitti(), project("cuboids"), tmp_path)
    data = json.loads(came.items[0].data)
    data["calibration"]["cameras"][2]["focal"] = [700.0, 700.0]
    object.__setattr__(came.items[0], "data", json.dumps(data))
    source, told = came.delivered("kitti")
    assert "the calibration was changed since it came: KITTI's numbers are new" in told
    rows = {one[0]: one[1:] for one in cells(source.text(source.names[0]))}
    assert float(rows["P2:"][0]) == pytest.approx(700.0) and "Tr_imu_to_velo:" not in rows


def test_kittis_tracks_come_with_their_sweeps(tmp_path: Path) -> None:
    files = made.kitti_tracks()
    came = imported("kitti", files, project("cuboid_tracks"), tmp_path)
    (data,) = came.data
    assert len(data["sweeps"]) == 3 and not came.reasons
    for sweep in data["sweeps"]:
        assert [one["name"] for one in sweep["cameras"]] == ["P2", "P3"]
        assert sweep["cloud"].startswith("blob:blobs/t/") and "time" not in sweep
    # A third of a minute of latitude a frame, northward.
    first, second = (sweep["pose"] for sweep in data["sweeps"][:2])
    assert second["y"] - first["y"] > 100
    source, _ = came.delivered("kitti")
    calib, labels = (next(n for n in source.names if one in n) for one in ("calib", "label_02"))
    assert source.text(calib) == files["training/calib/0000.txt"].decode()
    ours, theirs = cells(source.text(labels)), cells(files["training/label_02/0000.txt"].decode())
    # Boxes on images are no part of tracks, and are worked out again.
    for rows in (ours, theirs):
        rows.sort(key=lambda row: (int(row[0]), int(row[1])))
        for row in rows:
            del row[6:10]
    alike(ours, theirs, 5)


def test_a_sequence_is_single_clouds_where_the_template_wants_those(tmp_path: Path) -> None:
    came = imported("kitti", made.kitti_tracks(), project("fusion"), tmp_path)
    assert [one.source_key[-6:] for one in came.items] == ["000000", "000001", "000002"]
    assert {one.group for one in came.items} == {"training/0000"}
    value: Any = came.items[1].label
    assert [one["id"] for one in value["fusion"]["cuboids"]["cuboids"]] == ["7", "12"]
    assert len(value["fusion"]["links"]) == 2
    source, _ = came.delivered("kitti")
    texts = [source.text(n) for n in source.names if "calib" in n]
    assert texts == [made.printed(made.CALIBRATION)] * 3


def test_a_sequence_that_lacks_clouds_is_told(tmp_path: Path) -> None:
    files = made.kitti_tracks()
    del files["training/velodyne/0000/000001.bin"]
    came = imported("kitti", files, project("cuboid_tracks"), tmp_path)
    assert not came.items and "clouds of 1 frames are not there, 1 for one" in came.reasons[0]


def tables(source: Source | dict[str, bytes]) -> dict[str, Any]:
    if isinstance(source, dict):
        held = {n: c for n, c in source.items() if n.endswith(".json")}
    else:
        held = {n: source.read(n) for n in source.names if n.endswith(".json")}
    return {n.split("/")[-1][:-5]: json.loads(c) for n, c in held.items()}


def joined(found: dict[str, Any]) -> dict[str, Any]:
    """nuScenes' tables without their tokens: what was where, and when."""
    by = {name: {row["token"]: row for row in rows} for name, rows in found.items()}
    sensors = {
        token: by["sensor"][row["sensor_token"]]["channel"]
        for token, row in by["calibrated_sensor"].items()
    }
    mounts = {
        sensors[token]: (row["translation"], row["rotation"], row["camera_intrinsic"])
        for token, row in by["calibrated_sensor"].items()
    }
    looks = []
    for row in found["sample_data"]:
        ego = by["ego_pose"][row["ego_pose_token"]]
        where = (ego["timestamp"], ego["translation"], ego["rotation"])
        looks.append((row["timestamp"], sensors[row["calibrated_sensor_token"]], where))
    notes = [
        (
            by["sample"][row["sample_token"]]["timestamp"],
            *(row["translation"], row["size"], row["rotation"], row["visibility_token"]),
            [by["attribute"][token]["name"] for token in row["attribute_tokens"]],
        )
        for row in found["sample_annotation"]
    ]
    return {"mounts": mounts, "looks": sorted(looks), "notes": sorted(notes)}


def near(left: Any, right: Any) -> bool:
    """Equal, numbers as far as the table's digits go."""
    if isinstance(left, float) or isinstance(right, float):
        return bool(left == pytest.approx(right, abs=1e-6))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(near, left, right))
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(near(left[k], right[k]) for k in left)
    return bool(left == right)


@pytest.mark.parametrize(
    ("shape", "frame"),
    [
        ("cuboid_tracks", "lidar"),
        ("cuboid_tracks", "world"),
        ("cuboids", "lidar"),
        ("fusion", "ego"),
    ],
)
def test_nuscenes_goes_out_as_it_came(shape: str, frame: str, tmp_path: Path) -> None:
    files = made.nuscenes()
    came = imported("nuscenes", files, project(shape, frame), tmp_path)
    assert not came.reasons and len(came.items) == (1 if shape == "cuboid_tracks" else 3)
    if shape == "cuboid_tracks":
        sweeps = came.data[0]["sweeps"]
        assert [one["time"] for one in sweeps] == [0.0, 0.500123, 1.000246]
        assert [one["cameras"][0]["time"] for one in sweeps][1] == pytest.approx(0.475122)
        assert came.data[0]["calibration"]["start"] == f"{made.START}000"
    source, told = came.delivered("nuscenes")
    ours, theirs = joined(tables(source)), joined(tables(files))
    for name in ours:
        assert near(ours[name], theirs[name]), (name, ours[name], theirs[name])
    assert not [one for one in told if "calibration" in one or "poses" in one]


def test_a_scene_that_lacks_clouds_is_told(tmp_path: Path) -> None:
    files = made.nuscenes()
    del files[f"samples/LIDAR_TOP/{made.START}.pcd.bin"]
    came = imported("nuscenes", files, project("cuboid_tracks"), tmp_path)
    assert not came.items and "1 of 3 clouds are not there" in came.reasons[0]
    # Single clouds: the two that are there come in.
    came = imported("nuscenes", files, project("cuboids"), tmp_path)
    assert len(came.items) == 2 and len(came.reasons) == 1


@pytest.mark.parametrize("frame", ["lidar", "ego", "world"])
def test_argoverse2_goes_out_as_it_came(frame: str, tmp_path: Path) -> None:
    files = made.argoverse2()
    came = imported("argoverse2", files, project("cuboid_tracks", frame), tmp_path)
    assert not came.reasons
    (data,) = came.data
    for sweep in data["sweeps"]:
        # The nearer one of two pictures.
        (side,) = sweep["cameras"]
        assert side["time"] - sweep["time"] == pytest.approx(0.030000003)
        assert sweep["cloud"].endswith(".pcd")
    source, _ = came.delivered("argoverse2")
    names = {name.split("/", 1)[1]: name for name in source.names}
    theirs = made.of_zip(made.io.BytesIO(made.packed(files)))
    for name in ("annotations.feather", "city_SE3_egovehicle.feather"):
        assert_rows(made.rows_of(source, names[name]), made.rows_of(theirs, f"adcf7d18/{name}"))
    lens = "calibration/intrinsics.feather"
    assert made.rows_of(source, names[lens]) == made.rows_of(theirs, f"adcf7d18/{lens}")
    mounts = made.rows_of(theirs, "adcf7d18/calibration/egovehicle_SE3_sensor.feather")
    assert_rows(
        made.rows_of(source, names["calibration/egovehicle_SE3_sensor.feather"]), mounts[:1]
    )


def assert_rows(ours: list[Doc], theirs: list[Doc]) -> None:
    assert len(ours) == len(theirs)
    for left, right in zip(ours, theirs, strict=True):
        # Nanoseconds are the same, and no float is on the way.
        assert near(left, right)


def test_a_cloud_of_argoverse2_keeps_its_columns(tmp_path: Path) -> None:
    came = imported("argoverse2", made.argoverse2(), project("cuboids"), tmp_path)
    assert len(came.items) == 3 and {one.group for one in came.items} == {"adcf7d18"}
    source, _ = came.delivered("argoverse2")
    folders = sorted(n for n in source.names if n.endswith("annotations.feather"))
    rows = [made.rows_of(source, one)[0]["timestamp_ns"] for one in folders]
    assert rows == [made.FIRST + n * 99_999_999 for n in range(3)]
    assert came.data[0]["cloud"].startswith("data:application/x-pcd")


def test_a_damaged_calibration_costs_no_boxes(tmp_path: Path) -> None:
    files = made.argoverse2() | {
        "adcf7d18/calibration/intrinsics.feather": b"ARROW1\x00\x00nothing"
    }
    came = imported("argoverse2", files, project("cuboid_tracks"), tmp_path)
    assert "not a readable table" in left_out(came)
    assert "cameras" not in came.data[0]["calibration"]


@pytest.mark.parametrize(
    "content", [b"ARROW1\x00\x00", made.table({"a": [1.0]}), b"ARROW1\x00\x00" * 9]
)
def test_a_feather_file_that_is_no_cloud_costs_its_log(content: bytes, tmp_path: Path) -> None:
    files = made.argoverse2(1) | {f"adcf7d18/sensors/lidar/{made.FIRST}.feather": content}
    came = imported("argoverse2", files, project("cuboids"), tmp_path)
    assert (not came.items and "Feather" in came.reasons[0]) or "column" in came.reasons[0]
