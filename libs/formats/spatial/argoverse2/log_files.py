"""What lies beside the boxes of an Argoverse 2 log: clouds, pictures, calibration, the way."""

from __future__ import annotations

import bisect
import io
import posixpath
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.feather as feather
import pyarrow.parquet as pq

from libs.formats import Doc, Unfit
from libs.formats.media import SUFFIXES
from libs.formats.source import Source
from libs.formats.spatial.argoverse2 import rigs
from libs.formats.spatial.argoverse2.rigs import CITY, INTRINSICS, MOUNTS, POSES, SECOND
from libs.sensor import poses
from libs.sensor.calibration import MOST_POSES
from libs.sensor.cameras import Camera
from libs.untrusted.tables import TooLarge, check_feather

Array = np.ndarray
_MOST_ROWS, _MOST_BYTES = 5_000_000, 2_000_000_000
_CLOUDS, _PICTURES = "sensors/lidar/", "sensors/cameras/"
# Cameras look twenty times a second, lidars ten: a picture further off is another sweep's.
_NEAR = SECOND // 10


@dataclass(frozen=True)
class Way:
    """`poses` (n, 4, 4) of the vehicle in the city at rising `stamps`, nanoseconds."""

    stamps: tuple[int, ...] = ()
    poses: Array = field(default_factory=lambda: np.empty((0, 4, 4)))

    def at(self, stamp: int) -> Way:
        """The way of one moment alone; empty where it is not known."""
        place = bisect.bisect_left(self.stamps, stamp)
        if place == len(self.stamps) or self.stamps[place] != stamp:
            return Way()
        return Way((stamp,), self.poses[place : place + 1])


class LogFiles:
    """Files of the log in a folder."""

    def __init__(self, source: Source, folder: str) -> None:
        self._source, self._folder = source, folder

    @cached_property
    def clouds(self) -> dict[int, str]:
        """Names of the log's clouds by their time, where they lie beside the table."""
        start = posixpath.join(self._folder, _CLOUDS)
        named = (n for n in self._source.names if n.startswith(start) and n.endswith(".feather"))
        return {int(stem): n for n in named if _is_stamp(stem := n[len(start) : -8])}

    def pictures(self, stamp: int) -> Iterator[tuple[str, int, str]]:
        """(camera, time, file) of the picture of each camera that is nearest in time."""
        for camera, known in self._pictures.items():
            place = bisect.bisect_left(known, (stamp, ""))
            near = known[max(place - 1, 0) : place + 1]
            when, file = min(near, key=lambda one: abs(one[0] - stamp))
            if abs(when - stamp) <= _NEAR:
                yield camera, when, file

    @cached_property
    def _pictures(self) -> dict[str, list[tuple[int, str]]]:
        start = posixpath.join(self._folder, _PICTURES)
        found: dict[str, list[tuple[int, str]]] = defaultdict(list)
        for name in self._source.names:
            camera, _, file = name[len(start) :].partition("/")
            stem, suffix = posixpath.splitext(file)
            if name.startswith(start) and suffix.lower() in SUFFIXES and _is_stamp(stem):
                found[camera].append((int(stem), name))
        return {camera: sorted(files) for camera, files in found.items()}

    def way(self) -> Way:
        """Poses of the vehicle; none where the log has none. Raises `Unfit`."""
        name = posixpath.join(self._folder, CITY)
        if name not in self._source:
            return Way()
        table = table_of(self._source, name)
        if missing := [one for one in ("timestamp_ns", *POSES) if one not in table.column_names]:
            raise Unfit(f"{name}: there is no column {', '.join(missing)}")
        if table.num_rows > MOST_POSES:
            raise Unfit(f"{name}: {table.num_rows} poses; {MOST_POSES} at most")
        try:
            stamps = np.asarray(table["timestamp_ns"].to_numpy()).astype(np.int64)
            rows = [np.asarray(table[one].to_numpy(), np.float64) for one in POSES]
            stamps, first = np.unique(stamps, return_index=True)
            numbers = np.stack(rows, axis=1)[first]
            found = poses.pose(numbers[:, 4:], numbers[:, :4])
        except (ValueError, TypeError) as error:
            raise Unfit(f"{name}: {error}") from error
        if not np.isfinite(found).all():
            raise Unfit(f"{name}: a pose is not finite")
        return Way(tuple(stamps.tolist()), found)

    def cameras(self) -> Iterator[Camera]:
        """Cameras of the log; none where `calibration/` is not there. Raises `Unfit`."""
        lenses, mounts = self._rows(INTRINSICS), self._rows(MOUNTS)
        yield from rigs.cameras(lenses, {str(one.get("sensor_name")): one for one in mounts})

    def _rows(self, name: str) -> list[Doc]:
        path = posixpath.join(self._folder, name)
        rows: list[Doc] = table_of(self._source, path).to_pylist() if path in self._source else []
        return rows


def table_of(source: Source, name: str) -> pa.Table:
    """A table that fits in memory; raises `Unfit`."""
    content = source.read(name)
    try:
        if name.lower().endswith(".parquet"):
            file = pq.ParquetFile(io.BytesIO(content))
            groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
            _bounded(file.metadata.num_rows, sum(one.total_byte_size for one in groups))
            table = file.read()
        else:
            check_feather(content)
            table = feather.read_table(io.BytesIO(content))
            _bounded(table.num_rows, table.nbytes)
        table.validate(full=True)
    except TooLarge as error:
        raise Unfit(str(error)) from error
    except (pa.ArrowException, OSError, ValueError) as error:
        words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
        raise Unfit(f"not a readable table: {words}") from error
    return table


def _bounded(rows: int, size: int) -> None:
    if rows > _MOST_ROWS or size > _MOST_BYTES:
        raise Unfit(f"{rows} rows, {size} bytes; {_MOST_ROWS} and {_MOST_BYTES} at most")


def _is_stamp(stem: str) -> bool:
    return stem.isascii() and stem.isdigit() and len(stem) < 19
