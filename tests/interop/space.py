"""Formats of 3D boxes: datumaro, mmdetection3d's numbers, nuscenes-devkit, vcd."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np

from libs.formats import Doc, Sample
from libs.sensor import boxes, calibration_files, oxts, poses, rotations, tracks
from libs.sensor.calibration import Rig
from libs.sensor.cameras import Camera
from tests.interop import judges
from tests.interop.frame import Result, Row, Written, read, round_trip, write
from tests.interop.image_checks import count_files
from tests.interop.image_judges import unpacked
from tests.interop.space_samples import (
    CLOUD,
    FIELDS,
    classes,
    cuboids,
    flat_objects,
    nuscenes_sample,
    with_item,
)

_KITTI = "media/pointcloud_3d/kitti_000001"
_DM = "interop/datumaro_assets/kitti_dataset"
_FOV = "media/pointcloud_3d/kitti_000008_fov/info.json"
_TABLES = "interop/nuscenes_like"
_CAMERAS = "media/sensor_fusion/nuscenes_6cam/info.json"
_OPEN = "interop/openlabel"


# -- KITTI ---------------------------------------------------------------------------------------


def kitti(data: Path) -> Result:
    """Real labels with their calibration; datumaro reads the same of ours as of the original."""
    result = Result()
    judged = 0
    for path in (_KITTI, f"{_DM}/kitti_3d", f"{_DM}/kitti_3d_with_subset"):
        folder = data / path
        samples, faults = read("kitti", folder)
        files = list(folder.glob("label_2/**/*.txt"))
        result.read(len(files), samples, faults)
        ours = [with_item(one, _kitti_rig(folder, one.key)) for one in samples]
        written = round_trip(result, "kitti", ours, classes(ours), fields=FIELDS)
        if path.endswith("subset"):
            continue
        with unpacked(written) as made:
            theirs = [
                judges.run("datumaro", "datumaro_kitti", {"path": str(one)})
                for one in (_with_images(made, folder), folder)
            ]
        # Printed with two decimals there.
        angles = [_popped(one, "alpha") for one in theirs]
        result.same("datumaro: alpha", *angles, 0.02)
        if result.same("datumaro", theirs[0], theirs[1], 1e-4):
            judged += sum(map(len, theirs[1].values()))
    result.judged = f"{judged} objects of datumaro alike"
    return result


def kitti_as_it_came(data: Path) -> Result:
    """What an item keeps of a real scene is what is written: calibration to the byte, all numbers
    of the labels but the angle of view, which is worked out again."""
    result = Result(files=1)
    folder = data / _KITTI
    samples, faults = read("kitti", folder, {"shape": "fusion"})
    result.read(1, samples, faults)
    given = [with_item(one) for one in samples]
    source = write("kitti", given, classes(given), FIELDS).source("kitti-{:05}.zip")
    for name in source.names:
        kind = name.split("/")[-2]
        theirs = (folder / kind / name.rsplit("/", 1)[-1]).read_text()
        if kind == "calib":
            result.same("calibration", source.text(name).strip(), theirs.strip())
            continue
        ours_, wanted = (_labels(one) for one in (source.text(name), theirs))
        result.same("names and numbers", ours_, wanted)
        result.judged = f"{len(wanted)} rows and the calibration as they came"
    return result


def _labels(text: str) -> list[list[Any]]:
    rows = (line.split() for line in text.splitlines() if line.strip())
    return sorted([one[0], *(float(v) for v in one[1:3] + one[4:])] for one in rows)


def _popped(items: dict[str, Any], name: str) -> list[float]:
    """An attribute of all objects, taken out."""
    return [float(one[3].pop(name)) for some in items.values() for one in some if name in one[3]]


def _kitti_rig(folder: Path, key: str) -> Rig:
    return calibration_files.kitti((folder / "calib" / f"{key}.txt").read_text())


def _with_images(made: Path, folder: Path) -> Path:
    """Datumaro finds labels by their images."""
    (made / "image_2").mkdir()
    for one in (folder / "image_2").iterdir():
        (made / "image_2" / one.name).write_bytes(one.read_bytes())
    return made


def kitti_numbers(data: Path) -> Result:
    """Boxes in the frame of the lidar become the numbers that mmdetection3d has for them."""
    result = Result(files=1, ours=1)
    info = json.loads((data / _FOV).read_text())
    one = info["data_list"][0]
    camera = one["images"]["CAM2"]
    inner, way = np.array(camera["cam2img"]), np.array(camera["lidar2cam"])
    way[:3, :3] = rotations.matrix(rotations.quaternion(way[:3, :3]))
    focal, centre = (inner[0, 0], inner[1, 1]), (inner[0, 2], inner[1, 2])
    lens = Camera("P0", 1242, 375, focal, centre, pose=poses.inverse(way))
    rows, wanted = [], []
    for box in one["instances"]:
        x, y, z, length, height, width, turn = box["bbox_3d"]
        if length <= 0:
            continue
        place = poses.apply(lens.pose, [[x, y - height / 2, z]])[0]
        rows.append([*place, length, width, height, -turn - np.pi / 2])
        wanted.append([height, width, length, x, y, z, turn])
    held = [boxes.document(np.array(row), **{"class": "Car"}) for row in rows]
    sample = with_item(Sample("a", {"cuboids": {"frame": "lidar", "cuboids": held}}), Rig((lens,)))
    written = write("kitti", [sample], {"classes": ["Car"]}, FIELDS)
    text = written.source("kitti-{:05}.zip").text("label_2/a.txt")
    ours = [[float(v) for v in line.split()[8:15]] for line in text.splitlines()]
    # The boxes stand upright over the lidar, the camera leans by half a degree.
    if result.same("mmdetection3d", ours, wanted, 0.02):
        result.judged = f"{len(wanted)} boxes as mmdetection3d has them"
    return result


def kitti_ways(data: Path) -> Result:
    """A drive of a kilometre, made up: its poses are pykitti's."""
    turns = np.random.default_rng(1).uniform(-0.2, 0.2, (100, 3)).cumsum(axis=0)
    rows = np.c_[49 + np.arange(100) * 9e-5, 8.4 + np.arange(100) * 2e-5, 110 + turns[:, 0], turns]
    texts = [" ".join(f"{v:.14g}" for v in [*row, *[0] * 24]) for row in rows]
    stamps = "\n".join(f"2011-09-26 13:0{i // 60}:{i % 60:02d}.5" for i in range(100))
    with TemporaryDirectory() as folder:
        files = [Path(folder) / f"{i:010}.txt" for i in range(100)]
        for file, text in zip(files, texts, strict=True):
            file.write_text(text)
        theirs = judges.run("kitti-raw", "kitti_ways", {"files": files})
    ours, _ = oxts.way(stamps, [("packet", text) for text in texts])
    result = Result(files=100, ours=100)
    if result.same("pykitti", ours.tolist(), theirs, 1e-6):
        result.judged = "100 poses of pykitti alike"
    return result


