"""Works on an import: reads its entries in threads, a batch a unit of work, and goes on where a
restart left it.

No row, source or file ends an import in any other way than as a refusal, or as a FAILED import
with its reason.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import math
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from typing import IO, Any, TypeVar

from libs.common import names
from libs.common.blobs import Blobs
from libs.common.clock import Clock
from libs.common.errors import Fault, Invalid, NotFound, Unavailable
from libs.common.outage import Outage
from libs.common.store import Store, Unit
from services.intake import domain, store
from services.intake.admission import MALFORMED, Admission, Candidate, Settled
from services.intake.domain import Import, ImportState, NewItem, Outcome, Project, Refused
from services.intake.imports import report
from services.intake.imports.stopping import Stop, Stopped
from services.intake.imports.turns import Turn, Turns
from services.intake.probing import Finding
from services.intake.sources import OBJECTS, Broken, Entry, archives, entries
from services.intake.sources.entry import OF_DATA
from services.intake.sources.remote import Object, Remote, copy

T = TypeVar("T")
_CHUNK, _CHUNK_BYTES, _CHUNK_SECONDS = 500, 32_000_000, 5.0
_OBJECTS_AT_ONCE = 50
_AWAY_SECONDS = 0.5
log = logging.getLogger(__name__)
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
    turns: Turns


@dataclass(frozen=True)
class _Job:
    """One import at work: of a project, ended by `stop`, its blocking parts in `threads`."""

    project: Project
    stop: Stop
    threads: Executor

    @property
    def tenant(self) -> str:
        return self.project.name.split("/")[1]

    async def apart(self, call: Callable[..., T], *args: Any) -> T:
        """Run a call that blocks beside the event loop."""
        return await asyncio.get_running_loop().run_in_executor(self.threads, call, *args)


class Importing:
    """Works on one import until it is done, is stopped or has to wait."""

    def __init__(self, means: Means, project: Callable[[str], Any]) -> None:
        self._means, self._project = means, project
        self._store, self._clock = means.store, means.clock

    async def run(self, import_: Import, stop: Stop, threads: Executor) -> None:
        """Whatever is wrong with a source ends in refusals or in a FAILED import; whatever is wrong
        here in another try, a few times."""
        try:
            import_ = await self._save(domain.begin(import_, self._clock.now()))
            project = await self._project(names.project_of(import_.name))
            import_ = await self._done(_Job(project, stop, threads), import_)
        except Stopped:
            log.info("%s was stopped", import_.name)
        except (Broken, Refused, NotFound, Invalid) as broken:
            await self._end(import_, str(broken))
        except Unavailable as away:
            await self._wait(import_, away)
        except Exception as error:
            log.exception("%s was interrupted", import_.name)
            await self._trouble(import_, error)
        else:
            await self._end(import_, "")

    async def _done(self, job: _Job, import_: Import) -> Import:
        if import_.format == OBJECTS:
            return await self._sync(job, import_)
        return await self._read(job, await self._fetched(job, import_))

    async def _end(self, import_: Import, reason: str) -> None:
        """SUCCEEDED or FAILED, unless somebody else has ended it."""

        def ended(current: Import) -> Import:
            report_ = import_.report if not reason else current.report
            return domain.finish(replace(current, report=report_), self._clock.now(), reason)

        await self._change(import_, ended)

    async def _wait(self, import_: Import, away: Unavailable) -> None:
        """Notes that this was no try of the import's; where the store lacks room, too, once it has
        some again: else a disk that is full now and then would use the tries up."""
        outage = Outage(f"{import_.name}: what it needs")
        while True:
            outage.note(str(away))
            try:
                await self._change(
                    import_,
                    lambda current: domain.waiting(current, outage.reason, self._clock.now()),
                )
                return
            except Unavailable as still:
                away = still
                await asyncio.sleep(_AWAY_SECONDS)

    async def _trouble(self, import_: Import, error: Exception) -> None:
        words = str(error) if isinstance(error, Fault) else type(error).__name__
        await self._change(
            import_, lambda current: domain.troubled(current, words, self._clock.now())
        )

    async def _change(self, import_: Import, make: Callable[[Import], Import]) -> None:
        """Changes the import as it now is, while it is RUNNING."""

        async def work(unit: Unit) -> None:
            current = await store.import_by_name(unit, import_.name)
            if current is not None and current.state in (ImportState.RUNNING, ImportState.PENDING):
                unit.put(store.IMPORTS, store.import_doc(make(current)))

        await self._store.transact(work)

    async def _fetched(self, job: _Job, import_: Import) -> Import:
        """With the file that the URL leads to as its blob."""
        if not import_.url or import_.blob:
            return import_
        ending = import_.source.rsplit("/", 1)[-1]
        name = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "-" for c in ending)
        path = f"uploads/{job.tenant}/{import_.id}/{name.strip('.-')[-100:].strip('.-') or 'file'}"

        def fetch() -> None:
            with self._means.blobs.write(path) as file:
                copy(job.stop.watched(self._means.remote.blocks(import_.url, job.tenant)), file)

        await job.apart(fetch)
        return await self._save(domain.fetched(import_, path, self._clock.now()))

    async def _read(self, job: _Job, import_: Import) -> Import:
        with (
            await job.apart(self._opened, import_.blob) as file,
            closing(_Reader(self._means, job, import_, file)) as reader,
        ):
            await job.apart(reader.drop, import_.position)
            while chunk := await job.apart(reader.take):
                import_ = await self._admit(job, import_, chunk)
        return import_

    def _opened(self, blob: str) -> IO[bytes]:
        try:
            return self._means.blobs.read(blob)
        except OSError as error:
            raise Broken(f"the upload cannot be read ({type(error).__name__})") from error

    # -- buckets -----------------------------------------------------------------------------

    async def _sync(self, job: _Job, import_: Import) -> Import:
        """Takes in what is new or changed below a prefix, and tells what is gone."""
        project = job.project
        found = job.stop.watched(self._means.remote.objects(import_.url, job.tenant))
        await job.apart(_drop, found, import_.position)
        while objects := await job.apart(_take, found, _OBJECTS_AT_ONCE):
            known = await store.objects_known(self._store, project.name, import_.source, objects)
            chunk = await job.apart(self._fetch_new, job, objects, known)
            import_ = await self._admit(job, import_, chunk)
        gone = await store.objects_gone(self._store, project.name, import_)
        made = {**(import_.report or {}), "missing_count": len(gone)}
        return replace(import_, report={**made, "missing": gone[:_MISSING_SHOWN]})

    def _fetch_new(self, job: _Job, objects: list[Object], known: dict[str, str]) -> list[Entry]:
        watched = job.stop.watched(objects)
        return [self._object_entry(job, one, known.get(one.key)) for one in watched]

    def _object_entry(self, job: _Job, one: Object, before: str | None) -> Entry:
        if before == one.stamp:
            return Entry(one.key, stamp=one.stamp, known=True)
        try:
            content = self._means.remote.read(one.url, job.tenant, job.stop)
        except Refused as refused:
            # Noted as it was before, so that the next sync tries again.
            return Entry(one.key, reason=str(refused), stamp=before or "")
        try:
            item = archives.item_of(one.key, content, job.project, self._means.blobs)
        except Refused as refused:
            return Entry(one.key, reason=str(refused), stamp=one.stamp)
        if before is not None:
            # Its content changed: that is another item, beside the one there was.
            item = replace(item, source_key=f"{one.key[:400]}@{one.stamp[:64]}")
        return Entry(one.key, item, stamp=one.stamp)

    # -- batches -----------------------------------------------------------------------------

    async def _admit(self, job: _Job, import_: Import, chunk: list[Entry]) -> Import:
        """Takes a batch in; an entry that nobody foresaw is found by halves and refused."""
        try:
            return await self._admit_whole(job, import_, chunk)
        except OF_DATA as error:
            if len(chunk) == 1 and chunk[0].item is None:
                raise
            log.exception("entries of %s cannot be taken in", import_.name)
            if len(chunk) == 1:
                words = f"cannot be taken in ({type(error).__name__})"
                return await self._admit_whole(job, import_, [Entry(chunk[0].key, reason=words)])
        middle = len(chunk) // 2
        import_ = await self._admit(job, import_, chunk[:middle])
        return await self._admit(job, import_, chunk[middle:])

    async def _admit_whole(self, job: _Job, import_: Import, chunk: list[Entry]) -> Import:
        new = [entry for entry in chunk if not entry.known]
        candidates = await job.apart(self._candidates, job.project, import_, new)
        hold = import_.refused_count < MAX_HELD

        async def work(unit: Unit) -> Import:
            current = await store.import_by_name(unit, import_.name)
            if current is None or current.version != import_.version:
                raise Stopped
            settled = await self._means.admission.admit(
                unit, job.project, import_.dataset, candidates, hold
            )
            after = self._advanced(import_, chunk, candidates, settled)
            unit.put(store.IMPORTS, store.import_doc(after))
            store.keep_objects(unit, job.project.name, import_, chunk)
            return after

        return await self._store.transact(work)

    def _candidates(self, project: Project, import_: Import, chunk: list[Entry]) -> list[Candidate]:
        """Every entry as a candidate, in order, cleaned."""
        items = [replace(e.item, import_id=import_.id) for e in chunk if e.item is not None]
        checked = iter(self._means.admission.check(project, items))
        nothing = NewItem("", import_id=import_.id)
        made = [
            Candidate(nothing, _key(entry), refused=Finding(MALFORMED, entry.reason))
            if entry.item is None
            else _keyed(next(checked), entry)
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
        """Keeps the next version; raises `Stopped` where that is another's by now."""

        async def work(unit: Unit) -> Import:
            current = await store.import_by_name(unit, import_.name)
            if current is None or current.version != import_.version - 1:
                raise Stopped
            unit.put(store.IMPORTS, store.import_doc(import_))
            return import_

        return await self._store.transact(work)


