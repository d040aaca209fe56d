"""Zip and tar archives, hostile until proven otherwise.

Nothing is ever extracted to a path of the archive's choosing: entries are read into memory one by
one under caps, media become blobs named by their content. An archive with a file `manifest.jsonl`,
`manifest.csv` or `manifest.parquet` is read row by row, and rows name files beside it; in any other
each file is an item, and where the template wants frames, each folder of images is one.
"""

from __future__ import annotations

import io
import json
import posixpath
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import groupby
from typing import IO

from libs.common.blobs import Blobs
from libs.formats.source import marked
from libs.untrusted import archives as packed
from libs.untrusted.archives import Member, Unreadable
from libs.untrusted.entry_names import normal
from services.intake.domain import DATA_LIMIT, DataField, NewItem, Project, Refused
from services.intake.sources import media
from services.intake.sources.entry import Broken, Entry, entry_of
from services.intake.sources.manifests import MANIFESTS

MAX_ENTRY_BYTES = media.MAX_BYTES
# Media do not repeat themselves: entries beyond this must not be packed too tightly.
_TIGHT = 100_000
MAX_FRAMES = 10_000


class Archive:
    """Files of an archive in its order; `read` raises `Refused`."""

    def __init__(self, members: list[Member]) -> None:
        self.members = members
        self._by_name = {m.name: m for m in self.members}

    def read(self, name: str, folder: str = "") -> bytes:
        """Content of a file named relative to a folder of the archive."""
        found = self._by_name.get(normal(posixpath.join(folder, name.replace("\\", "/"))))
        if found is None:
            raise Refused(f"{name[:200]}: there is no such file in the archive")
        return content_of(found)


def of_zip(file: IO[bytes], encoding: str = "") -> Archive:
    """Raises `Broken`; the archive reads from the file, which must stay open."""
    try:
        return Archive(packed.zip_members(file, encoding, _TIGHT))
    except Unreadable as error:
        raise Broken(str(error)) from error


def of_tar(file: IO[bytes], encoding: str = "") -> Archive:
    """A tar file, packed by gzip or not; raises `Broken`. Links and devices are left out."""
    try:
        return Archive(packed.tar_members(file, encoding))
    except Unreadable as error:
        raise Broken(str(error)) from error


def content_of(member: Member, limit: int = MAX_ENTRY_BYTES) -> bytes:
    """Raises `Refused`."""
    try:
        return packed.content_of(member, limit)
    except Unreadable as error:
        raise Refused(str(error)) from error


def archive_entries(
    archive: Archive,
    project: Project,
    blobs: Blobs,
    remote: media.Read,
    encoding: str = "utf-8",
) -> Iterator[Entry]:
    """Items of an archive in order; `remote` reads URLs that rows name. Texts without a byte order
    mark are in `encoding`."""
    for member in archive.members:
        stem, _, suffix = posixpath.basename(member.name).lower().rpartition(".")
        if stem == "manifest" and suffix in MANIFESTS:
            folder = posixpath.dirname(member.name)

            def read(name: str, folder: str = folder) -> bytes:
                return remote(name) if "://" in name else archive.read(name, folder)

            for entry in _rows(member, suffix, project, encoding):
                yield with_media(entry, project, read, blobs)
            return
    kinds = {f.type for f in project.data_fields}
    if "frames" in kinds and "image" not in kinds:
        yield from _folders(archive, project, blobs)
        return
    for member in archive.members:
        yield file_entry(member, project, blobs, encoding)


def _rows(manifest: Member, kind: str, project: Project, encoding: str) -> Iterator[Entry]:
    try:
        content = content_of(manifest)
    except Refused as refused:
        raise Broken(f"{manifest.name}: {refused}") from refused
    yield from MANIFESTS[kind](io.BytesIO(content), project, encoding)


def with_media(entry: Entry, project: Project, read: media.Read, blobs: Blobs) -> Entry:
    """The entry with the files that its media fields name taken in."""
    if entry.item is None:
        return entry
    return entry_of(entry.key, partial(_taken, entry.item, project, read, blobs))


def _taken(item: NewItem, project: Project, read: media.Read, blobs: Blobs) -> NewItem:
    data = json.loads(item.data)
    if not isinstance(data, dict):
        return item
    taken = media.resolved(project, data, read, blobs)
    return item if taken == data else replace(item, data=json.dumps(taken, ensure_ascii=False))


def file_entry(member: Member, project: Project, blobs: Blobs, encoding: str = "utf-8") -> Entry:
    """The item that a file is."""
    limit = DATA_LIMIT if member.name.lower().endswith(".txt") else MAX_ENTRY_BYTES
    return entry_of(
        member.name,
        lambda: item_of(member.name, content_of(member, limit), project, blobs, encoding),
    )


def item_of(
    name: str, content: bytes, project: Project, blobs: Blobs, encoding: str = "utf-8"
) -> NewItem:
    """The item that a file on its own is; raises `Refused`."""
    kind = media.kind_of(name)
    if kind:
        field = _first(project, kind)
        value = media.value_of(kind, content, name, project.name.split("/")[1], blobs)
        return NewItem(json.dumps({field.name: value}), source_key=name)
    if name.lower().endswith(".txt"):
        field = _first(project, "text")
        try:
            text = content.decode(marked(content[:4]) or encoding)
        except UnicodeError as error:
            raise Refused(f"not {encoding.upper()} text: {error}; say its encoding") from error
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
