"""Alerts that are over: the archive, its file, and reports."""

import csv
import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.api import sheets
from watchbell.domain.roles import RoleRules
from watchbell.usecases import looking_back

Client = TestClient[Any]
HOSTILE = '=cmd|"/c calc"!A1'
SPAN = "from=2026-01-01T12:00:00.000Z&to=2026-01-01T15:00:00.000Z"


@pytest.fixture
async def world() -> World:
    world = World(rules=RoleRules(customer_views=True))
    await world.add_key("all", "admin", "read", "write")
    await world.add_key("reader", "read:alerts")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("all"))
        yield client


def send(client: Client, resource: str, severity: str = "major", **more: Any) -> str:
    body = {"environment": "Production", "resource": resource, "event": "Down", "service": ["Shop"], **more}
    answer = client.post("/api/alert", json=body | {"severity": severity})
    assert answer.status_code in {200, 201}, answer.text
    return answer.json()["id"]


def episode(world: World, client: Client, resource: str, *, until_ack: float = 0, until_over: float = 0, **more: Any):
    """An alert that is acknowledged and closed so many seconds later."""
    opened = world.clock.time
    name = send(client, resource, **more)
    if until_ack:
        world.clock.time = opened + timedelta(seconds=until_ack)
        assert client.put(f"/api/alert/{name}/status", json={"status": "ack", "text": "on it"}).status_code == 200
    if until_over:
        world.clock.time = opened + timedelta(seconds=until_over)
        send(client, resource, "normal", **{name: value for name, value in more.items() if name != "severity"})
    world.clock.time = opened
    return name


def tidy(world: World, client: Client, at: float) -> None:
    """What is done at that many seconds after the start, by hand."""
    world.clock.time = START + timedelta(seconds=at)
    assert client.post("/api/management/housekeeping").status_code == 200


