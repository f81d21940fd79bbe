"""Rows for several tables in one statement, for PostgreSQL: each way to the server that is saved shortens the commit.

The rows travel as JSON, one parameter for each table, so the statement is the same for any number of them.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import msgspec
from sqlalchemy import CTE, JSON, Table, Text, bindparam, cast, column, func, literal, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.base import Executable

from watchbell.adapters.store import lines
from watchbell.adapters.store.sql import tables
from watchbell.adapters.store.sql.dialect import Deferred
from watchbell.adapters.store.sql.types import Lines

Plan = tuple[tuple[Table, tuple[str, ...]], ...]


@lru_cache(maxsize=64)
def statement_for(plan: Plan, feed: int | None) -> Executable:
    """The statement that fills the tables of the plan; then, holding the lock `feed`, it adds a row to `changes`."""
    parts = [_filling(table, conflict) for table, conflict in plan]
    counts = [select(func.count()).select_from(part).scalar_subquery() for part in parts]
    if feed is None:
        return select(*counts)
    # The turn is asked for when all else is written: who holds it waits for nobody, and others wait for a commit only.
    written = sum(counts[1:], start=counts[0])
    turn = select(func.pg_advisory_xact_lock(feed).label("taken")).where(written >= 0).cte("turn")
    names = ("at", "items")
    row = select(*(bindparam(name, type_=tables.changes.c[name].type) for name in names)).select_from(turn)
    return postgresql.insert(tables.changes).inline().from_select(list(names), row)


def parameters(deferred: Sequence[Deferred]) -> dict[str, Any]:
    """The rows of each table as JSON."""
    return {table.name: _encoded(table, conflict, rows) for table, conflict, rows in deferred}


def _filling(table: Table, conflict: tuple[str, ...]) -> CTE:
    names = [each.name for each in table.columns if each is not table.autoincrement_column]
    wanted = [column(name, table.c[name].type) for name in names]
    sent = cast(bindparam(table.name, type_=Text()), JSON())
    given = func.json_to_recordset(sent).table_valued(*wanted, name=f"given_{table.name}")
    given = given.render_derived(with_types=True)
    statement = postgresql.insert(table).inline().from_select(names, select(*(given.c[name] for name in names)))
    if conflict:
        others = {name: statement.excluded[name] for name in names if name not in conflict}
        statement = statement.on_conflict_do_update(index_elements=conflict, set_=others)
    return statement.returning(literal(1).label("one")).cte(f"into_{table.name}")


def _encoded(table: Table, conflict: tuple[str, ...], rows: list[dict[str, Any]]) -> str:
    if conflict:
        # One statement may write a row once only, and the last one holds.
        rows = list({tuple(row[name] for name in conflict): row for row in rows}.values())
    listed = [each.name for each in table.columns if isinstance(each.type, Lines)]
    if listed:
        rows = [row | {name: lines.encode(row[name]) for name in listed} for row in rows]
    return msgspec.json.encode(rows).decode()
