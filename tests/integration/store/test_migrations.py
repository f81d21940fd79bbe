"""The migrations make exactly the tables that the program uses, once, whoever starts first."""

import asyncio
import threading
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.ext.asyncio import create_async_engine

from watchbell.adapters.store import migrations
from watchbell.adapters.store.migrations import migrate, pending, revisions
from watchbell.adapters.store.sql.tables import metadata
from watchbell.domain.errors import Invalid, Retryable


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'empty.db'}"
    return request.getfixturevalue("postgres_url")


async def test_an_empty_database_is_brought_up_to_date_once(empty_url: str):
    waiting = await pending(empty_url)
    assert waiting[0] == "0001"
    assert await migrate(empty_url) == ("", waiting[-1])
    assert await pending(empty_url) == []
    assert await migrate(empty_url) == (waiting[-1], waiting[-1])


async def test_several_that_migrate_at_once_do_not_collide(empty_url: str):
    results = await asyncio.gather(*(migrate(empty_url) for _ in range(8)))
    assert [former for former, _ in results].count("") == 1


async def test_the_migrations_make_the_tables_that_the_program_uses(empty_url: str):
    await migrate(empty_url)
    url = make_url(empty_url)
    driver = "sqlite+aiosqlite" if url.get_backend_name() == "sqlite" else "postgresql+asyncpg"
    engine = create_async_engine(url.set(drivername=driver))

    def differences(connection: Connection) -> object:
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


@pytest.mark.parametrize("url", ["mysql://localhost/x", "no url at all", "sqlite"])
async def test_a_url_of_another_database_is_refused(url: str):
    with pytest.raises(Invalid):
        await migrate(url)


@pytest.mark.parametrize("url", ["sqlite:////nowhere/at/all.db", "postgresql://nobody@127.0.0.1:1/none"])
async def test_a_database_that_is_not_there_may_come_back(url: str):
    with pytest.raises(Retryable):
        await migrate(url)


def test_a_file_that_cannot_be_opened_leaves_no_thread_behind(tmp_path: Path):
    """The driver's thread answers the loop after the refusal; the loop may close as soon as we return."""

    async def refused() -> set[threading.Thread]:
        with pytest.raises(Retryable):
            await migrate(f"sqlite:///{tmp_path}/nowhere/at/all.db")
        return set(threading.enumerate())

    former = set(threading.enumerate())
    left = {thread.name for thread in asyncio.run(refused()) - former}
    assert [name for name in left if "worker" in name] == []


def test_files_are_named_by_their_revisions_in_order():
    script = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert revisions() == [item.revision for item in script.walk_revisions()][::-1]
