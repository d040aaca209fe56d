"""Items and imports: what may come in, and why something may not.

`check_item` is on the hot path (a thousand items a call): it parses each item's data once and
does no more than the template asks for.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.intake import field_types
from services.intake.field_types import DataField as DataField
from services.intake.field_types import Refused as Refused

Doc = dict[str, Any]
GROUP_LIMIT = 200
KEY_LIMIT = 500
# Bytes of an item's data: an event must hold it.
DATA_LIMIT = 4_000_000
_METADATA_PAIRS, _METADATA_LIMIT = 200, 200_000
# Times an import is begun without getting on, and the seconds between them.
MAX_TRIES = 5
PAUSES = (1, 5, 30, 120)
# Until it is looked whether a part of ours that was away is back.
AWAY_SECONDS = 5
_KEY_REUSED = "source_key: used before for other content in this project"
_BESIDE = {"data", "source_key", "metadata", "gold", "prediction", "label", "group"}


class ImportState(enum.StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class Outcome(enum.StrEnum):
    ADMITTED = "ADMITTED"
    DUPLICATE = "DUPLICATE"
    REFUSED = "REFUSED"


class LabelsAs(enum.StrEnum):
    """What labels that come with items are taken for."""

    GOLD = "GOLD"
    PREDICTIONS = "PREDICTIONS"
    SETTLED = "SETTLED"


class RefusalState(enum.StrEnum):
    REFUSED = "REFUSED"
    APPEALED = "APPEALED"
    ADMITTED = "ADMITTED"
    UPHELD = "UPHELD"


@dataclass(frozen=True)
class Project:
    """What intake needs of a project and its template version."""

    name: str
    version: int
    data_fields: tuple[DataField, ...]
    label_schema: Doc
    # Document of the policy's `Cleaning`; None where the project says nothing of it.
    cleaning: Doc | None = None
    # Items are worked in parts.
    divided: bool = False

    def text_of(self, data: Doc) -> str | None:
        """The item's text, where the template has one."""
        return next((data.get(f.name) for f in self.data_fields if f.type == "text"), None)

    def candidates_of(self, data: Doc) -> list[str] | None:
        """Ids of what the item offers to compare, where the template has that."""
        offered = next((data.get(f.name) for f in self.data_fields if f.type == "candidates"), None)
        return None if offered is None else [one.get("id", "") for one in offered]


@dataclass(frozen=True)
class NewItem:
    """An item as offered: `data` is the text of a JSON object."""

    data: str
    source_key: str = ""
    metadata: dict[str, str] | None = None
    gold: Doc | None = None
    # Scene, clip or document: items of one group are proven together.
    group: str = ""
    prediction: Doc | None = None
    label: Doc | None = None
    # Something of the label could not be read: it is nobody's known answer.
    partial: bool = False
    # Id of the import that brings it.
    import_id: str = ""


@dataclass(frozen=True)
class Import:
    """The import of one uploaded file or source; `position` entries are done with."""

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
    # Document of a `CleaningReport`.
    report: Doc | None = None
    source: str = ""
    # The source as it is fetched, query and all, which may sign it: told to nobody, and forgotten
    # once the import has ended.
    url: str = ""
    # What the uploaded file was called; its blob is named by its content.
    filename: str = ""
    labels_as: LabelsAs | None = None
    classes: Doc = field(default_factory=dict)
    # What the file's texts are in, where neither they nor their marks say so; empty is UTF-8.
    encoding: str = ""
    # Times it was begun since it last got on; what went wrong the last time; not before.
    tries: int = 0
    trouble: str = ""
    next_time: datetime | None = None

    @property
    def id(self) -> str:
        return self.name.rsplit("/", 1)[-1]

    @property
    def file_name(self) -> str:
        """What the file is called, for keys of items and for messages."""
        return self.filename or self.blob.rsplit("/", 1)[-1]


def check_item(project: Project, item: NewItem, parse: Callable[[str], Any], tenant: str) -> Doc:
    """The item's parsed data; raises `Refused` with the field and the reason."""
    _check_beside(item)
    # No character takes more than four bytes.
    if len(item.data) > DATA_LIMIT // 4 and _size(item.data) > DATA_LIMIT:
        raise Refused(f"data: larger than {DATA_LIMIT} bytes; upload media as files")
    try:
        data = parse(item.data)
    except (ValueError, RecursionError) as error:
        raise Refused(f"data: not readable as JSON: {error}") from error
    if not isinstance(data, dict):
        raise Refused("data: must be a JSON object of the template's data fields")
    known = 0
    for one in project.data_fields:
        value = data.get(one.name)
        if value is None:
            if one.required:
                raise Refused(f"data.{one.name}: missing; the template requires it")
            known += one.name in data
            continue
        known += 1
        field_types.check(one, value, tenant)
    if known != len(data):
        raise Refused(_unknown(project, data))
    brought = next((n for n in ("gold", "prediction") if getattr(item, n)), "")
    if project.divided and brought:
        words = "items that are worked in parts may bring a settled label, and nothing else"
        raise Refused(f"{brought}: {words}")
    if item.group:
        checked_group(item.group)
    return data


