"""Lines and JSON records of files of unknown senders, one by one: what cannot be read is a fault
with its place, and the rest goes on."""

from __future__ import annotations

import codecs
import io
import posixpath
import re
from collections.abc import Callable, Iterable, Iterator
from typing import IO, Any, NamedTuple

import ijson
import orjson

from libs.formats import Broken, Fault, Sample, Unfit
from libs.formats.source import Source, Unreadable, marked
from libs.formats.unicode import opened

MAX_LINE = 50_000_000
# ASCII's white space, which parts fields; a no-break space or U+2028 is part of a field.
BLANK = " \t\r\n\f\v"
_GAPS = re.compile(r"[ \t\r\n\f\v]+")
# What Python, and nobody else, takes for white space in ASCII.
_SEPARATORS = re.compile("[\x1c-\x1f]")
_HALVES = re.compile("[\ud800-\udfff]")


class Line(NamedTuple):
    """`place` counts from 1; the text has no line end."""

    place: int
    text: str


class Record(NamedTuple):
    """One JSON value; `where` names file and line or record, `key` is for one that has none."""

    where: str
    key: str
    doc: Any


def key_of(name: str, place: int) -> str:
    """Of a thing that has no key but its place in a file."""
    return f"{posixpath.splitext(name)[0]}/{place}"


def files(source: Source, *suffixes: str) -> list[str]:
    """Names that end so; a file that came alone is meant, however it is called. Raises `Broken`
    where there are none."""
    names = source.ending(*suffixes) or list(source.names if len(source.names) == 1 else ())
    if not names:
        raise Broken(f"there is no {' or '.join(suffixes)} file")
    return names


def split(text: str) -> list[str]:
    """Return the lines of a text, which end at CR, LF or both and at nothing else."""
    return text.replace("\r\n", "\n").replace("\r", "\n").split("\n")


def fields(text: str, most: int = 0) -> list[str]:
    """Return the fields of a line that ASCII white space parts. With `most`, the last of so many
    fields is the rest of the line."""
    if not most and text.isascii() and not _SEPARATORS.search(text):
        return text.split()
    bare = text.strip(BLANK)
    return _GAPS.split(bare, max(0, most - 1)) if bare else []


def lines(source: Source, name: str) -> Iterator[Line | Fault]:
    """Yield the lines of a file as `lines_of` does, in the encoding of the source."""
    try:
        with source.open(name) as file:
            yield from lines_of(file, name, source.encoding)
    except Unreadable as error:
        yield Fault(name, str(error))


def lines_of(
    file: IO[bytes], name: str, encoding: str = "utf-8", most: int = 0
) -> Iterator[Line | Fault]:
    """Yield the lines of a file that can be sought. A byte order mark (UTF-8, UTF-16, UTF-32) tells
    more than `encoding`. A line that cannot be read, or has over `most` bytes (MAX_LINE
    where nothing is said), is a fault."""
    most = most or MAX_LINE
    told = marked(file.read(4))
    file.seek(len(codecs.BOM_UTF8) if told == "utf-8-sig" else 0)
    encoding = "utf-8" if told == "utf-8-sig" else told or encoding
    if encoding != "utf-8" and "\n".encode(encoding) != b"\n":
        yield from _wide(file, name, encoding, most)
        return
    place = 0
    while raw := file.readline(most + 1):
        place += 1
        if len(raw) > most:
            yield Fault(f"{name} line {place}", f"longer than {most} bytes")
            if not raw.endswith(b"\n"):
                _skip(file)
            continue
        try:
            yield Line(place, raw.decode(encoding).rstrip("\r\n"))
        except UnicodeDecodeError as error:
            where = f" at byte {error.start} of the line"
            yield Fault(f"{name} line {place}", _not(encoding, where))


def _wide(file: IO[bytes], name: str, encoding: str, most: int) -> Iterator[Line | Fault]:
    """Lines of an encoding in which a line does not end with the byte LF."""
    place = 0
    # A half of a pair that stands alone spoils its line, not the file.
    errors = "surrogatepass" if encoding.startswith(("utf-16", "utf-32")) else "strict"
    text = io.TextIOWrapper(file, encoding, errors, newline=None)
    try:
        while line := text.readline(most):
            place += 1
            if not line.endswith("\n") and len(line) == most:
                yield Fault(f"{name} line {place}", f"longer than {most} characters")
                while (rest := text.readline(most)) and not rest.endswith("\n"):
                    pass
            elif _HALVES.search(line):
                yield Fault(f"{name} line {place}", _not(encoding))
            else:
                yield Line(place, line.rstrip("\n"))
    except UnicodeError:
        words = f"{_not(encoding)}; what stands from here on is not read"
        yield Fault(f"{name} line {place + 1}", words)
    finally:
        # Else it would close the file, which is the caller's.
        text.detach()


def _skip(file: IO[bytes]) -> None:
    while (rest := file.readline(MAX_LINE)) and not rest.endswith(b"\n"):
        pass


def _not(encoding: str, where: str = "") -> str:
    hint = "" if encoding != "utf-8" else ", or say its encoding"
    return f"not {encoding.upper()}{where}; save the file as UTF-8{hint}"


def text_of(source: Source, name: str, limit: int) -> str:
    """Return all of a file of at most `limit` bytes, in the encodings of `lines`; raise `Unfit`."""
    try:
        return source.text(name, limit)
    except Unreadable as error:
        raise Unfit(str(error).removeprefix(f"{name[:200]}: ")) from error


def records(source: Source, name: str) -> Iterator[Record | Fault]:
    """Values of a JSON array, of JSON Lines, or of JSON values one after the other."""
    try:
        with opened(source, name) as file:
            head = file.read(4096).lstrip()
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
        elif line.text.strip(BLANK):
            where = f"{name} line {line.place}"
            try:
                yield Record(where, key_of(name, line.place), orjson.loads(line.text))
            except orjson.JSONDecodeError as error:
                yield Fault(where, f"not JSON: {error}")


def _streamed(source: Source, name: str, prefix: str) -> Iterator[Record | Fault]:
    place = 0
    try:
        with opened(source, name) as file:
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
