"""MongoDB: one database a service, replica set required (transactions).

`motor` by default, `pymongo.AsyncMongoClient` with `?driver=pymongo` in the address; this file is
the only one that names them. Writes are acknowledged by a majority and journalled, reads see
what a majority has. A unit of work is one short transaction at its end. Every operation has a
deadline, retries included: a server that hangs, a change of primary or a network that swallows
answers ends in `Unavailable`.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pymongo
from bson import Binary
from bson.errors import InvalidDocument
from pymongo import DeleteMany, InsertOne, ReplaceOne, UpdateOne
from pymongo.errors import (
    BulkWriteError,
    ConnectionFailure,
    DuplicateKeyError,
    ExecutionTimeout,
    NotPrimaryError,
    OperationFailure,
    PyMongoError,
)
from pymongo.read_preferences import ReadPreference

from libs.common.bus import Event, Lag
from libs.common.errors import AlreadyExists, Conflict, Invalid, Unavailable
from libs.common.store import Above, Below, Collection, Doc, Staged, Unit, Units, Work

T = TypeVar("T")
_TRANSIENT, _UNKNOWN = "TransientTransactionError", "UnknownTransactionCommitResult"
_RETRYABLE = "RetryableWriteError"
_DUPLICATE, _WRITE_CONFLICT = 11000, 112
# Shutting down, stepping down, not (yet) primary, no majority in time: all of them pass.
_AWAY_CODES = {64, 91, 133, 189, 10107, 11600, 11602, 13435, 13436}
_TRIES = 8
_DOT, _DOLLAR = "\uff0e", "\uff04"
_OPTIONS: dict[str, Any] = {
    "w": "majority",
    "journal": True,
    "readConcernLevel": "majority",
    "retryWrites": True,
    "tz_aware": True,
}
_PATIENCE = {"serverSelectionTimeoutMS": "5000", "connectTimeoutMS": "5000"}
# An operation, or a unit of work with all its retries; and opening, which may build indexes.
_SECONDS, _OPEN_SECONDS = 10.0, 600.0
# Beyond this the outbox is only said to hold so many.
_COUNTED = 10_000


def _client(url: str) -> Any:
    """A client of the driver the address asks for."""
    parts = urlsplit(url)
    options = _PATIENCE | dict(parse_qsl(parts.query))
    driver = options.pop("driver", "motor")
    plain = urlunsplit(parts._replace(query=urlencode(options), path="/"))
    if driver == "pymongo":
        from pymongo import AsyncMongoClient

        return AsyncMongoClient(plain, **_OPTIONS)
    from motor.motor_asyncio import AsyncIOMotorClient

    return AsyncIOMotorClient(plain, io_loop=asyncio.get_running_loop(), **_OPTIONS)


def database_name(url: str, service: str) -> str:
    """`labelmill_<service>`, or the address's path as prefix."""
    prefix = urlsplit(url).path.strip("/") or "labelmill"
    return f"{prefix}_{service}"


async def _now(value: Any) -> Any:
    """Awaits where the driver's call must be awaited: the two drivers differ in that."""
    return await value if inspect.isawaitable(value) else value


