"""Points of LAZ files, unpacked by lazrs after their sizes are checked against the bytes there.

After "LASzip: lossless compression of LiDAR data" (Isenburg, 2013) and the record of LASzip
(user id "laszip encoded", record 22204): points lie in chunks, and a table behind them says how
many bytes each chunk has. In layered chunks (point formats 6-10) a chunk begins with its first
point, the number of its points and the bytes of each layer. lazrs reserves what these numbers
say, so that all are checked first.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import lazrs
import numpy as np

if TYPE_CHECKING:
    import laspy

_RECORD = struct.Struct("<HHBBHIIqqH")
_ITEM = struct.Struct("<HHH")
_WHOLE, _CHUNKED, _LAYERED = 1, 2, 3
# Kinds of parts of a point: bytes and, in layered chunks, layers. Extra bytes have any number.
_SIZES = {6: 20, 7: 8, 8: 6, 9: 29, 10: 30, 11: 6, 12: 8, 13: 29}
_LAYERS = {10: 9, 11: 1, 12: 2, 13: 1}
_EXTRA, _EXTRA_LAYERED = 0, 14
_VARIABLE = 2**32 - 1
# Real clouds pack 3 to 30 times, a grid of points without noise up to 1,600 times.
_MAX_RATIO = 2000
# Below so many bytes unpacked the ratio does not matter.
_RATIO_FROM = 50_000_000
# Points unpacked in one call: the interpreter's other threads wait so long.
_SLICE = 20_000


class DamagedLaz(Exception):
    """The compressed points cannot be unpacked; the message says why."""


class _Table(NamedTuple):
    """Where the chunks begin and the table is in the file, and how many chunks there are."""

    start: int
    at: int
    chunks: int


def unpack(content: bytes, header: laspy.LasHeader) -> np.ndarray:
    """Return the points of a LAZ file as `header`'s point format lays them out, (points,).

    The number of points must have been checked. Raise `DamagedLaz` before memory is taken where
    the file cannot hold them, and where the compressed bytes are cut off or damaged.
    """
    record = _laszip_record(header)
    kind, chunk_points, items = _described(record, header.point_format.size)
    start, count = int(header.offset_to_point_data), int(header.point_count)
    whole = count * header.point_format.size
    there = len(content) - start
    if whole > _RATIO_FROM and whole > _MAX_RATIO * there:
        raise DamagedLaz(f"says {count} points, and {there} packed bytes cannot hold so many")
    if kind != _WHOLE:
        table = _table(content, start, count, chunk_points, header.point_format.size)
        entries = _entries(content, table, record)
        if chunk_points == _VARIABLE and sum(points for points, _ in entries) < count:
            raise DamagedLaz(f"says {count} points, and its chunks have fewer")
        if kind == _LAYERED:
            _check_layers(content, table, entries, items)
    return _unpacked(content, record, header)


def _laszip_record(header: laspy.LasHeader) -> bytes:
    for record in header.vlrs:
        if record.user_id == "laszip encoded" and record.record_id == 22204:
            return bytes(record.record_data)
    raise DamagedLaz("says that it is compressed, but has no LASzip record")


def _described(record: bytes, point_bytes: int) -> tuple[int, int, list[tuple[int, int]]]:
    """Return how points are packed, points a chunk, and (kind, bytes) of a point's parts."""
    if len(record) < _RECORD.size:
        raise DamagedLaz("its LASzip record is cut off")
    kind, _, _, _, _, _, chunk_points, _, _, number = _RECORD.unpack_from(record)
    if len(record) < _RECORD.size + number * _ITEM.size:
        raise DamagedLaz("its LASzip record is cut off")
    items = [_ITEM.unpack_from(record, _RECORD.size + i * _ITEM.size)[:2] for i in range(number)]
    layered = {item in _LAYERS or item == _EXTRA_LAYERED for item, _ in items}
    if kind not in (_WHOLE, _CHUNKED, _LAYERED) or layered != {kind == _LAYERED}:
        raise DamagedLaz(f"its points are packed in a way ({kind}) that does not fit their format")
    known = all(size == _SIZES.get(i, size) for i, size in items if i not in (0, 14))
    if not known or sum(size for _, size in items) != point_bytes:
        raise DamagedLaz("its LASzip record describes other points than its header")
    if chunk_points == 0:
        raise DamagedLaz("its LASzip record says that a chunk has no points")
    return kind, chunk_points, items


def _table(content: bytes, start: int, count: int, chunk_points: int, point_bytes: int) -> _Table:
    """Return where the table of chunks is; each chunk holds one point unpacked at least."""
    end = len(content)
    if start + 8 > end:
        raise DamagedLaz("cut off before its points")
    at = struct.unpack_from("<q", content, start)[0]
    if at <= start:
        # Whoever could not go back wrote it at the end of the file.
        at = struct.unpack_from("<q", content, end - 8)[0]
    if not start + 8 <= at <= end - 8:
        raise DamagedLaz(f"its table of chunks would be at byte {at} of {end}; cut off")
    chunks = struct.unpack_from("<I", content, at + 4)[0]
    if chunks * point_bytes > at - start - 8:
        raise DamagedLaz(f"says {chunks} chunks, more than {at - start - 8} bytes can hold")
    if chunk_points != _VARIABLE and chunks * chunk_points < count:
        raise DamagedLaz(f"says {count} points; {chunks} chunks hold {chunks * chunk_points}")
    return _Table(start + 8, at, chunks)


def _entries(content: bytes, table: _Table, record: bytes) -> list[tuple[int, int]]:
    """Return (points, bytes) of the chunks."""
    source = io.BytesIO(content)
    source.seek(table.start - 8)
    entries: list[tuple[int, int]] = _tried(lazrs.read_chunk_table, source, lazrs.LazVlr(record))
    packed = sum(size for _, size in entries)
    if packed > table.at - table.start or any(size < 0 for _, size in entries):
        raise DamagedLaz(
            f"its chunks have {packed} bytes, and {table.at - table.start} are there; damaged"
        )
    return entries


def _check_layers(
    content: bytes, table: _Table, entries: list[tuple[int, int]], items: list[tuple[int, int]]
) -> None:
    first = sum(size for _, size in items)
    layers = sum(size if item == _EXTRA_LAYERED else _LAYERS[item] for item, size in items)
    head = first + 4 + 4 * layers
    at = table.start
    for number, (_, size) in enumerate(entries, 1):
        if size < head:
            raise DamagedLaz(f"chunk {number} has {size} bytes; cut off")
        packed = sum(struct.unpack_from(f"<{layers}I", content, at + first + 4))
        if head + packed > size:
            raise DamagedLaz(f"the layers of chunk {number} have {packed} bytes of {size}; damaged")
        at += size


def _unpacked(content: bytes, record: bytes, header: laspy.LasHeader) -> np.ndarray:
    source = io.BytesIO(content)
    source.seek(header.offset_to_point_data)
    unpacker = _tried(lazrs.LasZipDecompressor, source, record)
    # Not zeroed: memory is taken as points come.
    rows = np.empty(header.point_count, header.point_format.dtype())
    raw = rows.view(np.uint8)
    part = _SLICE * rows.itemsize
    for at in range(0, len(raw), part):
        _tried(unpacker.decompress_many, raw[at : at + part])
    return rows


def _tried(call: Callable[..., Any], *arguments: Any) -> Any:
    """Return what lazrs gives; raise `DamagedLaz` for its errors."""
    try:
        return call(*arguments)
    except BaseException as error:
        # A panic of lazrs is no `Exception`.
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DamagedLaz(
            f"its compressed points are damaged or cut off: {str(error)[:200]}"
        ) from error
