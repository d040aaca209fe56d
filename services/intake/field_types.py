"""What the data fields of an item may hold, by type: one small check each, fast and pure.

Media are `data:` URIs (small) or `blob:` references of the tenant. What is inside the bytes is
probed later, off the hot path; here only their beginning is looked at.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from libs.sensor import calibration, calibration_checks
from libs.sensor.calibration import Miscalibrated, Rig

Doc = dict[str, Any]
TEXT_LIMIT = 100_000
ENTRY_LIMIT = 10_000
# Bytes of media inside an item; larger media are uploaded.
INLINE_LIMIT = 262_144
_DATA_URI = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,")
_ROLES = ("system", "user", "assistant", "tool")


class Refused(Exception):
    """An item that is not admitted; the message names the field."""


@dataclass(frozen=True)
class DataField:
    """One data field of a template."""

    name: str
    type: str
    required: bool = False
    max_size: int = 0


@dataclass(frozen=True)
class Media:
    """One media file of an item: the path of its field, what it is, where its bytes are."""

    path: str
    kind: str
    reference: str


def check(field: DataField, value: Any, tenant: str) -> None:
    """Raises `Refused` unless the value is one of the field's type."""
    CHECKS[field.type](field, f"data.{field.name}", value, tenant)


def media_of(field: DataField, value: Any) -> Iterator[Media]:
    """The media files a checked value names, in order."""
    path = field.name
    if field.type in MEDIA:
        yield Media(path, field.type, value)
    elif field.type == "frames":
        yield from (Media(f"{path}[{i}]", "image", one) for i, one in enumerate(value))
    elif field.type in _PARTS:
        kind = _PARTS[field.type]
        for i, one in enumerate(value):
            if kind in one:
                yield Media(f"{path}[{i}].{kind}", kind, one[kind])
            for j, side in enumerate(one.get("cameras", ())):
                yield Media(f"{path}[{i}].cameras[{j}].image", "image", side["image"])


def texts_of(field: DataField, value: Any) -> Iterator[str]:
    """The texts a checked value holds, in order."""
    if field.type == "text":
        yield value
    elif field.type == "conversation":
        yield from (turn["content"] for turn in value)
    elif field.type == "candidates":
        yield from (one["text"] for one in value if "text" in one)


def _text(field: DataField, path: str, value: Any, tenant: str) -> None:
    _checked_text(path, value, field.max_size or TEXT_LIMIT)


def _checked_text(path: str, value: Any, limit: int) -> None:
    if not isinstance(value, str):
        raise Refused(f"{path}: must be text, not {type(value).__name__}")
    if len(value) > limit:
        raise Refused(f"{path}: longer than {limit} characters")
    if "\x00" in value:
        raise Refused(f"{path}: holds a NUL character")
    if not value or value.isspace():
        raise Refused(f"{path}: blank")


# -- media -----------------------------------------------------------------------------------

Start = Callable[[bytes], bool]
# Characters of base64 from whose bytes the kind of a file is told.
_START = 160
MEDIA: dict[str, dict[str, Start]] = {
    "image": {
        "image/png": lambda b: b.startswith(b"\x89PNG\r\n\x1a\n"),
        "image/jpeg": lambda b: b.startswith(b"\xff\xd8\xff"),
        "image/webp": lambda b: b.startswith(b"RIFF"),
    },
    "audio": {
        **dict.fromkeys(("audio/wav", "audio/x-wav"), lambda b: b[:4] + b[8:12] == b"RIFFWAVE"),
        "audio/flac": lambda b: b.startswith(b"fLaC"),
        "audio/ogg": lambda b: b.startswith(b"OggS"),
        "audio/mpeg": lambda b: b.startswith(b"ID3") or (b[:1] == b"\xff" and b[1] >= 0xE0),
    },
    "video": {"video/mp4": lambda b: b[4:8] == b"ftyp"},
    "cloud": {
        "application/x-pcd": lambda b: b.lstrip().startswith((b"#", b"VERSION", b"FIELDS")),
        # The first bit of a point's format says that the points are packed.
        "application/x-laz": lambda b: b.startswith(b"LASF") and b[104:105] >= b"\x80",
        "application/x-las": lambda b: b.startswith(b"LASF"),
        "application/x-ply": lambda b: b.startswith(b"ply"),
        "application/x-npy": lambda b: b.startswith(b"\x93NUMPY"),
        # Raw float32: KITTI's four columns.
        "application/octet-stream": lambda b: bool(b),
    },
}


