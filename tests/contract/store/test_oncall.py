"""Incidents, timelines, notifications and attempts."""

import msgspec

from contract.store.samples import after, new_attempt, new_incident, new_notification, new_timeline
from watchbell.domain.ids import AlertId
from watchbell.domain.oncall.incident import IncidentStatus, NotificationStatus
from watchbell.ports.store import Store


async def test_an_incident_comes_back_as_it_was(store: Store):
    incident = new_incident(
        "i1",
        alerts=("a1", "a2"),
        active=("a2",),
        told=("mail\tann", "room\t"),
        escalates_at=after(60),
        acknowledged_at=after(5),
        resolved_at=after(9),
        status=IncidentStatus.RESOLVED,
        step=2,
        version=4,
    )
    async with store.transaction() as tx:
        await tx.incidents.save([incident])
        assert await tx.incidents.get("i1") == incident
        assert await tx.incidents.get("missing") is None


async def test_unresolved_incidents_of_services(store: Store):
    acknowledged = new_incident("i2", 2, status=IncidentStatus.ACKNOWLEDGED)
    async with store.transaction() as tx:
        await tx.incidents.save([acknowledged, new_incident("i1", 1), new_incident("i3", 3, service="search")])
        await tx.incidents.save([new_incident("i4", 4, status=IncidentStatus.RESOLVED)])
        found = await tx.incidents.unresolved(["checkout", "nothing"])
        assert [incident.id for incident in found] == ["i1", "i2"]
        assert await tx.incidents.unresolved([]) == []
        await tx.incidents.save([msgspec.structs.replace(acknowledged, status=IncidentStatus.RESOLVED)])
        assert [incident.id for incident in await tx.incidents.unresolved(["checkout"])] == ["i1"]


async def test_incidents_are_found_newest_first(store: Store):
    async with store.transaction() as tx:
        await tx.incidents.save([new_incident(f"i{number}", number) for number in range(5)])
        resolved = new_incident("i9", 9, status=IncidentStatus.RESOLVED, service="search")
        await tx.incidents.save([resolved])
    async with store.reading() as tx:
        assert [item.id for item in await tx.incidents.find([])] == ["i9", "i4", "i3", "i2", "i1", "i0"]
        assert [item.id for item in await tx.incidents.find([], page=2, page_size=4)] == ["i1", "i0"]
        assert await tx.incidents.find([IncidentStatus.RESOLVED]) == [resolved]
        assert await tx.incidents.find([IncidentStatus.OPEN], service="search") == []
        assert await tx.incidents.find([], service="search") == [resolved]
        assert await tx.incidents.counts() == {"open": 5, "resolved": 1}


async def test_timelines_keep_the_order_in_which_entries_were_added(store: Store):
    async with store.transaction() as tx:
        await tx.incidents.add_entries([new_timeline("i1", "e2", 2), new_timeline("i1", "e1", 1)])
        await tx.incidents.add_entries([new_timeline("i2", "x"), new_timeline("i1", "e0", 0)])
    async with store.reading() as tx:
        assert await tx.incidents.timeline("i1") == [
            new_timeline("i1", "e2", 2),
            new_timeline("i1", "e1", 1),
            new_timeline("i1", "e0", 0),
        ]
        assert await tx.incidents.timeline("missing") == []


async def test_incidents_that_an_alert_belonged_to(store: Store):
    first = new_incident("i1", 1, alerts=("a1", "a2"))
    async with store.transaction() as tx:
        await tx.incidents.save([first, new_incident("i2", 2, alerts=("a1",)), new_incident("i3", 3)])
        first = msgspec.structs.replace(first, alerts=(AlertId("a1"),))
        await tx.incidents.save([first])
        assert [incident.id for incident in await tx.incidents.of_alert("a1")] == ["i2", "i1"]
        assert await tx.incidents.of_alert("a2") == [first]
        assert await tx.incidents.of_alert("a3") == []


async def test_notifications(store: Store):
    late, early = new_notification("n1", 2), new_notification("n2", 1)
    async with store.transaction() as tx:
        await tx.notifications.save([late, early, new_notification("n3", 0, incident_id="i2")])
        delivered = msgspec.structs.replace(early, status=NotificationStatus.DELIVERED, done_at=after(3), attempts=1)
        await tx.notifications.save([delivered])
        assert await tx.notifications.get(["n1", "n2", "missing"]) == {"n1": late, "n2": delivered}
        assert await tx.notifications.get([]) == {}
        assert await tx.notifications.of_incident("i1") == [delivered, late]


async def test_the_first_record_of_an_attempt_holds(store: Store):
    async with store.transaction() as tx:
        await tx.notifications.add_attempts([new_attempt("n1", 2), new_attempt("n1", 1, "first")])
        await tx.notifications.add_attempts([new_attempt("n1", 1, "again"), new_attempt("n0", 10), new_attempt("x", 1)])
        assert await tx.notifications.attempts(["n1", "n0"]) == [
            new_attempt("n0", 10),
            new_attempt("n1", 1, "first"),
            new_attempt("n1", 2),
        ]
