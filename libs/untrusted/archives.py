"""Zip and tar archives of strangers: the one reader of both doors, of items and of labels.

Nothing is extracted to a path of the archive's choosing. Bounds are looked at in the archive's own
tables before anything is unpacked: number of entries, bytes in all, ratio, entries that share
bytes. Entries are read as streams; what is damaged raises `Unreadable`.
"""

from __future__ import annotations

import gzip
import io
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import IO, Any

from libs.untrusted.entry_names import bad_name, hidden, normal, read_names

MAX_ENTRIES = 1_000_000
MAX_RATIO = 200
MAX_UNPACKED = 50_000_000_000
# Smaller archives may be packed as tightly as they like: labels repeat themselves.
RATIO_FROM = 100_000_000
_FORMS = "is there twice, in two forms of Unicode (NFC and NFD); rename one of them"
_BOMB = f"unpacks to over {MAX_RATIO} times its size: a zip bomb?"
# Longest header that a tar file may have: names, not contents.
_HEADER_BYTES = 1_000_000
_COPY = 1_000_000
_BUFFER = 65_536
# Fixed parts of a zip file's records: local header, central header, end, zip64's locator and end.
_LOCAL, _CENTRAL, _END, _LOCATOR, _END64 = 30, 46, 22, 20, 56
# What zipfile, tarfile and gzip raise on hostile bytes, encryption included.
DAMAGE = (
    *(OSError, EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error),
)


class Unreadable(Exception):
    """A file, or an archive as a whole, that cannot be read; the message says which and why."""


@dataclass(frozen=True)
class Member:
    """One regular file of an archive: its name in NFC with slashes, its size in bytes. `fault` says
    why it cannot be used, before anything is read; `hostile`: nobody writes such by mistake."""

    name: str
    size: int
    open: Callable[[], IO[bytes]]
    fault: str = ""
    hostile: bool = False


class Guarded(io.RawIOBase):
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
        except DAMAGE as error:
            raise Unreadable(f"{self._name[:200]}: damaged: {error}") from error
        target[: len(content)] = content
        return len(content)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        try:
            return self._file.seek(offset, whence)
        except DAMAGE as error:
            raise Unreadable(f"{self._name[:200]}: damaged: {error}") from error

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        self._file.close()
        super().close()


def opened(name: str, open_: Callable[[], IO[bytes]]) -> IO[bytes]:
    """Return the file, from its start; it and what is read of it raise `Unreadable`."""
    try:
        return io.BufferedReader(Guarded(name, open_()), _BUFFER)
    except DAMAGE as error:
        raise Unreadable(f"{name[:200]}: cannot be opened: {error}") from error


def is_tar(head: bytes) -> bool:
    """Return whether the first 512 bytes are those of a tar file, packed by gzip or not."""
    return head.startswith(b"\x1f\x8b") or head[257:262] == b"ustar"


# -- zip -------------------------------------------------------------------------------------


def zip_members(file: IO[bytes], encoding: str = "", tight: int = RATIO_FROM) -> list[Member]:
    """Return the files of a zip archive that is not hidden, in its order; raise `Unreadable`.

    `encoding` is that of names without the flag for UTF-8 that are not UTF-8; entries of up to
    `tight` bytes may be packed as tightly as they like. The archive reads from the file.
    """
    try:
        size = file.seek(0, io.SEEK_END)
        _check_count(file, size)
        archive = zipfile.ZipFile(file)
    except DAMAGE as error:
        raise Unreadable(f"not a readable zip file: {str(error)[:200]}") from error
    infos = archive.infolist()
    _check_overlap(infos, archive.start_dir)
    _check_total([info.file_size for info in infos], size)
    names = read_names([_raw_name(info) for info in infos], encoding)
    pairs = [pair for pair in zip(infos, names, strict=True) if _is_file(*pair)]
    found = [_zip_member(archive, info, name, tight) for info, name in pairs]
    return [one for one in _told_apart(found, [n for _, n in pairs]) if not hidden(one.name)]


