"""Media that rows of tables carry or name: Hugging Face's columns of images and sounds, with bytes
and a path, and its folders whose `metadata` names a file a row.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from libs.formats import Doc, media
from libs.formats.audio import recordings
from libs.formats.paths import Files
from libs.formats.source import Source

_STRUCT = frozenset(("bytes", "path", "array", "sampling_rate"))
_NAMES = ("file_name", "image", "audio", "image_path", "audio_path", "path", "file")
_NAMED = frozenset(_NAMES)
# What bytes begin with -> kind of media, MIME type.
_STARTS = (
    (b"\x89PNG", "image", "image/png"),
    (b"\xff\xd8", "image", "image/jpeg"),
    (b"RIFF", "audio", "audio/wav"),
    (b"fLaC", "audio", "audio/flac"),
    (b"OggS", "audio", "audio/ogg"),
)


@dataclass(frozen=True)
class Carried:
    """`data` holds media in the row itself, `media` names files, both by kind; `name` is what the
    row calls it."""

    data: Doc = field(default_factory=dict)
    media: dict[str, str] = field(default_factory=dict)
    name: str = ""
    absent: str = ""


NOTHING = Carried()


def carried(row: Mapping[str, Any], files: Source | None, near: str) -> Carried:
    """Return what the first of a row's media is; raise `Unfit` where its file may be several."""
    for value in row.values():
        if type(value) is dict and value and value.keys() <= _STRUCT:
            name = str(value.get("path") or "")
            if isinstance(value.get("bytes"), bytes):
                return _inside(value["bytes"], name)
            return _named(name, files, near)
    if _NAMED.isdisjoint(row):
        return NOTHING
    name = next((row[k] for k in _NAMES if isinstance(row.get(k), str) and row[k]), "")
    return _named(name, files, near)


def _inside(content: bytes, name: str) -> Carried:
    found = ((kind, type_) for start, kind, type_ in _STARTS if content.startswith(start))
    # Of other kinds, as WebP, intake looks at the bytes.
    kind, type_ = next(found, ("image", "image/webp"))
    if content[8:12] == b"WEBP":
        kind, type_ = "image", "image/webp"
    return Carried({kind: f"data:{type_};base64,{base64.b64encode(content).decode()}"}, {}, name)


def _named(name: str, files: Source | None, near: str) -> Carried:
    if not name or files is None or name.startswith("data:"):
        return NOTHING
    for kind, suffixes in (("image", media.SUFFIXES), ("audio", recordings.SUFFIXES)):
        if name.lower().endswith(suffixes):
            found = Files.of(files, suffixes).find(name, near)
            return Carried({}, found.media(kind), name, found.why)
    return NOTHING
