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

from libs.formats import ANY, Doc, Fault, Format, Job, Problem, Sample, Unfit, rows
from libs.formats.lines import Line, files, key_of, lines
from libs.formats.shapes import plain
from libs.formats.source import Source

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
        header: list[str] | None = None
        delimiter = "\t" if name.lower().endswith(".tsv") else ","
        for place, cells in cells_of(lines(source, name, schema), name, delimiter):
            where = f"{name} line {place}"
            if isinstance(cells, Fault):
                yield cells
            elif header is None:
                header = [one.strip() for one in cells]
            elif any(cells) and len(cells) != len(header):
                yield Fault(where, f"{len(cells)} columns; the first line has {len(header)}")
            elif any(cells):
                row = dict(zip(header, cells, strict=True))
                try:
                    yield _sample(row, key_of(name, place), schema)
                except Unfit as unfit:
                    yield Fault(where, str(unfit))


def _sample(row: dict[str, str], key: str, schema: Doc) -> Sample:
    if not {"task", "classes", "text"} <= row.keys():
        return rows.sample(row, key, schema)
    cells = {name: unsafe(cell) for name, cell in row.items()}
    shape = schema.get("shape") or ("text" if cells["text"] else "choices")
    if shape == "text":
        value = {"text": plain(text=cells["text"])}
    elif shape in ("choice", "choices"):
        value = {"choices": plain(classes=[c for c in cells["classes"].split(";") if c])}
    else:
        raise Unfit(f"a CSV file of ours does not hold all of {shape}; read JSON Lines or Parquet")
    return Sample(cells.get("source_key") or cells["task"], value)


def cells_of(
    found: Iterator[Line | Fault], name: str, delimiter: str = ","
) -> Iterator[tuple[int, list[str] | Fault]]:
    """Rows with the number of their last line; what cannot be read stands as its fault."""
    faults: list[Fault] = []
    rows = csv.reader(_texts(found, faults), delimiter=delimiter)
    while True:
        try:
            cells: list[str] | Fault | None = next(rows, None)
        except csv.Error as error:
            cells = Fault(f"{name} line {rows.line_num}", f"not CSV: {error}")
        while faults:
            yield rows.line_num, faults.pop(0)
        if cells is None:
            return
        yield rows.line_num, cells


def _texts(found: Iterator[Line | Fault], faults: list[Fault]) -> Iterator[str]:
    for line in found:
        if isinstance(line, Fault):
            faults.append(line)
        else:
            yield f"{line.text}\n"


def safe(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell


def unsafe(cell: str) -> str:
    """The cell as it was before `safe`."""
    return cell.removeprefix("'")


FORMATS = {"csv": Format("csv", "labels-{:05}.csv", ANY, CsvEncoder, decode)}