class _Reader:
    """Reads the entries of a file in turns with other tenants; waits for networks without one."""

    def __init__(self, means: Means, job: _Job, import_: Import, file: IO[bytes]) -> None:
        self._means, self._job = means, job
        self._entries = entries(file, import_, job.project, means.blobs, self._remote)
        self._turn: Turn | None = None

    def drop(self, count: int) -> None:
        """Read past entries that are done with."""
        self._next(count, math.inf, math.inf)

    def take(self) -> list[Entry]:
        """Return the next entries: so many, of so many bytes, or what came in so many seconds."""
        return self._next(_CHUNK, _CHUNK_BYTES, _CHUNK_SECONDS)

    def close(self) -> None:
        # Of a lane that is cut off a thread may be reading still: it ends by itself.
        with suppress(ValueError):
            self._entries.close()

    def _next(self, count: int, most: float, seconds: float) -> list[Entry]:
        made: list[Entry] = []
        size, ends = 0, time.monotonic() + seconds
        with self._means.turns.turn(self._job.tenant) as self._turn:
            for entry in itertools.islice(self._job.stop.watched(self._entries), count):
                if most < math.inf:
                    made.append(entry)
                size += 0 if entry.item is None else len(entry.item.data)
                if size > most or time.monotonic() > ends:
                    break
                self._turn.share()
        return made

    def _remote(self, name: str) -> bytes:
        if "://" not in name:
            raise Refused(f"{name[:200]}: names a file; import it within an archive")
        if self._turn is None:
            raise RuntimeError("files are read in turns")
        with self._turn.away():
            return self._means.remote.read(name, self._job.tenant, self._job.stop)


def _key(entry: Entry) -> str:
    return domain.readable(entry.key, domain.KEY_LIMIT)


def _keyed(one: Candidate, entry: Entry) -> Candidate:
    """Refusals name the item's own key, or the line it stood in."""
    return one if one.key else replace(one, key=_key(entry))


def _drop(found: Iterator[Any], count: int) -> None:
    for _ in itertools.islice(found, count):
        pass


def _take(found: Iterator[Any], count: int) -> list[Any]:
    return list(itertools.islice(found, count))