class MongoStore:
    """`libs.common.store.Store` over one database."""

    def __init__(self, url: str, service: str) -> None:
        self._client = _client(url)
        self._db = self._client.get_database(
            database_name(url, service), read_preference=ReadPreference.PRIMARY
        )
        self._units = Units(self, self._commit)
        self._notify: Callable[[], None] = lambda: None

    async def open(self, collections: Sequence[Collection]) -> None:
        async with _reachable():
            hello = await self._client.admin.command("hello")
            if "setName" not in hello and hello.get("msg") != "isdbgrid":
                raise Unavailable("MongoDB must run as a replica set: transactions need one")
        self._assert_durable()
        async with _reachable(_OPEN_SECONDS):
            for collection in collections:
                table = self._db[collection.name]
                for index in collection.indexes:
                    await table.create_index([(_field(f), 1) for f in index])
            await self._db["outbox"].create_index([("seq", 1)])

    def _assert_durable(self) -> None:
        """The driver's own word that nothing in the address weakened what is promised."""
        writes, reads = self._db.write_concern.document, self._db.read_concern.level
        if writes.get("w") != "majority" or not writes.get("j") or reads != "majority":
            raise Unavailable(f"writes are {writes}, reads {reads}: both must be by majority")

    async def close(self) -> None:
        await _now(self._client.close())

    async def get(self, collection: Collection, name: str) -> Doc | None:
        async with _reachable():
            return _read(await self._db[collection.name].find_one({"_id": name}))

    async def get_many(self, collection: Collection, names: Sequence[str]) -> dict[str, Doc]:
        async with _reachable():
            cursor = self._db[collection.name].find({"_id": {"$in": list(names)}})
            found = await cursor.to_list(len(names) or 1)
        return {doc["_id"]: _decoded(doc) for doc in found}

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
        terms: list[Doc] = [{_field(k): _condition(v)} for k, v in where.items()]
        if after is not None:
            terms.append({"$or": _behind(order, after, "$lt" if descending else "$gt")})
        way = -1 if descending else 1
        async with _reachable():
            cursor = self._db[collection.name].find({"$and": terms} if terms else {})
            cursor = cursor.sort([(_field(f), way) for f in order]).limit(limit)
            return [_decoded(doc) for doc in await cursor.to_list(limit)]

    async def transact(self, work: Work[T]) -> T:
        return await self._units.run(work)

    async def pending_events(self, limit: int) -> list[Event]:
        async with _reachable():
            cursor = self._db["outbox"].find({}).sort([("seq", 1)]).limit(limit)
            return [_event(doc) for doc in await cursor.to_list(limit)]

    async def published(self, events: Sequence[Event]) -> None:
        async with _reachable():
            await self._db["outbox"].delete_many({"_id": {"$in": [e.id for e in events]}})

    async def unpublished(self) -> Lag:
        async with _reachable():
            outbox = self._db["outbox"]
            oldest = await outbox.find_one({}, {"time": 1}, sort=[("seq", 1)])
            if oldest is None:
                return Lag()
            return Lag(await outbox.count_documents({}, limit=_COUNTED), oldest["time"])

    def on_emit(self, notify: Callable[[], None]) -> None:
        self._notify = notify

    # -- committing ---------------------------------------------------------------------------

    async def _commit(self, unit: Unit) -> None:
        if unit.empty:
            return
        async with _reachable():
            if unit.size == 1 and not unit.events:
                await self._apply(unit, None)
            else:
                await self._in_transaction(lambda session: self._apply(unit, session))
        if unit.events:
            self._notify()

    async def _in_transaction(self, call: Callable[[Any], Awaitable[None]]) -> None:
        """The one place that tries a transaction again, as its labels say it may be."""
        for attempt in range(_TRIES):
            session = await _now(self._client.start_session())
            try:
                await _now(session.start_transaction())
                await call(session)
                await self._finish(session)
                return
            except PyMongoError as error:
                if session.in_transaction:
                    await session.abort_transaction()
                if not error.has_error_label(_TRANSIENT) or attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(0.005 * 2**attempt)
            except BaseException:
                if session.in_transaction:
                    await session.abort_transaction()
                raise
            finally:
                await _now(session.end_session())

    async def _finish(self, session: Any) -> None:
        for attempt in range(_TRIES):
            try:
                await session.commit_transaction()
                return
            except PyMongoError as error:
                if not error.has_error_label(_UNKNOWN) or attempt == _TRIES - 1:
                    raise
                await asyncio.sleep(0.05 * 2**attempt)

    async def _apply(self, unit: Unit, session: Any) -> None:
        for collection, staged in unit.staged.items():
            await self._write(self._db[collection.name], staged, session)
        if unit.events:
            first = unit.events[0].time
            docs = [_outbox_doc(e, f"{first}/{i:08}") for i, e in enumerate(unit.events)]
            await self._db["outbox"].insert_many(docs, ordered=False, session=session)

    async def _write(self, table: Any, staged: Staged, session: Any) -> None:
        guarded = [(staged.puts[name], base) for name, base in staged.bases.items()]
        new = [*staged.inserts, *(doc for doc, base in guarded if not base)]
        free = [*staged.overwrites.values()]
        free += [doc for name, doc in staged.puts.items() if name not in staged.bases]
        writes: list[Any] = [InsertOne(_encoded(doc)) for doc in new]
        writes += [ReplaceOne({"_id": d["name"]}, _encoded(d), upsert=True) for d in free]
        writes += [_counting(name, deltas) for name, deltas in staged.counts.items()]
        if staged.deletes:
            writes.append(DeleteMany({"_id": {"$in": staged.deletes}}))
        if writes:
            await _bulk(table, writes, session)
        later = [
            ReplaceOne({"_id": doc["name"], "version": base}, _encoded(doc))
            for doc, base in guarded
            if base
        ]
        if later and (await _bulk(table, later, session)).matched_count != len(later):
            raise Conflict("a document changed meanwhile")


