"""What lies beside KITTI's labels, by the key that a file shares with them: calibration, clouds,
pictures of the left and right colour camera, and the way of a sequence (`oxts/`)."""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from typing import Any

import numpy as np

from libs.formats import Doc, Unfit
from libs.formats.media import SUFFIXES, size_of
from libs.formats.source import Source
from libs.sensor import calibration, calibration_files, oxts, poses
from libs.sensor.calibration import Miscalibrated, Rig

Array = np.ndarray
CAMERA, RIGHT = "P2", "P3"
LABELS = ("label_2", "label_02", "label")
_LEFT_FOLDERS, _RIGHT_FOLDERS = ("image_2", "image_02", "image"), ("image_3", "image_03")
_FOLDERS = (*LABELS, "calib", *_LEFT_FOLDERS, *_RIGHT_FOLDERS, "velodyne", "lidar")
_CLOUDS = (".bin", ".pcd", ".las", ".laz")
_CAMERAS = ("P0", "P1", "P2", "P3")
_WHOLE = re.compile(r"[0-9]{1,9}")


class KittiFiles:
    """Clouds and images by the key that labels share with them."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._clouds = {key_of(n): n for n in source.ending(*_CLOUDS)}
        sides = source.ending(*SUFFIXES)
        self._images = {key_of(n): n for n in sides if not _is_right(n)}
        self._right = {key_of(n): n for n in sides if _is_right(n)}
        # Number -> cloud by sequence.
        self._series: dict[str, dict[int, str]] = defaultdict(dict)
        for key, name in self._clouds.items():
            folder, _, stem = key.rpartition("/")
            if _WHOLE.fullmatch(stem):
                self._series[folder][int(stem)] = name

    def last(self, key: str) -> int:
        """The number of the last cloud of a sequence; 0 where there is none."""
        return max(self._series.get(key, {}), default=0)

    def rig(self, name: str) -> Rig | None:
        """Return the rig of the label file of that name by the one called so in `calib`, or None
        where there is none; raise `Unfit`."""
        beside = "/".join("calib" if part in LABELS else part for part in name.split("/"))
        if beside == name or beside not in self._source:
            return None
        sizes = dict.fromkeys(_CAMERAS, self._size(key_of(name)))
        try:
            return calibration_files.kitti(self._source.text(beside), sizes)
        except (Miscalibrated, np.linalg.LinAlgError) as error:
            raise Unfit(f"{beside}: {error}") from error

    def media(self, key: str, value: Doc) -> dict[str, str]:
        """The image only where the label is on it, too; tracks are of many."""
        if "cuboid_tracks" in value:
            return {}
        found = {"cloud": self._clouds.get(key)}
        if "fusion" in value:
            found[f"cameras/{CAMERA}"] = self._images.get(key)
        return {type_: name for type_, name in found.items() if name}

    def absent(self, key: str) -> str:
        """Why a sequence has no sweeps, where some of its clouds are there."""
        clouds = self._series.get(key, {})
        lacking = sorted(set(range(self.last(key) + 1)) - clouds.keys())
        if not clouds or not lacking:
            return ""
        words = f"the clouds of {len(lacking)} frames are not there, {lacking[0]} for one"
        return f"{words}: a series needs all; split the sequence there"

    def sweeps(self, key: str, rig: Rig | None, told: list[str]) -> list[Doc]:
        """The clouds of a sequence with their pictures, and poses where `oxts/` and calibration
        tell them; none where no cloud is there."""
        clouds = self._series.get(key, {})
        way = self._way(key, rig, len(clouds), told)
        made: list[Doc] = []
        for place in range(len(clouds)):
            one: dict[str, Any] = {"cloud": clouds[place]}
            if way is not None:
                one["pose"] = calibration.pose_document(way[place])
            stem = posixpath.splitext(posixpath.basename(clouds[place]))[0]
            sides = [
                {"name": camera, "image": name}
                for camera, known in ((CAMERA, self._images), (RIGHT, self._right))
                if (name := known.get(f"{key}/{stem}"))
            ]
            made.append(one | ({"cameras": sides} if sides else {}))
        return made

    def _way(self, key: str, rig: Rig | None, count: int, told: list[str]) -> Array | None:
        """(n, 4, 4) of the lidar in the world at each frame; None where nothing tells."""
        folder, stem = posixpath.split(key)
        name = posixpath.join(folder, "oxts", f"{stem}.txt")
        if not count or name not in self._source:
            return None
        lines = [one for one in self._source.text(name).splitlines() if one.strip()]
        mount = None if rig is None else rig.matrices.get("Tr_imu_to_velo")
        if mount is None or len(lines) < count:
            told.append(f"poses of {name}: calibration or packets of some frames are missing")
            return None
        try:
            way = oxts.placed([(f"{name} line {n}", one) for n, one in enumerate(lines, 1)])
        except Miscalibrated as error:
            told.append(f"poses: {error}")
            return None
        of_imu = np.vstack([np.reshape(mount, (3, 4)), [0, 0, 0, 1]])
        return np.asarray(way @ poses.inverse(of_imu))

    def _size(self, key: str) -> tuple[int, int]:
        """Width and height of the rectified images: that of the label, or the first of its
        sequence, and what is usual where neither is there."""
        name = self._images.get(key)
        name = name or next((n for k, n in self._images.items() if k.startswith(f"{key}/")), None)
        if name is None:
            return calibration_files.KITTI_SIZE
        with self._source.open(name) as file:
            return size_of(file)


def key_of(name: str) -> str:
    """`FOLDER/NAME` of `FOLDER/label_2/NAME.txt`, and of the files that go with it."""
    parts = posixpath.splitext(name)[0].split("/")
    known = [place for place, part in enumerate(parts[:-1]) if part in _FOLDERS]
    return "/".join(part for place, part in enumerate(parts) if place not in known[-1:])


def _is_right(name: str) -> bool:
    return bool({*name.split("/")} & {*_RIGHT_FOLDERS})
