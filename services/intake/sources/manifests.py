"""Manifests: JSONL, CSV and Parquet files with one item a row.

A row's media fields hold `data:` URIs, `blob:` references, or names of files: relative to the
manifest within an archive, or https:// and s3:// URLs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import IO, Any

import pyarrow as pa
from google.protobuf.descriptor import Descriptor, EnumDescriptor
from google.protobuf.json_format import ParseDict, ParseError
from labelmill.annotation.v1.annotation_pb2 import Value

from libs.common.codec import Doc, message_to_doc
from libs.common.errors import Invalid
from libs.common.rpc import validate
from libs.formats import Fault
from libs.formats.records import lines_of
from libs.formats.tabular.csv_format import cells_of
from libs.untrusted import tables
from services.intake.domain import NewItem, Project, Refused, entry_of_line
from services.intake.sources.entry import MAX_LINE_BYTES, Broken, Entry, entry_of

# Columns that are no data, unless the template has a data field of that name.
BESIDE = ("source_key", "group", "label")
# Types of fields whose cells are JSON.
_JSON = frozenset({"frames", "sweeps", "cameras", "calibration", "conversation", "candidates"})


def jsonl_entries(file: IO[bytes], project: Project, encoding: str = "utf-8") -> Iterator[Entry]:
    for line in lines_of(file, "", encoding, MAX_LINE_BYTES):
        if isinstance(line, Fault):
            yield Entry(line.where.strip(), reason=line.reason)
        elif line.text.strip():
            yield entry_of(f"line {line.place}", partial(_of_line, line.text))


def _of_line(line: str) -> NewItem:
    item = entry_of_line(line)
    given = {n: getattr(item, n) for n in ("gold", "prediction", "label")}
    if all(v is None for v in given.values()):
        return item
    read = {n: None if v is None else read_value(v, n) for n, v in given.items()}
    return replace(item, gold=read["gold"], prediction=read["prediction"], label=read["label"])


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


def csv_entries(file: IO[bytes], project: Project, encoding: str = "utf-8") -> Iterator[Entry]:
    header: list[str] | None = None
    found = lines_of(file, "", encoding, MAX_LINE_BYTES)
    for place, cells in cells_of(found, "", most=MAX_LINE_BYTES):
        if isinstance(cells, Fault) and header is None:
            raise Broken(f"{cells.where.strip()}: {cells.reason}")
        if isinstance(cells, Fault):
            yield Entry(cells.where.strip(), reason=cells.reason)
        elif header is None:
            header = cells
            _check_columns(header, project)
        elif len(cells) == len(header):
            row = dict(zip(header, cells, strict=True))
            yield entry_of(f"line {place}", partial(_of_row, row, project))
        elif cells:
            yield Entry(f"line {place}", reason="has another number of columns than the header")
    if header is None:
        _check_columns([], project)


def _check_columns(columns: list[str], project: Project) -> None:
    names = {f.name for f in project.data_fields}
    unknown = [n for n in columns if n not in names and n not in BESIDE]
    twice = [n for n in dict.fromkeys(columns) if columns.count(n) > 1]
    if not columns or unknown or twice:
        wrong = (
            ", ".join(map(str, unknown))[:500] or f"{twice[0]} is there twice" if columns else ""
        )
        raise Broken(
            f"the first line must name the columns {', '.join(sorted(names))} and, if wanted,"
            f" {', '.join(BESIDE)}; unknown: {wrong or 'no header'}; where it is a table of texts"
            " and their classes, say labels_as"
        )


def _of_row(row: dict[str, Any], project: Project) -> NewItem:
    """Cells of fields that are lists or objects hold JSON where they are text."""
    names = {f.name: f.type for f in project.data_fields}
    data = {
        name: _parsed(row[name], name) if type_ in _JSON else row[name]
        for name, type_ in names.items()
        if row.get(name) not in (None, "")
    }
    beside = {n: row.get(n) or "" for n in BESIDE if n not in names}
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


def parquet_entries(file: IO[bytes], project: Project, encoding: str = "utf-8") -> Iterator[Entry]:
    """Rows one by one; a file that unpacks to too much is refused as a whole."""
    try:
        table = tables.parquet_file(file)
        _check_columns(table.schema_arrow.names, project)
        for number, row in enumerate(tables.rows_of(table), 1):
            yield entry_of(f"row {number}", partial(_of_row, row, project))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise Broken(f"not a readable Parquet file: {str(error)[:300]}") from error
    except tables.TooLarge as error:
        raise Broken(str(error)) from error


MANIFESTS: dict[str, Callable[[IO[bytes], Project, str], Iterator[Entry]]] = {
    "jsonl": jsonl_entries,
    "csv": csv_entries,
    "parquet": parquet_entries,
}
