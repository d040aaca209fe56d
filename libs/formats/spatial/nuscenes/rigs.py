"""What looked at a nuScenes sample, and from where: sensors and ego poses as our rig and sweeps."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

import numpy as np

from libs.formats import Doc, Unfit
from libs.formats.decoding import numbers
from libs.sensor import calibration
from libs.sensor.calibration import Rig
from libs.sensor.cameras import Camera

Array = np.ndarray
_MICRO = 1_000_000


@dataclass(frozen=True)
class Look:
    """One file of a sensor: when it looked (microseconds), where the sensor stands, where the
    vehicle was (tokens), and pixels."""

    channel: str
    file: str
    time: int
    mount: str
    ego: str
    width: int = 0
    height: int = 0

    @property
    def is_lidar(self) -> bool:
        return self.channel.startswith("LIDAR")


@dataclass
class Mounts:
    """Poses (4, 4) by token, of sensors in the vehicle and of the vehicle in the world, and lenses
    (camera_intrinsic, camera_distortion) of sensors."""

    poses: dict[str, Array] = field(default_factory=dict)
    lenses: dict[str, tuple[object, object]] = field(default_factory=dict)

    def rig(self, looks: Sequence[Look], start: int, told: list[str]) -> Rig:
        """The rig of one moment; times from `start` on. What a camera lacks is told."""
        found: list[Camera] = []
        lidar = next((one for one in looks if one.is_lidar), None)
        for one in looks:
            if not one.is_lidar:
                found += self._camera(one, (one.time - start) / _MICRO, told)
        pose = np.eye(4) if lidar is None else self.poses.get(lidar.mount, np.eye(4))
        when = None if lidar is None else (lidar.time - start) / _MICRO
        way, times = self.way(looks, start)
        known = when if times else None
        return Rig(tuple(found), pose, known, way, times, start=start * 1000)

    def series(self, moments: Sequence[Sequence[Look]], told: list[str]) -> Rig:
        """The rig of a scene: its sensors stand as at its first moment, poses are those of all."""
        start = next(one.time for one in moments[0] if one.is_lidar)
        first = self.rig(moments[0], start, told)
        stood: dict[str, str] = {}
        if any(stood.setdefault(one.channel, one.mount) != one.mount for one in chain(*moments)):
            told.append(
                "sensors that stand elsewhere later in the scene; that of its first sample is kept"
            )
        bare = tuple(_timeless(one) for one in first.cameras)
        way, times = self.way(chain(*moments), start)
        return Rig(bare, first.lidar, None, way, times, start=start * 1000)

    def way(self, looks: Iterable[Look], start: int) -> tuple[Array, tuple[float, ...]]:
        """((n, 4, 4), (n,)) where the vehicle was, by rising seconds from `start` on."""
        known = {one.time: self.poses[one.ego] for one in looks if one.ego in self.poses}
        stamps = sorted(known)
        way = np.stack([known[one] for one in stamps]) if stamps else np.empty((0, 4, 4))
        return way, tuple((one - start) / _MICRO for one in stamps)

    def _camera(self, one: Look, time: float, told: list[str]) -> list[Camera]:
        inner, bent = self.lenses.get(one.mount, (None, None))
        whole = isinstance(inner, list) and len(inner) == 3 and one.width and one.height
        if one.mount not in self.poses or not isinstance(inner, list) or not whole:
            told.append(f"the camera {one.channel[:100]} without pose, intrinsics or size")
            return []
        try:
            (fx, skew, cx), (_, fy, cy) = (numbers(row, "camera_intrinsic", 3) for row in inner[:2])
            lens = tuple(numbers(bent, "camera_distortion", None)) if bent else ()
        except (Unfit, TypeError, ValueError):
            told.append(f"the camera {one.channel[:100]} whose intrinsics are no numbers")
            return []
        sides = (one.width, one.height)
        pose = self.poses[one.mount]
        made = Camera(
            one.channel, *sides, (fx, fy), (cx, cy), skew, distortion=lens, pose=pose, time=time
        )
        return [made]


def sweep(
    looks: Sequence[Look], mounts: Mapping[str, Array], start: int, root: str, known: set[str]
) -> Doc:
    """One sweep of an item: its cloud and the pictures that are there, times, the lidar's pose."""
    lidar = next(one for one in looks if one.is_lidar)
    made: Doc = {"cloud": posixpath.join(root, lidar.file), "time": (lidar.time - start) / _MICRO}
    if lidar.ego in mounts and lidar.mount in mounts:
        made["pose"] = calibration.pose_document(mounts[lidar.ego] @ mounts[lidar.mount])
    sides = [
        {"name": one.channel, "image": name, "time": (one.time - start) / _MICRO}
        for one in looks
        if not one.is_lidar and (name := posixpath.join(root, one.file)) in known
    ]
    return made | ({"cameras": sides} if sides else {})


def _timeless(one: Camera) -> Camera:
    lens = (one.focal, one.centre, one.skew, one.model, one.distortion, one.pose)
    return Camera(one.name, one.width, one.height, *lens)
