"""Heartbeating: takes Alerta's heartbeats, and tells of origins that fall silent or grow slow, and of their return.

A timer looks after each origin, so nobody has to ask. Losing a lease raises `Fenced`, losing the database `Retryable`;
nothing is written then, and a heartbeat can be sent again.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.policy import Limits, admit
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.checks.origin_heartbeat import (
    EXPIRED,
    MAX_LATENCY,
    Looked,
    OriginHeartbeat,
    Wording,
    looked,
    received,
    signal_of,
)
from watchbell.domain.errors import Missing
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.signal import UNSAID, Signal, sent_at
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Timer, Transaction
from watchbell.usecases.calling import assigned_now
from watchbell.usecases.waking import TakeSignals, Wake, no_wake

ORIGIN = "origin"
"""Kind of the timer that looks after an origin; its subject is the heartbeat's id."""


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """A heartbeat as it was sent. `create_time` is the sender's clock; None is ours."""

    origin: str
    tags: tuple[str, ...] = ()
    attributes: Mapping[str, Any] = {}
    type: str = "Heartbeat"
    create_time: datetime | None = None
    timeout: int = UNSAID
    customer: str | None = None


class Heartbeating:
    """Takes heartbeats and watches for silence."""

    def __init__(
        self,
        store: Store,
        take_signals: TakeSignals,
        clock: Clock,
        model: AlarmModel,
        *,
        limits: Limits | None = None,
        timeouts: Timeouts | None = None,
        max_latency: int = MAX_LATENCY,
        wake: Wake = no_wake,
    ) -> None:
        self._store = store
        self._take_signals = take_signals
        self._clock = clock
        self._model = model
        self._limits = limits or Limits()
        self._timeout = (timeouts or Timeouts()).heartbeat
        self._max_latency = max_latency
        self._wording = Wording(model.severities, usual_environment(self._limits.environments))
        self._wake = wake

    async def take(self, sent: Sent) -> OriginHeartbeat:
        """Take a heartbeat; an origin that nobody has heard of is watched from now on.

        Raises `Invalid` or `Refused` when its alert would not be let in: silence must not be lost later.
        """
        now = self._clock.now()
        new = OriginHeartbeat(
            id=new_id(),
            origin=sent.origin,
            customer=assigned_now(sent.customer, "heartbeats"),
            tags=tuple(dict.fromkeys(sent.tags)),
            attributes=dict(sent.attributes),
            type=sent.type,
            create_time=sent_at(sent.create_time or now, now),
            receive_time=now,
            timeout=self._timeout if sent.timeout == UNSAID else sent.timeout,
            max_latency=self._max_latency,
        )
        self._admit(signal_of(new, EXPIRED, now, self._wording))
        async with self._store.transaction() as tx:
            former = await tx.origin_heartbeats.of(new.origin, new.customer)
            found = received(former, new, now, self._wording)
            shards = await self._record(tx, [found], now)
        if shards:
            await self._wake(sorted(shards))
        return found.heartbeat

    async def all(self) -> list[OriginHeartbeat]:
        """Every origin's newest heartbeat."""
        async with self._store.reading() as tx:
            return await tx.origin_heartbeats.all()

    async def get(self, heartbeat_id: str) -> OriginHeartbeat:
        """One, by its id.

        Raises `Missing`.
        """
        async with self._store.reading() as tx:
            return _only(await tx.origin_heartbeats.get([heartbeat_id]))

    async def forget(self, heartbeat_id: str) -> None:
        """Watch an origin no longer; what stands for it is closed."""
        now = self._clock.now()
        async with self._store.transaction() as tx:
            heartbeat = _only(await tx.origin_heartbeats.get([heartbeat_id]))
            await tx.origin_heartbeats.delete(heartbeat.id)
            await tx.timers.cancel([(ORIGIN, heartbeat.id)])
            tx.changed("check", heartbeat.id)
            shards: set[int] = set()
            if heartbeat.alerted:
                last = msgspec.structs.replace(heartbeat, version=heartbeat.version + 1)
                ended = signal_of(last, "ok", now, self._wording)
                ended = msgspec.structs.replace(ended, text=f"{heartbeat.origin} is not watched any more")
                shards = set(await self._take_signals(tx, [ended], now))
        if shards:
            await self._wake(sorted(shards))

    async def fire(self, timers: Sequence[Timer], leases: Sequence[Lease]) -> set[int]:
        """Look at origins whose time has come; returns the shards that have something to route now."""
        async with self._store.transaction() as tx:
            now = self._clock.now()
            await tx.leases.verify(leases)
            ids = [timer.subject for timer in timers]
            # Heartbeats are locked before timers, as `take` does: in another order the two could wait for each other.
            found = [looked(heartbeat, now, self._wording) for heartbeat in await tx.origin_heartbeats.get(ids)]
            await tx.timers.cancel([(ORIGIN, identifier) for identifier in ids])
            return await self._record(tx, found, now)

    def _admit(self, signal: Signal) -> None:
        admit(signal, self._limits)
        self._model.severities.named(signal.severity)

    async def _record(self, tx: Transaction, found: Sequence[Looked], now: datetime) -> set[int]:
        await tx.origin_heartbeats.save([each.heartbeat for each in found])
        timers = [
            Timer(kind=ORIGIN, subject=each.heartbeat.id, shard=shard_of(each.heartbeat.id), due=each.due)
            for each in found
            if each.due is not None
        ]
        await tx.timers.set(timers)
        if found:
            tx.changed("check", *(each.heartbeat.id for each in found))
        signals = [each.signal for each in found if each.signal is not None]
        return set(await self._take_signals(tx, signals, now)) if signals else set()


def usual_environment(allowed: Sequence[str]) -> str:
    """The environment of heartbeats that name none: `Production`, or the first that is allowed and no pattern."""
    usual = Wording().environment
    if any(re.fullmatch(each, usual) for each in allowed):
        return usual
    return next((each for each in allowed if each and re.fullmatch(each, each)), usual)


def _only(found: Sequence[OriginHeartbeat]) -> OriginHeartbeat:
    if not found:
        raise Missing("not found")
    return found[0]
