"""Argoverse 2: av2, the field's own reader, and pandas, which tells columns and their types."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.feather as feather

from libs.formats import Doc, Sample
from libs.formats.spatial import boxes3d
from libs.sensor import boxes, poses, rotations
from tests.interop import judges
from tests.interop.frame import Result, Row, read, round_trip, write
from tests.interop.image_judges import unpacked
from tests.interop.space_samples import (
    CLOUD,
    FIELDS,
    classes,
    cuboids,
    nuscenes_sample,
    with_item,
)

_AV2 = "media/bev_map/av2_adcf7d18"
_CAMERAS = "media/sensor_fusion/nuscenes_6cam/info.json"
_CITY = "city_SE3_egovehicle.feather"
_TABLE = "annotations.feather"
# Of the sweeps of a track one in so many is a key frame.
_STEP = 10
# Corners in av2's order, from the middle, in halves of the sides.
_HALVES = np.array([[x, y, z] for x in (1, -1) for y, z in ((1, 1), (-1, 1), (-1, -1), (1, -1))])


def argoverse2(data: Path) -> Result:
    """A real log, in the frame of the vehicle and through the world: the same rows come out."""
    result = Result()
    folder = data / _AV2
    original = judges.run("tables", "feather_rows", {"path": str(folder / "annotations.feather")})
    stamps = sorted({row[0] for row in original["rows"]})
    sweeps = _sweeps(folder, stamps)
    # Times go out as they came, too.
    rows = original["rows"]
    for frame in ("ego", "world"):
        schema = {"shape": "cuboid_tracks", "frame": frame}
        samples, faults = read("argoverse2", folder, schema)
        result.read(1 if frame == "ego" else 0, samples, faults)
        ours = [with_item(one, None, sweeps) for one in samples]
        told = {**schema, **classes(ours)}
        written = round_trip(result, "argoverse2", ours, told, fields=FIELDS)
        with unpacked(written) as made:
            path = next(made.rglob("annotations.feather"))
            theirs = judges.run("tables", "feather_rows", {"path": str(path)})
            _same_way(result, path.with_name(_CITY), folder / _CITY)
        result.same("types of columns", theirs["columns"], original["columns"])
        ours_, wanted = _parts(theirs["rows"]), _parts(rows)
        result.same(f"names of rows ({frame})", ours_[0], wanted[0])
        apart = float(np.abs(ours_[1] - wanted[1]).max())
        result.same(f"numbers of rows ({frame})", apart, 0.0, 1e-6)
    single, faults = read("argoverse2", folder, {"shape": "cuboids", "frame": "ego"})
    result.read(0, single, faults)
    counted = sum(one.get("point_count", 0) for sample in single for one in cuboids(sample))
    result.same("points inside", counted, sum(row[-1] for row in original["rows"]))
    result.judged = f"{len(rows)} rows of pandas alike"
    return result


def _same_way(result: Result, ours: Path, theirs: Path) -> None:
    """The vehicle's poses at every moment, as the log has them."""
    made, wanted = (feather.read_table(one).to_pydict() for one in (ours, theirs))
    result.same("times of poses", made["timestamp_ns"], wanted["timestamp_ns"])
    for axis in ("tx_m", "ty_m", "tz_m"):
        result.same(f"poses, {axis}", made[axis], wanted[axis], 1e-9)
    turns = [
        rotations.matrix(np.stack([one[k] for k in ("qw", "qx", "qy", "qz")], axis=1)).tolist()
        for one in (made, wanted)
    ]
    result.same("poses, turns", *turns, 1e-9)


def _parts(rows: list[list[Any]]) -> tuple[list[Any], np.ndarray]:
    """Times and names of a table's rows, and their numbers: rotations as matrices, as a quaternion
    and its negative are the same."""
    numbers = np.array([row[3:13] for row in rows], dtype=np.float64)
    turns = rotations.matrix(numbers[:, 3:7]).reshape(-1, 9)
    return [row[:3] for row in rows], np.concatenate(
        [numbers[:, :3], turns, numbers[:, 7:]], axis=1
    )


def _sweeps(folder: Path, stamps: Sequence[int]) -> list[Doc]:
    """The log's sweeps as an item has them."""
    table = feather.read_table(folder / "city_SE3_egovehicle.feather").to_pydict()
    at = {stamp: place for place, stamp in enumerate(table["timestamp_ns"])}
    names = {"x": "tx_m", "y": "ty_m", "z": "tz_m", **{f"q{k}": f"q{k}" for k in "wxyz"}}
    return [
        {
            **{"cloud": CLOUD, "time": (stamp - stamps[0]) / 1e9},
            "pose": {ours: table[theirs][at[stamp]] for ours, theirs in names.items()},
        }
        for stamp in stamps
    ]


