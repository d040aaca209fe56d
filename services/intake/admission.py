"""From items as offered to items as stored: checked, cleaned, told apart, kept with their events.

`check` and `clean` need no store and run in threads; `admit` is one unit of work.
"""

from __future__ import annotations

import hashlib
import logging
from collections import defaultdict
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

from labelmill.annotation.v1 import annotation_pb2
from labelmill.intake.v1 import events_pb2, intake_pb2

from libs import label_validation
from libs.common import names
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, time_text, to_doc
from libs.common.store import Unit
from services.intake import cleaning, domain, store
from services.intake.cleaning import Look, near
from services.intake.domain import NewItem, Outcome, Project
from services.intake.imports.turns import Turns
from services.intake.probing import Finding

# Of an item that is kept with its refusal.
HELD_BYTES = 300_000
MALFORMED = "malformed"
_VALUES = ("gold", "prediction", "label")
# Threads that help others decode; what fewer candidates than a slice need is not worth one.
_HELPERS = 64
_SLICE = 50
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Candidate:
    """An item on its way in. `refused` is why it is none; `data` its parsed data."""

    item: NewItem
    key: str = ""
    data: Doc | None = None
    refused: Finding | None = None
    look: Look | None = None


@dataclass(frozen=True)
class Settled:
    """What became of a candidate; `flags` were found and admitted, `other` is the item it is
    nearly the same as."""

    outcome: Outcome
    name: str = ""
    refused: Finding | None = None
    flags: tuple[Finding, ...] = ()
    other: str = ""


def _lists_of(project: Project, data: Doc) -> label_validation.Extent:
    """How far the item's lists of frames, sweeps and cameras go."""
    types = {one.name: one.type for one in project.data_fields}
    return label_validation.with_lists(label_validation.NOWHERE, data, types)


def _check_value(project: Project, value: Doc, name: str, data: Doc) -> None:
    """Raise `Misfit` unless the value is one of the template's, and about this item."""
    text, offered = project.text_of(data), project.candidates_of(data)
    label_validation.check(value, project.label_schema, name, text, offered)
    types = {one.name: one.type for one in project.data_fields}
    label_validation.check_prompted(value, project.label_schema, name, data, types)
    label_validation.check_extent(value, name, _lists_of(project, data))


_FIT = Settled(Outcome.ADMITTED)