def _told_apart(members: list[Member], names: Sequence[str]) -> list[Member]:
    """Return the members with a fault where two have one name in several forms of Unicode: which of
    them is meant nobody can say. `names` are theirs as written."""
    forms: dict[str, set[str]] = {}
    for one, name in zip(members, names, strict=True):
        if not name.isascii():
            forms.setdefault(one.name, set()).add(name.replace("\\", "/"))
    twofold = {name for name, written in forms.items() if len(written) > 1}
    return [replace(m, fault=m.fault or _FORMS) if m.name in twofold else m for m in members]


def _check_count(file: IO[bytes], size: int) -> None:
    """Raises `Unreadable` for more entries than there may be, before they become objects."""
    start = max(0, size - _END - 65_535)
    file.seek(start)
    tail = file.read(size - start)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + _END > len(tail):
        # Zipfile says so in its own words.
        return
    length = int(struct.unpack_from("<I", tail, at + 12)[0])
    end = start + at
    if length == 0xFFFFFFFF and at >= _LOCATOR + _END64:
        length = int(struct.unpack_from("<Q", tail, at - _LOCATOR - _END64 + 40)[0])
        end -= _LOCATOR + _END64
    if length > end:
        raise ValueError("its table of contents is longer than it")
    # An entry of the table takes 46 bytes and its names.
    if length // _CENTRAL > MAX_ENTRIES and _entries(file, end - length, end) > MAX_ENTRIES:
        raise Unreadable(f"more than {MAX_ENTRIES} files; split them")


def _entries(file: IO[bytes], at: int, end: int) -> int:
    """Entries of the table of contents, counted up to one more than there may be."""
    count = 0
    while at + _CENTRAL <= end and count <= MAX_ENTRIES:
        file.seek(at)
        head = file.read(_CENTRAL)
        if len(head) < _CENTRAL or not head.startswith(b"PK\x01\x02"):
            break
        at, count = at + _CENTRAL + sum(struct.unpack_from("<3H", head, 28)), count + 1
    return count


def _check_overlap(infos: Sequence[zipfile.ZipInfo], end: int) -> None:
    """Raises `Unreadable` where two entries share bytes: one that is there once is then unpacked
    many times. Writers put entries one behind the other."""
    before = 0
    for info in sorted(infos, key=lambda one: one.header_offset):
        if info.header_offset < before:
            raise Unreadable("entries of the archive share their bytes: a zip bomb?")
        before = info.header_offset + _LOCAL + info.compress_size
    if before > end and infos:
        raise Unreadable("entries of the archive reach beyond it; it is cut off or damaged")


def _check_total(sizes: Sequence[int], packed: int) -> None:
    total = sum(sizes)
    if total > MAX_UNPACKED:
        raise Unreadable(f"the archive unpacks to over {MAX_UNPACKED} bytes; split it")
    if total > RATIO_FROM and total > MAX_RATIO * packed:
        raise Unreadable(f"the archive {_BOMB}")


def _raw_name(info: zipfile.ZipInfo) -> bytes | str:
    """The name's bytes, or the name itself where the archive says that it is UTF-8."""
    if info.flag_bits & 0x800 or (not info.extra and info.orig_filename.isascii()):
        return info.orig_filename
    raw = info.orig_filename.encode("cp437", "replace")
    return _unicode_path(info.extra, raw) or raw


