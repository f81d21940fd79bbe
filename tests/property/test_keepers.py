"""Two keepers, a bus that loses, repeats and reorders, silent providers, leases that run out, crashes: from a seed.

Shown for every seed: nothing is lost; nobody who lost a lease writes; a message goes out at most once more for each
ambiguous attempt, always under the same key; no step of a policy is skipped or taken twice.
"""

import asyncio
from collections import Counter
from random import Random

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from oncall_bench import CHANNEL, RULES, SERVICE, Bench, alert, changed, one_channel
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.errors import Ambiguous, Fenced, Retryable
from watchbell.domain.ids import SHARDS
from watchbell.domain.oncall.incident import AttemptOutcome, IncidentStatus, NotificationStatus, Purpose
from watchbell.domain.oncall.message import Message, Receipt
from watchbell.domain.oncall.service import Policy, Step, Target
from watchbell.ports.bus import Envelope
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.delivering import Delivering
from watchbell.usecases.escalating import Escalating
from watchbell.usecases.leasing import Shards
from watchbell.usecases.relaying import DELIVERIES, Relay, Sender, unpack_receipt
from watchbell.usecases.routing import Routing

STEPS = 250
POLICY = Policy(
    name="office",
    id="p1",
    steps=[Step(after=n * 60.0, targets=[Target(channel="mail", to=f"step{n}@example.org")]) for n in range(3)],
)


class LossyBus:
    """Keeps what is published until the simulation decides what becomes of it."""

    def __init__(self, luck: Random) -> None:
        self._luck = luck
        self.kept: list[tuple[str, Envelope]] = []
        self.calm = False

    async def publish(self, topic: str, envelopes: list[Envelope]) -> None:
        trouble = 1.0 if self.calm else self._luck.random()
        if trouble < 0.05:
            raise Retryable("away")
        for envelope in envelopes:
            if trouble > 0.1 or self._luck.random() < 0.5:
                self.kept.append((topic, envelope))
        if trouble < 0.1:
            raise Ambiguous("broke off")

    def available(self) -> bool:
        return self.calm or self._luck.random() < 0.9


class FickleProvider:
    """Counts what it has really taken, whatever it says."""

    def __init__(self, luck: Random) -> None:
        self._luck = luck
        self.taken: Counter[str] = Counter()
        self.calm = False

    async def send(self, message: Message) -> Receipt:
        chance = 1.0 if self.calm else self._luck.random()
        if chance < 0.15:
            raise Retryable("busy")
        if chance < 0.2:
            raise Ambiguous("silence, and it was not taken")
        self.taken[message.id] += 1
        if chance < 0.3:
            raise Ambiguous("silence, and it was taken")
        return Receipt()

    async def close(self) -> None:
        """Nothing is held."""


class SimulatedKeeper:
    """A keeper process; `crash` forgets all that is not in the store."""

    def __init__(self, world: "World", name: str) -> None:
        self.world = world
        self.name = name
        self.lives = 0
        self.crash()

    def crash(self) -> None:
        self.lives += 1
        world, telemetry = self.world, NullTelemetry()
        clock, store = world.bench.clock, world.bench.store
        self.shards = Shards(store, clock, telemetry, f"{self.name}/{self.lives}")
        self.routing = Routing(store, world.bench.configured, RULES, clock, telemetry, AlertaModel())
        self.escalating = Escalating(store, world.bench.configured, RULES, clock)
        self.delivering = Delivering(
            store,
            world.bus,  # type: ignore[arg-type]
            world.bench.configured,
            world.sender,
            clock,
            telemetry,
            held=self.shards.held,
            luck=world.luck,
        )

    async def work(self, what: str) -> None:
        """One tick of one loop. Whoever lost a lease must be refused."""
        leases = self.shards.leases()
        stale = await self.world.stale(leases)
        before = self.world.bench.store._state
        try:
            if what == "route":
                await self.routing.run(leases)
            elif what == "deliver":
                await self.delivering.run(leases)
            else:
                async with self.world.bench.store.reading() as tx:
                    due = await tx.timers.due(list(self.shards.held), self.world.bench.clock.now(), 50)
                if due:
                    await self.escalating.fire(due, leases)
        except Fenced:
            assert stale, "refused although the leases hold"
            assert self.world.bench.store._state is before
            await self.shards.renew()
        else:
            assert not stale or self.world.bench.store._state is before, "a fenced holder wrote"
        await asyncio.sleep(0)


