"""Memory over a long storm: whether `watchbell up` needs more for the hundredth minute of one than for the tenth.

    benchmarks/alerts_storm.py [--minutes M] [--rate ALERTS_PER_SECOND]

One `watchbell up` with SQLite. Of the alerts that come, in requests of 20, eight of ten repeat or change what is known
of 5,000 resources, one flaps, and one is of a resource that was never seen before; two services that alert match a
tenth of them, so incidents open, tell a webhook and resolve. The memory that its processes have to themselves is read
each ten seconds; each minute prints a line. The last line is the ratio of the mean of the last quarter of the time to
that of the second quarter: flat is 1. Refused alerts are counted; so are those that are in the store at the end.
"""

import argparse
import asyncio
import itertools
import random
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import mean
from typing import Any

import aiohttp
from notify_latency import KEY, Receiver, define, one_machine, ready

RESOURCES = 5_000
TOGETHER = 20  # alerts in a request
EVERY = 10.0  # seconds between two readings of memory
SEVERITIES = ("critical", "major", "minor", "warning", "normal")


def private(root: int) -> int:
    """Bytes of memory that a process and all that it started have to themselves: not what they map of files."""
    parents: dict[int, list[int]] = {}
    sizes: dict[int, int] = {}
    for place in Path("/proc").glob("[0-9]*/status"):
        try:
            said = dict(line.split(":", 1) for line in place.read_text().splitlines())
        except OSError:
            continue
        pid = int(place.parent.name)
        parents.setdefault(int(said["PPid"]), []).append(pid)
        sizes[pid] = int(said.get("RssAnon", "0 kB").split()[0]) * 1024
    found, waiting = 0, [root]
    while waiting:
        pid = waiting.pop()
        found += sizes.get(pid, 0)
        waiting += parents.get(pid, [])
    return found


def alerts() -> Iterator[dict[str, Any]]:
    """What a storm is made of, the same each time."""
    chance = random.Random(7)
    for number in itertools.count():
        kind = number % 10
        name = {8: f"flapping-{chance.randrange(50)}", 9: f"new-{number}"}.get(
            kind, f"host-{chance.randrange(RESOURCES)}"
        )
        service = ("Checkout", "Search")[number // 10 % 2] if kind == 0 else "Batch"
        severity = ("critical", "normal")[number // 10 % 2] if kind == 8 else chance.choice(SEVERITIES)
        yield {
            "resource": name,
            "event": f"Event{number % 3}",
            "correlate": ["Event0", "Event1", "Event2"],
            "environment": "Production",
            "severity": severity,
            "service": [service],
            "value": str(number % 4),
            "text": f"number {number % 40} says so",
            "tags": ["dc=1"],
            "attributes": {"region": "EU"},
        }


async def storm(client: aiohttp.ClientSession, root: int, minutes: float, rate: float) -> list[tuple[float, int]]:
    """Posts for so long; readings of (seconds since the start, bytes)."""
    source, number, refused, began = alerts(), 0, 0, time.monotonic()
    readings: list[tuple[float, int]] = []
    for number in itertools.count():
        now = time.monotonic() - began
        if now >= minutes * 60:
            break
        if now >= EVERY * (len(readings) + 1):
            readings.append((now, private(root)))
            if len(readings) % round(60 / EVERY) == 0:
                recent = mean(size for _, size in readings[-round(60 / EVERY) :])
                print(f"{now / 60:5.0f} min  {number * TOGETHER:9,} sent  {recent / 2**20:7.1f} MiB", flush=True)
        async with client.post("/api/alerts", json=list(itertools.islice(source, TOGETHER))) as answer:
            refused += answer.status != 201
            await answer.read()
        await asyncio.sleep(max(0.0, began + (number + 1) * TOGETHER / rate - time.monotonic()))
    print(f"refused requests: {refused} of {number}")
    return readings


async def run(url: str, root: int, minutes: float, rate: float) -> list[tuple[float, int]]:
    receiver = Receiver()
    timeout = aiohttp.ClientTimeout(total=120)
    async with (
        await receiver.start(),
        aiohttp.ClientSession(url, headers={"X-API-Key": KEY}, timeout=timeout) as client,
    ):
        await ready(client)
        hook = {"url": f"http://127.0.0.1:{receiver.port}/", "secret": "benchmark"}
        policy = {"kind": "policy", "name": "page", "steps": [{"after": 0, "targets": [{"channel": "hook"}]}]}
        services = [{"kind": "service", "name": name, "policy": "page"} for name in ("Checkout", "Search")]
        channel = {"kind": "channel", "name": "hook", "type": "webhook", "config": hook}
        await define(client, [channel, policy, *services])
        readings = await storm(client, root, minutes, rate)
        async with client.get("/api/alerts/count") as answer:
            stored = (await answer.json())["total"]
        print(f"alerts in the store: {stored:,}; messages told: {sum(receiver.counts.values()):,}")
        return readings


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--minutes", type=float, default=8.0, help="for how long (default: 8; the claim is about 60)")
    parser.add_argument("--rate", type=float, default=200.0, help="alerts per second (default: 200)")
    options = parser.parse_args()
    with one_machine() as (url, process):
        readings = asyncio.run(run(url, process, options.minutes, options.rate))
    quarter = max(len(readings) // 4, 1)
    sizes = [size for _, size in readings]
    ratio = mean(sizes[-quarter:]) / mean(sizes[quarter : 2 * quarter] or sizes)
    print(
        f"ratio of the memory of the last quarter to that of the second: {ratio:.3f}; most {max(sizes) / 2**20:.1f} MiB"
    )


if __name__ == "__main__":
    main()
