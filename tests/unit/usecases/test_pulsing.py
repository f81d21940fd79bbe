from datetime import timedelta

import msgspec
import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.checks.heartbeat import Heartbeat
from watchbell.domain.checks.pulse import Beat, Ping
from watchbell.domain.errors import Missing
from watchbell.domain.ids import SHARDS, shard_of
from watchbell.domain.managed import Stored
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock
from watchbell.usecases.configuration import Configured
from watchbell.usecases.pulsing import Pulsing

HEART = Heartbeat(id="h1", name="backup", every=60, grace=10)


class Place:
    def __init__(self) -> None:
        self.clock = HandClock()
        self.store = MemoryStore(now=self.clock.now)
        self.signals: list[Signal] = []
        self.woken: list[int] = []
        self.configured = Configured(self.store, self.clock, NullTelemetry())
        self.leases: list[Lease] = []

        async def take(tx, signals, now):
            self.signals += signals
            return [3]

        async def wake(shards):
            self.woken += shards

        self.pulsing = Pulsing(self.store, self.configured, take, self.clock, wake=wake)

    async def start(self, *hearts: Heartbeat) -> "Place":
        async with self.store.transaction() as tx:
            for heart in hearts or (HEART,):
                body = msgspec.to_builtins(heart)
                row = Stored(
                    kind="heartbeat",
                    id=heart.id,
                    name=heart.name,
                    body=body,
                    version=0,
                    updated_at=self.clock.now(),
                    updated_by="t",
                )
                await tx.catalogue.put([row])
            for shard in range(SHARDS):
                now = self.clock.now()
                lease = await tx.leases.acquire(f"shard/{shard}", "k", now, now + timedelta(days=9))
                assert lease is not None
                self.leases.append(lease)
        self.configured.expire()
        return self

    async def remove(self) -> None:
        async with self.store.transaction() as tx:
            await tx.catalogue.remove("heartbeat", ["h1"])
        self.configured.expire()

    async def look(self, seconds: float) -> None:
        """What a keeper does every few seconds."""
        await self.pulsing.arm(self.leases)
        self.clock.advance(seconds)
        await self.fire()

    async def fire(self) -> int:
        async with self.store.reading() as tx:
            due = await tx.timers.due(list(range(SHARDS)), self.clock.now(), 100)
        if due:
            await self.pulsing.fire(due, self.leases)
        return len(due)


async def test_a_heartbeat_that_never_pings_becomes_overdue():
    place = await Place().start()
    await place.pulsing.arm(place.leases)
    place.clock.advance(69)
    assert await place.fire() == 0
    place.clock.advance(1)
    assert await place.fire() == 1
    assert [signal.text for signal in place.signals] == ["backup has never pinged"]
    assert await place.fire() == 0


async def test_arming_again_does_not_move_the_time():
    place = await Place().start()
    await place.pulsing.arm(place.leases)
    place.clock.advance(50)
    await place.pulsing.arm(place.leases)
    place.clock.advance(20)
    await place.fire()
    assert len(place.signals) == 1


