"""Argoverse 2's sensor dataset (argoverse.github.io/user-guide): boxes of one log in one table.

One zip a part: of each label `LOG/annotations.feather` with a row a box and sweep (time in
nanoseconds, track, category, length, width, height, rotation w x y z and middle in the frame of the
vehicle, points inside), and `LOG/city_SE3_egovehicle.feather` where the item's sweeps have poses.
Clouds there are in the frame of the vehicle, too.

Between key frames boxes are interpolated. `score` is a column more where a label has scores. The
label's own frame, where the lidar stands and the times of all sweeps are in the table's metadata
(`labelmill`): a sweep without a box has no row.
"""

from __future__ import annotations

import io
import posixpath
import uuid
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.feather as feather

from libs.common.geometry import boxes, calibration, poses, rotations, tracks
from libs.formats import Doc, Format, Unfit, space
from libs.formats.argoverse2_reading import (
    ANNOTATIONS,
    CITY,
    MOST_SECONDS,
    NOTES,
    POSES,
    decode,
)
from libs.formats.encoding import ZipEncoder
from libs.formats.media import file_name

Array = np.ndarray
_SECOND = 1_000_000_000
_UNHELD = ("attributes", "source", "velocity", "occluded")


class Argoverse2Encoder(ZipEncoder):
    format = "argoverse2"

    def write(self, row: Doc) -> None:
        value = row["value"]
        held = value.get("cuboids") or value.get("cuboid_tracks")
        if held is None:
            raise Unfit("the label has no 3D boxes")
        _, found = space.motion_of(self.job, row)
        ways = self._ways(row, held["frame"], found)
        rows = self._series(row, held, ways) if "tracks" in held else self._boxes(row, held, ways)
        stamps = _stamps(space.times_of(self.job, row, held))
        stem = posixpath.splitext(file_name(row, space.cloud_of(self.job, row)))[0]
        folder = self.unique(stem)
        self.zip.put(f"{folder}/{ANNOTATIONS}", _table(rows, self._notes(row, held, stamps)))
        if found is not None:
            self.zip.put(f"{folder}/{CITY}", _city(self._vehicle(row, found), stamps))
        self.objects += len(held.get("tracks") or held.get("cuboids") or ())

    def _boxes(self, row: Doc, held: Doc, ways: Array) -> list[tuple[int, Doc]]:
        """A row a box, all of the first sweep."""
        made = []
        for place, one in enumerate(held.get("cuboids", [])):
            self._told(row, one)
            key = self._track_key(row, one.get("id", ""), place)
            moved: Doc = space.moved(one, _at(ways, 0))
            made.append((0, {**moved, "id": key}))
        return made

    def _series(self, row: Doc, held: Doc, ways: Array) -> list[tuple[int, Doc]]:
        made = []
        for place, (track, frames) in enumerate(space.filled(self.job, row, held)):
            self._told(row, track)
            key = self._track_key(row, track.get("id", ""), place)
            known: Doc = {k: track[k] for k in ("class", "score") if k in track}
            for one in frames:
                self._told(row, one)
                if not one.get("outside"):
                    number = tracks.number(one)
                    moved: Doc = space.moved(one, _at(ways, number))
                    made.append((number, {**moved, **known, "id": key}))
        return sorted(made, key=lambda one: one[0])

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
        if held["frame"] == "lidar":
            notes["lidar"] = calibration.pose_document(self._lidar(row))
        return notes

    def _vehicle(self, row: Doc, found: Array) -> Array:
        """(n, 4, 4) of the vehicle in the world, of those of the lidar."""
        return np.asarray(found @ poses.inverse(self._lidar(row)))

    def _lidar(self, row: Doc) -> Array:
        rig = space.rig_of(self.job, row)
        if rig is None:
            self.tell(
                row, "the item has no calibration: the lidar's frame stands for the vehicle's"
            )
            return np.eye(4)
        return rig.lidar


def _stamps(times: list[float]) -> list[int]:
    """Nanoseconds, as the table holds them; raises `Unfit`."""
    if max(map(abs, times)) >= MOST_SECONDS:
        raise Unfit(f"a sweep at {max(times, key=abs):g} s; {MOST_SECONDS:g} at most")
    made = [round(one * _SECOND) for one in times]
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
    return _feather(pa.table(columns).replace_schema_metadata({NOTES: orjson.dumps(notes)}))


def _city(vehicle: Array, stamps: list[int]) -> bytes:
    turns = rotations.quaternion(vehicle[:, :3, :3])
    columns: dict[str, Any] = {"timestamp_ns": pa.array(stamps[: len(vehicle)], pa.int64())}
    columns |= zip(POSES, [*turns.T, *vehicle[:, :3, 3].T], strict=True)
    return _feather(pa.table(columns))


def _feather(table: pa.Table) -> bytes:
    out = io.BytesIO()
    feather.write_feather(table, out, compression="lz4")
    return out.getvalue()


FORMATS = {
    "argoverse2": Format(
        "argoverse2",
        "argoverse2-{:05}.zip",
        frozenset({"cuboids", "cuboid_tracks"}),
        Argoverse2Encoder,
        decode,
    )
}
