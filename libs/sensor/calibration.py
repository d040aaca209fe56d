"""A rig of sensors: where each stands, what its lens does, when it looked. Our plain JSON.

Format and frames: docs/geometry.md. Poses bring points of a sensor's frame into that of the rig
(`ego`), ego poses those of the rig into the `world`. Times are seconds, lengths metres.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from libs.sensor import cameras, poses, rotations
from libs.sensor.cameras import Camera

Array = np.ndarray
Doc = dict[str, Any]
MOST_CAMERAS, MOST_POSES, MOST_LANDMARKS = 100, 100_000, 1_000
_LARGEST = 1e12
# More than a float holds exactly, in the 64 bits of others.
_WHOLE = re.compile(r"-?[0-9]{1,18}|[1-8][0-9]{18}")
# Rows of a KITTI calibration in the order of its files, and how many numbers each has.
MATRICES = {
    **dict.fromkeys(("P0", "P1", "P2", "P3"), 12),
    **{"R0_rect": 9, "Tr_velo_to_cam": 12, "Tr_imu_to_velo": 12},
}
_POSE = ("x", "y", "z", "qw", "qx", "qy", "qz")
_POSE_FIELDS, _EGO_FIELDS = frozenset(_POSE), frozenset(("time", "pose"))
_LANDMARK = ("x", "y", "z", "u", "v")
_CAMERA = frozenset(
    (
        *("name", "width", "height", "model", "focal", "centre", "skew", "distortion"),
        *("pose", "time", "landmarks"),
    )
)


class Miscalibrated(Exception):
    """What is wrong with a calibration: `field` is its path, the message says what to do."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"{field}: {reason}" if field else reason)
        self.field, self.reason = field, reason


@dataclass(frozen=True)
class Rig:
    """`lidar` (4, 4) brings points of the lidar into the rig's frame; `ego` (n, 4, 4) those of the
    rig into the world at `times` (n,). A rig may lack any of it. `matrices` are the rows of the
    KITTI calibration that it was read from, as that file has them. `start`, nanoseconds of the
    recording's clock, is when all times of the item begin."""

    cameras: tuple[Camera, ...] = ()
    lidar: Array = field(default_factory=lambda: np.eye(4))
    lidar_time: float | None = None
    ego: Array = field(default_factory=lambda: np.empty((0, 4, 4)))
    times: tuple[float, ...] = ()
    matrices: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    start: int = 0

    def camera(self, name: str) -> Camera:
        """Raises `Miscalibrated` where there is no such camera."""
        for one in self.cameras:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.cameras) or "none"
        raise Miscalibrated("cameras", f"there is no camera {name[:100]!r}; there are: {known}")

    def to_camera(self, points: Array, name: str) -> Array:
        """(n, 3) points of the lidar in the camera's frame. Where ego poses and both times are
        known, the way between the two moments is taken into account."""
        return poses.apply(self.to_camera_pose(name), points)

    def to_camera_pose(self, name: str) -> Array:
        """(4, 4) from the lidar's frame into the camera's, as `to_camera` says."""
        camera, way = self.camera(name), self.lidar
        if self.times and self.lidar_time is not None and camera.time is not None:
            here = poses.at(self.ego, self.times, self.lidar_time)
            there = poses.at(self.ego, self.times, camera.time)
            way = poses.inverse(there) @ here @ way
        return np.asarray(poses.inverse(camera.pose) @ way)

    def project(self, points: Array, name: str) -> tuple[Array, Array, Array]:
        """As `cameras.project`, of points (n, 3) of the lidar."""
        return cameras.project(self.camera(name), self.to_camera(points, name))


