"""Rows of the quality table: what was measured, beside what is asked and the reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson
from rich.console import Console
from rich.table import Table

_OPTIONS = orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE | orjson.OPT_SERIALIZE_NUMPY


@dataclass(frozen=True)
class Row:
    """One line: `measured` and `reference` in words with units; `ok` is None where nothing was
    asked, and `left_out` says why a row could not be measured."""

    group: str
    what: str
    measured: str
    asked: str = ""
    reference: str = ""
    ok: bool | None = None
    left_out: str = ""


def show(rows: Sequence[Row], console: Console, title: str = "quality, measured") -> None:
    """Prints the rows as a table."""
    table = Table(title=title, title_justify="left")
    for column in ("group", "what", "measured", "asked", "reference", "met"):
        table.add_column(column, overflow="fold")
    for row in rows:
        met = "left out" if row.left_out else {None: "", True: "yes", False: "NO"}[row.ok]
        measured = row.left_out or row.measured
        table.add_row(row.group, row.what, measured, row.asked, row.reference, met)
    console.print(table)


def save(rows: Sequence[Row], path: Path) -> None:
    """Writes the rows as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(orjson.dumps([asdict(row) for row in rows], option=_OPTIONS))
