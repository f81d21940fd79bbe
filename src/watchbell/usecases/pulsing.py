"""Pulsing: pings keep heartbeats alive, and timers find those that fell silent.

Many pings, one transaction. A heartbeat is watched from when it was made or last changed: one that never pings
becomes overdue too. Losing a lease raises `Fenced`, losing the database `Retryable`; nothing is written then, and a
ping can be repeated.
"""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime

from watchbell.domain.checks.heartbeat import ANY_HEARTBEAT, Heartbeat, Pulse
from watchbell.domain.checks.pulse import Beaten, Ping, again, due_at, moved, overdue, pinged, retired
from watchbell.domain.errors import Missing, WatchbellError
from watchbell.domain.ids import shard_of
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Timer, Transaction
from watchbell.usecases.configuration import Configuration, Configured
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.waking import TakeSignals, Wake, no_wake

HEARTBEAT = "heartbeat"
"""Kind of the timer that looks after a heartbeat; its subject is the heartbeat's id."""


class Pulsing:
    """Takes pings and watches for silence."""

    def __init__(
        self, store: Store, configured: Configured, take_signals: TakeSignals, clock: Clock, *, wake: Wake = no_wake
    ) -> None:
        self._store = store
        self._configured = configured
        self._take_signals = take_signals
        self._clock = clock
        self._wake = wake
        self._changed: tuple[int, Mapping[str, datetime]] = (-1, {})
        self._pings: GroupCommit[Ping, None] = GroupCommit(self._take)

    async def ping(self, ping: Ping) -> None:
        """Take a ping.

        Raises:
            Missing: there is no such heartbeat.
            Overloaded: too many wait already.
        """
        if ping.heartbeat_id not in _by_id(await self._configured.current()):
            self._configured.expire()
            if ping.heartbeat_id not in _by_id(await self._configured.current()):
                raise Missing("not found")
        await self._pings.submit(ping)

    async def close(self) -> None:
        """Apply what was taken, and take no more."""
        await self._pings.close()

    async def fire(self, timers: Sequence[Timer], leases: Sequence[Lease]) -> set[int]:
        """Look after heartbeats whose time has come; returns the shards that have something to route now."""
        config = await self._configured.current()
        heartbeats = _by_id(config)
        async with self._store.transaction() as tx:
            now = self._clock.now()
            await tx.leases.verify(leases)
            changed = await self._changes(tx, config)
            ids = [timer.subject for timer in timers]
            # Pulses are locked before timers, as pings do: in another order the two could wait for each other.
            pulses = await tx.pulses.get(ids)
            await tx.timers.cancel([(HEARTBEAT, identifier) for identifier in ids])
            beaten: dict[str, Beaten] = {}
            for timer in timers:
                heartbeat, pulse = heartbeats.get(timer.subject), pulses.get(timer.subject)
                if heartbeat is not None and pulse is not None:
                    beaten[timer.subject] = overdue(heartbeat, pulse, changed.get(timer.subject, now), now)
            return await self._record(tx, beaten, pulses, now)

    async def arm(self, leases: Sequence[Lease]) -> None:
        """Watch the heartbeats of the leases' shards, by their present times."""
        config = await self._configured.current()
        held = {int(lease.name.partition("/")[2]) for lease in leases}
        mine = {key: found for key, found in _by_id(config).items() if shard_of(key) in held}
        await self._settle(leases, held)
        if not mine:
            return
        async with self._store.transaction() as tx:
            now = self._clock.now()
            await tx.leases.verify(leases)
            pulses = await tx.pulses.get(list(mine))
            fresh = {key: Pulse(heartbeat_id=key, version=1) for key in mine if key not in pulses}
            await tx.pulses.save(list(fresh.values()))
            changed = await self._changes(tx, config)
            timers: list[Timer] = []
            for key, pulse in (fresh | pulses).items():
                if mine[key].enabled and not pulse.failing:
                    timers.append(_timer(key, due_at(mine[key], pulse, changed.get(key, now))))
                elif not mine[key].enabled and pulse.failing:
                    timers.append(_timer(key, now))
            await tx.timers.set(timers)
            if fresh:
                tx.changed("check", ANY_HEARTBEAT)

    async def _changes(self, tx: Transaction, config: Configuration) -> Mapping[str, datetime]:
        """When each heartbeat was made or last changed, read again when the configuration has changed."""
        if self._changed[0] != config.version:
            rows = await tx.catalogue.all(HEARTBEAT)
            self._changed = config.version, {row.id: row.updated_at for row in rows}
        return self._changed[1]

    async def _settle(self, leases: Sequence[Lease], held: Container[int]) -> None:
        """Close what stands for heartbeats that were removed or renamed, and forget those that no longer exist.

        What stands is kept with the pulse, so it does not matter who held the shard when that happened.
        """
        known = _by_id(await self._configured.current())
        async with self._store.reading() as tx:
            pulses = await tx.pulses.get()
        others = [key for key, pulse in pulses.items() if shard_of(key) in held and _unsettled(known.get(key), pulse)]
        if not others:
            return
        async with self._store.transaction() as tx:
            now = self._clock.now()
            await tx.leases.verify(leases)
            # As it is now, and not as it was a moment ago: a heartbeat that was just made must not be forgotten.
            known = _by_id(await self._configured.within(tx))
            there = {row.id for row in await tx.catalogue.all(HEARTBEAT)}
            pulses = await tx.pulses.get(others)
            gone = [key for key in pulses if key not in there]
            shards: set[int] = set()
            for key in gone:
                ended = retired(pulses[key], now, f"{_name(pulses[key])} was removed")
                shards |= await self._record(tx, {key: ended}, pulses, now)
            renamed = {key: known[key] for key in pulses if key in known and moved(known[key], pulses[key])}
            for key, heartbeat in renamed.items():
                ended = retired(pulses[key], now, f"{_name(pulses[key])} is now {heartbeat.name}")
                shards |= await self._record(tx, {key: ended}, pulses, now)
                shards |= await self._record(tx, {key: again(heartbeat, ended.pulse, now)}, pulses, now)
            await tx.pulses.forget(gone)
            await tx.timers.cancel([(HEARTBEAT, key) for key in gone])
        if shards:
            await self._wake(sorted(shards))

    async def _take(self, pings: Sequence[Ping]) -> Sequence[WatchbellError | None]:
        heartbeats = _by_id(await self._configured.current())
        async with self._store.transaction() as tx:
            now = self._clock.now()
            before = await tx.pulses.get(sorted({ping.heartbeat_id for ping in pings}))
            shards: set[int] = set()
            # Pings of one heartbeat follow one another; each round holds at most one of each.
            waiting, pulses = list(pings), dict(before)
            while waiting:
                beaten: dict[str, Beaten] = {}
                later: list[Ping] = []
                for ping in waiting:
                    key = ping.heartbeat_id
                    if key in beaten:
                        later.append(ping)
                    elif key in heartbeats:
                        known = pulses.get(key) or Pulse(heartbeat_id=key)
                        if moved(heartbeats[key], known):
                            ended = retired(known, now, f"{_name(known)} is now {heartbeats[key].name}")
                            shards |= await self._record(tx, {key: ended}, pulses, now)
                            known = ended.pulse
                        beaten[key] = pinged(heartbeats[key], known, ping, now)
                shards |= await self._record(tx, beaten, pulses, now)
                pulses |= {key: found.pulse for key, found in beaten.items()}
                waiting = later
        if shards:
            await self._wake(sorted(shards))
        return [None] * len(pings)

    async def _record(
        self, tx: Transaction, beaten: Mapping[str, Beaten], before: Mapping[str, Pulse], now: datetime
    ) -> set[int]:
        changed = [found.pulse for key, found in beaten.items() if found.pulse != before.get(key)]
        await tx.pulses.save(changed)
        await tx.timers.set([_timer(key, found.due) for key, found in beaten.items() if found.due is not None])
        if changed:
            tx.changed("check", ANY_HEARTBEAT)
        signals = [found.signal for found in beaten.values() if found.signal is not None]
        if not signals:
            return set()
        return set(await self._take_signals(tx, signals, now))


def _timer(heartbeat_id: str, due: datetime) -> Timer:
    return Timer(kind=HEARTBEAT, subject=heartbeat_id, shard=shard_of(heartbeat_id), due=due)


def _unsettled(heartbeat: Heartbeat | None, pulse: Pulse) -> bool:
    return heartbeat is None or moved(heartbeat, pulse)


def _name(pulse: Pulse) -> str:
    """What the heartbeat was called when it was said to fail."""
    return pulse.said.resource if pulse.said is not None else ""


def _by_id(config: Configuration) -> dict[str, Heartbeat]:
    return {heartbeat.id: heartbeat for heartbeat in config.heartbeats.values()}
