"""Calibration files of others, read into the plain JSON, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from libs.cli.client import Refused
from libs.sensor import calibration, calibration_checks, calibration_files, oxts, point_clouds
from libs.sensor.calibration import Miscalibrated, Rig

_RAW = ("calib_cam_to_cam.txt", "calib_velo_to_cam.txt", "calib_imu_to_velo.txt")
_TABLES = ("sensor", "calibrated_sensor", "ego_pose", "sample_data")
_LARGEST = 500_000_000
_PICTURES = (".jpg", ".jpeg", ".png")


def read(
    path: Path, sample: str, size: str, drive: Path | None, cloud: Path | None
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """(the plain JSON, what is wrong with it by place); raises `Refused` where none is found."""
    try:
        rig = _read(path, sample, _size(size), drive)
        wrong = [*calibration_checks.faults(rig), *(_unseen(rig, cloud) if cloud else ())]
    except (Miscalibrated, point_clouds.Unreadable, OSError, UnicodeDecodeError) as error:
        raise Refused(422, f"{path}: {error}") from error
    return calibration.document(rig), wrong


def _read(path: Path, sample: str, size: tuple[int, int] | None, drive: Path | None) -> Rig:
    if drive and not (path / _RAW[0]).exists():
        raise Miscalibrated("--drive", f"goes with a raw recording's folder, of `{_RAW[0]}`")
    if path.is_file():
        text = _text(path)
        if path.suffix.lower() != ".json":
            return calibration_files.kitti(text, _of_kitti(size))
        return calibration.rig(_json(text, path.name))
    if not path.is_dir():
        raise Miscalibrated("", "there is no such file or folder")
    if (path / _RAW[0]).exists():
        files = {name: _text(path / name) for name in _RAW if (path / name).exists()}
        return _driven(files, drive)
    if (path / "calibrated_sensor.json").exists():
        if not sample:
            raise Miscalibrated("--sample", "names one of the samples of nuScenes' tables")
        tables = {n: _json(_text(path / f"{n}.json"), n) for n in _TABLES}
        return calibration_files.nuscenes(tables, sample)
    cameras = sorted((path / "calib" / "camera").glob("*.json"))
    if cameras:
        files = {file.stem: _text(file) for file in cameras}
        return calibration_files.sustech(files, {name: _seen(path, name) for name in files})
    raise Miscalibrated("", f"no calibration of a known layout; `{_RAW[0]}`, calib/camera/ ...")


def _driven(files: Mapping[str, str], drive: Path | None) -> Rig:
    """The rig of a raw recording, on its way if a drive is named."""
    if drive is None:
        return calibration_files.kitti_raw(files)
    if _RAW[2] not in files:
        raise Miscalibrated(_RAW[2], "is missing; a drive's way is that of the IMU")
    packets = sorted((drive / "oxts" / "data").glob("*.txt"))
    texts = [(file.name, _text(file)) for file in packets[: calibration.MOST_POSES + 1]]
    ego, times = oxts.way(_text(drive / oxts.STAMPS), texts)
    # Lenses' own images go by that name, rectified ones by `sync`.
    rig = calibration_files.kitti_raw(files, rectified=not drive.name.endswith("_extract"))
    return replace(rig, ego=ego, times=times)


def _seen(path: Path, name: str) -> tuple[int, int]:
    """Width and height of a camera's images."""
    found = sorted(p for p in (path / "camera" / name).glob("*") if p.suffix.lower() in _PICTURES)
    if not found:
        raise Miscalibrated(name, f"its image's size is not known: camera/{name}/ holds no image")
    try:
        with Image.open(found[0]) as picture:
            return picture.size
    except Image.DecompressionBombError as error:
        raise Miscalibrated(name, str(error)) from error


def _of_kitti(size: tuple[int, int] | None) -> Mapping[str, tuple[int, int]] | None:
    return {f"P{i}": size for i in range(4)} if size else None


def _size(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    width, _, height = text.lower().partition("x")
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise Refused(422, f"--size: {text[:50]!r} is not WIDTHxHEIGHT, e.g. 1242x375")
    return int(width), int(height)


def _unseen(rig: Rig, cloud: Path) -> list[tuple[str, str]]:
    if cloud.stat().st_size > _LARGEST:
        raise Miscalibrated("--cloud", f"larger than {_LARGEST:,} bytes")
    points = point_clouds.read(cloud.read_bytes(), cloud.name).points
    return list(calibration_checks.unseen(rig, points[np.isfinite(points).all(axis=1)]))


def _text(file: Path) -> str:
    if file.stat().st_size > _LARGEST:
        raise Miscalibrated(file.name, f"larger than {_LARGEST:,} bytes")
    return file.read_text("utf-8")


def _json(text: str, name: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Miscalibrated(name, f"not JSON: {error}") from error