async def _bulk(table: Any, writes: list[Any], session: Any) -> Any:
    try:
        return await table.bulk_write(writes, ordered=False, session=session)
    except BulkWriteError as error:
        codes = {e.get("code") for e in (error.details or {}).get("writeErrors", [])}
        if _DUPLICATE in codes:
            raise AlreadyExists("a name of this batch exists already") from error
        raise
    except DuplicateKeyError as error:
        raise AlreadyExists("a name of this batch exists already") from error


@asynccontextmanager
async def _reachable(seconds: float | None = None):  # type: ignore[no-untyped-def]
    """A database that is away, late, or busy with the same documents, in the house's own words."""
    try:
        with pymongo.timeout(seconds or _SECONDS):
            yield
    except (InvalidDocument, OverflowError) as wrong:
        raise Invalid(f"MongoDB cannot keep this: {wrong}") from wrong
    except PyMongoError as failure:
        raise _fault(failure) from failure


def _fault(failure: PyMongoError) -> Exception:
    """What a failure of the driver is to a service; the failure itself where it is a mistake."""
    away = (ConnectionFailure, NotPrimaryError, ExecutionTimeout)
    if failure.timeout or isinstance(failure, away):
        return Unavailable(f"MongoDB (STORE_URL) cannot be reached: {type(failure).__name__}")
    if isinstance(failure, OperationFailure):
        if failure.code == _WRITE_CONFLICT or failure.has_error_label(_TRANSIENT):
            return Conflict("another writer was first")
        if failure.code in _AWAY_CODES or failure.has_error_label(_RETRYABLE):
            return Unavailable(f"MongoDB (STORE_URL) cannot do it now: code {failure.code}")
    return failure


# -- documents -------------------------------------------------------------------------------


def _field(name: str) -> str:
    return "_id" if name == "name" else _key(name)


def _key(name: str) -> str:
    """Field names as MongoDB takes them: no dots, no leading dollar."""
    return name.replace(".", _DOT).replace("$", _DOLLAR) if "." in name or "$" in name else name


def _unkey(name: str) -> str:
    return name.replace(_DOT, ".").replace(_DOLLAR, "$") if not name.isascii() else name


def _encoded(doc: Doc) -> Doc:
    return {"_id": doc["name"], **{_key(k): v for k, v in doc.items()}}


def _decoded(doc: Doc) -> Doc:
    return {_unkey(k): v for k, v in doc.items() if k != "_id"}


def _read(doc: Doc | None) -> Doc | None:
    return None if doc is None else _decoded(doc)


def _condition(value: Any) -> Any:
    if isinstance(value, Above):
        return {"$gte" if value.equal else "$gt": value.value}
    if isinstance(value, Below):
        return {"$lte" if value.equal else "$lt": value.value}
    return value


def _behind(order: tuple[str, ...], after: tuple[Any, ...], sign: str) -> list[Doc]:
    """Tuple comparison, field by field: (a, b) > (x, y) is a > x or (a = x and b > y)."""
    terms = []
    for i, name in enumerate(order):
        equal = {_field(n): v for n, v in zip(order[:i], after[:i], strict=True)}
        terms.append({**equal, _field(name): {sign: after[i]}})
    return terms


def _counting(name: str, deltas: Mapping[str, float]) -> UpdateOne:
    changes = {_key(k): v for k, v in deltas.items()}
    update: Doc = {"$setOnInsert": {"name": name}}
    if changes:
        update["$inc"] = changes
    return UpdateOne({"_id": name}, update, upsert=True)


def _outbox_doc(event: Event, seq: str) -> Doc:
    """`seq` sorts by the unit's time, within the unit as emitted, whatever the clock did."""
    return {
        "_id": event.id,
        "seq": seq,
        "topic": event.topic,
        "type": event.type,
        "key": event.key,
        "time": event.time,
        "payload": Binary(event.payload),
        "traceparent": event.traceparent,
    }


def _event(doc: Doc) -> Event:
    return Event(
        doc["_id"],
        doc["topic"],
        doc["type"],
        doc["key"],
        doc["time"],
        bytes(doc["payload"]),
        doc["traceparent"],
    )
