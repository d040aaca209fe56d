"""Reads nuScenes' tables and those like them (Lyft, T4): a sample a cloud, or a scene where the
template wants tracks. Tables are held while they are read; of files only key frames are."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.decoding import formed, number, numbers
from libs.formats.image import shapes
from libs.formats.image.coco.decode import records
from libs.formats.source import Source
from libs.formats.spatial import boxes3d
from libs.formats.spatial.nuscenes.joined import fusion, track
from libs.formats.spatial.nuscenes.rigs import Look, Mounts, sweep
from libs.sensor import calibration, poses

Array = np.ndarray
TABLES = (
    *("category", "attribute", "visibility", "instance", "sensor", "calibrated_sensor"),
    *("ego_pose", "log", "scene", "sample", "sample_data", "sample_annotation", "map"),
    "object_ann",
)
LEVELS = ("v0-40", "v40-60", "v60-80", "v80-100")
_MICRO = 1_000_000


@dataclass
class _Moment:
    """One sample: when it was, what looked there, and what was found."""

    scene: str
    time: float
    lidar: Look | None = None
    cameras: dict[str, Look] = field(default_factory=dict)
    boxes: list[Doc] = field(default_factory=list)
    flat: dict[str, list[Doc]] = field(default_factory=lambda: defaultdict(list))

    @property
    def cloud(self) -> str:
        return "" if self.lidar is None else self.lidar.file

    @property
    def looks(self) -> list[Look]:
        lidar = [] if self.lidar is None else [self.lidar]
        return [*lidar, *self.cameras.values()]


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Boxes go from the world into the frame of the template: `lidar` where it says nothing, the
    `world` for tracks."""
    names = [n for n in source.names if posixpath.basename(n) == "sample_annotation.json"]
    if not names:
        raise Broken("there is no sample_annotation.json")
    for name in names:
        tables = _Tables(source, posixpath.dirname(name))
        try:
            tables.read()
        except Unfit as unfit:
            yield Fault(posixpath.dirname(name) or name, str(unfit))
            continue
        yield from tables.faults
        yield from tables.samples(schema)


