"""`labelmill calibration`: files of others to the plain JSON, and what is told of wrong ones."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from libs.cli.client import Refused
from libs.cli.main import app
from libs.sensor import calibration, oxts
from tests.unit.libs.sensor.test_geometry_cameras import KITTI, sustech
from tests.unit.libs.sensor.test_geometry_kitti import files as kitti_raw
from tests.unit.libs.sensor.test_geometry_oxts import START, drive

CAMERA = {
    **{"name": "front", "width": 640, "height": 360, "focal": [500, 500], "centre": [320, 180]},
    "pose": {"qw": 0.5, "qx": -0.5, "qy": 0.5, "qz": -0.5},
}


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(app, ["calibration", *map(str, words)])


def refusal(*words: str | Path) -> str:
    """What `labelmill` prints in one line."""
    error = run(*words).exception
    assert isinstance(error, Refused), error
    return str(error)


def cameras(result: Result) -> list[str]:
    """Names of what was printed, which reads as the platform's own JSON."""
    assert result.exit_code == 0, result.output
    return [one.name for one in calibration.rig(json.loads(result.stdout)).cameras]


def test_kittis_files_are_read_in_both_layouts(tmp_path: Path) -> None:
    file = tmp_path / "000001.txt"
    file.write_text(KITTI)
    result = run(file, "--size", "1224x370")
    assert cameras(result) == ["P0", "P2"]
    assert json.loads(result.stdout)["cameras"][1]["width"] == 1224
    for name, text in kitti_raw().items():
        (tmp_path / name).write_text(text)
    assert cameras(run(tmp_path)) == ["P0", "P1", "P2", "P3"]


def test_a_drive_of_kitti_has_its_way(tmp_path: Path) -> None:
    for name, text in kitti_raw().items():
        (tmp_path / name).write_text(text)
    folder = tmp_path / "2011_09_26_drive_0001_sync"
    stamps, packets = drive(START, (49.00001, *START[1:]))
    (folder / "oxts" / "data").mkdir(parents=True)
    (folder / oxts.STAMPS).write_text(stamps)
    for name, text in packets:
        (folder / "oxts" / "data" / name).write_text(text)
    result = run(tmp_path, "--drive", folder)
    assert cameras(result) == ["P0", "P1", "P2", "P3"]
    first, second = json.loads(result.stdout)["ego"]
    assert first["pose"]["y"] == 0 and second["pose"]["y"] == pytest.approx(1.113, abs=1e-3)
    (tmp_path / "calib_imu_to_velo.txt").unlink()
    assert "calib_imu_to_velo.txt: is missing" in refusal(tmp_path, "--drive", folder)
    assert "--drive: goes with" in refusal(folder, "--drive", folder)


def test_a_folder_of_sustechpoints_has_the_sizes_of_its_images(tmp_path: Path) -> None:
    (tmp_path / "calib" / "camera").mkdir(parents=True)
    (tmp_path / "calib" / "camera" / "front.json").write_text(sustech()["front"])
    assert "front: its image's size is not known" in refusal(tmp_path)
    (tmp_path / "camera" / "front").mkdir(parents=True)
    Image.new("1", (1000, 600)).save(tmp_path / "camera" / "front" / "1.png")
    assert cameras(run(tmp_path)) == ["front"]
    behind = tmp_path / "behind.npy"
    np.save(behind, np.random.default_rng(1).uniform((-50, -5, -1), (-10, 5, 1), (500, 3)))
    blind = run(tmp_path, "--cloud", behind)
    assert blind.exit_code == 1 and "cameras[0].pose" in blind.stderr


def test_what_cannot_be_is_told_and_ends_with_1(tmp_path: Path) -> None:
    rig = calibration.document(calibration.rig({"cameras": [CAMERA]}))
    file = tmp_path / "rig.json"
    file.write_text(json.dumps(rig))
    assert cameras(run(file)) == ["front"]
    rig["cameras"][0]["landmarks"] = [{"x": 0, "y": 0, "z": 9, "u": 100, "v": 180}]
    file.write_text(json.dumps(rig))
    off = run(file)
    assert off.exit_code == 1 and "cameras[0].landmarks" in off.stderr
    assert json.loads(off.stdout)["cameras"], "it is printed all the same"


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.json", "{", "not JSON"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.json", '{"cameras": 1}', "cameras: must be a list"),
        ("a.txt", "P2: 1 2 3", "P2"),
        ("a.txt", "\x00", "is missing"),
    ],
)
def test_broken_files_are_told(tmp_path: Path, name: str, text: str, words: str) -> None:
    (tmp_path / name).write_text(text)
    assert words in refusal(tmp_path / name)


def test_what_is_not_there_or_not_known_is_told(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "nothing")
    assert "no calibration of a known layout" in refusal(tmp_path)
    (tmp_path / "calibrated_sensor.json").write_text("[]")
    assert "--sample" in refusal(tmp_path)
    (tmp_path / "a.txt").write_text(KITTI)
    assert "WIDTHxHEIGHT" in refusal(tmp_path / "a.txt", "--size", "big")
