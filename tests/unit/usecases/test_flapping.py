"""A flapping alert from the signal to the message: one when it begins, digests, and one when it is over."""

import pytest

from alert_bench import AlertBench
from oncall_bench import RANKS, Bench, kinds
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.flapping import FlapRule
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.ids import SHARDS
from watchbell.domain.oncall.incident import IncidentStatus
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.intake import Intake
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving

RULE = FlapRule(changes=3, window=600, calm=300, digest=3600)


class Flapping(Bench):
    """The bench with the way in and the timers of alerts."""

    def __init__(self):
        super().__init__()
        self.number = 0
        self.begin()

    def begin(self):
        """What a restart makes anew."""
        model = AlertaModel()
        self.intake = Intake(self.store, self.clock, Receiving(model, Limits(), RULE), NullTelemetry())
        self.alerting = Alerting(self.store, model)
        self.operating = Operating(self.store, self.clock, model)

    async def change(self, severity):
        self.number += 1
        sent = Signal(
            id=f"m{self.number}",
            environment="Production",
            resource="web01",
            event="Down",
            severity=severity,
            service=("checkout",),
            create_time=self.clock.now(),
        )
        alert = (await self.intake.receive(sent)).alert
        await self.routing.run(self.leases)
        return alert

    async def flap(self, times, seconds=10):
        """So many changes, `seconds` apart; the first is a recovery."""
        alerts = []
        for number in range(times):
            self.clock.advance(seconds)
            alerts.append(await self.change("critical" if number % 2 else "normal"))
        return alerts[-1]

    async def wait(self, seconds):
        """Time passes, and the timers of alerts fire."""
        self.clock.advance(seconds)
        async with self.store.reading() as tx:
            due = await tx.timers.due(list(range(SHARDS)), self.clock.now(), 100)
        await self.alerting.fire([timer for timer in due if timer.kind == "alert"], [], self.clock.now())
        await self.routing.run(self.leases)

    async def told(self):
        return [(each.purpose.value, each.text.splitlines()[0]) for each in await self.notifications()]

    async def one(self):
        async with self.store.reading() as tx:
            return await tx.alerts.get("m1")


@pytest.fixture
async def bench():
    bench = Flapping()
    await bench.start()
    await bench.change("critical")
    return bench


async def test_changes_are_told_until_the_alert_flaps_and_then_once(bench):
    await bench.flap(3)
    before = await bench.told()
    assert [purpose for purpose, _ in before] == ["alert", "recovery", "alert", "alert"]
    assert "is flapping: 3 changes" in before[-1][1]
    await bench.flap(40)
    assert await bench.told() == before
    (incident, *_) = await bench.incidents()
    assert incident.status is IncidentStatus.OPEN
    assert incident.flapping == {"m1": 0}


async def test_when_it_is_calm_and_well_the_recovery_says_how_often_it_changed(bench):
    await bench.flap(5)
    before = await bench.told()
    await bench.wait(299)
    assert await bench.told() == before
    await bench.wait(1)
    (purpose, text) = (await bench.told())[-1]
    assert (purpose, "after 5 changes" in text) == ("recovery", True)
    (incident, *_) = await bench.incidents()
    assert (incident.status, incident.flapping) == (IncidentStatus.RESOLVED, {})
    assert not (await bench.one()).flapping


async def test_when_it_is_calm_and_stands_people_hear_that_it_does(bench):
    await bench.flap(4)
    before = await bench.told()
    await bench.wait(300)
    (new,) = (await bench.told())[len(before) :]
    assert (new[0], "has calmed down after 4 changes, and stands" in new[1]) == ("alert", True)
    (incident, *_) = await bench.incidents()
    assert incident.status is IncidentStatus.OPEN
    # And then it is an alert like any other: its recovery is one.
    await bench.flap(1)
    assert (await bench.told())[-1][0] == "recovery"


async def test_while_it_goes_on_people_hear_every_hour(bench):
    await bench.flap(3)
    before = len(await bench.told())
    for _ in range(14):
        await bench.wait(280)
        await bench.flap(1)
        await bench.flap(2)
    digests = (await bench.told())[before:]
    assert len(digests) == 1
    assert "is still flapping" in digests[0][1]


async def test_who_has_taken_it_is_left_alone(bench):
    await bench.flap(4)
    (incident, *_) = await bench.incidents()
    await bench.escalating.acknowledge(incident.id, "ann")
    before = len(await bench.told())
    await bench.flap(6)
    await bench.wait(300)
    assert len(await bench.told()) == before
    assert kinds(await bench.timeline(incident))[-1] == "flapping"


async def test_a_restart_forgets_nothing(bench):
    await bench.flap(2)
    bench.begin()
    assert (await bench.flap(1)).flapping
    before = await bench.told()
    bench.begin()
    await bench.flap(4)
    assert await bench.told() == before
    await bench.wait(300)
    assert not (await bench.one()).flapping


async def test_who_closes_it_ends_the_flapping_and_the_incident(bench):
    await bench.flap(4)
    await bench.operating.act("m1", "close", user="ann")
    await bench.routing.run(bench.leases)
    assert not (await bench.one()).flapping
    (incident, *_) = await bench.incidents()
    assert incident.status is IncidentStatus.RESOLVED
    assert (await bench.told())[-1][0] == "recovery"


async def test_one_that_is_shelved_keeps_nothing_open(bench):
    await bench.flap(4)
    await bench.operating.act("m1", "shelve", user="ann")
    await bench.routing.run(bench.leases)
    (incident, *_) = await bench.incidents()
    assert (incident.status, incident.flapping) == (IncidentStatus.RESOLVED, {})


async def test_a_new_worst_severity_is_told_at_once(bench):
    await bench.flap(4)
    before = len(await bench.told())
    await bench.change("security")
    assert RANKS["security"] < RANKS["critical"]
    assert "became worse" in (await bench.told())[-1][1]
    assert len(await bench.told()) == before + 1


async def test_the_history_says_when_and_why(bench):
    await bench.flap(3)
    await bench.wait(300)
    async with bench.store.reading() as tx:
        entries = [each for each in await tx.history.of("m1") if each.type in {"flapping", "calm"}]
    assert [(each.type, each.reason) for each in entries] == [
        ("flapping", "3 changes of severity within 600 seconds"),
        ("calm", "no change of severity for 300 seconds, after 3"),
    ]


async def test_routing_the_same_again_tells_nobody_again(bench):
    alert = await bench.flap(3)
    before = await bench.told()
    await bench.send(alert)
    assert await bench.told() == before


async def test_by_isa_a_closing_ends_the_incident_that_flapping_held_open():
    bench = await AlertBench(IsaModel(), flapping=RULE).start()
    alert = await bench.send("critical")
    for number, severity in enumerate(("ok", "critical", "ok"), 1):
        await bench.keep()
        bench.at(10 * number)
        alert = await bench.send(severity)
    await bench.keep()
    assert (alert.flapping, alert.status) == (True, "RTNUN")
    assert (await bench.incidents())[0].status is IncidentStatus.OPEN
    assert not (await bench.act(alert, "close")).flapping
    await bench.keep()
    assert {each.status for each in await bench.incidents()} == {IncidentStatus.RESOLVED}
