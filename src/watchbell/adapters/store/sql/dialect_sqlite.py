"""SQLite: one writer at a time, readers beside it (WAL), every commit on disk (synchronous=FULL).

Several processes may share the file: a writer begins with BEGIN IMMEDIATE and waits up to `BUSY_SECONDS` for another
process, and in this process for the one connection that writes. Whoever waits longer gets `Retryable`.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Table, event, exc, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.sql.base import Executable

from watchbell.adapters.store.sql import tables
from watchbell.adapters.store.sql.dialect import Deferred, Upsertable
from watchbell.adapters.store.sql.types import read_json, write_json
from watchbell.domain.errors import Conflict, Invalid, Retryable, WatchbellError

BUSY_SECONDS = 10.0
READERS = 4
_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA cache_size=-32768",
    "PRAGMA mmap_size=1073741824",
)
_PASSING = {
    sqlite3.SQLITE_BUSY,
    sqlite3.SQLITE_LOCKED,
    sqlite3.SQLITE_IOERR,
    sqlite3.SQLITE_FULL,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_INTERRUPT,
    sqlite3.SQLITE_NOMEM,
    sqlite3.SQLITE_PROTOCOL,
}
_TAKEN = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


class SqliteDialect:
    """Expressions and statements of SQLite."""

    puts_off = False  # there is no way to a server to be saved

    def insert(self, table: Table) -> Upsertable:
        return sqlite.insert(table)

    def any_of(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        return column.in_(select(_each(list(values)).c.value))

    def rows_of(self, name: str, columns: Mapping[str, Sequence[Any]]) -> FromClause:
        each = _each(list(zip(*columns.values(), strict=True)))
        parts = [func.json_extract(each.c.value, f"$[{index}]").label(label) for index, label in enumerate(columns)]
        return select(*parts).subquery(name)

    def position(self, haystack: ColumnElement[Any], needle: ColumnElement[str]) -> ColumnElement[int]:
        return func.instr(haystack, needle)

    def json_text(self, column: ColumnElement[Any], key: str) -> ColumnElement[str]:
        # A path would need quoting that json_extract does not know; json_each compares the key itself.
        each = func.json_each(column).table_valued("key", "value", name="attribute")
        return select(each.c.value).where(each.c.key == key).scalar_subquery()

    def locks(self, keys: Sequence[int]) -> Executable | None:
        del keys
        return None

    def add_change(self, values: dict[str, Any]) -> Executable:
        return self.insert(tables.changes).inline().values(values)

    def together(
        self, deferred: Sequence[Deferred], change: dict[str, Any] | None
    ) -> tuple[Executable, dict[str, Any]]:
        raise AssertionError(f"nothing was put off, but {len(deferred)} and {change}")

    def translate(self, error: Exception) -> WatchbellError | None:
        if isinstance(error, TimeoutError | exc.TimeoutError):
            return Retryable("The database did not answer in time.")
        cause = error.orig if isinstance(error, exc.DBAPIError) else error
        if isinstance(cause, UnicodeError | OverflowError):
            return Invalid(f"cannot be stored: {cause}")
        code = getattr(cause, "sqlite_errorcode", 0)
        if code in _TAKEN:
            return Conflict("It was stored meanwhile, or the name is taken.")
        if code & 0xFF in _PASSING:
            return Retryable(f"The database cannot do this just now: {cause}")
        return None


def _each(values: list[Any]) -> Any:
    return func.json_each(json.dumps(values)).table_valued("key", "value", name="given")


class SqliteConnections:
    """One writing connection with a queue before it, and a few for reading."""

    def __init__(self, url: URL, patience: float = 30.0) -> None:
        self._patience = patience
        self._turn = asyncio.Lock()
        self._writers = _engine(url, pool_size=1)
        self._readers = _engine(url, pool_size=READERS)
        event.listen(self._writers.sync_engine, "begin", _begin_immediate)
        event.listen(self._readers.sync_engine, "begin", _begin)
        event.listen(self._readers.sync_engine, "connect", _refuse_writes)

    @asynccontextmanager
    async def writer(self) -> AsyncGenerator[AsyncConnection]:
        """The connection that writes, when it is our turn."""
        async with asyncio.timeout(self._patience):
            await self._turn.acquire()
        try:
            async with self._writers.connect() as connection:
                yield connection
        finally:
            self._turn.release()

    @asynccontextmanager
    async def reader(self) -> AsyncGenerator[AsyncConnection]:
        """A connection that reads."""
        async with self._readers.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close the file."""
        await self._readers.dispose()
        await self._writers.dispose()


def _engine(url: URL, pool_size: int) -> AsyncEngine:
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        query_cache_size=1000,
        hide_parameters=True,
        json_serializer=write_json,
        json_deserializer=read_json,
    )
    event.listen(engine.sync_engine, "connect", _prepare)
    return engine


def engine_for_migration(url: URL) -> AsyncEngine:
    """An engine whose transactions hold the write lock from their first statement, tables and indexes included."""
    engine = _engine(url, pool_size=1)
    event.listen(engine.sync_engine, "begin", _begin_immediate)
    return engine


def _prepare(connection: Any, _record: object) -> None:
    # The driver's own ideas of when a transaction begins are switched off; the listeners begin them.
    connection.isolation_level = None
    connection.create_function("watchbell_lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _lower(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def _refuse_writes(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
