"""KITTI's 3D object labels (cvlibs.net/datasets/kitti, readme of the object development kit).

One zip a part: `FOLDER/label_2/NAME.txt` with `type truncated occluded alpha left top right bottom
height width length x y z rotation_y [score]`, and `FOLDER/calib/NAME.txt`. A place there is the
middle of the box's bottom in the rectified frame of the camera (x right, y down, z forward), a turn
is about y only; ours is the middle of the box, in the frame of the lidar.

An item without calibration gets one that only changes the axes, which is told: places come back
as they were. -1 is not known; `truncated` and `occluded` are attributes. A row of -1 and -1000 is
a 2D box alone; `DontCare` is an area to be ignored, a `crowd` of ours.
"""

from __future__ import annotations

import posixpath

import numpy as np

from libs.common.geometry import boxes, cameras, poses, rotations
from libs.common.geometry.calibration import Rig
from libs.common.geometry.cameras import Camera
from libs.formats import Doc, Format, Unfit, shapes, space
from libs.formats.encoding import ZipEncoder
from libs.formats.kitti_reading import ALONE, IGNORED, decode
from libs.formats.media import file_name

Array = np.ndarray
_UNHELD = ("source", "velocity", "point_count")
_OWN = ("truncated", "occluded")
# Radians of tilt against the camera that nobody would see.
_TILT = 2e-3
_PARALLEL = 1e-6
# Of metres and radians: without the noise of going into another frame and back.
_DECIMALS = 9
_CAMERAS = ("P0", "P1", "P2", "P3")
_NO_BOX = (-1.0, -1.0, -1.0, -1.0)


class KittiEncoder(ZipEncoder):
    format = "kitti"

    def write(self, row: Doc) -> None:
        value = row["value"]
        if "cuboids" not in value and "fusion" not in value:
            raise Unfit("the label has no 3D boxes")
        rig = space.rig_of(self.job, row)
        fusion = value.get("fusion", {})
        found = value.get("cuboids") or fusion.get("cuboids") or {"frame": "lidar"}
        camera = self._camera(row, rig, fusion, found["frame"])
        if rig is None:
            self.tell(row, "the item has no calibration: axes are changed, nothing else")
        view = _View(rig, camera, found["frame"])
        if found["frame"] == "ego":
            self.tell(row, "boxes in the frame of the vehicle are read again in that of the lidar")
        flat, alone = self._flat(row, fusion, camera)
        lines = [
            self._line(row, one, view, flat.get(one.get("id", "")))
            for one in found.get("cuboids", [])
        ]
        lines += [_alone(one) for one in alone]
        stem = posixpath.splitext(file_name(row, space.cloud_of(self.job, row)))[0]
        folder, name = posixpath.split(self.unique(f"{stem}.txt"))
        labels, beside = (posixpath.join(folder, one, name) for one in ("label_2", "calib"))
        self.zip.put(labels, "".join(lines).encode())
        self.zip.put(beside, self._calibration(row, rig, view).encode())
        self.objects += len(lines)

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
        pose = view.way @ space.pose_of(one)
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

    def _calibration(self, row: Doc, rig: Rig | None, view: _View) -> str:
        """Cameras that look the same way stand beside the base; others cannot be there."""
        found, missing = dict[str, Array](), []
        for one in rig.cameras if rig is not None else ():
            between = poses.inverse(one.pose) @ view.base_pose
            parallel = np.abs(between[:3, :3] - np.eye(3)).max() < _PARALLEL
            if parallel:
                found[one.name] = one.matrix @ between[:3]
            if one is not view.camera and not (parallel and one.name in _CAMERAS):
                missing.append(one.name)
        if missing:
            words = ", ".join(missing)[:200]
            self.tell(row, f"KITTI's cameras are P0 to P3 and look one way: {words} left out")
        if view.camera is not None:
            found["P2"] = found.get(view.camera.name, view.camera.matrix @ np.eye(4)[:3])
        usual = found.get("P2", np.eye(4)[:3])
        lines = [_matrix(name, found.get(name, usual)) for name in _CAMERAS]
        lines.append(_matrix("R0_rect", np.eye(3)))
        lines.append(_matrix("Tr_velo_to_cam", view.of_lidar[:3]))
        lines.append(_matrix("Tr_imu_to_velo", np.eye(4)[:3]))
        return "".join(lines)


class _View:
    """The camera on whose image the boxes are, and that in whose frame they are: KITTI's P0 where
    the rig has it. `of_lidar` and `way` (4, 4) lead there from the lidar and the label's frame."""

    def __init__(self, rig: Rig | None, camera: Camera | None, frame: str) -> None:
        if frame == "world":
            raise Unfit("KITTI's boxes are in the camera's frame; these are in the world")
        known = rig.cameras if rig is not None else ()
        self.camera = camera
        base = next((one for one in known if one.name == "P0"), camera)
        self.base_pose = base.pose if base is not None else np.eye(4)
        self.of_lidar = poses.inverse(space.CAMERA_AXES)
        self.shift = np.eye(4)
        if rig is not None and camera is not None and base is not None:
            self.of_lidar = rig.to_camera_pose(base.name)
            self.shift = poses.inverse(camera.pose) @ base.pose
        if frame.startswith("camera:"):
            if camera is not None and frame != f"camera:{camera.name}":
                raise Unfit(f"the item's calibration has no {frame[:100]}")
            self.way = poses.inverse(self.shift)
        elif frame == "ego" and rig is not None:
            self.way = self.of_lidar @ poses.inverse(rig.lidar)
        else:
            self.way = self.of_lidar

    def around(self, one: Doc) -> tuple[float, ...]:
        """Left, top, right, bottom of the corners on the image, as far as it shows them."""
        if self.camera is None:
            return _NO_BOX
        half = np.array(boxes.vector(one["size"])) / 2
        signs = np.array(np.meshgrid([-1, 1], [-1, 1], [-1, 1])).reshape(3, -1).T
        corners = poses.apply(self.shift @ self.way @ space.pose_of(one), signs * half)
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
    x, y, width, height = space.flat_bounds(one)
    return (x, y, x + width, y + height)


def _matrix(name: str, matrix: Array) -> str:
    return f"{name}: {' '.join(f'{v:.15e}' for v in matrix.ravel())}\n"


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


FORMATS = {
    "kitti": Format(
        "kitti", "kitti-{:05}.zip", frozenset({"cuboids", "fusion"}), KittiEncoder, decode
    )
}
