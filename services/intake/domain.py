"""Items and imports: what may come in, and why something may not.

`check_item` is on the hot path (a thousand items a call): it parses each item's data once and
does no more than the template asks for.
"""

from __future__ import annotations

import base64
import binascii
import enum
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

Doc = dict[str, Any]
TEXT_LIMIT = 100_000
INLINE_IMAGE_LIMIT = 262_144
GROUP_LIMIT = 200
_DATA_URI = re.compile(r"data:image/(png|jpeg|webp);base64,")
_KEY_REUSED = "source_key: used before for other content in this project"
_MAGIC = {"png": b"\x89PNG\r\n\x1a\n", "jpeg": b"\xff\xd8\xff", "webp": b"RIFF"}


class ImportState(enum.StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


class Outcome(enum.StrEnum):
    ADMITTED = "ADMITTED"
    DUPLICATE = "DUPLICATE"
    REFUSED = "REFUSED"


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
class Project:
    """What intake needs of a project and its template version."""

    name: str
    version: int
    data_fields: tuple[DataField, ...]
    label_schema: Doc

    def text_of(self, data: Doc) -> str | None:
        """The item's text, where the template has one."""
        return next((data.get(f.name) for f in self.data_fields if f.type == "text"), None)


@dataclass(frozen=True)
class NewItem:
    """An item as offered: `data` is the text of a JSON object."""

    data: str
    source_key: str = ""
    metadata: dict[str, str] | None = None
    gold: Doc | None = None
    # Scene, clip or document: items of one group are proven together.
    group: str = ""


@dataclass(frozen=True)
class Import:
    """The import of one uploaded file; `position` entries are done with."""

    name: str
    dataset: str
    blob: str
    format: str
    state: ImportState
    create_time: datetime
    update_time: datetime
    version: int = 1
    admitted_count: int = 0
    duplicate_count: int = 0
    refused_count: int = 0
    reason: str = ""
    position: int = 0


def check_item(project: Project, item: NewItem, parse: Callable[[str], Any], tenant: str) -> Doc:
    """The item's parsed data; raises `Refused` with the field and the reason."""
    try:
        data = parse(item.data)
    except ValueError as error:
        raise Refused(f"data: not readable as JSON: {error}") from error
    if not isinstance(data, dict):
        raise Refused("data: must be a JSON object of the template's data fields")
    known = 0
    for field in project.data_fields:
        value = data.get(field.name)
        if value is None:
            if field.required:
                raise Refused(f"data.{field.name}: missing; the template requires it")
            known += field.name in data
            continue
        known += 1
        if field.type == "text":
            _check_text(field, value)
        else:
            _check_image(field, value, tenant)
    if known != len(data):
        raise Refused(_unknown(project, data))
    if item.group:
        checked_group(item.group)
    return data


def _unknown(project: Project, data: Doc) -> str:
    fields = [f.name for f in project.data_fields]
    unknown = next(name for name in data if name not in fields)
    return f"data.{unknown[:100]}: unknown field; the template has {', '.join(fields)}"


def _check_text(field: DataField, value: Any) -> None:
    if not isinstance(value, str):
        raise Refused(f"data.{field.name}: must be text, not {type(value).__name__}")
    limit = field.max_size or TEXT_LIMIT
    if len(value) > limit:
        raise Refused(f"data.{field.name}: longer than {limit} characters")
    if "\x00" in value:
        raise Refused(f"data.{field.name}: holds a NUL character")
    if not value or value.isspace():
        raise Refused(f"data.{field.name}: blank")


def _check_image(field: DataField, value: Any, tenant: str) -> None:
    if not isinstance(value, str):
        raise Refused(f"data.{field.name}: must be text, not {type(value).__name__}")
    if value.startswith("blob:"):
        if not value.startswith(f"blob:blobs/{tenant}/") or ".." in value:
            raise Refused(f"data.{field.name}: no such blob; upload the file first")
        return
    head = _DATA_URI.match(value)
    if head is None:
        raise Refused(
            f"data.{field.name}: must be a data:image/png, jpeg or webp URI in base64 or a"
            " blob: reference; for images behind a URL upload the files or a zip of them"
        )
    _check_inline(field, value[head.end() :], head.group(1))


def _check_inline(field: DataField, encoded: str, kind: str) -> None:
    limit = min(field.max_size or INLINE_IMAGE_LIMIT, INLINE_IMAGE_LIMIT)
    if len(encoded) * 3 // 4 > limit:
        raise Refused(f"data.{field.name}: larger than {limit} bytes inline; upload the file")
    try:
        start = base64.b64decode(encoded[:32] if len(encoded) > 32 else encoded, validate=True)
        if len(encoded) % 4 or not start.startswith(_MAGIC[kind]):
            raise ValueError(f"the bytes are not a {kind} image")
    except (binascii.Error, ValueError) as error:
        raise Refused(f"data.{field.name}: {error}") from error


def sort_out(named: Sequence[tuple[str, str]], known: dict[str, str]) -> list[tuple[Outcome, str]]:
    """Outcome and reason per (name, digest), given the digests stored under those names.

    The same name with the same digest is a duplicate (also within the batch); with another
    digest it is a source key that was used for other content.
    """
    seen = dict(known)
    outcomes = []
    for name, digest in named:
        if name not in seen:
            seen[name] = digest
            outcomes.append((Outcome.ADMITTED, ""))
        elif seen[name] == digest:
            outcomes.append((Outcome.DUPLICATE, ""))
        else:
            outcomes.append((Outcome.REFUSED, _KEY_REUSED))
    return outcomes


def begin(started: Import, now: datetime) -> Import:
    return _next(started, now, state=ImportState.RUNNING)


def advance(
    running: Import, position: int, admitted: int, duplicate: int, refused: int, now: datetime
) -> Import:
    """The import after another chunk of entries."""
    return _next(
        running,
        now,
        position=position,
        admitted_count=running.admitted_count + admitted,
        duplicate_count=running.duplicate_count + duplicate,
        refused_count=running.refused_count + refused,
    )


def finish(running: Import, now: datetime, reason: str = "") -> Import:
    """SUCCEEDED, or FAILED where there is a reason."""
    state = ImportState.FAILED if reason else ImportState.SUCCEEDED
    return _next(running, now, state=state, reason=reason[:2000])


def _next(import_: Import, now: datetime, **changes: Any) -> Import:
    return replace(import_, version=import_.version + 1, update_time=now, **changes)


def entry_of_line(line: bytes) -> NewItem:
    """An item of one JSONL line: {"data": {...}, "source_key", "metadata", "gold", "group"} or the
    bare data object. Raises `Refused`."""
    try:
        parsed = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Refused(f"not readable as JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Refused("each line must be a JSON object")
    if not isinstance(parsed.get("data"), dict):
        return NewItem(data=json.dumps(parsed, ensure_ascii=False))
    unknown = set(parsed) - {"data", "source_key", "metadata", "gold", "group"}
    if unknown:
        raise Refused(f"{sorted(unknown)[0][:100]}: unknown field beside data")
    metadata = parsed.get("metadata") or {}
    if not isinstance(metadata, dict) or any(not isinstance(v, str) for v in metadata.values()):
        raise Refused("metadata: must be an object of texts")
    key = parsed.get("source_key", "")
    if not isinstance(key, str) or len(key) > 500:
        raise Refused("source_key: must be text of at most 500 characters")
    return NewItem(
        data=json.dumps(parsed["data"], ensure_ascii=False),
        source_key=key,
        metadata=metadata,
        gold=parsed.get("gold"),
        group=checked_group(parsed.get("group", "")),
    )


def checked_group(group: Any) -> str:
    """The group as given; raises `Refused`. A cut name would join what does not belong together."""
    if not isinstance(group, str) or len(group) > GROUP_LIMIT or not _writable(group):
        raise Refused(
            f"group: must be readable text of at most {GROUP_LIMIT} characters, or left out"
        )
    return group


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
