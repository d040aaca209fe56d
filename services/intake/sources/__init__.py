"""Reads what is imported, all of it hostile until proven otherwise.

Every entry that cannot be used is told with its reason; a file that cannot be read at all
raises `Broken`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import IO

from libs.common.blobs import Blobs
from services.intake.domain import Import, Project, Refused
from services.intake.sources import archives, labels, media
from services.intake.sources.entry import Broken as Broken
from services.intake.sources.entry import Entry as Entry
from services.intake.sources.manifests import MANIFESTS

ARCHIVES = {"zip": archives.of_zip, "tar": archives.of_tar}
# Format of an import whose entries are the objects of a bucket.
OBJECTS = "objects"
# Of an import of one media or text file, which is one item.
FILE = "file"


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
) -> Iterator[Entry]:
    """Entries of a file in order, their labels placed; raises `Broken`. `remote` reads URLs."""
    for entry in _read(file, import_, project, blobs, remote):
        if entry.item is None or entry.item.label is None:
            yield entry
            continue
        try:
            yield replace(entry, item=labels.placed(entry.item, import_))
        except Refused as refused:
            yield Entry(entry.key, reason=str(refused))


def _read(
    file: IO[bytes], import_: Import, project: Project, blobs: Blobs, remote: media.Read
) -> Iterator[Entry]:
    if import_.format in ARCHIVES:
        archive = ARCHIVES[import_.format](file)
        yield from archives.archive_entries(archive, project, blobs, remote)
    elif import_.format in MANIFESTS:
        found = MANIFESTS[import_.format](file, project)
        plain = all(f.type in ("text", "conversation", "calibration") for f in project.data_fields)
        for entry in found:
            yield entry if plain else archives.with_media(entry, project, remote, blobs)
    elif import_.format == FILE:
        name = import_.blob.rsplit("/", 1)[-1]
        yield archives.file_entry(archives.Member(name, file.read), project, blobs)
    else:
        yield from labels.label_entries(file, import_, project, blobs)