def _media(field: DataField, path: str, value: Any, tenant: str) -> None:
    _checked_media(field.type, path, value, tenant, field.max_size)


def _checked_media(kind: str, path: str, value: Any, tenant: str, max_size: int = 0) -> None:
    if not isinstance(value, str):
        raise Refused(f"{path}: must be text, not {type(value).__name__}")
    if value.startswith("blob:"):
        if not value.startswith(f"blob:blobs/{tenant}/") or ".." in value:
            raise Refused(f"{path}: no such blob; upload the file first")
        return
    head = _DATA_URI.match(value)
    starts = None if head is None else MEDIA[kind].get(head.group(1))
    if head is None or starts is None:
        raise Refused(
            f"{path}: must be a data: URI in base64 ({', '.join(MEDIA[kind])}) or a blob:"
            " reference; for files behind a URL import a manifest of them"
        )
    _check_inline(path, value[head.end() :], starts, max_size)


def _check_inline(path: str, encoded: str, starts: Start, max_size: int) -> None:
    limit = min(max_size or INLINE_LIMIT, INLINE_LIMIT)
    if len(encoded) * 3 // 4 > limit:
        raise Refused(f"{path}: larger than {limit} bytes inline; upload the file")
    try:
        start = base64.b64decode(encoded[:_START], validate=True)
    except (binascii.Error, ValueError) as error:
        raise Refused(f"{path}: {error}") from error
    if len(encoded) % 4 or not start or not starts(start):
        raise Refused(f"{path}: the bytes are not of the type that the data: URI says")


# -- lists -----------------------------------------------------------------------------------


def _entries(field: DataField, path: str, value: Any) -> list[Any]:
    limit = field.max_size or ENTRY_LIMIT
    if not isinstance(value, list) or not 0 < len(value) <= limit:
        raise Refused(f"{path}: must be a list of 1 to {limit} entries")
    return value


def _objects(
    field: DataField, path: str, value: Any, known: frozenset[str]
) -> Iterator[tuple[str, Doc]]:
    for i, one in enumerate(_entries(field, path, value)):
        if not isinstance(one, dict):
            raise Refused(f"{path}[{i}]: must be an object of {', '.join(sorted(known))}")
        unknown = one.keys() - known
        if unknown:
            raise Refused(f"{path}[{i}].{sorted(unknown)[0][:100]}: unknown field")
        yield f"{path}[{i}]", one


def _frames(field: DataField, path: str, value: Any, tenant: str) -> None:
    for i, one in enumerate(_entries(field, path, value)):
        _checked_media("image", f"{path}[{i}]", one, tenant)


_SWEEP = frozenset({"cloud", "time", "pose", "cameras"})
_SIDE = frozenset({"name", "image", "time"})
MOST_SIDES = 100
_CAMERA = frozenset({"name", "image", "calibration", "time"})
_TURN = frozenset({"role", "content"})
_CANDIDATE = frozenset({"id", "text", "image"})
# Which entry of a list's objects is media.
_PARTS = {"sweeps": "cloud", "cameras": "image", "candidates": "image"}