class World:
    """Everything there is."""

    def __init__(self, seed: int) -> None:
        self.luck = Random(seed)
        self.bench = Bench()
        self.bus = LossyBus(self.luck)
        self.provider = FickleProvider(self.luck)
        telemetry = NullTelemetry()
        self.sender = Sender(one_channel(self.provider), self.bench.vault, self.bench.clock, telemetry)
        self.relays = [self._relay(), self._relay()]
        self.keepers = [SimulatedKeeper(self, "a"), SimulatedKeeper(self, "b")]
        self.alerts: dict[str, Alert] = {}

    def _relay(self) -> Relay:
        return Relay(self.bus, self.sender, self.bench.clock, NullTelemetry())  # type: ignore[arg-type]

    async def stale(self, leases) -> bool:
        async with self.bench.store.reading() as tx:
            standing = {lease.name: (lease.holder, lease.token) for lease in await tx.leases.all()}
        return any(standing.get(lease.name) != (lease.holder, lease.token) for lease in leases)

    async def run(self) -> None:
        await self.bench.configure(SERVICE, POLICY, CHANNEL)
        for keeper in self.keepers:
            await keeper.shards.renew()
        for _ in range(STEPS):
            await self.step()
        await self.heal()

    async def step(self) -> None:
        keeper = self.luck.choice(self.keepers)
        chance = self.luck.random()
        if chance < 0.12:
            await self.signal()
        elif chance < 0.25:
            self.bench.clock.advance(self.luck.choice([0.2, 1, 3, 8, 30]))
        elif chance < 0.4:
            await keeper.shards.renew()
        elif chance < 0.43:
            keeper.crash()
        elif chance < 0.46:
            self.relays[self.luck.randrange(2)] = self._relay()
        elif chance < 0.75:
            await keeper.work(self.luck.choice(["route", "deliver", "deliver", "timers"]))
        else:
            await self.carry()

    async def signal(self) -> None:
        name = self.luck.choice(["A", "B", "C"])
        known = self.alerts.get(name)
        if known is None:
            new = alert(name)
        elif known.status == "closed":
            new = changed(known, status="open", severity="critical")
        else:
            new = changed(known, status=self.luck.choice(["closed", "ack", "open"]))
        self.alerts[name] = new
        await self.bench.put(new)

    async def carry(self) -> None:
        """Something happens to one message on the bus."""
        if not self.bus.kept:
            return
        topic, envelope = self.bus.kept.pop(self.luck.randrange(len(self.bus.kept)))
        fate = 1.0 if self.bus.calm else self.luck.random()
        if fate < 0.1:
            return  # lost
        if fate < 0.25:
            again = msgspec.structs.replace(envelope, redelivered=True)
            self.bus.kept.append((topic, again))
        await self.handle(topic, envelope)

    async def handle(self, topic: str, envelope: Envelope) -> None:
        try:
            if topic == DELIVERIES:
                await self.luck.choice(self.relays)._handle(envelope)
            else:
                await self.luck.choice(self.keepers).delivering.record(unpack_receipt(envelope))
        except Retryable:
            self.bus.kept.append((topic, msgspec.structs.replace(envelope, redelivered=True)))

    async def heal(self) -> None:
        """All faults end; what is under way comes to its end."""
        self.bus.calm = self.provider.calm = True
        for _ in range(500):
            for keeper in self.keepers:
                await keeper.shards.renew()
                for what in ("route", "timers", "deliver"):
                    await keeper.work(what)
            for _ in range(len(self.bus.kept)):
                await self.carry()
            for _ in range(20):
                await asyncio.sleep(0)
            if not self.waiting() and not self.bus.kept and not self.bench.store._state.get("timers"):
                return
            self.bench.clock.advance(3)

    def waiting(self) -> int:
        return len(self.bench.store._state.get("outbox", {}))


