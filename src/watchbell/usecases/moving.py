"""Moving: what another system keeps comes into the store, batch by batch, in one transaction each.

What is Watchbell's own is never overwritten: a row that bears a name which something here has is reported as kept.
A row whose id is here was brought before; an alert or heartbeat that nothing has happened to here since is brought up
to date, all else stays. So an import that was interrupted, or that is to bring what has come since, is run again. A row
that the store refuses is refused for itself. Losing the database raises `Retryable`; the batches before stay.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from typing import Literal

import msgspec

from watchbell.domain.errors import Conflict, Invalid, Permanent, Retryable
from watchbell.ports.clock import Clock
from watchbell.ports.data_source import KINDS, DataSource, Kind, MovedAlert, Refused, Row
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.administering import OPERATOR
from watchbell.usecases.auditing import entry

BATCH = 500
TRIES = 5
PAUSE = 2.0
"""Seconds between two tries to write a batch."""
TOLD = 1_000
"""So many lines of each kind are kept for the report; the rest is counted."""

Outcome = Literal["imported", "updated", "there", "kept", "left", "refused"]
OUTCOMES: tuple[Outcome, ...] = ("imported", "updated", "there", "kept", "left", "refused")


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one row.

    `there` was imported before, `updated` as well, and has changed where it comes from; `kept` is something of
    Watchbell's own that stays as it is, `left` had no effect any more, `refused` is lost.
    """

    kind: Kind
    id: str
    outcome: Outcome
    reason: str = ""


class Tally(msgspec.Struct, kw_only=True):
    """How many rows of a kind came to what, and lines about those that are worth one, at most `TOLD`."""

    imported: int = 0
    updated: int = 0
    there: int = 0
    kept: int = 0
    left: int = 0
    refused: int = 0
    lines: list[Told] = []

    def add(self, told: Told) -> None:
        """Count one."""
        setattr(self, told.outcome, getattr(self, told.outcome) + 1)
        if told.reason and len(self.lines) < TOLD:
            self.lines.append(told)


class Report(msgspec.Struct, kw_only=True):
    """What an import came to; with `dry_run` what it would come to."""

    source: str
    dry_run: bool
    kinds: dict[Kind, Tally]

    @property
    def lost(self) -> int:
        """How many rows were refused."""
        return sum(tally.refused for tally in self.kinds.values())


class Writing(msgspec.Struct, frozen=True):
    """Where a batch goes: without `for_good` nothing is written, and what would be is only judged."""

    tx: Transaction
    for_good: bool


Writer = Callable[[Writing, Sequence[Row]], Awaitable[Sequence[Told]]]
"""Writes rows of one kind and tells of each. All it writes is in the transaction."""
Progress = Callable[[Kind, int, int | None], None]
"""Is told how many rows of a kind have been read, and how many there are if that is known."""


class Moving:
    """Imports from one source."""

    def __init__(self, store: Store, clock: Clock, writers: Mapping[Kind, Writer], *, dry_run: bool = False) -> None:
        self._store = store
        self._clock = clock
        self._writers = writers
        self._dry_run = dry_run

    async def move(self, source: DataSource, kinds: Sequence[Kind], progress: Progress) -> Report:
        """Bring what the source has of these kinds.

        Raises:
            Permanent: the source is not what it should be, or may not be read.
            Retryable: source or database do not answer.
        """
        expected = await source.expected(kinds)
        report = Report(source=source.title, dry_run=self._dry_run, kinds={})
        wanted: list[Kind] = [kind for kind in KINDS if kind in kinds and kind in self._writers]
        for kind in wanted:
            done = 0
            async for rows in _batches(source.read(kind)):
                for told in await self._batch(kind, rows):
                    report.kinds.setdefault(told.kind, Tally()).add(told)
                done += sum(row.kind == kind for row in rows)
                progress(kind, done, expected.get(kind))
        told_of: list[Kind] = [kind for kind in KINDS if kind in kinds or kind in report.kinds]
        report.kinds = {kind: report.kinds.get(kind, Tally()) for kind in told_of}
        if not self._dry_run:
            await self._audit(report)
        return report

    async def _batch(self, kind: Kind, rows: Sequence[Row | Refused]) -> list[Told]:
        told = [_refusal(row) for row in rows if isinstance(row, Refused)]
        return [*told, *await self._written(kind, [row for row in rows if isinstance(row, Row)])]

    async def _written(self, kind: Kind, rows: Sequence[Row]) -> Sequence[Told]:
        """Write rows together; what the store refuses, in ever smaller parts, until the row is found."""
        if not rows:
            return []
        try:
            return await self._tried(kind, rows)
        except (Conflict, Invalid, Permanent, ValueError, OverflowError) as error:
            if len(rows) == 1:
                return [Told(kind=kind, id=rows[0].id, outcome="refused", reason=str(error))]
        half = len(rows) // 2
        return [*await self._written(kind, rows[:half]), *await self._written(kind, rows[half:])]

    async def _tried(self, kind: Kind, rows: Sequence[Row]) -> Sequence[Told]:
        """Write rows in one transaction; again when the database is busy, as it may be beside a running Watchbell."""
        for left in reversed(range(TRIES)):
            try:
                if self._dry_run:
                    async with self._store.reading() as tx:
                        return await self._writers[kind](Writing(tx, for_good=False), rows)
                async with self._store.transaction() as tx:
                    return await self._writers[kind](Writing(tx, for_good=True), rows)
            except Retryable:
                if not left:
                    raise
                await self._clock.sleep(PAUSE)
        raise AssertionError  # the last try returns or raises

    async def _audit(self, report: Report) -> None:
        counts = [f"{tally.imported} {kind}" for kind, tally in report.kinds.items() if tally.imported]
        text = f"imported: {', '.join(counts) or 'nothing new'}"
        async with self._store.transaction() as tx:
            await tx.audit.add([entry(self._clock.now(), OPERATOR, ("import", "run"), report.source[:200], text)])


def _refusal(row: Refused) -> Told:
    return Told(kind=row.kind, id=row.id, outcome="refused" if row.lost else "left", reason=row.reason)


async def _batches(rows: AsyncIterator[Row | Refused]) -> AsyncIterator[list[Row | Refused]]:
    batch: list[Row | Refused] = []
    weight = 0
    async for row in rows:
        batch.append(row)
        # An alert weighs as much as what it has had happen to it.
        weight += 1 + (len(row.thing.history) // 4 if isinstance(row, Row) and isinstance(row.thing, MovedAlert) else 0)
        if weight >= BATCH:
            yield batch
            batch, weight = [], 0
    if batch:
        yield batch
