"""CSV: one label a row, for spreadsheets.

A spreadsheet runs a cell that starts with `= + - @`, tab or carriage return as a formula. Such a
cell gets a leading apostrophe, and so does one that starts with an apostrophe: whoever takes one
leading apostrophe away has the original back. Lines end as in RFC 4180.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence

from libs.formats import ANY, Doc, Format, Job, Problem

COLUMNS = ("task", "item", "source_key", "classes", "text", "source", "score")
_PLACES = {"boxes": "the coordinates", "spans": "the beginnings and ends"}
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
        value = row["value"]
        classes = value.get("choices", {}).get("classes", [])
        for shape, places in _PLACES.items():
            if objects := value.get(shape, {}).get(shape, []):
                classes = [one.get("class", "") for one in objects]
                self._problem(row, f"CSV has no place for {places} of {shape}")
        if any(";" in one for one in classes):
            self._problem(row, "a class name holds the separator ';'")
        return (
            row["name"],
            row["item"],
            safe(row["source_key"]),
            safe(";".join(classes)),
            safe(value.get("text", {}).get("text", "")),
            row["source"],
            row["score"],
        )

    def _problem(self, row: Doc, reason: str) -> None:
        self.problems.append(Problem("csv", row["name"], reason))


def safe(cell: str) -> str:
    """The cell as no spreadsheet takes it for a formula."""
    return f"'{cell}" if cell.startswith(_RISKY) else cell


FORMATS = {"csv": Format("csv", "labels-{:05}.csv", ANY, CsvEncoder)}
