"""Reads what is imported, all of it hostile until proven otherwise.

Every entry that cannot be used is told with its reason; a file that cannot be read at all
raises `Broken`.
"""

from __future__ import annotations

import io
import logging
from collections.abc import Generator, Iterator
from dataclasses import replace
from typing import IO

from libs.common.blobs import Blobs
from libs.common.errors import Fault
from libs.untrusted.archives import Member
from services.intake.domain import Import, Project, Refused
from services.intake.imports.stopping import Stopped
from services.intake.sources import archives, labels, media, tables
from services.intake.sources.entry import Broken as Broken
from services.intake.sources.entry import Entry as Entry
from services.intake.sources.manifests import MANIFESTS

ARCHIVES = {"zip": archives.of_zip, "tar": archives.of_tar}
# Format of an import whose entries are the objects of a bucket.
OBJECTS = "objects"
# Of an import of one media or text file, which is one item.
FILE = "file"
log = logging.getLogger(__name__)


def nothing_remote(name: str) -> bytes:
    """Reads no URL."""
    raise Refused(f"{name[:200]}: a file's name; rows name files only within an archive")


def known_format(name: str) -> bool:
    """Can it be imported?"""
    return not brings_labels(name) or labels.readable(name)


def brings_labels(name: str) -> bool:
    """Is it a format of labels?"""
    return not (name in ARCHIVES or name in MANIFESTS or name in (OBJECTS, FILE))


def entries(
    file: IO[bytes],
    import_: Import,
    project: Project,
    blobs: Blobs,
    remote: media.Read = nothing_remote,
) -> Generator[Entry]:
    """Entries of a file in order, their labels placed; raises `Broken`. `remote` reads URLs."""
    count = labelled = items = 0
    try:
        for entry in _read(file, import_, project, blobs, remote):
            items += entry.item is not None
            labelled += entry.item is not None and labels.has_label(entry.item)
            yield _placed(entry, import_)
            count += 1
        if import_.labels_as is not None and not labelled and items == count:
            words = f"no label was found in its {items} records: is it of format {import_.format}?"
            yield Entry(import_.file_name or import_.source, reason=words)
    except (Broken, Stopped, Fault, OSError):
        # A store or disk that is away says nothing of the file.
        raise
    except Exception as error:
        # Whatever a reader stumbles over is the file's fault or the reader's, and no other's.
        log.exception("%s: a file of format %s cannot be read", import_.name, import_.format)
        words = f"cannot be read as {import_.format} behind entry {count}"
        raise Broken(f"{words} ({type(error).__name__}: {str(error)[:200]})") from error


def _placed(entry: Entry, import_: Import) -> Entry:
    if entry.item is None or entry.item.label is None:
        return entry
    try:
        return replace(entry, item=labels.placed(entry.item, import_))
    except Refused as refused:
        return Entry(entry.key, reason=str(refused))


def _read(
    file: IO[bytes], import_: Import, project: Project, blobs: Blobs, remote: media.Read
) -> Iterator[Entry]:
    encoding = import_.encoding or "utf-8"
    if import_.format in ARCHIVES:
        archive = ARCHIVES[import_.format](file, import_.encoding)
        yield from archives.archive_entries(archive, project, blobs, remote, encoding)
    elif import_.format in MANIFESTS and not tables.holds_labels(file, import_, project):
        found = MANIFESTS[import_.format](file, project, encoding)
        plain = all(f.type in ("text", "conversation", "calibration") for f in project.data_fields)
        for entry in found:
            yield entry if plain else archives.with_media(entry, project, remote, blobs)
    elif import_.format == FILE:
        yield archives.file_entry(_alone(import_.file_name, file), project, blobs, encoding)
    else:
        yield from labels.label_entries(file, import_, project, blobs)


def _alone(name: str, file: IO[bytes]) -> Member:
    """A file that was packed into nothing."""
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return Member(name, size, lambda: file)
