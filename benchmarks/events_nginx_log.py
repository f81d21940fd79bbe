"""Events at nginx's own speed: nginx answers and logs them as `deploy/nginx/events-log.conf` says, a collector reads.

    benchmarks/events_nginx_log.py [--seconds S] [--connections C] [--rounds R]

Beside it, in the same run and with the same URLs: nginx serving the same empty GIF without a log. Then what it costs
to take that log into the journal, on one core. Needs nginx and wrk.
"""

import argparse
import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from events_accepted import free_port, nginx, rate, used, wait_for

from watchbell.adapters.journal.files import FileJournalWriter
from watchbell.collector.log_follower import FollowedLog, LogFollower
from watchbell.collector.metrics import CollectorMetrics

DEPLOY = Path(__file__).resolve().parents[1] / "deploy" / "nginx"


@contextmanager
def logging_nginx(folder: Path) -> Generator[tuple[int, int]]:
    """Nginx under the shipped file, with one worker; gives the port and the process id."""
    port = free_port()
    text = (DEPLOY / "events-log.conf").read_text()
    for shipped, ours in (
        ("listen 80;", f"listen 127.0.0.1:{port};"),
        ("listen [::]:80;", ""),
        ("/var/log/watchbell/events.log", str(folder / "events.log")),
        ("watchbell_proxy.conf", str(DEPLOY / "watchbell_proxy.conf")),
    ):
        text = text.replace(shipped, ours)
    user = "user root;" if os.getuid() == 0 else ""
    main = f"{user} worker_processes 1; daemon off; pid {folder}/log-nginx.pid; error_log stderr crit;"
    configuration = folder / "log-nginx.conf"
    configuration.write_text(f"{main} events {{}} http {{ keepalive_requests 1000000000;\n{text}\n}}\n")
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    child = subprocess.Popen([program, "-p", str(folder), "-c", str(configuration), "-e", "stderr"])
    try:
        wait_for(port)
        yield port, child.pid
    finally:
        child.send_signal(signal.SIGQUIT)
        child.wait(30)


async def follow(folder: Path) -> tuple[int, float]:
    """Takes the whole log into a journal: how many events, and seconds of processor for it."""
    journal = FileJournalWriter(folder / "journal", "log-web", max_bytes=8 << 30)
    metrics = CollectorMetrics(folder / "metrics", "bench")
    log = folder / "events.log"
    follower = LogFollower(FollowedLog("web", log), journal, folder / "progress", metrics)
    follower.scan()
    began, taken = time.process_time(), 0
    while more := await follower.step():
        taken += more
    spent = time.process_time() - began
    follower.close()
    await journal.close()
    return taken, spent


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seconds", type=int, default=3)
    options.add_argument("--connections", type=int, default=64)
    options.add_argument("--rounds", type=int, default=2)
    given = options.parse_args()
    if shutil.which("wrk") is None:
        raise SystemExit("wrk is not installed (Debian package: wrk)")
    best: dict[str, float] = {}
    cost: dict[str, float] = {}
    following = 0.0
    for _ in range(given.rounds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for peer, running in (("nginx", nginx(folder)), ("nginx-log", logging_nginx(folder))):
                with running as (port, pid):
                    before = used(pid)
                    per_second = rate(port, given.seconds, given.connections)
                    spent = (used(pid) - before) / (per_second * given.seconds)
                best[peer] = max(best.get(peer, 0.0), per_second)
                cost[peer] = min(cost.get(peer, spent), spent)
            taken, seconds = asyncio.run(follow(folder))
            following = max(following, taken / seconds)
    print(f"python {sys.version.split()[0]}, {os.cpu_count()} cores, {given.connections} connections")
    for peer, value in best.items():
        print(f"{peer:10} {value:10,.0f} /s   {cost[peer] * 1e6:6.1f} µs of processor for each")
    print(f"log → journal {following:9,.0f} /s on one core ({1e6 / following:.1f} µs for each)")
    by_rate, by_cost = best["nginx-log"] / best["nginx"], cost["nginx"] / cost["nginx-log"]
    print(f"ratio: {by_rate:.2f} of nginx that serves the GIF and logs nothing ({by_cost:.2f} by processor time)")


if __name__ == "__main__":
    main()
