"""Media of items and of sources: file names, sizes of images from their headers, bytes.

Going out, a row's data field holds `data:` URIs or `blob:` references of its tenant. Coming in,
label files name images in many ways, and the files may lie beside them or be absent.
"""

from __future__ import annotations

import base64
import binascii
import io
import posixpath
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO

import orjson
from PIL import Image

from libs.formats import Doc, Job, Unfit
from libs.formats.encoding import entry_name
from libs.formats.source import Source, Unreadable

_KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
_MEDIA_BYTES = 500_000_000


@dataclass(frozen=True)
class Picture:
    """An item's image: where its bytes are, what its file is called, pixels."""

    reference: str
    file_name: str
    width: int
    height: int


def references(job: Job, row: Doc, type_: str) -> list[str]:
    """What the row's first data field of a type names, one file or a list; raises `Unfit`."""
    value = orjson.loads(row["data"]).get(job.field(type_))
    found = value if isinstance(value, list) else [value]
    found = [one.get("image") if isinstance(one, dict) else one for one in found]
    if not found or not all(isinstance(one, str) and one for one in found):
        raise Unfit(f"the item has no {type_}")
    return found


def picture(job: Job, row: Doc) -> Picture:
    """The image of a row; its size is read from its own header. Raises `Unfit`."""
    reference = references(job, row, "image")[0]
    return Picture(reference, file_name(row, reference), *size_of_reference(job, row, reference))


def size_of_reference(job: Job, row: Doc, reference: str) -> tuple[int, int]:
    """Width and height; raises `Unfit`."""
    with open_media(job, row, reference) as file:
        return size_of(file)


def open_media(job: Job, row: Doc, reference: str) -> IO[bytes]:
    """The bytes behind a reference; raises `Unfit`."""
    if reference.startswith("data:"):
        try:
            return io.BytesIO(base64.b64decode(reference.partition(",")[2], validate=True))
        except binascii.Error as error:
            raise Unfit("the media's data: URI is not base64") from error
    if reference.startswith(f"blob:blobs/{row['project'].split('/')[1]}/"):
        try:
            return job.open_blob(reference.removeprefix("blob:"))
        except Exception as error:
            # Whatever the store raises, the other labels go on.
            raise Unfit(f"the media cannot be opened: {type(error).__name__}") from error
    raise Unfit("the media is neither a data: URI nor a blob of this tenant")


def content_of(job: Job, row: Doc, reference: str) -> bytes:
    """All bytes of a media file, to be packed beside its label; raises `Unfit`."""
    with open_media(job, row, reference) as file:
        content = file.read(_MEDIA_BYTES + 1)
    if len(content) > _MEDIA_BYTES:
        raise Unfit(f"the media is larger than {_MEDIA_BYTES} bytes")
    return content


def size_of(file: IO[bytes]) -> tuple[int, int]:
    """Width and height as the header of an image file says; raises `Unfit`."""
    try:
        with Image.open(file, formats=_KINDS) as image:
            return image.size
    except Exception as error:
        # Pillow raises whatever its decoders do on hostile bytes.
        raise Unfit(f"the image cannot be read: {type(error).__name__}") from error


def file_name(row: Doc, reference: str) -> str:
    """What the media of a row is called in files: its source key, or its own name."""
    named = entry_name(row["source_key"])
    if named:
        return named
    if reference.startswith("blob:"):
        return reference.rsplit("/", 1)[-1]
    kind = reference.removeprefix("data:").partition(";")[0].partition("/")[2]
    return f"{row['item'].rsplit('/', 1)[-1]}.{kind or 'bin'}"


class Pictures:
    """Image files of a source by the names that label files call them."""

    def __init__(self, source: Source, schema: Doc) -> None:
        self._source, self._sizes = source, schema.get("sizes", {})
        self._known = {posixpath.splitext(posixpath.basename(n))[0]: n for n in self._sizes}
        self._known |= {posixpath.splitext(n)[0]: n for n in self._sizes}
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for name in source.ending(*SUFFIXES):
            base = posixpath.basename(name)
            self._by_name[base].append(name)
            self._by_stem[posixpath.splitext(base)[0]].append(name)

    def find(self, name: str, near: str = "") -> str:
        """The source's file of that name, with or without folders and suffix, the one that shares
        most folders with `near` where there are several; empty if there is none."""
        if name in self._source:
            return name
        base = posixpath.basename(name.replace("\\", "/"))
        found = self._by_name.get(base) or self._by_stem.get(base) or []
        if not found:
            stem, suffix = posixpath.splitext(base)
            found = self._by_stem.get(stem, []) if suffix.lower() in SUFFIXES else []
        wanted = {*name.split("/")[:-1], *near.split("/")[:-1]}
        return max(found, key=lambda one: len(wanted & set(one.split("/"))), default="")

    def known(self, name: str) -> str:
        """The name under which `sizes` knows the image of a label file; empty if it does not."""
        stem = posixpath.splitext(name)[0]
        beside = self._known.get(stem.replace("labels/", "images/", 1), "")
        return beside or self._known.get(posixpath.basename(stem), "")

    def media(self, name: str) -> dict[str, str]:
        """`Sample.media` of an image that may be absent."""
        return {"image": name} if name else {}

    def size(self, *names: str) -> tuple[int, int]:
        """Width and height of the first name that `sizes` or the source knows; raises `Unfit`."""
        for name in names:
            if name in self._sizes:
                return _given(self._sizes[name], name)
            if name in self._source:
                try:
                    with self._source.open(name) as file:
                        return size_of(file)
                except Unreadable as error:
                    raise Unfit(str(error)) from error
        where = "put the image file beside the labels"
        raise Unfit(f"the size of image {names[0][:200]!r} is not known: {where}")


def _given(size: Sequence[object], name: str) -> tuple[int, int]:
    width, height = size
    if not (isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0):
        raise Unfit(f"the size given for {name[:200]!r} is not two whole numbers above zero")
    return width, height