def rig(doc: Any, path: str = "") -> Rig:
    """The rig of a plain JSON document; raises `Miscalibrated` with the field's path."""
    known = _object(doc, path, frozenset(("lidar", "cameras", "ego", "matrices", "start")))
    lidar = _object(known.get("lidar", {}), _at(path, "lidar"), frozenset(("pose", "time")))
    found = [
        camera(one, f"{_at(path, 'cameras')}[{i}]")
        for i, one in enumerate(_list(known.get("cameras", []), _at(path, "cameras"), MOST_CAMERAS))
    ]
    names = [one.name for one in found]
    for i, name in enumerate(names):
        if name in names[:i]:
            raise Miscalibrated(f"{_at(path, 'cameras')}[{i}].name", f"{name!r} is there twice")
    ego, times = _ego(known.get("ego", []), _at(path, "ego"))
    pose = lidar.get("pose")
    return Rig(
        tuple(found),
        np.eye(4) if pose is None else pose_of(pose, f"{_at(path, 'lidar')}.pose"),
        _time(lidar, _at(path, "lidar")),
        ego,
        times,
        _matrices(known.get("matrices", {}), _at(path, "matrices")),
        _start(known.get("start", "0"), _at(path, "start")),
    )


def _start(text: Any, path: str) -> int:
    if not isinstance(text, str) or not _WHOLE.fullmatch(text):
        raise Miscalibrated(path, 'must be the text of a whole number of nanoseconds, "1532..."')
    return int(text)


def _matrices(doc: Any, path: str) -> dict[str, tuple[float, ...]]:
    known = _object(doc, path, frozenset(MATRICES))
    return {
        name: tuple(_numbers(known[name], _at(path, name), count))
        for name, count in MATRICES.items()
        if name in known
    }


def camera(doc: Any, path: str = "") -> Camera:
    """One camera of a plain JSON document; raises `Miscalibrated`."""
    one = _object(doc, path, _CAMERA)
    model = one.get("model", cameras.PINHOLE)
    if not isinstance(model, str) or model not in cameras.COEFFICIENTS:
        words = f"must be {' or '.join(cameras.COEFFICIENTS)}, not {str(model)[:100]!r}"
        raise Miscalibrated(_at(path, "model"), words)
    name = one.get("name", "")
    if not isinstance(name, str) or len(name) > 100:
        raise Miscalibrated(_at(path, "name"), "must be a text of at most 100 characters")
    focal = _numbers(one.get("focal"), _at(path, "focal"), 2)
    centre = _numbers(one.get("centre"), _at(path, "centre"), 2)
    bent = _numbers(one.get("distortion", []), _at(path, "distortion"), None)
    most = cameras.COEFFICIENTS[model]
    if len(bent) > most:
        words = f"has {len(bent)} coefficients; a {model} camera has {most} at most"
        raise Miscalibrated(_at(path, "distortion"), words)
    pose = one.get("pose")
    return Camera(
        name=name,
        width=_side(one, path, "width"),
        height=_side(one, path, "height"),
        focal=(focal[0], focal[1]),
        centre=(centre[0], centre[1]),
        skew=_number(one.get("skew", 0.0), _at(path, "skew")),
        model=model,
        distortion=tuple(bent),
        pose=np.eye(4) if pose is None else pose_of(pose, _at(path, "pose")),
        time=_time(one, path),
        landmarks=_landmarks(one.get("landmarks", []), _at(path, "landmarks")),
    )


def _landmarks(docs: Any, path: str) -> Array:
    """(n, 5) of a list of {x, y, z, u, v}, every number given."""
    rows = []
    for i, doc in enumerate(_list(docs, path, MOST_LANDMARKS)):
        one = _object(doc, f"{path}[{i}]", frozenset(_LANDMARK))
        rows.append([_number(one.get(name), f"{path}[{i}].{name}") for name in _LANDMARK])
    return np.array(rows, dtype=np.float64).reshape(-1, 5)


def pose_of(doc: Any, path: str = "") -> Array:
    """(4, 4) of {x, y, z, qw, qx, qy, qz}; raises `Miscalibrated`."""
    numbers = _pose_numbers(doc, path)
    return poses.pose(numbers[:3], numbers[3:])


def _pose_numbers(doc: Any, path: str) -> list[float]:
    """x, y, z, qw, qx, qy, qz; the rotation has length 1."""
    one = _object(doc, path, _POSE_FIELDS)
    numbers = [_number(one.get(name, 0.0), path, name) for name in _POSE]
    length = math.hypot(*numbers[3:])
    if abs(length - 1) > 1e-3:
        words = f"qw, qx, qy, qz have length {length:.4g}, not 1: is the order w, x, y, z?"
        raise Miscalibrated(path, words)
    return numbers


