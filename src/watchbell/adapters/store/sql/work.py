"""One transaction's way to the database: runs statements, and turns the driver's errors into ours."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

import asyncpg
from sqlalchemy import ColumnElement, CursorResult, Delete, Select, Table, delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.dml import Insert

from watchbell.adapters.store.sql.dialect import Deferred, Dialect
from watchbell.domain.errors import WatchbellError

ERRORS = (
    SQLAlchemyError,
    OSError,  # TimeoutError is one
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    UnicodeError,
    OverflowError,
)
"""What a driver may raise."""


@contextmanager
def translated(dialect: Dialect) -> Generator[None]:
    """Raise our errors instead of the driver's."""
    try:
        yield
    except ERRORS as error:
        ours = dialect.translate(error)
        if ours is None:
            raise
        raise ours from error


class Work:
    """What the repositories of one transaction share. A transaction in which a statement failed cannot be committed."""

    def __init__(self, connection: AsyncConnection, dialect: Dialect, *, writable: bool) -> None:
        self._connection = connection
        self.dialect = dialect
        self.writable = writable
        self.failure: WatchbellError | None = None
        self._deferred: dict[Table, Deferred] = {}

    async def rows(self, statement: Executable) -> Sequence[Any]:
        """All rows of a query."""
        return (await self._run(statement)).all()

    async def first(self, statement: Executable) -> Any:
        """The first row of a query."""
        return (await self._run(statement)).first()

    async def first_written(self, statement: Executable) -> Any:
        """The first row that a statement returns which changes something."""
        return (await self.write(statement)).first()

    async def locked(self, statement: Select[Any], table: Table) -> Sequence[Any]:
        """All rows; in a writing transaction those of `table` stay locked until its end."""
        return await self.rows(statement.with_for_update(of=table) if self.writable else statement)

    async def write(self, statement: Executable, rows: list[dict[str, Any]] | None = None) -> CursorResult[Any]:
        """A statement that changes something, once or once for each row."""
        self.must_write()
        return await self._run(statement, rows)

    async def insert(
        self, table: Table, rows: list[dict[str, Any]], conflict: tuple[str, ...] = (), newest_by: str = ""
    ) -> None:
        """Insert rows; on a conflict of these columns overwrite, but not what is greater in the column `newest_by`."""
        self.must_write()
        if rows:
            await self._run(_insert(self.dialect, table, conflict, overwrite=True, newest_by=newest_by), rows)

    async def insert_later(self, table: Table, rows: list[dict[str, Any]], conflict: tuple[str, ...] = ()) -> None:
        """As `insert`, but where that saves time, only before the next statement of another kind or at the end."""
        self.must_write()
        if not self.dialect.puts_off:
            await self.insert(table, rows, conflict)
        elif rows:
            self._deferred.setdefault(table, Deferred(table, conflict, [])).rows.extend(rows)

    async def finish(self, change: dict[str, Any] | None) -> None:
        """Write what was put off, and the row of the feed after it."""
        if not self._deferred:
            if change is not None:
                await self._run(self.dialect.add_change(change))
            return
        deferred, self._deferred = list(self._deferred.values()), {}
        try:
            with translated(self.dialect):
                together = self.dialect.together(deferred, change)
        except WatchbellError as error:
            raise self.fail(error) from error.__cause__
        await self._run(*together)

    async def insert_new(self, table: Table, rows: list[dict[str, Any]], conflict: tuple[str, ...]) -> None:
        """Insert the rows that are not there yet by these columns."""
        self.must_write()
        if rows:
            await self._run(_insert(self.dialect, table, conflict, overwrite=False), rows)

    async def delete(self, table: Table, condition: ColumnElement[bool]) -> int:
        """Delete rows; returns how many went."""
        statement: Delete = delete(table).where(condition)
        return (await self.write(statement)).rowcount

    async def lock(self, keys: Sequence[int]) -> None:
        """Wait for our turn with each key, in a writing transaction."""
        if self.writable and keys:
            statement = self.dialect.locks(keys)
            if statement is not None:
                await self._run(statement)

    def must_write(self) -> None:
        """Refuse when the transaction is for reading."""
        if not self.writable:
            raise RuntimeError("a reading transaction cannot write")

    def fail(self, error: WatchbellError) -> WatchbellError:
        """Note that the transaction must not be committed; hands the error back to be raised."""
        self.failure = error
        return error

    async def _run(
        self, statement: Executable, rows: list[dict[str, Any]] | dict[str, Any] | None = None
    ) -> CursorResult[Any]:
        if self._deferred:
            await self.finish(None)
        try:
            with translated(self.dialect):
                return cast("CursorResult[Any]", await self._connection.execute(statement, rows))
        except WatchbellError as error:
            raise self.fail(error) from error.__cause__


@lru_cache(maxsize=256)
def _insert(
    dialect: Dialect, table: Table, conflict: tuple[str, ...], *, overwrite: bool, newest_by: str = ""
) -> Insert:
    # Made once: to compile such a statement costs more than to run it.
    statement = dialect.insert(table).inline()
    if not conflict:
        return statement
    others = [column.name for column in table.columns if column.name not in conflict]
    if not (overwrite and others):
        return statement.on_conflict_do_nothing(index_elements=conflict)
    return statement.on_conflict_do_update(
        index_elements=conflict,
        set_={name: statement.excluded[name] for name in others},
        where=table.c[newest_by] <= statement.excluded[newest_by] if newest_by else None,
    )