def _unicode_path(extra: bytes, raw: bytes) -> str:
    """The name of Info-ZIP's Unicode Path field (0x7075), while it is of this name; else empty."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<HH", extra, at)
        field = extra[at + 4 : at + 4 + size]
        if kind == 0x7075 and len(field) > 5 and field[0] == 1:
            if struct.unpack_from("<I", field, 1)[0] == zlib.crc32(raw):
                return field[5:].decode("utf-8", "replace")
            return ""
        at += 4 + size
    return ""


def _is_file(info: zipfile.ZipInfo, name: str) -> bool:
    """Folders and links are no files; a link's target would be a place of the sender's choosing."""
    folder = not name or name.endswith(("/", "\\"))
    return not folder and not stat.S_ISLNK(info.external_attr >> 16)


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str, tight: int) -> Member:
    fault, hostile = "", False
    if bad := bad_name(name):
        fault, hostile = bad, True
    elif info.file_size > tight and info.file_size > MAX_RATIO * max(1, info.compress_size):
        fault, hostile = _BOMB, True
    elif info.flag_bits & 1:
        fault = "encrypted; put it in without a password"
    elif info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        # Zipfile unpacks other methods without a bound.
        fault = "packed by another method than deflate; pack it again"
    return Member(normal(name), info.file_size, lambda: archive.open(info), fault, hostile)


# -- tar -------------------------------------------------------------------------------------


def tar_members(file: IO[bytes], encoding: str = "") -> list[Member]:
    """Return the files of a tar archive, packed by gzip or not, that are not hidden, in its order;
    raise `Unreadable`. Links and devices are left out."""
    file.seek(0)
    plain = _unpacked(file) if file.read(2) == b"\x1f\x8b" else file
    plain.seek(0)
    headers = _Headers(plain)
    try:
        archive = tarfile.open(fileobj=headers, mode="r:")  # noqa: SIM115 - read from until the end
        infos = list(_regular(archive))
    except DAMAGE as error:
        raise Unreadable(f"not a readable tar file: {str(error)[:200]}") from error
    headers.most = MAX_UNPACKED
    names = read_names([one.name.encode("utf-8", "surrogateescape") for one in infos], encoding)
    pairs = zip(infos, names, strict=True)
    found = [_tar_member(archive, info, name) for info, name in pairs]
    return [one for one in _told_apart(found, names) if not hidden(one.name)]


def _regular(archive: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    for number, info in enumerate(archive):
        if number >= MAX_ENTRIES:
            raise Unreadable(f"more than {MAX_ENTRIES} files; split them")
        if info.isreg():
            yield info


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo, name: str) -> Member:
    def open_() -> IO[bytes]:
        found = archive.extractfile(info)
        if found is None:
            raise ValueError("no regular file")
        return found

    fault, hostile = "", False
    if bad := bad_name(name):
        fault, hostile = bad, True
    elif info.issparse():
        # Its size is what it says, not what is there.
        fault = "a sparse file; put it in whole"
    return Member(normal(name), info.size, open_, fault, hostile)


class _Headers(io.RawIOBase):
    """A tar file whose headers are bounded while it is listed: tarfile reads them at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.most = file, _HEADER_BYTES

    def read(self, size: int = -1) -> bytes:
        if size < 0 or size > self.most:
            raise ValueError(f"a header of {size} bytes")
        return self._file.read(size)

    def readinto(self, target: Any) -> int:
        content = self._file.read(len(target))
        target[: len(content)] = content
        return len(content)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """The content of a gzip file on disk, so that members can be read in any order."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    plain = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the archive
    free = shutil.disk_usage(tempfile.gettempdir()).free
    limit = min(MAX_UNPACKED, MAX_RATIO * size + _COPY, free // 2)
    try:
        with gzip.open(file) as packed:
            while block := packed.read(_COPY):
                plain.write(block)
                if plain.tell() > limit:
                    raise Unreadable(f"unpacks to more than {limit} bytes; that looks like a bomb")
    except DAMAGE as error:
        raise Unreadable(f"not a readable gzip file: {str(error)[:200]}") from error
    return plain


def content_of(member: Member, limit: int) -> bytes:
    """Return all of a member of at most `limit` bytes; raise `Unreadable`."""
    if member.fault:
        raise Unreadable(f"{member.name[:200]}: {member.fault}")
    if member.size > limit:
        raise Unreadable(f"{member.name[:200]}: larger than {limit} bytes")
    with opened(member.name, member.open) as file:
        content = file.read(member.size + 1)
    if len(content) != member.size:
        raise Unreadable(f"{member.name[:200]}: cut off in the archive")
    return content
