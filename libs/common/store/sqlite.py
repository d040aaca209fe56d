"""The embedded store: one SQLite file a service, write-ahead log, one writer.

Reads run in the event loop on a connection of their own (tens of microseconds).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import orjson

from libs.common.bus import Event, Lag
from libs.common.errors import AlreadyExists, Conflict
from libs.common.sqlite import Writer, connect, full_sync, path_of
from libs.common.store import Above, Below, Collection, Doc, Staged, Unit, Units, Work

T = TypeVar("T")
_CHUNK = 500


class SqliteStore:
    """`libs.common.store.Store` over one file."""

    def __init__(self, url: str, service: str) -> None:
        self._path, self._full = path_of(url) / f"{service}.db", full_sync(url)
        self._name = f"store-{service}"
        self._units = Units(self, self._commit)
        self._notify: Callable[[], None] = lambda: None
        self._sql: dict[Collection, _Statements] = {}
        self._places: dict[str, int] = {}

    async def open(self, collections: Sequence[Collection]) -> None:
        self._writer = Writer(self._path, self._name, full=self._full)
        self._reader = connect(self._path)
        self._sql = {c: _Statements(c) for c in collections}
        for statements in self._sql.values():
            statements.make(self._writer.connection)
        self._writer.connection.execute(
            "CREATE TABLE IF NOT EXISTS outbox(seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT,"
            " topic TEXT, type TEXT, key TEXT, time TEXT, payload BLOB, traceparent TEXT)"
        )

    async def close(self) -> None:
        await self._writer.close()
        self._reader.close()

    async def get(self, collection: Collection, name: str) -> Doc | None:
        row = self._reader.execute(self._sql[collection].get, (name,)).fetchone()
        return None if row is None else orjson.loads(row[0])

    async def get_many(self, collection: Collection, names: Sequence[str]) -> dict[str, Doc]:
        found: dict[str, Doc] = {}
        for start in range(0, len(names), _CHUNK):
            chunk = names[start : start + _CHUNK]
            marks = ",".join("?" * len(chunk))
            sql = f"SELECT name, doc FROM {collection.name} WHERE name IN ({marks})"  # noqa: S608
            found.update((n, orjson.loads(d)) for n, d in self._reader.execute(sql, chunk))
        return found

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
        sql, values = _query(collection, where, order, descending, after)
        rows = self._reader.execute(f"{sql} LIMIT ?", [*values, limit])
        return [orjson.loads(doc) for (doc,) in rows]

    async def transact(self, work: Work[T]) -> T:
        return await self._units.run(work)

    async def pending_events(self, limit: int) -> list[Event]:
        rows = self._reader.execute(
            "SELECT seq, id, topic, type, key, time, payload, traceparent FROM outbox"
            " ORDER BY seq LIMIT ?",
            (limit,),
        ).fetchall()
        self._places.update((row[1], row[0]) for row in rows)
        return [Event(*row[1:]) for row in rows]

    async def published(self, events: Sequence[Event]) -> None:
        # By place: the id has no index.
        known = [self._places.pop(event.id, None) for event in events]
        places = [(place,) for place in known if place is not None]
        await self._writer.write(
            lambda c: c.executemany("DELETE FROM outbox WHERE seq = ?", places), len(places)
        )

    async def unpublished(self) -> Lag:
        # Events leave in the order they came, so that first and last say how many there are.
        row = self._reader.execute(
            "SELECT time, (SELECT max(seq) FROM outbox) - seq + 1 FROM outbox ORDER BY seq LIMIT 1"
        ).fetchone()
        return Lag() if row is None else Lag(row[1], row[0])

    def on_emit(self, notify: Callable[[], None]) -> None:
        self._notify = notify

    async def _commit(self, unit: Unit) -> None:
        if unit.empty:
            return
        await self._writer.write(lambda connection: self._apply(connection, unit), unit.size)
        if unit.events:
            self._notify()

    def _apply(self, connection: sqlite3.Connection, unit: Unit) -> None:
        for collection, staged in unit.staged.items():
            self._sql[collection].apply(connection, staged)
        connection.executemany(
            "INSERT INTO outbox(id, topic, type, key, time, payload, traceparent)"
            " VALUES (?,?,?,?,?,?,?)",
            [(e.id, e.topic, e.type, e.key, e.time, e.payload, e.traceparent) for e in unit.events],
        )


class _Statements:
    """The SQL of one collection, made once."""

    def __init__(self, collection: Collection) -> None:
        self.table, self.fields = collection.name, collection.fields
        table = self.table
        columns = "".join(f", {f}" for f in self.fields)
        marks = ",?" * len(self.fields)
        updates = "".join(f", {f}=excluded.{f}" for f in self.fields)
        self.schema = (
            f"CREATE TABLE IF NOT EXISTS {table}"
            f"(name TEXT PRIMARY KEY, version INTEGER, doc BLOB{columns})"
        )
        self.indexes = [
            # Partial: a document that lacks the first field is in no index.
            f"CREATE INDEX IF NOT EXISTS {table}_{'_'.join(i)} ON {table}({', '.join(i)})"
            f" WHERE {i[0]} IS NOT NULL"
            for i in collection.indexes
        ]
        self.get = f"SELECT doc FROM {table} WHERE name = ?"  # noqa: S608
        self.insert = f"INSERT INTO {table}(name, version, doc{columns}) VALUES (?,?,?{marks})"  # noqa: S608
        self.upsert = (
            f"{self.insert} ON CONFLICT(name) DO UPDATE SET"
            f" version=excluded.version, doc=excluded.doc{updates}"
        )
        sets = "".join(f", {f}=?" for f in self.fields)
        self.update = f"UPDATE {table} SET version=?, doc=?{sets} WHERE name=? AND version=?"  # noqa: S608
        self.delete = f"DELETE FROM {table} WHERE name = ?"  # noqa: S608

    def make(self, connection: sqlite3.Connection) -> None:
        """Make the table with its indexes; a file of an earlier release gets what it lacks."""
        connection.execute(self.schema)
        if self._lacking(connection):
            self._add_columns(connection)
        for index in self.indexes:
            connection.execute(index)

    def _lacking(self, connection: sqlite3.Connection) -> list[str]:
        known = {row[1] for row in connection.execute(f"PRAGMA table_info({self.table})")}
        return [field for field in self.fields if field not in known]

    def _add_columns(self, connection: sqlite3.Connection) -> None:
        """Add columns and fill them from the documents, both or neither."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            # Another process may have done so meanwhile.
            for field in self._lacking(connection):
                connection.execute(f"ALTER TABLE {self.table} ADD COLUMN {field}")
                value = f"json_extract(CAST(doc AS TEXT), '$.{field}')"
                connection.execute(f"UPDATE {self.table} SET {field} = {value}")  # noqa: S608
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def apply(self, connection: sqlite3.Connection, staged: Staged) -> None:
        self._insert(connection, staged.inserts)
        free = [self._row(d) for d in staged.overwrites.values()]
        free += [self._row(d) for n, d in staged.puts.items() if n not in staged.bases]
        if free:
            connection.executemany(self.upsert, free)
        if staged.bases:
            self._put(connection, staged)
        if staged.deletes:
            connection.executemany(self.delete, [(name,) for name in staged.deletes])
        for name, deltas in staged.counts.items():
            self._count(connection, name, deltas)

    def _row(self, doc: Doc) -> tuple[Any, ...]:
        get = doc.get
        return (doc["name"], get("version"), orjson.dumps(doc), *[get(f) for f in self.fields])

    def _insert(self, connection: sqlite3.Connection, docs: list[Doc]) -> None:
        if not docs:
            return
        try:
            connection.executemany(self.insert, [self._row(doc) for doc in docs])
        except sqlite3.IntegrityError as error:
            raise AlreadyExists(f"a name of this batch exists already: {error}") from error

    def _put(self, connection: sqlite3.Connection, staged: Staged) -> None:
        guarded = [(staged.puts[name], base) for name, base in staged.bases.items()]
        self._insert(connection, [doc for doc, base in guarded if not base])
        later = [(*self._row(d)[1:], d["name"], base) for d, base in guarded if base]
        if later and connection.executemany(self.update, later).rowcount != len(later):
            raise Conflict("a document changed meanwhile")

    def _count(self, connection: sqlite3.Connection, name: str, deltas: dict[str, float]) -> None:
        row = connection.execute(self.get, (name,)).fetchone()
        doc: Doc = orjson.loads(row[0]) if row else {"name": name}
        for key, delta in deltas.items():
            doc[key] = doc.get(key, 0) + delta
        connection.execute(self.upsert, self._row(doc))


def _query(
    collection: Collection,
    where: Mapping[str, Any],
    order: tuple[str, ...],
    descending: bool,
    after: tuple[Any, ...] | None,
) -> tuple[str, list[Any]]:
    terms, values = [], []
    for name, value in where.items():
        sign = "="
        if isinstance(value, Above | Below):
            sign = (">" if isinstance(value, Above) else "<") + ("=" if value.equal else "")
            value = value.value
        terms.append(f"{name} {sign} ?")
        values.append(value)
    if after is not None:
        marks = ",".join("?" * len(order))
        terms.append(f"({','.join(order)}) {'<' if descending else '>'} ({marks})")
        values.extend(after)
    clause = f" WHERE {' AND '.join(terms)}" if terms else ""
    direction = " DESC" if descending else ""
    by = ", ".join(f"{name}{direction}" for name in order)
    return f"SELECT doc FROM {collection.name}{clause} ORDER BY {by}", values  # noqa: S608