def archive(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/api/archive?{query}")
    assert answer.status_code == 200, answer.text
    return answer.json()["alerts"]


def test_what_is_deleted_by_time_is_archived(world: World, client: Client):
    name = episode(world, client, "web", until_ack=30, until_over=90, tags=["t=1"], attributes={"n": 1}, value="5")
    tidy(world, client, 91 + 7200)
    assert client.get(f"/api/alert/{name}").status_code == 404
    (row,) = archive(client)
    assert row["alertId"] == name
    assert row["id"] != name
    known = {field: row[field] for field in ("resource", "event", "environment", "service", "tags", "attributes")}
    assert known == {
        "resource": "web",
        "event": "Down",
        "environment": "Production",
        "service": ["Shop"],
        "tags": ["t=1"],
        "attributes": {"n": 1},
    }
    assert (row["severity"], row["highestSeverity"], row["status"]) == ("normal", "major", "closed")
    assert (row["secondsToAck"], row["secondsToResolve"], row["secondsStanding"]) == (30, 90, 90)
    assert (row["openTime"], row["resolveTime"]) == ("2026-01-01T12:00:00.000Z", "2026-01-01T12:01:30.000Z")
    for each in (row["id"], name):
        found = client.get(f"/api/archive/{each}").json()["alert"]
        assert [line["type"] for line in found["history"]] == ["new", "status", "severity"]
        assert found["id"] == row["id"]


def test_what_never_stood_is_not_archived(world: World, client: Client):
    send(client, "web", "normal")
    tidy(world, client, 7201)
    assert client.get("/api/alerts").json()["total"] == 0
    assert archive(client) == []


def test_what_a_person_deletes_is_gone(world: World, client: Client):
    name = episode(world, client, "web", until_over=60)
    send(client, "web", "normal")
    world.clock.time = START + timedelta(seconds=7000)
    send(client, "web", "normal")  # still heard of, so only the episode is over
    tidy(world, client, 7300)
    assert [row["alertId"] for row in archive(client)] == [name]
    assert client.delete(f"/api/alert/{name}").status_code == 200
    assert archive(client) == []
    episode(world, client, "db", until_over=60)
    tidy(world, client, 20_000)
    (row,) = archive(client)
    assert client.delete(f"/api/archive/{row['id']}", headers=key("reader")).status_code == 403
    assert client.delete(f"/api/archive/{row['id']}").status_code == 200
    assert client.delete(f"/api/archive/{row['id']}").status_code == 404
    assert archive(client) == []
    told = client.get("/api/audit?action=delete").json()["entries"]
    assert [(line["kind"], line["subject"]) for line in told] == [
        ("past alert", "Production db Down"),
        ("alert", "Production web Down"),
    ]


def test_an_alert_that_is_still_heard_of_has_several_episodes(world: World, client: Client):
    for start in (0, 10_000):
        world.clock.time = START + timedelta(seconds=start)
        name = episode(world, client, "web", until_ack=10, until_over=100)
        for later in (3000, 6000, 7200):
            world.clock.time = START + timedelta(seconds=start + later)
            send(client, "web", "normal")
        tidy(world, client, start + 7301)
        assert client.get(f"/api/alert/{name}").status_code == 200
    rows = archive(client)
    assert [(row["alertId"], row["secondsToAck"], row["secondsToResolve"]) for row in rows] == [(name, 10, 100)] * 2
    assert [len(client.get(f"/api/archive/{row['id']}").json()["alert"]["history"]) for row in rows] == [3, 3]
    assert client.get("/api/reports/alerts?to=2026-01-02T00:00:00Z").json()["total"] == 2


def test_pages_are_turned_by_cursor(world: World, client: Client):
    for number in range(5):
        world.clock.time = START + timedelta(seconds=number // 2)
        episode(world, client, f"web{number}", until_over=60)
    tidy(world, client, 9000)
    seen, cursor = [], ""
    for size in (2, 2, 1):
        answer = client.get(f"/api/archive?limit=2&cursor={cursor}").json()
        assert len(answer["alerts"]) == size
        assert answer["more"] is (size == 2)
        seen += [row["resource"] for row in answer["alerts"]]
        cursor = answer["cursor"] or ""
    assert cursor == ""
    assert sorted(seen) == [f"web{number}" for number in range(5)]
    assert seen[0] == "web4"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("severity=critical", ["db"]),
        ("severity=critical&severity=major", ["db", "web"]),
        ("resource=web&event=Down&environment=Production&service=Shop", ["web"]),
        ("service=Sho", []),
        ("search=FULL%20disk", ["db"]),
        ("from=2026-01-01T12:00:00.001Z", []),
        ("to=2026-01-01T12:00:00.000Z", []),
        (SPAN, ["db", "web"]),
    ],
)
def test_filters(world: World, client: Client, query: str, found: list[str]):
    episode(world, client, "web", until_over=60)
    episode(world, client, "db", until_over=60, severity="critical", text="The disk is full")
    tidy(world, client, 9000)
    assert sorted(row["resource"] for row in archive(client, query)) == found


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("from=yesterday", "from"),
        ("from=0001-01-01T00:00:00%2B14:00", "from"),
        ("to=2026-01-01T00:00:00", "to"),
        ("cursor=x", "cursor"),
        ("cursor=%F0%9F%94%94", "cursor"),
        ("cursor=OTk5OTk5OTk5OTk5OTk5OTk5OTk5OS54", "cursor"),
        ("limit=0", "limit"),
        ("limit=1001", "limit"),
        ("colour=red", "colour"),
        ("search=%00", "search"),
        ("resource=%00", "resource"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(client: Client, query: str, word: str):
    answer = client.get(f"/api/archive?{query}")
    assert answer.status_code == 400
    assert word in answer.text


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z", "from"),
        ("to=0001-01-01T00:00:00Z", "to"),
        ("from=2025-01-01T00:00:00Z&interval=60", "interval"),
        ("interval=59", "interval"),
        ("interval=-3600", "interval"),
        ("interval=1e3", "interval"),
        ("limit=101", "limit"),
        ("search=x", "search"),
    ],
)
def test_reports_refuse_by_name(client: Client, query: str, word: str):
    answer = client.get(f"/api/reports/alerts?{query}")
    assert answer.status_code == 400
    assert word in answer.text


