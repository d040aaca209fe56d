"""Reads Parquet files batch by batch: ours, and tables of other tools with a text and its class,
whose number is a name where the file says so as Hugging Face's `datasets` does.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from libs.formats import Doc, Fault, Sample, Unfit, rows
from libs.formats.columns import COMMON, value_of
from libs.formats.lines import files, key_of
from libs.formats.source import Source, Unreadable

_ROWS = 1_000
_MOST_RATIO = 10_000
_RATIO_FROM = 500_000_000
_LABELS = {c.name for c in COMMON} - {"accept_time", "lineage"}


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".parquet"):
        # Of an archive's entry nothing can be sought but what lies on disk.
        with tempfile.TemporaryFile() as file:
            try:
                with source.open(name) as packed:
                    shutil.copyfileobj(packed, file)
                yield from _rows(file, name, schema)
            except (Unfit, Unreadable) as error:
                yield Fault(name, str(error))
            except (pa.ArrowException, OSError, ValueError) as error:
                words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
                yield Fault(name, f"not readable Parquet: {words}")


def _rows(file: Any, name: str, schema: Doc) -> Iterator[Sample | Fault]:
    size = file.tell()
    file.seek(0)
    table = pq.ParquetFile(file)
    _check(table, size)
    names = table.schema_arrow.names
    schema = {**schema, **_classes(table.schema_arrow)}
    ours = {*names} >= _LABELS
    place = 0
    for batch in table.iter_batches(_ROWS):
        for row in batch.to_pylist():
            place += 1
            try:
                yield _ours(row) if ours else rows.sample(row, key_of(name, place), schema)
            except (Unfit, orjson.JSONDecodeError) as error:
                yield Fault(f"{name} row {place}", str(error))


def _ours(row: Doc) -> Sample:
    known = {"task": row["task"], "item": row["item"]}
    key = row["source_key"] or row["task"]
    return Sample(key, value_of(row), rows.data_of(row["data"]), metadata=known)


def _check(table: pq.ParquetFile, size: int) -> None:
    """Raises `Unfit` for what unpacks out of all proportion."""
    meta = table.metadata
    total = sum(meta.row_group(i).total_byte_size for i in range(meta.num_row_groups))
    if total > max(_RATIO_FROM, size * _MOST_RATIO):
        raise Unfit(f"it unpacks to {total} bytes from {size}")


def _classes(schema: pa.Schema) -> Doc:
    """Names of numbered classes, where `datasets` wrote them."""
    try:
        info = orjson.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        names = info["info"]["features"]["label"]["names"]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return {}
    return {"classes": names} if isinstance(names, list) else {}