# -- av2 -----------------------------------------------------------------------------------------


def av2_tracks(data: Path) -> Result:
    """A real log's tracks: av2 reads of it what we read, and the same of what we write."""
    result = Result()
    folder = data / _AV2
    (original,) = _asked([folder])
    sweeps = _sweeps(folder, sorted({row[0] for row in original["ego"]}))
    # Points inside are left out of tracks, and told.
    wanted = {
        frame: [[*row[:3], 0, row[4]] for row in original[frame]] for frame in ("ego", "world")
    }
    for frame in wanted:
        schema = {"shape": "cuboid_tracks", "frame": frame}
        samples, faults = read("argoverse2", folder, schema)
        result.read(1 if frame == "ego" else 0, samples, faults)
        first = min(row[0] for row in wanted[frame])
        timed = [[row[0] - first, *row[1:]] for row in wanted[frame]]
        _alike(result, f"ours of the original ({frame})", _of_tracks(samples[0]), timed)
        given = [with_item(one, None, sweeps) for one in samples]
        told = {**schema, **classes(given)}
        written = round_trip(result, "argoverse2", given, told, fields=FIELDS)
        with unpacked(written) as made:
            (theirs,) = _asked(_logs(made))
        for there in wanted:
            _alike(result, f"ours written ({frame}, {there})", theirs[there], wanted[there])
    result.judged = f"{len(original['ego'])} boxes of av2 alike, in the city too"
    return result


def av2_between(data: Path) -> Result:
    """Of its tracks every tenth sweep and the last are kept: boxes between are av2's own."""
    result = Result()
    folder = data / _AV2
    (original,) = _asked([folder], step=_STEP)
    sweeps = _sweeps(folder, sorted({row[0] for row in original["ego"]}))
    schema = {"shape": "cuboid_tracks", "frame": "world"}
    samples, faults = read("argoverse2", folder, schema)
    result.read(1, samples, faults)
    given = [with_item(_thinned(one), None, sweeps) for one in samples]
    written = write("argoverse2", given, {**schema, **classes(given)}, FIELDS)
    with unpacked(written) as made:
        (theirs,) = _asked(_logs(made))
    wanted = [[*row[:3], 0, row[4]] for row in original["between"]]
    # Between two turns that are nearly the same we go straight, which is micrometres off.
    _alike(result, "between key frames", theirs["world"], wanted, 1e-5)
    kept = sum(not f.get("outside") for one in cuboids(given[0]) for f in one["frames"])
    result.judged = f"{len(wanted)} boxes of {kept} key frames as av2 interpolates them"
    return result


def _thinned(sample: Sample) -> Sample:
    """Of each run of key frames every tenth and the last."""
    value = (sample.value or {})["cuboid_tracks"]
    made = []
    for track in value["tracks"]:
        frames, held, place = track["frames"], [], 0
        for one, after in zip(frames, [*frames[1:], {"outside": True}], strict=True):
            if one.get("outside") or after.get("outside") or place % _STEP == 0:
                held.append(one)
            place = 0 if one.get("outside") else place + 1
        made.append({**track, "frames": held})
    return replace(sample, value={"cuboid_tracks": {**value, "tracks": made}})


def av2_sweeps(data: Path) -> Result:
    """The same log, a label a sweep: a log each; points inside are as many as av2 counts."""
    result = Result()
    folder = data / _AV2
    (original,) = _asked([folder])
    schema = {"shape": "cuboids", "frame": "ego"}
    samples, faults = read("argoverse2", folder, schema)
    result.read(1, samples, faults)
    ours = [row for one in samples for row in _of_cuboids(one, int(Path(one.key).name))]
    _alike(result, "ours of the original", ours, original["ego"])
    given = [with_item(one) for one in samples]
    told = {**schema, **classes(given)}
    written = round_trip(result, "argoverse2", given, told, fields=FIELDS)
    (cloud,) = (folder / "sensors/lidar").iterdir()
    with unpacked(written) as made:
        logs = _logs(made)
        theirs = _asked(logs)
        (swept,) = _asked([one for one in logs if one.name == cloud.stem], cloud=cloud)
    found = [
        [int(log.name), *row[1:]]
        for log, some in zip(logs, theirs, strict=True)
        for row in some["ego"]
    ]
    _alike(result, "ours written", found, original["ego"])
    result.same("points inside", swept["inside"], [row[3] for row in swept["ego"]])
    counted = len(swept["inside"])
    result.judged = f"{len(found)} boxes of av2 alike; it counts points in {counted} as we say"
    return result


