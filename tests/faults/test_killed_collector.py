"""kill -9 of a collector's processes at random moments, a thousand events under way at a time.

Every event that was answered, or that stands in a log that the collector follows, is in the files exactly once; one
that was not answered is there at most once. Meanwhile the mappings change, and the log is rotated.
"""

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from collector_server import AGENT, CollectorProcess, check_exactly_once, child_pids, load
from servers.process import PATIENCE, wait_until
from watchbell.collector.log_follower import Progress
from watchbell.domain.events.mapping.default import DEFAULT_STEPS
from watchbell.domain.events.record import DEFAULT_SCHEMA

pytestmark = pytest.mark.slow

ROUNDS = 3
AT_A_TIME = 1000
SEED = int(os.environ.get("WATCHBELL_TEST_SEED", "0")) or random.randrange(1, 1 << 30)
"""Another one each time: what a failure prints goes into the variable."""

FEWEST_S, MOST_S = 0.5, 30.0 * PATIENCE
"""A round lasts until enough was answered, but not longer."""


class Log:
    """A log as nginx writes it, and rotates it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "logs" / "events.log"
        self.path.parent.mkdir()
        self.names: set[str] = set()
        self.stopping = False
        self._rotations = 0

    async def run(self, prefix: str) -> None:
        number = 0
        while not self.stopping:
            names = [f"{prefix}-{number}-{index}" for index in range(20)]
            with self.path.open("a") as file:
                file.writelines(_log_line(name) for name in names)
            self.names.update(names)
            number += 1
            if number % 20 == 0:
                self._rotations += 1
                self.path.rename(self.path.with_name(f"events.log.{self._rotations}"))
            await asyncio.sleep(0.02)

    def is_read(self, collector: CollectorProcess) -> bool:
        """Whether all of it is in the journal."""
        kept = collector.folder / "metrics" / "log-log.progress"
        taken = msgspec.msgpack.decode(kept.read_bytes(), type=Progress)
        positions = taken.positions | ({taken.pending.identity: taken.pending.end} if taken.pending else {})
        return sum(positions.values()) == sum(path.stat().st_size for path in self.path.parent.iterdir())


def _log_line(name: str) -> str:
    query = f"p=0:1:p&s=0:1:s&v={name}&e={name}&c=1&n=t&f=f&t=log"
    return json.dumps([f"{time.time():.3f}", "127.0.0.1", "1", "GET", "200", query, AGENT]) + "\n"


class Changing:
    """Mappings of another schema each time."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "mappings.json"
        self._number = 0
        self.change()

    def change(self) -> None:
        self._number += 1
        version = {"name": "version", "type": "int", "default": self._number}
        schema = {**DEFAULT_SCHEMA, "fields": [*DEFAULT_SCHEMA["fields"], version]}
        partial = self.path.with_suffix(".partial")
        partial.write_text(json.dumps([{"name": "m", "schema": schema, "steps": DEFAULT_STEPS}]))
        partial.replace(self.path)


@pytest.fixture(params=["written", "fsynced"])
def collector(request, tmp_path: Path) -> Iterator[CollectorProcess]:
    made = CollectorProcess(
        tmp_path,
        workers=2,
        fsync=request.param == "fsynced",
        commit_every_s=0.1,
        partition="type={eventType}",
        mappings=str(tmp_path / "mappings.json"),
        sources={
            "browser": {"type": "browser"},
            "events": {"type": "batch"},
            "log": {"type": "nginx-log", "log": str(tmp_path / "logs" / "events.log")},
        },
    )
    yield made
    made.process.kill()


class Thousands:
    """A client that posts a thousand events in one request, as JSON or as lines of the tag, again and again."""

    def __init__(self, collector: CollectorProcess, prefix: str) -> None:
        self._collector = collector
        self._prefix = prefix
        self.answered: set[str] = set()
        self.stopping = False

    async def run(self) -> None:
        number = 0
        while not self.stopping:
            names = [f"{self._prefix}-{number}-{index}" for index in range(AT_A_TIME)]
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                if await self._post(_as_json(names) if number % 2 else _as_lines(names)):
                    self.answered.update(names)
            number += 1
            await asyncio.sleep(0.1)

    async def _post(self, request: bytes) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._collector.port)
        with contextlib.closing(writer):
            writer.write(request)
            return (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")


def _as_json(names: list[str]) -> bytes:
    common = {"party_id": "0:1:p", "session_id": "0:1:s"}
    body = json.dumps([{**common, "event_id": name, "page_view_id": name} for name in names]).encode()
    return _request("/events", "application/json", body)


def _as_lines(names: list[str]) -> bytes:
    body = "\n".join(f"p=0:1:p&s=0:1:s&v={name}&e={name}&c=1&n=t&f=f" for name in names).encode()
    return _request("/csc-events", "text/plain", body)


def _request(path: str, media: str, body: bytes) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Type: {media}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


async def answer_enough(clients: list[Thousands], least: int) -> None:
    """A killed acceptor takes a second to be back, a starved machine longer."""
    begin = time.monotonic()
    while (passed := time.monotonic() - begin) < MOST_S:
        if passed >= FEWEST_S and sum(len(client.answered) for client in clients) >= least:
            break
        await asyncio.sleep(0.05)


async def test_every_acknowledged_event_is_in_the_files_exactly_once(collector, record_property):
    """Acceptors are killed and come back; then the mapper, alone or with everything; then all starts again."""
    record_property("seed", SEED)
    sys.stdout.write(f"WATCHBELL_TEST_SEED={SEED}\n")
    chance = random.Random(SEED)
    log, mappings = Log(collector.folder), Changing(collector.folder)
    answered: set[str] = set()
    for number in range(ROUNDS):
        await asyncio.to_thread(collector.start)
        clients = [Thousands(collector, f"round{number}-{client}") for client in range(2)]
        log.stopping = False
        tasks = [asyncio.create_task(client.run()) for client in clients]
        tasks.append(asyncio.create_task(log.run(f"round{number}-log")))
        pixels = asyncio.create_task(load(collector, f"round{number}-pixel", 16, 3))
        for _ in range(2):
            await asyncio.sleep(chance.uniform(0.05, 0.6))
            for pid in child_pids(collector.process.pid):
                if chance.random() < 0.5:
                    kill(pid)
            mappings.change()
        await answer_enough(clients, 2 * AT_A_TIME)
        await asyncio.sleep(chance.uniform(0.05, 0.8))
        if number % 2:
            kill(collector.process.pid)  # its acceptors notice, and leave
            await asyncio.sleep(chance.uniform(0, 1.5))
        await asyncio.to_thread(collector.process.kill)
        answered |= await pixels
        log.stopping = True
        for client in clients:
            client.stopping = True
        await asyncio.gather(*tasks)
        answered = answered.union(*[client.answered for client in clients])
    await asyncio.to_thread(collector.start)
    await asyncio.to_thread(wait_until, lambda: log.is_read(collector), 60, "reading the log to its end")
    await asyncio.to_thread(collector.finish)
    assert len(answered) > 5 * AT_A_TIME
    check_exactly_once(collector, answered | log.names)
    versions = {record["version"] for record in collector.records()}
    assert len(versions) > 1
