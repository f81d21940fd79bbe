"""A source of type `nginx-log` behind a real nginx, configured as `deploy/nginx/events-log.conf` says."""

import asyncio
import contextlib
import os
import random
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector_server import CollectorProcess, check_exactly_once, child_pids, load, request_of
from conftest import missing
from servers.nginx import NginxServer
from servers.process import MissingServerError, free_port, wait_until
from watchbell.collector.log_follower import Progress

DEPLOY = Path(__file__).parents[2] / "deploy" / "nginx"
LOG = "/var/log/watchbell/events.log"


class Front:
    """nginx that answers events, and the collector that reads its log."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "logs" / "events.log"
        self.log.parent.mkdir()
        sources = {"web": {"type": "nginx-log", "log": str(self.log)}, "batch": {"type": "batch"}}
        self.collector = CollectorProcess(folder, sources=sources, commit_every_s=0.1, kept_headers=["referer"])
        self.nginx = NginxServer(self._configuration(), self.port)
        self.rotations = 0

    def _configuration(self) -> str:
        """The shipped file with this test's paths and ports in it."""
        text = (DEPLOY / "events-log.conf").read_text()
        for shipped, ours in (
            ("listen 80;", f"listen 127.0.0.1:{self.port};"),
            ("listen [::]:80;", ""),
            (LOG, str(self.log)),
            ("127.0.0.1:8290", f"127.0.0.1:{self.collector.port}"),
            ("watchbell_proxy.conf", str(DEPLOY / "watchbell_proxy.conf")),
        ):
            assert shipped in text
            text = text.replace(shipped, ours)
        user = "user root;\n" if os.getuid() == 0 else ""
        return f"{user}worker_processes 2;\nevents {{ worker_connections 256; }}\nhttp {{\n{text}\n}}\n"

    def ask(self, request: bytes) -> tuple[int, dict[str, str], bytes]:
        own, self.collector.port = self.collector.port, self.port
        try:
            return self.collector.ask(request)
        finally:
            self.collector.port = own

    def rotate(self) -> None:
        """As logrotate does with `create` and the shipped postrotate script, once nginx has obeyed the one before."""
        wait_until(self.log.exists, what="the log that nginx opens again")
        self.rotations += 1
        self.log.rename(self.log.with_name(f"events.log.{self.rotations}"))
        self.nginx.process.signal(signal.SIGUSR1)

    def written(self) -> int:
        """Lines in all files of the log."""
        return sum(path.read_bytes().count(b"\n") for path in self.log.parent.iterdir())

    def taken(self) -> int:
        """Bytes of all files of the log that are in the journal, or about to be."""
        path = self.collector.folder / "metrics" / "log-web.progress"
        kept = msgspec.msgpack.decode(path.read_bytes(), type=Progress)
        positions = kept.positions | ({kept.pending.identity: kept.pending.end} if kept.pending else {})
        return sum(positions.values())

    def size(self) -> int:
        """Bytes in all files of the log."""
        return sum(path.stat().st_size for path in self.log.parent.iterdir())

    def names(self) -> list[str]:
        return [record["pageViewId"] for record in self.collector.records()]


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Front]:
    try:
        made = Front(tmp_path)
    except MissingServerError as error:
        missing(error)
        return
    with made.nginx:
        yield made
    made.collector.process.kill()


def test_nginx_answers_and_the_event_becomes_a_record(front):
    front.collector.start()
    status, headers, body = front.ask(request_of("a"))
    assert (status, headers["content-type"], body[:6]) == (200, "image/gif", b"GIF89a")
    assert headers["etag"] == '"6b3edc43-20ec-4078-bc47-e965dd76b88a"'
    assert headers["cache-control"] == "private, no-cache, proxy-revalidate"
    repeated = request_of("b").replace(
        b"\r\n\r\n", b'\r\nIf-None-Match: "6b3edc43-20ec-4078-bc47-e965dd76b88a"\r\n\r\n'
    )
    assert front.ask(repeated)[0] == 304
    assert front.ask(request_of("c").replace(b"GET", b"PUT"))[0] == 405
    hostile = request_of("d").replace(b"Mozilla", b'Moz"\\\xff\xc3')
    assert front.ask(hostile)[0] == 200
    assert front.ask(b"GET /ping HTTP/1.1\r\nHost: x\r\n\r\n")[2] == b"pong"  # passed on to the collector
    front.nginx.process.signal(signal.SIGUSR1)
    wait_until(
        lambda: len(front.names()) == 2 or front.collector.metric("watchbell_events_mapped_total") == 2,
        20,
        "two events",
    )
    front.collector.finish()
    assert sorted(front.names()) == ["a", "d"]
    first = next(record for record in front.collector.records() if record["pageViewId"] == "a")
    assert (first["remoteHost"], first["eventType"]) == ("127.0.0.1", "click")


async def test_rotation_under_load_and_kill_9_lose_and_repeat_nothing(front, record_property):
    """Renamed under load, the reader killed, the mapper killed, everything killed: each event once."""
    seed = random.randrange(1 << 30)
    chance = random.Random(seed)
    record_property("seed", seed)
    answered: set[str] = set()
    for number in range(4):
        front.collector.start()
        loading = asyncio.create_task(load(front.collector, f"round{number}", 8, 1.6, front.port, at_least=300))
        for _ in range(2):
            await asyncio.sleep(chance.uniform(0.1, 0.4))
            await asyncio.to_thread(front.rotate)
            await asyncio.sleep(chance.uniform(0.1, 0.3))
            for pid in child_pids(front.collector.process.pid):
                if chance.random() < 0.5:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(front.collector.process.kill)
        answered |= await loading
    front.nginx.process.stop()  # in order: what it buffers is written
    assert front.written() == len(answered) > 1000
    front.collector.start()
    await asyncio.to_thread(wait_until, lambda: front.taken() == front.size(), 30, "reading to the end")
    front.collector.finish()
    check_exactly_once(front.collector, answered)


@pytest.mark.skipif(shutil.which("logrotate") is None, reason="logrotate is not installed")
def test_the_shipped_rotation_is_one_that_logrotate_takes(tmp_path):
    configuration = tmp_path / "watchbell"
    text = (DEPLOY / "events-logrotate").read_text().replace("/var/log/watchbell", str(tmp_path))
    configuration.write_text(text)
    configuration.chmod(0o644)
    done = subprocess.run(
        ["logrotate", "--debug", "--state", str(tmp_path / "state"), str(configuration)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr.lower()


def test_the_rotation_is_by_rename_and_waits_with_compression():
    words = (DEPLOY / "events-logrotate").read_text().split("\n")
    settings = {line.strip() for line in words if not line.startswith("#")}
    assert {"nocopytruncate", "delaycompress", "create 0640 www-data adm"} <= settings
    assert any("USR1" in line for line in settings)
