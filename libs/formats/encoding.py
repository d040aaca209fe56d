"""What encoders have in common: counting, telling what a format cannot hold, writing archives."""

from __future__ import annotations

import posixpath
import tempfile
from collections.abc import Iterator, Sequence
from typing import IO

from libs.formats import Doc, Job, Problem, Unfit
from libs.formats.zip_writer import ZipStream

_SPOOL = 1_000_000


class RowEncoder:
    """Says `format`, makes the bytes of one label in `encode`; `Unfit` there leaves it out."""

    format = ""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.labels = 0
        self.objects = job.first_object
        self.problems: list[Problem] = []

    def begin(self) -> bytes:
        return b""

    def add(self, rows: Sequence[Doc]) -> bytes:
        return b"".join([self._one(row) for row in rows])

    def end(self) -> Iterator[bytes]:
        return iter(())

    def encode(self, row: Doc) -> bytes:
        raise NotImplementedError

    def tell(self, row: Doc, reason: str, whole: bool = False) -> None:
        """Once a label and reason, however many of its objects it is true of."""
        problem = Problem(self.format, row["name"], reason, whole)
        if problem not in self.problems[-20:]:
            self.problems.append(problem)

    def class_index(self, name: str) -> int:
        """Place of a class among the template's, from 0; raises `Unfit`."""
        try:
            return self.job.classes.index(name)
        except ValueError:
            raise Unfit(f"class {name[:100]!r} is not one of the template's") from None

    def _one(self, row: Doc) -> bytes:
        try:
            made = self.encode(row)
        except Unfit as unfit:
            self.tell(row, str(unfit), whole=True)
            return b""
        self.labels += 1
        return made


class ZipEncoder(RowEncoder):
    """A format of many files: `write` puts those of one label, `closing` those of the part."""

    def __init__(self, job: Job) -> None:
        super().__init__(job)
        self.zip = ZipStream()
        self._taken: set[str] = set()

    def encode(self, row: Doc) -> bytes:
        self.write(row)
        return self.zip.take()

    def end(self) -> Iterator[bytes]:
        yield from self.closing()
        yield self.zip.close()

    def write(self, row: Doc) -> None:
        raise NotImplementedError

    def closing(self) -> Iterator[bytes]:
        """Yields bytes as they are made, so that a large closing file keeps memory flat."""
        return iter(())

    def unique(self, name: str) -> str:
        """A name for an entry that no other has: `a.txt`, then `a-2.txt`."""
        stem, suffix = posixpath.splitext(name)
        number, free = 1, name
        while free in self._taken:
            number += 1
            free = f"{stem}-{number}{suffix}"
        self._taken.add(free)
        return free


def spool() -> IO[bytes]:
    """A file that moves from memory to disk when it grows; the caller closes it."""
    return tempfile.SpooledTemporaryFile(_SPOOL)


def entry_name(key: str) -> str:
    """A source key as a path inside an archive: no scheme, no way out of the folder."""
    path = key.rpartition("://")[2].replace("\\", "/")
    parts = [p for p in path.split("/") if p not in ("", ".", "..")]
    return "/".join(parts)


def xml_text(text: str) -> str:
    """The text as XML 1.0 can hold it; raises `Unfit` where it has characters XML cannot."""
    if any((c < " " and c not in "\t\n") or c in "\ufffe\uffff" for c in text):
        raise Unfit(f"{text[:50]!r} holds characters that XML cannot")
    return text
