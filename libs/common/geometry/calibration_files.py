"""Calibration as others write it: KITTI, SUSTechPOINTS, nuScenes. All raise `Miscalibrated`.

KITTI after its devkits' readme (object and tracking); SUSTechPOINTS after its
`calib/camera/NAME.json`; nuScenes after its schema v1.0 (Lyft's and T4's tables are alike).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from libs.common.geometry import poses
from libs.common.geometry.calibration import Miscalibrated, Rig
from libs.common.geometry.cameras import Camera

Array = np.ndarray
_MAX_CHARACTERS = 1_000_000
_KITTI = {"R_rect": "R0_rect", "Tr_velo_cam": "Tr_velo_to_cam", "Tr_imu_velo": "Tr_imu_to_velo"}
_LENGTHS = {"P": 12, "R0_rect": 9, "Tr_": 12}
# A rotation as printed with six digits is orthogonal up to this.
_PRINTED = 1e-3


def kitti(text: str, sizes: Mapping[str, tuple[int, int]] | None = None) -> Rig:
    """The rig of a KITTI `calib.txt` (object or tracking): cameras P0 to P3 in the lidar's frame.

    `sizes` gives (width, height) of the images by camera ("P2"); KITTI's files do not say them,
    and 1242 x 375 is usual.
    """
    rows = dict(_kitti_rows(text))
    for needed in ("P2", "R0_rect", "Tr_velo_to_cam"):
        if needed not in rows:
            raise Miscalibrated(needed, "is missing; this is no KITTI calibration")
    rectify = np.eye(4)
    rectify[:3, :3] = _turn(rows["R0_rect"].reshape(3, 3), "R0_rect")
    velo = np.vstack([rows["Tr_velo_to_cam"].reshape(3, 4), [0, 0, 0, 1]])
    velo[:3, :3] = _turn(velo[:3, :3], "Tr_velo_to_cam")
    found = []
    for name in ("P0", "P1", "P2", "P3"):
        if name in rows:
            width, height = (sizes or {}).get(name, (1242, 375))
            found.append(
                _kitti_camera(name, rows[name].reshape(3, 4), rectify @ velo, width, height)
            )
    return Rig(tuple(found))


def _kitti_rows(text: str) -> Iterable[tuple[str, Array]]:
    for place, line in enumerate(text[:_MAX_CHARACTERS].splitlines(), 1):
        words = line.replace(":", " ").split()
        if not words:
            continue
        name = _KITTI.get(words[0], words[0])
        count = next((n for start, n in _LENGTHS.items() if name.startswith(start)), None)
        if count is None:
            continue
        numbers = _floats(words[1:], f"line {place}")
        if len(numbers) != count:
            raise Miscalibrated(f"line {place}", f"{name} has {len(numbers)} numbers, not {count}")
        yield name, np.array(numbers)


def _kitti_camera(name: str, projection: Array, to_rect: Array, width: int, height: int) -> Camera:
    """P = K [I | t]: the camera stands at -t in the rectified frame of camera 0."""
    k, last = projection[:, :3], projection[:, 3]
    if k[0, 0] <= 0 or k[1, 1] <= 0 or abs(k[2, 2] - 1) > 1e-6:
        raise Miscalibrated(name, "its first three columns are no intrinsics")
    shift = np.eye(4)
    shift[:3, 3] = np.linalg.solve(k, last)
    return Camera(
        name,
        width,
        height,
        (float(k[0, 0]), float(k[1, 1])),
        (float(k[0, 2]), float(k[1, 2])),
        float(k[0, 1]),
        pose=poses.inverse(shift @ to_rect),
    )


def sustech(files: Mapping[str, str], sizes: Mapping[str, tuple[int, int]]) -> Rig:
    """The rig of SUSTechPOINTS' camera files: {name: text of its JSON} with `extrinsic` (16, row by
    row, lidar to camera) and `intrinsic` (9); `sizes` (width, height) by name."""
    found = []
    for name, text in files.items():
        doc = _json(text, name)
        if not isinstance(doc, dict):
            raise Miscalibrated(name, "must be an object of extrinsic and intrinsic")
        outer = np.array(_array(doc.get("extrinsic"), f"{name}.extrinsic", 16)).reshape(4, 4)
        inner = np.array(_array(doc.get("intrinsic"), f"{name}.intrinsic", 9)).reshape(3, 3)
        if name not in sizes:
            raise Miscalibrated(name, "the size of its image is not known")
        if not np.allclose(outer[3], [0, 0, 0, 1]):
            raise Miscalibrated(f"{name}.extrinsic", "its last row must be 0 0 0 1")
        outer[:3, :3] = _turn(outer[:3, :3], f"{name}.extrinsic")
        width, height = sizes[name]
        found.append(_of_matrix(name, inner, poses.inverse(outer), width, height, None))
    return Rig(tuple(found))


def nuscenes(tables: Mapping[str, list[dict[str, Any]]], sample: str) -> Rig:
    """The rig of one nuScenes sample: `tables` are the parsed JSON tables sensor,
    calibrated_sensor, ego_pose and sample_data; times are seconds from the lidar's."""
    try:
        return _nuscenes(tables, sample)
    except (TypeError, ValueError, KeyError, AttributeError, OverflowError) as error:
        raise Miscalibrated("", f"the tables are not nuScenes': {error!r:.200}") from error


