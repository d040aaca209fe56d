"""Tables that hold labels: files of `jsonl`, `csv` and `parquet` that are no manifests.

A manifest names the template's data fields. What a delivery of ours has, and other tools' tables
of a text and its class, name others; so does whatever is packed in an archive.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import IO, Any

import pyarrow as pa
import pyarrow.parquet as pq

from libs.formats import Fault
from libs.formats.records import lines_of
from libs.formats.tabular.csv_format import cells_of
from libs.untrusted.archives import is_tar
from services.intake.domain import Import, Project
from services.intake.sources.entry import MAX_LINE_BYTES
from services.intake.sources.manifests import BESIDE

# Columns of a table of ours.
_OURS = ({"task", "classes", "text"}, {"task", "item", "shape"})


def holds_labels(file: IO[bytes], import_: Import, project: Project) -> bool:
    """Is it a table of labels, and no manifest? The file is read from its start again."""
    if import_.labels_as is None:
        return False
    head = file.read(512)
    file.seek(0)
    if head.startswith(b"PK\x03\x04") or is_tar(head):
        return True
    try:
        return _HOLD[import_.format](file, project, import_.encoding or "utf-8")
    finally:
        file.seek(0)


def _lines(file: IO[bytes], project: Project, encoding: str) -> bool:
    for line in lines_of(file, "", encoding, MAX_LINE_BYTES):
        if isinstance(line, Fault) or not line.text.strip():
            continue
        try:
            doc = json.loads(line.text)
        except (ValueError, RecursionError):
            # The manifest's reader tells it; a JSON array is no manifest.
            return line.text.lstrip().startswith("[")
        if not isinstance(doc, dict):
            return isinstance(doc, list)
        if isinstance(doc.get("data"), dict) and "value" not in doc:
            return False
        return not doc.keys() <= {field.name for field in project.data_fields}
    return False


def _cells(file: IO[bytes], project: Project, encoding: str) -> bool:
    header: list[str] | None = None
    for _, cells in cells_of(lines_of(file, "", encoding, MAX_LINE_BYTES), ""):
        if isinstance(cells, Fault):
            continue
        if header is not None:
            return len(cells) == len(header) and _told(
                dict(zip(header, cells, strict=True)), project
            )
        header = cells
        if len(header) == 1 or _foreign(header, project):
            return _foreign(header, project)
    return False


def _columns(file: IO[bytes], project: Project, encoding: str) -> bool:
    try:
        table = pq.ParquetFile(file)
        if _foreign(table.schema_arrow.names, project):
            return True
        first = next(table.iter_batches(1), None)
        rows = first.to_pylist() if first is not None else []
        return any(_told(row, project) for row in rows)
    except (pa.ArrowException, OSError, ValueError):
        # The manifest's reader tells it.
        return False


def _foreign(columns: Iterable[str], project: Project) -> bool:
    named = {*columns}
    known = {field.name for field in project.data_fields} | {*BESIDE}
    return not named <= known or any(ours <= named for ours in _OURS)


def _told(row: dict[str, Any], project: Project) -> bool:
    """Is the label of a row a class, and not the JSON of a value?"""
    label = row.get("label")
    own = any(field.name == "label" for field in project.data_fields)
    return not own and label not in (None, "") and not str(label).lstrip().startswith("{")


_HOLD = {"jsonl": _lines, "csv": _cells, "parquet": _columns}