def test_a_file_has_all_pages_and_executes_nothing(world: World, client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(looking_back, "AT_ONCE", 2)
    for number in range(5):
        episode(world, client, f"web{number}", until_over=60)
    episode(world, client, "db", until_over=60, text=HOSTILE, tags=["=1"], value="-5", attributes={"x": "@SUM(1)"})
    tidy(world, client, 9000)
    answer = client.get("/api/archive/export")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="archive.csv"'
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert sorted(row["resource"] for row in rows) == ["db", *(f"web{number}" for number in range(5))]
    (row,) = (row for row in rows if row["resource"] == "db")
    assert (row["text"], row["tags"], row["value"], row["secondsToResolve"]) == (f"'{HOSTILE}", "'=1", "-5", "60.0")
    for name, cell in row.items():
        assert name == "value" or not cell.startswith(sheets.FORMULA), name
    assert client.get("/api/archive/export?format=json&resource=db").json()["alerts"] == archive(client, "resource=db")
    assert client.get("/api/archive/export?format=json&resource=none").json() == {"alerts": [], "status": "ok"}
    assert client.get("/api/archive/export?format=xls").status_code == 400


def test_a_report_counts_what_is_archived_and_what_is_live(world: World, client: Client):
    episode(world, client, "web", until_ack=10, until_over=100)
    episode(world, client, "db", until_ack=30, until_over=300, severity="critical")
    tidy(world, client, 7600)
    assert len(archive(client)) == 2
    live = episode(world, client, "web", until_ack=20)
    world.clock.time = START + timedelta(seconds=8000)
    report = client.get(f"/api/reports/alerts?{SPAN}&interval=3600").json()
    assert report["times"] == [f"2026-01-01T{hour}:00:00.000Z" for hour in (12, 13, 14)]
    assert report["volume"] == [
        {"severity": "critical", "counts": [1, 0, 0]},
        {"severity": "major", "counts": [1, 0, 1]},
    ]
    assert (report["total"], report["flapped"]) == (3, 0)
    assert report["acknowledging"] == {"count": 3, "mean": 20, "median": 20, "p90": 30}
    assert report["resolving"] == {"count": 2, "mean": 200, "median": 100, "p90": 300}
    assert report["resources"] == [
        {"name": "web", "count": 2, "secondsStanding": 500, "severityChanges": 1},
        {"name": "db", "count": 1, "secondsStanding": 300, "severityChanges": 1},
    ]
    assert [(row["name"], row["count"]) for row in report["events"]] == [("Down", 3)]
    assert report["services"] == [{"name": "Shop", "count": 3, "secondsStanding": 800, "severityChanges": 2}]
    longest = [(row["alertId"], row["archiveId"] is None, row["secondsStanding"]) for row in report["longest"]]
    assert longest[0] == (live, True, 400)
    assert [row[1:] for row in longest[1:]] == [(False, 300), (False, 100)]
    only = client.get(f"/api/reports/alerts?{SPAN}&severity=critical&limit=1").json()
    assert (only["total"], len(only["longest"]), only["interval"]) == (1, 1, 300)


def test_changes_of_severity_are_counted(world: World, client: Client):
    for _ in range(4):
        send(client, "web", "critical")
        send(client, "web", "major")
    send(client, "web", "normal")
    tidy(world, client, 7201)
    (row,) = archive(client)
    assert (row["severityChanges"], row["flapped"], row["highestSeverity"]) == (8, True, "critical")
    report = client.get(f"/api/reports/alerts?{SPAN}").json()
    (worst,) = report["flapping"]
    assert (report["flapped"], worst["name"], worst["count"], worst["severityChanges"]) == (1, "web", 1, 8)


def test_without_a_span_the_last_month_is_reported(world: World, client: Client):
    send(client, "web")
    world.clock.time = START + timedelta(days=30)
    report = client.get("/api/reports/alerts").json()
    assert (report["from"], report["to"]) == ("2026-01-01T12:00:00.000Z", "2026-01-31T12:00:00.000Z")
    assert (report["total"], report["interval"], len(report["times"])) == (1, 86_400, 30)
