"""Reads Argoverse 2's `annotations.feather` (or `.parquet`): a sample a log, or a sample a sweep
where the template labels single clouds."""

from __future__ import annotations

import posixpath
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np
import orjson
import pyarrow as pa

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.decoding import formed, number
from libs.formats.image import shapes
from libs.formats.source import Source, Unreadable
from libs.formats.spatial import boxes3d
from libs.formats.spatial.argoverse2.log_files import LogFiles, Way, table_of
from libs.formats.spatial.argoverse2.rigs import CITY, MOST_SECONDS, POSES, SECOND
from libs.sensor import calibration, poses
from libs.sensor.calibration import Rig
from libs.sensor.cameras import Camera

Array = np.ndarray
ANNOTATIONS = "annotations.feather"
# Our notes in the table's metadata: the label's frame, and the time of each of its sweeps.
NOTES = b"labelmill"
_SIDES = ("length_m", "width_m", "height_m")
_NEEDED = ("timestamp_ns", "category", *_SIDES, *POSES)
_BLOCK = 10_000
_T = TypeVar("_T")


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    """Boxes stay in the frame of the vehicle, which is that of Argoverse's clouds (`lidar`, where
    the template says so), or go into the `world`, which needs the log's poses."""
    names = source.ending("annotations.feather", "annotations.parquet")
    names = names or source.ending(".feather", ".parquet")
    if not names:
        raise Broken(f"there is no {ANNOTATIONS}")
    for name in names:
        try:
            log = _Log(source, name, schema)
            yield from log.faults
            yield from log.samples()
        except (Unfit, Unreadable) as error:
            yield Fault(name, str(error))


