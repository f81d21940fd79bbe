"""What the pages read: checks, services, incidents, heartbeats, events, and Watchbell itself."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.result import Outcome, Reading, Result, Status
from watchbell.domain.forwarding import Destination
from watchbell.domain.ids import AlertId, IncidentId, NotificationId
from watchbell.domain.oncall.incident import (
    Attempt,
    AttemptOutcome,
    Incident,
    IncidentStatus,
    Notification,
    Purpose,
    TimelineEntry,
)
from watchbell.ports.store import OutboxRow
from watchbell.ports.tally import MinuteCount, RecentEvents
from watchbell.usecases.administering import OPERATOR
from watchbell.usecases.forwarding import Forwarding

Client = TestClient[Litestar]
SCRIPT = "<script>alert(1)</script>"
NOON = "2026-01-01T12:00:00.000Z"


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    await world.add_key("admin", "admin", user="root")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


async def define(world: World, kind: str, **body: Any) -> str:
    return (await world.needs()["managing"].create(OPERATOR, kind, body)).id


async def add_check(world: World, name: str = "web", **more: Any) -> str:
    return await define(world, "check", name=name, type="probe", config={"url": "u"}, **more)


def result(check_id: str, number: int, status: Status = Status.OK) -> Result:
    at = START + timedelta(minutes=number)
    readings = (Reading(name="time", value=0.25, unit="s"),)
    outcome = Outcome(status=status, summary=f"run {number} {SCRIPT}", details="more", readings=readings)
    return Result(
        run_id=f"{check_id}-{number}",
        check_id=check_id,
        due=at,
        started=at,
        duration=0.5,
        worker="w1",
        outcome=outcome,
    )


async def test_checks_with_their_state_and_last_results(world: World, client: Client):
    await define(world, "host", name="db1", site="berlin")
    check_id = await add_check(world, host="db1", description=SCRIPT)
    await add_check(world, "api", enabled=False)
    outcome = Outcome(status=Status.CRITICAL, summary="refused")
    health = Health(
        check_id=check_id,
        status=Status.CRITICAL,
        pending=False,
        hard=False,
        attempt=2,
        since=START,
        last_run=START,
        last_duration=0.5,
        outcome=outcome,
    )
    async with world.store.transaction() as tx:
        await tx.checks.save([health])
        await tx.checks.add_results([result(check_id, number) for number in range(40)])
    answer = client.get("/api/checks").json()
    assert answer["total"] == 2
    api, web = answer["checks"]
    assert (api["status"], api["enabled"], api["recent"], api["lastRun"]) == ("pending", False, [], None)
    assert (web["status"], web["hard"], web["attempt"], web["summary"]) == ("critical", False, 2, "refused")
    assert (web["site"], web["since"], web["duration"], web["description"]) == ("berlin", NOON, 0.5, SCRIPT)
    assert len(web["recent"]) == 30
    assert web["recent"][-1] == {"at": "2026-01-01T12:39:00.000Z", "status": "ok", "duration": 0.5}
    one = client.get(f"/api/check/{check_id}").json()
    assert one["check"]["body"]["host"] == "db1"
    assert len(one["results"]) == 40
    assert one["results"][0]["readings"] == [{"name": "time", "value": 0.25, "unit": "s"}]
    assert client.get("/api/check/nonsense").status_code == 404


async def test_a_check_is_run_now_by_telling_keepers(world: World, client: Client):
    check_id = await add_check(world)
    await add_check(world, "off", enabled=False)
    assert client.post("/api/check/web/run").status_code == 202
    assert ("run-check", check_id.encode()) in world.bus.heard
    assert client.post("/api/check/off/run").status_code == 409
    assert client.post("/api/check/none/run").status_code == 404


async def test_services_roll_up_the_worst_that_stands(world: World, client: Client):
    await define(world, "service", name="shop", minimum_severity="warning", runbook="https://example.org/")
    await define(world, "service", name="quiet")
    await add_check(world, services=["shop"])
    for event, severity, environment in (
        ("a", "minor", "Production"),
        ("b", "major", "Production"),
        ("c", "critical", "Development"),
        ("d", "informational", "Production"),
        ("e", "normal", "Production"),
    ):
        alert = {"resource": "r", "event": event, "severity": severity, "environment": environment, "service": ["shop"]}
        assert client.post("/api/alert", json=alert).status_code == 201
    async with world.store.transaction() as tx:
        await tx.incidents.save([incident("i1", "shop")])
    quiet, shop = client.get("/api/service-status").json()["services"]
    assert (quiet["status"], quiet["alerts"], quiet["incident"], quiet["checks"]) == ("ok", 0, None, [])
    assert (shop["status"], shop["alerts"]) == ("major", 2)
    assert shop["incident"]["id"] == "i1"
    assert [(check["name"], check["status"]) for check in shop["checks"]] == [("web", "pending")]


def incident(identifier: str, service: str, status: IncidentStatus = IncidentStatus.OPEN, minute: int = 0) -> Incident:
    return Incident(
        id=IncidentId(identifier),
        service=service,
        title=f"{service} is unwell {SCRIPT}",
        status=status,
        severity="major",
        alerts=(AlertId("gone"),),
        opened_at=START + timedelta(minutes=minute),
    )


async def test_incidents_by_status_service_and_page(world: World, client: Client):
    async with world.store.transaction() as tx:
        shop = [incident(f"s{n}", "shop", IncidentStatus.RESOLVED, n) for n in range(5)]
        await tx.incidents.save([*shop, incident("o", "shop", minute=9), incident("x", "mail", minute=8)])
    answer = client.get("/api/incidents?page-size=3").json()
    assert ([i["id"] for i in answer["incidents"]], answer["total"]) == (["o", "x", "s4"], 7)
    assert answer["counts"] == {"open": 2, "acknowledged": 0, "resolved": 5}
    answer = client.get("/api/incidents?status=resolved&service=shop&page=2&page-size=3").json()
    assert ([i["id"] for i in answer["incidents"]], answer["total"]) == (["s1", "s0"], 5)
    assert client.get("/api/incidents?status=open&status=acknowledged").json()["total"] == 2
    for wrong in ("status=new", "page=0", "page=x", "page-size=100000", "page=-1"):
        assert client.get(f"/api/incidents?{wrong}").status_code == 400


async def test_an_incident_with_all_that_belongs_to_it(world: World, client: Client):
    entry = TimelineEntry(id="t1", incident_id=IncidentId("i1"), at=START, kind="opened", text="a", reason="b")
    notification = Notification(
        id=NotificationId("n1"),
        incident_id=IncidentId("i1"),
        channel="mail",
        to="ann",
        purpose=Purpose.ALERT,
        title="t",
        text="x",
        severity="major",
        created_at=START,
    )
    attempt = Attempt(
        notification_id=NotificationId("n1"),
        number=1,
        provider="smtp",
        started_at=START,
        finished_at=START,
        outcome=AttemptOutcome.ACCEPTED,
        reference="250 ok",
    )
    async with world.store.transaction() as tx:
        await tx.incidents.save([incident("i1", "shop")])
        await tx.incidents.add_entries([entry])
        await tx.notifications.save([notification])
        await tx.notifications.add_attempts([attempt])
    answer = client.get("/api/incident/i1").json()
    assert answer["incident"]["openedAt"] == NOON
    assert [line["reason"] for line in answer["timeline"]] == ["b"]
    assert answer["notifications"][0]["attempts"][0]["reference"] == "250 ok"
    assert client.get("/api/incident/none").status_code == 404


async def test_taking_an_incident(world: World, client: Client):
    await define(world, "service", name="shop")
    async with world.store.transaction() as tx:
        await tx.incidents.save([incident("i1", "shop")])
    taken = client.put("/api/incident/i1/acknowledge", json={"text": "mine"}).json()["incident"]
    assert (taken["status"], taken["acknowledgedBy"]) == ("acknowledged", "ann")
    assert client.put("/api/incident/i1/unacknowledge").json()["incident"]["status"] == "open"
    assert client.post("/api/incident/i1/note", json={"text": SCRIPT}).status_code == 201
    assert client.post("/api/incident/i1/note", json={"text": " "}).status_code == 400
    assert client.post("/api/incident/i1/note", json={"text": "\x07"}).status_code == 400
    assert client.put("/api/incident/i1/acknowledge", json={"txt": "x"}).json()["errors"][0]["field"] == "txt"
    assert client.put("/api/incident/i1/resolve", json={}).json()["incident"]["status"] == "resolved"
    assert client.put("/api/incident/none/resolve").status_code == 404
    timeline = client.get("/api/incident/i1").json()["timeline"]
    assert SCRIPT in [line["text"] for line in timeline]


async def test_heartbeats_are_pinged_from_anywhere(world: World, client: Client):
    identifier = await define(world, "heartbeat", name="backup")
    with world.client() as job:
        assert job.get(f"/ping/{identifier}").text == "OK"
        assert job.head(f"/ping/{identifier}").status_code == 200
        assert job.post(f"/ping/{identifier}/start", content=b"\xff" * 100).status_code == 200
        world.clock.time += timedelta(seconds=5)
        foreign = {"Origin": "https://elsewhere.example"}
        assert job.post(f"/ping/{identifier.upper()}/3", content=b"log", headers=foreign).status_code == 200
        assert job.get(f"/ping/{identifier}/999").status_code == 400
        assert job.get(f"/ping/{identifier}/stop").status_code == 400
        assert job.get("/ping/00000000-0000-4000-8000-000000000000").status_code == 404
        assert job.post(f"/ping/{identifier}", content=b"x" * 10_000_000).status_code == 413
    (pulse,) = client.get("/api/pulses").json()["pulses"]
    assert (pulse["name"], pulse["failing"], pulse["lastExit"]) == ("backup", True, 3)
    assert (pulse["lastPing"], pulse["url"].endswith(f"/ping/{identifier}")) == ("2026-01-01T12:00:05.000Z", True)


async def test_heartbeats_are_pinged_by_key_and_slug(world: World, client: Client):
    await define(world, "heartbeat", name="backup", slug="nightly-backup")
    await world.add_key("ping-key-ping-key-ping", "write:pings")
    base = "/ping/ping-key-ping-key-ping/nightly-backup"
    with world.client() as job:
        assert job.get(base).text == "OK"
        assert job.head(base).status_code == 200
        assert job.post(f"{base}/start").status_code == 200
        assert job.post(f"{base}/3", headers={"Origin": "https://elsewhere.example"}).status_code == 200
        (pulse,) = client.get("/api/pulses").json()["pulses"]
        assert (pulse["slug"], pulse["failing"], pulse["lastExit"]) == ("nightly-backup", True, 3)
        assert job.get(f"{base}/0").status_code == 200
        assert job.get(f"{base}/fail").status_code == 200
        assert job.get(f"{base}/999").status_code == 400


async def test_who_may_only_read_does_not_learn_where_jobs_ping(world: World, client: Client):
    identifier = await define(world, "heartbeat", name="backup", slug="nightly")
    assert client.put("/api/objects/heartbeat/backup", json={"name": "backup", "every": 60}).status_code == 200
    await world.add_key("reader", "read")
    await world.add_key("beats", "read:heartbeats", "write:heartbeats")
    client.get(f"/ping/{identifier}")
    client.post(f"/ping/{identifier}/fail")
    reader = key("reader")
    (pulse,) = client.get("/api/pulses", headers=reader).json()["pulses"]
    assert (pulse["id"], pulse["name"], pulse["url"], pulse["failing"]) == ("backup", "backup", "", True)
    shown = client.get("/api/objects/heartbeat/backup", headers=reader)
    assert (shown.json()["object"]["id"], len(shown.json()["past"])) == ("backup", 1)
    told = [shown.text]
    listed = ("pulses", "objects/heartbeat", "alerts", "alerts/history", "checks", "export", "services", "incidents")
    for path in listed:
        answer = client.get(f"/api/{path}", headers=reader)
        assert answer.status_code == 200, path
        told.append(answer.text)
    assert [path for path in told if identifier in path] == []
    async with world.store.reading() as tx:
        assert [identifier in str(change.items) for change in await tx.changes.since(0)] == [False] * 4
    for writer in (key("user"), key("beats")):
        (pulse,) = client.get("/api/pulses", headers=writer).json()["pulses"]
        assert (pulse["id"], pulse["url"].endswith(f"/ping/{identifier}")) == (identifier, True)
    assert client.get("/api/objects/heartbeat/backup").json()["object"]["id"] == identifier


async def test_a_ping_that_nothing_belongs_to_does_not_say_which_part_is_wrong(world: World, client: Client):
    await define(world, "heartbeat", name="backup", slug="backup")
    await define(world, "heartbeat", name="without a slug")
    await world.add_key("ping-key-ping-key-ping", "write:pings")
    await world.add_key("may-more-may-more-more", "write:pings", "read:alerts")
    with world.client() as job:
        answers = [
            job.get(path)
            for path in (
                "/ping/ping-key-ping-key-ping/other",
                "/ping/ping-key-ping-key-ping/BACKUP",
                "/ping/no-such-key-no-such-key/backup",
                "/ping/no-such-key-no-such-key/other/fail",
                "/ping/may-more-may-more-more/backup",  # what may do more does not belong into an address
                "/ping/user/backup",
                "/ping/backup",
            )
        ]
    seen = {(answer.status_code, answer.json()["message"]) for answer in answers}
    assert seen == {(404, "not found")}
    assert [pulse["lastPing"] for pulse in client.get("/api/pulses").json()["pulses"]] == [None, None]


async def test_a_slug_belongs_to_one_heartbeat(world: World, client: Client):
    first = await define(world, "heartbeat", name="first", slug="same")

    def refused(answer: Any) -> list[str]:
        assert answer.status_code == 400, answer.text
        return [error["field"] for error in answer.json()["errors"]]

    assert refused(client.post("/api/objects/heartbeat", json={"name": "second", "slug": "same"})) == ["slug"]
    assert refused(client.post("/api/objects/heartbeat", json={"name": "second", "slug": "A b"})) == ["slug"]
    assert client.put(f"/api/objects/heartbeat/{first}", json={"name": "1st", "slug": "same"}).status_code == 200
    two = [{"kind": "heartbeat", "name": name, "slug": "twice"} for name in ("a", "b")]
    assert refused(client.post("/api/apply", json={"objects": two})) == ["objects[1].slug"]
    taken = [{"kind": "heartbeat", "name": "c", "slug": "same"}]
    assert refused(client.post("/api/apply", json={"objects": taken})) == ["objects[0].slug"]
    handed_on = [*taken, {"kind": "heartbeat", "name": "1st"}]
    assert client.post("/api/apply", json={"objects": handed_on}).status_code == 200


async def test_events_newest_first_and_minutes_without_gaps(world: World, client: Client):
    event = {"received_at": NOON, "event_type": "pageView", "party_id": "p", "location": SCRIPT, "event_id": "e1"}
    minutes = [MinuteCount(START - timedelta(minutes=2), "pageView", 5), MinuteCount(START, "click", 1)]
    async with world.store.transaction() as tx:
        await tx.tallies.recent(RecentEvents(node="n", events=[event], skipped=0, minutes=minutes))
    (shown,) = client.get("/api/events/tail").json()["events"]
    assert (shown["id"], shown["eventType"], shown["partyId"], shown["data"]["location"]) == (
        "e1",
        "pageView",
        "p",
        SCRIPT,
    )
    answer = client.get("/api/events/minutes?minutes=4").json()["minutes"]
    assert [row["total"] for row in answer] == [0, 5, 0, 1]
    assert answer[3] == {"minute": NOON, "total": 1, "counts": {"click": 1}}
    assert client.get("/api/events/minutes?minutes=100000").status_code == 400


async def test_watchbell_itself(world: World, client: Client):
    async with world.store.transaction() as tx:
        until = world.clock.now() + timedelta(seconds=30)
        for shard in (3, 1):
            await tx.leases.acquire(f"shard/{shard}", "keeper-1", world.clock.now(), until)
    answer = client.get("/api/status").json()
    assert answer["keepers"] == [{"holder": "keeper-1", "shards": [1, 3]}]
    assert answer["outbox"]["deliver"] == {"count": 0, "oldest": 0.0}
    world.clock.time += timedelta(minutes=1)
    assert client.get("/api/status").json()["keepers"] == []


async def test_what_waits_for_other_installations_is_told_also_of_one_that_the_settings_name_no_more(world):
    world.forwarding = Forwarding("", (Destination(name="berlin", url="http://berlin.example/api"),))
    rows = [("forward:rome", 2), ("forward:berlin", 0), ("letter", 1)]
    async with world.store.transaction() as tx:
        await tx.outbox.add(
            [
                OutboxRow(
                    id=f"{kind}{number}",
                    kind=kind,
                    subject="a1",
                    shard=0,
                    created_at=world.clock.now(),
                    available_at=world.clock.now(),
                )
                for kind, many in rows
                for number in range(many)
            ]
        )
    world.clock.time += timedelta(minutes=1)
    with world.client() as asking:
        answer = asking.get("/api/status", headers=key("admin")).json()
    assert answer["forwards"] == [
        {"name": "berlin", "configured": True, "count": 0, "oldest": 0.0},
        {"name": "rome", "configured": False, "count": 2, "oldest": 60.0},
    ]
    assert answer["outbox"] == {
        "deliver": {"count": 0, "oldest": 0.0},
        "route": {"count": 0, "oldest": 0.0},
        "letter": {"count": 1, "oldest": 60.0},
    }
    assert answer["switches"] == {"auto-refresh-allow": True, "sender-api-allow": True}


async def test_the_audit_is_read_back_in_time(world: World, client: Client):
    await define(world, "host", name="db1")
    world.clock.time += timedelta(minutes=1)
    await define(world, "host", name="db2")
    answer = client.get("/api/audit", headers=key("admin")).json()["entries"]
    assert [entry["subject"] for entry in answer] == ["db2", "db1"]
    before = client.get("/api/audit", params={"before": answer[0]["at"]}, headers=key("admin")).json()["entries"]
    assert [entry["subject"] for entry in before] == ["db1"]
    assert client.get("/api/audit?before=yesterday", headers=key("admin")).status_code == 400
