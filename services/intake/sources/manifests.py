"""Manifests: JSONL, CSV and Parquet files with one item a row.

A row's media fields hold `data:` URIs, `blob:` references, or names of files: relative to the
manifest within an archive, or https:// and s3:// URLs.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq
from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from labelmill.annotation.v1.annotation_pb2 import Value

from libs.common.codec import Doc, message_to_doc
from libs.common.errors import Invalid
from libs.common.rpc import validate
from services.intake.domain import NewItem, Project, Refused, entry_of_line
from services.intake.sources.entry import MAX_LINE_BYTES, Broken, Entry

# Columns that are no data, unless the template has a data field of that name.
_BESIDE = ("source_key", "group", "label")
# Types of fields whose cells are JSON.
_JSON = frozenset({"frames", "sweeps", "cameras", "calibration", "conversation", "candidates"})
_BATCH_ROWS = 500
_MAX_ROW_GROUP = 2_000_000_000


def jsonl_entries(file: IO[bytes], project: Project) -> Iterator[Entry]:
    number = 0
    while line := file.readline(MAX_LINE_BYTES + 1):
        number += 1
        if len(line) > MAX_LINE_BYTES:
            raise Broken(f"line {number} is longer than {MAX_LINE_BYTES} bytes; split the file")
        if line.strip():
            plain = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            yield _entry(f"line {number}", partial(_of_line, plain))


def _entry(key: str, make: Callable[[], NewItem]) -> Entry:
    try:
        return Entry(key, make())
    except Refused as refused:
        return Entry(key, reason=str(refused))


def _of_line(line: bytes) -> NewItem:
    item = entry_of_line(line)
    given = {n: getattr(item, n) for n in ("gold", "draft", "label")}
    if all(v is None for v in given.values()):
        return item
    read = {n: None if v is None else read_value(v, n) for n, v in given.items()}
    return replace(item, gold=read["gold"], draft=read["draft"], label=read["label"])


def read_value(raw: Any, field: str = "gold") -> Doc:
    """Plain data of a value as a file has it, names of enumerations short (VISIBLE) as in REST or
    whole; raises `Refused` unless it keeps the rules of the message, which only calls are checked
    for elsewhere."""
    if not isinstance(raw, dict):
        raise Refused(f'{field}: must be an object such as {{"choices": {{"classes": ["..."]}}}}')
    try:
        value = ParseDict(_whole_names(raw, Value.DESCRIPTOR), Value())
        validate(value)
    except (ParseError, RecursionError) as error:
        raise Refused(f"{field}: not readable as a label: {str(error)[:500]}") from error
    except Invalid as error:
        raise Refused(f"{field}.{error.field}: {error.message}") from error
    return message_to_doc(value)


def _whole_names(raw: Any, descriptor: Descriptor) -> Any:
    """The JSON with enumerations as protobuf's JSON names them."""
    if not isinstance(raw, dict):
        return raw
    made = dict(raw)
    for field in descriptor.fields:
        if field.name not in raw:
            continue
        value = raw[field.name]
        if field.enum_type is not None:
            convert = partial(_whole_name, field.enum_type)
        elif field.message_type is None or field.message_type.GetOptions().map_entry:
            continue
        else:
            convert = partial(_whole_names, descriptor=field.message_type)
        made[field.name] = (
            [convert(v) for v in value] if isinstance(value, list) else convert(value)
        )
    return made


def _whole_name(enum: EnumDescriptor, value: Any) -> Any:
    if not isinstance(value, str) or value in enum.values_by_name:
        return value
    return enum.values[0].name.removesuffix("UNSPECIFIED") + value


def csv_entries(file: IO[bytes], project: Project) -> Iterator[Entry]:
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
    csv.field_size_limit(MAX_LINE_BYTES)
    try:
        reader = csv.DictReader(text, strict=True)
        _check_columns(list(reader.fieldnames or []), project)
        for row in reader:
            yield _cells_entry(reader.line_num, row, project)
    except UnicodeDecodeError as error:
        raise Broken(f"the file is not UTF-8 ({error.reason}); save it as UTF-8") from error
    except csv.Error as error:
        raise Broken(f"line {reader.line_num}: {error}") from error


def _check_columns(columns: list[str], project: Project) -> None:
    names = {f.name for f in project.data_fields}
    unknown = [n for n in columns if n not in names and n not in _BESIDE]
    if not columns or unknown:
        raise Broken(
            f"the first line must name the columns {', '.join(sorted(names))} and, if wanted,"
            f" {', '.join(_BESIDE)}; unknown:"
            f" {', '.join(map(str, unknown))[:500] or 'no header'}"
        )


def _cells_entry(number: int, row: dict[Any, Any], project: Project) -> Entry:
    key = f"line {number}"
    if None in row or None in row.values():
        return Entry(key, reason="has another number of columns than the header")
    return _entry(key, partial(_of_row, row, project))


def _of_row(row: dict[str, Any], project: Project) -> NewItem:
    """Cells of fields that are lists or objects hold JSON where they are text."""
    names = {f.name: f.type for f in project.data_fields}
    data = {
        name: _parsed(row[name], name) if type_ in _JSON else row[name]
        for name, type_ in names.items()
        if row.get(name) not in (None, "")
    }
    beside = {n: row.get(n) or "" for n in _BESIDE if n not in names}
    label = beside.get("label")
    return NewItem(
        json.dumps(data, ensure_ascii=False, default=str),
        source_key=str(beside.get("source_key", ""))[:500],
        group=str(beside.get("group", "")),
        label=read_value(_parsed(label, "label"), "label") if label else None,
    )


def _parsed(cell: Any, name: str) -> Any:
    if not isinstance(cell, str):
        return cell
    try:
        return json.loads(cell)
    except (ValueError, RecursionError) as error:
        raise Refused(f"{name}: not readable as JSON: {error}") from error


def parquet_entries(file: IO[bytes], project: Project) -> Iterator[Entry]:
    """Rows batch by batch; a row group that unpacks to too much is refused as a whole."""
    try:
        table = pq.ParquetFile(file)
        _check_columns(table.schema_arrow.names, project)
        for i in range(table.num_row_groups):
            size = table.metadata.row_group(i).total_byte_size
            if size > _MAX_ROW_GROUP:
                raise Broken(f"row group {i} unpacks to {size} bytes; write smaller row groups")
        number = 0
        for batch in table.iter_batches(_BATCH_ROWS):
            for row in batch.to_pylist():
                number += 1
                yield _entry(f"row {number}", partial(_of_row, row, project))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Broken(f"not a readable Parquet file: {str(error)[:300]}") from error


MANIFESTS: dict[str, Callable[[IO[bytes], Project], Iterator[Entry]]] = {
    "jsonl": jsonl_entries,
    "csv": csv_entries,
    "parquet": parquet_entries,
}
