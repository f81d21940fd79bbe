"""The archive of alerts: what archiving costs housekeeping, and how fast reports, lists and searches are over it.

Usage: python benchmarks/alert_archive.py [URL] [--alerts 100000] [--live 2000]

URL is that of an empty database, sqlite:///path or postgresql://user@host/name; the default is a SQLite file in a
temporary folder. First alerts with five lines of history are deleted by housekeeping that archives and, in turn, by one
that does not, with the most memory that each batch takes in Python. Then the archive is filled with alerts of 400 days
and questions are asked, beside live alerts. Beside each time stands the processor's, which counts where the machine has
other work, too; with SQLite that is all of the work. The target for a report of 30 days, a list and a search is a p95
under 200 ms at 100,000 archived alerts.
"""

import argparse
import random
import tempfile
import time
import tracemalloc
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.past import Archived, Life, PastQuery, past_of, words_of
from watchbell.domain.alerts.report import ReportQuery
from watchbell.domain.ids import AlertId
from watchbell.ports.store import Store
from watchbell.usecases.alerting import BATCH, Alerting, Retained

NOW = datetime.now(UTC)
DAYS = 400
MODEL = AlertaModel()
LINES = (("new", "open"), ("value", "open"), ("ack", "ack"), ("note", "ack"), ("severity", "closed"))


def new_alert(number: int, opened_at: datetime, status: str = "closed") -> Alert:
    identifier = str(uuid.uuid4())
    over = opened_at + timedelta(seconds=random.expovariate(1 / 1800))
    return Alert(
        id=AlertId(identifier),
        environment=random.choice(("Production", "Development")),
        resource=f"host{number % 5000}.example.com",
        event=f"Disk{number % 200}-{status}-{number // 5000}",
        severity="normal" if status == "closed" else "major",
        status=status,
        service=(f"service{number % 40}",),
        group="OS",
        value=f"{number % 100}%",
        text=f"File system /var is {number % 100}% full on host{number}",
        tags=("dc=a", "role=web"),
        attributes={"region": "eu", "rack": str(number % 30)},
        origin="benchmark",
        create_time=opened_at,
        receive_time=opened_at,
        last_receive_id=identifier,
        last_receive_time=over,
        update_time=over,
        opened_at=opened_at,
    )


def history_of(alert: Alert) -> list[HistoryEntry]:
    return [
        HistoryEntry(
            id=str(uuid.uuid4()),
            alert_id=alert.id,
            at=alert.update_time if status == "closed" else (alert.opened_at or NOW) + timedelta(milliseconds=number),
            sent_at=NOW,
            event=alert.event,
            severity=alert.severity if status == "closed" else random.choice(("critical", "major", "minor")),
            status=status,
            value=alert.value,
            text=alert.text,
            type=kind,
            user="ann",
            reason="why it was so",
        )
        for number, (kind, status) in enumerate(LINES)
    ]


async def save(store: Store, alerts: list[Alert]) -> None:
    async with store.transaction() as tx:
        await tx.alerts.save(alerts)
        await tx.history.add([line for alert in alerts for line in history_of(alert)])


class Took:
    """How long something took, again and again, in milliseconds: by the clock and by the processor."""

    def __init__(self) -> None:
        self.wall: list[float] = []
        self.processor: list[float] = []

    async def measure(self, work: Awaitable[int]) -> int:
        wall, processor = time.perf_counter(), time.process_time()
        came = await work
        self.wall.append((time.perf_counter() - wall) * 1000)
        self.processor.append((time.process_time() - processor) * 1000)
        return came

    def at(self, share: float) -> str:
        wall, processor = (
            sorted(times)[max(round(len(times) * share) - 1, 0)] for times in (self.wall, self.processor)
        )
        return f"{wall:6.1f} ms (processor {processor:6.1f} ms)"


