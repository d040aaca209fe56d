"""Lines and JSON records of files of unknown senders, one by one: what cannot be read is a fault
with its place, and the rest goes on."""

from __future__ import annotations

import codecs
import io
import posixpath
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any

import ijson
import orjson

from libs.formats import Broken, Doc, Fault, Sample, Unfit
from libs.formats.source import Source, Unreadable

MAX_LINE = 50_000_000
_UTF16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class Line:
    """`place` counts from 1; the text has no line end."""

    place: int
    text: str


@dataclass(frozen=True)
class Record:
    """One JSON value; `where` names file and line or record, `key` is for one that has none."""

    where: str
    key: str
    doc: Any


def key_of(name: str, place: int) -> str:
    """Of a thing that has no key but its place in a file."""
    return f"{posixpath.splitext(name)[0]}/{place}"


def files(source: Source, *suffixes: str) -> list[str]:
    """Names that end so; raises `Broken` where there are none."""
    names = source.ending(*suffixes)
    if not names:
        raise Broken(f"there is no {' or '.join(suffixes)} file")
    return names


def lines(source: Source, name: str, schema: Doc | None = None) -> Iterator[Line | Fault]:
    """UTF-8, UTF-16 with a byte order mark, or what the schema's `encoding` says."""
    try:
        with source.open(name) as file:
            yield from _lines(file, name, (schema or {}).get("encoding", "utf-8"))
    except Unreadable as error:
        yield Fault(name, str(error))


def _lines(file: IO[bytes], name: str, encoding: str) -> Iterator[Line | Fault]:
    start = file.read(3)
    file.seek(3 if start == codecs.BOM_UTF8 else 0)
    if start[:2] in _UTF16:
        yield from _wide(file, name)
        return
    place = 0
    while raw := file.readline(MAX_LINE + 1):
        place += 1
        if len(raw) > MAX_LINE:
            yield Fault(f"{name} line {place}", f"longer than {MAX_LINE} bytes")
            if not raw.endswith(b"\n"):
                _skip(file)
            continue
        try:
            yield Line(place, raw.decode(encoding).rstrip("\r\n"))
        except UnicodeDecodeError as error:
            words = f"not {encoding.upper()} at byte {error.start} of the line"
            yield Fault(f"{name} line {place}", f"{words}; save the file as UTF-8")
        except LookupError as error:
            raise Broken(f"encoding {encoding!r} is not known") from error


def _wide(file: IO[bytes], name: str) -> Iterator[Line | Fault]:
    place = 0
    try:
        text = io.TextIOWrapper(file, "utf-16", newline=None)
        while line := text.readline(MAX_LINE):
            place += 1
            yield Line(place, line.rstrip("\n"))
    except UnicodeError:
        yield Fault(f"{name} line {place + 1}", "not UTF-16; save the file as UTF-8")


def _skip(file: IO[bytes]) -> None:
    while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def text_of(source: Source, name: str, limit: int, schema: Doc | None = None) -> str:
    """All of a file of at most `limit` bytes, in the encodings of `lines`; raises `Unfit`."""
    try:
        content = source.read(name, limit)
    except Unreadable as error:
        raise Unfit(str(error)) from error
    wide = content[:2] in _UTF16
    encoding = "utf-16" if wide else (schema or {}).get("encoding", "utf-8-sig")
    try:
        return content.decode(encoding)
    except UnicodeError as error:
        place = getattr(error, "start", 0)
        raise Unfit(f"not {encoding.upper()} at byte {place}; save it as UTF-8") from error
    except LookupError as error:
        raise Broken(f"encoding {encoding!r} is not known") from error


def records(source: Source, name: str) -> Iterator[Record | Fault]:
    """Values of a JSON array, of JSON Lines, or of JSON values one after the other."""
    try:
        with source.open(name) as file:
            head = file.read(4096).lstrip(codecs.BOM_UTF8).lstrip()
            first = head.partition(b"\n")[0]
        if head.startswith(b"["):
            yield from _streamed(source, name, "item")
        elif head and b"\n" in head and not _complete(first):
            yield from _streamed(source, name, "")
        else:
            yield from _rows(source, name)
    except Unreadable as error:
        yield Fault(name, str(error))


def _complete(line: bytes) -> bool:
    return line.rstrip().endswith(b"}") or not line.startswith(b"{")


def _rows(source: Source, name: str) -> Iterator[Record | Fault]:
    for line in lines(source, name):
        if isinstance(line, Fault):
            yield line
        elif line.text.strip():
            where = f"{name} line {line.place}"
            try:
                yield Record(where, key_of(name, line.place), orjson.loads(line.text))
            except orjson.JSONDecodeError as error:
                yield Fault(where, f"not JSON: {error}")


def _streamed(source: Source, name: str, prefix: str) -> Iterator[Record | Fault]:
    place = 0
    try:
        with source.open(name) as file:
            many = prefix == ""
            for doc in ijson.items(file, prefix, use_float=True, multiple_values=many):
                place += 1
                yield Record(f"{name} record {place}", key_of(name, place), doc)
    except (ijson.JSONError, ValueError, OverflowError) as error:
        words = str(error).replace("\n", " ")[:200]
        yield Fault(f"{name} record {place + 1}", f"not JSON from here on: {words}")


def each_record(
    source: Source, names: Iterable[str], read: Callable[[Record], Iterable[Sample]]
) -> Iterator[Sample | Fault]:
    """The samples of every record; one that cannot be read is a fault."""
    for name in names:
        for record in records(source, name):
            if isinstance(record, Fault):
                yield record
                continue
            try:
                yield from read(record)
            except Unfit as unfit:
                yield Fault(record.where, str(unfit))
