"""A keeper and a notifier in one loop, on memory: from a stored alert to a message, and a graceful hand-over."""

import asyncio
import re
from datetime import timedelta

from oncall_bench import CHANNEL, POLICY, RULES, SERVICE, Bench, alert, one_channel
from waiting import until
from watchbell.adapters.clock import SystemClock
from watchbell.adapters.telemetry import PrometheusTelemetry
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.ids import SHARDS
from watchbell.domain.oncall.incident import NotificationStatus
from watchbell.domain.roles import USUAL
from watchbell.domain.signal import Signal
from watchbell.ports.store import Lease
from watchbell.ports.telemetry import NullTelemetry, Telemetry
from watchbell.roles.checking import Checking
from watchbell.roles.keeper import Duties, Keeper
from watchbell.roles.notifier import Notifier
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.configuration import Configured
from watchbell.usecases.consulting import Consulting
from watchbell.usecases.delivering import Delivering
from watchbell.usecases.escalating import Escalating
from watchbell.usecases.heartbeating import Heartbeating
from watchbell.usecases.informing import Informing
from watchbell.usecases.inhibiting import Inhibiting
from watchbell.usecases.intake import Intake
from watchbell.usecases.leasing import Shards
from watchbell.usecases.mailing_nudges import MailingNudges
from watchbell.usecases.muting import Muting
from watchbell.usecases.pruning import Pruning
from watchbell.usecases.pulsing import Pulsing
from watchbell.usecases.receiving import Receiving
from watchbell.usecases.relaying import Sender
from watchbell.usecases.retiring import Retiring
from watchbell.usecases.routing import Routing
from watchbell.usecases.ruling import Ruling
from watchbell.usecases.waking import BusWake, Taken


def keeper(bench: Bench, name: str, telemetry: Telemetry | None = None) -> tuple[Keeper, Shards]:
    clock, telemetry, store, bus = SystemClock(), telemetry or NullTelemetry(), bench.store, bench.bus
    configured = Configured(store, clock, telemetry)
    shards = Shards(store, clock, telemetry, name)
    sender = Sender(one_channel(bench.channel), bench.vault, clock, telemetry)

    async def take(tx, signals, now) -> list[int]:
        return []

    taken, wake = Taken(take), BusWake(bus)
    duties = Duties(
        shards=shards,
        routing=Routing(store, configured, RULES, clock, telemetry, AlertaModel()),
        escalating=Escalating(store, configured, RULES, clock),
        delivering=Delivering(store, bus, configured, sender, clock, telemetry, held=shards.held),
        alerting=Alerting(store, AlertaModel()),
        pulsing=Pulsing(store, configured, taken, clock),
        heartbeating=Heartbeating(store, taken, clock, AlertaModel()),
        ruling=Ruling(store, configured, taken, clock),
        checking=Checking(store, bus, configured, clock, telemetry, held=shards.held, taken=taken, wake=wake),
        muting=Muting(store, configured, AlertaModel(), clock),
        inhibiting=Inhibiting(store, configured, clock),
        retiring=Retiring(store, AlertaModel(), clock),
        pruning=Pruning(store, 100),
        informing=Informing(store, Consulting(), clock, telemetry, held=shards.held),
        nudges=MailingNudges(store, clock, None, USUAL),
    )
    return Keeper(store, bus, clock, telemetry, duties), shards


async def test_from_alert_to_message_to_receipt():
    bench = Bench()
    await bench.configure(SERVICE, POLICY, CHANNEL)
    stop = asyncio.Event()
    one, _ = keeper(bench, "one")
    notifier = Notifier(bench.bus, bench.sender, bench.clock, NullTelemetry())
    bench.clock.advance((SystemClock().now() - bench.clock.now()).total_seconds())
    roles = asyncio.gather(one.run(stop), notifier.run(stop))
    await bench.put(alert())
    await until(lambda: bench.channel.messages)
    await until(lambda: not bench.store._state["outbox"])
    stop.set()
    await roles
    (page,) = await bench.notifications()
    assert page.status is NotificationStatus.DELIVERED
    assert [message.id for message in bench.channel.messages] == [page.id]
    async with bench.store.reading() as tx:
        assert not [lease for lease in await tx.leases.all() if lease.holder]


async def test_each_stage_of_a_signals_way_is_measured():
    bench, telemetry, clock = Bench(), PrometheusTelemetry(), SystemClock()
    await bench.configure(SERVICE, POLICY, CHANNEL)
    stop = asyncio.Event()
    one, _ = keeper(bench, "one", telemetry)
    sender = Sender(one_channel(bench.channel), bench.vault, clock, telemetry)
    notifier = Notifier(bench.bus, sender, clock, telemetry)
    intake = Intake(bench.store, clock, Receiving(AlertaModel(), Limits()), telemetry)
    roles = asyncio.gather(one.run(stop), notifier.run(stop))
    problem = alert()
    await intake.receive(
        Signal(
            id="s1",
            environment=problem.environment,
            resource=problem.resource,
            event=problem.event,
            severity=problem.severity,
            service=problem.service,
            create_time=clock.now(),
        )
    )
    await until(lambda: bench.channel.messages)
    await until(lambda: not bench.store._state["outbox"])
    stop.set()
    await roles
    shown = telemetry.exposition().decode()
    measured = set(re.findall(r'watchbell_stage_seconds_count\{stage="(\w+)"\} [1-9]', shown))
    assert measured == {"record", "route", "deliver", "send", "receipt"}


async def test_two_keepers_share_and_one_takes_over_when_the_other_stops():
    bench = Bench()
    await bench.configure(SERVICE, POLICY, CHANNEL)
    first_stop, second_stop = asyncio.Event(), asyncio.Event()
    one, ones = keeper(bench, "one")
    two, twos = keeper(bench, "two")
    first = asyncio.create_task(one.run(first_stop))
    await until(lambda: len(ones.held) == SHARDS)
    second = asyncio.create_task(two.run(second_stop))
    await until(lambda: len(ones.held) == len(twos.held) == SHARDS // 2)
    assert not ones.held.keys() & twos.held.keys()
    first_stop.set()
    await first
    assert not ones.held
    await until(lambda: len(twos.held) == SHARDS)
    second_stop.set()
    await second


async def test_who_takes_the_first_shard_over_tidies_up_at_once():
    bench = Bench()
    async with bench.store.transaction() as tx:
        await tx.spent.use("answer", bench.clock.now(), bench.clock.now() + timedelta(seconds=1))
    stop = asyncio.Event()
    one, _ = keeper(bench, "one")
    role = asyncio.create_task(one.run(stop))
    await until(lambda: not bench.store._state["spent"])
    stop.set()
    await role


async def test_the_shards_of_a_dead_keeper_are_taken_over_when_its_leases_run_out():
    bench = Bench()
    dead = Shards(bench.store, bench.clock, NullTelemetry(), "dead")
    heir = Shards(bench.store, bench.clock, NullTelemetry(), "heir")
    await dead.renew()
    await heir.renew()
    assert (len(dead.held), len(heir.held)) == (SHARDS, 0)
    before: dict[int, Lease] = dict(dead.held)
    bench.clock.advance(timedelta(seconds=7).total_seconds())
    await heir.renew()
    assert len(heir.held) == SHARDS
    assert all(heir.held[shard].token > before[shard].token for shard in before)
