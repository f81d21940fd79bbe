"""Live pages outlive the api node behind them: what changed meanwhile arrives from the other one."""

import re
import secrets
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import httpx
import msgspec
import pytest

from acceptance.installation import ADMIN_KEY, DEPLOY, Cluster, kill
from servers.process import ServerProcess, wait_until

if TYPE_CHECKING:
    from playwright.sync_api import Page

pytestmark = pytest.mark.slow


class Follower:
    """An open page: follows the stream, and comes back with the last id that it saw when `come_back` is set."""

    def __init__(self, cluster: Cluster) -> None:
        self.alerts: set[str] = set()
        """Ids of the alerts that changed."""
        self.resets = 0
        """How often everything was to be read again."""
        self.hellos = 0
        """How many connections were made."""
        self.breaks = 0
        """How many of them broke."""
        self.come_back = threading.Event()
        self._cluster = cluster
        self._last = ""
        self._ended = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Follow no more."""
        self._ended = True
        self.come_back.set()

    def _run(self) -> None:
        while not self._ended:
            headers = {"X-API-Key": ADMIN_KEY} | ({"Last-Event-ID": self._last} if self._last else {})
            try:
                with (
                    httpx.Client(verify=self._cluster.verify, timeout=120) as client,
                    client.stream("GET", f"{self._cluster.url}/api/stream", headers=headers) as answer,
                ):
                    answer.raise_for_status()
                    self._read(answer)
            except httpx.HTTPError:
                time.sleep(0.2)
            self.breaks += 1
            self.come_back.wait()  # not before: the test says how long it is away

    def _read(self, answer: httpx.Response) -> None:
        event = ""
        for line in answer.iter_lines():
            if self._ended:
                return
            name, _, value = line.partition(":")
            value = value.strip()
            if name == "event":
                event = value
                self.hellos += event == "hello"
                self.resets += event == "reset"
            elif name == "id":
                self._last = value
            elif name == "data" and event == "change":
                ids = msgspec.json.decode(value).get("alert", [])
                self.alerts |= set(ids)


@contextmanager
def followers(cluster: Cluster, count: int) -> Generator[list[Follower]]:
    """So many pages, all connected."""
    found = [Follower(cluster) for _ in range(count)]
    try:
        wait_until(lambda: all(one.hellos for one in found), 30, "every connection")
        yield found
    finally:
        for one in found:
            one.close()


def push(cluster: Cluster, name: str) -> str:
    """A new alert; returns its id."""
    body = {"environment": "Production", "resource": name, "event": "Live", "severity": "minor", "service": ["Live"]}
    return cluster.call("POST", "/api/alert", body, 201)["id"]


@pytest.fixture
def both(cluster: Cluster) -> Cluster:
    """The installation, in which nginx leaves no node alone: it does so for a while after a node was away."""
    found = re.search(r"max_fails=1 fail_timeout=(\d+)s", (DEPLOY / "watchbell.conf").read_text())
    assert found is not None
    time.sleep(int(found[1]) + 1)
    return cluster


@contextmanager
def killed(cluster: Cluster, name: str) -> Generator[None]:
    """One api node is killed; afterwards it runs again."""
    process: ServerProcess = cluster.processes[name]
    kill(process)
    try:
        yield
    finally:
        cluster.restart(process)


def test_a_stream_goes_on_at_another_node_and_nothing_is_lost(both):
    name = secrets.token_hex(4)
    with followers(both, 4) as pages:  # nginx deals them out to both nodes
        before = {push(both, f"{name}-before-{number}") for number in range(3)}
        wait_until(lambda: all(before <= page.alerts for page in pages), 30, "the first alerts on every page")
        with killed(both, "api1"):
            wait_until(lambda: any(page.breaks for page in pages), 30, "a page that lost its node")
            probe = push(both, f"{name}-probe")
            wait_until(lambda: all(page.breaks or probe in page.alerts for page in pages), 30, "word of every page")
            lost = [page for page in pages if page.breaks]
            stayed = [page for page in pages if not page.breaks]
            meanwhile = {push(both, f"{name}-meanwhile-{number}") for number in range(20)}
            wait_until(lambda: all(meanwhile <= page.alerts for page in stayed), 30, "the alerts on other pages")
            assert not any(meanwhile & page.alerts for page in lost), "they are away"
            for page in pages:
                page.come_back.set()
            wait_until(lambda: all(meanwhile <= page.alerts for page in lost), 30, "what was missed")
            after = {push(both, f"{name}-after-{number}") for number in range(3)}
            wait_until(lambda: all(after <= page.alerts for page in pages), 30, "what comes then")
        assert lost
        assert all(page.hellos == 2 for page in lost)
        assert not any(page.resets for page in pages), "nobody had to read everything again"


def test_alerts_are_taken_while_one_node_after_the_other_starts_anew(cluster):
    """Shortly after each other, so that nginx still leaves the first alone when the second goes."""
    name = secrets.token_hex(4)
    for node in ("api1", "api2", "api1", "api2"):
        with killed(cluster, node):
            for number in range(4):  # nginx takes turns: it learns of it
                push(cluster, f"{name}-without-{node}-{number}")


def test_an_open_page_shows_what_came_while_its_node_was_away(cluster: Cluster, page: "Page") -> None:
    """Whichever node the page is connected to, it loses it once."""
    name = secrets.token_hex(4)
    login, password = f"watcher-{name}", "correct horse battery"
    cluster.call("POST", "/api/user", {"login": login, "name": login, "password": password, "roles": ["user"]}, 201)
    answer = page.request.post(f"{cluster.url}/api/session", data={"login": login, "password": password})
    assert answer.ok, answer.text()
    page.goto(f"{cluster.url}/alerts?event=Live&status=open&q=resource:{name}*")
    push(cluster, f"{name}-first")
    page.get_by_role("row").filter(has_text=f"{name}-first").wait_for()
    for node in ("api1", "api2"):
        with killed(cluster, node):
            push(cluster, f"{name}-without-{node}")
            page.get_by_role("row").filter(has_text=f"{name}-without-{node}").wait_for()
            page.get_by_role("status").filter(has_text="Live").wait_for()
    assert page.evaluate("performance.getEntriesByType('navigation').length") == 1
