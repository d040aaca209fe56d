"""Use cases of intake: admit batches of items, import files."""

from __future__ import annotations

import asyncio
import hashlib
import itertools
import logging
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from labelmill.annotation.v1 import annotation_pb2
from labelmill.intake.v1 import events_pb2, intake_pb2

from libs.common import names, values
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import Doc, doc_to_message, time_text, to_doc
from libs.common.errors import AlreadyExists, Fault, Invalid, NotFound
from libs.common.patience import eventually
from libs.common.store import Store, Unit, keep_newest
from services.intake import domain, store
from services.intake.archive import Broken, Entry, entries
from services.intake.domain import Import, ImportState, NewItem, Outcome, Project

_CHUNK = 500
log = logging.getLogger(__name__)
Result = tuple[Outcome, str, str]


class Intake:
    """Owns datasets and items."""

    def __init__(
        self, store_: Store, clock: Clock, blobs: Blobs, parse: Callable[[str], Any]
    ) -> None:
        self._store, self._clock, self._blobs, self._parse = store_, clock, blobs, parse

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        """Keeps each project as it now is; an older version changes nothing."""
        docs = [to_doc(project) for project in projects]
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def admit(
        self, project_name: str, dataset: str, items: Sequence[NewItem]
    ) -> list[Result]:
        """(outcome, item name, reason) per item, in order; one unit of work."""
        project = await self._project(project_name)
        checked = self._check(project, items)

        async def work(unit: Unit) -> list[Result]:
            return await self._admit(unit, project, dataset or "default", items, checked)

        return await self._store.transact(work)

    def _check(self, project: Project, items: Sequence[NewItem]) -> list[str]:
        """Why each item is refused; empty where it is not."""
        tenant = project.name.split("/")[1]
        reasons = []
        for item in items:
            try:
                data = domain.check_item(project, item, self._parse, tenant)
                if item.gold is not None:
                    text = project.text_of(data)
                    values.check(item.gold, project.label_schema, "gold", text)
                reasons.append("")
            except (domain.Refused, values.Misfit) as refused:
                reasons.append(str(refused))
        return reasons

    async def _admit(
        self,
        unit: Unit,
        project: Project,
        dataset: str,
        items: Sequence[NewItem],
        reasons: Sequence[str],
    ) -> list[Result]:
        digests = [_digest(item) for item in items]
        item_names = [
            _item_name(project.name, item, digest)
            for item, digest in zip(items, digests, strict=True)
        ]
        fit = [i for i, reason in enumerate(reasons) if not reason]
        known = await store.digests(unit, [item_names[i] for i in fit])
        sorted_out = domain.sort_out([(item_names[i], digests[i]) for i in fit], known)
        results: list[Result] = [(Outcome.REFUSED, "", reason) for reason in reasons]
        fresh = []
        for i, (outcome, reason) in zip(fit, sorted_out, strict=True):
            refused = outcome is Outcome.REFUSED
            results[i] = (outcome, "" if refused else item_names[i], reason)
            if outcome is Outcome.ADMITTED:
                fresh.append((item_names[i], digests[i], items[i]))
        self._store_items(unit, project.name, dataset, fresh)
        self._refuse(
            unit,
            project.name,
            [
                (items[i].source_key, reason)
                for i, (outcome, _, reason) in enumerate(results)
                if outcome is Outcome.REFUSED
            ],
        )
        return results

    def _store_items(
        self, unit: Unit, project: str, dataset: str, fresh: list[tuple[str, str, NewItem]]
    ) -> None:
        now = self._clock.now()
        stamp = intake_pb2.Item()
        stamp.create_time.FromDatetime(now)
        text = time_text(now)
        docs: list[Doc] = []
        shards: dict[int, list[intake_pb2.Item]] = defaultdict(list)
        for name, digest, item in fresh:
            doc: Doc = {
                "name": name,
                "project": project,
                "dataset": dataset,
                "data": item.data,
                "source_key": item.source_key,
                "digest": digest,
                "create_time": text,
            }
            if item.metadata:
                doc["metadata"] = item.metadata
            if item.gold is not None:
                doc["gold"] = item.gold
            if item.group:
                doc["group"] = item.group
            docs.append(doc)
            shards[names.shard_of(name)].append(_message(doc, stamp))
        unit.insert(store.ITEMS, docs)
        for shard, messages in shards.items():
            key = names.event_key(project, shard)
            unit.emit_all(key, events_pb2.ItemsAdmitted, "items", messages, project=project)

    def _refuse(self, unit: Unit, project: str, refused: list[tuple[str, str]]) -> None:
        if not refused:
            return
        now = time_text(self._clock.now())
        docs = [
            {
                "name": f"{project}/refusals/{names.new_id()}",
                "project": project,
                "source_key": key,
                "reason": reason[:1000],
                "create_time": now,
            }
            for key, reason in refused
        ]
        unit.insert(store.REFUSALS, docs)
        event = events_pb2.ItemsRefused(
            project=project, refusals=[doc_to_message(d, intake_pb2.Refusal) for d in docs]
        )
        unit.emit(names.event_key(project, 0), event)

    # -- imports ------------------------------------------------------------------------------

    async def create_import(
        self, project_name: str, dataset: str, blob: str, format_: str, request_id: str
    ) -> Import:
        """A PENDING import of an uploaded file; the same request answers with the same one."""
        await self._project(project_name)
        tenant = project_name.split("/")[1]
        if not blob.startswith(f"uploads/{tenant}/") or not await self._blobs.exists(blob):
            raise Invalid("there is no such finished upload", field="blob")

        async def work(unit: Unit) -> Import:
            key = f"{project_name}:{request_id}"
            known = await unit.get(store.REQUESTS, key) if request_id else None
            if known is not None:
                return await self._repeated(unit, known["made"], blob, format_)
            now = self._clock.now()
            made = Import(
                name=f"{project_name}/imports/{names.new_id()}",
                dataset=dataset or "default",
                blob=blob,
                format=format_,
                state=ImportState.PENDING,
                create_time=now,
                update_time=now,
            )
            unit.insert(store.IMPORTS, [store.import_doc(made)])
            if request_id:
                unit.insert(store.REQUESTS, [{"name": key, "made": made.name}])
            return made

        return await self._store.transact(work)

    async def _repeated(self, unit: Unit, name: str, blob: str, format_: str) -> Import:
        first = await store.import_by_name(unit, name)
        if first is None or (first.blob, first.format) != (blob, format_):
            raise AlreadyExists("this request_id was used for another import", field="request_id")
        return first

    async def run_imports(self) -> None:
        """Works on every import that is not done, oldest first; goes on where a stop left it."""
        for state in (ImportState.RUNNING, ImportState.PENDING):
            for import_ in await store.imports_in(self._store, state.value, 10):
                await self._run_import(import_)

    async def _run_import(self, import_: Import) -> None:
        project = await self._project(names.project_of(import_.name))
        if import_.state is ImportState.PENDING:
            import_ = await self._save(domain.begin(import_, self._clock.now()))
        try:
            with await asyncio.to_thread(self._blobs.read, import_.blob) as file:
                found = entries(file, import_.format, project, self._blobs)
                await asyncio.to_thread(_drop, found, import_.position)
                while chunk := await asyncio.to_thread(_take, found, _CHUNK):
                    import_ = await self._admit_chunk(project, import_, chunk)
            reason = ""
        except (Broken, Fault) as broken:
            reason = str(broken)
        await self._save(domain.finish(import_, self._clock.now(), reason))

    async def _admit_chunk(self, project: Project, import_: Import, chunk: list[Entry]) -> Import:
        items = [e.item for e in chunk if e.item is not None]
        reasons = await asyncio.to_thread(self._check, project, items)
        broken = [(e.key, e.reason) for e in chunk if e.item is None]

        async def work(unit: Unit) -> Import:
            results = await self._admit(unit, project, import_.dataset, items, reasons)
            self._refuse(unit, project.name, broken)
            count = [outcome for outcome, _, _ in results].count
            after = domain.advance(
                import_,
                import_.position + len(chunk),
                count(Outcome.ADMITTED),
                count(Outcome.DUPLICATE),
                count(Outcome.REFUSED) + len(broken),
                self._clock.now(),
            )
            unit.put(store.IMPORTS, store.import_doc(after))
            return after

        return await self._store.transact(work)

    async def _save(self, import_: Import) -> Import:
        async def work(unit: Unit) -> Import:
            unit.put(store.IMPORTS, store.import_doc(import_))
            return import_

        return await self._store.transact(work)

    # -- questions ----------------------------------------------------------------------------

    async def item(self, name: str) -> Doc:
        doc = await self._store.get(store.ITEMS, name)
        if doc is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return doc

    async def items(self, project: str, size: int, after: str) -> list[Doc]:
        await self._project(project)
        return await store.item_page(self._store, project, after, size)

    async def import_(self, name: str) -> Import:
        found = await store.import_by_name(self._store, name)
        if found is None:
            raise NotFound(f"{name[:200]} was not found", field="name")
        return found

    async def imports(self, project: str, size: int, after: str) -> list[Import]:
        await self._project(project)
        return await store.imports_of(self._store, project, after, size)

    async def refusals(self, project: str, size: int, after: str) -> list[Doc]:
        await self._project(project)
        return await store.refusal_page(self._store, project, after, size)

    async def _project(self, name: str) -> Project:
        project = await eventually(lambda: store.project_by_name(self._store, name))
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field="parent")
        return project


def _digest(item: NewItem) -> str:
    return hashlib.sha256(item.data.encode()).hexdigest()


def _item_name(project: str, item: NewItem, digest: str) -> str:
    key = f"key\x1f{item.source_key}" if item.source_key else f"digest\x1f{digest}"
    return f"{project}/items/{names.content_id(project, key)}"


def _message(doc: Doc, stamp: intake_pb2.Item) -> intake_pb2.Item:
    message = intake_pb2.Item(
        name=doc["name"],
        dataset=doc["dataset"],
        data=doc["data"],
        source_key=doc["source_key"],
        digest=doc["digest"],
        create_time=stamp.create_time,
        group=doc.get("group", ""),
    )
    if "metadata" in doc:
        message.metadata.update(doc["metadata"])
    if "gold" in doc:
        message.gold.CopyFrom(doc_to_message(doc["gold"], annotation_pb2.Value))
    return message


def _drop(found: Iterator[Entry], count: int) -> None:
    for _ in itertools.islice(found, count):
        pass


def _take(found: Iterator[Entry], count: int) -> list[Entry]:
    return list(itertools.islice(found, count))