def _nuscenes(tables: Mapping[str, list[dict[str, Any]]], sample: str) -> Rig:
    by_token = {
        name: {row.get("token"): row for row in tables.get(name, [])}
        for name in ("sensor", "calibrated_sensor", "ego_pose")
    }
    rows = [r for r in tables.get("sample_data", []) if r.get("sample_token") == sample]
    rows = [r for r in rows if r.get("is_key_frame", True)]
    if not rows:
        raise Miscalibrated("sample_data", f"has no rows of sample {sample[:100]!r}")
    found, ego, start = [], dict[float, Array](), None
    lidar, lidar_time = np.eye(4), None
    seen = [_nuscenes_row(row, by_token) for row in rows]
    start = next((time for channel, time, *_ in seen if "LIDAR" in channel), seen[0][1])
    for (channel, time, mount, pose, sensor), row in zip(seen, rows, strict=True):
        seconds = (time - start) / 1e6
        ego[seconds] = pose
        if "LIDAR" in channel:
            lidar, lidar_time = mount, seconds
        elif sensor.get("camera_intrinsic"):
            inner = np.array(sensor["camera_intrinsic"], dtype=np.float64)
            if inner.shape != (3, 3) or not np.isfinite(inner).all():
                raise Miscalibrated(f"calibrated_sensor {channel}", "camera_intrinsic is not 3 x 3")
            size = int(row.get("width") or 0), int(row.get("height") or 0)
            found.append(_of_matrix(channel, inner, mount, *size, seconds))
    times = tuple(sorted(ego))
    return Rig(tuple(found), lidar, lidar_time, np.stack([ego[t] for t in times]), times)


def _nuscenes_row(
    row: dict[str, Any], by_token: Mapping[str, Mapping[Any, dict[str, Any]]]
) -> tuple[str, float, Array, Array, dict[str, Any]]:
    """(channel, microseconds, sensor to ego, ego to world, calibrated sensor)."""
    where = f"sample_data {str(row.get('token'))[:100]}"
    mount = by_token["calibrated_sensor"].get(row.get("calibrated_sensor_token"))
    ego = by_token["ego_pose"].get(row.get("ego_pose_token"))
    if mount is None or ego is None:
        raise Miscalibrated(where, "its calibrated_sensor or ego_pose is in no table")
    sensor = by_token["sensor"].get(mount.get("sensor_token"), {})
    channel = str(sensor.get("channel") or row.get("channel") or "")
    time = float(_array([row.get("timestamp", 0)], where, 1)[0])
    return channel, time, _nuscenes_pose(mount, where), _nuscenes_pose(ego, where), mount


def _nuscenes_pose(row: dict[str, Any], where: str) -> Array:
    place = _array(row.get("translation"), f"{where} translation", 3)
    turn = _array(row.get("rotation"), f"{where} rotation", 4)
    if abs(math.hypot(*turn) - 1) > _PRINTED:
        raise Miscalibrated(f"{where} rotation", f"has length {math.hypot(*turn):.4g}, not 1")
    return poses.pose(place, turn)


def _of_matrix(
    name: str, inner: Array, pose: Array, width: int, height: int, time: float | None
) -> Camera:
    (fx, skew, cx), (_, fy, cy) = inner[:2].tolist()
    return Camera(name, width, height, (fx, fy), (cx, cy), skew, pose=pose, time=time)


def _turn(matrix: Array, where: str) -> Array:
    """The rotation nearest to a printed one (Kabsch 1976); raises where it is none."""
    if not np.isfinite(matrix).all():
        raise Miscalibrated(where, "holds NaN or infinity")
    if np.linalg.det(matrix) < 0:
        raise Miscalibrated(where, "mirrors the scene (determinant below zero): an axis is flipped")
    off = float(np.abs(matrix @ matrix.T - np.eye(3)).max())
    if off > _PRINTED:
        raise Miscalibrated(
            where, f"is no rotation: it is off by {off:.3g}; is it transposed or scaled?"
        )
    left, _, right = np.linalg.svd(matrix)
    return np.asarray(left @ right)


def _json(text: str, where: str) -> Any:
    try:
        return json.loads(text[:_MAX_CHARACTERS])
    except (ValueError, RecursionError) as error:
        raise Miscalibrated(where, f"is no JSON: {error}") from error


def _array(value: Any, where: str, count: int) -> list[float]:
    if not isinstance(value, list) or len(value) != count:
        raise Miscalibrated(where, f"must be a list of {count} numbers")
    return _floats(value, where)


def _floats(values: Iterable[Any], where: str) -> list[float]:
    found = []
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError) as error:
            hint = "; write decimals with a point" if "," in str(value) else ""
            raise Miscalibrated(where, f"{str(value)[:50]!r} is no number{hint}") from error
        if not math.isfinite(number):
            raise Miscalibrated(where, f"{str(value)[:50]!r} is not finite")
        found.append(number)
    return found
