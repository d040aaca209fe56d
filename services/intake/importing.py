"""Works on imports: reads their entries in threads, a batch a unit of work, and goes on where a
restart left them."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from libs.common import names
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.errors import Fault
from libs.common.store import Store, Unit
from services.intake import domain, report, store
from services.intake.admission import MALFORMED, Admission, Candidate, Settled
from services.intake.domain import Import, ImportState, NewItem, Outcome, Project, Refused
from services.intake.probing import Finding
from services.intake.sources import OBJECTS, Broken, Entry, archives, entries
from services.intake.sources.remote import Object, Remote, copy

_CHUNK = 500
# Refusals of one import that keep their items.
MAX_HELD = 10_000
_MISSING_SHOWN = 100


@dataclass(frozen=True)
class Means:
    """What imports are worked with."""

    store: Store
    clock: Clock
    blobs: Blobs
    admission: Admission
    remote: Remote


class Importing:
    """Runs imports, oldest first."""

    def __init__(self, means: Means, project: Callable[[str], Any]) -> None:
        self._means, self._project = means, project
        self._store, self._clock = means.store, means.clock

    async def run(self) -> None:
        """Works on every import that is not done."""
        for state in (ImportState.RUNNING, ImportState.PENDING):
            for import_ in await store.imports_in(self._store, state.value, 10):
                await self._run(import_)

    async def _run(self, import_: Import) -> None:
        project = await self._project(names.project_of(import_.name))
        if import_.state is ImportState.PENDING:
            import_ = await self._save(domain.begin(import_, self._clock.now()))
        try:
            if import_.format == OBJECTS:
                import_ = await self._sync(project, import_)
            else:
                import_ = await self._read(project, await self._fetched(project, import_))
            reason = ""
        except (Broken, Refused, Fault) as broken:
            reason = str(broken)
            import_ = await store.import_by_name(self._store, import_.name) or import_
        await self._save(domain.finish(import_, self._clock.now(), reason))

    async def _fetched(self, project: Project, import_: Import) -> Import:
        """With the file that the URL leads to as its blob."""
        if not import_.url or import_.blob:
            return import_
        tenant = project.name.split("/")[1]
        ending = import_.source.rsplit("/", 1)[-1]
        name = "".join(c if c.isalnum() or c in "._-" else "-" for c in ending).strip(".-")
        path = f"uploads/{tenant}/{import_.id}/{name[-100:] or 'file'}"

        def fetch() -> None:
            with self._means.blobs.write(path) as file:
                copy(self._means.remote.blocks(import_.url, tenant), file)

        await asyncio.to_thread(fetch)
        return await self._save(domain.fetched(import_, path, self._clock.now()))

    async def _read(self, project: Project, import_: Import) -> Import:
        tenant = project.name.split("/")[1]

        def remote(name: str) -> bytes:
            if "://" not in name:
                raise Refused(f"{name[:200]}: names a file; import it within an archive")
            return self._means.remote.read(name, tenant)

        with await asyncio.to_thread(self._means.blobs.read, import_.blob) as file:
            found = entries(file, import_, project, self._means.blobs, remote)
            await asyncio.to_thread(_drop, found, import_.position)
            while chunk := await asyncio.to_thread(_take, found, _CHUNK):
                import_ = await self._admit(project, import_, chunk)
        return import_

    # -- buckets -----------------------------------------------------------------------------

    async def _sync(self, project: Project, import_: Import) -> Import:
        """Takes in what is new or changed below a prefix, and tells what is gone."""
        tenant = project.name.split("/")[1]
        found = self._means.remote.objects(import_.url, tenant)
        await asyncio.to_thread(_drop, found, import_.position)
        while objects := await asyncio.to_thread(_take, found, _CHUNK):
            known = await store.objects_known(self._store, project.name, import_.source, objects)
            chunk = await asyncio.to_thread(self._fetch_new, project, objects, known)
            import_ = await self._admit(project, import_, chunk)
        gone = await store.objects_gone(self._store, project.name, import_)
        made = {**(import_.report or {}), "missing_count": len(gone)}
        return replace(import_, report={**made, "missing": gone[:_MISSING_SHOWN]})

    def _fetch_new(
        self, project: Project, objects: list[Object], known: dict[str, str]
    ) -> list[Entry]:
        return [self._object_entry(project, one, known.get(one.key)) for one in objects]

    def _object_entry(self, project: Project, one: Object, before: str | None) -> Entry:
        if before == one.stamp:
            return Entry(one.key, stamp=one.stamp, known=True)
        try:
            content = self._means.remote.read(one.url, project.name.split("/")[1])
        except Refused as refused:
            # Noted as it was before, so that the next sync tries again.
            return Entry(one.key, reason=str(refused), stamp=before or "")
        try:
            item = archives.item_of(one.key[:500], content, project, self._means.blobs)
        except Refused as refused:
            return Entry(one.key, reason=str(refused), stamp=one.stamp)
        if before is not None:
            # Its content changed: that is another item, beside the one there was.
            item = replace(item, source_key=f"{one.key[:400]}@{one.stamp[:64]}")
        return Entry(one.key, item, stamp=one.stamp)

    # -- batches -----------------------------------------------------------------------------

    async def _admit(self, project: Project, import_: Import, chunk: list[Entry]) -> Import:
        new = [entry for entry in chunk if not entry.known]
        candidates = await asyncio.to_thread(self._candidates, project, import_, new)
        hold = import_.refused_count < MAX_HELD

        async def work(unit: Unit) -> Import:
            settled = await self._means.admission.admit(
                unit, project, import_.dataset, candidates, hold
            )
            after = self._advanced(import_, chunk, candidates, settled)
            unit.put(store.IMPORTS, store.import_doc(after))
            store.keep_objects(unit, project.name, import_, chunk)
            return after

        return await self._store.transact(work)

    def _candidates(self, project: Project, import_: Import, chunk: list[Entry]) -> list[Candidate]:
        """Every entry as a candidate, in order, cleaned."""
        items = [replace(e.item, import_id=import_.id) for e in chunk if e.item is not None]
        checked = iter(self._means.admission.check(project, items))
        nothing = NewItem("", import_id=import_.id)
        made = [
            Candidate(nothing, entry.key[:500], refused=Finding(MALFORMED, entry.reason))
            if entry.item is None
            else _keyed(next(checked), entry.key)
            for entry in chunk
        ]
        return self._means.admission.clean(project, made)

    def _advanced(
        self,
        import_: Import,
        chunk: list[Entry],
        candidates: list[Candidate],
        settled: list[Settled],
    ) -> Import:
        count = [one.outcome for one in settled].count
        after = domain.advance(
            import_,
            import_.position + len(chunk),
            count(Outcome.ADMITTED),
            count(Outcome.DUPLICATE) + sum(entry.known for entry in chunk),
            count(Outcome.REFUSED),
            self._clock.now(),
        )
        return replace(after, report=report.grown(import_.report, candidates, settled))

    async def _save(self, import_: Import) -> Import:
        async def work(unit: Unit) -> Import:
            unit.put(store.IMPORTS, store.import_doc(import_))
            return import_

        return await self._store.transact(work)


def _keyed(one: Candidate, key: str) -> Candidate:
    """Refusals name the item's own key, or the line it stood in."""
    return one if one.key else replace(one, key=key[:500])


def _drop(found: Iterator[Any], count: int) -> None:
    for _ in itertools.islice(found, count):
        pass


def _take(found: Iterator[Any], count: int) -> list[Any]:
    return list(itertools.islice(found, count))
