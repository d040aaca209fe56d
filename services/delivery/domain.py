"""Deliveries and the labels they hold: what may go out, when, and in which order.

A label row is a plain document (it is on the hot path, thousands a second):
`name` (the task's), `project`, `item`, `source_key`, `data` (text of a JSON object), `template`,
`task_version`, `value`, `source`, `score`, `accept_time`, `gate`, `work_seconds`, `effort` (the
task's counters, see `libs.common.work_stages`), `lineage` (text of a JSON object), `arrive_time`
(when it came here), `delivery`: READY while no delivery holds it, RETURNED while a rejected one
waits for a new acceptance, else the delivery's name.
"""

from __future__ import annotations

import enum
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from services.delivery.certificate import class_limits

Doc = dict[str, Any]
READY, RETURNED = "", "returned"
BLOCK = 1000
# An inline image weighs up to 256 KiB, so that a block of them must be smaller.
IMAGE_BLOCK = 100
PART = 20_000
LEASE = timedelta(seconds=60)
MAX_FAILURES = 10
EXAMPLES = 20
CONFIDENCE = 0.95


class DeliveryState(enum.StrEnum):
    PENDING = "PENDING"
    FREEZING = "FREEZING"
    WRITING = "WRITING"
    COMPLETED = "COMPLETED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    FAILED = "FAILED"


_RUNNING = frozenset({DeliveryState.PENDING, DeliveryState.FREEZING, DeliveryState.WRITING})


class Refused(Exception):
    """A decision that may not be taken; the message says why."""


@dataclass(frozen=True)
class Project:
    """What delivery needs of a project and its template version."""

    name: str
    version: int
    template: str
    exports: tuple[str, ...]
    unit_of_error: str
    label_schema: Doc
    data_fields: tuple[Doc, ...]
    max_error_rate: float = 0.0
    confidence: float = CONFIDENCE
    hourly_cost: float = 0.0
    trains: bool = False
    # What the target says besides: `version`, `reference`, `class_floors`.
    promise: Doc = field(default_factory=dict)
    guideline_digest: str = ""

    @property
    def block(self) -> int:
        """Labels handled at once."""
        return BLOCK if all(f["type"] == "text" for f in self.data_fields) else IMAGE_BLOCK


@dataclass(frozen=True)
class File:
    """A file of a delivery. `labels` is how many labels of `format` it holds."""

    path: str
    size: int
    sha256: str
    format: str = ""
    labels: int = 0


@dataclass(frozen=True)
class Delivery:
    """What goes out together. `position` is the last task written; parts before it are done."""

    name: str
    template: str
    state: DeliveryState
    formats: tuple[str, ...]
    create_time: datetime
    update_time: datetime
    blob: str
    max_error_rate: float
    confidence: float
    version: int = 1
    label_count: int = 0
    sources: dict[str, int] = field(default_factory=dict)
    files: tuple[File, ...] = ()
    error_bound: float = 1.0
    reason: str = ""
    written_count: int = 0
    # The rest of the target it was made under, see `Project.promise`.
    promise: Doc = field(default_factory=dict)
    # Labels by class of a floor: `{class: {count, machine}}`.
    floored: Doc = field(default_factory=dict)
    # Labels that were ready when it was made, so that nobody promises them twice.
    promised: int = 0
    work_seconds: float = 0.0
    # Counters of people's work, see `libs.common.work_stages`.
    effort: Doc = field(default_factory=dict)
    # What the certificate rests on, fixed when the labels are.
    evidence: Doc = field(default_factory=dict)
    part_count: int = 0
    position: str = ""
    object_count: int = 0
    left_out: dict[str, int] = field(default_factory=dict)
    problems: dict[str, int] = field(default_factory=dict)
    examples: tuple[Doc, ...] = ()
    releasing: bool = False
    lease_holder: str = ""
    lease_time: datetime | None = None
    failure_count: int = 0
    # The delivery whose labels these are, of an edition; SHA-256 of the labels written so far.
    edition_of: str = ""
    label_set_sha256: str = ""
    # What had come by then goes out. Not always the time it was made: labels may bear a time from
    # before the clock was set back.
    until: datetime | None = None

    @property
    def holder(self) -> str:
        """Name of the delivery that holds the labels."""
        return self.edition_of or self.name

    @property
    def open(self) -> bool:
        """Is there background work to do?"""
        return self.state in _RUNNING or self.releasing

    def free_for(self, holder: str, now: datetime) -> bool:
        """May this worker take it on?"""
        if self.lease_time is None or self.lease_time <= now:
            return True
        # No lease is longer: one that ends later was given before the clock was set back.
        return self.lease_time - now > LEASE or self.lease_holder == holder