class Admission:
    """The one way into the store of items."""

    def __init__(
        self, clock: Clock, blobs: Blobs, parse: Callable[[str], Any], turns: Turns
    ) -> None:
        self._clock, self._blobs, self._parse, self._turns = clock, blobs, parse, turns
        self._helpers = ThreadPoolExecutor(_HELPERS, thread_name_prefix="cleaning")

    def check(self, project: Project, items: Sequence[NewItem]) -> list[Candidate]:
        """Each item with its parsed data, or why it is refused."""
        tenant = project.name.split("/")[1]
        return [self._checked(project, tenant, item) for item in items]

    def _checked(self, project: Project, tenant: str, item: NewItem) -> Candidate:
        key = domain.readable(item.source_key, domain.KEY_LIMIT)
        try:
            data = domain.check_item(project, item, self._parse, tenant)
            for name in _VALUES:
                value = getattr(item, name)
                if value is not None:
                    _check_value(project, value, name, data)
        except (domain.Refused, label_validation.Misfit) as refused:
            return Candidate(item, key, refused=Finding(MALFORMED, str(refused)))
        except Exception as error:
            log.exception("an item of %s cannot be checked", project.name)
            return Candidate(item, key, refused=Finding(MALFORMED, _unforeseen(error)))
        return Candidate(item, key, data)

    def clean(self, project: Project, candidates: Sequence[Candidate]) -> list[Candidate]:
        """Candidates with what was seen of them; media are decoded here and by one helper, in turns
        with other tenants."""
        tenant = project.name.split("/")[1]

        def seen(some: Sequence[Candidate]) -> list[Candidate]:
            made = []
            with self._turns.turn(tenant) as turn:
                for one in some:
                    made.append(one if one.data is None else self._seen(project, one))
                    turn.share()
            return made

        if len(candidates) <= _SLICE:
            return seen(candidates)
        middle = len(candidates) // 2
        helped = self._helpers.submit(seen, candidates[middle:])
        return [*seen(candidates[:middle]), *helped.result()]

    def _seen(self, project: Project, one: Candidate) -> Candidate:
        try:
            look = cleaning.look(project, one.data or {}, self._blobs)
        except Exception as error:
            log.exception("an item of %s cannot be looked at", project.name)
            return replace(one, refused=Finding("corrupt", _unforeseen(error)))
        extent = label_validation.extent_of(look.facts)
        try:
            for name in _VALUES:
                label_validation.check_extent(getattr(one.item, name) or {}, name, extent)
        except label_validation.Misfit as misfit:
            return replace(one, look=look, refused=Finding(MALFORMED, str(misfit)))
        return replace(one, look=look)

    async def admit(
        self,
        unit: Unit,
        project: Project,
        dataset: str,
        candidates: Sequence[Candidate],
        hold: bool = True,
    ) -> list[Settled]:
        """What became of each, in order. Refusals keep their items if `hold`."""
        settled = [_verdict(one, project) for one in candidates]
        fit = [i for i, one in enumerate(settled) if one.refused is None]
        digests = {i: digest_of(candidates[i].item) for i in fit}
        ids = {i: _item_name(project.name, candidates[i].item, digests[i]) for i in fit}
        known = await store.digests(unit, list(ids.values()))
        sorted_out = domain.sort_out([(ids[i], digests[i]) for i in fit], known)
        for i, (outcome, reason) in zip(fit, sorted_out, strict=True):
            if reason:
                settled[i] = Settled(outcome, refused=Finding(MALFORMED, reason))
            else:
                settled[i] = Settled(outcome, ids[i], flags=settled[i].flags)
        await self._compare(unit, project, candidates, settled)
        fresh = [i for i, one in enumerate(settled) if one.outcome is Outcome.ADMITTED]
        docs = [_item_doc(dataset, candidates[i], settled[i], digests[i]) for i in fresh]
        self.store_items(unit, project.name, docs)
        turned = [(c, s.refused) for c, s in zip(candidates, settled, strict=True) if s.refused]
        self._refuse(unit, project.name, dataset, turned, hold)
        return settled

    async def _compare(
        self, unit: Unit, project: Project, candidates: Sequence[Candidate], settled: list[Settled]
    ) -> None:
        """Settles near-duplicates among those that would be admitted."""
        prints = {
            i: one.look.print
            for i, one in enumerate(candidates)
            if one.look and one.look.print and settled[i].outcome is Outcome.ADMITTED
        }
        if not prints:
            return
        index = await near.Index.of(unit, project.name, list(prints.values()))
        refuse = cleaning.action("near_duplicate", project.cleaning or {}) == "REFUSE"
        for i, one in prints.items():
            other, words = index.find(one)
            if other:
                settled[i] = _like(settled[i], f"{project.name}/items/{other}", words, refuse)
            if settled[i].outcome is Outcome.ADMITTED:
                index.add(settled[i].name.rsplit("/", 1)[-1], one)
        index.keep(unit)

    def store_items(self, unit: Unit, project: str, docs: list[Doc]) -> None:
        """Keeps items and tells of them, by shard."""
        now = self._clock.now()
        stamp = intake_pb2.Item()
        stamp.create_time.FromDatetime(now)
        text = time_text(now)
        shards: dict[int, list[intake_pb2.Item]] = defaultdict(list)
        for doc in docs:
            doc |= {"project": project, "create_time": text}
            shards[names.shard_of(doc["name"])].append(_message(doc, stamp))
        unit.insert(store.ITEMS, docs)
        for shard, messages in shards.items():
            key = names.event_key(project, shard)
            unit.emit_all(key, events_pb2.ItemsAdmitted, "items", messages, project=project)

    def _refuse(
        self,
        unit: Unit,
        project: str,
        dataset: str,
        refused: Sequence[tuple[Candidate, Finding]],
        hold: bool,
    ) -> None:
        if not refused:
            return
        now = time_text(self._clock.now())
        docs = [_refusal(project, dataset, one, why, now, hold) for one, why in refused]
        unit.insert(store.REFUSALS, docs)
        told = [doc_to_message(d, intake_pb2.Refusal) for d in docs]
        key = names.event_key(project, 0)
        unit.emit_all(key, events_pb2.ItemsRefused, "refusals", told, project=project)


