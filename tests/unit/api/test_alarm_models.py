"""An installation with the alarm model of ANSI/ISA 18.2, over HTTP."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.alerts.isa_model import IsaModel, usual_severities

Client = TestClient[Litestar]


@pytest.fixture
def world() -> World:
    return World(severities=usual_severities(), model=IsaModel)


@pytest.fixture
async def client(world: World) -> AsyncIterator[Client]:
    await world.add_user("ann", "admin")
    await world.add_key("admin", "admin", user="ann")
    with world.client() as client:
        client.headers.update(key("admin"))
        yield client


def send(client: Client, severity: str, event: str = "Down", **more: Any) -> Any:
    body = {"environment": "Production", "resource": "web01", "event": event, "service": ["Shop"], "severity": severity}
    return client.post("/api/alert", json=body | more)


def status_of(client: Client, alert: str) -> str:
    return str(client.get(f"/api/alert/{alert}").json()["alert"]["status"])


def act(client: Client, alert: str, action: str, **more: Any) -> str:
    answer = client.put(f"/api/alert/{alert}/action", json={"action": action, **more})
    assert answer.status_code == 200, answer.text
    return status_of(client, alert)


def test_an_alarm_lives_by_the_model(client: Client):
    sent = send(client, "High").json()["alert"]
    assert (sent["status"], sent["previousSeverity"], sent["trendIndication"]) == ("UNACK", "OK", "moreSevere")
    assert act(client, sent["id"], "ack") == "ACKED"
    assert act(client, sent["id"], "unack") == "UNACK"
    assert send(client, "OK").json()["alert"]["status"] == "RTNUN"
    assert act(client, sent["id"], "ack") == "NORM"
    assert send(client, "Critical").json()["alert"]["status"] == "UNACK"
    assert act(client, sent["id"], "shelve", timeout=60) == "SHLVD"
    assert act(client, sent["id"], "unshelve") == "UNACK"
    assert act(client, sent["id"], "close") == "UNACK"
    assert send(client, "critical").json()["alert"]["duplicateCount"] == 1, "senders may use Alerta's words"


def test_a_status_may_be_said_in_alertas_words(client: Client):
    alert = send(client, "High").json()["id"]
    for said, status in (("closed", "NORM"), ("ack", "ACKED"), ("DSUPR", "DSUPR"), ("open", "UNACK")):
        assert client.put(f"/api/alert/{alert}/status", json={"status": said}).status_code == 200
        assert status_of(client, alert) == status
    refused = client.put(f"/api/alert/{alert}/status", json={"status": "nowhere"})
    assert (refused.status_code, status_of(client, alert)) == (400, "UNACK")
    assert "NORM, UNACK, ACKED, RTNUN, SHLVD, DSUPR, OOSRV" in refused.json()["message"]


def test_an_unknown_severity_is_refused(client: Client):
    answer = send(client, "dreadful")
    assert answer.status_code == 400
    assert answer.json()["message"] == "Severity (dreadful) is not one of Critical, High, Medium, Low, Advisory, OK"


def test_clients_are_told_the_model(client: Client):
    config = client.get("/api/config").json()
    model = config["alarm_model"]
    assert model["name"] == "ANSI/ISA 18.2"
    assert model["severity"] == {"Critical": 5, "High": 4, "Medium": 3, "Low": 2, "Advisory": 1, "OK": 0}
    assert model["severity"] == config["severity"]
    assert model["status"] == {
        "NORM": "A",
        "UNACK": "B",
        "ACKED": "C",
        "RTNUN": "D",
        "SHLVD": "E",
        "DSUPR": "F",
        "OOSRV": "G",
    }
    assert model["defaults"] == {"status": "NORM", "normal_severity": "OK", "previous_severity": "OK"}
    assert model["colors"]["severity"] == {
        "Critical": "red",
        "High": "orange",
        "Medium": "yellow",
        "Low": "dodgerblue",
        "Advisory": "lightblue",
        "OK": "#00CC00",
        "Unknown": "silver",
    }
    assert config["filter"] == {"status": ["UNACK", "ACKED", "RTNUN"]}
    assert config["indicators"]["severity"] == ["Critical", "High", "Medium", "Low", "Advisory"]


def test_pages_are_told_what_the_words_mean(client: Client):
    session = client.get("/api/session").json()
    alarms = session["alarms"]
    assert {name: alarms["phases"][name] for name in alarms["statuses"]} == {
        "NORM": "closed",
        "UNACK": "open",
        "ACKED": "taken",
        "RTNUN": "cleared",
        "SHLVD": "shelved",
        "DSUPR": "muted",
        "OOSRV": "muted",
    }
    assert alarms["phases"]["ack"] == "taken", "of alerts that came before the model"
    assert alarms["shown"] == ["UNACK", "ACKED", "RTNUN"]
    assert "close" not in alarms["actions"]
    assert [one["look"] for one in session["severities"]] == [
        "critical", "major", "minor", "warning", "informational", "ok"
    ]  # fmt: skip


def test_lists_sort_and_count_by_the_model(client: Client):
    ids = {
        severity: send(client, severity, f"E{severity}").json()["id"] for severity in ("Low", "Critical", "OK", "High")
    }
    act(client, ids["Critical"], "shelve")
    act(client, ids["High"], "ack")
    by_severity = client.get("/api/alerts?sort-by=severity").json()
    assert [one["severity"] for one in by_severity["alerts"]] == ["Critical", "High", "Low", "OK"]
    assert by_severity["statusCounts"] == {"SHLVD": 1, "ACKED": 1, "UNACK": 1, "NORM": 1}
    by_status = client.get("/api/alerts?sort-by=status").json()["alerts"]
    assert [one["status"] for one in by_status] == ["NORM", "UNACK", "ACKED", "SHLVD"]
    assert client.get("/api/alerts?status=UNACK").json()["total"] == 1


def test_what_is_normal_and_acknowledged_is_deleted_in_time(world: World, client: Client):
    gone = send(client, "OK", "Well").json()["id"]
    waiting = send(client, "High", "Gone").json()["id"]
    send(client, "OK", "Gone")
    standing = send(client, "High", "There").json()["id"]
    world.clock.time += timedelta(hours=2)
    assert client.get("/api/management/housekeeping?expired=1").status_code == 200
    left = {one["id"]: one["status"] for one in client.get("/api/alerts").json()["alerts"]}
    assert gone not in left
    assert left == {waiting: "RTNUN", standing: "UNACK"}


def test_alertmanagers_clients_see_what_stands(client: Client):
    send(client, "High", "Standing")
    shelved = send(client, "High", "Shelved").json()["id"]
    act(client, shelved, "shelve")
    send(client, "High", "Over")
    send(client, "OK", "Over")
    found = client.get("/alertmanager/api/v2/alerts").json()
    assert {one["labels"]["alertname"]: one["status"]["state"] for one in found} == {
        "Standing": "active",
        "Shelved": "suppressed",
    }
