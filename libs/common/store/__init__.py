"""A service's store: documents in named collections, changed by units of work.

Reads see what is committed. Writes are staged in a `Unit` and applied in one short
transaction when the work function returns, together with the events it emitted (the
transactional outbox). A document with a `version` is guarded: version 1 must be new, any
other must replace exactly its predecessor; where another writer was first, the whole work
function runs again on fresh reads. So a work function must have no effect but its unit.

    async def work(unit: Unit) -> Task:
        task = from_doc(Task, await unit.get(TASKS, name))
        ...
        unit.put(TASKS, to_doc(changed))
        unit.emit(key, event_message)
    task = await store.transact(work)

Inside a work function (and whatever it awaits) `store.transact` joins the running unit, so
an event's effect, its inbox mark and its own events are one transaction.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from google.protobuf.message import Message

from libs.common.bus import Event, Lag, make_event
from libs.common.errors import AlreadyExists, Conflict, Unavailable

Doc = dict[str, Any]
T = TypeVar("T")
Work = Callable[["Unit"], Awaitable[T]]
ATTEMPTS = 24
_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 0.0005, 0.05


@dataclass(frozen=True)
class Collection:
    """A named set of documents keyed by `name`.

    `indexes` are tuples of top-level fields; `find` must be able to use one of them:
    equality on its first fields, order by the rest. By `name` one can always page: names
    below one parent share their beginning (`find_below`).
    """

    name: str
    indexes: tuple[tuple[str, ...], ...] = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """Every field that some index needs, in a fixed order."""
        return tuple(dict.fromkeys(f for index in self.indexes for f in index if f != "name"))


@dataclass(frozen=True)
class Above:
    """In `where`: strictly greater than (or, with `equal`, at least) the value."""

    value: Any
    equal: bool = False


@dataclass(frozen=True)
class Below:
    """In `where`: strictly less than (or, with `equal`, at most) the value."""

    value: Any
    equal: bool = False


# Far below what any bus takes, large enough to share its cost.
PART_BYTES = 600_000
INBOX = Collection("inbox", indexes=(("time",),))
DEAD_LETTERS = Collection("dead_letters", indexes=(("time", "name"),))
# Steps of `libs.common.upgrades` that this store has.
STEPS = Collection("upgrade_steps")


class Reader(Protocol):
    """What can be read, inside a unit of work and outside it."""

    async def get(self, collection: Collection, name: str) -> Doc | None: ...

    async def get_many(self, collection: Collection, names: Sequence[str]) -> dict[str, Doc]: ...

    async def find(
        self,
        collection: Collection,
        where: Mapping[str, Any],
        *,
        order: tuple[str, ...] = ("name",),
        descending: bool = False,
        after: tuple[Any, ...] | None = None,
        limit: int = 100,
    ) -> list[Doc]:
        """Committed documents that match every field of `where`.

        `after` holds the values of the `order` fields of the last document already seen.
        """
        ...


async def find_below(
    reader: Reader, collection: Collection, prefix: str, after: str, limit: int
) -> list[Doc]:
    """Documents whose name begins with the prefix, in name order, behind `after`."""
    start = Above(after or prefix)
    docs = await reader.find(collection, {"name": start}, limit=limit)
    return [doc for doc in docs if doc["name"].startswith(prefix)]


async def every(
    reader: Reader | Unit, collection: Collection, where: Mapping[str, Any], size: int = 500
) -> AsyncIterator[Doc]:
    """Every committed document that matches, in name order, read in pages of `size`."""
    after: tuple[Any, ...] | None = None
    while True:
        docs = await reader.find(collection, where, after=after, limit=size)
        for doc in docs:
            yield doc
        if len(docs) < size:
            return
        after = (docs[-1]["name"],)


class Store(Reader, Protocol):
    """One service's own documents, outbox and inbox."""

    async def open(self, collections: Sequence[Collection]) -> None: ...

    async def close(self) -> None: ...

    async def transact(self, work: Work[T]) -> T: ...

    async def pending_events(self, limit: int) -> list[Event]:
        """Outbox events not yet published, oldest first."""
        ...

    async def published(self, events: Sequence[Event]) -> None:
        """Takes events out of the outbox once the bus has them."""
        ...

    async def unpublished(self) -> Lag:
        """How many events the outbox holds and since when; the count may stop at a limit."""
        ...

    def on_emit(self, notify: Callable[[], None]) -> None:
        """Calls `notify` after every commit that put events into the outbox."""
        ...


@dataclass
class Staged:
    """The writes of one unit to one collection.

    `bases`: the stored version that a put must find, 0 where the name must be new; a put
    without a version has none.
    """

    inserts: list[Doc] = field(default_factory=list)
    puts: dict[str, Doc] = field(default_factory=dict)
    bases: dict[str, int] = field(default_factory=dict)
    overwrites: dict[str, Doc] = field(default_factory=dict)
    deletes: list[str] = field(default_factory=list)
    counts: dict[str, dict[str, float]] = field(default_factory=dict)


