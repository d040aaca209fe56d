"""A calibration beside the item's own cloud: a camera that sees none of it is refused."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np

from libs.common.blobs import Blobs
from libs.formats.spatial.point_labels import pcd
from services.intake import cleaning
from services.intake.domain import DataField, Project

FIELDS = (DataField("cloud", "cloud", True), DataField("rig", "calibration"))
PROJECT = Project("tenants/acme/projects/p", 1, FIELDS, {"shape": "cuboids"})
# Ahead, and the same turn the other way round.
AHEAD = {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5}
INVERSE = {"qw": 0.5, "qx": 0.5, "qy": -0.5, "qz": 0.5}


def item(turn: dict[str, float], content: bytes | None = None) -> dict[str, Any]:
    points = np.random.default_rng(0).uniform((5, -5, -1), (40, 5, 3), (500, 3)).astype(np.float32)
    cloud = (
        pcd({axis: points[:, i] for i, axis in enumerate("xyz")}) if content is None else content
    )
    camera = {
        "name": "front",
        "width": 640,
        "height": 480,
        "focal": [500, 500],
        "centre": [320, 240],
        "pose": turn,
    }
    uri = "data:application/x-pcd;base64," + base64.b64encode(cloud).decode()
    return {"cloud": uri, "rig": {"cameras": [camera]}}


def codes(data: dict[str, Any], folder: Path) -> dict[str, str]:
    look = cleaning.look(PROJECT, data, Blobs(f"file://{folder}"))
    return {one.code: one.detail for one in look.findings}


def test_a_camera_that_sees_the_cloud_is_fine(tmp_path: Path) -> None:
    assert codes(item(AHEAD), tmp_path) == {}
    assert codes({**item(AHEAD), "rig": {}}, tmp_path) == {}


def test_a_camera_that_sees_nothing_of_it_is_refused_with_the_reason(tmp_path: Path) -> None:
    found = codes(item(INVERSE), tmp_path)
    assert "data.rig.cameras[0].pose: no point" in found["miscalibrated"]
    assert "inverse" in found["miscalibrated"]
    assert cleaning.action("miscalibrated", {}) == "REFUSE"


def test_a_cloud_that_cannot_be_read_has_its_own_finding(tmp_path: Path) -> None:
    assert set(codes(item(INVERSE, b"# .PCD v0.7\nnothing"), tmp_path)) == {"corrupt"}
