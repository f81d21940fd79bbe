"""SIGTERM to one process of a cluster under load: it ends well, the others go on, nothing is lost or done twice."""

import asyncio
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import asyncpg
import httpx
import pytest

from acceptance.installation import ADMIN_KEY, Cluster, port_of
from acceptance.load import Load, check_alerts_stored
from servers.process import ServerProcess, wait_until
from servers.target import HttpTarget

pytestmark = pytest.mark.slow

ROLES = ("api", "keeper", "worker", "notifier")
MESSAGES = 12
QUIET = 3.0
"""Seconds in which a message too many would come."""
SILENCE = 300
"""Seconds for which whoever is busy waits for an answer: longer than any test."""


@contextmanager
def first(cluster: Cluster, role: str) -> Generator[ServerProcess]:
    """The first process of a role, which the test stops; it runs again afterwards."""
    process = cluster.processes[f"{role}1"]
    try:
        yield process
    finally:
        process.stop()
        cluster.restart(process)
        wait_until(lambda: len(cluster.keepers()) == 2, 60, "two keepers")


class Room:
    """Services that tell one room by webhook, which takes its time to answer."""

    def __init__(self, cluster: Cluster, target: HttpTarget, name: str) -> None:
        self.cluster, self.target = cluster, target
        self.services = [f"{name}-{number}" for number in range(MESSAGES)]
        cluster.define("channel", name=name, type="webhook", config={"url": f"{target.url}/{name}"})
        steps = [{"after": 0, "targets": [{"channel": name}]}]
        cluster.define("policy", name=name, steps=steps)
        for service in self.services:
            cluster.define("service", name=service, policy=name)

    def push(self) -> None:
        """An alert for each service."""
        body = {"environment": "Production", "event": "Down", "severity": "critical"}
        for service in self.services:
            alert = {**body, "resource": f"host of {service}", "service": [service]}
            self.cluster.call("POST", "/api/alert", alert, 201)

    def heard(self) -> Counter[str]:
        """How often each message came, by its id."""
        posts = [request for request in self.target.requests if request.method == "POST"]
        return Counter(request.headers["webhook-id"] for request in posts)


@pytest.mark.parametrize("role", ROLES)
def test_a_role_is_stopped_under_load(cluster, role, http_target):
    http_target.answer(200, delay=0.3)
    name = f"drain-{role}-{time.time_ns()}"
    room = Room(cluster, http_target, name)
    config = {"url": f"{http_target.url}/probed-{role}"}
    for number in range(10):
        cluster.define("check", name=f"{name}-{number}", type="http", config=config, interval=1, timeout=15)
    with first(cluster, role) as process, Load(cluster, name, browsers=0) as load:
        load.wait_accepted(50, 0)
        room.push()
        http_target.wait_for(3)  # some messages and checks are under way now
        told = len(process.log())  # other tests take the servers away from it
        process.signal(signal.SIGTERM)
        assert process.wait(60) == 0, cluster.logs()
        assert "Traceback" not in process.log()[told:]
        load.wait_accepted(len(load.alerts) + 50, 0)  # the other one goes on
        wait_until(lambda: len(room.heard()) >= MESSAGES, 60, "every message")
    time.sleep(QUIET)
    assert len(room.heard()) == MESSAGES
    assert set(room.heard().values()) == {1}, "nobody is told twice"
    check_alerts_stored(cluster, load.alerts | {f"host of {service}" for service in room.services})
    check_results(cluster, name)


def check_results(cluster: Cluster, name: str) -> None:
    """Every check goes on, and none was taken for lost."""
    checks = [check for check in cluster.call("GET", "/api/checks")["checks"] if check["name"].startswith(name)]
    assert len(checks) == 10
    for check in checks:
        results = cluster.call("GET", f"/api/check/{check['id']}")["results"]
        assert len(results) >= 2
        assert {result["status"] for result in results} == {"ok"}, results
        cluster.call("DELETE", f"/api/objects/check/{check['id']}")


