"""Stopping and not starting: nothing that was accepted is lost, and what is wrong is said plainly."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from acceptance.installation import ADMIN_KEY, COMMAND, SingleMachine
from acceptance.load import Load, check_alerts_stored, check_events_stored
from acceptance.telling import Watched, add_mail_channel
from servers.process import PATIENCE, free_port, wait_until
from servers.smtp import SmtpServer

pytestmark = pytest.mark.slow


@pytest.fixture
def machine() -> Iterator[SingleMachine]:
    """An installation of the test's own."""
    installation = SingleMachine()
    yield installation
    installation.stop()


@pytest.fixture
def own_mail() -> Iterator[SmtpServer]:
    """A mail server of the test's own."""
    with SmtpServer() as server:
        yield server


def test_a_stop_under_load_loses_nothing(machine, own_mail):
    add_mail_channel(machine, own_mail)
    own_mail.down()
    watched = [Watched(machine, own_mail, f"queued-{number}") for number in range(3)]
    with Load(machine, "drain") as load:
        for service in watched:
            service.push("critical")
        load.wait_accepted(100, 100)
        machine.process.signal(signal.SIGTERM)
        assert machine.process.wait(60) == 0, machine.logs()
    machine.process.stop()
    assert "Traceback" not in machine.process.log()
    check_events_stored(machine, load.events)

    own_mail.up()
    machine.restart(machine.process)
    check_alerts_stored(machine, load.alerts | {f"host of {service.service}" for service in watched})
    for service in watched:
        assert len(service.wait_mails(1)) == 1


def test_a_second_signal_ends_it_at_once(own_mail):
    """The first waits for a mail server that says nothing; the second does not. The mail comes after the restart."""
    machine = SingleMachine(WATCHBELL_DELIVERY__ATTEMPT_TIMEOUT="30")
    try:
        add_mail_channel(machine, own_mail)
        own_mail.down()
        with socket.create_server(("127.0.0.1", own_mail.port)) as silent:
            service = Watched(machine, own_mail, "twice")
            service.push("critical")
            silent.settimeout(30)
            connection, _ = silent.accept()
            machine.process.signal(signal.SIGTERM)
            wait_until(lambda: "stopping" in machine.process.log(), 10, "the first signal taken")
            time.sleep(1)
            assert machine.process.running, "it waits for the mail that is under way"
            machine.process.signal(signal.SIGTERM)
            assert machine.process.wait(5) == 1
            connection.close()
        machine.process.stop()
        own_mail.up()
        machine.restart(machine.process)
        assert len(service.wait_mails(1)) == 1
    finally:
        machine.stop()


def run(*arguments: str, folder: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command that should end by itself."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("WATCHBELL_")}
    return subprocess.run(
        [*COMMAND, *arguments],
        check=False,
        capture_output=True,
        text=True,
        timeout=60 * PATIENCE,
        cwd=folder,
        env={**clean, "WATCHBELL_AUTH__ADMIN_KEY": ADMIN_KEY, **environment},
    )


@pytest.mark.parametrize("option", ["--port", "--collector-port"])
def test_a_taken_port(tmp_path, option):
    other = "--port" if option == "--collector-port" else "--collector-port"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = run("up", "--data", "data", option, str(port), other, str(free_port()), folder=tmp_path)
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert option in done.stderr
    assert "Traceback" not in done.stderr


def test_wrong_settings_are_all_named_at_once(tmp_path):
    (tmp_path / "watchbell.toml").write_text(
        'data_dri = "typo"\n[server]\nport = "many"\n[store]\nurl = "mysql://x"\n[worker]\nconcurrency = 0\n'
    )
    done = run("up", folder=tmp_path, WATCHBELL_SERVER__PROT="1", WATCHBELL_SECRET_KEY="short")
    assert done.returncode == 2
    for key in ("data_dri", "server.port", "WATCHBELL_SERVER__PROT"):
        assert key in done.stderr
    assert "watchbell.toml" in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["watchbell.toml"]


def test_settings_that_do_not_go_together_are_all_named_at_once(tmp_path):
    (tmp_path / "watchbell.toml").write_text('[store]\nurl = "mysql://x"\n[worker]\nconcurrency = 0\n')
    done = run("up", folder=tmp_path, WATCHBELL_SECRET_KEY="short", WATCHBELL_SERVER__TLS_CERT="nowhere.pem")
    assert done.returncode == 2
    for key in ("store.url", "worker.concurrency", "secret_key", "server.tls_cert"):
        assert key in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(("role", "code"), [("api", 1), ("keeper", 1), ("up", 1), ("migrate", 1)])
def test_a_database_that_is_away(tmp_path, role, code):
    port = free_port()
    url = f"postgresql://watchbell:hush-hush@127.0.0.1:{port}/watchbell"
    more = {"WATCHBELL_COLLECTOR__ENABLED": "false", "WATCHBELL_SERVER__PORT": "0"} if role == "up" else {}
    done = run(role, "--data", "data", folder=tmp_path, WATCHBELL_STORE__URL=url, WATCHBELL_SECRET_KEY="s" * 40, **more)
    assert done.returncode == code
    assert "environment variable WATCHBELL_STORE__URL: store.url: cannot use the database at" in done.stderr
    assert "Start it, or mend store.url" in done.stderr
    assert f"127.0.0.1:{port}" in done.stderr
    assert "database" in done.stderr
    assert "hush-hush" not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
