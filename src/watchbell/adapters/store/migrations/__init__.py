"""The schema's way forward: `migrate` brings a database up to date, `pending` says what is missing.

Migrations only go forward, and the former release runs on the new schema. Each run is one transaction under a lock: of
several processes that start at once one migrates, the others wait and find nothing to do.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from sqlalchemy import Connection, inspect, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection

from watchbell.adapters.store.sql import dialect_postgres, dialect_sqlite
from watchbell.adapters.store.sql.codec import lock_key
from watchbell.adapters.store.sql.store import parse_url
from watchbell.adapters.store.sql.work import translated

_FOLDER = Path(__file__).parent
_TABLE = "alembic_version"
_LOCK = lock_key("migrations")
_WAIT_SECONDS = 300
_STATEMENT_SECONDS = 3600


async def migrate(url: str) -> tuple[str, str]:
    """Bring the database up to date; returns the revision that it had ('' for an empty one) and the one that it has.

    Raises:
        Retryable: the database does not answer, or another process migrates for very long.
        Invalid: the URL is none of ours.
    """
    parsed = parse_url(url)
    async with _connection(parsed) as connection:
        if parsed.get_backend_name() != "sqlite":
            # SQLite's transaction holds the one write lock from its first statement.
            await connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_SECONDS}s'"))
            await connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
            await connection.execute(text(f"SET LOCAL lock_timeout = '{dialect_postgres.LOCK_SECONDS}s'"))
        revisions = await connection.run_sync(_upgrade)
        await connection.commit()
    return revisions


async def pending(url: str) -> list[str]:
    """The revisions that the database has yet to go through, in order; empty when it is up to date."""
    async with _connection(parse_url(url)) as connection:
        present = await connection.run_sync(_present)
    return _following(present)


@asynccontextmanager
async def _connection(url: URL) -> AsyncGenerator[AsyncConnection]:
    if url.get_backend_name() == "sqlite":
        dialect = dialect_sqlite.SqliteDialect()
        # A writer's transaction holds the write lock from its first statement, tables and indexes included.
        file = dialect_sqlite.SqliteConnections(url)
        opening, close = file.writer(), file.close
    else:
        dialect = dialect_postgres.PostgresDialect()
        engine = dialect_postgres.engine(url, pool_size=1, statement_seconds=_STATEMENT_SECONDS)
        opening, close = engine.connect(), engine.dispose
    try:
        with translated(dialect):
            async with opening as connection:
                yield connection
    finally:
        await asyncio.shield(close())


def revisions() -> list[str]:
    """All that this program knows, in order: files are named by them. Alembic itself would be slow to load for that."""
    return sorted(file.name.partition("_")[0] for file in (_FOLDER / "versions").glob("[0-9]*_*.py"))


def _present(connection: Connection) -> str:
    if not inspect(connection).has_table(_TABLE):
        return ""
    return connection.execute(text(f"SELECT version_num FROM {_TABLE}")).scalar() or ""  # noqa: S608 - our own name


def _following(present: str) -> list[str]:
    known = revisions()
    if not present:
        return known
    # A database that is newer than this program has a revision that we do not know: nothing to do.
    return known[known.index(present) + 1 :] if present in known else []


def _upgrade(connection: Connection) -> tuple[str, str]:
    present = _present(connection)
    if not _following(present):
        return present, present

    from watchbell.adapters.store.migrations.running import run  # noqa: PLC0415 - most starts have nothing to run

    run(connection, _FOLDER)
    return present, _present(connection)
