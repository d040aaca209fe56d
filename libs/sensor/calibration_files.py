"""Calibration as others write it: KITTI, SUSTechPOINTS, nuScenes. All raise `Miscalibrated`.

KITTI after its devkits' readme (object, tracking and raw recordings); SUSTechPOINTS after its
`calib/camera/NAME.json`; nuScenes after its schema v1.0 (Lyft's and T4's tables are alike).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from libs.sensor import poses
from libs.sensor.calibration import MATRICES, Miscalibrated, Rig
from libs.sensor.cameras import Camera

Array = np.ndarray
_MAX_CHARACTERS = 1_000_000
_KITTI = {"R_rect": "R0_rect", "Tr_velo_cam": "Tr_velo_to_cam", "Tr_imu_velo": "Tr_imu_to_velo"}
_LENGTHS = {"P": 12, "R0_rect": 9, "Tr_": 12}
_LENSES, _VELO, _IMU = "calib_cam_to_cam.txt", "calib_velo_to_cam.txt", "calib_imu_to_velo.txt"
# By how names begin, the longer ones first.
_RAW = {
    **{"S_rect_": 2, "R_rect_": 9, "P_rect_": 12},
    **{"S_": 2, "K_": 9, "D_": 5, "R_": 9, "T_": 3, "R": 9, "T": 3},
}
_MOST_PIXELS = 65_536
# Width and height of KITTI's rectified images where nothing says them.
KITTI_SIZE = (1242, 375)
# Microseconds of nuScenes, the largest numbers there are, stay below it; focal lengths above.
_LARGEST, _SMALLEST = 1e18, 1e-6
# A rotation as printed with six digits is orthogonal up to this.
_PRINTED = 1e-3


def kitti(text: str, sizes: Mapping[str, tuple[int, int]] | None = None) -> Rig:
    """The rig of a KITTI `calib.txt` (object or tracking): cameras P0 to P3 in the lidar's frame.

    `sizes` gives (width, height) of the images by camera ("P2"); KITTI's files do not say them,
    and 1242 x 375 is usual. The file's own numbers are kept as `Rig.matrices`.
    """
    rows = dict(_kitti_rows(text))
    to_rect = rectified({name: tuple(row.tolist()) for name, row in rows.items()})
    found = []
    for name in ("P0", "P1", "P2", "P3"):
        if name in rows:
            size = (sizes or {}).get(name, KITTI_SIZE)
            found.append(_kitti_camera(name, rows[name], to_rect, size, name))
    kept = {name: tuple(rows[name].tolist()) for name in MATRICES if name in rows}
    return Rig(tuple(found), matrices=kept)


def rectified(matrices: Mapping[str, Sequence[float]]) -> Array:
    """Return the (4, 4) that leads from the lidar into the rectified frame of camera 0, by the rows
    of a KITTI calibration; raise `Miscalibrated`."""
    for needed in ("P2", "R0_rect", "Tr_velo_to_cam"):
        if needed not in matrices:
            raise Miscalibrated(needed, "is missing; this is no KITTI calibration")
    rectify = _rigid(np.array(matrices["R0_rect"]), np.zeros(3), "R0_rect")
    velo = np.array(matrices["Tr_velo_to_cam"]).reshape(3, 4)
    return np.asarray(rectify @ _rigid(velo[:, :3], velo[:, 3], "Tr_velo_to_cam"))


def kitti_rows(rig: Rig) -> Mapping[str, tuple[float, ...]]:
    """Return the rows of the KITTI calibration that a rig was read from; none where the rig was
    changed since, or came from elsewhere."""
    if not rig.matrices:
        return {}
    try:
        to_rect = rectified(rig.matrices)
        for one in rig.cameras:
            row = np.array(rig.matrices.get(one.name, ()))
            wanted = _kitti_camera(one.name, row, to_rect, (one.width, one.height), one.name)
            if not _alike(one, wanted, rig.lidar):
                return {}
    except (Miscalibrated, ValueError, np.linalg.LinAlgError):
        return {}
    return rig.matrices


def _alike(one: Camera, other: Camera, lidar: Array) -> bool:
    inner = np.allclose(one.matrix, other.matrix, rtol=_SMALLEST, atol=_SMALLEST)
    placed = np.allclose(poses.inverse(lidar) @ one.pose, other.pose, atol=_SMALLEST)
    return bool(inner and placed and not one.distortion and one.model == other.model)


def kitti_raw(files: Mapping[str, str], rectified: bool = True) -> Rig:
    """The rig of a KITTI raw recording: {name: text} of `calib_cam_to_cam.txt`,
    `calib_velo_to_cam.txt` and, where it is there, `calib_imu_to_velo.txt`.

    Cameras are called P0 to P3 as in `kitti`; those of the rectified images (`sync`), or else of
    the images as the lenses made them (`extract`). The rig's frame is that of the IMU, of which
    `oxts` tells the way, or that of the lidar where nothing says how the IMU stands.
    """
    rows = _raw_rows(files, _LENSES)
    lidar = poses.inverse(_raw_pose(files, _IMU)) if _IMU in files else np.eye(4)
    to_first = _raw_pose(files, _VELO) @ poses.inverse(lidar)
    made = _rectified_camera if rectified else _raw_camera
    kinds = ("S_rect", "P_rect") if rectified else ("S", "K", "D", "R", "T")
    found = [
        made(rows, number, to_first)
        for number in ("00", "01", "02", "03")
        if any(f"{kind}_{number}" in rows for kind in kinds)
    ]
    if not found:
        raise Miscalibrated(_LENSES, f"has no camera: {kinds[0]}_00 and what goes with it")
    return Rig(tuple(found), lidar)


def _rectified_camera(rows: Mapping[str, Array], number: str, to_first: Array) -> Camera:
    """All rectified cameras look as the first one does: R_rect_00 is the only turn there is."""
    turn = _needed(rows, "R_rect_00", _LENSES)
    to_rect = _rigid(turn, np.zeros(3), f"{_LENSES} R_rect_00") @ to_first
    size, name = _raw_size(rows, f"S_rect_{number}"), f"P_rect_{number}"
    projection = _needed(rows, name, _LENSES)
    return _kitti_camera(f"P{int(number)}", projection, to_rect, size, f"{_LENSES} {name}")


def _raw_camera(rows: Mapping[str, Array], number: str, to_first: Array) -> Camera:
    """R and T bring points of the first camera's frame into that of this one."""
    inner, bent, turn, place = (_needed(rows, f"{kind}_{number}", _LENSES) for kind in "KDRT")
    (fx, skew, cx), (_, fy, cy) = _inner(inner.reshape(3, 3), f"{_LENSES} K_{number}")[:2].tolist()
    return Camera(
        f"P{int(number)}",
        *_raw_size(rows, f"S_{number}"),
        (fx, fy),
        (cx, cy),
        skew,
        distortion=tuple(bent.tolist()),
        pose=poses.inverse(_rigid(turn, place, f"{_LENSES} R_{number}") @ to_first),
    )