class _Tables:
    """One dataset, joined sample by sample."""

    def __init__(self, source: Source, folder: str) -> None:
        self.faults: list[Fault] = []
        self._source, self._folder = source, folder
        self._names: dict[str, dict[str, str]] = {}
        self._instances: dict[str, Doc] = {}
        self._channels: dict[str, str] = {}
        self._mounts = Mounts()
        self._poses = self._mounts.poses
        self._moments: dict[str, _Moment] = {}
        self._cameras: dict[str, tuple[str, str]] = {}
        self._told: Counter[str] = Counter()

    def read(self) -> None:
        """Raises `Unfit` where a table that all need is missing or damaged."""
        for table, column in (("category", "name"), ("attribute", "name"), ("scene", "name")):
            self._names[table] = {r["token"]: str(r.get(column, "")) for r in self._rows(table)}
        levels = self._rows("visibility") if self._has("visibility") else iter(())
        self._names["visibility"] = {r["token"]: str(r.get("level", "")) for r in levels}
        self._instances = {r["token"]: r for r in self._rows("instance")}
        sensors = {r["token"]: str(r.get("channel", "")) for r in self._rows("sensor")}
        for one in self._rows("calibrated_sensor"):
            self._channels[one["token"]] = sensors.get(str(one.get("sensor_token")), "")
            lens = (one.get("camera_intrinsic"), one.get("camera_distortion"))
            self._mounts.lenses[one["token"]] = lens
            self._pose("calibrated_sensor", one)
        for one in self._rows("sample"):
            self._guarded("sample", one, self._moment)
        for one in self._rows("sample_data"):
            if one.get("is_key_frame", True):
                self._guarded("sample_data", one, self._file)
        wanted = {look.ego for one in self._moments.values() for look in one.looks}
        for one in self._rows("ego_pose"):
            if one["token"] in wanted:
                self._pose("ego_pose", one)
        for one in self._rows("sample_annotation"):
            self._guarded("sample_annotation", one, self._annotation)
        for one in self._rows("object_ann") if self._has("object_ann") else ():
            self._guarded("object_ann", one, self._object)

    def samples(self, schema: Doc) -> Iterator[Sample | Fault]:
        scenes: dict[str, list[_Moment]] = defaultdict(list)
        for one in sorted(self._moments.values(), key=lambda one: one.time):
            scenes[one.scene].append(one)
        shape = schema.get("shape") or self._shape(scenes)
        frame = schema.get("frame") or ("world" if shape == "cuboid_tracks" else "lidar")
        if shape != "fusion":
            count = sum(len(found) for one in self._moments.values() for found in one.flat.values())
            self._told["boxes on images; the template labels 3D boxes"] += count
        # What was left out of the tables is said once, with the first of their samples.
        left_out = tuple(f"{reason}: {count}" for reason, count in self._told.items() if count)
        for token in [t for t in self._names["scene"] if t in scenes]:
            found, name = scenes[token], self._names["scene"][token] or token
            if shape == "cuboid_tracks":
                yield from self._scene(found, name, frame, left_out)
                left_out = ()
                continue
            for one in found:
                yield from self._sample(one, name, frame, shape, left_out)
                left_out = ()

    def _shape(self, scenes: dict[str, list[_Moment]]) -> str:
        if any(one.flat for one in self._moments.values()):
            return "fusion"
        several = any(len(one) > 1 for one in scenes.values())
        return "cuboid_tracks" if several else "cuboids"

    # -- labels ----------------------------------------------------------------------------------

    def _sample(
        self, one: _Moment, scene: str, frame: str, shape: str, left_out: tuple[str, ...]
    ) -> Iterator[Sample | Fault]:
        key = one.cloud or f"{scene}/{one.time:.0f}"
        try:
            way = self._way(one, frame)
        except Unfit as unfit:
            yield Fault(f"{self._folder} sample at {one.time:.0f}", str(unfit))
            return
        held = [boxes3d.moved(box, way) for box in one.boxes]
        value: Doc = {"cuboids": shapes.plain(frame=frame, cuboids=held)}
        if shape == "fusion":
            value = {"fusion": fusion(held, one.flat, frame)}
        else:
            for box in held:
                box.pop("instance", None)
        told = list(left_out)
        data, media = self._rig(one, told), self._media(one, shape)
        made = Sample(key, value, data, media, group=scene, left_out=tuple(told))
        yield replace(made, partial=bool(self.faults))

    def _rig(self, one: _Moment, told: list[str]) -> Doc:
        """Data of an item: where its sensors stood; empty where no lidar is known."""
        if one.lidar is None or one.lidar.mount not in self._poses:
            return {}
        rig = self._mounts.rig(one.looks, one.lidar.time, told)
        return {"calibration": calibration.document(rig)}

    def _scene(
        self, found: list[_Moment], name: str, frame: str, left_out: tuple[str, ...]
    ) -> Iterator[Sample | Fault]:
        held: dict[str, list[tuple[int, Doc]]] = defaultdict(list)
        partial = bool(self.faults)
        for place, one in enumerate(found):
            try:
                way = self._way(one, frame)
            except Unfit as unfit:
                partial = True
                yield Fault(f"{self._folder} sample at {one.time:.0f}", str(unfit))
                continue
            for box in one.boxes:
                held[box["instance"]].append((place, boxes3d.moved(box, way)))
        times = [(one.time - found[0].time) / _MICRO for one in found]
        made = [track(boxes, times) for boxes in held.values()]
        value = shapes.plain(frame=frame, tracks=made)
        told = list(left_out)
        data, absent = self._series(found, told)
        value = {"cuboid_tracks": value}
        scene = Sample(name, value, data, group=name, left_out=tuple(told), absent=absent)
        yield replace(scene, partial=partial)

    def _series(self, found: list[_Moment], told: list[str]) -> tuple[Doc, str]:
        """Data of an item: sweeps with their clouds, pictures and poses, and where sensors
        stand; and why there are no sweeps, where that is."""
        if any(one.lidar is None or one.lidar.mount not in self._poses for one in found):
            return {}, "samples without a lidar or where it stands"
        root, known = posixpath.dirname(self._folder), set(self._source.names)
        rig = self._mounts.series([one.looks for one in found], told)
        data: Doc = {"calibration": calibration.document(rig)}
        lacking = [one for one in found if posixpath.join(root, one.cloud) not in known]
        if lacking:
            words = f"{len(lacking)} of {len(found)} clouds are not there, {lacking[0].cloud[:200]}"
            return data, f"{words} for one: a series needs all" if lacking != found else ""
        start = rig.start // 1000
        data["sweeps"] = [sweep(one.looks, self._poses, start, root, known) for one in found]
        return data, ""

    def _way(self, one: _Moment, frame: str) -> Array | None:
        """(4, 4) from the world into the frame; raises `Unfit`."""
        if frame == "world":
            return None
        if frame not in ("lidar", "ego"):
            raise Unfit(f"nuScenes' boxes can be in the world, ego or lidar, not in {frame[:100]}")
        ego, mount = ("", "") if one.lidar is None else (one.lidar.ego, one.lidar.mount)
        if ego not in self._poses:
            raise Unfit(f"ego_pose {ego[:50]!r} of its lidar is missing")
        vehicle = self._poses[ego]
        if frame == "ego":
            return poses.inverse(vehicle)
        if mount not in self._poses:
            raise Unfit(f"calibrated_sensor {mount[:50]!r} of its lidar is missing")
        return poses.inverse(vehicle @ self._poses[mount])

    def _media(self, one: _Moment, shape: str) -> dict[str, str]:
        """Of files that lie there; those of cameras only where the label is on them, too."""
        named = {"cloud": one.cloud}
        if shape == "fusion":
            named |= {f"cameras/{channel}": look.file for channel, look in one.cameras.items()}
        root = posixpath.dirname(self._folder)
        found = {kind: posixpath.join(root, file) for kind, file in named.items() if file}
        return {kind: file for kind, file in found.items() if file in self._source}

    # -- rows ------------------------------------------------------------------------------------

    def _has(self, table: str) -> bool:
        return posixpath.join(self._folder, f"{table}.json") in self._source

    def _rows(self, table: str) -> Iterator[Doc]:
        """Rows that are objects with a token; others are faults. Raises `Unfit`."""
        name = posixpath.join(self._folder, f"{table}.json")
        if name not in self._source:
            raise Unfit(f"the table {table}.json is missing")
        try:
            for place, one in enumerate(records(self._source, name, ""), 1):
                if isinstance(one, dict) and isinstance(one.get("token"), str):
                    yield one
                else:
                    self.faults.append(Fault(f"{name} row {place}", "no object with a token"))
        except Unfit as unfit:
            raise Unfit(f"{table}.json: {unfit}") from unfit

    def _guarded(self, table: str, one: Doc, read: Callable[[Doc], None]) -> None:
        where = f"{posixpath.join(self._folder, table)}.json {one['token'][:100]}"
        try:
            read(one)
        except Unfit as unfit:
            self.faults.append(Fault(where, str(unfit)))

    def _pose(self, table: str, one: Doc) -> None:
        def read(row: Doc) -> None:
            place = numbers(row.get("translation"), "translation", 3)
            turn = numbers(row.get("rotation"), "rotation", 4)
            try:
                self._poses[row["token"]] = poses.pose(place, turn)
            except ValueError as error:
                raise Unfit(f"rotation: {error}") from error

        self._guarded(table, one, read)

    def _moment(self, one: Doc) -> None:
        scene = str(one.get("scene_token"))
        if scene not in self._names["scene"]:
            raise Unfit(f"scene_token {scene[:50]!r} is in no row of scene.json")
        self._moments[one["token"]] = _Moment(scene, number(one.get("timestamp"), "timestamp"))

    def _file(self, one: Doc) -> None:
        moment = self._moment_of(one)
        mount = str(one.get("calibrated_sensor_token"))
        channel = self._channels.get(mount)
        if channel is None:
            raise Unfit(f"calibrated_sensor_token {mount[:50]!r} is in no row of its table")
        time = int(number(one.get("timestamp", moment.time), "timestamp"))
        sides = [_side(one.get(k)) for k in ("width", "height")]
        names = (str(one.get("filename", "")), time, mount, str(one.get("ego_pose_token")))
        look = Look(channel, *names, *sides)
        if look.is_lidar and (not moment.cloud or channel == "LIDAR_TOP"):
            moment.lidar = look
        elif not channel.startswith(("LIDAR", "RADAR")):
            self._cameras[one["token"]] = (str(one["sample_token"]), channel)
            moment.cameras[channel] = look

    @formed
    def _annotation(self, one: Doc) -> None:
        moment = self._moment_of(one)
        instance = str(one.get("instance_token"))
        known = self._instances.get(instance)
        if known is None:
            raise Unfit(f"instance_token {instance[:50]!r} is in no row of instance.json")
        width, length, height = numbers(one.get("size"), "size", 3)
        attributes = self._attributes(one)
        level = self._names["visibility"].get(str(one.get("visibility_token") or ""), "")
        if number(one.get("num_radar_pts") or 0, "num_radar_pts") > 0:
            self._told["points of radars inside"] += 1
        made = boxes3d.cuboid(
            numbers(one.get("translation"), "translation", 3),
            [length, width, height],
            numbers(one.get("rotation"), "rotation", 4),
            **{"class": self._category(known)},
            id=str(known.get("instance_name", instance)),
            attributes=attributes | ({"visibility": level} if level else {}),
            point_count=max(int(number(one.get("num_lidar_pts") or 0, "num_lidar_pts")), 0),
        )
        if any(box["instance"] == instance for box in moment.boxes):
            raise Unfit(f"instance {instance[:50]!r} has two boxes in one sample")
        moment.boxes.append({**made, "instance": instance})

    @formed
    def _object(self, one: Doc) -> None:
        token = str(one.get("sample_data_token"))
        if token not in self._cameras:
            raise Unfit(f"sample_data_token {token[:50]!r} is no key frame of a camera")
        sample, channel = self._cameras[token]
        left, top, right, bottom = numbers(one.get("bbox"), "bbox", 4)
        if one.get("mask"):
            self._told["masks of objects on images"] += 1
        moment = self._moments[sample]
        made = shapes.plain(
            **{"class": self._category(one)},
            id=str(one.get("instance_name", "")),
            attributes=self._attributes(one),
            rect=shapes.rect(left, top, right - left, bottom - top),
        )
        instance = str(one.get("instance_token") or "")
        moment.flat[channel].append({**made, "instance": instance})

    def _moment_of(self, one: Doc) -> _Moment:
        token = str(one.get("sample_token"))
        if token not in self._moments:
            raise Unfit(f"sample_token {token[:50]!r} is in no row of sample.json")
        return self._moments[token]

    def _category(self, one: Doc) -> str:
        token = str(one.get("category_token"))
        name = self._names["category"].get(token, "")
        if not name:
            raise Unfit(f"category_token {token[:50]!r} is in no row of category.json")
        return name

    def _attributes(self, one: Doc) -> dict[str, str]:
        """`NAME.VALUE` as ours; one without a dot is true."""
        found: dict[str, str] = {}
        for token in one.get("attribute_tokens") or []:
            if token not in self._names["attribute"]:
                raise Unfit(f"attribute_token {str(token)[:50]!r} is in no row of attribute.json")
            name, dot, value = self._names["attribute"][token].partition(".")
            if name in found:
                self._told[f"a second value of the attribute {name[:100]}"] += 1
            found.setdefault(name, value if dot else "true")
        return found


def _side(value: object) -> int:
    """Pixels of an image; 0 where the table does not say them."""
    return value if type(value) is int and 0 < value <= 65_536 else 0
