"""Files that become media of items: told by their first bytes, kept inline or as blobs."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from libs.common.blobs import Blobs
from services.intake.domain import DataField, Doc, Project
from services.intake.field_types import INLINE_LIMIT, MEDIA, Refused
from services.intake.sources import foreign_media

# Media type -> end of a blob's name.
_SUFFIXES = {
    "image/png": "png",
    "image/jpeg": "jpeg",
    "image/webp": "webp",
    "audio/wav": "wav",
    "audio/flac": "flac",
    "audio/ogg": "ogg",
    "audio/mpeg": "mp3",
    "video/mp4": "mp4",
    "application/x-pcd": "pcd",
    "application/x-las": "las",
    "application/x-laz": "laz",
    "application/x-ply": "ply",
    "application/x-npy": "npy",
    "application/octet-stream": "bin",
}
# End of a file's name -> kind of media.
KINDS = {
    **dict.fromkeys((".png", ".jpg", ".jpeg", ".webp"), "image"),
    **dict.fromkeys((".wav", ".flac", ".ogg", ".mp3"), "audio"),
    ".mp4": "video",
    **dict.fromkeys((".pcd", ".las", ".laz", ".ply", ".npy", ".bin"), "cloud"),
    **foreign_media.SUFFIXES,
}
MAX_BYTES = 500_000_000
# Bytes up to which media are part of the item.
_INLINE = INLINE_LIMIT // 4
_LISTS = {"sweeps": "cloud", "cameras": "image", "candidates": "image"}
Read = Callable[[str], bytes]


def kind_of(name: str) -> str:
    """image, audio, video or cloud by the end of the name; empty for others."""
    lower = name.lower()
    return next((kind for suffix, kind in KINDS.items() if lower.endswith(suffix)), "")


def value_of(
    kind: str, content: bytes, name: str, tenant: str, blobs: Blobs, inline: bool = True
) -> str:
    """A data: URI for a small file, else (and of one of many, which is not `inline`) a blob:
    reference; kinds that models do not read as kinds that they do. Raises `Refused` for another
    kind."""
    content = foreign_media.as_known(kind, content, name)
    starts = MEDIA[kind]
    type_ = next((t for t in starts if t in _SUFFIXES and content and starts[t](content)), "")
    if not type_:
        wanted = ", ".join(dict.fromkeys(_SUFFIXES[t] for t in starts if t in _SUFFIXES))
        raise Refused(f"{name[:200]}: the bytes are no {kind} of the kinds {wanted}")
    suffix = "pcd.bin" if name.lower().endswith(".pcd.bin") else _SUFFIXES[type_]
    if inline and len(content) <= _INLINE and suffix != "pcd.bin":
        return f"data:{type_};base64,{base64.b64encode(content).decode()}"
    path = f"blobs/{tenant}/{hashlib.sha256(content).hexdigest()}.{suffix}"
    blobs.put_now(path, content)
    return f"blob:{path}"


def resolved(project: Project, data: Doc, read: Read, blobs: Blobs) -> Doc:
    """The data with files that its media fields name taken in. `read` gives the bytes of a file
    by what the row calls it, and raises `Refused`."""
    tenant = project.name.split("/")[1]

    def take(kind: str, named: Any) -> Any:
        if not isinstance(named, str) or named.startswith(("data:", "blob:")):
            return named
        return value_of(kind, read(named), named, tenant, blobs)

    made = dict(data)
    for field in project.data_fields:
        if field.name in made:
            made[field.name] = _taken(field, made[field.name], take)
    return made


def _taken(field: DataField, value: Any, take: Callable[[str, Any], Any]) -> Any:
    if field.type in MEDIA:
        return take(field.type, value)
    if not isinstance(value, list):
        return value
    if field.type == "frames":
        return [take("image", one) for one in value]
    return [_entry(one, _LISTS.get(field.type, ""), take) for one in value]


def _entry(one: Any, kind: str, take: Callable[[str, Any], Any]) -> Any:
    """An entry of a list of objects, its media and those of its cameras taken in."""
    if not isinstance(one, dict):
        return one
    made = {**one, kind: take(kind, one[kind])} if kind in one else dict(one)
    if kind == "cloud" and isinstance(one.get("cameras"), list):
        made["cameras"] = [_entry(side, "image", take) for side in one["cameras"]]
    return made
