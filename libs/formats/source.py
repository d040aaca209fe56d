"""Bounded access to what somebody sent: a file, a folder or a zip archive, hostile until proven
otherwise. Nothing is extracted to a path of the sender's choosing."""

from __future__ import annotations

import codecs
import copy
import io
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import IO

from libs.untrusted import archives
from libs.untrusted.archives import Unreadable as Unreadable
from libs.untrusted.entry_names import hidden, normal

MAX_FILES = archives.MAX_ENTRIES
# What is read at once, and what is read as a stream.
MAX_FILE_BYTES = 500_000_000
MAX_STREAM_BYTES = archives.MAX_UNPACKED

# Byte order marks and what they tell, longest first: UTF-32's begins as UTF-16's does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_FIRST = frozenset(mark[:1] for mark, _ in _MARKS)


def marked(head: bytes) -> str:
    """Return the encoding that the byte order mark at the start of a file tells, or nothing."""
    # Nearly every file begins without one; an archive may hold many.
    if head[:1] not in _FIRST:
        return ""
    return next((name for mark, name in _MARKS if head.startswith(mark)), "")


def known_encoding(name: str) -> bool:
    """Is it an encoding of texts?"""
    try:
        return "\n".encode(name).decode(name) == "\n"
    except (LookupError, ValueError, TypeError):
        return False


class Source:
    """Files by name, with forward slashes, in the order of their names."""

    def __init__(self, sizes: dict[str, int], open_: Callable[[str], IO[bytes]]) -> None:
        if len(sizes) > MAX_FILES:
            raise Unreadable(f"more than {MAX_FILES} files; split them")
        self._sizes, self._open = dict(sorted(sizes.items())), open_
        self.names = tuple(self._sizes)
        # What texts are in that have no byte order mark and declare nothing themselves.
        self.encoding = "utf-8"

    def declared(self, encoding: str) -> Source:
        """Return the same files, their texts in this encoding; raise `Unreadable` for one that
        nobody knows."""
        if not known_encoding(encoding):
            words = "it is written as utf-8, gb18030, cp1252 ..."
            raise Unreadable(f"encoding {str(encoding)[:50]!r} is not known; {words}")
        made = copy.copy(self)
        made.encoding = encoding
        return made

    def __contains__(self, name: str) -> bool:
        return self._known(name) in self._sizes

    def _known(self, name: str) -> str:
        """The name as it is here: label files write it in any form of Unicode."""
        return name if name in self._sizes else unicodedata.normalize("NFC", name)

    def ending(self, *suffixes: str) -> list[str]:
        """Names that end so, whatever their case."""
        return [n for n in self.names if n.lower().endswith(suffixes)]

    def open(self, name: str) -> IO[bytes]:
        """The file, from its start; it and what is read of it raise `Unreadable`."""
        known = self._known(name)
        if known not in self._sizes:
            raise Unreadable(f"{name[:200]}: there is no such file")
        if self._sizes[known] > MAX_STREAM_BYTES:
            raise Unreadable(f"{name[:200]}: larger than {MAX_STREAM_BYTES} bytes")
        return archives.opened(known, lambda: self._open(known))

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """All of a file of at most `limit` bytes; raises `Unreadable`."""
        with self.open(name) as file:
            # No buffer of the limit's size for a small file.
            told = min(limit, self._sizes[self._known(name)])
            content = file.read(told + 1)
            if len(content) > told < limit:
                content += file.read(limit + 1 - len(content))
        if len(content) > limit:
            raise Unreadable(f"{name[:200]}: larger than {limit} bytes")
        return content

    def text(self, name: str, limit: int = MAX_FILE_BYTES) -> str:
        """Return a file as text: as its byte order mark tells, else in the encoding of the source;
        raise `Unreadable`."""
        content = self.read(name, limit)
        encoding = marked(content[:4]) or self.encoding
        try:
            return content.decode(encoding)
        except UnicodeError as error:
            place = f"not {encoding.upper()} at byte {getattr(error, 'start', 0)}"
            raise Unreadable(f"{name[:200]}: {place}; save it as UTF-8") from error


def of_file(name: str, content: bytes) -> Source:
    """A source of one file in memory."""
    return Source({name: len(content)}, lambda _: io.BytesIO(content))


def of_folder(folder: Path) -> Source:
    """Regular files under a folder; hidden ones and links that lead out of it are left out."""
    root = folder.resolve()
    paths = {
        normal(path.relative_to(folder).as_posix()): path
        for path in folder.rglob("*")
        if not hidden(path.relative_to(folder).as_posix())
        and path.is_file()
        and path.resolve().is_relative_to(root)
    }
    sizes = {name: path.stat().st_size for name, path in paths.items()}
    return Source(sizes, lambda name: paths[name].open("rb"))


def of_zip(file: IO[bytes], encoding: str = "") -> Source:
    """Entries of a zip archive, names without a flag for UTF-8 in that encoding where they are not;
    raises `Unreadable` for an archive that is none, that names files outside itself, or that looks
    like a zip bomb."""
    return _of_members(archives.zip_members(file, encoding))


def of_tar(file: IO[bytes], encoding: str = "") -> Source:
    """Entries of a tar archive, packed by gzip or not; raises `Unreadable` as `of_zip` does."""
    return _of_members(archives.tar_members(file, encoding))


def _of_members(members: list[archives.Member]) -> Source:
    """Of several entries of one name the last counts, as it does for whoever unpacks them."""
    for one in members:
        if one.hostile:
            raise Unreadable(f"{one.name[:200]!r} {one.fault}")
    by_name = {one.name: one for one in members}

    def open_(name: str) -> IO[bytes]:
        if by_name[name].fault:
            raise ValueError(by_name[name].fault)
        return by_name[name].open()

    return Source({name: one.size for name, one in by_name.items()}, open_)