async def tidied(store: Store, *, archiving: bool, rounds: int = 8) -> tuple[Took, float]:
    """What a batch takes, and the most MiB that one takes."""
    alerting = Alerting(store, MODEL, Retained(past=400 * 86400.0 if archiving else 0))
    took = Took()
    for number in range(rounds + 1):
        opened_at = NOW - timedelta(days=1, seconds=number)
        await save(store, [new_alert(number * BATCH + one, opened_at) for one in range(BATCH)])
        if number == rounds:
            tracemalloc.start()  # it slows down, so this round is not among the times
        deleted = await (took if number < rounds else Took()).measure(alerting.delete_old((), NOW))
        if deleted != BATCH:
            raise RuntimeError(f"{deleted} of {BATCH} went")
    most = tracemalloc.get_traced_memory()[1] / 2**20
    tracemalloc.stop()
    return took, most


async def fill(store: Store, alerts: int, live: int) -> None:
    start = time.perf_counter()
    for first in range(0, alerts, BATCH):
        async with store.transaction() as tx:
            items: list[Archived] = []
            for number in range(first, min(first + BATCH, alerts)):
                # As in life: who closed first was archived first.
                opened_at = NOW - timedelta(days=DAYS) * (1 - number / alerts) - timedelta(hours=random.random() * 48)
                alert = new_alert(number, opened_at)
                life = Life(
                    highest_severity=random.choice(("critical", "major", "minor", "warning")),
                    acknowledged_at=opened_at + timedelta(seconds=random.expovariate(1 / 300)),
                    severity_changes=random.randint(1, 6),
                    flapped=random.random() < 0.02,
                )
                items.append(Archived(alert=past_of(alert, life, NOW), history=tuple(history_of(alert))))
            await tx.past.add(items)
    print(f"filled: {alerts / (time.perf_counter() - start):,.0f} past alerts/s")
    for first in range(0, live, BATCH):
        count = min(BATCH, live - first)
        await save(store, [new_alert(first + each, NOW - timedelta(hours=each % 240), "open") for each in range(count)])


async def asked(name: str, work: Callable[[], Awaitable[int]], times: int = 20) -> None:
    took = Took()
    found = 0
    for _ in range(times):
        found = await took.measure(work())
    print(f"{name:34} p95 {took.at(0.95)}, {found:,} alerts")


def report_of(days: int, **chosen: Any) -> ReportQuery:
    since = NOW - timedelta(days=days)
    return ReportQuery(
        chosen=PastQuery(since=since, before=NOW, **chosen),
        since=since,
        step=86400.0,
        now=NOW,
        severities=tuple(MODEL.severities.ordered),
    )


async def read(store: Store) -> None:
    reports = {f"report of {days} days": report_of(days) for days in (1, 30, 90, 400)}
    reports["report of 30 days, a service"] = report_of(30, services=("service7",))
    lists = {
        "list, newest": PastQuery(),
        "list, a resource": PastQuery(resources=("host77.example.com",)),
        "search, found": PastQuery(words=words_of("var host99")),
        "search, not found": PastQuery(words=words_of("nothing like it")),
        "search, not found, 30 days": PastQuery(since=NOW - timedelta(days=30), words=words_of("nothing like it")),
    }

    async def reported(query: ReportQuery) -> int:
        async with store.reading() as tx:
            return (await tx.episodes.report(query)).total

    async def listed(query: PastQuery) -> int:
        async with store.reading() as tx:
            return len(await tx.past.find(query, 50))

    for name, query in reports.items():
        await asked(name, lambda query=query: reported(query))
    for name, query in lists.items():
        await asked(name, lambda query=query: listed(query))


async def main(url: str, alerts: int, live: int) -> None:
    await migrate(url)
    store = open_store(url)
    try:
        figures = {name: await tidied(store, archiving=name == "with") for name in ("without", "with")}
        for name, (took, most) in figures.items():
            print(f"housekeeping {name} archive, {BATCH} alerts: {took.at(0.5)}, at most {most:.1f} MiB")
        await fill(store, alerts, live)
        await read(store)
    finally:
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="", help="default: a SQLite file of its own")
    parser.add_argument("--alerts", type=int, default=100_000)
    parser.add_argument("--live", type=int, default=2000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(main(given.url or f"sqlite:///{folder}/bench.db", given.alerts, given.live))
