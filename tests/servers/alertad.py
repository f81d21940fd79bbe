"""Alerta's own server over a PostgreSQL database, installed from its lock into an environment of its own."""

import json
import subprocess
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from servers.alerta import install
from servers.postgres import PostgresServer
from servers.process import Folder, ServerProcess, find_program, free_port, is_listening

LOCK = Path(__file__).with_name("alertad.lock")
ADMIN = "boss@example.org"
_SETTINGS = f"""\
SECRET_KEY = '0123456789abcdef0123456789abcdef'
AUTH_REQUIRED = True
ADMIN_USERS = ['{ADMIN}']
PLUGINS = []
LOG_LEVEL = 'ERROR'
"""


class AlertaServer:
    """One installation: `url` is that of its API, `key` what its administrator's programs use."""

    def __init__(self, postgres: PostgresServer) -> None:
        self._postgres = postgres
        self._folder = Folder("alertad")
        folder = self._folder.path
        serve = install(folder, LOCK, "waitress-serve")
        self.database = postgres.create_database()
        (folder / "alertad.conf").write_text(_SETTINGS)
        port = free_port()
        command = [str(serve), "--threads=4", f"--listen=127.0.0.1:{port}", "--call", "alerta.app:create_app"]
        env = {"DATABASE_URL": postgres.url(self.database), "ALERTA_SVR_CONF_FILE": str(folder / "alertad.conf")}
        self.url = f"http://127.0.0.1:{port}"
        self.key = ""
        self.process = ServerProcess("alertad", command, folder=folder, env=env)
        self.process.start()
        self.process.wait_ready(lambda: is_listening(port), 60)

    def sign_up(self, password: str) -> None:
        """Make the administrator, and a key that may do everything."""
        body = {"name": "The Boss", "email": ADMIN, "password": password, "text": "runs it"}
        token = self.call("POST", "/auth/signup", body)["token"]
        asked = {"text": "for everything", "scopes": ["admin", "write", "read"]}
        self.key = self.call("POST", "/key", asked, f"Bearer {token}")["key"]

    def call(self, method: str, path: str, body: Any = None, authorization: str = "") -> Any:
        """Ask the API; what it answered, decoded."""
        authorization = authorization or (f"Key {self.key}" if self.key else "")
        headers = {"Content-Type": "application/json", **({"Authorization": authorization} if authorization else {})}
        content = None if body is None else json.dumps(body).encode()
        try:
            with urlopen(Request(self.url + path, content, headers, method=method), timeout=60) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            raise AssertionError(f"{method} {path}: {error.code} {error.read()[:300]!r}") from error

    def query(self, statement: str) -> None:
        """Change the database behind its back."""
        self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c", statement, "-d", self.database)

    def dump(self, file: Path, *options: str) -> Path:
        """Write a dump of the database."""
        self._run("pg_dump", *options, "--file", str(file), self.database)
        return file

    def close(self) -> None:
        """Stop it and remove it."""
        self.process.stop()
        self._postgres.drop_database(self.database)
        self._folder.remove()

    def _run(self, program: str, *arguments: str) -> None:
        found = find_program(program, "postgresql-client", "/usr/lib/postgresql/*/bin")
        where = ["-h", "127.0.0.1", "-p", str(self._postgres.port), "-U", self._postgres.user]
        subprocess.run([found, *where, *arguments], check=True, capture_output=True, timeout=60)
