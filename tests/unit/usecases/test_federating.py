"""Other installations are told what was written down for them: in order, until they take it, and never twice around."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import pytest

from plugin_bench import NOW, Counted, signal
from waiting import turns
from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.errors import Diverted, Permanent, Retryable
from watchbell.domain.forwarding import Destination, Forward
from watchbell.domain.ids import SHARDS
from watchbell.ports.remote import Unwell
from watchbell.ports.store import Timer
from watchbell.testing import HandClock, MemoryStore
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.calling import Caller, called_by
from watchbell.usecases.escalating import acting
from watchbell.usecases.federating import FAILURES, PAUSES, Federating
from watchbell.usecases.forwarding import Forwarding
from watchbell.usecases.intake import Intake
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving

OWN = "http://here.example/api"
ANN = Principal(login="ann", scopes=frozenset({"write"}))


class There:
    """A destination that remembers what it took, and fails as it is told."""

    def __init__(self):
        self.taken: list[Forward] = []
        self.trouble: Callable[[Forward], Exception | None] = lambda forward: None
        self.hold: asyncio.Event | None = None

    async def send(self, forward: Forward):
        if self.hold is not None:
            await self.hold.wait()
        error = self.trouble(forward)
        if error is not None:
            raise error
        self.taken.append(forward)

    def said(self):
        return [(one.verb, one.action or one.alert.severity) for one in self.taken]


class Bench:
    def __init__(self, *names, wants=("*",)):
        self.clock = HandClock(NOW)
        self.store = MemoryStore(self.clock.now)
        self.telemetry = Counted()
        model = AlertaModel()
        to = tuple(Destination(name=name, url=f"http://{name}.example/api", wants=frozenset(wants)) for name in names)
        self.forwarding = Forwarding(OWN, to)
        receiving = Receiving(model, Limits(), forwarding=self.forwarding)
        self.intake = Intake(self.store, self.clock, receiving, self.telemetry)
        self.operating = Operating(self.store, self.clock, model, forwarding=self.forwarding)
        self.there = {name: There() for name in names}
        self.held = {}
        self.federating = self.keeper()

    def keeper(self):
        return Federating(self.store, self.there, self.clock, self.telemetry, held=self.held)

    async def lease(self, holder="keeper"):
        async with self.store.transaction() as tx:
            for shard in range(SHARDS):
                until = self.clock.now() + timedelta(days=9)
                lease = await tx.leases.acquire(f"shard/{shard}", holder, self.clock.now(), until)
                assert lease is not None
                self.held[shard] = lease

    async def receive(self, via=(), **fields):
        with called_by(Caller(principal=ANN, via=via)):
            return (await self.intake.receive(signal(**fields))).alert

    async def tell(self, federating=None):
        if not self.held:
            await self.lease()
        told = federating or self.federating
        await told.run()
        await told.settle()

    async def waiting(self):
        async with self.store.reading() as tx:
            backlog = await tx.outbox.backlog(self.clock.now() + timedelta(days=365))
        return {kind: count for kind, (count, _) in backlog.items() if kind.startswith("forward:")}


async def test_signals_actions_and_deletions_go_on_in_order_with_the_way_that_they_came():
    bench = Bench("b")
    alert = await bench.receive(severity="minor")
    await bench.receive(severity="major")
    with called_by(Caller(principal=ANN)):
        await bench.operating.act(alert.id, "ack", user="ann", text="mine", timeout=5)
        await bench.operating.delete(alert.id)
    assert bench.there["b"].taken == [], "not before the answer"
    await bench.tell()
    assert bench.there["b"].said() == [("alert", "minor"), ("alert", "major"), ("action", "ack"), ("delete", "major")]
    acked = bench.there["b"].taken[2]
    assert (acked.text, acked.timeout, acked.via) == ("mine", 5, (OWN,))
    assert await bench.waiting() == {}


async def test_what_came_through_a_destination_does_not_go_back_there_and_says_all_of_its_way():
    bench = Bench("b", "c")
    await bench.receive(via=("http://b.example/api",))
    await bench.tell()
    assert bench.there["b"].taken == []
    assert [one.via for one in bench.there["c"].taken] == [("http://b.example/api", OWN)]


async def test_what_was_here_already_is_diverted_with_alertas_words():
    bench = Bench("b")
    alert = await bench.receive()
    with called_by(Caller(principal=ANN, via=(OWN, "http://b.example/api"))):
        said = f"forwarded by http://b.example/api already processed by {OWN}"
        for what, work in (
            ("Alert", bench.intake.receive(signal())),
            ("Alert", bench.intake.receive_many([signal()])),
            ("Action ack", bench.operating.act(alert.id, "ack", user="ann")),
            ("Action ack", bench.operating.act_on_all([alert.id], "ack", user="ann")),
            ("Delete", bench.operating.delete(alert.id)),
            ("Delete", bench.operating.delete_all([alert.id])),
        ):
            with pytest.raises(Diverted) as caught:
                await work
            assert caught.value.message == f"{what} {said}"
    assert await bench.waiting() == {"forward:b": 1}


async def test_an_installation_that_nobody_gave_a_name_knows_no_loops():
    bench = Bench()
    bench.intake._receiving.forwarding.refuse_loop("Alert")
    with called_by(Caller(principal=ANN, via=(OWN,))):
        Forwarding().refuse_loop("Alert")


async def test_actions_on_incidents_go_on_and_those_of_time_do_not():
    bench = Bench("b")
    alert = await bench.receive(timeout=60)
    async with bench.store.transaction() as tx:
        act = acting(AlertaModel(), forwarding=bench.forwarding)
        await act(tx, [alert.id], "ack", "mine", "bob", bench.clock.now())
    bench.clock.advance(61)
    await bench.lease()
    timer = Timer(kind="alert", subject=alert.id, shard=0, due=bench.clock.now())
    await Alerting(bench.store, AlertaModel()).fire([timer], [], bench.clock.now())
    await bench.tell()
    assert bench.there["b"].said() == [("alert", "major"), ("action", "ack")]


async def test_what_is_under_a_blackout_is_told_to_nobody():
    bench = Bench("b")
    await bench.receive(status="blackout")
    assert await bench.waiting() == {}


async def test_alerta_loses_what_a_destination_does_not_take_and_here_it_waits_in_order():
    bench = Bench("b", "c")
    bench.there["b"].trouble = lambda forward: Retryable("away")
    for severity in ("minor", "major", "critical"):
        await bench.receive(severity=severity)
        await bench.tell()
        bench.clock.advance(1)
    assert bench.there["c"].said() == [("alert", "minor"), ("alert", "major"), ("alert", "critical")]
    assert await bench.waiting() == {"forward:b": 3}
    bench.there["b"].trouble = lambda forward: None
    bench.clock.advance(PAUSES[-1])
    await bench.tell()
    assert bench.there["b"].said() == bench.there["c"].said()
    assert await bench.waiting() == {}


async def test_a_destination_that_takes_nothing_is_asked_less_and_less_often_and_with_one_message():
    bench = Bench("b")
    asked = []
    bench.there["b"].trouble = lambda forward: asked.append(forward) or Retryable("away")
    for number in range(20):
        await bench.receive(resource=f"host {number}")
    await bench.tell()
    first = len(asked)
    for pause in PAUSES:
        bench.clock.advance(pause - 0.5)
        before = len(asked)
        await bench.tell()
        assert len(asked) == before
        bench.clock.advance(1)
        await bench.tell()
        assert len(asked) == before + 1
    assert first <= 8
    assert await bench.waiting() == {"forward:b": 20}


async def test_alerta_lets_a_slow_destination_hold_up_everybody_and_here_it_holds_up_itself():
    bench = Bench("b", "c")
    bench.there["b"].hold = asyncio.Event()
    await bench.receive()
    await bench.lease()
    await bench.federating.run()
    await turns()
    await bench.receive(severity="critical")
    await bench.federating.run()
    await turns()
    assert bench.there["c"].said() == [("alert", "major"), ("alert", "critical")]
    assert bench.there["b"].taken == []
    bench.there["b"].hold.set()
    await bench.federating.settle()
    await bench.tell()
    assert bench.there["b"].said() == [("alert", "major"), ("alert", "critical")]


async def test_what_is_refused_for_good_is_left_out_and_counted_and_the_rest_goes_on():
    bench = Bench("b")
    bench.there["b"].trouble = lambda forward: Permanent("no") if forward.alert.severity == "major" else None
    for severity in ("minor", "major", "critical"):
        await bench.receive(severity=severity)
    await bench.tell()
    assert bench.there["b"].said() == [("alert", "minor"), ("alert", "critical")]
    assert await bench.waiting() == {}
    assert bench.telemetry.counts["forward_messages"] == 3


async def test_a_message_at_which_a_destination_fails_again_and_again_stops_nothing_for_long():
    bench = Bench("b")
    asked = []

    def fail(forward):
        if forward.alert.severity == "major":
            asked.append(forward)
            return Unwell("500")
        return None

    bench.there["b"].trouble = fail
    for severity in ("minor", "major", "critical"):
        await bench.receive(severity=severity)
    for _ in range(FAILURES):
        await bench.tell()
        bench.clock.advance(PAUSES[-1])
    assert len(asked) == FAILURES
    assert bench.there["b"].said() == [("alert", "minor"), ("alert", "critical")]


async def test_what_nobody_took_for_too_long_is_given_up_and_newer_ones_are_kept():
    bench = Bench("b")
    bench.there["b"].trouble = lambda forward: Retryable("away")
    await bench.receive(severity="minor")
    bench.clock.advance(86401)
    await bench.receive(severity="major")
    await bench.tell()
    bench.clock.advance(PAUSES[-1])
    bench.there["b"].trouble = lambda forward: None
    await bench.tell()
    assert bench.there["b"].said() == [("alert", "major")]


async def test_what_a_keeper_had_when_it_died_is_sent_by_the_next():
    bench = Bench("b")
    bench.there["b"].hold = asyncio.Event()
    await bench.receive()
    await bench.lease("first")
    await bench.federating.run()
    await turns()
    bench.clock.advance(timedelta(days=10).total_seconds())
    bench.held = {}
    await bench.lease("second")
    bench.there["b"].hold.set()
    await bench.federating.settle()  # what the first one does now is fenced
    assert await bench.waiting() == {"forward:b": 1}
    await bench.tell(bench.keeper())
    assert await bench.waiting() == {}
    assert len(bench.there["b"].taken) == 2


async def test_a_keeper_that_stops_finishes_what_is_under_way_and_leaves_the_rest():
    bench = Bench("b")
    bench.there["b"].hold = asyncio.Event()
    for severity in ("minor", "major"):
        await bench.receive(severity=severity)
    await bench.lease()
    await bench.federating.run()
    await turns()
    closing = asyncio.create_task(bench.federating.close())
    await turns()
    bench.there["b"].hold.set()
    await closing
    assert bench.there["b"].said() == [("alert", "minor")]
    assert await bench.waiting() == {"forward:b": 1}
    await bench.federating.run()
    await bench.federating.settle()
    assert await bench.waiting() == {"forward:b": 1}