def _raw_rows(files: Mapping[str, str], file: str) -> dict[str, Array]:
    if file not in files:
        raise Miscalibrated(file, "is missing; a raw recording has it beside its drives")
    return dict(_kitti_rows(files[file], _RAW, f"{file} "))


def _raw_pose(files: Mapping[str, str], file: str) -> Array:
    rows = _raw_rows(files, file)
    turn, place = (_needed(rows, name, file) for name in "RT")
    return _rigid(turn, place, f"{file} R")


def _raw_size(rows: Mapping[str, Array], name: str) -> tuple[int, int]:
    """(width, height), which KITTI prints as it prints all numbers."""
    width, height = _needed(rows, name, _LENSES).tolist()
    if not all(one.is_integer() and 0 < one <= _MOST_PIXELS for one in (width, height)):
        words = f"{width:g} x {height:g} are no whole numbers of pixels, 1 to {_MOST_PIXELS}"
        raise Miscalibrated(f"{_LENSES} {name}", words)
    return int(width), int(height)


def _needed(rows: Mapping[str, Array], name: str, file: str) -> Array:
    if name not in rows:
        raise Miscalibrated(f"{file} {name}", "is missing")
    return rows[name]


def _kitti_rows(
    text: str, lengths: Mapping[str, int] = _LENGTHS, file: str = ""
) -> Iterable[tuple[str, Array]]:
    """Names are followed by a colon, or in tracking calibration by none."""
    for place, line in enumerate(text[:_MAX_CHARACTERS].splitlines(), 1):
        words = line.replace(":", " ").split()
        if not words:
            continue
        name = _KITTI.get(words[0], words[0])
        count = next((n for start, n in lengths.items() if name.startswith(start)), None)
        if count is None:
            continue
        where = f"{file}line {place}"
        numbers = _floats(words[1:], where)
        if len(numbers) != count:
            raise Miscalibrated(where, f"{name} has {len(numbers)} numbers, not {count}")
        yield name, np.array(numbers)


def _kitti_camera(
    name: str, projection: Array, to_rect: Array, size: tuple[int, int], where: str
) -> Camera:
    """P = K [I | t]: the camera stands at -t in the rectified frame of camera 0."""
    k, last = np.split(projection.reshape(3, 4), [3], axis=1)
    shift = np.eye(4)
    shift[:3, 3] = np.linalg.solve(_inner(k, where), last)[:, 0]
    return _of_matrix(name, k, poses.inverse(shift @ to_rect), *size, None)


def _inner(matrix: Array, where: str) -> Array:
    """Intrinsics (3, 3): zeros below focal lengths, and 1 in the corner."""
    below = np.abs(np.tril(matrix, -1)).max()
    focal, corner = min(matrix[0, 0], matrix[1, 1]), abs(matrix[2, 2] - 1)
    if focal < _SMALLEST or max(below, corner) > _SMALLEST:
        raise Miscalibrated(where, "its first three columns are no intrinsics")
    return matrix


def _rigid(turn: Array, place: Array, where: str) -> Array:
    """(4, 4) of a printed rotation of nine numbers and a place."""
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = _turn(turn.reshape(3, 3), where), place
    return pose


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
        if abs(number) > _LARGEST:
            raise Miscalibrated(where, f"{str(value)[:50]!r} is beyond any length or time")
        found.append(number)
    return found
