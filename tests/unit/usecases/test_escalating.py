import pytest

from oncall_bench import RULES, Bench, alert, kinds
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.errors import Fenced, Invalid, Missing, Refused
from watchbell.domain.oncall.incident import IncidentStatus
from watchbell.usecases.escalating import Escalating, acting


async def start() -> Bench:
    bench = await Bench().start()
    bench.escalating = Escalating(bench.store, bench.configured, RULES, bench.clock, acting(AlertaModel()))
    return bench


async def test_the_second_step_in_its_time():
    bench = await start()
    await bench.send(alert())
    bench.clock.advance(299)
    await bench.escalate()
    assert len(await bench.notifications()) == 1
    bench.clock.advance(1)
    await bench.escalate()
    await bench.escalate()
    assert [n.to for n in await bench.notifications()] == ["anna@example.org", "boss@example.org"]
    assert "timers" not in bench.store._state or not bench.store._state["timers"]


async def test_acknowledging_takes_the_alerts_too():
    bench = await start()
    await bench.send(alert("A"), alert("B"))
    (incident,) = await bench.incidents()
    found, _ = await bench.escalating.acknowledge(incident.id, "anna", "on it")
    assert found.status is IncidentStatus.ACKNOWLEDGED
    async with bench.store.reading() as tx:
        assert {a.status for a in await tx.alerts.many(["alert-A", "alert-B"])} == {"ack"}
    before = await bench.timeline(incident)
    await bench.routing.run(bench.leases)
    assert await bench.timeline(incident) == before
    bench.clock.advance(1000)
    await bench.escalate()
    assert len(await bench.notifications()) == 1


async def test_handing_back_hands_back_the_alerts():
    bench = await start()
    await bench.send(alert())
    (incident,) = await bench.incidents()
    await bench.escalating.acknowledge(incident.id, "anna")
    found, shards = await bench.escalating.unacknowledge(incident.id, "anna")
    assert found.status is IncidentStatus.OPEN
    assert shards
    async with bench.store.reading() as tx:
        assert [a.status for a in await tx.alerts.many(["alert-Down"])] == ["open"]
    await bench.routing.run(bench.leases)
    assert (await bench.incidents())[0].status is IncidentStatus.OPEN


async def test_resolving_closes_the_alerts():
    bench = await start()
    await bench.send(alert())
    (incident,) = await bench.incidents()
    await bench.escalating.resolve(incident.id, "anna", "rebooted")
    await bench.routing.run(bench.leases)
    assert [i.status for i in await bench.incidents()] == [IncidentStatus.RESOLVED]
    async with bench.store.reading() as tx:
        assert [a.status for a in await tx.alerts.many(["alert-Down"])] == ["closed"]
    assert kinds(await bench.timeline(incident))[-2:] == ["note", "told"]


async def test_by_isa_incidents_are_taken_and_end_with_their_alarms():
    bench = await start()
    bench.escalating = Escalating(bench.store, bench.configured, RULES, bench.clock, acting(IsaModel()))
    await bench.send(alert(status="UNACK"))
    (incident,) = await bench.incidents()
    await bench.escalating.acknowledge(incident.id, "anna")
    assert await statuses(bench) == ["ACKED"]
    await bench.routing.run(bench.leases)
    assert [i.status for i in await bench.incidents()] == [IncidentStatus.ACKNOWLEDGED]
    await bench.escalating.unacknowledge(incident.id, "anna")
    assert await statuses(bench) == ["UNACK"]
    await bench.escalating.resolve(incident.id, "anna", "rebooted")
    assert await statuses(bench) == ["NORM"]
    await bench.routing.run(bench.leases)
    assert [i.status for i in await bench.incidents()] == [IncidentStatus.RESOLVED]


async def statuses(bench: Bench) -> list[str]:
    async with bench.store.reading() as tx:
        return [one.status for one in await tx.alerts.many(["alert-Down"])]


async def test_notes():
    bench = await start()
    await bench.send(alert())
    (incident,) = await bench.incidents()
    entry = await bench.escalating.note(incident.id, "anna", "  looked at the logs ")
    assert (entry.text, entry.by) == ("looked at the logs", "anna")
    assert (await bench.timeline(incident))[-1] == entry
    with pytest.raises(Invalid):
        await bench.escalating.note(incident.id, "anna", " ")


async def test_what_is_not_there_is_missing_and_what_is_over_is_refused():
    bench = await start()
    for answer in (bench.escalating.acknowledge, bench.escalating.resolve):
        with pytest.raises(Missing):
            await answer("nothing", "anna")
    with pytest.raises(Missing):
        await bench.escalating.note("nothing", "anna", "text")
    await bench.send(alert())
    (incident,) = await bench.incidents()
    await bench.escalating.resolve(incident.id, "anna")
    with pytest.raises(Refused):
        await bench.escalating.acknowledge(incident.id, "bert")


async def test_a_fenced_holder_takes_no_step():
    bench = await start()
    await bench.send(alert())
    old = bench.leases
    bench.clock.advance(40 * 86400)
    await bench.hold("keeper-2")
    async with bench.store.reading() as tx:
        due = await tx.timers.due(list(range(16)), bench.clock.now(), 10)
    with pytest.raises(Fenced):
        await bench.escalating.fire(due, old)
    assert len(await bench.notifications()) == 1
