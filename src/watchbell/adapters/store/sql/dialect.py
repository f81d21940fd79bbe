"""What the two databases do differently, as one Protocol; all else is one statement set.

`dialect_sqlite.py` and `dialect_postgres.py` fulfil it.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from sqlalchemy import ColumnElement, FromClause, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.base import Executable

from watchbell.domain.errors import WatchbellError

Upsertable = sqlite.Insert | postgresql.Insert
"""The two have their methods in common, but no type."""


class Deferred(NamedTuple):
    """Rows for one table that can be written with others; on a conflict of these columns they overwrite."""

    table: Table
    conflict: tuple[str, ...]
    rows: list[dict[str, Any]]


class Connections(Protocol):
    """Where connections come from, with the database's own rules for readers and writers."""

    def writer(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection for one writing transaction; rolled back at the end unless it was committed."""
        ...

    def reader(self) -> AbstractAsyncContextManager[AsyncConnection]:
        """A connection that sees one state of the database and refuses to write."""
        ...

    async def close(self) -> None:
        """Give back all connections."""
        ...


class Dialect(Protocol):
    """Expressions and statements that differ."""

    @property
    def puts_off(self) -> bool:
        """Whether inserts are gathered, to go to the server together."""
        ...

    def insert(self, table: Table) -> Upsertable:
        """An insert that can say what happens when the row is there already."""
        ...

    def any_of(self, column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
        """Whether the column has one of the values; the same statement text for any number of values."""
        ...

    def rows_of(self, name: str, columns: Mapping[str, Sequence[Any]]) -> FromClause:
        """The values as a table expression with these columns."""
        ...

    def position(self, haystack: ColumnElement[Any], needle: ColumnElement[str]) -> ColumnElement[int]:
        """Where the needle begins in the haystack, from 1; 0 when it is not there."""
        ...

    def matches(self, text: ColumnElement[str], pattern: str) -> ColumnElement[bool]:
        """Whether a portable pattern (see `alert_patterns`) is found in a text in small letters."""
        ...

    def seconds(self, later: ColumnElement[Any], earlier: ColumnElement[Any]) -> ColumnElement[float]:
        """How many seconds lie between two times."""
        ...

    def steps(self, at: ColumnElement[Any], since: datetime, step: float) -> ColumnElement[int]:
        """How many whole steps of so many seconds lie between `since` and a time that is not before it."""
        ...

    def json_text(self, column: ColumnElement[Any], key: str) -> ColumnElement[str]:
        """The text under a key of a JSON object whose values are texts; compares by code point."""
        ...

    def locks(self, keys: Sequence[int]) -> Executable | None:
        """A statement that waits for its turn with each key; None when writers take turns anyway."""
        ...

    def clock(self) -> ColumnElement[datetime] | None:
        """The present time on the machine of a database that several machines share; None of one that they do not."""
        ...

    def add_change(self, values: dict[str, Any]) -> Executable:
        """The insert into `changes` whose ids grow in order of commit."""
        ...

    def together(
        self, deferred: Sequence[Deferred], change: dict[str, Any] | None
    ) -> tuple[Executable, dict[str, Any]]:
        """One statement that writes all of it and then the change, with its parameters; only if it `puts_off`."""
        ...

    def translate(self, error: Exception) -> WatchbellError | None:
        """The error that carries the decision; None when it is a fault in this program."""
        ...
