"""PostgreSQL: many writers, which wait for each other on rows and advisory locks; readers on a snapshot.

Every statement, lock and idle transaction has a deadline, so a process that was stopped in the middle of a transaction
cannot hold up the others for ever. The server's own deadlines leave a hole: a session whose client stopped after it had
prepared a statement is neither idle nor running one. Whoever waited for a lock in vain ends such sessions.
"""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

import asyncpg
import structlog
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Float,
    FromClause,
    Table,
    Text,
    any_,
    bindparam,
    event,
    exc,
    func,
    literal,
    select,
    text,
    type_coerce,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.sql.base import Executable

from watchbell.adapters.store.alert_patterns import for_postgres
from watchbell.adapters.store.sql import tables
from watchbell.adapters.store.sql.codec import lock_key
from watchbell.adapters.store.sql.dialect import Deferred, Upsertable
from watchbell.adapters.store.sql.together import parameters, statement_for
from watchbell.adapters.store.sql.types import Moment, read_json, write_json
from watchbell.domain.errors import Conflict, Invalid, Retryable, WatchbellError

STATEMENT_SECONDS = 30
LOCK_SECONDS = 10
IDLE_SECONDS = 15
CONNECT_SECONDS = 10
RECYCLE_SECONDS = 600

APPLICATION = "watchbell"

_log = structlog.get_logger("store")
_FEED = lock_key("changes")
_IN_VAIN = "55P03"
_END_STUCK = text(
    "SELECT pid, pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND usename = current_user AND application_name = :application"
    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL AND state = 'active' AND wait_event = 'ClientRead'"
    " AND state_change < clock_timestamp() - make_interval(secs => :seconds)"
)
_PASSING_CLASSES = ("08", "53", "57", "58")
_PASSING = {
    "40001",  # serialization failure
    "40P01",  # deadlock
    _IN_VAIN,  # lock not available in time
    "25P03",  # idle in a transaction for too long
    "25P04",  # transaction took too long
    "25006",  # read-only: this server has become a standby
}
_UNREADABLE = {"22021", "22P05", "22003", "22P02", "54000"}


