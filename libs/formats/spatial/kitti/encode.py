"""KITTI's 3D object and tracking labels (cvlibs.net/datasets/kitti, readmes of both kits).

One zip a part: `FOLDER/label_2/NAME.txt` with `type truncated occluded alpha left top right bottom
height width length x y z rotation_y [score]`, and `FOLDER/calib/NAME.txt`. A place there is the
middle of the box's bottom in the rectified frame of the camera (x right, y down, z forward), a turn
is about y only; ours is the middle of the box, in the frame of the lidar.

The calibration is the item's: as KITTI's own file had it where it came from one, else its cameras
that look one way, in the frame of the one that the boxes are on. Nothing is made up: rows that the
item does not know are left out, which is told, and without calibration only boxes in the frame of
the camera can be written, others are refused. -1 is not known; `truncated` and `occluded` are
attributes. A row of -1 and -1000 is a 2D box alone; `DontCare` is an area to be ignored, a `crowd`
of ours.

Tracks are one file a sequence, `FOLDER/label_02/NAME.txt`: the same rows behind `frame track`, both
whole numbers from 0, sorted by frame. Between key frames boxes are interpolated. How many frames a
sequence has is said by the clouds beside it alone.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from itertools import count

import numpy as np

from libs.formats import Doc, Format, Unfit
from libs.formats.encoding import ZipEncoder
from libs.formats.image import shapes
from libs.formats.media import file_name
from libs.formats.spatial import boxes3d
from libs.formats.spatial.kitti.decode import ALONE, IGNORED, decode
from libs.sensor import boxes, calibration_files, cameras, poses, rotations, tracks
from libs.sensor.calibration import Rig
from libs.sensor.cameras import Camera

Array = np.ndarray
_UNHELD = ("source", "velocity", "point_count")
_OWN = ("truncated", "occluded")
# Radians of tilt against the camera that nobody would see.
_TILT = 2e-3
_PARALLEL = 1e-6
# Of metres and radians: without the noise of going into another frame and back.
_DECIMALS = 9
_CAMERAS = ("P0", "P1", "P2", "P3")
# What stands beside the cameras in calibration, as object labels and tracking call it.
_OF_OBJECTS = ("R0_rect:", "Tr_velo_to_cam:", "Tr_imu_to_velo:")
_OF_TRACKS = ("R_rect", "Tr_velo_cam", "Tr_imu_velo")
_NUMBERED = re.compile(r"0|[1-9][0-9]{0,17}")
_NO_BOX = (-1.0, -1.0, -1.0, -1.0)


class KittiEncoder(ZipEncoder):
    format = "kitti"

    def write(self, row: Doc) -> None:
        value = row["value"]
        if "cuboid_tracks" in value:
            self._sequence(row, value["cuboid_tracks"])
            return
        if "cuboids" not in value and "fusion" not in value:
            raise Unfit("the label has no 3D boxes")
        rig = boxes3d.rig_of(self.job, row)
        fusion = value.get("fusion", {})
        found = value.get("cuboids") or fusion.get("cuboids") or {"frame": "lidar"}
        camera = self._camera(row, rig, fusion, found["frame"])
        view = self._view(row, rig, camera, found["frame"])
        flat, alone = self._flat(row, fusion, camera)
        lines = [
            self._line(row, one, view, flat.get(one.get("id", "")))
            for one in found.get("cuboids", [])
        ]
        lines += [_alone(one) for one in alone]
        self._put(row, "label_2", lines, self._calibration(row, rig, view))
        self.objects += len(lines)

    def _sequence(self, row: Doc, held: Doc) -> None:
        """Rows of all tracks by frame; those in the world go where the lidar stands, sweep by
        sweep."""
        rig, frame, ways = boxes3d.rig_of(self.job, row), held["frame"], None
        _, found = boxes3d.motion_of(self.job, row)
        if frame == "world" and found is not None:
            self.tell(row, "boxes in the world are read again in the frame of the lidar")
            frame, ways = "lidar", poses.inverse(found)
        camera = self._camera(row, rig, {}, frame)
        view = self._view(row, rig, camera, frame)
        every = boxes3d.filled(self.job, row, held)
        lines: list[tuple[int, str]] = []
        for (track, frames), key in zip(every, self._ids(row, every), strict=True):
            lines += self._series(row, track, frames, key, view, ways)
        lines.sort(key=lambda one: one[0])
        last = max((place for place, _ in lines), default=-1)
        if last + 1 < len(boxes3d.sweeps_of(self.job, row)):
            self.tell(row, "KITTI does not say how many frames there are behind the last box")
        texts = [line for _, line in lines]
        self._put(row, "label_02", texts, self._calibration(row, rig, view, _OF_TRACKS))
        self.objects += len(every)

    def _series(
        self, row: Doc, track: Doc, frames: list[Doc], key: str, view: _View, ways: Array | None
    ) -> list[tuple[int, str]]:
        """(frame, row) of one track; what a key frame says holds until another says otherwise."""
        self._told(row, track)
        for unheld in ("time", "occluded"):
            if any(one.get(unheld) for one in track["frames"]):
                self.tell(row, f"KITTI has no place for {unheld} of a key frame")
        known, lines = {**track.get("attributes", {})}, []
        kept: Doc = {k: track[k] for k in ("class", "score") if k in track}
        for one in frames:
            known |= one.get("attributes", {})
            if one.get("outside"):
                continue
            place = tracks.number(one)
            box = boxes3d.moved(one, None if ways is None else ways[place])
            line = self._line(row, {**box, **kept, "attributes": known}, view, None)
            lines.append((place, f"{place} {key} {line}"))
        return lines

    def _ids(self, row: Doc, every: Sequence[tuple[Doc, list[Doc]]]) -> list[str]:
        """Whole numbers stay; other ids become numbers that no track has."""
        keys = [track.get("id", "") for track, _ in every]
        held = {key for key in keys if _NUMBERED.fullmatch(key)}
        if any(key and key not in held for key in keys):
            self.tell(row, "ids of tracks that are no whole numbers are numbered anew")
        free = (str(one) for one in count() if str(one) not in held)
        return [key if key in held else next(free) for key in keys]

    def _put(self, row: Doc, kind: str, lines: list[str], calibration: str) -> None:
        """Labels and the calibration beside them."""
        stem = posixpath.splitext(file_name(row, boxes3d.cloud_of(self.job, row)))[0]
        folder, name = posixpath.split(self.unique(f"{stem}.txt"))
        self.zip.put(posixpath.join(folder, kind, name), "".join(lines).encode())
        if calibration:
            self.zip.put(posixpath.join(folder, "calib", name), calibration.encode())

    def _view(self, row: Doc, rig: Rig | None, camera: Camera | None, frame: str) -> _View:
        view = _View(rig, camera, frame)
        if camera is None:
            self.tell(row, "the item has no calibration: no file calib/ is written")
        if frame == "ego":
            self.tell(row, "boxes in the frame of the vehicle are read again in that of the lidar")
        return view

    def _camera(self, row: Doc, rig: Rig | None, fusion: Doc, frame: str) -> Camera | None:
        """The one whose image the boxes are on: the frame's, P2, the first the label is on."""
        if rig is None or not rig.cameras:
            return None
        known = {one.name: one for one in rig.cameras}
        labelled = [one["camera"] for one in fusion.get("cameras", []) if one.get("objects")]
        wanted = [frame.removeprefix("camera:"), "P2", *labelled]
        camera = next((known[name] for name in wanted if name in known), rig.cameras[0])
        if camera.distortion:
            self.tell(row, "KITTI's images are rectified: the lens's distortion is left out")
        return camera

    def _flat(
        self, row: Doc, fusion: Doc, camera: Camera | None
    ) -> tuple[dict[str, Doc], list[Doc]]:
        """2D objects by the id of their cuboid, and those without one."""
        sides = fusion.get("cameras", [])
        chosen = camera.name if camera else next((one["camera"] for one in sides), "")
        objects = dict[str, Doc]()
        if chosen not in ("", "P2"):
            self.tell(row, f"KITTI's camera is called P2: {chosen} loses its name")
        for one in sides:
            if one["camera"] != chosen and one.get("objects"):
                self.tell(row, f"KITTI has one image: objects of {one['camera']} are left out")
            elif one["camera"] == chosen:
                objects = {o.get("id") or f"{i}": o for i, o in enumerate(one.get("objects", []))}
        linked = {
            link["cuboid"]: link["object"]
            for link in fusion.get("links", [])
            if link["camera"] == chosen and link["object"] in objects
        }
        alone = [one for key, one in objects.items() if key not in linked.values()]
        for one in objects.values():
            if shapes.geometry(one)[0] != "rect":
                self.tell(row, "of a shape on the image only the box around it is held")
        return {key: objects[one] for key, one in linked.items()}, alone

    def _line(self, row: Doc, one: Doc, view: _View, flat: Doc | None) -> str:
        self._told(row, one)
        if flat is not None and flat.get("class") != one.get("class"):
            self.tell(row, "KITTI has one class for a box and its place on the image")
        length, width, height = boxes.vector(one["size"])
        pose = view.way @ boxes3d.pose_of(one)
        forward, up = pose[:3, 0], pose[:3, 2]
        if up[1] > -np.cos(_TILT):
            self.tell(row, "KITTI's boxes stand upright in the camera's frame: the tilt is lost")
        turn = float(np.arctan2(-forward[2], forward[0]))
        x, y, z = (float(v) for v in pose[:3, 3] + (0, height / 2, 0))
        alpha = float(rotations.wrap(turn - np.arctan2(x, z)))
        around = _corners(flat) if flat else view.around(one)
        known = one.get("attributes", {})
        cells = [
            one["class"].replace(" ", "_"),
            *(known.get(name, "-1") for name in _OWN),
            f"{alpha:.12g}",
            *(f"{v:.12g}" for v in around),
            *(f"{round(v, _DECIMALS):.12g}" for v in (height, width, length, x, y, z, turn)),
        ]
        cells += [f"{one['score']:.12g}"] if one.get("score") else []
        return " ".join(cells) + "\n"

    def _told(self, row: Doc, one: Doc) -> None:
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"KITTI has no place for {unheld}")
        if "id" in one and "cuboids" in row["value"]:
            self.tell(row, "KITTI has no place for ids")
        attributes = one.get("attributes", {})
        if set(attributes) - set(_OWN):
            self.tell(row, "KITTI has no place for attributes but truncated and occluded")
        for name in set(attributes) & set(_OWN):
            if not _is_number(attributes[name]):
                raise Unfit(f"{name} {attributes[name][:50]!r} is not a number")

    def _calibration(
        self, row: Doc, rig: Rig | None, view: _View, names: Sequence[str] = _OF_OBJECTS
    ) -> str:
        """The rows of the file that it came from; else cameras that look the same way stand beside
        the base, others cannot be there. Nothing where the item has none."""
        if rig is None or view.camera is None:
            return ""
        named = dict(zip(_OF_OBJECTS, names, strict=True))
        if view.kept:
            return "".join(
                _matrix(named.get(f"{name}:", f"{name}:"), np.array(row_))
                for name, row_ in view.kept.items()
            )
        if rig.matrices:
            self.tell(row, "the calibration was changed since it came: KITTI's numbers are new")
        found, missing = dict[str, Array](), []
        for one in rig.cameras:
            between = poses.inverse(one.pose) @ view.base_pose
            parallel = np.abs(between[:3, :3] - np.eye(3)).max() < _PARALLEL
            if parallel:
                found[one.name] = one.matrix @ between[:3]
            if one is not view.camera and not (parallel and one.name in _CAMERAS):
                missing.append(one.name)
        if missing:
            words = ", ".join(missing)[:200]
            self.tell(row, f"KITTI's cameras are P0 to P3 and look one way: {words} left out")
        found["P2"] = found.get(view.camera.name, view.camera.matrix @ np.eye(4)[:3])
        unknown = [*(name for name in _CAMERAS if name not in found), "Tr_imu_to_velo"]
        self.tell(row, f"the item's calibration knows no {', '.join(unknown)}: left out of calib/")
        lines = [_matrix(f"{name}:", found[name]) for name in _CAMERAS if name in found]
        return "".join([*lines, *map(_matrix, names, (np.eye(3), view.of_lidar[:3]))])