def av2_lidar(data: Path) -> Result:
    """Boxes at a lidar that is mounted on a vehicle with a pose: av2 has them where mmdetection3d's
    record of the sample puts them."""
    result = Result(files=1, ours=1)
    info = json.loads((data / _CAMERAS).read_text())
    one = info["data_list"][0]
    ways = {"ego": np.array(one["lidar_points"]["lidar2ego"])}
    ways["world"] = np.array(one["ego2global"]) @ ways["ego"]
    sample = replace(nuscenes_sample(info), key="1.bin")
    place, turn = ways["world"][:3, 3], rotations.quaternion(ways["world"][:3, :3])
    pose = {**boxes.vector_doc(place), **{f"q{k}": v for k, v in boxes.turn_doc(turn).items()}}
    sample.data["sweeps"] = [{"cloud": CLOUD, "time": 0.0, "pose": pose}]
    told = {"shape": "cuboids", "frame": "lidar", **classes([sample])}
    written = round_trip(result, "argoverse2", [sample], told, fields=FIELDS)
    with unpacked(written) as made:
        (theirs,) = _asked(_logs(made))
    for frame, way in ways.items():
        # Matrices are printed there, and so are not quite rotations.
        _alike(result, f"ours ({frame})", theirs[frame], _of_cuboids(sample, 0, way), 1e-4)
    result.judged = f"{len(theirs['ego'])} boxes of av2 as mmdetection3d puts them"
    return result


def _asked(logs: Sequence[Path], **more: Any) -> list[Any]:
    found: list[Any] = judges.run("av2", "av2_boxes", {"logs": logs, **more})
    return found


def _logs(made: Path) -> list[Path]:
    return sorted(one.parent for one in made.rglob(_TABLE))


def _alike(
    result: Result, what: str, found: list[Any], wanted: list[Any], tolerance: float = 1e-6
) -> None:
    """Rows by time and track: names and points equal, numbers within the tolerance."""
    ours, theirs = (sorted(some, key=lambda row: row[:2]) for some in (found, wanted))
    names = [[row[:4] for row in some] for some in (ours, theirs)]
    if result.same(what, names[0], names[1]):
        apart = np.abs(_numbers(ours) - _numbers(theirs)).max()
        result.same(f"{what}: numbers", float(apart), 0.0, tolerance)


def _numbers(rows: list[Any]) -> np.ndarray:
    """The yaw as its cosine and sine, as a whole turn is none."""
    held = np.array([row[4] for row in rows], dtype=np.float64)
    yaws = held[:, 6]
    return np.column_stack([held[:, :6], np.cos(yaws), np.sin(yaws), held[:, 7:]])


def _of_tracks(sample: Sample) -> list[Any]:
    """Rows as the judge gives them of a label of tracks; times from the first sweep."""
    return [
        _row(round(one.get("time", 0.0) * 1e9), {**track, **one})
        for track in cuboids(sample)
        for one in track["frames"]
        if not one.get("outside")
    ]


def _of_cuboids(sample: Sample, stamp: int, way: np.ndarray | None = None) -> list[Any]:
    """Of a label of single boxes, in the frame that `way` (4, 4) leads to."""
    return [_row(stamp, one, way) for one in cuboids(sample)]


def _row(stamp: int, one: Doc, way: np.ndarray | None = None) -> list[Any]:
    pose = boxes3d.pose_of(one) if way is None else way @ boxes3d.pose_of(one)
    size = np.array(boxes.vector(one["size"]))
    yaw = np.arctan2(pose[1, 0], pose[0, 0])
    corners = poses.apply(pose, _HALVES * size / 2)
    numbers = [*pose[:3, 3], *size, yaw, *corners.ravel()]
    return [stamp, one["id"], one["class"], one.get("point_count", 0), numbers]


ROWS = (
    Row("argoverse2", (_AV2,), argoverse2),
    Row("argoverse2 (av2, tracks)", (_AV2,), av2_tracks),
    Row("argoverse2 (av2, key frames)", (_AV2,), av2_between),
    Row("argoverse2 (av2, sweeps)", (_AV2,), av2_sweeps),
    Row("argoverse2 (av2, lidar)", (_CAMERAS,), av2_lidar),
)
