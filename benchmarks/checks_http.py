"""HTTP checks per second, scheduled, sent over the bus, probed, judged and stored, beside blackbox_exporter.

    benchmarks/checks_http.py [--checks N] [--rounds N] [--blackbox FILE] [--store URL]

Both probe the same nginx on loopback with a new connection each time and look for a text in the answer. Ours runs in
one process; blackbox_exporter has all cores, judges and stores nothing, and is asked over kept-alive connections by a
small client. CPU is that of the process alone, per probe. Needs nginx; a missing blackbox_exporter is left out.
"""

import argparse
import asyncio
import gc
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import uvloop
from checks_pipeline import Pipeline

from watchbell.checks.http import Http, HttpConfig
from watchbell.domain.checks.check import Check
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient
from watchbell.toolkit.probe import ProbeTools
from watchbell.toolkit.settings import read

NGINX = """
daemon off; pid {folder}/pid; error_log {folder}/error.log; worker_processes 1; events {{ worker_connections 4096; }}
http {{
  access_log off; client_body_temp_path {folder}/a; proxy_temp_path {folder}/b; fastcgi_temp_path {folder}/c;
  uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
  server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ return 200 "all is well\\n"; }} }}
}}
"""
BLACKBOX = """
modules:
  bench:
    prober: http
    timeout: 5s
    http:
      preferred_ip_protocol: ip4
      fail_if_body_not_matches_regexp: ["well"]
"""


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise SystemExit(f"nothing listens on port {port}")


@contextmanager
def running(argv: list[str], port: int) -> Generator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for(port)
        yield process
    finally:
        process.terminate()
        process.wait()


def cpu_seconds(pid: int) -> float:
    """User and system time of a process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def ours(url: str, checks: int, rounds: int, store: str) -> tuple[float, float]:
    """Probes per second and CPU microseconds per probe."""
    client = HttpClient(EgressPolicy(Egress(allow_loopback=True)))
    tools = ProbeTools(http=client)
    config = {"url": url, "text": "well"}
    defined = [Check(id=f"c-{n}", name=f"c-{n}", type="http", config=config, interval=1.0) for n in range(checks)]
    async with Pipeline(defined, {"http": lambda data: Http(read(HttpConfig, data), tools)}, store) as pipeline:
        now = datetime.now(UTC)
        await pipeline.round(now)
        await pipeline.round(now + timedelta(seconds=1))  # the first look at each check reads its settings
        began, cpu = time.perf_counter(), time.process_time()
        for number in range(2, rounds + 2):
            await pipeline.round(now + timedelta(seconds=number))
        spent = time.perf_counter() - began
        pipeline.expect_all_ok(checks)
    await client.close()
    total = checks * rounds
    return total / spent, (time.process_time() - cpu) / total * 1e6


async def unchunked(reader: asyncio.StreamReader) -> bytes:
    """A body in chunks."""
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return body


async def blackbox(port: int, url: str, total: int, clients: int = 32) -> float:
    """Probes per second that blackbox_exporter answers with success."""
    request = f"GET /probe?target={url}&module=bench HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    left = iter(range(total))

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for _ in left:
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if b"chunked" in head:
                body = await unchunked(reader)
            else:
                length = int(head.lower().partition(b"content-length:")[2].split()[0])
                body = await reader.readexactly(length)
            if b"probe_success 1" not in body:
                raise SystemExit(f"blackbox_exporter says: {body[-300:]!r}")
        writer.close()

    began = time.perf_counter()
    await asyncio.gather(*(client() for _ in range(clients)))
    return total / (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--checks", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--store", default="sqlite", help="sqlite (a file, durable) or memory")
    parser.add_argument(
        "--blackbox", default=shutil.which("prometheus-blackbox-exporter") or shutil.which("blackbox_exporter")
    )
    options = parser.parse_args()
    gc.set_threshold(50_000, 50, 50)
    nginx = shutil.which("nginx") or "/usr/sbin/nginx"
    if not Path(nginx).exists():
        sys.exit("needs nginx")
    with tempfile.TemporaryDirectory() as folder:
        port = free_port()
        url = f"http://127.0.0.1:{port}/"
        configuration = Path(folder) / "nginx.conf"
        configuration.write_text(NGINX.format(folder=folder, port=port))
        with running([nginx, "-c", str(configuration), "-e", f"{folder}/error.log"], port):
            rate, cpu = uvloop.run(ours(url, options.checks, options.rounds, options.store))
            fate = f"judged and stored ({options.store})"
            print(f"watchbell          {rate:8.0f} checks/s, {fate}, {cpu:.0f} µs of CPU each")
            if not options.blackbox:
                print("blackbox_exporter  not found (Debian: prometheus-blackbox-exporter)")
                return
            modules = Path(folder) / "blackbox.yml"
            modules.write_text(BLACKBOX)
            peer_port = free_port()
            argv = [options.blackbox, f"--config.file={modules}", f"--web.listen-address=127.0.0.1:{peer_port}"]
            with running(argv, peer_port) as process:
                asyncio.run(blackbox(peer_port, url, 500))
                used = cpu_seconds(process.pid)
                total = options.checks * options.rounds
                peer = asyncio.run(blackbox(peer_port, url, total))
                used = (cpu_seconds(process.pid) - used) / total * 1e6
            print(f"blackbox_exporter  {peer:8.0f} probes/s, {used:.0f} µs of CPU each")
            print(f"ratio              {rate / peer:8.2f} in checks/s, {used / cpu:.2f} in CPU")


if __name__ == "__main__":
    main()
