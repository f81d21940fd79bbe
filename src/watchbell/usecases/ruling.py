"""Ruling: a keeper judges what collectors counted, records it, learns from it, and raises or ends the signals of rules.

What is remembered of a rule is a fact in the store, written with the signal; so a rule that moves to another keeper
goes on where it was. Losing a lease raises `Fenced`, losing the database `Retryable`; nothing is written then.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from watchbell.domain.events.rules.baseline import HOUR, HourRow, hour_of, hours_before, learned_band, summary
from watchbell.domain.events.rules.bounds import Band, fixed_band
from watchbell.domain.events.rules.part import ALL
from watchbell.domain.events.rules.rule import Rule
from watchbell.domain.events.rules.verdicts import KNOWN_WINDOWS
from watchbell.domain.events.rules.watch import Bands, Judged, Watch, begin, first_open, retire, watch
from watchbell.domain.ids import shard_of
from watchbell.domain.signal import Signal
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.usecases.configuration import Configured
from watchbell.usecases.waking import TakeSignals

_watch = msgspec.json.Decoder(Watch)
_ids = msgspec.json.Decoder(list[str])


class Ruling:
    """Judges event rules."""

    def __init__(self, store: Store, configured: Configured, take_signals: TakeSignals, clock: Clock) -> None:
        self._store = store
        self._configured = configured
        self._take_signals = take_signals
        self._clock = clock
        self._recorded: dict[str, dict[tuple[datetime, str], Judged]] = {}
        """What was recorded of windows that may still change: it need not be written again."""
        self._learned: dict[tuple[str, datetime], dict[str, list[HourRow]]] = {}
        self._watched: dict[str, tuple[int, list[str]]] = {}
        """Lease → its token, and the rules that are known to be noted under it."""

    async def run(self, leases: Sequence[Lease]) -> set[int]:
        """Judge every rule of the leases' shards; returns the shards that have something to route now."""
        config = await self._configured.current()
        held = {int(lease.name.partition("/")[2]) for lease in leases}
        mine = sorted((rule for rule in config.rules.values() if shard_of(rule.id) in held), key=lambda rule: rule.id)
        if not mine and all(self._watched.get(lease.name) == (lease.token, []) for lease in leases):
            return set()
        try:
            return await self._run(leases, mine)
        except BaseException:
            self._recorded.clear()  # nothing was written
            self._watched.clear()
            raise

    async def _run(self, leases: Sequence[Lease], mine: Sequence[Rule]) -> set[int]:
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            signals: list[Signal] = []
            for rule in mine:
                signals += await self._judge(tx, rule)
            for lease in sorted(leases, key=lambda lease: lease.name):
                signals += await self._retire_missing(tx, lease, mine)
            if not signals:
                return set()
            shards = await self._take_signals(tx, signals, self._clock.now())
        return set(shards)

    async def _retire_missing(self, tx: Transaction, lease: Lease, mine: Sequence[Rule]) -> list[Signal]:
        """Rules that were known and are deleted: what stands is closed, and what was kept about them goes."""
        shard = int(lease.name.partition("/")[2])
        ids = [rule.id for rule in mine if shard_of(rule.id) == shard]
        if self._watched.get(lease.name) == (lease.token, ids):
            return []
        self._watched[lease.name] = (lease.token, ids)
        name = f"rules/{shard}"
        stored = await tx.facts.get(name)
        known = _ids.decode(stored) if stored is not None else []
        if known == ids:
            return []
        signals: list[Signal] = []
        for rule_id in sorted(set(known) - set(ids)):
            kept = await tx.facts.get(f"rule/{rule_id}")
            if kept is not None:
                signals += retire(rule_id, _watch.decode(kept), self._clock.now()).signals
                await tx.facts.remove(f"rule/{rule_id}")
            await tx.rule_history.forget(rule_id)
            self._recorded.pop(rule_id, None)
        await tx.facts.put(name, msgspec.json.encode(ids).decode())
        return signals

    async def _judge(self, tx: Transaction, rule: Rule) -> list[Signal]:
        """Bring a rule up to now; several windows may have closed since the last look."""
        now = self._clock.now()
        name = f"rule/{rule.id}"
        stored = await tx.facts.get(name)
        known = _watch.decode(stored) if stored is not None else None
        if not rule.enabled:
            return await self._stop(tx, rule, known, now)
        before = known or begin(rule, now)
        start = first_open(rule, before, now)
        parts = await tx.tallies.windows(rule.id, start - KNOWN_WINDOWS * timedelta(seconds=rule.slice_s))
        bands = await self._bands(tx, rule, start, now)
        watched = watch(rule, before, parts, bands, now)
        await self._record(tx, rule, watched.judged, watched.watch.judged_to)
        await self._learn(tx, rule, before.judged_to, watched.watch.judged_to)
        if watched.watch != known:
            await tx.facts.put(name, msgspec.json.encode(watched.watch).decode())
        return list(watched.signals)

    async def _stop(self, tx: Transaction, rule: Rule, known: Watch | None, now: datetime) -> list[Signal]:
        self._recorded.pop(rule.id, None)
        if known is None:
            return []
        await tx.facts.remove(f"rule/{rule.id}")
        return list(retire(rule.id, known, now).signals)

    async def _bands(self, tx: Transaction, rule: Rule, start: datetime, now: datetime) -> Bands:
        """The bands of the windows from `start` to now."""
        if not rule.learn:
            fixed = fixed_band(rule)
            return lambda _group, _start: fixed
        hour = hour_of(start)
        known: dict[datetime, dict[str, list[HourRow]]] = {}
        while hour <= now:
            known[hour] = await self._history(tx, rule, hour)
            hour += HOUR
        made: dict[tuple[str, datetime], Band] = {}

        def band(group: str, moment: datetime) -> Band:
            key = (group, hour_of(moment))
            if key not in made:
                made[key] = learned_band(rule, key[1], known.get(key[1], {}).get(group, ()))
            return made[key]

        return band

    async def _history(self, tx: Transaction, rule: Rule, hour: datetime) -> dict[str, list[HourRow]]:
        """What former weeks hold for an hour, by group; read once an hour."""
        key = (rule.id, hour)
        if key not in self._learned:
            rows: dict[str, list[HourRow]] = {}
            for row in await tx.rule_history.hours(rule.id, hours_before(rule, hour)):
                rows.setdefault(row.group, []).append(row)
            self._learned = {old: held for old, held in self._learned.items() if old[1] > hour - timedelta(days=1)}
            self._learned[key] = rows
        return self._learned[key]

    async def _record(self, tx: Transaction, rule: Rule, judged: Sequence[Judged], judged_to: datetime) -> None:
        before = self._recorded.get(rule.id, {})
        fresh = [row for row in judged if before.get((row.window_start, row.group)) != row]
        if fresh:
            await tx.rule_history.record(fresh)
        self._recorded[rule.id] = {
            (row.window_start, row.group): row for row in judged if row.window_start >= judged_to
        }

    async def _learn(self, tx: Transaction, rule: Rule, from_: datetime, to: datetime) -> None:
        """One row for each hour whose windows cannot change any more."""
        hour = hour_of(from_)
        last = hour_of(to)
        rows: list[HourRow] = []
        while hour < last and last - hour <= timedelta(days=2):
            by_group: dict[str, list[Judged]] = {}
            for row in await tx.rule_history.judged(rule.id, hour, hour + HOUR):
                by_group.setdefault(row.group, []).append(row)
            for group, windows in by_group.items():
                if (group == ALL) is bool(rule.group_by) or (group != ALL and not rule.learn):
                    continue
                made = summary(rule.id, group, hour, [(row.value, row.outcome) for row in windows])
                rows += [made] if made is not None else []
            hour += HOUR
        if rows:
            await tx.rule_history.learn(rows)
