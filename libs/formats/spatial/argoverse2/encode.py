"""Argoverse 2's sensor dataset (argoverse.github.io/user-guide): boxes of one log in one table.

One zip a part: of each label `LOG/annotations.feather` with a row a box and sweep (time in
nanoseconds, track, category, length, width, height, rotation w x y z and middle in the frame of the
vehicle, points inside), `LOG/city_SE3_egovehicle.feather` where the item has poses, and
`LOG/calibration/` where it has cameras. Clouds there are in the frame of the vehicle, too.

Between key frames boxes are interpolated. `score` is a column more where a label has scores. The
label's own frame, where the lidar stands and the times of all sweeps are in the table's metadata
(`labelmill`): a sweep without a box has no row.
"""

from __future__ import annotations

import posixpath
import uuid
from collections.abc import Sequence
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from libs.formats import Doc, Format, Unfit
from libs.formats.encoding import ZipEncoder
from libs.formats.media import file_name
from libs.formats.spatial import boxes3d
from libs.formats.spatial.argoverse2 import rigs
from libs.formats.spatial.argoverse2.decode import ANNOTATIONS, NOTES, decode
from libs.formats.spatial.argoverse2.rigs import CITY, MOST_SECONDS, POSES, SECOND
from libs.sensor import boxes, calibration, poses, tracks

Array = np.ndarray
_UNHELD = ("attributes", "source", "velocity", "occluded")


class Argoverse2Encoder(ZipEncoder):
    format = "argoverse2"

    def write(self, row: Doc) -> None:
        value = row["value"]
        held = value.get("cuboids") or value.get("cuboid_tracks")
        if held is None:
            raise Unfit("the label has no 3D boxes")
        _, found = boxes3d.motion_of(self.job, row)
        ways = self._ways(row, held["frame"], found)
        rows = self._series(row, held, ways) if "tracks" in held else self._boxes(row, held, ways)
        rig = boxes3d.rig_of(self.job, row)
        stamps = _stamps(boxes3d.times_of(self.job, row, held), rig.start if rig else 0)
        stem = posixpath.splitext(file_name(row, boxes3d.cloud_of(self.job, row)))[0]
        folder = self.unique(stem)
        self.zip.put(f"{folder}/{ANNOTATIONS}", _table(rows, self._notes(row, held, stamps)))
        self._rig_files(row, folder, found, stamps)
        self.objects += len(held.get("tracks") or held.get("cuboids") or ())

    def _boxes(self, row: Doc, held: Doc, ways: Array) -> list[tuple[int, Doc]]:
        """A row a box, all of the first sweep."""
        made = []
        for place, one in enumerate(held.get("cuboids", [])):
            self._told(row, one)
            key = self._track_key(row, one.get("id", ""), place)
            moved: Doc = boxes3d.moved(one, _at(ways, 0))
            made.append((0, {**moved, "id": key}))
        return made

    def _series(self, row: Doc, held: Doc, ways: Array) -> list[tuple[int, Doc]]:
        made = []
        for place, (track, frames) in enumerate(boxes3d.filled(self.job, row, held)):
            self._told(row, track)
            key = self._track_key(row, track.get("id", ""), place)
            known: Doc = {k: track[k] for k in ("class", "score") if k in track}
            for one in frames:
                self._told(row, one)
                if not one.get("outside"):
                    number = tracks.number(one)
                    moved: Doc = boxes3d.moved(one, _at(ways, number))
                    made.append((number, {**moved, **known, "id": key}))
        return sorted(made, key=lambda one: one[0])

    def _rig_files(self, row: Doc, folder: str, found: Array | None, stamps: list[int]) -> None:
        """What the item knows of the vehicle's way and its cameras."""
        rig = boxes3d.rig_of(self.job, row)
        if rig is None:
            if found is not None:
                self.tell(
                    row, f"no {CITY}: the item has no calibration that says where the lidar is"
                )
            return
        if len(rig.times):
            self.zip.put(f"{folder}/{CITY}", rigs.city(rig.ego, _stamps(rig.times, rig.start)))
        elif found is not None:
            vehicle = found @ poses.inverse(rig.lidar)
            self.zip.put(f"{folder}/{CITY}", rigs.city(vehicle, stamps[: len(found)]))
        for name in rigs.unheld(rig):
            self.tell(row, f"Argoverse 2 has no place for the lens of the camera {name[:100]}")
        for name, content in rigs.calibration_files(rig):
            self.zip.put(f"{folder}/{name}", content)

    def _told(self, row: Doc, one: Doc) -> None:
        if "centre" in one and not one.get("point_count") and not one.get("outside"):
            self.tell(row, "points inside are not counted: num_interior_pts is 0")
        for unheld in _UNHELD:
            if unheld in one:
                self.tell(row, f"Argoverse 2 has no place for {unheld}")

    def _track_key(self, row: Doc, key: str, place: int) -> str:
        """The id where it has one: Argoverse's own are UUIDs, which any name of ours becomes."""
        return key or str(uuid.uuid5(uuid.NAMESPACE_URL, f"{row['name']}/{place}"))

    def _ways(self, row: Doc, frame: str, found: Array | None) -> Array:
        """(n, 4, 4) from the label's frame into the vehicle's, by sweep or one for all of them."""
        if frame.startswith("camera:"):
            raise Unfit(
                f"Argoverse 2's boxes are in the frame of the vehicle, not of {frame[:100]}"
            )
        if frame == "ego":
            return np.eye(4)[None]
        if frame == "world":
            if found is None:
                raise Unfit("boxes are in the world, and the item's sweeps have no poses")
            return poses.inverse(self._vehicle(row, found))
        return self._lidar(row)[None]

    def _notes(self, row: Doc, held: Doc, stamps: list[int]) -> Doc:
        notes = {"frame": held["frame"], "timestamps_ns": stamps}
        rig = boxes3d.rig_of(self.job, row)
        if rig is not None:
            notes["lidar"] = calibration.pose_document(rig.lidar)
        return notes

    def _vehicle(self, row: Doc, found: Array) -> Array:
        """(n, 4, 4) of the vehicle in the world, of those of the lidar."""
        return np.asarray(found @ poses.inverse(self._lidar(row)))

    def _lidar(self, row: Doc) -> Array:
        rig = boxes3d.rig_of(self.job, row)
        if rig is None:
            words = "Argoverse 2's boxes are in the frame of the vehicle"
            raise Unfit(f"{words}, and the item has no calibration that says where its lidar is")
        return rig.lidar


