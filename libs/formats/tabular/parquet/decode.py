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

from libs.formats import Doc, Fault, Sample, Unfit
from libs.formats.records import files, key_of
from libs.formats.source import Source, Unreadable
from libs.formats.tabular import rows
from libs.formats.tabular.columns import COMMON, value_of
from libs.untrusted import tables

_ROWS = 1_000
# Of rows that carry pictures, as many as memory has room for.
_ROWS_WITH_MEDIA = 20
_MOST_RATIO = 10_000
_RATIO_FROM = 500_000_000
_LABELS = {c.name for c in COMMON} - {"accept_time", "lineage"}
# What our tables say of how a label was made is not read back.
_UNREAD = frozenset(("source", "score", "accept_time", "lineage"))


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".parquet"):
        # Of an archive's entry nothing can be sought but what lies on disk.
        with tempfile.TemporaryFile() as file:
            try:
                with source.open(name) as packed:
                    shutil.copyfileobj(packed, file)
                yield from _rows(file, name, schema, source)
            except (Unfit, Unreadable, tables.TooLarge) as error:
                yield Fault(name, str(error))
            except (pa.ArrowException, OSError, ValueError) as error:
                words = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
                yield Fault(name, f"not readable Parquet: {words}")


def _rows(file: Any, name: str, schema: Doc, source: Source) -> Iterator[Sample | Fault]:
    table = tables.parquet_file(file)
    names = table.schema_arrow.names
    schema = {**schema, **_classes(table.schema_arrow)}
    ours = {*names} >= _LABELS
    carrying = any(pa.types.is_struct(field.type) for field in table.schema_arrow)
    wanted = [one for one in names if one not in _UNREAD] if ours else None
    found = tables.rows_of(table, _ROWS_WITH_MEDIA if carrying and not ours else _ROWS, wanted)
    for place, row in enumerate(found, 1):
        key = key_of(name, place)
        try:
            yield _ours(row) if ours else rows.sample(row, key, schema, source, name)
        except (Unfit, orjson.JSONDecodeError) as error:
            yield Fault(f"{name} row {place}", str(error))


def _ours(row: Doc) -> Sample:
    known = {"task": row["task"], "item": row["item"]}
    key = row["source_key"] or row["task"]
    return Sample(key, value_of(row), rows.data_of(row["data"]), metadata=known)


def _classes(schema: pa.Schema) -> Doc:
    """Names of numbered classes, one or a list of them a row, where `datasets` wrote them."""
    try:
        features = orjson.loads((schema.metadata or {}).get(b"huggingface", b"{}"))
        features = features["info"]["features"]
        found = next(features[one] for one in rows.LABELS if one in features)
        names = found.get("names") or found["feature"]["names"]
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError, StopIteration):
        return {}
    return {"classes": names} if isinstance(names, list) else {}