class _View:
    """The camera on whose image the boxes are, and that in whose frame they are: KITTI's P0 where
    the rig has it. `of_lidar` and `way` (4, 4) lead there from the lidar and the label's frame."""

    def __init__(self, rig: Rig | None, camera: Camera | None, frame: str) -> None:
        if frame == "world":
            raise Unfit("KITTI's boxes are in the camera's frame; these are in the world")
        self.camera, self.shift = camera, np.eye(4)
        self.kept: Mapping[str, Sequence[float]] = {}
        if rig is None or camera is None:
            if not frame.startswith("camera:"):
                words = "KITTI's boxes are in the frame of a camera, and the item's calibration"
                raise Unfit(f"{words} has none; these are in that of the {frame[:100]}")
            self.way = np.eye(4)
            return
        self.kept = calibration_files.kitti_rows(rig)
        if self.kept:
            self.of_lidar = calibration_files.rectified(self.kept)
            self.base_pose = rig.lidar @ poses.inverse(self.of_lidar)
        else:
            base = next((one for one in rig.cameras if one.name == "P0"), camera)
            self.base_pose, self.of_lidar = base.pose, rig.to_camera_pose(base.name)
        self.shift = poses.inverse(camera.pose) @ self.base_pose
        if frame.startswith("camera:"):
            if frame != f"camera:{camera.name}":
                raise Unfit(f"the item's calibration has no {frame[:100]}")
            self.way = poses.inverse(self.shift)
        elif frame == "ego":
            self.way = self.of_lidar @ poses.inverse(rig.lidar)
        else:
            self.way = self.of_lidar

    def around(self, one: Doc) -> tuple[float, ...]:
        """Left, top, right, bottom of the corners on the image, as far as it shows them."""
        if self.camera is None:
            return _NO_BOX
        half = np.array(boxes.vector(one["size"])) / 2
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
        corners = poses.apply(self.shift @ self.way @ boxes3d.pose_of(one), signs * half)
        pixels, depth, _ = cameras.project(self.camera, corners)
        if (depth < cameras.NEAR).any():
            return _NO_BOX
        low = np.clip(pixels.min(axis=0), 0, (self.camera.width, self.camera.height))
        high = np.clip(pixels.max(axis=0), 0, (self.camera.width, self.camera.height))
        return _NO_BOX if (low >= high).any() else (*map(float, low), *map(float, high))


def _alone(one: Doc) -> str:
    name = IGNORED if one.get("crowd") else one["class"].replace(" ", "_")
    places = " ".join(f"{v:.12g}" for v in _corners(one))
    score = f" {one['score']:.12g}" if one.get("score") else ""
    return f"{name} -1 -1 -10 {places} {ALONE}{score}\n"


def _corners(one: Doc) -> tuple[float, ...]:
    x, y, width, height = boxes3d.flat_bounds(one)
    return (x, y, x + width, y + height)


def _matrix(name: str, matrix: Array) -> str:
    return f"{name} {' '.join(map(_printed, matrix.ravel().tolist()))}\n"


def _printed(value: float) -> str:
    """As KITTI prints it, where that holds the number."""
    usual = f"{value:.12e}"
    return usual if float(usual) == value else f"{value:.16e}"


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


FORMATS = {
    "kitti": Format(
        "kitti",
        "kitti-{:05}.zip",
        frozenset({"cuboids", "fusion", "cuboid_tracks"}),
        KittiEncoder,
        decode,
    )
}
