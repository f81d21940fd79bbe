"""Plug-ins where each role is a process: deciding hooks run in the api, informed ones in a keeper, each once."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from acceptance.installation import Cluster
from servers.certificates import TestAuthority
from servers.postgres import PostgresServer
from servers.process import wait_until
from servers.rabbitmq import RabbitServer

pytestmark = pytest.mark.slow

MODULE = '''"""Writes down each call, and does as the alert's event says."""

import os
import time
from pathlib import Path

import msgspec

FOLDER = Path(os.environ["WITNESS_FOLDER"])


def saw(hook, alert):
    line = f"{hook} {alert.event} {os.getpid()}\\n".encode()
    file = os.open(FOLDER / "calls", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(file, line)
    os.close(file)


def wait_for(name):
    while not (FOLDER / name).exists():
        time.sleep(0.05)


class Witness:
    def pre_receive(self, signal, given):
        saw("pre_receive", signal)
        if signal.event == "Slow-to-decide":
            wait_for("decide")
        if signal.event == "Crash":
            raise RuntimeError("no")
        return signal

    def status_change(self, alert, status, text, given):
        saw("status_change", alert)

    def take_action(self, alert, action, given):
        saw("take_action", alert)

    def take_note(self, alert, text, given):
        saw("take_note", alert)

    def delete(self, alert, given):
        saw("delete", alert)
        return True

    def post_receive(self, alert, given):
        saw("post_receive", alert)
        if alert.event in ("Slow-to-hear", "Doomed"):
            wait_for(alert.event)
        if alert.event == "Fails-once" and not (FOLDER / "failed").exists():
            (FOLDER / "failed").touch()
            raise RuntimeError("once")
        if alert.event == "Always-fails":
            raise RuntimeError("always")
        return msgspec.structs.replace(alert, tags=(*alert.tags, "witnessed"))

    def post_action(self, alert, action, given):
        saw("post_action", alert)
'''


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("witness")


@pytest.fixture(scope="module")
def roles(
    tmp_path_factory: pytest.TempPathFactory,
    folder: Path,
    postgres_server: PostgresServer,
    rabbitmq_server: RabbitServer,
    test_authority: TestAuthority,
) -> Iterator[Cluster]:
    """Two of each role, with the witness and with plug-ins of our own."""
    site = tmp_path_factory.mktemp("site")
    (site / "witness.py").write_text(MODULE)
    about = site / "witness-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: witness\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[watchbell.alert_plugins]\nwitness = witness:Witness\n")
    installation = Cluster(
        postgres_server.url(postgres_server.create_database()),
        rabbitmq_server.url(rabbitmq_server.create_vhost()),
        test_authority,
        PYTHONPATH=os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])]),
        WITNESS_FOLDER=str(folder),
        WATCHBELL_PLUGINS__ALERTS="witness,acked_by",
        WATCHBELL_PLUGINS__TIMEOUT="30",
        WATCHBELL_PLUGINS__CONCURRENCY="2",
    )
    try:
        yield installation
    finally:
        for name in ("decide", "Slow-to-hear", "Doomed"):
            (folder / name).touch()
        installation.stop()


def send(roles: Cluster, event: str, expect: int = 201, **fields: Any) -> Any:
    """Send an alert; the answer."""
    usual = {"resource": "web", "environment": "Production", "service": ["Shop"], "severity": "major"}
    return roles.call("POST", "/api/alert", {**usual, "event": event, **fields}, expect)


def calls(folder: Path, event: str) -> Counter[str]:
    """How often each hook was called about an event."""
    file = folder / "calls"
    lines = [line.split() for line in file.read_text().splitlines()] if file.exists() else []
    return Counter(hook for hook, about, _ in lines if about == event)


def by_role(roles: Cluster, folder: Path, event: str) -> dict[str, set[str]]:
    """The roles of the processes in which each hook ran."""
    known = {process.pid: name.rstrip("12") for name, process in roles.processes.items()}
    found: dict[str, set[str]] = {}
    for line in (folder / "calls").read_text().splitlines():
        hook, about, pid = line.split()
        if about == event:
            found.setdefault(hook, set()).add(known[int(pid)])
    return found


def test_each_hook_runs_once_in_the_role_that_it_belongs_to(roles, folder):
    alert = send(roles, "Whole")["alert"]
    path = f"/api/alert/{alert['id']}"
    roles.call("PUT", f"{path}/action", {"action": "ack"})
    roles.call("PUT", f"{path}/note", {"text": "seen"}, 201)
    assert roles.call("GET", path)["alert"]["attributes"]["acked-by"]
    send(roles, "Whole", severity="critical")
    wait_until(lambda: calls(folder, "Whole")["post_receive"] == 2, 60, "both messages to be told")
    wait_until(lambda: "witnessed" in roles.call("GET", path)["alert"]["tags"], 60, "the tag")
    roles.call("DELETE", path)
    time.sleep(3)  # in which a second call would come
    once = ("take_action", "take_note", "post_action", "delete")
    # The acknowledgement changes the status, and the worse severity opens the alert again.
    assert calls(folder, "Whole") == dict.fromkeys(once, 1) | dict.fromkeys(
        ("pre_receive", "post_receive", "status_change"), 2
    )
    found = by_role(roles, folder, "Whole")
    assert {hook: role for hook, role in found.items() if role != {"api"}} == {
        "post_receive": {"keeper"},
        "post_action": {"keeper"},
    }


def test_hooks_run_once_each_under_many_messages_to_both_api_nodes(roles, folder):
    def one(number: int) -> None:
        send(roles, "Flood", resource=f"host {number % 20}", value=str(number))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(120)))
    wait_until(lambda: calls(folder, "Flood")["post_receive"] >= 120, 90, "all to be told")
    time.sleep(3)
    assert calls(folder, "Flood") == {"pre_receive": 120, "post_receive": 120}


def test_one_that_fails_or_is_slow_delays_nobody(roles, folder):
    answer = send(roles, "Crash", 502)
    assert answer["message"] == "The plug-in 'witness' failed in pre_receive: RuntimeError. The log says more."
    with ThreadPoolExecutor() as pool:
        slow = pool.submit(send, roles, "Slow-to-decide")
        wait_until(lambda: calls(folder, "Slow-to-decide"), 30, "the slow one to begin")
        for number in range(10):
            assert send(roles, f"Quick-{number}")["status"] == "ok"
        assert not slow.done()
        (folder / "decide").touch()
        assert slow.result()["status"] == "ok"
    send(roles, "Slow-to-hear")
    send(roles, "Always-fails")
    wait_until(lambda: calls(folder, "Slow-to-hear") and calls(folder, "Always-fails"), 60, "both to be told")
    for number in range(10):
        send(roles, f"Told-{number}")
    wait_until(lambda: all(calls(folder, f"Told-{n}")["post_receive"] for n in range(10)), 20, "the others to be told")
    assert roles.call("GET", "/readyz") is not None
    (folder / "Slow-to-hear").touch()
    alert = roles.wait_alert(30, event="Slow-to-hear")
    path = f"/api/alert/{alert['id']}"
    wait_until(lambda: "witnessed" in roles.call("GET", path)["alert"]["tags"], 30, "what the slow one returned")


def test_one_that_fails_once_is_told_again_and_then_no_more(roles, folder):
    alert = send(roles, "Fails-once")["alert"]
    path = f"/api/alert/{alert['id']}"
    wait_until(lambda: "witnessed" in roles.call("GET", path)["alert"]["tags"], 60, "the second try")
    time.sleep(3)
    assert calls(folder, "Fails-once")["post_receive"] == 2


def test_what_is_to_be_told_outlives_the_keeper_that_had_it(roles, folder):
    alert = send(roles, "Doomed")["alert"]
    wait_until(lambda: calls(folder, "Doomed")["post_receive"] == 1, 60, "a keeper to have it")
    told = (folder / "calls").read_text().splitlines()
    holder = next(int(line.split()[2]) for line in told if line.startswith("post_receive Doomed"))
    keeper = next(process for process in roles.processes.values() if process.pid == holder)
    keeper.signal(signal.SIGKILL)
    keeper.wait()
    keeper.kill()
    wait_until(lambda: calls(folder, "Doomed")["post_receive"] == 2, 90, "the other to be told")
    (folder / "Doomed").touch()
    path = f"/api/alert/{alert['id']}"
    wait_until(lambda: "witnessed" in roles.call("GET", path)["alert"]["tags"], 60, "what it returned")
    roles.restart(keeper)
    wait_until(lambda: len(roles.keepers()) == 2, 60, "two keepers")
