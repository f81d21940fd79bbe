"""The keeper: everything that happens because time passes or something was written down to be done.

It holds shards by lease, and for each: fires timers, routes alerts into incidents, delivers messages, tells plug-ins,
takes results and receipts from the bus, schedules checks, judges event rules. Each is a loop of its own under
supervision. Whatever it writes is fenced by the token of the shard's lease; on a lost lease it drops the shard at once.
On `stop` it finishes what it has in hand and gives its shards back, so that others take over without waiting.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta

import msgspec
import structlog

from watchbell.domain.errors import Retryable
from watchbell.ports.bus import Bus, Envelope, Handler, Subscription
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, Store, Timer
from watchbell.ports.telemetry import Telemetry
from watchbell.roles.checking import Checking
from watchbell.roles.supervising import Loop, nap, supervise
from watchbell.usecases.alerting import BATCH as SETTLED
from watchbell.usecases.alerting import PRUNED, Alerting
from watchbell.usecases.delivering import BATCH as DELIVER_BATCH
from watchbell.usecases.delivering import Delivering
from watchbell.usecases.escalating import Escalating
from watchbell.usecases.federating import Federating
from watchbell.usecases.forwarding import FORWARD
from watchbell.usecases.heartbeating import ORIGIN, Heartbeating
from watchbell.usecases.hooking import PLUGIN
from watchbell.usecases.informing import BATCH as INFORM_BATCH
from watchbell.usecases.informing import Informing
from watchbell.usecases.inhibiting import Inhibiting
from watchbell.usecases.leasing import RENEW, Shards
from watchbell.usecases.mailing import BATCH as MAIL_BATCH
from watchbell.usecases.mailing import Mailing
from watchbell.usecases.mailing_nudges import BATCH as NUDGE_BATCH
from watchbell.usecases.mailing_nudges import MailingNudges
from watchbell.usecases.muting import Muting
from watchbell.usecases.pruning import Pruning
from watchbell.usecases.pulsing import HEARTBEAT, Pulsing
from watchbell.usecases.recording import ESCALATE
from watchbell.usecases.relaying import receipts_topic, unpack_receipt
from watchbell.usecases.reporting import TOPIC as TALLIES
from watchbell.usecases.reporting import TallyIntake
from watchbell.usecases.retiring import Retiring
from watchbell.usecases.routing import BATCH as ROUTE_BATCH
from watchbell.usecases.routing import Routing
from watchbell.usecases.ruling import Ruling
from watchbell.usecases.scheduling import results_topic
from watchbell.usecases.waking import RUN_TOPIC, TOPIC, BusWake, unpack_shards

LOOK = 0.5
"""Seconds between looks at the database for work that nobody called for."""
CHECKS = 0.1
RULES = 2.0
ARM = 5.0
BLACKOUTS = 1.0
INHIBITIONS = 1.0
HISTORIES = 15.0
HOUSEKEEPING = 60.0
TIMERS = 500
CHANGES_KEPT = timedelta(hours=1)
TALLIES_KEPT = timedelta(days=8)
LEARNED_KEPT = timedelta(weeks=10)
LETTERS_KEPT = timedelta(hours=1)
TRIM = 5000
"""Results deleted in one transaction."""

_log = structlog.get_logger("keeper")

Fire = Callable[[Sequence[Timer], Sequence[Lease]], Awaitable[set[int]]]


class Duties(msgspec.Struct, frozen=True, kw_only=True):
    """What a keeper does, each a use case of its own. `results_kept` and `audit_kept` are in seconds.

    Without `audit_kept` the audit is kept for ever.
    """

    shards: Shards
    routing: Routing
    escalating: Escalating
    delivering: Delivering
    alerting: Alerting
    pulsing: Pulsing
    heartbeating: Heartbeating
    ruling: Ruling
    checking: Checking
    muting: Muting
    inhibiting: Inhibiting
    retiring: Retiring
    pruning: Pruning
    informing: Informing
    nudges: MailingNudges
    federating: Federating | None = None
    mailing: Mailing | None = None
    results_kept: float = 604800.0
    audit_kept: float = 0.0


class Keeper:
    """One keeper process."""

    def __init__(self, store: Store, bus: Bus, clock: Clock, telemetry: Telemetry, duties: Duties) -> None:
        self._store = store
        self._bus = bus
        self._clock = clock
        self._telemetry = telemetry
        self._do = duties
        self._shards = duties.shards
        self._wake = BusWake(bus)
        self._route_bell = asyncio.Event()
        self._deliver_bell = asyncio.Event()
        self._timer_bell = asyncio.Event()
        self._plugin_bell = asyncio.Event()
        self._forward_bell = asyncio.Event()
        self._tidy_bell = asyncio.Event()
        self._subscriptions: dict[str, Subscription] = {}
        self._stopping = asyncio.Event()
        self._fire: Mapping[str, Fire] = {
            "alert": self._fire_alerts,
            ESCALATE: duties.escalating.fire,
            HEARTBEAT: duties.pulsing.fire,
            ORIGIN: duties.heartbeating.fire,
        }

    async def run(self, stop: asyncio.Event) -> None:
        """Keep until told to stop."""
        ended = asyncio.Event()
        leasing = asyncio.create_task(
            supervise([Loop(name="leases", tick=self._renew, every=RENEW)], ended, self._telemetry, _nothing)
        )
        common = [
            await self._bus.listen(TOPIC, self._hear),
            await self._bus.listen(RUN_TOPIC, self._do.checking.run_now),
            await self._bus.consume(TALLIES, TallyIntake(self._store).handle),
        ]
        _log.info("keeper_started")
        try:
            await supervise(self._loops(), stop, self._telemetry, self._fenced)
        finally:
            await self._wind_up([*common, *self._subscriptions.values()])
            ended.set()
            await leasing
            await self._shards.release()
            _log.info("keeper_stopped")

    async def _wind_up(self, subscriptions: Sequence[Subscription]) -> None:
        """Take nothing more, and finish what is in hand while the leases still hold."""
        self._stopping.set()
        await asyncio.gather(*(subscription.stop() for subscription in subscriptions))
        await self._do.checking.close()
        await self._do.delivering.close()
        await self._do.informing.close()
        if self._do.federating is not None:
            await self._do.federating.close()
        await self._do.pulsing.close()

    def _loops(self) -> list[Loop]:
        return [
            Loop(name="route", tick=self._route, every=LOOK, bell=self._route_bell),
            Loop(name="deliver", tick=self._deliver, every=LOOK, bell=self._deliver_bell),
            Loop(name="letters", tick=self._mail, every=LOOK),
            Loop(name="nudges", tick=self._nudge, every=LOOK),
            Loop(name="plugins", tick=self._inform, every=LOOK, bell=self._plugin_bell),
            Loop(name="forward", tick=self._forward, every=LOOK, bell=self._forward_bell),
            Loop(name="timers", tick=self._timers, every=LOOK, bell=self._timer_bell),
            Loop(name="checks", tick=self._do.checking.tick, every=CHECKS),
            Loop(name="rules", tick=self._rules, every=RULES),
            Loop(name="heartbeats", tick=self._arm, every=ARM),
            Loop(name="blackouts", tick=self._mute, every=BLACKOUTS),
            Loop(name="inhibitions", tick=self._inhibit, every=INHIBITIONS),
            Loop(name="correlations", tick=self._retire, every=INHIBITIONS),
            Loop(name="histories", tick=self._prune, every=HISTORIES),
            Loop(name="housekeeping", tick=self._tidy, every=HOUSEKEEPING, bell=self._tidy_bell),
        ]

    async def _renew(self) -> bool:
        """Renew the leases, and listen for exactly the shards held."""
        tidied = 0 in self._shards.held
        await self._shards.renew()
        if not tidied and 0 in self._shards.held:
            self._tidy_bell.set()  # nobody did since its last holder went
        wanted: dict[str, Handler] = {}
        for shard in self._shards.held:
            wanted[results_topic(shard)] = self._held_on(shard, self._do.checking.handle)
            wanted[receipts_topic(shard)] = self._held_on(shard, self._receipt)
        gone = [self._subscriptions.pop(topic) for topic in self._subscriptions.keys() - wanted.keys()]
        if self._stopping.is_set():
            return False
        for topic in sorted(wanted.keys() - self._subscriptions.keys()):
            self._subscriptions[topic] = await self._bus.consume(topic, wanted[topic], prefetch=500)
        if gone:
            await asyncio.gather(*(subscription.stop() for subscription in gone))
        return False

    def _held_on(self, shard: int, handler: Handler) -> Handler:
        """Handle in place as long as the shard is held: a database that is away for a while must not cost a message."""

        async def handle(envelope: Envelope) -> None:
            while True:
                try:
                    await handler(envelope)
                except Retryable:
                    if shard not in self._shards.held or self._stopping.is_set():
                        raise
                    await nap(0.5, self._stopping)
                else:
                    return

        return handle

    async def _receipt(self, envelope: Envelope) -> None:
        await self._do.delivering.record(unpack_receipt(envelope))

    async def _hear(self, body: bytes) -> None:
        if unpack_shards(body) & self._shards.held.keys():
            self._ring()

    def _ring(self) -> None:
        self._route_bell.set()
        self._deliver_bell.set()
        self._plugin_bell.set()
        self._forward_bell.set()

    async def _call(self, shards: set[int] | frozenset[int]) -> None:
        """Have these shards looked at, here or elsewhere."""
        if shards & self._shards.held.keys():
            self._ring()
        elsewhere = shards - self._shards.held.keys()
        if elsewhere:
            await self._wake(sorted(elsewhere))

    async def _fenced(self) -> None:
        """A lease was lost: find out which, and go on with the others."""
        await self._renew()

    async def _route(self) -> bool:
        routed = await self._do.routing.run(self._shards.leases())
        await self._call(routed.shards)
        return routed.rows >= ROUTE_BATCH

    async def _deliver(self) -> bool:
        return await self._do.delivering.run(self._shards.leases()) >= DELIVER_BATCH

    async def _mail(self) -> bool:
        mailing = self._do.mailing
        return mailing is not None and await mailing.run(self._shards.leases()) >= MAIL_BATCH

    async def _nudge(self) -> bool:
        return await self._do.nudges.run(self._shards.leases()) >= NUDGE_BATCH

    async def _inform(self) -> bool:
        return await self._do.informing.run(self._shards.leases()) >= INFORM_BATCH

    async def _forward(self) -> bool:
        if self._do.federating is not None:
            await self._do.federating.run()
        return False

    async def _timers(self) -> bool:
        held = dict(self._shards.held)
        if not held:
            return False
        async with self._store.reading() as tx:
            due = await tx.timers.due(list(held), self._clock.now(), TIMERS)
        by_kind: dict[str, list[Timer]] = {}
        for timer in due:
            by_kind.setdefault(timer.kind, []).append(timer)
        for kind, timers in by_kind.items():
            fire = self._fire.get(kind)
            if fire is None:
                _log.error("timer_of_unknown_kind", kind=kind, timers=len(timers))
                continue
            leases = [held[shard] for shard in sorted({timer.shard for timer in timers})]
            await self._call(await fire(timers, leases))
        return len(due) >= TIMERS

    async def _fire_alerts(self, timers: Sequence[Timer], leases: Sequence[Lease]) -> set[int]:
        return set(await self._do.alerting.fire(timers, leases, self._clock.now()))

    async def _rules(self) -> bool:
        await self._call(await self._do.ruling.run(self._shards.leases()))
        return False

    async def _arm(self) -> bool:
        await self._do.pulsing.arm(self._shards.leases())
        return False

    async def _mute(self) -> bool:
        """As the housekeeping, done by one keeper."""
        lease = self._shards.held.get(0)
        if lease is not None:
            await self._call(await self._do.muting.run([lease]))
        return False

    async def _inhibit(self) -> bool:
        """As the blackouts, done by one keeper."""
        lease = self._shards.held.get(0)
        if lease is not None:
            await self._call(await self._do.inhibiting.run([lease]))
        return False

    async def _retire(self) -> bool:
        """As the blackouts, done by one keeper."""
        lease = self._shards.held.get(0)
        if lease is not None:
            await self._call(await self._do.retiring.run([lease]))
        return False

    async def _prune(self) -> bool:
        """Apart from the rest of housekeeping: in a storm it is busy for as long as that lasts."""
        lease = self._shards.held.get(0)
        return lease is not None and await self._do.pruning.run([lease])

    async def _tidy(self) -> bool:
        """What one keeper does for all: the one that holds the first shard."""
        lease = self._shards.held.get(0)
        if lease is None:
            return False
        now = self._clock.now()
        await self._do.alerting.delete_old([lease], now)
        settled = await self._do.alerting.settle([lease], now)
        pruned = await self._do.alerting.prune([lease], now)
        async with self._store.transaction() as tx:
            await tx.leases.verify([lease])
            await tx.changes.trim(now - CHANGES_KEPT)
            await tx.tallies.trim(now - TALLIES_KEPT)
            await tx.rule_history.trim(now - TALLIES_KEPT, now - LEARNED_KEPT)
            await tx.sessions.purge(now)
            await tx.letters.purge(now - LETTERS_KEPT)
            await tx.spent.purge(now)
            if self._do.audit_kept > 0:
                await tx.audit.expire(now - timedelta(seconds=self._do.audit_kept))
            gone = await tx.checks.trim(now - timedelta(seconds=self._do.results_kept), TRIM)
        async with self._store.reading() as tx:
            backlog = await tx.outbox.backlog(now)
        for kind, (count, age) in backlog.items():
            self._telemetry.gauge("outbox_waiting", count, kind=kind)
            self._telemetry.gauge("outbox_oldest_seconds", age, kind=kind)
        if PLUGIN in backlog and not self._do.informing.wanted:
            hint = "this keeper has no plug-ins; give all nodes the same settings of the section plugins"
            _log.warning("plugin_calls_wait", calls=backlog[PLUGIN][0], hint=hint)
        taken = self._do.federating.kinds if self._do.federating is not None else frozenset[str]()
        for kind in sorted(kind for kind in backlog.keys() - taken if kind.startswith(FORWARD)):
            hint = "plugins.forward names it no more; put it back, and they are sent"
            _log.warning("forwards_wait", destination=kind.removeprefix(FORWARD), messages=backlog[kind][0], hint=hint)
        return gone >= TRIM or settled >= SETTLED or pruned >= PRUNED


async def _nothing() -> None:
    """The loop that renews leases has nobody to tell."""