class Unit:
    """One unit of work: committed reads plus its own staged writes."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.staged: dict[Collection, Staged] = {}
        self.events: list[Event] = []
        self.after_commit: list[Callable[[], None]] = []
        self.over = False

    async def get(self, collection: Collection, name: str) -> Doc | None:
        staged = self.staged.get(collection)
        doc = None if staged is None else staged.puts.get(name) or staged.overwrites.get(name)
        return doc or await self._reader.get(collection, name)

    async def get_many(self, collection: Collection, names: Sequence[str]) -> dict[str, Doc]:
        """Documents by name; names that are not there are left out."""
        found = await self._reader.get_many(collection, names)
        staged = self.staged.get(collection)
        if staged is not None and (staged.puts or staged.overwrites):
            mine = staged.overwrites | staged.puts
            found.update({n: mine[n] for n in names if n in mine})
        return found

    async def find(self, collection: Collection, where: Mapping[str, Any], **how: Any) -> list[Doc]:
        """As `Store.find`: sees what is committed, not what this unit staged."""
        return await self._reader.find(collection, where, **how)

    def mine(self, collection: Collection) -> list[Doc]:
        """What this unit staged in a collection: what `find` does not see yet."""
        staged = self.staged.get(collection)
        if staged is None:
            return []
        return [*staged.inserts, *(staged.overwrites | staged.puts).values()]

    def insert(self, collection: Collection, docs: Sequence[Doc]) -> None:
        """Adds new documents in bulk; a name that exists makes the unit run again."""
        self._of(collection).inserts.extend(docs)

    def put(self, collection: Collection, doc: Doc) -> None:
        """Writes the document; one with a `version` must follow its stored predecessor."""
        staged = self._of(collection)
        staged.puts[doc["name"]] = doc
        if version := doc.get("version"):
            # Put twice in a unit, the stored predecessor is still that of the first.
            staged.bases.setdefault(doc["name"], version - 1)

    def overwrite(self, collection: Collection, doc: Doc) -> None:
        """Writes the document whatever stands there: for copies of another service's resource."""
        self._of(collection).overwrites[doc["name"]] = doc

    def delete(self, collection: Collection, names: Sequence[str]) -> None:
        self._of(collection).deletes.extend(names)

    def count(self, collection: Collection, name: str, deltas: Mapping[str, float]) -> None:
        """Adds to numeric fields of a counter document, making it where it is missing."""
        counter = self._of(collection).counts.setdefault(name, {})
        for key, delta in deltas.items():
            counter[key] = counter.get(key, 0) + delta

    def emit(self, key: str, message: Message) -> None:
        """Puts an event into the outbox; it is published once the unit has committed."""
        self.events.append(make_event(key, message))

    def emit_all(
        self,
        key: str,
        event: Callable[..., Message],
        field: str,
        messages: Sequence[Message],
        **fields: Any,
    ) -> None:
        """Emits a repeated field in as many events as keep each at a size every bus likes."""
        part: list[Message] = []
        size = 0
        for message in messages:
            weight = message.ByteSize()
            if part and size + weight > PART_BYTES:
                self.emit(key, event(**fields, **{field: part}))
                part, size = [], 0
            part.append(message)
            size += weight
        if part:
            self.emit(key, event(**fields, **{field: part}))

    def _of(self, collection: Collection) -> Staged:
        return self.staged.setdefault(collection, Staged())

    @property
    def size(self) -> int:
        """Rows the unit writes."""
        return len(self.events) + sum(
            len(s.inserts) + len(s.puts) + len(s.overwrites) + len(s.deletes) + len(s.counts)
            for s in self.staged.values()
        )

    @property
    def empty(self) -> bool:
        return not self.staged and not self.events


async def keep_newest(unit: Unit, collection: Collection, docs: Sequence[Doc]) -> None:
    """Keeps each document unless one at least as new is there: copies that other services tell."""
    newest = await unit.get_many(collection, [doc["name"] for doc in docs])
    for doc in docs:
        known = newest.get(doc["name"])
        if known is None or known.get("version", 0) < doc.get("version", 0):
            unit.overwrite(collection, doc)
            newest[doc["name"]] = doc


Commit = Callable[[Unit], Awaitable[None]]


class Units:
    """Runs work functions: joins a running unit, commits, runs again on conflict."""

    def __init__(self, reader: Reader, commit: Commit) -> None:
        self._reader = reader
        self._commit = commit
        self._running: ContextVar[Unit | None] = ContextVar("running_unit", default=None)

    async def run(self, work: Work[T]) -> T:
        running = self._running.get()
        if running is not None and not running.over:
            return await work(running)
        for attempt in range(ATTEMPTS):
            unit = Unit(self._reader)
            token = self._running.set(unit)
            try:
                result = await work(unit)
            finally:
                self._running.reset(token)
                # A task that the work left running has the unit in its context, too late to join.
                unit.over = True
            try:
                await self._commit(unit)
            except (AlreadyExists, Conflict):
                await asyncio.sleep(_pause(attempt))
                continue
            for call in unit.after_commit:
                call()
            return result
        raise Unavailable("too many writers changed the same resource at once; try again")


def _pause(attempt: int) -> float:
    """Seconds, drawn so that writers who met do not meet again."""
    return random.random() * min(_PAUSE_SECONDS * 2**attempt, _LONGEST_PAUSE_SECONDS)  # noqa: S311


def make_store(url: str, service: str) -> Store:
    """The store at an address, not yet open: `sqlite:///folder` (one file a service) or
    `mongodb://...`."""
    scheme = url.split(":", 1)[0]
    if scheme == "sqlite":
        from libs.common.store.sqlite import SqliteStore

        return SqliteStore(url, service)
    if scheme.startswith("mongodb"):
        from libs.common.store.mongo import MongoStore

        return MongoStore(url, service)
    raise ValueError(f"STORE_URL must start with sqlite: or mongodb:, not {scheme}:")


async def open_store(url: str, service: str, collections: Sequence[Collection]) -> Store:
    """The store at an address, open; raises `Unavailable` where it is away."""
    store = make_store(url, service)
    await open_collections(store, collections)
    return store


async def open_collections(store: Store, collections: Sequence[Collection]) -> None:
    """Opens a store for a service's collections and those that every service has."""
    await store.open([*collections, INBOX, DEAD_LETTERS, STEPS])