class PostgresDialect:
    """Expressions and statements of PostgreSQL."""

    puts_off = True

    def insert(self, table: Table) -> Upsertable:
        return postgresql.insert(table)

    def any_of(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        return column == any_(_array(list(values)))

    def rows_of(self, name: str, columns: Mapping[str, Sequence[Any]]) -> FromClause:
        given = func.unnest(*(_array(list(values)) for values in columns.values()))
        return given.table_valued(*columns, name=name).render_derived()

    def position(self, haystack: ColumnElement[Any], needle: ColumnElement[str]) -> ColumnElement[int]:
        return func.strpos(haystack, needle)

    def matches(self, text: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        return text.op("~", is_comparison=True)(literal(for_postgres(pattern), Text()))

    def seconds(self, later: ColumnElement[Any], earlier: ColumnElement[Any]) -> ColumnElement[float]:
        return type_coerce(func.extract("epoch", later - earlier), Float())

    def steps(self, at: ColumnElement[Any], since: datetime, step: float) -> ColumnElement[int]:
        return func.floor(self.seconds(at, literal(since, Moment())) / literal(step, Float()))

    def json_text(self, column: ColumnElement[Any], key: str) -> ColumnElement[str]:
        return column.op("->>", return_type=Text())(literal(key, Text())).collate("C")

    def locks(self, keys: Sequence[int]) -> Executable | None:
        # In one order for everybody, so that two who want the same keys never wait for each other.
        wanted = func.unnest(_array(sorted(set(keys)))).table_valued("key", name="wanted").render_derived()
        return select(func.pg_advisory_xact_lock(wanted.c.key)).select_from(wanted)

    def clock(self) -> ColumnElement[datetime] | None:
        return type_coerce(func.clock_timestamp(), Moment())

    def add_change(self, values: dict[str, Any]) -> Executable:
        # The id is drawn after the lock is held and the lock is held until the commit: ids are in order of commit.
        turn = select(func.pg_advisory_xact_lock(_FEED).label("taken")).cte("turn")
        row = select(*(bindparam(None, value, tables.changes.c[name].type) for name, value in values.items()))
        return self.insert(tables.changes).inline().from_select(list(values), row.select_from(turn))

    def together(
        self, deferred: Sequence[Deferred], change: dict[str, Any] | None
    ) -> tuple[Executable, dict[str, Any]]:
        plan = tuple((table, conflict) for table, conflict, _ in deferred)
        feed = None if change is None else _FEED
        return statement_for(plan, feed), parameters(deferred) | (change or {})

    def translate(self, error: Exception) -> WatchbellError | None:
        if isinstance(error, TimeoutError | exc.TimeoutError):
            return Retryable("The database did not answer in time.")
        cause = (error.orig.__cause__ or error.orig) if isinstance(error, exc.DBAPIError) and error.orig else error
        state = str(getattr(cause, "sqlstate", None) or "")
        if state == "23505":
            return Conflict("It was stored meanwhile, or the name is taken.")
        if state in _UNREADABLE or isinstance(cause, asyncpg.DataError | UnicodeError | OverflowError):
            return Invalid(f"cannot be stored: {cause}")
        lost = isinstance(cause, OSError | asyncpg.InterfaceError | asyncpg.InternalClientError)
        if lost or state[:2] in _PASSING_CLASSES or state in _PASSING:
            return Retryable(f"The database cannot do this just now: {cause}")
        if isinstance(error, exc.DBAPIError) and error.connection_invalidated:
            return Retryable("The connection to the database was lost.")
        return None


def _array(values: list[Any]) -> ColumnElement[Any]:
    numbers = bool(values) and isinstance(values[0], int)
    return bindparam(None, values, ARRAY(BigInteger() if numbers else Text()))


# A writer looks rows up by index. Its statements are planned once; a plan from when the tables were empty would
# otherwise read them from end to end until their statistics are next collected.
_WRITING = {"enable_seqscan": "off"}
# What a reader asks for depends on the values: an open alert is rare in one place and the rule in another.
# The memory is enough to sort the keys of a hundred thousand alerts without a file.
_READING = {"plan_cache_mode": "force_custom_plan", "work_mem": "32MB"}


class PostgresConnections:
    """A pool for writers and one for readers, so that neither waits for the other's connections."""

    def __init__(self, url: URL, pool_size: int = 10, patience: float = 30.0) -> None:
        readers = max(pool_size * 2 // 5, 1)
        self._writers = engine(url, pool_size=max(pool_size - readers, 1), patience=patience, settings=_WRITING)
        self._reading = engine(url, pool_size=readers, patience=patience, settings=_READING)
        self._readers = self._reading.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True, postgresql_deferrable=False
        )

    @asynccontextmanager
    async def writer(self) -> AsyncGenerator[AsyncConnection]:
        """A connection that writes."""
        try:
            async with self._writers.connect() as connection:
                yield connection
        except Exception as error:
            if _waited_in_vain(error):
                await self._end_stuck()
            raise

    async def _end_stuck(self) -> None:
        """End sessions of ours whose client stands still in the middle of a statement; they hold locks for ever."""
        with suppress(exc.SQLAlchemyError, OSError, asyncpg.PostgresError):
            async with self._writers.connect() as connection:
                given = {"application": APPLICATION, "seconds": IDLE_SECONDS}
                ended = [row.pid for row in (await connection.execute(_END_STUCK, given)).all()]
                await connection.commit()
            if ended:
                _log.warning("stuck_sessions_ended", server_pids=ended, hint="a process of Watchbell stands still")

    @asynccontextmanager
    async def reader(self) -> AsyncGenerator[AsyncConnection]:
        """A connection that reads one snapshot."""
        async with self._readers.connect() as connection:
            yield connection

    async def close(self) -> None:
        """Close all connections."""
        await self._reading.dispose()
        await self._writers.dispose()


def engine(
    url: URL,
    *,
    pool_size: int,
    patience: float = 30.0,
    statement_seconds: int = STATEMENT_SECONDS,
    settings: Mapping[str, str] | None = None,
) -> AsyncEngine:
    """An engine with a bounded pool, and deadlines on the server and here."""
    query = dict(url.query)
    mode = query.pop("sslmode", None)
    common = {
        "application_name": APPLICATION,
        "statement_timeout": str(statement_seconds * 1000),
        "lock_timeout": str(LOCK_SECONDS * 1000),
        "idle_in_transaction_session_timeout": str(IDLE_SECONDS * 1000),
        "timezone": "UTC",
        # Our statements are short; compiling them costs more than it gains.
        "jit": "off",
    }
    made = create_async_engine(
        url.set(drivername="postgresql+asyncpg", query=query),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=patience,
        pool_recycle=RECYCLE_SECONDS,
        query_cache_size=1000,
        hide_parameters=True,
        json_serializer=write_json,
        json_deserializer=read_json,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "command_timeout": statement_seconds + 5,
            "server_settings": {**common, **(settings or {})},
            "prepared_statement_cache_size": 500,
            **({"ssl": mode} if mode else {}),
        },
    )
    event.listen(made.sync_engine, "checkout", _leave_closed)
    return made


def _waited_in_vain(error: BaseException | None) -> bool:
    while error is not None:
        if getattr(error, "sqlstate", None) == _IN_VAIN:
            return True
        error = error.__cause__
    return False


def _leave_closed(connection: Any, *_: object) -> None:
    """Take no connection that the server closed while nobody used it: after its restart, that is all of them."""
    if connection.driver_connection.is_closed():
        raise exc.InvalidatePoolError