# -- nuScenes ------------------------------------------------------------------------------------


def nuscenes(data: Path) -> Result:
    """T4's and Lyft's tables; nuscenes-devkit reads ours with the boxes they should have."""
    result = Result()
    shown = 0
    for path in ("t4dataset", "lyft_v1.01-train"):
        for shape, frame in (("cuboids", "lidar"), ("cuboid_tracks", "world"), ("fusion", "ego")):
            schema = {"shape": shape, "frame": frame}
            samples, faults = read("nuscenes", data / _TABLES / path, schema)
            files = len(list((data / _TABLES / path).rglob("*.json"))) if shape == "cuboids" else 0
            result.read(files, samples, faults)
            ours = [with_item(one) for one in samples]
            told = {**schema, **classes(ours)}
            written = round_trip(result, "nuscenes", ours, told, fields=FIELDS)
            if shape == "cuboids":
                shown += _devkit(result, written, ours)
    sample = nuscenes_sample(json.loads((data / _CAMERAS).read_text()))
    told = {"shape": "cuboids", "frame": "lidar", **classes([sample])}
    written = round_trip(result, "nuscenes", [sample], told, fields=FIELDS)
    shown += _devkit(result, written, [sample])
    result.judged = f"{shown} boxes of nuscenes-devkit alike"
    return result


def _devkit(result: Result, written: Written, samples: Sequence[Sample]) -> int:
    with unpacked(written) as made:
        asked = {"root": str(made), "version": "v1.0-labelmill"}
        theirs = judges.run("nuscenes", "nuscenes_boxes", asked)
    ours = {one.key: sorted(_as_devkit(box) for box in cuboids(one)) for one in samples}
    # A rotation and its negative are the same.
    for one in (*theirs.values(), *ours.values()):
        for row in one:
            row[7:11] = rotations.quaternion(rotations.matrix(row[7:11])).tolist()
    alike = result.same("nuscenes-devkit", theirs, ours, 1e-6)
    return sum(map(len, ours.values())) if alike else 0


def _as_devkit(one: Doc) -> list[Any]:
    length, width, height = boxes.vector(one["size"])
    held = dict(one.get("attributes", {}))
    if held.get("visibility", "").startswith("v"):
        held.pop("visibility")
    names = sorted(f"{k}.{v}" for k, v in held.items())
    place, turn = boxes.vector(one["centre"]), boxes.turn(one["rotation"])
    return [one["class"], *place, width, length, height, *turn, names, one.get("point_count", 0)]


