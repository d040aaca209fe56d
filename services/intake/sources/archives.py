"""Zip and tar archives, hostile until proven otherwise.

Nothing is ever extracted to a path of the archive's choosing: entries are read into memory one by
one under caps, media become blobs named by their content. An archive with a file `manifest.jsonl`,
`manifest.csv` or `manifest.parquet` is read row by row, and rows name files beside it; in any other
each file is an item, and where the template wants frames, each folder of images is one.
"""

from __future__ import annotations

import gzip
import io
import json
import lzma
import posixpath
import shutil
import struct
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import IO

from libs.common.blobs import Blobs
from services.intake.domain import DataField, NewItem, Project, Refused
from services.intake.sources import media
from services.intake.sources.entry import MAX_ENTRIES, Broken, Entry
from services.intake.sources.manifests import MANIFESTS

MAX_ENTRY_BYTES = media.MAX_BYTES
MAX_RATIO = 200
MAX_UNPACKED = 50_000_000_000
MAX_FRAMES = 10_000
_COPY = 1_000_000
# What zipfile, tarfile and gzip raise on hostile bytes, encryption included.
_DAMAGE = (
    *(OSError, EOFError, ValueError, OverflowError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, tarfile.TarError, zlib.error, struct.error, lzma.LZMAError),
)


@dataclass(frozen=True)
class Member:
    """One file of an archive. `fault` says why it cannot be used, before anything is read."""

    name: str
    read: Callable[[], bytes]
    fault: str = ""


class Archive:
    """Files of an archive in its order; `read` raises `Refused`."""

    def __init__(self, members: list[Member]) -> None:
        if len(members) > MAX_ENTRIES:
            raise Broken(f"more than {MAX_ENTRIES} files; split the archive")
        self.members = [m for m in members if not _hidden(m.name)]
        self._by_name = {m.name: m for m in self.members}

    def read(self, name: str, folder: str = "") -> bytes:
        """Content of a file named relative to a folder of the archive."""
        whole = posixpath.normpath(posixpath.join(folder, name.replace("\\", "/")))
        found = self._by_name.get(whole)
        if found is None:
            raise Refused(f"{name[:200]}: there is no such file in the archive")
        return content_of(found)


def content_of(member: Member) -> bytes:
    """Raises `Refused`."""
    if member.fault:
        raise Refused(member.fault)
    try:
        return member.read()
    except _DAMAGE as error:
        raise Refused(f"broken in the archive: {str(error)[:200]}") from error


def opened(member: Member) -> IO[bytes]:
    """The content as a file; raises OSError, as opening a file does."""
    try:
        return io.BytesIO(content_of(member))
    except Refused as refused:
        raise OSError(str(refused)) from refused


def archive_entries(
    archive: Archive, project: Project, blobs: Blobs, remote: media.Read
) -> Iterator[Entry]:
    """Items of an archive in order; `remote` reads URLs that rows name."""
    for member in archive.members:
        stem, _, suffix = posixpath.basename(member.name).lower().rpartition(".")
        if stem == "manifest" and suffix in MANIFESTS:
            folder = posixpath.dirname(member.name)
            yield from _rows(archive, member, suffix, folder, project, blobs, remote)
            return
    kinds = {f.type for f in project.data_fields}
    if "frames" in kinds and "image" not in kinds:
        yield from _folders(archive, project, blobs)
        return
    for member in archive.members:
        yield file_entry(member, project, blobs)


def _rows(
    archive: Archive,
    manifest: Member,
    kind: str,
    folder: str,
    project: Project,
    blobs: Blobs,
    remote: media.Read,
) -> Iterator[Entry]:
    try:
        content = content_of(manifest)
    except Refused as refused:
        raise Broken(f"{manifest.name}: {refused}") from refused

    def read(name: str) -> bytes:
        return remote(name) if "://" in name else archive.read(name, folder)

    for entry in MANIFESTS[kind](io.BytesIO(content), project):
        yield with_media(entry, project, read, blobs)


def with_media(entry: Entry, project: Project, read: media.Read, blobs: Blobs) -> Entry:
    """The entry with the files that its media fields name taken in."""
    if entry.item is None:
        return entry
    try:
        data = json.loads(entry.item.data)
        if not isinstance(data, dict):
            return entry
        taken = media.resolved(project, data, read, blobs)
    except Refused as refused:
        return Entry(entry.key, reason=str(refused))
    if taken == data:
        return entry
    return replace(entry, item=replace(entry.item, data=json.dumps(taken, ensure_ascii=False)))


def file_entry(member: Member, project: Project, blobs: Blobs) -> Entry:
    key = member.name[:500]
    try:
        return Entry(key, item_of(key, content_of(member), project, blobs))
    except Refused as refused:
        return Entry(key, reason=str(refused))


