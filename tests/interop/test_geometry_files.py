"""Calibration files of others against the data beside them (LABELMILL_INTEROP_DATA)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from libs.sensor import boxes, calibration_checks, calibration_files, cameras, point_clouds, poses
from libs.sensor.calibration import Rig
from libs.sensor.cameras import Camera

DATA = Path(os.environ.get("LABELMILL_INTEROP_DATA", "no-data"))
KITTI = DATA / "media/pointcloud_3d/kitti_000001"
SUSTECH = DATA / "media/pointcloud_3d/sustech_000965"
NUSCENES = DATA / "media/sensor_fusion/nuscenes_6cam"
TABLES = DATA / "interop/nuscenes_like"


def needed(path: Path) -> Path:
    if not path.exists():
        pytest.skip(f"there is no {path.name} below LABELMILL_INTEROP_DATA={DATA}")
    return path


def test_boxes_of_kitti_project_to_their_2d_boxes() -> None:
    text = needed(KITTI / "calib/000001.txt").read_text()
    size = Image.open(KITTI / "image_2/000001.png").size
    rig = calibration_files.kitti(text, {f"P{i}": size for i in range(4)})
    cloud = point_clouds.read((KITTI / "velodyne/000001.bin").read_bytes(), "000001.bin")
    assert not list(calibration_checks.faults(rig)) and not list(
        calibration_checks.unseen(rig, cloud.points)
    )
    seen = 0
    for line in (KITTI / "label_2/000001.txt").read_text().splitlines():
        name, *words = line.split()
        if name == "DontCare":
            continue
        numbers = [float(w) for w in words]
        height, width, length, x, y, z, turn = numbers[7:14]
        # Bottom centre in the rectified frame of camera 0; its y goes down.
        centre = poses.apply(rig.camera("P0").pose, [[x, y - height / 2, z]])[0]
        row = np.array([[*centre, length, width, height, -turn - np.pi / 2]])
        assert boxes.inside(cloud.points, row).sum() >= 5
        pixels, _, _ = rig.project(boxes.corners(row)[0], "P2")
        found = [*pixels.min(axis=0), *pixels.max(axis=0)]
        assert np.abs(np.array(found) - numbers[3:7]).max() < 0.4
        seen += 1
    assert seen == 3


def test_sustechpoints_cameras_see_its_cloud() -> None:
    names = ("front", "left", "right")
    files = {n: needed(SUSTECH / f"calib/camera/{n}.json").read_text() for n in names}
    sizes = {n: Image.open(SUSTECH / f"camera/{n}/000965.jpg").size for n in names}
    rig = calibration_files.sustech(files, sizes)
    cloud = point_clouds.read((SUSTECH / "lidar/000965.pcd").read_bytes())
    assert not list(calibration_checks.faults(rig)) and not list(
        calibration_checks.unseen(rig, cloud.points)
    )


def _nuscenes() -> tuple[Rig, dict[str, Any]]:
    scene = json.loads(needed(NUSCENES / "info.json").read_text())["data_list"][0]
    found = []
    for name, one in scene["images"].items():
        inner = np.array(one["cam2img"])
        size = Image.open(NUSCENES / one["img_path"]).size
        focal, centre = (inner[0, 0], inner[1, 1]), (inner[0, 2], inner[1, 2])
        pose = poses.inverse(np.array(one["lidar2cam"]))
        found.append(Camera(name, *size, focal, centre, pose=pose))
    return Rig(tuple(found)), scene


def test_boxes_of_nuscenes_are_where_its_cameras_have_them() -> None:
    rig, scene = _nuscenes()
    rows = np.array([one["bbox_3d"] for one in scene["instances"]])
    name = NUSCENES / scene["lidar_points"]["lidar_path"]
    cloud = point_clouds.read(name.read_bytes(), name.name)
    counts = boxes.inside(cloud.points, rows).sum(axis=1)
    wanted = np.array([one["num_lidar_pts"] for one in scene["instances"]])
    assert np.abs(counts - wanted).sum() <= 0.03 * wanted.sum()
    compared = 0
    for camera, seen in scene["cam_instances"].items():
        in_camera = np.array([one["bbox_3d"][:3] for one in seen])
        mine = rig.to_camera(rows[:, :3], camera)
        gaps = np.linalg.norm(mine[:, None] - in_camera[None], axis=2).min(axis=0)
        assert gaps.max() < 0.05
        centres = np.array([one["center_2d"] for one in seen])
        pixels, _, _ = cameras.project(rig.camera(camera), in_camera)
        assert np.abs(pixels - centres).max() < 0.01
        compared += len(seen)
    assert compared == sum(len(seen) for seen in scene["cam_instances"].values()) > 60


def _rigs(folder: str) -> list[Rig]:
    here = needed(TABLES / folder)
    tables = {p.stem: json.loads(p.read_text()) for p in here.glob("*.json")}
    return [calibration_files.nuscenes(tables, one["token"]) for one in tables["sample"]]


def test_tables_of_lyft_are_rigs_that_may_be_right() -> None:
    rigs = _rigs("lyft_v1.01-train/v1.01-train")
    assert any(rig.cameras for rig in rigs)
    assert not [fault for rig in rigs for fault in calibration_checks.faults(rig)]


def test_the_made_up_poses_of_t4_are_refused() -> None:
    """Its sample has cameras without any turn: they would look at the sky."""
    reasons = [
        reason
        for rig in _rigs("t4dataset/annotation")
        for _, reason in calibration_checks.faults(rig)
    ]
    assert reasons and all("looks straight up" in reason for reason in reasons)