# -- OpenLABEL -----------------------------------------------------------------------------------


def openlabel(data: Path) -> Result:
    """Files of VCD: what we write of them fits the official schema, and vcd reads it alike."""
    result = Result()
    folder = data / _OPEN
    kitti_file = folder / "openlabel100_kitti_tracking_0003.json"
    samples, faults = read("openlabel", folder / "samples")
    result.read(count_files(folder / "samples"), samples, faults)
    shown = _by_shape(result, data, samples)
    for shape, frame in (("cuboid_tracks", "lidar"), ("fusion", "ego"), ("tracks", "")):
        schema = {"shape": shape, "frame": frame}
        found, faults = read("openlabel", kitti_file, schema)
        result.read(1 if shape == "fusion" else 0, found, faults)
        shown += _by_shape(result, data, [_filled(one) for one in found], schema)
    result.judged = f"{shown} elements of vcd alike, files fit the schema"
    return result


def _filled(sample: Sample) -> Sample:
    """With a key frame in every frame, as OpenLABEL has them."""
    value = sample.value or {}
    if "cuboid_tracks" not in value:
        return sample
    held = value["cuboid_tracks"]
    count = 1 + max(tracks.number(f) for one in held["tracks"] for f in one["frames"])
    made = [
        {**one, "frames": tracks.filled_cuboids(one["frames"], count)} for one in held["tracks"]
    ]
    return replace(sample, value={"cuboid_tracks": {**held, "tracks": made}})


def _by_shape(
    result: Result, data: Path, samples: Sequence[Sample], schema: Doc | None = None
) -> int:
    """Elements shown to the judge; samples of one shape go through one part."""
    shown = 0
    for shape in sorted({next(iter(one.value or {})) for one in samples}):
        some = [with_item(one) for one in samples if shape in (one.value or {})]
        for one in some:
            one.data["frames"] = [CLOUD] * _frames(one)
        told = schema or {"shape": shape}
        fields = (*FIELDS, {"name": "frames", "type": "frames"})
        written = round_trip(result, "openlabel", some, told, fields=fields)
        with unpacked(written) as made:
            asked = {"folder": str(made), "schema": str(data / _SCHEMA)}
            theirs = judges.run("openlabel", "openlabel_files", asked)
        for name, file in theirs.items():
            result.wrong += [f"{name}: {one}" for one in file["errors"][:3]]
        for one in some:
            shown += _vcd(result, theirs, one)
    return shown


_SCHEMA = f"{_OPEN}/openlabel_json_schema-v1.0.0.json"


def _frames(sample: Sample) -> int:
    numbers = [tracks.number(f) for one in _tracks(sample) for f in one["frames"]]
    return 1 + max(numbers, default=0)


def _tracks(sample: Sample) -> list[Doc]:
    found: list[Doc] = (sample.value or {}).get("tracks", {}).get("tracks", [])
    return found


def _vcd(result: Result, theirs: dict[str, Any], sample: Sample) -> int:
    """Numbers of the 3D boxes and of boxes on images that vcd has of a file."""
    file = theirs[f"{sample.key}.json"]
    every = [held for *_, held in (*file["objects"], *file["moving"])]
    found = sorted(
        val for held in every for kind in ("cuboid", "bbox") for val in held.get(kind, [])
    )
    ours = sorted(_numbers(sample))
    result.same(f"vcd: {sample.key}", found, ours, 1e-6)
    return len(ours)


def _numbers(sample: Sample) -> list[list[float]]:
    made = []
    for one in cuboids(sample):
        for box in one.get("frames", [one]):
            if not box.get("outside"):
                w, x, y, z = boxes.turn(box.get("rotation"))
                place, size = boxes.vector(box["centre"]), boxes.vector(box["size"])
                made.append([*place, x, y, z, w, *size])
    value = sample.value or {}
    flat = flat_objects(sample)
    flat += value.get("objects", {}).get("objects", [])
    flat += [f for t in _tracks(sample) for f in t["frames"] if not f.get("outside")]
    for one in flat:
        if "rect" in one:
            x, y, width, height = (one["rect"].get(k, 0.0) for k in ("x", "y", "width", "height"))
            made.append([x + width / 2, y + height / 2, width, height])
    return made


ROWS = (
    Row("kitti", (_KITTI, _DM), kitti),
    Row("kitti (as it came)", (_KITTI,), kitti_as_it_came),
    Row("kitti (mmdetection3d)", (_FOV,), kitti_numbers),
    Row("kitti (way)", (), kitti_ways),
    Row("nuscenes", (_TABLES, _CAMERAS), nuscenes),
    Row("openlabel", (_OPEN,), openlabel),
)
