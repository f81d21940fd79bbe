"""The commands as a person uses them: on the store of a machine, and as clients of a running server."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from servers.process import ServerProcess, free_port, is_listening
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.second_factor import SecondFactor

OBJECTS = """\
kind: service
name: shop
---
kind: check
name: front
type: http
config: {url: "http://127.0.0.1:1/", password: !env HUSH, username: me}
services: [shop]
interval: 30
---
kind: heartbeat
name: backup
"""


ALERTAD_CONF = """\
ALERT_TIMEOUT = 60 * 60 * 3
ORIGIN_BLACKLIST = ['spam/']
LDAP_URL = 'ldap://hidden@127.0.0.1:1'
"""


class Shell:
    """Runs `watchbell` with a folder of its own, and the address and key of the server if there is one."""

    def __init__(self, folder: Path, **environment: str) -> None:
        self.folder = folder
        self.data = ("--data", str(folder / "data"))
        kept = {name: value for name, value in os.environ.items() if not name.startswith("WATCHBELL_")}
        self.environment = {**kept, "XDG_CONFIG_HOME": str(folder), "HUSH": "very secret", **environment}

    def run(self, *arguments: str, code: int = 0, given: str = "") -> str:
        """Run a command, look at its exit code, and return what it wrote: standard output, or errors if it failed."""
        done = self.try_run(arguments, given)
        assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        assert "\x1b" not in done.stdout + done.stderr
        return done.stdout if code == 0 else done.stderr

    def try_run(self, arguments: Sequence[str], given: str = "") -> "subprocess.CompletedProcess[str]":
        """Run a command."""
        return subprocess.run(
            [sys.executable, "-m", "watchbell", *arguments],
            input=given,
            capture_output=True,
            text=True,
            timeout=180,
            cwd=self.folder,
            env=self.environment,
            check=False,
        )


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("served")
    shell = Shell(folder)
    shell.run("user", "create", "ann", "--role", "admin", *shell.data, given="correct horse\n")
    key = shell.run(
        "key", "create", "--scope", "admin", "--scope", "write", "--scope", "read", "--user", "ann", *shell.data
    )
    port = free_port()
    (folder / "alertad.conf").write_text(ALERTAD_CONF)
    options = ("--port", str(port), "--alerta-config", "alertad.conf")
    command = [sys.executable, "-m", "watchbell", "up", *shell.data, *options]
    server = ServerProcess("up", command, folder=folder, env={"WATCHBELL_COLLECTOR__ENABLED": "false"}, grace=40)
    with server:
        server.wait_ready(lambda: is_listening(port), 60)
        yield Shell(folder, WATCHBELL_URL=f"http://127.0.0.1:{port}", WATCHBELL_KEY=key.strip())


def test_people_and_keys_on_the_store(shell: Shell):
    shell.run(
        "user", "create", "ann", "--role", "admin", "--email", "ann@example.org", *shell.data, given="correct horse\n"
    )
    assert "must have at least 10" in shell.run("user", "create", "bob", *shell.data, given="short\n", code=1)
    assert "there is no role 'king'" in shell.run(
        "user", "create", "bob", "--role", "king", *shell.data, given="correct horse\n", code=1
    )
    assert "password" in shell.run("user", "create", "bob", *shell.data, code=2)
    (user,) = json.loads(shell.run("user", "list", "--json", *shell.data))
    assert (user["login"], user["roles"], user["status"]) == ("ann", ["admin"], "active")
    shell.run("user", "password", "ann", *shell.data, given="another fine one\n")
    assert "only administrator" in shell.run("user", "delete", "ann", *shell.data, code=1)
    key = shell.run("key", "create", "--scope", "write:alerts", *shell.data).strip()
    assert len(key) == 40
    assert "there is no scope" in shell.run("key", "create", "--scope", "fly", *shell.data, code=1)
    listed = shell.run("key", "list", *shell.data)
    assert listed.startswith(key[:6])
    assert "9999" not in listed, "the time that the wire has for never"
    shell.run("key", "delete", key[:6], *shell.data)
    assert shell.run("key", "list", *shell.data) == ""
    assert "no such key" in shell.run("key", "delete", key[:6], *shell.data, code=1)
    assert key.encode() not in (shell.folder / "data" / "watchbell.db").read_bytes()


def test_objects_on_the_store(shell: Shell):
    (shell.folder / "objects.yaml").write_text(OBJECTS)
    planned = shell.run("plan", "objects.yaml", *shell.data)
    assert planned.splitlines() == ["+ service shop", "+ check front", "+ heartbeat backup"]
    applied = shell.run("apply", "objects.yaml", *shell.data)
    assert applied == planned + "configuration version 1\n"
    exported = shell.run("export", *shell.data)
    assert "••••" in exported
    assert "very secret" not in exported
    assert b"very secret" not in (shell.folder / "data" / "watchbell.db").read_bytes()
    shell.run("export", "out", *shell.data)
    assert shell.run("plan", "out", "--prune", *shell.data) == "nothing to change\n"


def test_users_are_objects_in_files(shell: Shell):
    people = "kind: user\nname: ann\nroles: [admin]\n---\nkind: user\nname: bob\nemail: bob@example.org\n"
    (shell.folder / "people.yaml").write_text(people)
    applied = shell.run("apply", "people.yaml", *shell.data)
    assert applied.splitlines()[:2] == ["+ user ann", "+ user bob"]
    shell.run("user", "password", "ann", *shell.data, given="correct horse\n")
    shell.run("export", "out", *shell.data)
    written = (shell.folder / "out" / "user.yaml").read_text()
    assert "bob@example.org" in written
    assert "argon2" not in written
    assert shell.run("plan", "out", "--prune", *shell.data) == "nothing to change\n"
    (shell.folder / "people.yaml").write_text(people.partition("---\n")[2])
    assert "last administrator" in shell.run("apply", "people.yaml", "--prune", "--yes", *shell.data, code=1)
    assert [user["login"] for user in json.loads(shell.run("user", "list", "--json", *shell.data))] == ["ann", "bob"]


def test_a_check_is_run_here_and_now(shell: Shell):
    (shell.folder / "objects.yaml").write_text(OBJECTS)
    done = shell.try_run(["check", "run", "front", "--file", "objects.yaml", *shell.data])
    assert (done.returncode, done.stdout.startswith("UNKNOWN: ")) == (3, True), done.stdout + done.stderr
    shell.run("apply", "objects.yaml", *shell.data)
    shell.environment["WATCHBELL_EGRESS__ALLOW_LOOPBACK"] = "true"
    done = shell.try_run(["check", "run", "front", "--json", *shell.data])
    assert (done.returncode, json.loads(done.stdout)["status"]) == (2, "critical"), done.stdout + done.stderr
    assert "there is no check named 'back'" in shell.run("check", "run", "back", *shell.data, code=1)


def test_settings_and_schema(shell: Shell):
    assert shell.run("migrate", *shell.data).startswith("migrated to ")
    assert shell.run("migrate", *shell.data) == "the database is up to date\n"
    assert shell.run("config", "check", *shell.data) == "the settings are good\n"
    shell.environment |= {
        "WATCHBELL_STORE__URL": "postgresql://a:hidden@127.0.0.1:1/x",
        "WATCHBELL_BUS__URL": "amqp://a:hidden@127.0.0.1:1/",
        "WATCHBELL_SECRET_KEY": "k" * 40,
    }
    said = shell.run("config", "check", *shell.data, code=2)
    assert "store.url" in said
    assert "bus.url" in said
    assert all(f"environment variable {name}: " in said for name in ("WATCHBELL_STORE__URL", "WATCHBELL_BUS__URL"))
    assert said.count("127.0.0.1:1") == 2
    assert "hidden" not in said
    (shell.folder / "bad.toml").write_text("[server]\nport = 'x'\n[bus]\nurl = 5\n")
    said = shell.run("config", "check", "--config", "bad.toml", code=2)
    # The broker's address comes from the environment, and is tried in the same run.
    assert ["server.port" in said, "store.url" in said, "bus.url" in said] == [True] * 3
    assert "hidden" not in said
    del shell.environment["WATCHBELL_STORE__URL"], shell.environment["WATCHBELL_BUS__URL"]
    (shell.folder / "bad.toml").write_text("[server]\nport = 'x'\ncolour = 'red'\n")
    assert len(shell.run("config", "check", "--config", "bad.toml", code=2).splitlines()) == 2


def test_an_alert_from_its_sending_to_its_end(served: Shell):
    sent = served.run("send", "-r", "web01", "-e", "Down", "-S", "shop", "-s", "critical", "-t", "no answer")
    assert "control character" in served.run("send", "-r", "a", "-e", "b", "-S", "c", "-t", "\x1b[2J", code=1)
    assert sent.endswith("(open, 0 repeats)\n")
    identifier = sent[:8]
    assert served.run("query", "status=open", "resource=web01").split("\t")[:3] == [identifier, "critical", "open"]
    served.run("ack", identifier, "-t", "mine")
    assert served.run("query", "status=ack", "resource=web01").startswith(identifier)
    served.run("close", identifier)
    assert served.run("query", "status=open", "resource=web01") == ""
    (alert,) = json.loads(served.run("query", "resource=web01", "--json"))
    assert (alert["status"], alert["id"][:8]) == ("closed", identifier)
    assert "not found" in served.run("ack", "00000000-none", code=1).lower()
    assert "key create" in served.run("query", "--key", "wrong", code=1)


def test_alertas_settings_count(served: Shell):
    served.run("send", "-r", "web02", "-e", "Down", "-S", "shop", "-s", "major")
    (alert,) = json.loads(served.run("query", "resource=web02", "--json"))
    assert alert["timeout"] == 3 * 3600
    refused = served.run("send", "-r", "web02", "-e", "Down", "-S", "shop", "-O", "spam/host", code=1)
    assert "has been blacklisted" in refused
    log = (served.folder / "up.log").read_text()
    (named,) = [line for line in log.splitlines() if "alerta_setting" in line and "LDAP_URL" in line]
    assert "AUTH_PROVIDER does not name" in named
    assert "hidden" not in log
    assert "alertad.conf: cannot be read" in served.run(
        "config", "check", "--offline", "--alerta-config", "nowhere/alertad.conf", code=2
    )


def test_objects_by_the_api_and_a_heartbeat(served: Shell):
    (served.folder / "objects.yaml").write_text(OBJECTS)
    assert served.run("apply", "objects.yaml").endswith("configuration version 1\n")
    assert served.run("heartbeat", "backup") == "OK\n"
    assert "there are: backup" in served.run("heartbeat", "nonsense", code=1)
    (served.folder / "fewer.yaml").write_text(OBJECTS.partition("---\nkind: heartbeat")[0])
    assert "--yes" in served.run("apply", "fewer.yaml", "--prune", code=2)
    assert served.run("apply", "fewer.yaml", "--prune", "--yes").startswith("- heartbeat backup\n")
    wrong = OBJECTS.replace("interval: 30", "interval: x").replace("[shop]", "shop")
    (served.folder / "wrong.yaml").write_text(wrong)
    said = served.run("plan", "wrong.yaml", code=1).splitlines()
    assert [line.partition(": Expected")[0] for line in said] == [
        "watchbell: wrong.yaml:4: check front: interval",
        "watchbell: wrong.yaml:4: check front: services",
    ]


def test_two_step_log_in_of_who_lost_everything_is_switched_off(shell: Shell):
    shell.run("user", "create", "ann", "--role", "admin", *shell.data, given="correct horse\n")
    (user,) = json.loads(shell.run("user", "list", "--json", *shell.data))
    assert user["second_factor"] is False
    assert "is off" in shell.run("user", "two-step-off", "ann", *shell.data, code=1)

    async def switch_on() -> None:
        store = open_store(f"sqlite:///{shell.folder / 'data' / 'watchbell.db'}")
        factor = SecondFactor(user_id=user["id"], secret="sealed:x", last_step=1, created_at=datetime.now(UTC))
        async with store.transaction() as tx:
            await tx.second_factors.add(factor, ["h"])
        await store.close()

    asyncio.run(switch_on())
    (user,) = json.loads(shell.run("user", "list", "--json", *shell.data))
    assert user["second_factor"] is True
    assert "is off" in shell.run("user", "two-step-off", "ann", *shell.data)
    (user,) = json.loads(shell.run("user", "list", "--json", *shell.data))
    assert user["second_factor"] is False


def test_people_by_the_api(served: Shell):
    url = ("--url", served.environment["WATCHBELL_URL"])
    served.run("user", "create", "eve", "--role", "guest", *url, given="quite a long one\n")
    assert "eve" in served.run("user", "list", *url)
    key = served.run("key", "create", "--scope", "read", "--days", "3", *url).strip()
    assert key[:6] in served.run("key", "list", *url)
    served.run("key", "delete", key[:6], *url)
    assert "is off" in served.run("user", "two-step-off", "eve", *url, code=1)
    served.run("user", "delete", "eve", *url)
    assert "eve" not in served.run("user", "list", *url)
