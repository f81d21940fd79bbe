"""Runs what is missing with Alembic, which takes longer to load than all else that most commands need."""

from pathlib import Path
from typing import Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection


def run(connection: Connection, folder: Path) -> None:
    """Go through all migrations that the database lacks, in the transaction that is open."""
    script = ScriptDirectory(str(folder))

    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage] - what Alembic's own `upgrade` calls

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True)
        environment.run_migrations()
