"""Labels of 3D boxes as samples with what their items know: calibration, sweeps, poses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from libs.formats import Doc, Sample
from libs.sensor import boxes, calibration, poses, rotations
from libs.sensor.calibration import Rig
from libs.sensor.cameras import Camera

FIELDS = tuple({"name": one, "type": one} for one in ("cloud", "sweeps", "calibration"))
CLOUD = "blob:blobs/t/cloud.bin"


def with_item(sample: Sample, rig: Rig | None = None, sweeps: Sequence[Doc] = ()) -> Sample:
    """The sample with an item's data: what came with it where nothing else is given."""
    known = sample.data.get("calibration", {}) if rig is None else calibration.document(rig)
    came = [{**one, "cloud": CLOUD} for one in sample.data.get("sweeps", [])]
    held = list(sweeps) or came
    return replace(sample, data={"cloud": CLOUD, "sweeps": held, "calibration": known})


def classes(samples: Sequence[Sample]) -> Doc:
    every = [one for sample in samples for one in (*cuboids(sample), *flat_objects(sample))]
    return {"classes": sorted({one["class"] for one in every})}


def cuboids(sample: Sample) -> list[Doc]:
    value = sample.value or {}
    held = value.get("cuboids") or value.get("fusion", {}).get("cuboids") or {}
    found: list[Doc] = held.get("cuboids") or value.get("cuboid_tracks", {}).get("tracks", [])
    return found


def flat_objects(sample: Sample) -> list[Doc]:
    sides = (sample.value or {}).get("fusion", {}).get("cameras", [])
    return [one for side in sides for one in side["objects"]]


def nuscenes_sample(info: Doc) -> Sample:
    """mmdetection3d's record of a real sample: boxes at the lidar, six cameras, all poses."""
    one, names = info["data_list"][0], {v: k for k, v in info["metainfo"]["categories"].items()}
    held = [
        boxes.document(
            np.array(box["bbox_3d"]),
            **{"class": names[box["bbox_label_3d"]], "point_count": box["num_lidar_pts"]},
        )
        for box in one["instances"]
        if box["bbox_label_3d"] in names
    ]
    for box in held:
        box |= {} if box["point_count"] else {"point_count": 0}
    lenses = [
        Camera(
            *(name, 1600, 900, (at["cam2img"][0][0], at["cam2img"][1][1])),
            (at["cam2img"][0][2], at["cam2img"][1][2]),
            pose=_rigid(at["cam2ego"]),
        )
        for name, at in one["images"].items()
    ]
    ego = _rigid(one["ego2global"])[None]
    rig = Rig(tuple(lenses), _rigid(one["lidar_points"]["lidar2ego"]), 0.0, ego, (0.0,))
    named = [{**box, "id": f"c{place}"} for place, box in enumerate(held)]
    value = {"cuboids": {"frame": "lidar", "cuboids": named}}
    return with_item(Sample(one["lidar_points"]["lidar_path"], value), rig)


def _rigid(matrix: Any) -> np.ndarray:
    """A printed pose, its rotation made one again."""
    found = np.array(matrix, dtype=np.float64)
    return poses.pose(found[:3, 3], rotations.quaternion(found[:3, :3]))
