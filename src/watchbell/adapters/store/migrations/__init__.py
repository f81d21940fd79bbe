"""The schema's way forward: `migrate` brings a database up to date, `pending` says what is missing.

Migrations only go forward, and the former release runs on the new schema. Each run is one transaction under a lock: of
several processes that start at once one migrates, the others wait and find nothing to do.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from watchbell.adapters.store.sql import dialect_postgres, dialect_sqlite
from watchbell.adapters.store.sql.codec import lock_key
from watchbell.adapters.store.sql.store import parse_url
from watchbell.adapters.store.sql.work import translated

_FOLDER = Path(__file__).parent
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
    return _following(_script(), present)


@asynccontextmanager
async def _connection(url: URL) -> AsyncGenerator[AsyncConnection]:
    engine: AsyncEngine
    if url.get_backend_name() == "sqlite":
        dialect, engine = dialect_sqlite.SqliteDialect(), dialect_sqlite.engine_for_migration(url)
    else:
        dialect = dialect_postgres.PostgresDialect()
        engine = dialect_postgres.engine(url, pool_size=1, statement_seconds=_STATEMENT_SECONDS)
    try:
        with translated(dialect):
            async with engine.connect() as connection:
                yield connection
    finally:
        await asyncio.shield(engine.dispose())


def _script() -> ScriptDirectory:
    return ScriptDirectory(str(_FOLDER))


def _present(connection: Connection) -> str:
    return MigrationContext.configure(connection).get_current_revision() or ""


def _following(script: ScriptDirectory, present: str) -> list[str]:
    revisions = [item.revision for item in script.walk_revisions()]
    # A database that is newer than this program has a revision that we do not know: nothing to do.
    newer = revisions.index(present) if present in revisions else 0 if present else len(revisions)
    return revisions[:newer][::-1]


def _upgrade(connection: Connection) -> tuple[str, str]:
    script = _script()
    present = _present(connection)
    if not _following(script, present):
        return present, present

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what Alembic's own `upgrade` calls

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
    return present, _present(connection)
