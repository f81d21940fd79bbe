"""Alerts in and out of the store: batches of 100 written, then lists, counts and reports over all that is stored.

Usage: python benchmarks/store_alerts.py [URL] [--alerts 100000]

URL is that of an empty database, sqlite:///path or postgresql://user@host/name; the default is a SQLite file in a
temporary folder. Each batch is what the intake writes
for new alerts in one transaction: locks, a look for related alerts, alerts, history, outbox, one row of the feed. The
target for every list, filter, sort, page and count is a p95 under 200 ms at 100,000 open alerts.
"""

import argparse
import random
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop

from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.inhibition import Inhibition, Selection, sources_for
from watchbell.domain.alerts.query import AlertQuery, Filter, Operator, Order
from watchbell.domain.ids import AlertId, shard_of
from watchbell.ports.store import OutboxRow, Store

NOW = datetime.now(UTC)
SEVERITIES = ("security", "critical", "major", "minor", "warning", "informational", "normal")
STATUSES = ("open", "assign", "ack", "shelved", "blackout", "closed", "expired", "unknown")
TARGET_MS = 200
INHIBITION = Inhibition(
    name="disks of a rack",
    source=Selection(event="Disk0"),
    target=Selection(),
    equal=("environment", "attributes.rack"),
)
"""One alert in 2,000 is its source."""


def new_alert(number: int) -> Alert:
    identifier = str(uuid.uuid4())
    return Alert(
        id=AlertId(identifier),
        environment=random.choice(("Production", "Development")),
        resource=f"host{number}.example.com",
        event=f"Disk{number % 50}",
        severity=random.choice(SEVERITIES[:5]),
        status="open",
        service=(f"service{number % 40}",),
        group="OS",
        value=f"{number % 100}%",
        text=f"File system /var is {number % 100}% full on host{number}",
        tags=("dc=a", "role=web"),
        attributes={"region": "eu", "rack": str(number % 30)},
        origin="benchmark",
        create_time=NOW,
        receive_time=NOW,
        last_receive_id=identifier,
        last_receive_time=NOW + timedelta(milliseconds=number),
        update_time=NOW,
        inhibits=INHIBITION.name if number % 2000 == 0 else None,
    )


def entry_of(alert: Alert) -> HistoryEntry:
    return HistoryEntry(
        id=alert.last_receive_id,
        alert_id=alert.id,
        at=NOW,
        sent_at=NOW,
        event=alert.event,
        severity=alert.severity,
        status=alert.status,
        value=alert.value,
        text=alert.text,
        type="new",
        reason="first message of this identity",
    )


def message_of(alert: Alert) -> OutboxRow:
    shard = shard_of(alert.id)
    return OutboxRow(
        id=str(uuid.uuid4()), kind="route", subject=alert.id, shard=shard, created_at=NOW, available_at=NOW
    )


async def receive(store: Store, alerts: list[Alert]) -> None:
    async with store.transaction() as tx:
        identities = [alert.identity for alert in alerts]
        await tx.alerts.lock(identities)
        await tx.alerts.related(identities)
        await tx.alerts.save(alerts)
        await tx.history.add([entry_of(alert) for alert in alerts])
        await tx.outbox.add([message_of(alert) for alert in alerts])
        tx.changed("alert", *(alert.id for alert in alerts))


def where(field: str, *values: str, operator: Operator = "eq", negate: bool = False) -> tuple[Filter, ...]:
    return (Filter(field=field, operator=operator, values=values, negate=negate),)


def by(*fields: str) -> tuple[Order, ...]:
    return tuple(Order(field=field.lstrip("-"), descending=field.startswith("-")) for field in fields)


def questions(alerts: int) -> dict[str, AlertQuery]:
    def ask(**fields: Any) -> AlertQuery:
        return AlertQuery(severities=SEVERITIES, statuses=STATUSES, **fields)

    last = alerts // 50
    return {
        "newest first": ask(),
        "open by severity": ask(filters=where("status", "open"), order=by("severity", "-last_receive_time")),
        "the same, last page": ask(order=by("severity", "-last_receive_time"), page=last),
        "of a service": ask(filters=where("service", "service7")),
        "text contains": ask(filters=where("text", "nothing like it", operator="contains")),
        "text contains, not ASCII": ask(filters=where("text", "müll", operator="contains")),
        "free text": ask(search="host99"),
        "free text, not found": ask(search="nothing like it"),
        "by an attribute": ask(filters=where("attributes.rack", "7"), order=by("attributes.region")),
        "by resource, last page": ask(order=by("resource"), page=last),
        "by tag, sorted by status": ask(filters=where("tags", "role=web"), order=by("status", "resource")),
        "source of an inhibition": sources_for(INHIBITION, new_alert(7)) or ask(),
        "not containing": ask(filters=where("resource", "host5", operator="contains", negate=True)),
    }


async def percentile_ms(work: Callable[[], Awaitable[Any]], times: int = 20) -> float:
    taken: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        await work()
        taken.append(time.perf_counter() - start)
    return sorted(taken)[int(times * 0.95) - 1] * 1000


async def write(store: Store, alerts: int) -> None:
    await receive(store, [new_alert(-1)])
    start = time.perf_counter()
    for first in range(0, alerts, 100):
        await receive(store, [new_alert(number) for number in range(first, first + 100)])
    print(f"written in batches of 100, one writer: {alerts / (time.perf_counter() - start):,.0f} alerts/s")
    start = time.perf_counter()
    for number in range(200):
        await receive(store, [new_alert(alerts + number)])
    print(f"written one by one, one writer: {200 / (time.perf_counter() - start):,.0f} alerts/s")


async def read(store: Store, alerts: int) -> None:
    worst = 0.0
    for name, query in questions(alerts).items():
        async with store.reading() as tx:
            find = await percentile_ms(lambda query=query, tx=tx: tx.alerts.find(query))
            counts = await percentile_ms(lambda query=query, tx=tx: tx.alerts.counts(query))
        worst = max(worst, find, counts)
        print(f"{name:26} list p95 {find:6.1f} ms   counts p95 {counts:6.1f} ms")
    async with store.reading() as tx:
        environments = await percentile_ms(lambda: tx.reports.by_environment(AlertQuery()), 10)
        services = await percentile_ms(lambda: tx.reports.by_service(AlertQuery()), 10)
    print(f"by environment p95 {environments:.1f} ms, by service p95 {services:.1f} ms")
    print(f"slowest list or count: {worst:.0f} ms; ratio to the target {worst / TARGET_MS:.2f}")


async def main(url: str, alerts: int) -> None:
    await migrate(url)
    store = open_store(url)
    try:
        await write(store, alerts)
        await read(store, alerts)
    finally:
        await store.close()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url", nargs="?", default="", help="default: a SQLite file of its own")
    parser.add_argument("--alerts", type=int, default=100_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(main(given.url or f"sqlite:///{folder}/bench.db", given.alerts))