@pytest.mark.parametrize(
    "before", [{"enabled": False}, {"every": 86400.0}, {"every": 86400.0, "enabled": False}, {"grace": 9000.0}]
)
@pytest.mark.parametrize("seconds", [5, 10, 1000])
async def test_one_that_never_pinged_is_watched_from_when_it_was_last_changed(before, seconds):
    place = await Place().start(msgspec.structs.replace(HEART, **before))
    for _ in range(seconds // 5):
        await place.look(5)
    assert place.signals == []
    await place.start()
    for _ in range(13):
        await place.look(5)
    assert place.signals == []
    await place.look(5)
    assert [signal.text for signal in place.signals] == ["backup has never pinged"]


async def test_one_that_never_pinged_is_watched_again_after_it_was_switched_off():
    place = await Place().start()
    await place.look(5)
    await place.start(msgspec.structs.replace(HEART, enabled=False))
    for _ in range(40):
        await place.look(5)
    await place.start()
    for _ in range(14):
        await place.look(5)
    assert [signal.text for signal in place.signals] == ["backup has never pinged"]
    for _ in range(40):
        await place.look(5)
    assert len(place.signals) == 1


async def test_pings_keep_it_alive_and_the_first_after_silence_ends_the_alert():
    place = await Place().start()
    await place.pulsing.arm(place.leases)
    for _ in range(3):
        place.clock.advance(60)
        await place.pulsing.ping(Ping(heartbeat_id="h1"))
        assert await place.fire() == 0
    place.clock.advance(71)
    await place.fire()
    await place.pulsing.ping(Ping(heartbeat_id="h1"))
    assert [signal.severity for signal in place.signals] == ["major", "normal"]
    assert place.woken == [3]


async def test_a_shorter_interval_counts_at_once():
    place = await Place().start()
    await place.pulsing.ping(Ping(heartbeat_id="h1"))
    await place.start(msgspec.structs.replace(HEART, every=5, grace=1))
    await place.pulsing.arm(place.leases)
    place.clock.advance(6)
    await place.fire()
    assert len(place.signals) == 1


async def test_many_pings_of_one_heartbeat_in_one_batch_follow_one_another():
    place = await Place().start()
    outcome = await place.pulsing._take(
        [Ping(heartbeat_id="h1", beat=Beat.FAIL), Ping(heartbeat_id="h1"), Ping(heartbeat_id="h1", exit_code=2)]
    )
    assert list(outcome) == [None] * 3
    assert [signal.severity for signal in place.signals] == ["major", "normal", "major"]
    assert len({signal.id for signal in place.signals}) == 3


async def test_an_unknown_heartbeat_is_missing():
    place = await Place().start()
    with pytest.raises(Missing):
        await place.pulsing.ping(Ping(heartbeat_id="nobody"))


async def test_what_no_longer_exists_is_forgotten():
    place = await Place().start()
    await place.pulsing.arm(place.leases)
    await place.remove()
    await place.pulsing.arm(place.leases)
    place.clock.advance(100)
    assert await place.fire() == 0
    assert place.signals == []
    async with place.store.reading() as tx:
        assert await tx.pulses.get() == {}


async def test_a_failing_heartbeat_that_is_deleted_closes_its_alert():
    place = await Place().start()
    await place.pulsing.ping(Ping(heartbeat_id="h1", exit_code=3))
    await place.remove()
    for _ in range(2):
        await place.pulsing.arm(place.leases)
    assert [(signal.resource, signal.severity) for signal in place.signals] == [
        ("backup", "major"),
        ("backup", "normal"),
    ]
    assert place.signals[-1].text == "backup was removed"
    assert place.woken[-1] == 3
    async with place.store.reading() as tx:
        assert await tx.pulses.get() == {}


async def test_a_failing_heartbeat_that_is_renamed_speaks_under_its_new_name():
    place = await Place().start()
    await place.pulsing.ping(Ping(heartbeat_id="h1", exit_code=3))
    await place.start(msgspec.structs.replace(HEART, name="nightly"))
    for _ in range(2):
        await place.pulsing.arm(place.leases)
    said = [(signal.resource, signal.severity) for signal in place.signals]
    assert said == [("backup", "major"), ("backup", "normal"), ("nightly", "major")]
    await place.pulsing.ping(Ping(heartbeat_id="h1"))
    assert (place.signals[-1].resource, place.signals[-1].severity) == ("nightly", "normal")
    assert len({signal.id for signal in place.signals}) == 4


async def test_a_ping_just_after_the_renaming_closes_the_former_alert():
    place = await Place().start()
    await place.pulsing.ping(Ping(heartbeat_id="h1", exit_code=3))
    await place.start(msgspec.structs.replace(HEART, name="nightly"))
    await place.pulsing.ping(Ping(heartbeat_id="h1"))
    await place.pulsing.arm(place.leases)
    said = [(signal.resource, signal.severity) for signal in place.signals]
    assert said == [("backup", "major"), ("backup", "normal")]


async def test_only_the_shards_held_are_settled():
    place = await Place().start()
    await place.pulsing.ping(Ping(heartbeat_id="h1", exit_code=3))
    await place.remove()
    others = [lease for lease in place.leases if lease.name != f"shard/{shard_of('h1')}"]
    await place.pulsing.arm(others)
    assert len(place.signals) == 1
