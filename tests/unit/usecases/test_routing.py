import msgspec
import pytest

from oncall_bench import CHANNEL, POLICY, SERVICE, Bench, alert, changed, kinds, later
from watchbell.domain.errors import Fenced
from watchbell.domain.oncall.decision import former_incident_id
from watchbell.domain.oncall.incident import Incident, IncidentStatus, Purpose


async def test_an_alert_opens_an_incident_and_queues_the_first_step():
    bench = await Bench().start()
    await bench.send(alert())
    (incident,) = await bench.incidents()
    assert (incident.service, incident.severity, incident.status) == ("checkout", "critical", IncidentStatus.OPEN)
    assert kinds(await bench.timeline(incident)) == ["opened", "told"]
    (page,) = await bench.notifications()
    assert (page.channel, page.to, page.purpose) == ("mail", "anna@example.org", Purpose.ALERT)
    assert page.title == "[CRITICAL] checkout: Down on web01"
    assert [row.id for row in await bench.outbox("deliver")] == [page.id]
    assert await bench.outbox("route") == []


async def test_routing_the_same_again_changes_nothing():
    bench = await Bench().start()
    await bench.send(alert())
    before = (await bench.incidents(), await bench.notifications())
    await bench.send(alert())
    assert (await bench.incidents(), await bench.notifications()) == before


async def test_an_alert_of_an_undefined_service_stands_alone():
    bench = await Bench().start()
    await bench.send(alert(service=("unheard of",)))
    assert await bench.incidents() == []
    assert await bench.outbox("route") == []


async def test_the_end_of_the_alert_resolves_and_tells_who_was_told():
    bench = await Bench().start()
    first = alert()
    await bench.send(first)
    await bench.send(changed(first, status="closed", severity="normal"))
    (incident,) = await bench.incidents()
    assert incident.status is IncidentStatus.RESOLVED
    assert [n.purpose for n in await bench.notifications()] == [Purpose.ALERT, Purpose.RECOVERY]
    async with bench.store.reading() as tx:
        assert await tx.timers.due(list(range(16)), bench.clock.now().replace(year=2030), 10) == []


async def test_a_deleted_alert_ends_its_incident():
    bench = await Bench().start()
    first = alert()
    await bench.send(first)
    async with bench.store.transaction() as tx:
        await tx.alerts.delete([first.id])
    await bench.put()
    now = bench.clock.now()
    from watchbell.ports.store import OutboxRow

    async with bench.store.transaction() as tx:
        await tx.outbox.add(
            [OutboxRow(id="x", kind="route", subject=first.id, shard=3, created_at=now, available_at=now)]
        )
    await bench.routing.run(bench.leases)
    (incident,) = await bench.incidents()
    assert incident.status is IncidentStatus.RESOLVED
    assert any("deleted" in entry.reason for entry in await bench.timeline(incident))


async def test_an_alert_that_no_longer_names_the_service_leaves_its_incident():
    bench = await Bench().start()
    first = alert()
    await bench.send(first)
    await bench.send(changed(first, service=("other",)))
    (incident,) = await bench.incidents()
    assert incident.status is IncidentStatus.RESOLVED


async def test_an_alert_that_becomes_part_of_another_leaves_the_incident_to_that_without_a_word():
    bench = await Bench().start()
    first = alert()
    await bench.send(first)
    await bench.send(changed(first, status="closed"), alert("Other"))
    (incident,) = await bench.incidents()
    assert (incident.status, incident.active) == (IncidentStatus.OPEN, ("alert-Other",))
    assert [n.purpose for n in await bench.notifications()] == [Purpose.ALERT]


async def test_a_new_episode_is_a_new_incident():
    bench = await Bench().start()
    first = alert()
    await bench.send(first)
    closed = changed(first, status="closed", severity="normal")
    await bench.send(closed)
    await bench.send(changed(closed, status="open", severity="critical"))
    assert [i.status for i in await bench.incidents()].count(IncidentStatus.OPEN) == 1
    assert len(await bench.incidents()) == 2


async def test_an_incident_that_was_resolved_by_hand_is_not_opened_by_the_same_state_again():
    bench = await Bench().start()
    await bench.send(alert())
    (incident,) = await bench.incidents()
    await bench.escalating.resolve(incident.id, "anna")
    await bench.send(alert())
    assert [i.status for i in await bench.incidents()] == [IncidentStatus.RESOLVED]


async def test_a_new_alert_under_the_id_of_one_that_was_deleted_is_told():
    bench = await Bench().start()
    await bench.send(alert())
    await bench.send(changed(alert(), status="closed"))
    async with bench.store.transaction() as tx:
        await tx.alerts.delete([alert().id])
    await bench.send(alert(receive_time=later(9000)))
    assert len(await bench.incidents()) == 2
    assert [each.purpose for each in await bench.notifications()] == [Purpose.ALERT, Purpose.RECOVERY, Purpose.ALERT]


async def test_what_a_former_release_told_of_is_not_told_again():
    bench = await Bench().start()
    former = Incident(
        id=former_incident_id(SERVICE, alert()),
        service="checkout",
        title="checkout: Down on web01",
        status=IncidentStatus.RESOLVED,
        severity="critical",
        opened_at=later(1),
    )
    async with bench.store.transaction() as tx:
        await tx.incidents.save([former])
    await bench.send(alert())
    assert (await bench.incidents(), await bench.notifications()) == ([former], [])
    await bench.send(alert(receive_time=later(9000)))
    assert len(await bench.incidents()) == 2


async def test_a_storm_is_one_incident_and_one_page():
    bench = await Bench().start()
    await bench.send(*(alert(f"E{n}") for n in range(150)))
    (incident,) = await bench.incidents()
    assert len(incident.active) == 150
    assert len(await bench.notifications()) == 1


async def test_every_acknowledged_alert_acknowledges_the_incident():
    bench = await Bench().start()
    one, two = alert("A"), alert("B")
    await bench.send(one, two)
    await bench.send(changed(one, status="ack"))
    assert (await bench.incidents())[0].status is IncidentStatus.OPEN
    await bench.send(changed(two, status="ack"))
    assert (await bench.incidents())[0].status is IncidentStatus.ACKNOWLEDGED


async def test_a_service_that_is_removed_ends_its_incident():
    bench = await Bench().start()
    first = alert()
    await bench.send(first)
    async with bench.store.transaction() as tx:
        await tx.catalogue.remove("service", ["s1"])
    bench.configured.expire()
    await bench.send(changed(first, severity="major"))
    assert (await bench.incidents())[0].status is IncidentStatus.RESOLVED


async def test_a_fenced_holder_writes_nothing():
    bench = await Bench().start()
    await bench.put(alert())
    old = bench.leases
    bench.clock.advance(40 * 86400)
    await bench.hold("keeper-2")
    with pytest.raises(Fenced):
        await bench.routing.run(old)
    assert await bench.incidents() == []
    assert (await bench.routing.run(bench.leases)).rows == 1


async def test_each_named_service_gets_its_own_incident():
    second = msgspec.structs.replace(SERVICE, name="search", id="s2", policy="")
    bench = await Bench().start(SERVICE, second, POLICY, CHANNEL)
    await bench.send(alert(service=("checkout", "search")))
    found = {incident.service: incident for incident in await bench.incidents()}
    assert set(found) == {"checkout", "search"}
    (untold,) = [e for e in await bench.timeline(found["search"]) if e.kind == "untold"]
    assert untold.reason == "the service search has no policy"
