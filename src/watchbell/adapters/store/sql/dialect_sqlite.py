"""SQLite: one writer at a time, readers beside it (WAL), every commit on disk (synchronous=FULL).

Several processes may share the file: a writer begins with BEGIN IMMEDIATE and waits up to `BUSY_SECONDS` for another
process, and in this process for the one connection that writes. Whoever waits longer gets `Retryable`.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from threading import Thread
from typing import Any

import aiosqlite
from sqlalchemy import (
    ColumnElement,
    Float,
    FromClause,
    Integer,
    Table,
    cast,
    event,
    exc,
    func,
    literal,
    select,
    type_coerce,
)
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool
from sqlalchemy.sql.base import Executable

from watchbell.adapters.store.alert_patterns import found_in_small
from watchbell.adapters.store.sql import tables
from watchbell.adapters.store.sql.dialect import Deferred, Upsertable
from watchbell.adapters.store.sql.types import Moment, read_json, write_json
from watchbell.domain.errors import Conflict, Invalid, Retryable, WatchbellError

BUSY_SECONDS = 10.0
READERS = 4
_WAL = "PRAGMA journal_mode=WAL"
_WAL_PAUSE = 0.02  # seconds
_PRAGMAS = (
    "PRAGMA synchronous=FULL",
    f"PRAGMA busy_timeout={int(BUSY_SECONDS * 1000)}",
    "PRAGMA foreign_keys=ON",
    "PRAGMA temp_store=MEMORY",
    "PRAGMA mmap_size=1073741824",
)
# KiB. What is read lies in the mapped file, and need not be kept a second time; but pages that are changed are kept,
# and those that a reader finds in the log until it is copied into the file.
_WRITER_CACHE = 32 * 1024
_READER_CACHE = 8 * 1024
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

    def matches(self, text: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        return func.watchbell_match(literal(pattern), text) == literal(1)

    def seconds(self, later: ColumnElement[Any], earlier: ColumnElement[Any]) -> ColumnElement[float]:
        return (type_coerce(later, Float()) - type_coerce(earlier, Float())) / 1_000_000.0

    def steps(self, at: ColumnElement[Any], since: datetime, step: float) -> ColumnElement[int]:
        began = cast(literal(since, Moment()), Integer())
        return (cast(at, Integer()) - began) // literal(round(step * 1_000_000), Integer())

    def json_text(self, column: ColumnElement[Any], key: str) -> ColumnElement[str]:
        # A path would need quoting that json_extract does not know; json_each compares the key itself.
        each = func.json_each(column).table_valued("key", "value", name="attribute")
        return select(each.c.value).where(each.c.key == key).scalar_subquery()

    def locks(self, keys: Sequence[int]) -> Executable | None:
        del keys
        return None

    def clock(self) -> ColumnElement[datetime] | None:
        return None  # the file is on the machine of everybody who opens it

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
        self._driver = _Driver()
        self._writers = _engine(url, self._driver, pool_size=1, cache=_WRITER_CACHE)
        self._readers = _engine(url, self._driver, pool_size=READERS, cache=_READER_CACHE)
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
        await self._driver.ended()


class _Driver:
    """Opens the driver's connections, each with a thread of its own, and waits for those threads at the end.

    A connection that could not be opened, or was cut off in the middle of a statement, is stopped without waiting; its
    thread then answers a loop that must not be closed yet.
    """

    def __init__(self) -> None:
        self._threads: list[Thread] = []

    async def connect(self, *given: Any, **options: Any) -> aiosqlite.Connection:
        """A connection that is open."""
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        connection = aiosqlite.connect(*given, **options)
        thread = connection._thread  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] # the driver shows it nowhere
        thread.daemon = True
        self._threads.append(thread)
        return await connection

    async def ended(self) -> None:
        """Wait until the threads have answered, each for as long as a statement may wait for the file."""
        for thread in self._threads:
            await asyncio.to_thread(thread.join, BUSY_SECONDS)


def _engine(url: URL, driver: _Driver, pool_size: int, cache: int) -> AsyncEngine:
    given, options = SQLiteDialect_aiosqlite().create_connect_args(url)
    engine = create_async_engine(
        url.set(drivername="sqlite+aiosqlite"),
        async_creator=partial(driver.connect, *given, **options),
        poolclass=AsyncAdaptedQueuePool,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=BUSY_SECONDS,
        query_cache_size=1000,
        hide_parameters=True,
        json_serializer=write_json,
        json_deserializer=read_json,
    )
    event.listen(engine.sync_engine, "connect", partial(_prepare, cache))
    return engine


def _prepare(cache: int, connection: Any, _record: object) -> None:
    # The driver's own ideas of when a transaction begins are switched off; the listeners begin them.
    connection.isolation_level = None
    connection.create_function("watchbell_lower", 1, _lower, deterministic=True)
    connection.create_function("watchbell_match", 2, _match, deterministic=True)
    cursor = connection.cursor()
    _use_wal(connection, cursor)
    for pragma in (*_PRAGMAS, f"PRAGMA cache_size=-{cache}"):
        cursor.execute(pragma)
    cursor.close()


def _use_wal(connection: Any, cursor: Any) -> None:
    """Of several that open a new file at once, SQLite refuses all but one at once, whatever their time-out is."""
    for _ in range(int(BUSY_SECONDS / _WAL_PAUSE)):
        try:
            cursor.execute(_WAL)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            connection.run_async(_pause)
        else:
            return
    cursor.execute(_WAL)


async def _pause(_connection: object) -> None:
    await asyncio.sleep(_WAL_PAUSE)


def _lower(value: Any) -> str | None:
    return None if value is None else str(value).lower()


def _match(pattern: str, text: Any) -> bool | None:
    return None if text is None else found_in_small(pattern, str(text))


def _refuse_writes(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA query_only=ON")
    cursor.close()


def _begin_immediate(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Any) -> None:
    connection.exec_driver_sql("BEGIN")
