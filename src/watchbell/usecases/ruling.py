"""Ruling: a keeper judges what collectors counted, and raises or ends the signals of event rules.

What is remembered of a rule is a fact in the store, written with the signal; so a rule that moves to another keeper
goes on where it was. Losing a lease raises `Fenced`, losing the database `Retryable`; nothing is written then.
"""

from collections.abc import Sequence
from datetime import timedelta

import msgspec

from watchbell.domain.events.rule import Rule
from watchbell.domain.events.watch import KNOWN_WINDOWS, SETTLE, Watch, begin, retire, watch
from watchbell.domain.ids import shard_of
from watchbell.domain.signal import Signal
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Transaction
from watchbell.usecases.configuration import Configured
from watchbell.usecases.waking import TakeSignals

_watch = msgspec.json.Decoder(Watch)


class Ruling:
    """Judges event rules."""

    def __init__(self, store: Store, configured: Configured, take_signals: TakeSignals, clock: Clock) -> None:
        self._store = store
        self._configured = configured
        self._take_signals = take_signals
        self._clock = clock

    async def run(self, leases: Sequence[Lease]) -> set[int]:
        """Judge every rule of the leases' shards; returns the shards that have something to route now."""
        config = await self._configured.current()
        held = {int(lease.name.partition("/")[2]) for lease in leases}
        mine = [rule for rule in config.rules.values() if shard_of(rule.id) in held]
        if not mine:
            return set()
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            signals: list[Signal] = []
            for rule in sorted(mine, key=lambda rule: rule.id):
                signals += await self._judge(tx, rule)
            if not signals:
                return set()
            shards = await self._take_signals(tx, signals, self._clock.now())
        return set(shards)

    async def _judge(self, tx: Transaction, rule: Rule) -> list[Signal]:
        """Bring a rule up to now; several windows may have closed since the last look."""
        now = self._clock.now()
        name = f"rule/{rule.id}"
        stored = await tx.facts.get(name)
        known = _watch.decode(stored) if stored is not None else None
        if not rule.enabled:
            done = retire(rule, known, now) if known is not None else None
            if known is not None:
                await tx.facts.remove(name)
            return [done.signal] if done is not None and done.signal is not None else []
        current = known or begin(rule, now)
        length = timedelta(seconds=rule.window_s)
        counts = await tx.tallies.windows(rule.id, now - (2 * KNOWN_WINDOWS + 1) * length - SETTLE)
        signals: list[Signal] = []
        for _ in range(2 * KNOWN_WINDOWS):
            watched = watch(rule, current, counts, now)
            moved = watched.watch != current
            current = watched.watch
            if watched.signal is not None:
                signals.append(watched.signal)
            if not moved:
                break
        if current != known:
            await tx.facts.put(name, msgspec.json.encode(current).decode())
        return signals
