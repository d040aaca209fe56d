"""nuScenes' tables, schema v1.0 (nuscenes.org, `docs/schema_nuscenes.md` of its devkit).

One zip a part: `v1.0-labelmill/*.json`, a scene a label and a sample a cloud; `maps/none.png` is
the map that the devkit asks for. Boxes are in the world: middle, size width, length, height and
rotation w x y z. An attribute is called `NAME.VALUE`, as `vehicle.moving` is; `visibility` is
nuScenes' own where it has one of its four levels.

Columns more than the schema's, as T4 datasets have them: `instance_name` is our id,
`camera_distortion` that of the lens, and `object_ann.json` holds boxes on images, after nuImages.
Between key frames boxes are interpolated.
"""

from __future__ import annotations

import hashlib
import io
import posixpath
from collections.abc import Iterator
from typing import IO, Any

import numpy as np
import orjson
from PIL import Image

from libs.formats import Doc, Format, Job, Unfit
from libs.formats.encoding import ZipEncoder, spool
from libs.formats.image import shapes
from libs.formats.media import file_name
from libs.formats.spatial import boxes3d
from libs.formats.spatial.nuscenes.decode import LEVELS, TABLES, decode
from libs.sensor import boxes, poses, rotations, tracks
from libs.sensor.calibration import Rig

Array = np.ndarray
_FOLDER = "v1.0-labelmill"
_MAP = "maps/none.png"
_MICRO = 1_000_000
_UNHELD = ("score", "source", "velocity", "occluded")