class _Log:
    """Boxes of one table by their time."""

    def __init__(self, source: Source, name: str, schema: Doc) -> None:
        self.faults: list[Fault] = []
        self._source, self._name, self._folder = source, name, posixpath.dirname(name)
        self._boxes: dict[int, list[Doc]] = defaultdict(list)
        self._seen: set[tuple[int, str]] = set()
        self._told: Counter[str] = Counter()
        table = table_of(source, name)
        if missing := [one for one in _NEEDED if one not in table.column_names]:
            raise Unfit(f"there is no column {', '.join(missing)}")
        notes = _notes(table)
        place = 0
        for batch in table.to_batches(_BLOCK):
            for one in batch.to_pylist():
                place += 1
                try:
                    self._read(one)
                except Unfit as unfit:
                    self.faults.append(Fault(f"{name} row {place}", str(unfit)))
        self._files = LogFiles(source, self._folder)
        clouds = self._files.clouds
        self._stamps = sorted({*notes.get("timestamps_ns", []), *clouds, *self._boxes})
        single = len(self._boxes) < 2 and len(self._stamps) < 2
        self._shape = schema.get("shape") or ("cuboids" if single else "cuboid_tracks")
        city = posixpath.join(self._folder, CITY)
        usual = "world" if self._shape == "cuboid_tracks" and city in source else "ego"
        self._frame = schema.get("frame") or notes.get("frame") or usual
        self._way_there = self._beside(self._files.way, Way())
        self._mount: Array = np.eye(4) if notes.get("mount") is None else notes["mount"]
        none: tuple[Camera, ...] = ()
        self._cameras = self._beside(lambda: tuple(self._files.cameras()), none)
        self._ways = self._poses(city) if self._frame == "world" else {}
        # Ours says where the lidar stands; Argoverse's own clouds are in the vehicle's frame.
        self._lidar = notes.get("lidar") if self._frame == "lidar" else None
        if self._frame.startswith("camera:"):
            raise Unfit(f"boxes are in the frame of the vehicle, not of {self._frame[:100]}")

    def samples(self) -> Iterator[Sample | Fault]:
        if self._shape == "cuboid_tracks":
            every = (one for some in self._boxes.values() for one in some)
            self._told["num_interior_pts of tracks"] += sum("point_count" in one for one in every)
        left_out = tuple(f"{reason}: {count}" for reason, count in self._told.items() if count)
        key = self._folder or posixpath.splitext(self._name)[0]
        if self._shape == "cuboid_tracks":
            value = shapes.plain(frame=self._frame, tracks=self._tracks())
            data: Doc = {"calibration": self._calibration(self._way_there)}
            missing = [one for one in self._stamps if one not in self._files.clouds]
            data |= {} if missing else {"sweeps": self._sweeps()}
            absent = self._absent(missing)
            value = {"cuboid_tracks": value}
            partial = bool(self.faults)
            yield Sample(key, value, data, left_out=left_out, absent=absent, partial=partial)
            return
        for stamp in self._stamps:
            held = [boxes3d.moved(one, self._way(stamp)) for one in self._boxes.get(stamp, [])]
            for one in held:
                one.pop("stamp")
            value = shapes.plain(frame=self._frame, cuboids=held)
            named = f"{key}/{stamp}" if len(self._stamps) > 1 else key
            media = {"cloud": clouds[stamp]} if stamp in (clouds := self._files.clouds) else {}
            data = {"calibration": self._calibration(self._way_there.at(stamp), stamp)}
            value = {"cuboids": value}
            made = Sample(named, value, data, media, group=key, left_out=left_out)
            yield replace(made, partial=bool(self.faults))

    def _beside(self, read: Callable[[], _T], none: _T) -> _T:
        """What lies beside the boxes; where it is damaged that is told, and the boxes go on."""
        try:
            return read()
        except (Unfit, Unreadable) as error:
            if self._frame == "world":
                raise
            self._told[str(error)] += 1
            return none

    def _calibration(self, way: Way, start: int | None = None) -> Doc:
        """The log's sensors; times begin with its first sweep, or with that of `start`."""
        zero = self._stamps[0] if start is None else start
        times = tuple((one - zero) / SECOND for one in way.stamps)
        when = 0.0 if start is not None and times else None
        rig = Rig(self._cameras, self._mount, when, way.poses, times, start=zero)
        return calibration.document(rig)

    def _absent(self, missing: list[int]) -> str:
        """Why there are no sweeps, where some of the clouds are there."""
        if 0 < len(missing) < len(self._stamps):
            words = (
                f"sensors/lidar/ lacks the clouds of {len(missing)} of {len(self._stamps)} times"
            )
            return f"{words}, {missing[0]} for one: a series needs all"
        return ""

    def _sweeps(self) -> list[Doc]:
        """Sweeps with their clouds, the pictures nearest in time, and poses."""
        clouds, found = self._files.clouds, []
        for stamp in self._stamps:
            one: Doc = {"cloud": clouds[stamp], "time": (stamp - self._stamps[0]) / SECOND}
            vehicle = self._way_there.at(stamp).poses
            if len(vehicle):
                one["pose"] = calibration.pose_document(vehicle[0] @ self._mount)
            sides = [
                {"name": name, "image": file, "time": (when - self._stamps[0]) / SECOND}
                for name, when, file in self._files.pictures(stamp)
            ]
            found.append(one | ({"cameras": sides} if sides else {}))
        return found

    def _tracks(self) -> list[Doc]:
        order = {stamp: place for place, stamp in enumerate(self._stamps)}
        held: dict[str, list[Doc]] = defaultdict(list)
        for stamp in self._stamps:
            for one in self._boxes.get(stamp, []):
                held[one["id"]].append(boxes3d.moved(one, self._way(stamp)))
        return [self._track(key, found, order) for key, found in held.items()]

    def _track(self, key: str, found: list[Doc], order: dict[int, int]) -> Doc:
        frames = []
        for one in found:
            seconds = (one["stamp"] - self._stamps[0]) / SECOND
            known = {k: one[k] for k in ("size", "rotation")}
            made = shapes.plain(frame=order[one["stamp"]], time=seconds, **known)
            frames.append({**made, "centre": one["centre"]})
        score = max(one.get("score", 0.0) for one in found)
        return boxes3d.track(found[0]["class"], key, frames, len(order) - 1, score=score)

    @formed
    def _read(self, one: Doc) -> None:
        """Raises `Unfit`."""
        stamp = one["timestamp_ns"]
        if not isinstance(stamp, int) or abs(stamp) > MOST_SECONDS * SECOND:
            raise Unfit(f"timestamp_ns {str(stamp)[:50]} is no time in nanoseconds")
        numbers = {name: number(one[name], name) for name in (*_SIDES, *POSES)}
        key = str(one.get("track_uuid") or "")
        if not key:
            self._told["boxes without track_uuid"] += 1
        places = [numbers[name] for name in POSES]
        made = boxes3d.cuboid(
            places[4:],
            [numbers[name] for name in _SIDES],
            places[:4],
            **{"class": str(one["category"] or "")},
            id=key or f"{stamp}-{len(self._boxes[stamp])}",
            score=_share(one.get("score")),
            point_count=max(int(one.get("num_interior_pts") or 0), 0),
        )
        if not made.get("class"):
            raise Unfit("a box without category")
        if (stamp, made["id"]) in self._seen:
            raise Unfit(f"track {made['id'][:100]} has two boxes at {stamp}")
        self._seen.add((stamp, made["id"]))
        self._boxes[stamp].append({**made, "stamp": stamp})

    def _way(self, stamp: int) -> Array | None:
        return self._ways.get(stamp, self._lidar)

    def _poses(self, name: str) -> dict[int, Array]:
        """(4, 4) of the vehicle in the city at each time of boxes; raises `Unfit`."""
        if name not in self._source:
            raise Unfit(f"boxes are wanted in the world, and there is no {name}")
        known = {stamp: place for place, stamp in enumerate(self._way_there.stamps)}
        if lost := sorted(set(self._boxes) - known.keys()):
            raise Unfit(f"{name}: there is no pose at {lost[0]}")
        return {stamp: self._way_there.poses[known[stamp]] for stamp in self._boxes}


def _notes(table: pa.Table) -> Doc:
    """What our own tables say of their labels."""
    try:
        found: Any = orjson.loads((table.schema.metadata or {}).get(NOTES, b"{}"))
    except orjson.JSONDecodeError:
        return {}
    stamps = found.get("timestamps_ns") if isinstance(found, dict) else None
    if not isinstance(stamps, list) or not all(type(one) is int for one in stamps):
        return {}
    frame, lidar = found.get("frame"), found.get("lidar")
    notes: Doc = {"timestamps_ns": stamps, "frame": frame if isinstance(frame, str) else ""}
    if lidar is not None:
        try:
            notes["mount"] = calibration.pose_of(lidar)
            notes["lidar"] = poses.inverse(notes["mount"])
        except calibration.Miscalibrated as error:
            raise Unfit(f"the table's notes: {error}") from error
    return notes


def _share(score: object) -> float:
    return 0.0 if score is None else min(max(number(score, "score"), 0.0), 1.0)
