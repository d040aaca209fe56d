"""Items and imports: what may come in, and why something may not.

`check_item` is on the hot path (a thousand items a call): it parses each item's data once and
does no more than the template asks for.
"""

from __future__ import annotations

import enum
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from services.intake import fields
from services.intake.fields import DataField as DataField
from services.intake.fields import Refused as Refused

Doc = dict[str, Any]
GROUP_LIMIT = 200
_KEY_REUSED = "source_key: used before for other content in this project"
_BESIDE = {"data", "source_key", "metadata", "gold", "draft", "label", "group"}


class ImportState(enum.StrEnum):
    PENDING = "PENDING"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"


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
    draft: Doc | None = None
    label: Doc | None = None
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
    # The source as it is fetched, query and all: told to nobody.
    url: str = ""
    labels_as: LabelsAs | None = None
    classes: Doc = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.name.rsplit("/", 1)[-1]


def check_item(project: Project, item: NewItem, parse: Callable[[str], Any], tenant: str) -> Doc:
    """The item's parsed data; raises `Refused` with the field and the reason."""
    try:
        data = parse(item.data)
    except ValueError as error:
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
        fields.check(one, value, tenant)
    if known != len(data):
        raise Refused(_unknown(project, data))
    brought = next((n for n in ("gold", "draft") if getattr(item, n)), "")
    if project.divided and brought:
        words = "items that are worked in parts may bring a settled label, and nothing else"
        raise Refused(f"{brought}: {words}")
    if item.group:
        checked_group(item.group)
    return data


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
    return _next(started, now, state=ImportState.RUNNING)


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
    """An item of one JSONL line: {"data": {...}} with fields of a `NewItem` beside it, or the
    bare data object. Raises `Refused`."""
    try:
        parsed = json.loads(line)
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
    if not isinstance(key, str) or len(key) > 500:
        raise Refused("source_key: must be text of at most 500 characters")
    return NewItem(
        data=json.dumps(parsed["data"], ensure_ascii=False),
        source_key=key,
        metadata=metadata,
        gold=parsed.get("gold"),
        draft=parsed.get("draft"),
        label=parsed.get("label"),
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