class NuscenesEncoder(ZipEncoder):
    format = "nuscenes"

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self._tables: dict[str, IO[bytes]] = {name: spool() for name in TABLES}
        self._known: set[tuple[str, str]] = set()
        picture = io.BytesIO()
        Image.new("L", (1, 1)).save(picture, "PNG")
        self.zip.put(_MAP, picture.getvalue())
        self._log = _token("log", job.name, job.first_label)
        log = {"logfile": "", "vehicle": "", "date_captured": "", "location": "unknown"}
        self._put("log", self._log, log)
        held = {"log_tokens": [self._log], "category": "semantic_prior", "filename": _MAP}
        self._put("map", _token("map", self._log), held)
        for place, level in enumerate(LEVELS, 1):
            self._put("visibility", str(place), {"level": level, "description": level})

    def write(self, row: Doc) -> None:
        value = row["value"]
        fusion = value.get("fusion", {})
        held = value.get("cuboids") or value.get("cuboid_tracks") or fusion.get("cuboids")
        if held is None and "fusion" not in value:
            raise Unfit("the label has no 3D boxes")
        held = held or {"frame": "lidar"}
        rig = boxes3d.rig_of(self.job, row)
        if rig is None:
            words = "nuScenes says where each sensor stands"
            raise Unfit(f"{words}, and the item has no calibration")
        times = boxes3d.times_of(self.job, row, held)
        scene = _Scene(row, rig, times, boxes3d.sweeps_of(self.job, row))
        vehicle = self._vehicle(row, scene)
        found = self._found(row, held)
        ways = [_way(one, scene.rig, held["frame"]) for one in vehicle]
        self._drive(row, scene, vehicle)
        tokens = self._boxes(row, scene, found, ways)
        self._flat(row, scene, fusion, tokens)
        self.objects += len(found)

    def closing(self) -> Iterator[bytes]:
        for name, table in self._tables.items():
            table.write(b"]\n" if table.tell() else b"[]\n")
            table.seek(0)
            yield from self.zip.put_file(f"{_FOLDER}/{name}.json", table)
            table.close()

    # -- where and when --------------------------------------------------------------------------

    def _vehicle(self, row: Doc, scene: _Scene) -> list[Array]:
        """(4, 4) of the vehicle in the world for each sweep."""
        _, found = boxes3d.motion_of(self.job, row)
        if found is not None:
            return list(found @ poses.inverse(scene.rig.lidar))
        rig = scene.rig
        if rig.times:
            start = rig.lidar_time or 0.0
            try:
                return [poses.at(rig.ego, rig.times, start + one) for one in scene.times]
            except ValueError as error:
                raise Unfit(f"the item's calibration: {error}") from error
        self.tell(row, "the item has no poses: the vehicle stands where the world begins")
        return [np.eye(4)] * len(scene.times)

    def _drive(self, row: Doc, scene: _Scene, vehicle: list[Array]) -> None:
        """The scene's own rows: samples, sensors, files and where the vehicle was."""
        count = len(scene.times)
        cloud = file_name(row, boxes3d.cloud_of(self.job, row))
        stem, suffix = posixpath.splitext(cloud)
        first, last = scene.sample(0), scene.sample(count - 1)
        record = {"name": stem, "description": "", "log_token": self._log, "nbr_samples": count}
        record |= {"first_sample_token": first, "last_sample_token": last}
        self._put("scene", scene.token, record)
        self._sensor(scene, "LIDAR_TOP", "lidar", scene.rig.lidar)
        for one in scene.rig.cameras:
            more = {"camera_intrinsic": one.matrix.tolist()}
            more |= {"camera_distortion": list(one.distortion)} if one.distortion else {}
            self._sensor(scene, one.name, "camera", one.pose, **more)
        for place, pose in enumerate(vehicle):
            stamp = scene.stamp(place)
            sides = {"prev": scene.sample(place - 1), "next": scene.sample(place + 1)}
            sample = {"timestamp": stamp, "scene_token": scene.token, **sides}
            self._put("sample", scene.sample(place), sample)
            self._put("ego_pose", scene.ego(place), {"timestamp": stamp, **_placed(pose)})
            named = cloud if count == 1 else f"{stem}/{place:06}{suffix}"
            self._file(scene, place, "LIDAR_TOP", named, (0, 0))
            for one in scene.rig.cameras:
                named = f"{stem}/{one.name}/{place:06}.jpg"
                pixels, looked = (one.width, one.height), scene.looked(place, one.name)
                self._file(scene, place, one.name, named, pixels, looked)

    def _sensor(
        self, scene: _Scene, channel: str, modality: str, pose: Array, **more: object
    ) -> None:
        sensor = _token("sensor", channel)
        if ("sensor", sensor) not in self._known:
            self._put("sensor", sensor, {"channel": channel, "modality": modality})
        held = {"sensor_token": sensor, **_placed(pose), "camera_intrinsic": [], **more}
        self._put("calibrated_sensor", scene.mount(channel), held)

    def _file(
        self,
        scene: _Scene,
        place: int,
        channel: str,
        name: str,
        sides: tuple[int, int],
        looked: float | None = None,
    ) -> None:
        """`looked` is when a camera did, in the item's seconds, where that is known."""
        held = {
            "sample_token": scene.sample(place),
            "ego_pose_token": self._ego(scene, place, channel, looked),
            "calibrated_sensor_token": scene.mount(channel),
            "timestamp": scene.stamp(place) if looked is None else scene.at(looked),
            "fileformat": posixpath.splitext(name)[1].lstrip("."),
            "is_key_frame": True,
            "height": sides[1],
            "width": sides[0],
            "filename": name,
            "prev": scene.file(place - 1, channel),
            "next": scene.file(place + 1, channel),
        }
        self._put("sample_data", scene.file(place, channel), held)

    def _ego(self, scene: _Scene, place: int, channel: str, looked: float | None) -> str:
        """Token of where the vehicle was: a row of its own where the camera's moment is known."""
        times = scene.rig.times
        if looked is None or not times or not times[0] <= looked <= times[-1]:
            return scene.ego(place)
        pose = poses.at(scene.rig.ego, times, looked)
        token = _token(scene.ego(place), channel)
        self._put("ego_pose", token, {"timestamp": scene.at(looked), **_placed(pose)})
        return token

    # -- what is there ---------------------------------------------------------------------------

    def _found(self, row: Doc, held: Doc) -> list[tuple[Doc, list[Doc]]]:
        """Objects, and their boxes sweep by sweep."""
        if "tracks" in held:
            return boxes3d.filled(self.job, row, held)
        return [(one, [one]) for one in held.get("cuboids", [])]

    def _boxes(
        self, row: Doc, scene: _Scene, found: list[tuple[Doc, list[Doc]]], ways: list[Array]
    ) -> dict[str, str]:
        """Instances with their annotations; tokens of instances by our ids."""
        named = {}
        for place, (one, frames) in enumerate(found):
            self._told(row, one)
            instance = _token(scene.token, "instance", place)
            named[one.get("id", "")] = instance
            seen = [frame for frame in frames if not frame.get("outside")]
            tokens = [_token(instance, tracks.number(frame)) for frame in seen]
            record: Doc = {"category_token": self._name("category", one["class"])}
            record |= {"nbr_annotations": len(seen), "instance_name": one.get("id", "")}
            record |= {"first_annotation_token": tokens[0] if tokens else ""}
            record |= {"last_annotation_token": tokens[-1] if tokens else ""}
            self._put("instance", instance, record)
            attributes = dict(one.get("attributes", {}))
            for number, frame in enumerate(seen):
                if frame is not one:
                    self._told(row, frame)
                attributes |= frame.get("attributes", {})
                sweep = tracks.number(frame)
                made = self._annotation(row, boxes3d.moved(frame, ways[sweep]), attributes)
                made |= {"sample_token": scene.sample(sweep), "instance_token": instance}
                made["prev"] = tokens[number - 1] if number else ""
                made["next"] = tokens[number + 1] if number + 1 < len(tokens) else ""
                self._put("sample_annotation", tokens[number], made)
        return named

    def _annotation(self, row: Doc, one: Doc, attributes: Doc) -> Doc:
        length, width, height = boxes.vector(one["size"])
        level = attributes.get("visibility", "")
        visible = str(LEVELS.index(level) + 1) if level in LEVELS else ""
        others = {k: v for k, v in attributes.items() if not (visible and k == "visibility")}
        return {
            "visibility_token": visible,
            "attribute_tokens": self._attributes(row, others),
            "translation": boxes.vector(one["centre"]),
            "size": [width, length, height],
            "rotation": boxes.turn(one.get("rotation")),
            "num_lidar_pts": one.get("point_count", 0),
            "num_radar_pts": 0,
        }

    def _attributes(self, row: Doc, attributes: Doc) -> list[str]:
        if any("." in name for name in attributes):
            self.tell(row, "names of attributes with a dot, which nuScenes puts before the value")
        held = (f"{k}.{v}" for k, v in attributes.items() if "." not in k)
        return [self._name("attribute", one) for one in held]

    def _flat(self, row: Doc, scene: _Scene, fusion: Doc, tokens: dict[str, str]) -> None:
        """Boxes on images, with the instance that a link names."""
        linked = {(one["camera"], one["object"]): one for one in fusion.get("links", [])}
        if len(linked) < len(fusion.get("links", [])):
            self.tell(row, "nuScenes links an object of an image to one 3D box only")
        mounted = {one.name for one in scene.rig.cameras}
        for side in fusion.get("cameras", []):
            camera = side["camera"]
            if camera not in mounted:
                self._sensor(scene, camera, "camera", np.eye(4))
                self._file(scene, 0, camera, f"{camera}.jpg", (0, 0))
            for place, one in enumerate(side.get("objects", [])):
                if shapes.geometry(one)[0] != "rect":
                    self.tell(row, "of a shape on an image only the box around it is held")
                self._told(row, one)
                x, y, width, height = boxes3d.flat_bounds(one)
                link = linked.get((camera, one.get("id", "")), {})
                held = {
                    "sample_data_token": scene.file(0, camera),
                    "instance_token": tokens.get(link.get("cuboid", ""), ""),
                    "category_token": self._name("category", one["class"]),
                    "attribute_tokens": self._attributes(row, one.get("attributes", {})),
                    "bbox": [x, y, x + width, y + height],
                    "mask": None,
                    "instance_name": one.get("id", ""),
                }
                self._put("object_ann", _token(scene.token, camera, place), held)

    def _told(self, row: Doc, one: Doc) -> None:
        for unheld in (*_UNHELD, "text", "order", "crowd"):
            if unheld in one:
                self.tell(row, f"nuScenes has no place for {unheld}")

    def _name(self, table: str, name: str) -> str:
        """Token of a class or attribute, which is put where it is new."""
        token = _token(table, name)
        if (table, token) not in self._known:
            self._put(table, token, {"name": name, "description": ""})
        return token

    def _put(self, table: str, token: str, record: Doc) -> None:
        file = self._tables[table]
        # Only tables that samples share are asked for what they have.
        if table in ("category", "attribute", "sensor"):
            self._known.add((table, token))
        file.write(b",\n" if file.tell() else b"[\n")
        file.write(orjson.dumps({"token": token, **record}))