def _check_beside(item: NewItem) -> None:
    """What stands beside the data: writable and bounded."""
    if len(item.source_key) > KEY_LIMIT or not _writable(item.source_key):
        raise Refused(f"source_key: must be readable text of at most {KEY_LIMIT} characters")
    pairs = item.metadata
    if not pairs:
        return
    size = sum(len(name) + len(text) for name, text in pairs.items())
    if len(pairs) > _METADATA_PAIRS or size > _METADATA_LIMIT:
        words = f"at most {_METADATA_PAIRS} texts of {_METADATA_LIMIT} characters together"
        raise Refused(f"metadata: {words}")
    if not all(_writable(name) and _writable(text) for name, text in pairs.items()):
        raise Refused("metadata: must be readable text")


def _unknown(project: Project, data: Doc) -> str:
    known = [f.name for f in project.data_fields]
    unknown = next(name for name in data if name not in known)
    return f"data.{unknown[:100]}: unknown field; the template has {', '.join(known)}"


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
    """RUNNING; each begin is a try. Raises `Refused` where it was tried often enough."""
    if started.tries >= MAX_TRIES:
        trouble = started.trouble or "the service ended each time; split the file"
        raise Refused(f"given up after {MAX_TRIES} tries: {trouble}")
    return _next(started, now, state=ImportState.RUNNING, tries=started.tries + 1, next_time=None)


def troubled(running: Import, trouble: str, now: datetime) -> Import:
    """Still RUNNING, to be tried again after a pause that grows with the tries."""
    pause = timedelta(seconds=PAUSES[min(running.tries, len(PAUSES)) - 1])
    return _next(running, now, trouble=trouble[:1000], next_time=now + pause)


def waiting(begun: Import, trouble: str, now: datetime) -> Import:
    """To go on when a part of ours is back, or has room: this was no try of the import's."""
    pause = timedelta(seconds=AWAY_SECONDS)
    tries = max(0, begun.tries - 1)
    return _next(begun, now, trouble=trouble[:1000], next_time=now + pause, tries=tries)


def cancel(import_: Import, now: datetime) -> Import:
    """CANCELLED; as it is where it already was. Raises `ValueError` where it is done."""
    if import_.state is ImportState.CANCELLED:
        return import_
    if import_.state not in (ImportState.PENDING, ImportState.RUNNING):
        raise ValueError(f"the import is {import_.state}")
    return _next(import_, now, state=ImportState.CANCELLED, url="")


def fetched(running: Import, blob: str, now: datetime) -> Import:
    """The import once its file is here."""
    return _next(running, now, blob=blob)


def advance(
    running: Import, position: int, admitted: int, duplicate: int, refused: int, now: datetime
) -> Import:
    """The import after another chunk of entries."""
    return _next(
        running,
        now,
        position=position,
        tries=1,
        admitted_count=running.admitted_count + admitted,
        duplicate_count=running.duplicate_count + duplicate,
        refused_count=running.refused_count + refused,
    )


def finish(running: Import, now: datetime, reason: str = "") -> Import:
    """SUCCEEDED, or FAILED where there is a reason."""
    state = ImportState.FAILED if reason else ImportState.SUCCEEDED
    return _next(running, now, state=state, reason=reason[:2000], url="")


def _next(import_: Import, now: datetime, **changes: Any) -> Import:
    return replace(import_, version=import_.version + 1, update_time=now, **changes)


def entry_of_line(line: str) -> NewItem:
    """An item of one JSONL line: {"data": {...}} with fields of a `NewItem` beside it, or the
    bare data object. Raises `Refused`."""
    try:
        parsed = json.loads(line, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise Refused(f"not readable as JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise Refused("each line must be a JSON object")
    if not isinstance(parsed.get("data"), dict):
        return NewItem(data=json.dumps(parsed, ensure_ascii=False))
    unknown = set(parsed) - _BESIDE
    if unknown:
        raise Refused(f"{sorted(unknown)[0][:100]}: unknown field beside data")
    metadata = parsed.get("metadata") or {}
    if not isinstance(metadata, dict) or any(not isinstance(v, str) for v in metadata.values()):
        raise Refused("metadata: must be an object of texts")
    key = parsed.get("source_key", "")
    if not isinstance(key, str):
        raise Refused(f"source_key: must be text of at most {KEY_LIMIT} characters")
    return NewItem(
        data=json.dumps(parsed["data"], ensure_ascii=False),
        source_key=key,
        metadata=metadata,
        gold=parsed.get("gold"),
        prediction=parsed.get("prediction"),
        label=parsed.get("label"),
        group=checked_group(parsed.get("group", "")),
    )


def _once(pairs: list[tuple[str, Any]]) -> Doc:
    """An object of a line; raises `ValueError` where a name stands twice: which one was meant?"""
    made = dict(pairs)
    if len(made) != len(pairs):
        left = dict(made)
        twice = next(name for name, _ in pairs if left.pop(name, left) is left)
        raise ValueError(f"{twice[:100]!r} is there twice")
    return made


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number that JSON knows")


def checked_group(group: Any) -> str:
    """The group as given; raises `Refused`. A cut name would join what does not belong together."""
    if not isinstance(group, str) or len(group) > GROUP_LIMIT or not _writable(group):
        raise Refused(
            f"group: must be readable text of at most {GROUP_LIMIT} characters, or left out"
        )
    return group


def readable(text: str, limit: int) -> str:
    """A text of somebody's as it may be stored and shown: cut, without what no encoding holds."""
    return text[:limit].encode("utf-8", "replace").decode().replace("\x00", "\ufffd")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _writable(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in text
