"""From signal to provider: how long after a client begins to post an alert the webhook's provider has the request.

    benchmarks/notify_latency.py [--rate ALERTS_PER_SECOND ...] [--seconds S]

One `watchbell up` with SQLite; every alert opens an incident of its own, and every incident sends one signed webhook to
a receiver in this process. For each rate a line: sent, arrived, lost, sent twice, p50, p99, longest. The last line is
the ratio of p99 at the first rate to the target of 250 ms (under 1 is good). Receiver and load run on the same machine.
"""

import argparse
import asyncio
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import aiohttp

KEY = "benchmark-key-0123456789"
TARGET = 0.25  # seconds
PATIENCE = 60.0  # seconds that stragglers get
APPLY = 500  # objects for each request


class Line(NamedTuple):
    """What one rate came to; times in seconds."""

    rate: float
    sent: int
    refused: int
    arrived: int
    repeated: int
    latencies: list[float]

    def at(self, part: float) -> float:
        """The latency that `part` of the messages did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * part), len(ordered) - 1)] if ordered else float("nan")


class Receiver:
    """Answers every post with 200, and notes when which service arrived."""

    def __init__(self) -> None:
        self.first: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self.port = 0

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, backlog=4096)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            lines = head.decode("latin-1").lower().split("\r\n")
            length = next(int(line.split(":")[1]) for line in lines if line.startswith("content-length"))
            arrived = time.perf_counter()
            service = json.loads(await reader.readexactly(length))["data"]["service"]
            self.first.setdefault(service, arrived)
            self.counts[service] += 1
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


async def define(session: aiohttp.ClientSession, objects: Sequence[Mapping[str, object]]) -> None:
    for start in range(0, len(objects), APPLY):
        async with session.post("/api/apply", json={"objects": objects[start : start + APPLY]}) as answer:
            if answer.status >= 300:
                raise SystemExit(f"cannot configure: {answer.status} {await answer.text()}")


async def measure(session: aiohttp.ClientSession, receiver: Receiver, rate: float, names: list[str]) -> Line:
    """Post one alert for each name, evenly spread, and wait for what they cause."""
    began: dict[str, float] = {}
    statuses: Counter[bool] = Counter()

    async def post(name: str) -> None:
        began[name] = time.perf_counter()
        alert = {
            "resource": name,
            "event": "Down",
            "environment": "Production",
            "severity": "critical",
            "service": [name],
            "text": "benchmark",
        }
        async with session.post("/api/alert", json=alert) as answer:
            statuses[answer.status < 300] += 1
            await answer.read()

    start = time.perf_counter()
    posts: list[asyncio.Task[None]] = []
    for number, name in enumerate(names):
        await asyncio.sleep(max(0.0, start + number / rate - time.perf_counter()))
        posts.append(asyncio.create_task(post(name)))
    await asyncio.gather(*posts)
    until = time.perf_counter() + PATIENCE
    while time.perf_counter() < until and not all(name in receiver.first for name in names):  # noqa: ASYNC110
        await asyncio.sleep(0.05)
    await asyncio.sleep(1)  # for repeats
    arrived = [name for name in names if name in receiver.first]
    return Line(
        rate,
        len(names),
        statuses[False],
        len(arrived),
        sum(receiver.counts[name] - 1 for name in arrived),
        [receiver.first[name] - began[name] for name in arrived],
    )


async def run(rates: list[float], seconds: float, url: str) -> list[Line]:
    receiver = Receiver()
    server = await receiver.start()
    lines: list[Line] = []
    timeout = aiohttp.ClientTimeout(total=120)
    connector = aiohttp.TCPConnector(limit=64)
    async with (
        server,
        aiohttp.ClientSession(url, headers={"X-API-Key": KEY}, timeout=timeout, connector=connector) as session,
    ):
        await ready(session)
        hook = {"url": f"http://127.0.0.1:{receiver.port}/", "secret": "benchmark"}
        policy = {"kind": "policy", "name": "page", "steps": [{"after": 0, "targets": [{"channel": "hook"}]}]}
        await define(session, [{"kind": "channel", "name": "hook", "type": "webhook", "config": hook}, policy])
        numbers = itertools.count()
        for rate in rates:
            names = [f"service-{next(numbers)}" for _ in range(int(rate * seconds))]
            await define(session, [{"kind": "service", "name": name, "policy": "page"} for name in names])
            await asyncio.sleep(3)  # until the configuration is read
            lines.append(await measure(session, receiver, rate, names))
            show(lines[-1])
    return lines


async def ready(session: aiohttp.ClientSession) -> None:
    for _ in range(300):
        try:
            async with session.get("/readyz") as answer:
                if answer.status == 200:
                    return
        except aiohttp.ClientError:
            pass
        await asyncio.sleep(0.1)
    raise SystemExit("watchbell did not come up")


def show(line: Line) -> None:
    print(
        f"{line.rate:>6g} alerts/s: {line.sent} sent, {line.refused} refused, {line.arrived} arrived, "
        f"{line.sent - line.refused - line.arrived} lost, {line.repeated} twice; "
        f"p50 {line.at(0.5) * 1000:.0f} ms, p99 {line.at(0.99) * 1000:.0f} ms, longest {line.at(1) * 1000:.0f} ms",
        flush=True,
    )


@contextmanager
def one_machine() -> Generator[tuple[str, int]]:
    """`watchbell up` with SQLite and no collector: its address and process. A run that breaks off shows its log."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        environment = {
            **os.environ,
            "WATCHBELL_AUTH__ADMIN_KEY": KEY,
            "WATCHBELL_EGRESS__ALLOW_LOOPBACK": "true",
            "WATCHBELL_COLLECTOR__ENABLED": "false",
        }
        command = [sys.executable, "-m", "watchbell", "up", "--data", folder, "--port", str(port)]
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            yield f"http://127.0.0.1:{port}", process.pid
        except SystemExit:
            log.seek(0)
            print(log.read()[-3000:], file=sys.stderr)
            raise
        finally:
            process.terminate()
            process.wait(30)


def main() -> None:
    parser = argparse.ArgumentParser(description="latency from signal to provider")
    parser.add_argument("--rate", type=float, nargs="+", default=[100, 1000])
    parser.add_argument("--seconds", type=float, default=5)
    arguments = parser.parse_args()
    with one_machine() as (url, _):
        lines = asyncio.run(run(arguments.rate, arguments.seconds, url))
    print(f"ratio of p99 at {lines[0].rate:g} alerts/s to {TARGET * 1000:g} ms: {lines[0].at(0.99) / TARGET:.2f}")


if __name__ == "__main__":
    main()
