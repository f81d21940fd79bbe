"""What collectors counted, on its way into the store.

A collector on the same machine writes it there itself (`StoreReports`); one far away puts it on the bus (`BusReports`),
and whichever keeper takes it writes it (`TallyIntake`). Reports are absolute, so one that comes twice changes nothing.
"""

from collections.abc import Sequence

import msgspec

from watchbell.domain.events.accounts import NodeBooks
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.events.rules.rule import Rule
from watchbell.domain.ids import new_id
from watchbell.ports.bus import Bus, Envelope
from watchbell.ports.store import Store
from watchbell.ports.tally import RecentEvents
from watchbell.usecases.configuration import Configured

TOPIC = "tallies"
TTL = 3600.0  # seconds; a glance or a count of an hour ago is of no use to anyone


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What travels on the bus."""

    counts: tuple[WindowPart, ...] = ()
    recent: RecentEvents | None = None
    books: NodeBooks | None = None


_decoder = msgspec.msgpack.Decoder(Report)


class StoreReports:
    """Reports written straight into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def report(self, counts: Sequence[WindowPart]) -> None:
        async with self._store.transaction() as tx:
            await tx.tallies.report(counts)

    async def recent(self, recent: RecentEvents) -> None:
        async with self._store.transaction() as tx:
            await tx.tallies.recent(recent)
            tx.changed("event", "*")

    async def books(self, books: NodeBooks) -> None:
        async with self._store.transaction() as tx:
            await tx.tallies.books(books)


class BusReports:
    """Reports sent by the bus."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def report(self, counts: Sequence[WindowPart]) -> None:
        await self._send(Report(counts=tuple(counts)))

    async def recent(self, recent: RecentEvents) -> None:
        await self._send(Report(recent=recent))

    async def books(self, books: NodeBooks) -> None:
        await self._send(Report(books=books))

    async def _send(self, report: Report) -> None:
        await self._bus.publish(TOPIC, [Envelope(id=new_id(), body=msgspec.msgpack.encode(report), ttl=TTL)])


class TallyIntake:
    """Takes reports from the bus into the store."""

    def __init__(self, store: Store) -> None:
        self._reports = StoreReports(store)

    async def handle(self, envelope: Envelope) -> None:
        """Write one report; what is not a report raises and becomes a dead letter."""
        report = _decoder.decode(envelope.body)
        if report.counts:
            await self._reports.report(report.counts)
        if report.recent is not None:
            await self._reports.recent(report.recent)
        if report.books is not None:
            await self._reports.books(report.books)


class ConfiguredRules:
    """The rules of the configuration, for a collector that can read the store."""

    def __init__(self, configured: Configured) -> None:
        self._configured = configured

    async def current(self) -> Sequence[Rule]:
        return tuple((await self._configured.current()).rules.values())
