"""Alerts as a file, and counted by a field."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from api_client import World, key
from watchbell.api import sheets
from watchbell.domain.roles import RoleRules
from watchbell.usecases import exporting

Client = TestClient[Any]
HOSTILE = '=cmd|"/c calc"!A1'


def body(resource: str, **more: Any) -> dict[str, Any]:
    return {
        "environment": "Production",
        "resource": resource,
        "event": "Down",
        "severity": "major",
        "service": ["Shop", "Web"],
        **more,
    }


@pytest.fixture
async def world() -> World:
    world = World(rules=RoleRules(customer_views=True))
    await world.add_key("all", "admin", "read", "write")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("all"))
        for number in range(5):
            client.post("/api/alert", json=body(f"web{number}", severity="minor" if number else "critical"))
        hostile = body("db", text=HOSTILE, value="-5", attributes={"x": "@SUM(1)"}, tags=["=1"], customer="A")
        answer = client.post("/api/alert", json=hostile)
        assert answer.status_code == 201, answer.text
        yield client


def rows(client: Client, query: str = "") -> list[dict[str, str]]:
    answer = client.get(f"/api/alerts/export?{query}")
    assert answer.status_code == 200, answer.text
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="alerts.csv"'
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_a_sheet_holds_what_the_filter_selects_in_several_pieces(client: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(exporting, "AT_ONCE", 2)
    assert {row["resource"] for row in rows(client)} == {"db", "web0", "web1", "web2", "web3", "web4"}
    found = rows(client, "severity=critical")
    assert [(row["resource"], row["service"], row["duplicateCount"]) for row in found] == [("web0", "Shop, Web", "0")]
    assert len(client.get("/api/alerts/export?format=json&severity=minor").json()["alerts"]) == 4


def test_a_sheet_executes_nothing(client: Client):
    (row,) = rows(client, "resource=db")
    assert row["text"] == f"'{HOSTILE}"
    assert row["tags"] == "'=1"
    assert row["value"] == "-5"
    for name, cell in row.items():
        assert name == "value" or not cell.startswith(sheets.FORMULA), name


@pytest.mark.parametrize("text", [" =1", "\u00a0+1", "\ufeff@x", "\uff1d1", "\n=1", "-1+2"])
def test_formulas_in_disguise_are_found(text: str):
    assert sheets.cell(text) == f"'{text}"


def test_json_is_alerts_as_everywhere_else(client: Client):
    answer = client.get("/api/alerts/export?format=json&resource=db")
    (one,) = answer.json()["alerts"]
    (other,) = client.get("/api/alerts?resource=db").json()["alerts"]
    assert one == other
    assert answer.json()["status"] == "ok"
    assert client.get("/api/alerts/export?format=json&resource=none").json()["alerts"] == []


def test_what_is_not_understood_is_refused(client: Client, monkeypatch: pytest.MonkeyPatch):
    assert "csv or json" in client.get("/api/alerts/export?format=xml").json()["message"]
    assert client.get("/api/alerts/export?colour=red").json()["message"] == "Invalid filter parameter: colour"
    assert client.get("/api/alerts?format=csv").status_code == 400
    monkeypatch.setattr(exporting, "MOST", 3)
    assert "more than 3 alerts match" in client.get("/api/alerts/export").json()["message"]


async def test_a_file_has_only_what_the_caller_may_see(world: World, client: Client):
    await world.add_user("eve", "user")
    client.post("/api/alert", json=body("theirs", customer="B"))
    made = client.post("/api/key", json={"user": "robot", "scopes": ["read"], "text": "t", "customer": "A"})
    theirs = key(made.json()["key"])
    for kind in ("csv", "json"):
        text = client.get(f"/api/alerts/export?format={kind}", headers=theirs).text
        assert "theirs" not in text
        assert "web0" not in text
        assert '"db"' in text or ",db," in text
    groups = client.get("/api/alerts/grouped?group-by=resource", headers=theirs).json()["groups"]
    assert [group["value"] for group in groups] == ["db"]


def test_groups_have_the_most_severe_first(client: Client):
    found = client.get("/api/alerts/grouped?group-by=severity").json()
    assert [(group["value"], group["count"]) for group in found["groups"]] == [
        ("critical", 1),
        ("major", 1),
        ("minor", 4),
    ]
    services = client.get("/api/alerts/grouped?group-by=service&page-size=1").json()
    assert services["total"] == 2
    assert services["groups"] == [
        {
            "value": "Shop",
            "count": 6,
            "severityCounts": {"critical": 1, "major": 1, "minor": 4},
            "statusCounts": {"open": 6},
        }
    ]
    assert client.get("/api/alerts/grouped?event=None").json()["message"] == "not found"
    assert client.get("/api/alerts/grouped?group-by=nothing").status_code == 400
    assert client.get("/api/alerts/grouped?group-by=rawData").status_code == 400