def _stamps(times: Sequence[float], start: int) -> list[int]:
    """Nanoseconds of times from `start` on, as the table holds them; raises `Unfit`."""
    if max(map(abs, times)) >= MOST_SECONDS:
        raise Unfit(f"a sweep at {max(times, key=abs):g} s; {MOST_SECONDS:g} at most")
    made = [start + round(one * SECOND) for one in times]
    if len(set(made)) < len(made):
        raise Unfit("sweeps less than a nanosecond apart")
    return made


def _at(ways: Array, number: int) -> Array:
    """The way of a sweep; the last one's where there are fewer."""
    return np.asarray(ways[min(number, len(ways) - 1)])


def _table(rows: list[tuple[int, Doc]], notes: Doc) -> bytes:
    stamps = notes["timestamps_ns"]
    sizes = np.array([boxes.vector(one["size"]) for _, one in rows]).reshape(-1, 3)
    turns = np.array([boxes.turn(one.get("rotation")) for _, one in rows]).reshape(-1, 4)
    places = np.array([boxes.vector(one["centre"]) for _, one in rows]).reshape(-1, 3)
    columns: dict[str, Any] = {
        "timestamp_ns": pa.array([stamps[number] for number, _ in rows], pa.int64()),
        "track_uuid": pa.array([one["id"] for _, one in rows], pa.string()),
        "category": pa.array([one["class"] for _, one in rows], pa.string()),
    }
    for name, column in zip(("length_m", "width_m", "height_m"), sizes.T, strict=True):
        columns[name] = column
    columns |= zip(POSES, [*turns.T, *places.T], strict=True)
    counts = [one.get("point_count", 0) for _, one in rows]
    columns["num_interior_pts"] = pa.array(counts, pa.int64())
    if any("score" in one for _, one in rows):
        columns["score"] = pa.array([one.get("score", 0.0) for _, one in rows], pa.float64())
    return rigs.packed(pa.table(columns).replace_schema_metadata({NOTES: orjson.dumps(notes)}))


FORMATS = {
    "argoverse2": Format(
        "argoverse2",
        "argoverse2-{:05}.zip",
        frozenset({"cuboids", "cuboid_tracks"}),
        Argoverse2Encoder,
        decode,
    )
}