def _unforeseen(error: Exception) -> str:
    return f"cannot be taken in ({type(error).__name__})"


def digest_of(item: NewItem) -> str:
    return hashlib.sha256(item.data.encode()).hexdigest()


def _item_name(project: str, item: NewItem, digest: str) -> str:
    key = f"key\x1f{item.source_key}" if item.source_key else f"digest\x1f{digest}"
    return f"{project}/items/{names.content_id(project, key)}"


def _verdict(one: Candidate, project: Project) -> Settled:
    """What the policy says of what was found; near-duplicates are not looked at yet."""
    if one.refused is not None:
        return Settled(Outcome.REFUSED, refused=one.refused)
    if one.look is None:
        return _FIT
    by_action: dict[str, list[Finding]] = {"REFUSE": [], "FLAG": [], "OFF": []}
    for found in one.look.findings:
        by_action[cleaning.action(found.code, project.cleaning or {})].append(found)
    if by_action["REFUSE"]:
        return Settled(Outcome.REFUSED, refused=by_action["REFUSE"][0])
    return Settled(Outcome.ADMITTED, flags=tuple(by_action["FLAG"]))


def _like(settled: Settled, other: str, words: str, refuse: bool) -> Settled:
    found = Finding("near_duplicate", f"nearly the same as {other.rsplit('/', 1)[-1]}: {words}")
    if refuse:
        return Settled(Outcome.REFUSED, refused=found, other=other)
    return replace(settled, flags=(*settled.flags, found), other=other)


def _item_doc(dataset: str, one: Candidate, settled: Settled, digest: str) -> Doc:
    item = one.item
    doc: Doc = {
        "name": settled.name,
        "dataset": dataset,
        "data": item.data,
        "source_key": item.source_key,
        "digest": digest,
    }
    if metadata := _metadata(one, settled):
        doc["metadata"] = metadata
    if item.group:
        doc["group"] = item.group
    if item.import_id:
        doc["import_id"] = item.import_id
    for name in _VALUES:
        value = getattr(item, name)
        if value is not None:
            doc[name] = value
    return doc


def _metadata(one: Candidate, settled: Settled) -> dict[str, str] | None:
    """The caller's, with what was seen and found."""
    if one.look is None:
        return one.item.metadata
    metadata = {**(one.item.metadata or {}), **one.look.facts}
    if settled.flags:
        metadata["cleaning.flags"] = ",".join(dict.fromkeys(f.code for f in settled.flags))
    return metadata


def _refusal(project: str, dataset: str, one: Candidate, why: Finding, now: str, hold: bool) -> Doc:
    # What could not be read, or does not fit the template, is nothing that could be admitted.
    appealable = hold and one.data is not None and why.code not in (MALFORMED, "corrupt", "missing")
    appealable &= len(one.item.data) <= HELD_BYTES
    reason = why.detail if why.code == MALFORMED else f"{why.code}: {why.detail}"
    doc: Doc = {
        "name": f"{project}/refusals/{names.new_id()}",
        "project": project,
        "source_key": one.key,
        "reason": domain.readable(reason, 1000),
        "create_time": now,
        "code": why.code,
        "state": "REFUSED",
        "appealable": appealable,
        "import_id": one.item.import_id,
        "version": 1,
    }
    if not appealable:
        return doc
    facts = {} if one.look is None else one.look.facts
    held = replace(one.item, metadata={**(one.item.metadata or {}), **facts})
    return doc | {"held": to_doc(held), "dataset": dataset}


def _message(doc: Doc, stamp: intake_pb2.Item) -> intake_pb2.Item:
    message = intake_pb2.Item(
        name=doc["name"],
        dataset=doc["dataset"],
        data=doc["data"],
        source_key=doc["source_key"],
        digest=doc["digest"],
        create_time=stamp.create_time,
        group=doc.get("group", ""),
        import_id=doc.get("import_id", ""),
    )
    if "metadata" in doc:
        message.metadata.update(doc["metadata"])
    for name in _VALUES:
        if name in doc:
            getattr(message, name).CopyFrom(doc_to_message(doc[name], annotation_pb2.Value))
    return message