@dataclass(frozen=True)
class Written:
    """One part of a delivery as it lies in the blob store."""

    files: tuple[File, ...]
    count: int
    position: str
    object_count: int
    left_out: dict[str, int]
    problems: dict[str, int]
    examples: tuple[Doc, ...]
    label_set_sha256: str = ""


# -- labels ----------------------------------------------------------------------------------


def newest(rows: Iterable[Doc]) -> dict[str, Doc]:
    """The row of the highest task version by name."""
    found: dict[str, Doc] = {}
    for row in rows:
        known = found.get(row["name"])
        if known is None or known["task_version"] < row["task_version"]:
            found[row["name"]] = row
    return found


def succeed(known: Doc | None, row: Doc) -> Doc | None:
    """The row to store in place of the known one; None where the known one stands.

    A label that a delivery holds is frozen: it changes only after a rejection.
    """
    if known is None:
        return {**row, "version": 1, "delivery": READY}
    if known["delivery"] not in (READY, RETURNED) or row["task_version"] <= known["task_version"]:
        return None
    return {**row, "version": known["version"] + 1, "delivery": READY}


def moved(row: Doc, delivery: str) -> Doc:
    """The row with another holder."""
    return {**row, "version": row["version"] + 1, "delivery": delivery}


# -- a delivery's way ------------------------------------------------------------------------


def choose_formats(project: Project, wanted: Sequence[str], known: Iterable[str]) -> list[str]:
    """The formats to write, in order; all of the template's where none is named."""
    possible = [f for f in project.exports if f in set(known)]
    for one in wanted:
        if one not in possible:
            raise Refused(f"unknown format {one[:100]!r}; there are {', '.join(possible)}")
    if not possible:
        raise Refused("the template names no format to export to")
    return list(wanted) or possible


def create(
    project: Project,
    delivery_id: str,
    formats: Sequence[str],
    ready: int,
    now: datetime,
    newest: datetime | None = None,
) -> Delivery:
    """A PENDING delivery of what is ready; `newest` is when the youngest of it came."""
    _, tenant, _, short = project.name.split("/")
    return Delivery(
        name=f"{project.name}/deliveries/{delivery_id}",
        template=project.template,
        state=DeliveryState.PENDING,
        formats=tuple(formats),
        create_time=now,
        update_time=now,
        blob=f"deliveries/{tenant}/{short}/{delivery_id}",
        max_error_rate=project.max_error_rate,
        confidence=project.confidence,
        promise=project.promise,
        promised=ready,
        until=max(now, newest or now),
    )


def edition(of: Delivery, delivery_id: str, formats: Sequence[str], now: datetime) -> Delivery:
    """The labels that a delivery holds, to be written again; `Refused` where it holds none."""
    if of.state not in (DeliveryState.COMPLETED, DeliveryState.ACCEPTED):
        raise Refused(f"the delivery is {of.state}; only of a COMPLETED or ACCEPTED one is another")
    return Delivery(
        name=f"{of.name.rpartition('/')[0]}/{delivery_id}",
        template=of.template,
        state=DeliveryState.WRITING,
        formats=tuple(formats),
        create_time=now,
        update_time=now,
        blob=f"{of.blob.rpartition('/')[0]}/{delivery_id}",
        max_error_rate=of.max_error_rate,
        confidence=of.confidence,
        label_count=of.label_count,
        sources=of.sources,
        error_bound=of.error_bound,
        promise=of.promise,
        floored=of.floored,
        work_seconds=of.work_seconds,
        effort=of.effort,
        evidence=of.evidence,
        edition_of=of.holder,
    )


def lease(delivery: Delivery, holder: str, now: datetime) -> Delivery:
    """Held by one worker for a while; PENDING ones begin."""
    pending = delivery.state is DeliveryState.PENDING
    return _next(
        delivery,
        now,
        state=DeliveryState.FREEZING if pending else delivery.state,
        lease_holder=holder,
        lease_time=now + LEASE,
    )


