"""Stores for tests: a migrated database for each implementation, emptied or copied for each test."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.adapters.store.sql.tables import metadata
from watchbell.ports.store import Store

OpenStore = Callable[[], Store]
"""Another store on the same data, as another process would have it."""


def fixed_now() -> datetime:
    """The time of every change."""
    return datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated, empty database file."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    asyncio.run(migrate(f"sqlite:///{path}"))
    return path


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A migrated, empty SQLite database of the test's own."""
    path = tmp_path / "watchbell.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def migrated_postgres(request: pytest.FixtureRequest) -> Iterator[str]:
    """A migrated PostgreSQL database that the tests of this process share."""
    server = request.getfixturevalue("postgres_server")
    name = server.create_database()
    asyncio.run(migrate(server.url(name)))
    yield server.url(name)
    server.drop_database(name)


@pytest.fixture
def store_postgres_url(migrated_postgres: str) -> str:
    """A migrated, empty PostgreSQL database."""

    async def empty() -> None:
        connection = await asyncpg.connect(migrated_postgres)
        try:
            await connection.execute(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
        finally:
            await connection.close()

    asyncio.run(empty())
    return migrated_postgres


@pytest.fixture
def sql_url(request: pytest.FixtureRequest) -> str:
    """The URL of the implementation that the test is parametrised with: `sqlite` or `postgresql`."""
    fixture = "store_postgres_url" if request.param == "postgresql" else "sqlite_url"
    return request.getfixturevalue(fixture)


@pytest.fixture
async def opening(store_url: str) -> AsyncIterator[OpenStore]:
    """Opens stores on the data of the test, and closes them after it."""
    memory = MemoryStore(fixed_now)
    opened: list[Store] = []

    def another() -> Store:
        store: Store = memory if store_url == "memory:" else open_store(store_url, now=fixed_now)
        opened.append(store)
        return store

    yield another
    for store in opened:
        await store.close()


@pytest.fixture
def store(opening: OpenStore) -> Store:
    """The store under test."""
    return opening()
