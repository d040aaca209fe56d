"""Reads Argoverse 2's `annotations.feather` (or `.parquet`): a sample a log, or a sample a sweep
where the template labels single clouds."""

from __future__ import annotations

import io
import posixpath
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from libs.common.geometry import calibration, poses
from libs.formats import Broken, Doc, Fault, Sample, Unfit, shapes, space
from libs.formats.reading import formed, number
from libs.formats.source import Source, Unreadable

Array = np.ndarray
ANNOTATIONS, CITY = "annotations.feather", "city_SE3_egovehicle.feather"
# Our notes in the table's metadata: the label's frame, and the time of each of its sweeps.
NOTES = b"labelmill"
POSES = ("qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m")
_SIDES = ("length_m", "width_m", "height_m")
_NEEDED = ("timestamp_ns", "category", *_SIDES, *POSES)
_SECOND = 1_000_000_000
# Before and after the first moment: what 64 bits hold in nanoseconds, 292 years.
MOST_SECONDS = 9_223_372_036
_MOST_ROWS, _MOST_BYTES = 5_000_000, 2_000_000_000
_BLOCK = 10_000


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
        table = _table(source, name)
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
        self._stamps = sorted({*notes.get("timestamps_ns", []), *self._sweeps(), *self._boxes})
        single = len(self._boxes) < 2 and len(self._stamps) < 2
        self._shape = schema.get("shape") or ("cuboids" if single else "cuboid_tracks")
        city = posixpath.join(self._folder, CITY)
        usual = "world" if self._shape == "cuboid_tracks" and city in source else "ego"
        self._frame = schema.get("frame") or notes.get("frame") or usual
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
            yield Sample(key, {"cuboid_tracks": value}, left_out=left_out)
            return
        for stamp in self._stamps:
            held = [space.moved(one, self._way(stamp)) for one in self._boxes.get(stamp, [])]
            for one in held:
                one.pop("stamp")
            value = shapes.plain(frame=self._frame, cuboids=held)
            named = f"{key}/{stamp}" if len(self._stamps) > 1 else key
            cloud = posixpath.join(self._folder, f"sensors/lidar/{stamp}.feather")
            media = {"cloud": cloud} if cloud in self._source else {}
            yield Sample(named, {"cuboids": value}, media=media, group=key, left_out=left_out)

    def _tracks(self) -> list[Doc]:
        order = {stamp: place for place, stamp in enumerate(self._stamps)}
        held: dict[str, list[Doc]] = defaultdict(list)
        for stamp in self._stamps:
            for one in self._boxes.get(stamp, []):
                held[one["id"]].append(space.moved(one, self._way(stamp)))
        return [self._track(key, found, order) for key, found in held.items()]

    def _track(self, key: str, found: list[Doc], order: dict[int, int]) -> Doc:
        frames = []
        for one in found:
            seconds = (one["stamp"] - self._stamps[0]) / _SECOND
            known = {k: one[k] for k in ("size", "rotation")}
            made = shapes.plain(frame=order[one["stamp"]], time=seconds, **known)
            frames.append({**made, "centre": one["centre"]})
        score = max(one.get("score", 0.0) for one in found)
        return space.track(found[0]["class"], key, frames, len(order) - 1, score=score)

    @formed
    def _read(self, one: Doc) -> None:
        """Raises `Unfit`."""
        stamp = one["timestamp_ns"]
        if not isinstance(stamp, int) or abs(stamp) > MOST_SECONDS * _SECOND:
            raise Unfit(f"timestamp_ns {str(stamp)[:50]} is no time in nanoseconds")
        numbers = {name: number(one[name], name) for name in (*_SIDES, *POSES)}
        key = str(one.get("track_uuid") or "")
        if not key:
            self._told["boxes without track_uuid"] += 1
        places = [numbers[name] for name in POSES]
        made = space.cuboid(
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

    def _sweeps(self) -> list[int]:
        """Times of the log's clouds, where they lie beside the table."""
        folder = posixpath.join(self._folder, "sensors/lidar/")
        stems = (n[len(folder) : -8] for n in self._source.names if n.startswith(folder))
        return [int(one) for one in stems if one.isascii() and one.isdigit() and len(one) < 19]

    def _way(self, stamp: int) -> Array | None:
        return self._ways.get(stamp, self._lidar)

    def _poses(self, name: str) -> dict[int, Array]:
        """(4, 4) of the vehicle in the city at each time of boxes; raises `Unfit`."""
        if name not in self._source:
            raise Unfit(f"boxes are wanted in the world, and there is no {name}")
        table = _table(self._source, name)
        if missing := [one for one in ("timestamp_ns", *POSES) if one not in table.column_names]:
            raise Unfit(f"{name}: there is no column {', '.join(missing)}")
        stamps = np.asarray(table["timestamp_ns"].to_numpy())
        rows = np.stack([np.asarray(table[one].to_numpy(), np.float64) for one in POSES], axis=1)
        wanted = np.isin(stamps, np.array(list(self._boxes), dtype=np.int64))
        if lost := sorted(set(self._boxes) - set(stamps[wanted].tolist())):
            raise Unfit(f"{name}: there is no pose at {lost[0]}")
        try:
            found = poses.pose(rows[wanted, 4:], rows[wanted, :4])
        except ValueError as error:
            raise Unfit(f"{name}: {error}") from error
        if not np.isfinite(found).all():
            raise Unfit(f"{name}: a pose is not finite")
        return dict(zip(stamps[wanted].tolist(), found, strict=True))


def _table(source: Source, name: str) -> pa.Table:
    """A table that fits in memory; raises `Unfit`."""
    content = source.read(name)
    try:
        if name.lower().endswith(".parquet"):
            file = pq.ParquetFile(io.BytesIO(content))
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            _bounded(file.metadata.num_rows, sum(one.total_byte_size for one in groups))
            table = file.read()
        else:
            table = feather.read_table(io.BytesIO(content))
            _bounded(table.num_rows, table.nbytes)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise Unfit(f"not a readable table: {words}") from error
    return table


def _bounded(rows: int, size: int) -> None:
    if rows > _MOST_ROWS or size > _MOST_BYTES:
        raise Unfit(f"{rows} rows, {size} bytes; {_MOST_ROWS} and {_MOST_BYTES} at most")


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
            notes["lidar"] = poses.inverse(calibration.pose_of(lidar))
        except calibration.Miscalibrated as error:
            raise Unfit(f"the table's notes: {error}") from error
    return notes


def _share(score: object) -> float:
    return 0.0 if score is None else min(max(number(score, "score"), 0.0), 1.0)
