"""CSV: one label a row, for spreadsheets.

A spreadsheet runs a cell that starts with `= + - @`, tab or carriage return as a formula. Such a
cell gets a leading apostrophe, and so does one that starts with an apostrophe: whoever takes one
leading apostrophe away has the original back. Lines end as in RFC 4180.

A row holds classes, a text (of a rewrite the text after, of a prompt its text), an order of
candidates ("a>b=c", "a=b!" where both are bad) and ratings ("scale=4;scale@candidate=2"). It has no
place for anything that lies somewhere: of objects, spans and segments only the classes stand there,
and of other shapes nothing. Reading takes these rows where they held everything, and other tools'
tables of a text and its class.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from itertools import chain
from typing import NamedTuple

from libs.formats import ANY, Doc, Fault, Format, Job, Problem, Sample, Unfit
from libs.formats.image.shapes import plain
from libs.formats.records import MAX_LINE, Line, files, key_of, lines
from libs.formats.source import Source
from libs.formats.tabular import rows
from libs.formats.tabular.embedded_media import NOTHING, carried

COLUMNS = ("task", "item", "source_key", "classes", "text", "source", "score", "order", "ratings")
# Shapes of objects -> what of them has no place.
_PLACES = {
    "boxes": "the coordinates",
    "objects": "the geometry",
    "spans": "the beginnings and ends",
    "segments": "times, speakers and languages",
}
_HELD = {"choices", "text", "ranking", "preference", "ratings", "rewrite", "prompt", *_PLACES}
_PARTLY = {
    "rewrite": {"after", "classes"},
    "prompt": {"text", "classes"},
    "preference": {"outcome", "chosen", "rejected", "ratings"},
    "ranking": {"groups"},
}
# More than a row may have; the most that a C long holds everywhere.
_NO_LIMIT = 2**31 - 1
_RISKY = ("=", "+", "-", "@", "\t", "\r", "'")


class CsvEncoder:
    """Columns `COLUMNS`; classes are joined by `;`."""

    def __init__(self, job: Job) -> None:
        self.labels = 0
        self.objects = job.first_object
        self.problems: list[Problem] = []

    def begin(self) -> bytes:
        return (",".join(COLUMNS) + "\r\n").encode()

    def add(self, rows: Sequence[Doc]) -> bytes:
        self.labels += len(rows)
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows([self._cells(row) for row in rows])
        return text.getvalue().encode()

    def end(self) -> Iterator[bytes]:
        return iter(())

    def _cells(self, row: Doc) -> tuple[object, ...]:
        ((shape, value),) = row["value"].items()
        if shape not in _HELD:
            self._problem(row, f"CSV has no place for {shape}")
        classes = value.get("classes", [])
        if objects := value.get(shape, []) if shape in _PLACES else []:
            classes = [one.get("class", "") for one in objects]
            self._problem(row, f"CSV has no place for {_PLACES[shape]} of {shape}")
        if value.get("relations"):
            self._problem(row, "CSV has no place for relations")
        if any(";" in one for one in classes):
            self._problem(row, "a class name holds the separator ';'")
        for field in sorted(value.keys() - _PARTLY.get(shape, value.keys())):
            self._problem(row, f"CSV has no place for {field} of {shape}")
        return (
            row["name"],
            row["item"],
            safe(row["source_key"]),
            safe(";".join(classes)),
            safe(_text(shape, value)),
            row["source"],
            row["score"],
            safe(_order(shape, value)),
            safe(";".join(_rating(one) for one in value.get("ratings", []))),
        )

    def _problem(self, row: Doc, reason: str) -> None:
        self.problems.append(Problem("csv", row["name"], reason))


def _text(shape: str, value: Doc) -> str:
    if shape == "segments":
        return " ".join(s["text"] for s in value.get("segments", []) if s.get("text"))
    text: str = value.get("after" if shape == "rewrite" else "text", "")
    return text


def _order(shape: str, value: Doc) -> str:
    if shape == "ranking":
        return ">".join("=".join(group["ids"]) for group in value.get("groups", []))
    if shape != "preference":
        return ""
    marks = {"CHOSEN": (">", ""), "TIE": ("=", ""), "BOTH_BAD": ("=", "!")}
    between, after = marks[value["outcome"]]
    return f"{value.get('chosen', '')}{between}{value.get('rejected', '')}{after}"


def _rating(one: Doc) -> str:
    subject = f"@{one['subject']}" if one.get("subject") else ""
    return f"{one['scale']}{subject}={one.get('value', 0.0):g}"


def decode(source: Source, schema: Doc) -> Iterator[Sample | Fault]:
    for name in files(source, ".csv", ".tsv"):
        for row in table_rows(source, name):
            if isinstance(row, Fault):
                yield row
                continue
            try:
                yield _sample(row.cells, key_of(name, row.place), schema, source, name)
            except Unfit as unfit:
                yield Fault(row.where, str(unfit))


class Row(NamedTuple):
    """Cells by the names of their columns; `place` is the row's last line in the file `name`."""

    name: str
    place: int
    cells: dict[str, str]

    @property
    def where(self) -> str:
        """The place in words."""
        return f"{self.name} line {self.place}"


