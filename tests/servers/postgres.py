"""A private PostgreSQL server, without durability: it is there for one test run."""

import itertools
import os
import subprocess
from pathlib import Path
from types import TracebackType
from typing import Self

from servers.process import Folder, ServerProcess, find_program, free_port

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/pgsql-*/bin")
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "300",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "10min",
}


class PostgresServer:
    """A cluster of databases on a free port; the superuser ``watchbell`` needs no password.

    The server refuses to run as root, so as root it runs as the user ``postgres`` that its package makes.
    ``with`` starts it and removes it at the end; ``stop``, ``kill`` and ``start`` in between keep the data.
    """

    user = "watchbell"

    def __init__(self) -> None:
        self._initdb = find_program("initdb", "postgresql", *_PLACES)
        self._postgres = str(Path(self._initdb).with_name("postgres"))
        self._psql = find_program("psql", "postgresql-client", *_PLACES)
        self._owner = "postgres" if os.getuid() == 0 else None
        self._folder = Folder("postgres", owner=self._owner)
        self._numbers = itertools.count(1)
        self.port = free_port()
        settings = [part for name, value in _SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self.process = ServerProcess(
            "postgres",
            [self._postgres, "-D", str(self._data), "-p", str(self.port), *settings],
            folder=self._folder.path,
            user=self._owner,
            stop_signal="INT",
        )

    @property
    def _data(self) -> Path:
        return self._folder.path / "data"

    def url(self, database: str) -> str:
        """Return the address of a database in SQLAlchemy's form, without a driver's name."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}"

    def start(self) -> Self:
        """Start it (making the cluster first, if there is none) and wait until it answers queries."""
        if not self._data.exists():
            self._make_cluster()
        self.process.start()
        self.process.wait_ready(lambda: self._query("select 1", check=False).returncode == 0)
        return self

    def stop(self) -> None:
        """Shut it down, ending open connections."""
        self.process.stop()

    def kill(self) -> None:
        """Crash it."""
        self.process.kill()

    def create_database(self) -> str:
        """Make an empty database and return its name."""
        name = f"test_{os.getpid()}_{next(self._numbers)}"
        self._query(f'create database "{name}" template template0')
        return name

    def drop_database(self, name: str) -> None:
        """Remove a database, ending whatever is still connected to it."""
        self._query(f'drop database if exists "{name}" with (force)', check=False)

    def close(self) -> None:
        """Stop it for good and remove its files."""
        self.process.stop()
        self._folder.remove()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _make_cluster(self) -> None:
        command = [self._initdb, "-D", str(self._data), "-U", self.user, "-A", "trust", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-sync"]
        subprocess.run(
            command, check=True, capture_output=True, cwd=self._folder.path, user=self._owner, group=self._owner
        )

    def _query(self, statement: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
        command = [self._psql, "-X", "-q", "-h", "127.0.0.1", "-p", str(self.port), "-U", self.user]
        command += ["-d", "postgres", "-c", statement]
        return subprocess.run(command, check=check, capture_output=True, text=True, timeout=60)
