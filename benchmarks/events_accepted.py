"""Events accepted per second by one worker, each in the journal before it is answered.

    benchmarks/events_accepted.py [--seconds S] [--connections C] [--rounds R] [--fsync]

Beside it, in the same run and with the same URLs: nginx serving an empty GIF (when it is installed), and a bare Granian
RSGI handler that answers the same bytes and does nothing. `accepting` is one acceptor alone, which is what the
ratio is about; `collector` is the whole role, where the mapper takes its share of the machine. Needs wrk.
"""

import argparse
import asyncio
import functools
import multiprocessing
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvloop
from granian.constants import Interfaces
from granian.server.embed import Server

from watchbell.adapters.journal.files import FileJournalReader, FileJournalWriter
from watchbell.adapters.rejected import RejectedFiles
from watchbell.adapters.tallies import FixedRules, MemoryTallies
from watchbell.adapters.user_agents import CLIENT_HINTS, parse_user_agent
from watchbell.collector.answers import PIXEL, PIXEL_HEADERS
from watchbell.collector.server import accept_in_process
from watchbell.collector.settings import CollectorSettings
from watchbell.domain.events.enrich import Enricher
from watchbell.roles.collector import CollectorParts, no_preparation, run_collector
from watchbell.sinks.avro_files import AvroFiles, AvroFilesConfig
from watchbell.usecases.mapping_batches import BatchReading

QUERY = (
    "/csc-event?p=0%3Ai1t84hgy%3A5AF359Zjq5kUy98u4wQjlIZzWGhN~GlG&s=0%3Ai1t84hgy%3A95CbiPCYln_1e0a6rFvuRkDkeNnc6KC8"
    "&v=0%3A1fF6GFGjDOQiEx_OxnTm_tl4BH91eGLF&e=0%3A1fF6GFGjDOQiEx_OxnTm_tl4BH91eGLF0&c=i1t8q2b6&n=f&f=f"
    "&l=http%3A%2F%2Flocalhost%3A8290%2F&i=1ak&j=sj&k=2&w=uq&h=qd&t=pageView&x=si9804"
)
NGINX = """
worker_processes 1; daemon off; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{port}; location / {{ empty_gif; }} }}
}}
"""


class Bare:
    """Answers the pixel and does nothing else."""

    async def __rsgi__(self, scope: Any, proto: Any) -> None:
        proto.response_bytes(200, PIXEL_HEADERS, PIXEL)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def serve_bare(port: int) -> None:
    async def main() -> None:
        server = Server(
            Bare(),
            address="127.0.0.1",
            port=port,
            interface=Interfaces.RSGI,
            websockets=False,
            backlog=1024,
            log_enabled=False,
        )
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, server.stop)
        await server.serve()

    uvloop.run(main())


def serve_accepting(port: int, folder: Path, parent: int, *, fsync: bool) -> None:
    settings = CollectorSettings(port=port, fsync=fsync, kept_headers=CLIENT_HINTS)
    open_writer = functools.partial(FileJournalWriter, folder / "journal", fsync=fsync, max_bytes=8 << 30)
    accept_in_process(settings, open_writer, "a", folder / "metrics", parent, no_preparation)


def serve_collector(port: int, folder: Path, *, fsync: bool) -> None:
    def avro(schema: dict[str, Any]) -> AvroFiles:
        return AvroFiles(AvroFilesConfig(), schema=schema, folder=folder / "events", node="bench", now_ms=now_ms)

    parts = CollectorParts(
        settings=CollectorSettings(port=port, fsync=fsync, kept_headers=CLIENT_HINTS),
        node="bench",
        open_writer=functools.partial(FileJournalWriter, folder / "journal", fsync=fsync, max_bytes=8 << 30),
        reader=FileJournalReader(folder / "journal"),
        sinks={"avro": avro},
        reading=BatchReading(Enricher(parse_user_agent)),
        rejected=RejectedFiles(folder),
        tallies=MemoryTallies(),
        rules=FixedRules(),
        shared=folder / "metrics",
    )

    async def main() -> None:
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
        await run_collector(parts, stop)

    asyncio.run(main())


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(500):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise SystemExit(f"nothing listens on {port}")


@contextmanager
def process(serve: Callable[..., None], *arguments: Any, **named: Any) -> Generator[tuple[int, int]]:
    """Runs `serve(port, …)` in a process of its own; gives the port and the process id."""
    port = free_port()
    child = multiprocessing.get_context("spawn").Process(target=serve, args=(port, *arguments), kwargs=named)
    child.start()
    try:
        wait_for(port)
        yield port, child.pid or 0
    finally:
        child.terminate()
        child.join(60)


@contextmanager
def nginx(folder: Path) -> Generator[tuple[int, int]]:
    port = free_port()
    configuration = folder / "nginx.conf"
    configuration.write_text(NGINX.format(folder=folder, port=port))
    child = subprocess.Popen([shutil.which("nginx") or "/usr/sbin/nginx", "-p", str(folder), "-c", str(configuration)])
    try:
        wait_for(port)
        yield port, child.pid
    finally:
        child.send_signal(signal.SIGQUIT)
        child.wait(30)


def used(pid: int) -> float:
    """Seconds of processor that a process and its children have used."""
    tree = [pid, *map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split())]
    ticks = 0
    for each in tree:
        fields = Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def rate(port: int, seconds: int, connections: int) -> float:
    """Requests per second; an answer other than 200 ends the run."""
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", f"http://127.0.0.1:{port}{QUERY}"]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if "Non-2xx" in output:
        raise SystemExit(output)
    return float(re.findall(r"Requests/sec:\s+([\d.]+)", output)[0])


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=3)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--rounds", type=int, default=2)
    options.add_argument("--fsync", action="store_true", help="answer only when the event is on the disk itself")
    given = options.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed (Debian package: wrk)")
    with_nginx = shutil.which("nginx") is not None or Path("/usr/sbin/nginx").exists()
    best: dict[str, float] = {}
    least: dict[str, float] = {}
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            peers: dict[str, Any] = {
                "bare": process(serve_bare),
                "accepting": process(serve_accepting, folder / "alone", os.getpid(), fsync=given.fsync),
                "collector": process(serve_collector, folder / "whole", fsync=given.fsync),
            }
            if with_nginx:
                peers["nginx"] = nginx(folder)
            for peer, running in peers.items():
                with running as (port, pid):
                    before = used(pid)
                    per_second = rate(port, given.seconds, given.connections)
                    cost = (used(pid) - before) / (per_second * given.seconds)
                best[peer] = max(best.get(peer, 0.0), per_second)
                least[peer] = min(least.get(peer, cost), cost)
    setting = f"{os.cpu_count()} cores, {given.connections} connections, best of {given.rounds}"
    print(f"python {sys.version.split()[0]}, {setting}")
    for peer, value in best.items():
        share = f"{value / best['bare']:.2f} of bare"
        print(f"{peer:10} {value:10,.0f} /s   {share}   {least[peer] * 1e6:6.1f} µs of processor for each")
    if "nginx" in best:
        print(f"bare / nginx: {best['bare'] / best['nginx']:.2f}")
    by_cost = least["bare"] / least["accepting"]
    by_rate = best["accepting"] / best["bare"]
    print(f"ratio: {by_rate:.2f} of a bare handler ({by_cost:.2f} by processor time); target 0.80")


if __name__ == "__main__":
    main()