def table_rows(source: Source, name: str) -> Iterator[Row | Fault]:
    """Yield the rows of a table whose first line names its columns; empty ones are passed over.
    Columns are parted by tabs in a .tsv file, else by a comma or by what the first line has."""
    header: list[str] | None = None
    found = lines(source, name)
    first = next(found, None)
    if not isinstance(first, Line):
        yield from () if first is None else (first,)
        return
    for place, cells in cells_of(chain((first,), found), name, _delimiter(name, first.text)):
        if isinstance(cells, Fault):
            yield cells
        elif header is None:
            header = [one.strip() for one in cells]
            if twice := next((one for one in header if header.count(one) > 1), None):
                yield Fault(
                    f"{name} line {place}",
                    f"two columns are called {twice[:50]!r}; which is meant?",
                )
                return
        elif any(cells):
            if len(cells) == len(header):
                yield Row(name, place, dict(zip(header, cells, strict=True)))
            else:
                words = f"{len(cells)} columns; the first line has {len(header)}"
                yield Fault(f"{name} line {place}", words)


def _delimiter(name: str, header: str) -> str:
    if name.lower().endswith(".tsv"):
        return "\t"
    return next((one for one in ",;\t" if one in header), ",")


def _sample(row: dict[str, str], key: str, schema: Doc, source: Source, near: str) -> Sample:
    if not {"task", "classes", "text"} <= row.keys():
        return rows.sample(row, key, schema, source, near)
    # `safe` undone.
    cells = {name: cell.removeprefix("'") for name, cell in row.items()}
    held = NOTHING
    if len(source.names) > 1:
        held = carried({"path": cells.get("source_key", "")}, source, near)
    shape = schema.get("shape") or ("text" if cells["text"] else "choices")
    if shape == "text":
        value = {"text": plain(text=cells["text"])}
    elif shape in ("choice", "choices"):
        value = {"choices": plain(classes=[c for c in cells["classes"].split(";") if c])}
    else:
        raise Unfit(f"a CSV file of ours does not hold all of {shape}; read JSON Lines or Parquet")
    key = cells.get("source_key") or cells["task"]
    return Sample(key, value, media=held.media, absent=held.absent)


def cells_of(
    found: Iterator[Line | Fault], name: str, delimiter: str = ",", most: int = MAX_LINE
) -> Iterator[tuple[int, list[str] | Fault]]:
    """Yield rows with the number of their last line; what cannot be read stands as its fault. A row
    has at most `most` characters, over however many lines."""
    faults: list[Fault] = []
    at = _Feed(found, faults, most)
    # The module has one limit for the whole process; ours is kept by the feed, reader by reader.
    csv.field_size_limit(_NO_LIMIT)
    rows = csv.reader(at, delimiter=delimiter, strict=True)
    while True:
        at.size = at.first = 0
        try:
            cells: list[str] | Fault | None = next(rows, None)
        except csv.Error as error:
            where = f"{name} line {at.first}"
            if at.last > at.first:
                where += f" to {at.last}"
            cells = Fault(where, f"not CSV: {error}; is a quote closed, and doubled inside a cell?")
        while faults:
            yield at.last, faults.pop(0)
        if cells is None:
            return
        yield at.last, cells


class _Feed:
    """Lines for the reader of one table; where the row begins and ends, and its characters."""

    __slots__ = ("_faults", "_found", "_most", "first", "last", "size")

    def __init__(self, found: Iterator[Line | Fault], faults: list[Fault], most: int) -> None:
        self._found, self._faults, self._most = found, faults, most
        self.first = self.last = self.size = 0

    def __iter__(self) -> _Feed:
        return self

    def __next__(self) -> str:
        while True:
            line = next(self._found)
            self.last += 1
            if isinstance(line, Fault):
                self._faults.append(line)
                continue
            self.first = self.first or self.last
            self.size += len(line.text) + 1
            if self.size > self._most:
                raise csv.Error(f"a row of over {self._most} characters")
            return line.text + "\n"


def safe(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell


FORMATS = {"csv": Format("csv", "labels-{:05}.csv", ANY, CsvEncoder, decode)}