def item_of(name: str, content: bytes, project: Project, blobs: Blobs) -> NewItem:
    """The item that a file on its own is; raises `Refused`."""
    kind = media.kind_of(name)
    if kind:
        field = _first(project, kind)
        value = media.value_of(kind, content, name, project.name.split("/")[1], blobs)
        return NewItem(json.dumps({field.name: value}), source_key=name)
    if name.lower().endswith(".txt"):
        field = _first(project, "text")
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise Refused(f"not UTF-8 text: {error.reason}") from error
        return NewItem(json.dumps({field.name: text}, ensure_ascii=False), source_key=name)
    known = ", ".join(media.KINDS)
    raise Refused(f"not a file of a known kind: {known} or .txt")


def _first(project: Project, kind: str) -> DataField:
    for field in project.data_fields:
        if field.type == kind:
            return field
    raise Refused(f"the template has no data field of type {kind}")


def _folders(archive: Archive, project: Project, blobs: Blobs) -> Iterator[Entry]:
    """One item a folder, its images the frames in the order of their names."""
    field, tenant = _first(project, "frames"), project.name.split("/")[1]
    members = sorted(archive.members, key=lambda m: (posixpath.dirname(m.name), m.name))
    for folder, inside in groupby(members, key=lambda m: posixpath.dirname(m.name)):
        frames: list[str] = []
        try:
            for member in inside:
                if media.kind_of(member.name) != "image":
                    raise Refused(f"{member.name[-200:]}: not a .png, .jpg or .webp file")
                if len(frames) == MAX_FRAMES:
                    raise Refused(f"more than {MAX_FRAMES} frames; split it")
                content = content_of(member)
                frames.append(media.value_of("image", content, member.name, tenant, blobs))
            item = NewItem(json.dumps({field.name: frames}), source_key=folder[:500])
            yield Entry(folder[:500], item)
        except Refused as refused:
            yield Entry(folder[:500], reason=str(refused))


def _hidden(name: str) -> bool:
    return name.startswith("__MACOSX/") or "/." in f"/{name}".replace("/./", "/").replace(
        "/../", "/"
    )


# -- the two kinds of archives ---------------------------------------------------------------


def of_zip(file: IO[bytes]) -> Archive:
    """Raises `Broken`; the archive reads from the file, which must stay open."""
    try:
        archive = zipfile.ZipFile(file)
        infos = [m for m in archive.infolist() if not m.filename.endswith("/")]
    except _DAMAGE as error:
        raise Broken(f"not a readable zip file: {str(error)[:200]}") from error
    return Archive([_zip_member(archive, info) for info in infos])


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    def read() -> bytes:
        with archive.open(info) as file:
            content = file.read(MAX_ENTRY_BYTES + 1)
        if len(content) > info.file_size:
            raise Refused("larger than the archive says")
        return content

    fault = _outside(info.filename)
    if info.flag_bits & 1:
        fault = "encrypted; put it in without a password"
    if info.file_size > MAX_ENTRY_BYTES:
        fault = f"larger than {MAX_ENTRY_BYTES} bytes"
    if info.file_size > 100_000 and info.file_size > MAX_RATIO * max(1, info.compress_size):
        fault = f"compressed more than {MAX_RATIO} times; that looks like a zip bomb"
    return Member(posixpath.normpath(info.filename)[:1000], read, fault)


def of_tar(file: IO[bytes]) -> Archive:
    """A tar file, packed by gzip or not; raises `Broken`. Links and devices are left out."""
    plain = _unpacked(file) if file.read(2) == b"\x1f\x8b" else file
    plain.seek(0)
    try:
        archive = tarfile.open(fileobj=plain, mode="r:")  # noqa: SIM115 - read from until the end
        members: list[Member] = []
        for info in archive:
            if len(members) > MAX_ENTRIES:
                break
            if info.isreg():
                members.append(_tar_member(archive, info))
    except _DAMAGE as error:
        raise Broken(f"not a readable tar file: {str(error)[:200]}") from error
    return Archive(members)


def _tar_member(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def read() -> bytes:
        file = archive.extractfile(info)
        content = b"" if file is None else file.read(MAX_ENTRY_BYTES + 1)
        if len(content) != info.size:
            raise Refused("cut off in the archive")
        return content

    fault = _outside(info.name)
    if info.size > MAX_ENTRY_BYTES:
        fault = f"larger than {MAX_ENTRY_BYTES} bytes"
    return Member(posixpath.normpath(info.name)[:1000], read, fault)


def _outside(name: str) -> str:
    parts = posixpath.normpath(name.replace("\\", "/")).split("/")
    return "its name leads out of the archive" if ".." in parts or parts[0] == "" else ""


def _unpacked(file: IO[bytes]) -> IO[bytes]:
    """The content of a gzip file on disk, so that members can be read in any order."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    plain = tempfile.TemporaryFile()  # noqa: SIM115 - lives as long as the archive
    limit = min(
        MAX_UNPACKED, MAX_RATIO * size + _COPY, shutil.disk_usage(tempfile.gettempdir()).free // 2
    )
    try:
        with gzip.open(file) as packed:
            while block := packed.read(_COPY):
                plain.write(block)
                if plain.tell() > limit:
                    raise Broken(f"unpacks to more than {limit} bytes; that looks like a bomb")
    except _DAMAGE as error:
        raise Broken(f"not a readable gzip file: {str(error)[:200]}") from error
    return plain