def _sweeps(field: DataField, path: str, value: Any, tenant: str) -> None:
    before = -math.inf
    for where, one in _objects(field, path, value, _SWEEP):
        _checked_media("cloud", f"{where}.cloud", one.get("cloud"), tenant)
        time = _number(f"{where}.time", one.get("time", 0.0))
        if time < before:
            raise Refused(
                f"{where}.time: {time} is before the sweep ahead of it; put them in order"
            )
        before = time
        if "pose" in one:
            _check_pose(f"{where}.pose", one["pose"])
        if "cameras" in one:
            _sides(f"{where}.cameras", one["cameras"], tenant)


def _sides(path: str, value: Any, tenant: str) -> None:
    """The pictures that were taken with a sweep."""
    seen = set[str]()
    for where, one in _objects(DataField("", "", max_size=MOST_SIDES), path, value, _SIDE):
        _unique(f"{where}.name", one.get("name"), seen)
        _checked_media("image", f"{where}.image", one.get("image"), tenant)
        _number(f"{where}.time", one.get("time", 0.0))


def _check_pose(path: str, pose: Any) -> None:
    with _refused(path):
        calibration.pose_of(pose)


def _number(path: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise Refused(f"{path}: must be a finite number")
    return float(value)


def _cameras(field: DataField, path: str, value: Any, tenant: str) -> None:
    seen = set[str]()
    for where, one in _objects(field, path, value, _CAMERA):
        _unique(f"{where}.name", one.get("name"), seen)
        _checked_media("image", f"{where}.image", one.get("image"), tenant)
        _number(f"{where}.time", one.get("time", 0.0))
        if "calibration" in one:
            _check_camera(f"{where}.calibration", one["calibration"])


def _unique(path: str, value: Any, seen: set[str]) -> None:
    _checked_text(path, value, 200)
    if value in seen:
        raise Refused(f"{path}: {value!r} is there twice")
    seen.add(value)


def _calibration(field: DataField, path: str, value: Any, tenant: str) -> None:
    _check_rig(path, value)


def _check_camera(path: str, value: Any) -> None:
    """As `_check_rig`, of one camera alone."""
    if value == {}:
        return
    with _refused(path):
        for where, reason in calibration_checks.faults(Rig((calibration.camera(value),))):
            raise Miscalibrated(where.removeprefix("cameras[0]."), reason)


def _check_rig(path: str, value: Any) -> None:
    """Sensors (docs/geometry.md) that may be right; an empty object says nothing of them."""
    with _refused(path):
        for where, reason in calibration_checks.faults(calibration.rig(value)):
            raise Miscalibrated(where, reason)


@contextmanager
def _refused(path: str) -> Iterator[None]:
    try:
        yield
    except Miscalibrated as fault:
        where = f"{path}.{fault.field}" if fault.field else path
        raise Refused(f"{where}: {fault.reason}") from fault


def _conversation(field: DataField, path: str, value: Any, tenant: str) -> None:
    for where, turn in _objects(field, path, value, _TURN):
        if turn.get("role") not in _ROLES:
            raise Refused(f"{where}.role: must be one of {', '.join(_ROLES)}")
        _checked_text(f"{where}.content", turn.get("content"), TEXT_LIMIT)


def _candidates(field: DataField, path: str, value: Any, tenant: str) -> None:
    seen = set[str]()
    for where, one in _objects(field, path, value, _CANDIDATE):
        _unique(f"{where}.id", one.get("id"), seen)
        if ("text" in one) == ("image" in one):
            raise Refused(f"{where}: must have either text or image")
        if "text" in one:
            _checked_text(f"{where}.text", one["text"], TEXT_LIMIT)
        else:
            _checked_media("image", f"{where}.image", one["image"], tenant)


CHECKS: dict[str, Callable[[DataField, str, Any, str], None]] = {
    "text": _text,
    **dict.fromkeys(MEDIA, _media),
    "frames": _frames,
    "sweeps": _sweeps,
    "cameras": _cameras,
    "calibration": _calibration,
    "conversation": _conversation,
    "candidates": _candidates,
}
