"""Use cases of intake: admit batches of items, begin imports, hear appeals, answer questions."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from libs.common import names
from libs.common.access import Caller
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.codec import Doc, to_doc
from libs.common.errors import AlreadyExists, Invalid, NotFound, OutOfTurn
from libs.common.names import content_id
from libs.common.offload import aside
from libs.common.retry import eventually
from libs.common.store import Store, Unit, keep_newest
from libs.formats.source import known_encoding
from services.intake import domain, sources, store
from services.intake.admission import Admission
from services.intake.appeals import Appeals
from services.intake.config import IntakeSettings
from services.intake.domain import (
    Import,
    NewItem,
    Outcome,
    Project,
    RefusalState,
    Refused,
)
from services.intake.imports.lanes import Lanes
from services.intake.imports.runner import Importing, Means
from services.intake.imports.turns import Turns
from services.intake.sources.remote import Remote

Result = tuple[Outcome, str, str]
# Threads that read and decode at once.
_TURNS = 2


class Intake:
    """Owns datasets and items."""

    def __init__(
        self,
        store_: Store,
        clock: Clock,
        blobs: Blobs,
        parse: Callable[[str], Any],
        settings: IntakeSettings | None = None,
    ) -> None:
        self._store, self._clock, self._blobs = store_, clock, blobs
        settings = settings or IntakeSettings()
        turns = Turns(_TURNS)
        self._admission = Admission(clock, blobs, parse, turns)
        self._remote = Remote(settings)
        means = Means(store_, clock, blobs, self._admission, self._remote, turns)
        importing = Importing(means, self._project)
        self._lanes = Lanes(importing, store_, clock, settings.lanes)
        self._appeals = Appeals(store_, clock, self._admission)
        self.start_imports, self.run_imports = self._lanes.start, self._lanes.run
        self.close = self._lanes.close

    def now(self) -> datetime:
        return self._clock.now()

    async def remember_projects(self, projects: Sequence[Project]) -> None:
        """Keeps each project as it now is; an older version changes nothing."""
        docs = [to_doc(project) for project in projects]
        await self._store.transact(lambda unit: keep_newest(unit, store.PROJECTS, docs))

    async def admit(
        self, project_name: str, dataset: str, items: Sequence[NewItem]
    ) -> list[Result]:
        """(outcome, item name, reason) per item, in order; one unit of work. Calls are cleaned
        only where the project says how: they come by the thousand."""
        project = await self._project(project_name)
        size = sum(len(item.data) for item in items)
        candidates = await aside(size, lambda: self._admission.check(project, items))
        if project.cleaning is not None:
            candidates = await asyncio.to_thread(self._admission.clean, project, candidates)

        async def work(unit: Unit) -> list[Result]:
            settled = await self._admission.admit(unit, project, dataset or "default", candidates)
            return [(s.outcome, s.name, s.refused.detail if s.refused else "") for s in settled]

        return await self._store.transact(work)

    # -- imports ------------------------------------------------------------------------------

    async def create_import(self, asked: Import, request_id: str, person: str = "") -> Import:
        """A PENDING import of an uploaded file or a URL, its project in `asked.name`; the same
        request of the same person answers with the same one."""
        project = await self._project(asked.name)
        await self._check_source(project, asked)

        async def work(unit: Unit) -> Import:
            key = f"{project.name}:{content_id(person, request_id)}"
            known = await unit.get(store.REQUESTS, key) if request_id else None
            if known is not None:
                return await _repeated(unit, known["made"], asked)
            now = self._clock.now()
            made = replace(
                asked,
                name=f"{project.name}/imports/{names.new_id()}",
                dataset=asked.dataset or "default",
                create_time=now,
                update_time=now,
            )
            unit.insert(store.IMPORTS, [store.import_doc(made)])
            if request_id:
                unit.insert(store.REQUESTS, [{"name": key, "made": made.name}])
            return made

        return await self._store.transact(work)

    async def _check_source(self, project: Project, asked: Import) -> None:
        tenant = project.name.split("/")[1]
        if not sources.known_format(asked.format):
            raise Invalid(
                f"cannot be imported: {asked.format!r}; see docs/intake.md", field="format"
            )
        if sources.brings_labels(asked.format) and asked.labels_as is None:
            raise Invalid(
                "say what the labels are: GOLD, PREDICTIONS or SETTLED", field="labels_as"
            )
        if asked.encoding and not known_encoding(asked.encoding):
            words = f"{asked.encoding!r} is not known; it is written as utf-8, gb18030, cp1252 ..."
            raise Invalid(words, field="encoding")
        if bool(asked.blob) == bool(asked.url):
            raise Invalid("give either an upload or a source", field="source")
        if asked.format == sources.OBJECTS and not asked.url.startswith("s3://"):
            raise Invalid("objects are listed of s3:// prefixes only", field="source")
        if asked.url:
            try:
                self._remote.check(asked.url, tenant)
            except Refused as refused:
                raise Invalid(str(refused), field="source") from refused
        elif not asked.blob.startswith(
            (f"blobs/{tenant}/", f"uploads/{tenant}/")
        ) or not await self._blobs.is_file(asked.blob):
            raise Invalid("there is no such finished upload", field="blob")

    async def cancel_import(self, name: str) -> Import:
        """CANCELLED: nothing more comes in; what was admitted stays. Raises `OutOfTurn` where it is
        done."""

        async def work(unit: Unit) -> Import:
            found = await store.import_by_name(unit, name)
            if found is None:
                raise NotFound(f"{name[:200]} was not found", field="name")
            try:
                cancelled = domain.cancel(found, self._clock.now())
            except ValueError as error:
                raise OutOfTurn(str(error), field="name") from error
            if cancelled is not found:
                unit.put(store.IMPORTS, store.import_doc(cancelled))
            return cancelled

        cancelled = await self._store.transact(work)
        self._lanes.stop_import(name)
        return cancelled

    # -- appeals ------------------------------------------------------------------------------

    async def appeal(self, name: str, reason: str, who: Caller) -> Doc:
        return await self._appeals.appeal(name, reason, who)

    async def resolve(self, name: str, state: RefusalState, reason: str, who: Caller) -> Doc:
        project = await self._project(names.project_of(name))
        return await self._appeals.resolve(project, name, state, reason, who)

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
        return (await store.with_notes(self._store, [found]))[0]

    async def note_failures(self, project: str, items: Sequence[str], reason: str) -> None:
        """Some of these items have no draft for want of the model: that is told once in the report
        of each import they came with."""

        async def work(unit: Unit) -> None:
            docs = (await unit.get_many(store.ITEMS, items)).values()
            ids = {doc["import_id"] for doc in docs if doc.get("import_id")}
            imports = [f"{project}/imports/{one.rsplit('/', 1)[-1]}" for one in sorted(ids)]
            known = await unit.get_many(store.NOTES, imports)
            note = f"items go to people without a draft: {reason}"
            for name in imports:
                if name not in known:
                    unit.overwrite(store.NOTES, {"name": name, "notes": [note]})

        await self._store.transact(work)

    async def imports(self, project: str, size: int, after: str) -> list[Import]:
        await self._project(project)
        found = await store.imports_of(self._store, project, after, size)
        return await store.with_notes(self._store, found)

    async def refusals(self, project: str, size: int, after: str) -> list[Doc]:
        await self._project(project)
        return await store.refusal_page(self._store, project, after, size)

    async def _project(self, name: str) -> Project:
        project = await eventually(lambda: store.project_by_name(self._store, name))
        if project is None:
            raise NotFound(f"{name[:200]} was not found", field="parent")
        return project


async def _repeated(unit: Unit, name: str, asked: Import) -> Import:
    first = await store.import_by_name(unit, name)
    if first is None or _what(first) != _what(asked):
        raise AlreadyExists("this request_id was used for another import", field="request_id")
    return first


def _what(import_: Import) -> tuple[str, ...]:
    file, classes = import_.source or import_.blob, repr(sorted(import_.classes.items()))
    return file, import_.format, import_.labels_as or "", classes, import_.encoding