def document(some: Rig) -> Doc:
    """The plain JSON document of a rig."""
    doc: Doc = {"lidar": {"pose": pose_document(some.lidar)}}
    if some.lidar_time is not None:
        doc["lidar"]["time"] = some.lidar_time
    doc["cameras"] = [camera_document(one) for one in some.cameras]
    pairs = zip(some.times, some.ego, strict=True)
    doc["ego"] = [{"time": time, "pose": pose_document(pose)} for time, pose in pairs]
    doc["matrices"] = {name: list(row) for name, row in some.matrices.items()}
    doc["start"] = f"{some.start}" if some.start else ""
    return {name: value for name, value in doc.items() if value}


def camera_document(one: Camera) -> Doc:
    doc: Doc = {
        "name": one.name,
        "width": one.width,
        "height": one.height,
        "focal": list(one.focal),
        "centre": list(one.centre),
        "pose": pose_document(one.pose),
    }
    if one.model != cameras.PINHOLE:
        doc["model"] = one.model
    if one.skew:
        doc["skew"] = one.skew
    if one.distortion:
        doc["distortion"] = list(one.distortion)
    if len(one.landmarks):
        rows = one.landmarks.tolist()
        doc["landmarks"] = [dict(zip(_LANDMARK, row, strict=True)) for row in rows]
    return doc if one.time is None else {**doc, "time": one.time}


def pose_document(pose: Array) -> Doc:
    """{x, y, z, qw, qx, qy, qz} of a pose (4, 4)."""
    numbers = [*pose[:3, 3], *rotations.quaternion(pose[:3, :3])]
    return {name: float(v) for name, v in zip(_POSE, numbers, strict=True)}


# -- strict reading ------------------------------------------------------------------------------


def _at(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _object(doc: Any, path: str, known: frozenset[str]) -> Doc:
    if not isinstance(doc, dict):
        raise Miscalibrated(path, f"must be an object of {', '.join(sorted(known))}")
    if not doc.keys() <= known:
        unknown = sorted(str(name) for name in doc.keys() - known)
        words = f"unknown field; known are {', '.join(sorted(known))}"
        raise Miscalibrated(_at(path, unknown[0][:100]), words)
    return doc


def _list(doc: Any, path: str, most: int) -> Sequence[Any]:
    if not isinstance(doc, list) or len(doc) > most:
        raise Miscalibrated(path, f"must be a list of at most {most} entries")
    return doc


def _number(value: Any, path: str, name: str = "") -> float:
    # Beyond what a float holds lies no place; `isfinite` would raise for such a whole number.
    fits = isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < _LARGEST
    if not fits:
        words = f"must be a finite number, not {str(value)[:50]!r}"
        raise Miscalibrated(_at(path, name) if name else path, words)
    return float(value)


def _numbers(value: Any, path: str, count: int | None) -> list[float]:
    if not isinstance(value, list) or (count is not None and len(value) != count):
        words = f"must be a list of {count} numbers" if count else "must be a list of numbers"
        raise Miscalibrated(path, words)
    return [_number(one, f"{path}[{i}]") for i, one in enumerate(value[:100])]


def _side(one: Doc, path: str, name: str) -> int:
    value = one.get(name)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= 65_536:
        raise Miscalibrated(_at(path, name), "must be a whole number of pixels, 1 to 65536")
    return value


def _time(one: Doc, path: str) -> float | None:
    return _number(one["time"], _at(path, "time")) if "time" in one else None


def _ego(docs: Any, path: str) -> tuple[Array, tuple[float, ...]]:
    numbers: list[list[float]] = []
    times: list[float] = []
    for i, one in enumerate(_list(docs, path, MOST_POSES)):
        where = f"{path}[{i}]"
        known = _object(one, where, _EGO_FIELDS)
        times.append(_number(known.get("time"), where, "time"))
        numbers.append(_pose_numbers(known.get("pose"), f"{where}.pose"))
        if i and times[i] <= times[i - 1]:
            raise Miscalibrated(f"{where}.time", "must be after the one ahead of it")
    # Made at once: one by one, the matrices of a long drive take most of the time.
    rows = np.array(numbers, dtype=np.float64).reshape(-1, len(_POSE))
    return poses.pose(rows[:, :3], rows[:, 3:]), tuple(times)