class _Scene:
    """Tokens and times of one label."""

    def __init__(self, row: Doc, rig: Rig, times: list[float], sweeps: list[Any]) -> None:
        self.rig, self.times, self._sweeps = rig, times, sweeps
        self.token = _token("scene", row["name"])

    def sample(self, place: int) -> str:
        return self._of("sample", place)

    def ego(self, place: int) -> str:
        return self._of("ego", place)

    def mount(self, channel: str) -> str:
        return _token(self.token, "mount", channel)

    def file(self, place: int, channel: str) -> str:
        return self._of(f"file/{channel}", place)

    def looked(self, place: int, camera: str) -> float | None:
        """When a camera looked, in the item's seconds; None where nothing tells."""
        if not self._sweeps:
            return self.rig.camera(camera).time
        sweep = self._sweeps[place] if place < len(self._sweeps) else {}
        sides = sweep.get("cameras", []) if isinstance(sweep, dict) else []
        return next((float(one["time"]) for one in sides if one["name"] == camera), None)

    def stamp(self, place: int) -> int:
        return self.at(self.times[place])

    def at(self, seconds: float) -> int:
        """Microseconds of a time of the item."""
        return round(self.rig.start / 1000) + round(seconds * _MICRO)

    def _of(self, what: str, place: int) -> str:
        """Empty before the first and behind the last, as chains end."""
        return _token(self.token, what, place) if 0 <= place < len(self.times) else ""


def _way(vehicle: Array, rig: Rig, frame: str) -> Array:
    """(4, 4) from the label's frame into the world."""
    if frame == "world":
        return np.eye(4)
    if frame == "ego":
        return vehicle
    if frame == "lidar":
        return np.asarray(vehicle @ rig.lidar)
    camera = next((one for one in rig.cameras if frame == f"camera:{one.name}"), None)
    if camera is None:
        raise Unfit(f"the item's calibration has no frame {frame[:100]}")
    return np.asarray(vehicle @ camera.pose)


def _placed(pose: Array) -> Doc:
    turn = rotations.quaternion(pose[:3, :3])
    return {"translation": pose[:3, 3].tolist(), "rotation": turn.tolist()}


def _token(*parts: object) -> str:
    return hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


FORMATS = {
    "nuscenes": Format(
        "nuscenes",
        "nuscenes-{:05}.zip",
        frozenset({"cuboids", "cuboid_tracks", "fusion"}),
        NuscenesEncoder,
        decode,
    )
}
