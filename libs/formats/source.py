"""Bounded access to what somebody sent: a file, a folder or a zip archive, hostile until proven
otherwise. Nothing is extracted to a path of the sender's choosing."""

from __future__ import annotations

import io
import posixpath
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

MAX_FILES = 1_000_000
# What is read at once, and what is read as a stream.
MAX_FILE_BYTES = 500_000_000
MAX_STREAM_BYTES = 50_000_000_000
MAX_RATIO = 200
# Smaller entries and archives may be packed as tightly as they like: labels repeat themselves.
_RATIO_FROM = 100_000_000
_BUFFER = 65_536
# What zipfile raises on hostile bytes, encryption included.
_DAMAGE = (
    *(OSError, EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, struct.error),
)


class Unreadable(Exception):
    """A file of a source that cannot be read; the message says which and why."""


class Source:
    """Files by name, with forward slashes, in the order of their names."""

    def __init__(self, sizes: dict[str, int], open_: Callable[[str], IO[bytes]]) -> None:
        if len(sizes) > MAX_FILES:
            raise Unreadable(f"more than {MAX_FILES} files; split them")
        self._sizes, self._open = dict(sorted(sizes.items())), open_
        self.names = tuple(self._sizes)

    def __contains__(self, name: str) -> bool:
        return name in self._sizes

    def ending(self, *suffixes: str) -> list[str]:
        """Names that end so, whatever their case."""
        return [n for n in self.names if n.lower().endswith(suffixes)]

    def open(self, name: str) -> IO[bytes]:
        """The file, from its start; it and what is read of it raise `Unreadable`."""
        if name not in self._sizes:
            raise Unreadable(f"{name[:200]}: there is no such file")
        if self._sizes[name] > MAX_STREAM_BYTES:
            raise Unreadable(f"{name[:200]}: larger than {MAX_STREAM_BYTES} bytes")
        try:
            return io.BufferedReader(_Guarded(name, self._open(name)), _BUFFER)
        except _DAMAGE as error:
            raise Unreadable(f"{name[:200]}: cannot be opened: {error}") from error

    def read(self, name: str, limit: int = MAX_FILE_BYTES) -> bytes:
        """All of a file of at most `limit` bytes; raises `Unreadable`."""
        with self.open(name) as file:
            content = file.read(limit + 1)
        if len(content) > limit:
            raise Unreadable(f"{name[:200]}: larger than {limit} bytes")
        return content

    def text(self, name: str, limit: int = MAX_FILE_BYTES) -> str:
        """A UTF-8 file as text, with or without a byte order mark; raises `Unreadable`."""
        try:
            return self.read(name, limit).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            words = f"{name[:200]}: not UTF-8 at byte {error.start}; save it as UTF-8"
            raise Unreadable(words) from error


class _Guarded(io.RawIOBase):
    """A file whose damage, found while it is read, is `Unreadable`."""

    def __init__(self, name: str, file: IO[bytes]) -> None:
        self._name, self._file = name, file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return self._file.seekable()

    def readinto(self, target: Any) -> int:
        try:
            content = self._file.read(len(target))
        except _DAMAGE as error:
            raise Unreadable(f"{self._name[:200]}: damaged: {error}") from error
        target[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except _DAMAGE as error:
            raise Unreadable(f"{self._name[:200]}: damaged: {error}") from error

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def of_file(name: str, content: bytes) -> Source:
    """A source of one file in memory."""
    return Source({name: len(content)}, lambda _: io.BytesIO(content))


def of_folder(folder: Path) -> Source:
    """Regular files under a folder; links that lead out of it are left out."""
    root = folder.resolve()
    found = {
        path.relative_to(folder).as_posix(): path.stat().st_size
        for path in folder.rglob("*")
        if path.is_file() and path.resolve().is_relative_to(root)
    }
    return Source(found, lambda name: (folder / name).open("rb"))


def of_zip(file: IO[bytes]) -> Source:
    """Entries of a zip archive; raises `Unreadable` for an archive that is none, that names files
    outside itself, or that looks like a zip bomb."""
    try:
        archive = zipfile.ZipFile(file)
        members = [m for m in archive.infolist() if _is_file(m)]
    except _DAMAGE as error:
        raise Unreadable(f"not a readable zip file: {error}") from error
    for member in members:
        _check(member)
    total = sum(m.file_size for m in members)
    packed = sum(m.compress_size for m in members)
    if total > _RATIO_FROM and total > MAX_RATIO * packed:
        raise Unreadable(f"the archive unpacks to over {MAX_RATIO} times its size: a zip bomb?")
    by_name = {m.filename: m for m in members if not m.filename.startswith("__MACOSX/")}
    return Source({n: m.file_size for n, m in by_name.items()}, lambda n: archive.open(by_name[n]))


def _is_file(member: zipfile.ZipInfo) -> bool:
    """Folders and links are no files; a link's target would be a place of the sender's choosing."""
    # An empty name, which hostile archives have, is none that `is_dir` could read.
    named = bool(member.filename) and not member.is_dir()
    return named and not stat.S_ISLNK(member.external_attr >> 16)


def _check(member: zipfile.ZipInfo) -> None:
    name = member.filename
    if name.startswith("/") or ".." in posixpath.normpath(name).split("/") or "\\" in name:
        raise Unreadable(f"{name[:200]!r} names a place outside the archive")
    if member.file_size > _RATIO_FROM and member.file_size > MAX_RATIO * member.compress_size:
        raise Unreadable(f"{name[:200]} unpacks to over {MAX_RATIO} times its size: a zip bomb?")
