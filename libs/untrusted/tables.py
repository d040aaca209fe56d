"""Parquet and Feather files of strangers, hostile until proven otherwise: what they unpack to is
looked at in their own headers before anything is unpacked, and rows come one by one.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

MAX_ROWS = 10_000_000
MAX_GROUP_BYTES = 2_000_000_000
MAX_RATIO = 1000
# Smaller files may be packed as tightly as they like.
RATIO_FROM = 500_000_000
_ROWS = 500
_FEATHER = b"ARROW1\x00\x00"
_MAX_BUFFERS = 100_000


class TooLarge(Exception):
    """A file that unpacks out of all proportion; the message says to what."""


def rows_of(
    table: pq.ParquetFile, at_once: int = _ROWS, columns: Sequence[str] | None = None
) -> Iterator[dict[str, Any]]:
    """Yield the rows of a Parquet file, of all columns or of these, so many unpacked at once; raise
    what pyarrow raises on damage."""
    for batch in table.iter_batches(at_once, columns=columns):
        names, held = batch.schema.names, batch.columns
        for i in range(batch.num_rows):
            yield {name: column[i].as_py() for name, column in zip(names, held, strict=True)}


def parquet_file(file: IO[bytes]) -> pq.ParquetFile:
    """Return an opened Parquet file whose size was looked at; raise `TooLarge`, and what pyarrow
    raises on damage. Texts stay in the dictionaries they are written with: a large one that a
    million rows name is in memory once."""
    size = file.seek(0, 2)
    file.seek(0)
    table = pq.ParquetFile(file)
    check_parquet(table.metadata, size)
    texts = [
        field.name
        for field in table.schema_arrow
        if pa.types.is_string(field.type) or pa.types.is_binary(field.type)
    ]
    return pq.ParquetFile(file, read_dictionary=texts, buffer_size=1_000_000)


def check_parquet(meta: pq.FileMetaData, size: int) -> None:
    """Raise `TooLarge` for rows and bytes that a Parquet file's footer says beyond bounds."""
    if meta.num_rows > MAX_ROWS:
        raise TooLarge(f"{meta.num_rows} rows, {MAX_ROWS} are the most; split the file")
    groups = [meta.row_group(i).total_byte_size for i in range(meta.num_row_groups)]
    for i, group in enumerate(groups):
        if not 0 <= group <= MAX_GROUP_BYTES:
            words = f"row group {i} unpacks to {group} bytes; write smaller row groups"
            raise TooLarge(words)
    _check(sum(groups), size)


def check_feather(content: bytes) -> None:
    """Raise `TooLarge` for what a Feather file (Arrow IPC) says that its buffers unpack to, and
    ValueError where that cannot be read."""
    if not content.startswith(_FEATHER):
        # The first version of Feather is not packed.
        return
    total = 0
    reader = pa.ipc.MessageReader.open_stream(pa.BufferReader(memoryview(content)[len(_FEATHER) :]))
    while True:
        try:
            message = reader.read_next_message()
        except (StopIteration, EOFError):
            break
        if message.body is not None:
            total += _unpacked(bytes(message.metadata), memoryview(message.body))
            _check(total, len(content))


def _check(total: int, size: int) -> None:
    if total > RATIO_FROM and total > MAX_RATIO * size:
        raise TooLarge(f"it unpacks to {total} bytes from {size}")


# -- the flatbuffers of Arrow's messages (format/Message.fbs) --------------------------------------


def _unpacked(meta: bytes, body: memoryview) -> int:
    """Bytes that the buffers of a message unpack to; 0 where it has none or they are not packed."""
    try:
        root = struct.unpack_from("<I", meta)[0]
        kind = _field(meta, root, 1)
        header = _table(meta, _field(meta, root, 2))
        if kind and meta[kind] == 2:
            # A dictionary: its batch is a field of it.
            header = _table(meta, _field(meta, header, 1))
        elif not kind or meta[kind] != 3:
            return 0
        return _of_batch(meta, header, body)
    except (struct.error, IndexError) as error:
        raise ValueError("a damaged message of Arrow") from error


def _of_batch(meta: bytes, header: int, body: memoryview) -> int:
    buffers = _table(meta, _field(meta, header, 2))
    if not buffers or not _field(meta, header, 3):
        return 0
    count = struct.unpack_from("<I", meta, buffers)[0]
    if count > _MAX_BUFFERS:
        raise TooLarge(f"{count} columns in a table")
    total = 0
    for i in range(count):
        offset, length = struct.unpack_from("<qq", meta, buffers + 4 + 16 * i)
        if length >= 8:
            # Each begins with what it unpacks to; -1 where it is not packed.
            total += max(0, struct.unpack_from("<q", body, offset)[0])
    return total


def _field(meta: bytes, table: int, slot: int) -> int:
    """Where a field of a table stands; 0 where it is left out."""
    layout = table - struct.unpack_from("<i", meta, table)[0]
    size = struct.unpack_from("<H", meta, layout)[0]
    at = 4 + 2 * slot
    found = struct.unpack_from("<H", meta, layout + at)[0] if at < size else 0
    return table + found if found else 0


def _table(meta: bytes, at: int) -> int:
    """Where what a field points to stands; 0 for a field that is left out."""
    return at + struct.unpack_from("<I", meta, at)[0] if at else 0
