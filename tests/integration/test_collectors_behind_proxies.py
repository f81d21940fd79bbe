"""Two collectors behind the proxies that `deploy/` configures: what hashing by URI saves, also when one is killed."""

import contextlib
import os
import re
import shutil
import signal
import socket
import subprocess
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import httpx
import pytest

from collector_server import CollectorProcess
from conftest import missing
from servers.certificates import TestAuthority
from servers.nginx import NginxServer
from servers.process import MissingServerError, ServerProcess, free_port, is_listening, wait_until
from watchbell.adapters.journal.scanning import checkpoint_of
from watchbell.usecases.mapping_notes import accounts_of

DEPLOY = Path(__file__).parents[2] / "deploy"
EVENTS = 301
"""Odd: without hashing, taking turns sends each repeated event to the other collector."""
HASH = "    hash $request_uri consistent;\n"


ACCEPTED = "watchbell_events_accepted_total"


def noted(collector: CollectorProcess) -> int:
    """How many events the checkpoint of a collector has in its books."""
    return sum(book.received for book in accounts_of(checkpoint_of(collector.folder / "journal").note).values())


class Pair:
    """Two collectors and a proxy before them that knows both."""

    def __init__(self, folder: Path, authority: TestAuthority) -> None:
        self.authority = authority
        self.port = free_port()
        self.collectors: list[CollectorProcess] = []
        for name in ("a", "b"):
            (folder / name).mkdir()
            settings = {"trusted_proxies": ["127.0.0.1"], "commit_every_s": 0.1}
            self.collectors.append(CollectorProcess(folder / name, **settings).start())

    def send_all(self, count: int = EVENTS) -> None:
        """Every event once, or the first so many, as browsers send them."""
        context = self.authority.client_context()
        with httpx.Client(verify=context, headers={"Host": "events.example.org"}, timeout=60) as client:
            for number in range(count):
                target = f"/csc-event?p=0:1:p{number}&s=0:1:s&v=v{number}&e=e{number}&c=1&n=t&f=f"
                answer = client.get(f"https://localhost:{self.port}{target}")
                assert answer.status_code == 200, answer.text

    def wait_until_noted(self, collector: CollectorProcess) -> None:
        """All of its events are in its checkpoint: what is only in the journal may forget a duplicate."""
        wait_until(lambda: 0 < noted(collector) == collector.metric(ACCEPTED), 60, "a checkpoint with everything")

    def wait_until_noted_at_least(self, collector: CollectorProcess, number: int) -> None:
        """So many of its events are in its checkpoint, those of its former life included."""
        wait_until(lambda: noted(collector) >= number, 60, f"{number} events in the checkpoint")

    def records(self) -> list[tuple[Counter[str], Counter[str]]]:
        """Of each collector: how often it has each event, and how often flagged as a duplicate."""
        for collector in self.collectors:
            collector.finish()
        found: list[tuple[Counter[str], Counter[str]]] = []
        for collector in self.collectors:
            records = collector.records()
            every = Counter(record["pageViewId"] for record in records)
            found.append((every, Counter(r["pageViewId"] for r in records if r["detectedDuplicate"])))
        return found


@pytest.fixture
def pair(tmp_path: Path, test_authority: TestAuthority) -> Iterator[Pair]:
    made = Pair(tmp_path, test_authority)
    yield made
    for collector in made.collectors:
        collector.process.kill()


@pytest.fixture
def behind_nginx(pair: Pair) -> Iterator[Callable[[bool], None]]:
    """Starts nginx with the shipped configuration; with False, without the hash."""
    started: list[NginxServer] = []

    def start(hashing: bool) -> None:
        text = (DEPLOY / "nginx" / "watchbell.conf").read_text()
        assert HASH in text
        text = text if hashing else text.replace(HASH, "")
        for collector, shipped in zip(pair.collectors, ("10.0.0.21:8290", "10.0.0.22:8290"), strict=True):
            text = text.replace(shipped, f"127.0.0.1:{collector.port}")
        text = text.replace("/etc/watchbell/tls/watchbell.pem", str(pair.authority.cert_file))
        text = text.replace("/etc/watchbell/tls/watchbell.key", str(pair.authority.key_file))
        text = text.replace("listen 80;", f"listen 127.0.0.1:{free_port()};")
        text = text.replace("listen 443 ssl", f"listen 127.0.0.1:{pair.port} ssl")
        user = "user root;\n" if os.getuid() == 0 else ""
        try:
            nginx = NginxServer(f"{user}worker_processes 1;\nevents {{}}\nhttp {{\n{text}\n}}\n", pair.port)
        except MissingServerError as error:
            missing(error)
            return
        nginx.add_file("watchbell_proxy.conf", (DEPLOY / "nginx" / "watchbell_proxy.conf").read_bytes())
        started.append(nginx.start())

    yield start
    for nginx in started:
        nginx.stop()