@contextmanager
def locked(cluster: Cluster, table: str) -> Generator[None]:
    """A lock that somebody else holds on a table: whoever wants to read or write it waits."""
    holds, over = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(cluster.settings["WATCHBELL_STORE__URL"])
        async with connection.transaction():
            await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            holds.set()
            await asyncio.to_thread(over.wait, SILENCE)
        await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(hold()), daemon=True)
    thread.start()
    try:
        assert holds.wait(30), f"{table} cannot be locked"
        yield
    finally:
        over.set()
        thread.join(30)


def waits_for_a_lock(cluster: Cluster, process: ServerProcess) -> bool:
    """Whether a statement of that process waits until somebody else lets go."""

    async def waiting() -> set[int]:
        connection = await asyncpg.connect(cluster.settings["WATCHBELL_STORE__URL"])
        try:
            rows = await connection.fetch("SELECT client_port FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
            return {row["client_port"] for row in rows}
        finally:
            await connection.close()

    return not asyncio.run(waiting()).isdisjoint(ports_of(process.pid))


def ports_of(pid: int) -> set[int]:
    """The ports of this machine from which a process is connected to others."""
    mine: set[str] = set()
    for file in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed since it was listed
            mine.add(str(file.readlink()))
    lines = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return {int(line[1].rpartition(":")[2], 16) for line in lines if f"socket:[{line[9]}]" in mine}


@contextmanager
def busy_api(cluster: Cluster, process: ServerProcess, _target: HttpTarget) -> Generator[None]:
    """An alert that cannot be stored yet."""

    def post() -> None:
        body = {"environment": "Production", "resource": "late", "event": "Down", "severity": "minor", "service": ["x"]}
        with suppress(httpx.HTTPError):
            headers = {"X-API-Key": ADMIN_KEY}
            httpx.post(f"http://127.0.0.1:{port_of(process)}/api/alert", json=body, headers=headers, timeout=30)

    with locked(cluster, "alerts"):
        posting = threading.Thread(target=post, daemon=True)
        posting.start()
        wait_until(lambda: waits_for_a_lock(cluster, process), 30, "the alert to wait")
        yield
        posting.join(30)


@contextmanager
def busy_keeper(cluster: Cluster, _process: ServerProcess, _target: HttpTarget) -> Generator[None]:
    """Leases that it cannot hand back yet."""
    with locked(cluster, "leases"):
        yield


@contextmanager
def busy_worker(cluster: Cluster, process: ServerProcess, target: HttpTarget) -> Generator[None]:
    """Checks of a server that does not answer, at both workers."""
    del process
    path = f"/silent-{time.time_ns()}"
    target.answer_path(path, delay=SILENCE)
    checks = [
        cluster.define(
            "check",
            name=f"{path}-{number}",
            type="http",
            config={"url": f"{target.url}{path}"},
            interval=2 * SILENCE,
            timeout=SILENCE,
        )
        for number in range(24)
    ]
    wait_until(lambda: len([r for r in target.requests if r.path == path]) == len(checks), 90, "all checks under way")
    yield
    for check in checks:
        cluster.call("DELETE", f"/api/objects/check/{check}")


@contextmanager
def busy_notifier(cluster: Cluster, process: ServerProcess, target: HttpTarget) -> Generator[None]:
    """Messages to rooms that do not answer, at both notifiers."""
    del process
    target.answer(200, delay=SILENCE)
    room = Room(cluster, target, f"silent-{time.time_ns()}")
    before = len(target.requests)
    room.push()
    target.wait_for(before + 4)
    yield


Busy = Callable[[Cluster, ServerProcess, HttpTarget], AbstractContextManager[None]]
BUSY: dict[str, Busy] = {"api": busy_api, "keeper": busy_keeper, "worker": busy_worker, "notifier": busy_notifier}


@pytest.mark.parametrize("role", ROLES)
def test_a_second_signal_ends_a_role_at_once(cluster, role, http_target):
    with first(cluster, role) as process, BUSY[role](cluster, process, http_target):
        told = len(process.log())  # it may have been stopped before, by another test
        process.signal(signal.SIGTERM)
        wait_until(lambda: "stopping" in process.log()[told:], 10, "the first signal taken")
        time.sleep(0.5)
        assert process.running, "it finishes what is under way"
        process.signal(signal.SIGTERM)
        assert process.wait(15) == 1  # what is under way takes longer
        assert "stopped_at_once" in process.log()[told:]