async def check(world: World) -> None:
    assert world.waiting() == 0, "something never left the outbox"
    incidents = await world.bench.incidents()
    notifications = await world.bench.notifications()
    async with world.bench.store.reading() as tx:
        attempts = await tx.notifications.attempts([n.id for n in notifications])
    ambiguous = Counter(a.notification_id for a in attempts if a.outcome is AttemptOutcome.AMBIGUOUS)
    known = {notification.id for notification in notifications}
    assert set(world.provider.taken) <= known, "sent under a key of its own"
    for notification in notifications:
        assert notification.status is not NotificationStatus.PENDING
        sent = world.provider.taken[notification.id]
        assert sent <= 1 + ambiguous[notification.id], f"sent {sent} times, {ambiguous[notification.id]} ambiguous"
        if notification.status is NotificationStatus.DELIVERED:
            assert sent >= 1, "called delivered, and nobody has it"
    for incident in incidents:
        mine = [n for n in notifications if n.incident_id == incident.id]
        timeline = await world.bench.timeline(incident)
        taken = [e.reason for e in timeline if e.kind == "told" and e.reason.startswith("step ")]
        assert len(taken) == len(set(taken)), "a step was taken twice"
        assert [int(reason.split()[1]) for reason in taken] == list(range(1, len(taken) + 1)), "a step was skipped"
        if incident.status is IncidentStatus.OPEN:
            # What an acknowledgement overtook was told anew when the acknowledgement ended.
            since = max((e.at for e in timeline if e.kind == "unacknowledged"), default=incident.opened_at)
            pages = [n for n in mine if n.purpose is Purpose.ALERT and n.created_at >= since]
            assert all(n.status is NotificationStatus.DELIVERED for n in pages), "a page was lost"
            assert {(n.channel, n.to) for n in mine if n.status is NotificationStatus.DELIVERED} == {
                ("mail", f"step{number}@example.org") for number in range(len(POLICY.steps))
            }
            assert len(taken) == len(POLICY.steps)
        recovered = Counter((n.channel, n.to) for n in mine if n.purpose is Purpose.RECOVERY)
        assert all(count == 1 for count in recovered.values()), "told of the recovery twice"
    standing = {key for key, one in world.alerts.items() if one.status != "closed"}
    assert bool(standing) == any(i.status is not IncidentStatus.RESOLVED for i in incidents)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_nothing_is_lost_and_nothing_is_done_twice(seed):
    async def simulate() -> None:
        world = World(seed)
        await world.run()
        await check(world)

    asyncio.run(simulate())


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_shards_have_one_holder_and_are_shared_fairly(seed):
    async def simulate() -> None:
        luck, bench = Random(seed), Bench()
        keepers = [Shards(bench.store, bench.clock, NullTelemetry(), f"k{n}") for n in range(3)]
        living = set(range(3))
        for _ in range(60):
            number = luck.randrange(3)
            if luck.random() < 0.1:
                living ^= {number}
            if number in living:
                await keepers[number].renew()
            bench.clock.advance(luck.choice([0.5, 1, 2]))
            async with bench.store.reading() as tx:
                standing = {x.name: x for x in await tx.leases.all() if x.name.startswith("shard/") and x.holder}
            for keeper in keepers:
                for shard, lease in keeper.held.items():
                    current = standing.get(f"shard/{shard}")
                    assert current is None or current.token >= lease.token
        living = {0, 1}
        for _ in range(12):
            for number in living:
                await keepers[number].renew()
            bench.clock.advance(1)
        held = [set(keepers[number].held) for number in living]
        assert held[0] | held[1] == set(range(SHARDS))
        assert not held[0] & held[1]
        assert [len(shards) for shards in held] == [SHARDS // 2] * 2

    asyncio.run(simulate())
