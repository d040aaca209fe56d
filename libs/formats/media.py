"""Media of items and of sources: file names, sizes of images from their headers, bytes.

Going out, a row's data field holds `data:` URIs or `blob:` references of its tenant. Coming in,
label files name images in many ways, and the files may lie beside them or be absent.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
import posixpath
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

import orjson
from PIL import Image

from libs.formats import Doc, Job, Unfit
from libs.formats.encoding import entry_name
from libs.formats.paths import Files, Found, plain_path
from libs.formats.source import Source, Unreadable
from libs.imaging import orientation

_KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")
SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif", ".tif", ".tiff")
# Subtypes of MIME that are no endings of files.
_ENDS = {
    **{"mpeg": "mp3", "x-wav": "wav", "octet-stream": "bin"},
    **{f"x-{one}": one for one in ("pcd", "las", "laz", "ply", "npy")},
}
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
    """Width and height of an image file as it is shown, by its header; raises `Unfit`."""
    try:
        with Image.open(file, formats=_KINDS) as image:
            return orientation.shown_size(image)
    except Exception as error:
        # Pillow raises whatever its decoders do on hostile bytes.
        raise Unfit(f"the image cannot be read: {type(error).__name__}") from error


def otherwise_framed(content: bytes, said: Mapping[str, str]) -> str:
    """Why labels on a picture whose `width` and `height` are said so are in another frame than the
    picture as it is shown: their tool did not turn it, or it is of another size by now. Empty where
    they are in the same, or nothing is said."""
    sides = (_side(said.get("width", "")), _side(said.get("height", "")))
    try:
        with Image.open(io.BytesIO(content), formats=_KINDS) as image:
            stored, shown = image.size, orientation.shown_size(image)
    except Exception:
        # Pillow raises whatever its decoders do on hostile bytes; intake says what is wrong.
        return ""
    if sides == shown or not all(sides):
        return ""
    if sides != stored:
        words = f"the labels are of a picture of {sides[0]:g} x {sides[1]:g} pixels"
        return f"{words}, this one is of {shown[0]} x {shown[1]}; send the one that was labelled"
    words = f"the labels are of {stored[0]} x {stored[1]} pixels as the file stores them"
    return f"{words}, it is shown turned, {shown[0]} x {shown[1]}; turn the file as it is shown"


def _side(text: str) -> float:
    """Pixels; 0 where that is no number above zero."""
    try:
        pixels = float(text)
    except ValueError:
        return 0.0
    return pixels if 0 < pixels < math.inf else 0.0


def file_name(row: Doc, reference: str) -> str:
    """What the media of a row is called in files: its source key, or its own name. A key that does
    not end as a file of its kind does gets the ending, without which no tool opens it."""
    key = row["source_key"]
    named = entry_name(plain_path(key) if "?" in key else key)
    own = reference.rsplit("/", 1)[-1] if reference.startswith("blob:") else ""
    kind = reference.removeprefix("data:").partition(";")[0].partition("/")[2]
    suffix = posixpath.splitext(own)[1] if own else f".{_ENDS.get(kind, kind)}" if kind else ""
    if not named:
        return own or f"{row['item'].rsplit('/', 1)[-1]}{suffix or '.bin'}"
    like = SUFFIXES if suffix.lower() in SUFFIXES else (suffix.lower(),)
    return named if named.lower().endswith(like) else named + suffix


class Pictures:
    """Image files of a source by the paths that label files call them; `asked` as `Files` has it.
    Sizes that are given stand for files that are not there."""

    def __init__(
        self, source: Source, schema: Doc, asked: Callable[[], Iterable[str]] | None = None
    ) -> None:
        self._source, self._sizes = source, schema.get("sizes", {})
        self._files = Files.of(source, SUFFIXES, asked)
        self._known = Files(self._sizes, SUFFIXES, asked=asked)

    def find(self, path: str, near: str = "", subset: str = "") -> Found:
        """See `Files.find`; raises `Unfit`."""
        return self._files.find(path, near, subset)

    def known(self, path: str, near: str = "") -> str:
        """The name under which `sizes` knows the image of a label file; empty if it does not."""
        return self._known.find(path, near).name if self._sizes else ""

    def key(self, path: str, name: str) -> str:
        """See `Files.key`."""
        return self._files.key(path, name)

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