def check_hashed(pair: Pair) -> None:
    """Three times all events, the third after the second collector was killed."""
    pair.send_all()
    pair.send_all()
    pair.wait_until_noted(pair.collectors[1])
    pair.collectors[1].process.kill()
    pair.send_all()
    pair.collectors[1].start()  # what it had accepted is mapped
    (first, first_flagged), (second, second_flagged) = pair.records()
    # What belongs to the survivor stayed with it and was recognised both times; nothing of it ever went elsewhere.
    own = set(first) - set(second)
    assert EVENTS * 0.3 < len(own) < EVENTS * 0.7
    assert {first[name] for name in own} == {3}
    assert {first_flagged[name] for name in own} == {2}
    # What belonged to the other was recognised while it lived, and is new to the survivor: once, as in any hand-over.
    moved = set(second)
    assert {second[name] for name in moved} == {2}
    assert {second_flagged[name] for name in moved} == {1}
    assert {first[name] for name in moved} == {1}
    assert {first_flagged[name] for name in moved} == {0}
    assert len(own) + len(moved) == EVENTS


def test_hashing_keeps_repeated_events_together_and_moves_only_the_dead_ones_share(pair, behind_nginx):
    behind_nginx(True)
    check_hashed(pair)


def test_without_hashing_repeated_events_are_missed(pair, behind_nginx):
    """What the hash saves: the same two rounds, and hardly a duplicate is recognised."""
    behind_nginx(False)
    pair.send_all()
    pair.send_all()
    flagged = sum(sum(flags.values()) for _, flags in pair.records())
    assert flagged < EVENTS * 0.1


@contextlib.contextmanager
def unreachable(port: int) -> Generator[None]:
    """Where nobody answers at all, as if the machine were gone: a listener whose queue is full lets no one in."""
    with contextlib.ExitStack() as opened:
        listener = opened.enter_context(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(0)
        for _ in range(100):
            caller = opened.enter_context(socket.socket())
            caller.settimeout(0.5)
            try:
                caller.connect(("127.0.0.1", port))
            except TimeoutError:
                break
        else:
            raise AssertionError(f"port {port} still lets callers in")
        yield


def test_events_are_taken_while_the_machine_of_a_collector_is_gone(pair, behind_nginx):
    behind_nginx(True)
    first, second = pair.collectors
    second.process.kill()
    with unreachable(second.port):
        pair.send_all(10)
    second.start()
    assert first.metric(ACCEPTED) == 10


def test_what_a_killed_collector_had_not_mapped_yet_is_there_when_it_is_back(pair, behind_nginx):
    """Its mapper stands still while its acceptors go on; then all of it is killed, and the other takes everything."""
    behind_nginx(True)
    second = pair.collectors[1]
    pair.send_all()
    pair.wait_until_noted(second)
    before = noted(second)
    second.process.signal(signal.SIGSTOP)
    pair.send_all()
    second.process.kill()
    assert noted(second) == before
    pair.send_all()
    second.start()
    pair.wait_until_noted_at_least(second, 2 * before)
    (first, _), (killed, flagged) = pair.records()
    assert {name: first[name] + killed[name] for name in first | killed} == {f"v{n}": 3 for n in range(EVENTS)}
    assert {killed[name] for name in killed} == {2}
    assert {flagged[name] for name in killed} == {1}
    assert len(killed) == before


def haproxy() -> str:
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        missing(MissingServerError("haproxy is not installed (Debian package: haproxy)"))
    return str(program)


def haproxy_configuration(pair_ports: list[int], port: int, folder: Path, authority: TestAuthority) -> Path:
    """The shipped file with other addresses and a certificate."""
    pem = folder / "both.pem"
    pem.write_bytes(authority.cert_file.read_bytes() + authority.key_file.read_bytes())
    text = (DEPLOY / "haproxy" / "watchbell.cfg").read_text()
    for number, each in enumerate(pair_ports, 1):
        text = text.replace(f"10.0.0.2{number}:8290", f"127.0.0.1:{each}")
    text = re.sub(r"10\.0\.0\.1[12]:8080", f"127.0.0.1:{free_port()}", text)
    text = text.replace("/etc/watchbell/tls/watchbell.pem", str(pem))
    text = text.replace("bind :443", f"bind 127.0.0.1:{port}").replace("bind :80", f"bind 127.0.0.1:{free_port()}")
    text = text.replace("maxconn 20000", "maxconn 200")  # a machine for tests allows fewer open files
    path = folder / "haproxy.cfg"
    path.write_text(text)
    return path


def test_haproxy_takes_its_configuration(tmp_path, test_authority):
    path = haproxy_configuration([1, 2], free_port(), tmp_path, test_authority)
    done = subprocess.run([haproxy(), "-c", "-f", str(path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()


def test_the_same_behind_haproxy(pair, tmp_path):
    ports = [collector.port for collector in pair.collectors]
    path = haproxy_configuration(ports, pair.port, tmp_path, pair.authority)
    with ServerProcess("haproxy", [haproxy(), "-db", "-f", str(path)], folder=tmp_path) as process:
        process.wait_ready(lambda: is_listening(pair.port))
        check_hashed(pair)