def hold(delivery: Delivery, rows: Sequence[Doc], work: Doc, now: datetime) -> Delivery:
    """With one more block of frozen labels; `work` are the counters with theirs."""
    sources = Counter(delivery.sources)
    sources.update(row["source"] for row in rows)
    return _next(
        delivery,
        now,
        label_count=delivery.label_count + len(rows),
        sources=dict(sorted(sources.items())),
        work_seconds=delivery.work_seconds + sum(row["work_seconds"] for row in rows),
        effort=work,
        floored=class_limits.counted(delivery.promise, delivery.floored, rows),
        lease_time=now + LEASE,
    )


def begin_writing(delivery: Delivery, evidence: Doc, bound: float, now: datetime) -> Delivery:
    """All labels are frozen; FAILED where another delivery was faster."""
    if not delivery.label_count:
        return _next(
            delivery,
            now,
            state=DeliveryState.FAILED,
            reason="no label was left: another delivery took them or they were cancelled",
        )
    return _next(
        delivery,
        now,
        state=DeliveryState.WRITING,
        evidence=evidence,
        error_bound=bound,
        lease_time=now + LEASE,
    )


def add_part(delivery: Delivery, part: Written, now: datetime) -> Delivery:
    """With one more part written."""
    return _next(
        delivery,
        now,
        files=(*delivery.files, *part.files),
        written_count=delivery.written_count + part.count,
        part_count=delivery.part_count + 1,
        position=part.position,
        object_count=part.object_count,
        left_out=_added(delivery.left_out, part.left_out),
        problems=_added(delivery.problems, part.problems),
        examples=(*delivery.examples, *part.examples)[:EXAMPLES],
        label_set_sha256=part.label_set_sha256,
        lease_time=now + LEASE,
    )


def complete(delivery: Delivery, files: Sequence[File], now: datetime) -> Delivery:
    return _next(
        delivery,
        now,
        state=DeliveryState.COMPLETED,
        files=(*delivery.files, *files),
        reason="",
        lease_holder="",
        lease_time=None,
    )


def stumble(delivery: Delivery, reason: str, now: datetime) -> Delivery:
    """A step failed: it is tried again after a growing pause, at last given up."""
    count = delivery.failure_count + 1
    if count >= MAX_FAILURES:
        return _next(
            delivery,
            now,
            state=DeliveryState.FAILED,
            reason=reason[:1000],
            failure_count=count,
            releasing=True,
            lease_holder="",
            lease_time=None,
        )
    again = pause(delivery, f"tried again: {reason}", min(60.0, 0.5 * 2**count), now)
    return replace(again, failure_count=count)


def pause(delivery: Delivery, reason: str, seconds: float, now: datetime) -> Delivery:
    """Left alone for so many seconds. Nobody's name: that holds for this worker, too."""
    until = now + timedelta(seconds=seconds)
    return _next(delivery, now, reason=reason[:1000], lease_holder="-", lease_time=until)


def accept(delivery: Delivery, now: datetime) -> Delivery:
    """Final. Accepting again changes nothing; `Refused` from any other state."""
    if delivery.state is DeliveryState.ACCEPTED:
        return delivery
    _must_be_completed(delivery, "accepted")
    return _next(delivery, now, state=DeliveryState.ACCEPTED)


def reject(delivery: Delivery, reason: str, now: datetime) -> Delivery:
    """Its labels are to be released. Rejecting again for the same reason changes nothing."""
    if delivery.state is DeliveryState.REJECTED and delivery.reason == reason:
        return delivery
    _must_be_completed(delivery, "rejected")
    return _next(delivery, now, state=DeliveryState.REJECTED, reason=reason, releasing=True)


def released(delivery: Delivery, now: datetime) -> Delivery:
    """No label is held any more."""
    return _next(delivery, now, releasing=False, lease_holder="", lease_time=None)


def _must_be_completed(delivery: Delivery, what: str) -> None:
    if delivery.edition_of:
        raise Refused(f"this is an edition of {delivery.edition_of}; that one can be {what}")
    if delivery.state is not DeliveryState.COMPLETED:
        raise Refused(f"the delivery is {delivery.state}; only a COMPLETED one can be {what}")


def _added(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
    return {key: one.get(key, 0) + other.get(key, 0) for key in sorted(one.keys() | other.keys())}


def _next(delivery: Delivery, now: datetime, **changes: Any) -> Delivery:
    return replace(delivery, version=delivery.version + 1, update_time=now, **changes)
