"""An installation whose severities are not Alerta's, over HTTP."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import PASSWORD, World, key
from watchbell.domain.alerts.severity import Severities

Client = TestClient[Litestar]
OWN = Severities(
    {"P1": 1, "P2": 2, "OK": 9},
    colors={"P1": "#b00020"},
    words={"fatal": "P1"},
    normal="OK",
    informational="",
    previous="OK",
)


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    world = World(severities=OWN)
    await world.add_user("ann", "admin")
    await world.add_key("admin", "admin", user="ann")
    with world.client() as client:
        client.headers.update(key("admin"))
        yield client


def send(client: Client, severity: str | None, event: str = "Down") -> Any:
    body = {"environment": "Production", "resource": "web01", "event": event, "service": ["Shop"]}
    return client.post("/api/alert", json=body if severity is None else {**body, "severity": severity})


@pytest.mark.parametrize(
    ("said", "severity", "status"),
    [
        ("P1", "P1", "open"),
        ("critical", "P1", "open"),
        ("warning", "P2", "open"),
        ("fatal", "P1", "open"),
        ("normal", "OK", "closed"),
        ("cleared", "OK", "closed"),
        (None, "OK", "closed"),
    ],
)
def test_what_is_sent_becomes_a_severity_of_ours(client: Client, said: str | None, severity: str, status: str):
    answer = send(client, said)
    assert answer.status_code == 201, answer.text
    assert (answer.json()["alert"]["severity"], answer.json()["alert"]["status"]) == (severity, status)


def test_a_recovery_in_alertas_words_closes(client: Client):
    first = send(client, "P2").json()["alert"]
    assert (first["previousSeverity"], first["trendIndication"]) == ("OK", "moreSevere")
    after = send(client, "normal").json()
    assert (after["id"], after["alert"]["severity"], after["alert"]["status"]) == (first["id"], "OK", "closed")


@pytest.mark.parametrize("said", ["p1", "loud", ""])
def test_other_words_are_refused_with_those_that_there_are(client: Client, said: str):
    answer = send(client, said or "P1 ")
    assert (answer.status_code, answer.json()["message"].endswith("is not one of P1, P2, OK")) == (400, True)
    assert client.get("/api/alerts").json()["total"] == 0


def test_webhooks_say_what_they_always_said(client: Client):
    body = {
        "alerts": [{"status": "firing", "labels": {"alertname": "Disk", "instance": "db01", "severity": "critical"}}]
    }
    assert client.post("/api/webhooks/prometheus", json=body).status_code == 201
    assert client.get("/api/alerts").json()["alerts"][0]["severity"] == "P1"
    mail = b"From: a@b.c\nSubject: x\nX-Watchbell-Severity: loud\n\n"
    taken = client.post("/api/webhooks/email", content=mail, headers={"Content-Type": "message/rfc822"})
    assert taken.status_code == 201
    assert (taken.json()["alert"]["severity"], taken.json()["alert"]["attributes"]["vendorSeverity"]) == ("P1", "loud")


def test_a_format_names_them(client: Client):
    given = {"name": "shop", "alert": {"resource": "r", "event": "Down", "severity": {"path": "$.level"}}}
    assert client.post("/api/objects/webhook", json=given).status_code == 201
    assert client.post("/api/webhooks/shop", json={"level": "P2"}).status_code == 201
    assert client.get("/api/alerts").json()["alerts"][0]["severity"] == "P2"
    text = "kind: webhook\nname: other\nalert: {resource: r, event: E, severity: {path: $.level}}\n"
    tried = client.post("/api/formats/try", json={"text": text, "message": '{"level": "fatal"}'}).json()
    assert [alert["severity"] for alert in tried["alerts"]] == ["fatal"]


def test_objects_may_say_either_but_a_blackout_accepts_ours(client: Client):
    for severity in ("P2", "critical", "fatal"):
        body = {"name": f"of {severity}", "type": "probe", "interval": 60, "severity": severity, "config": {"url": "x"}}
        answer = client.post("/api/objects/check", json=body)
        assert answer.status_code == 201, answer.text
    wrong = client.post("/api/objects/service", json={"name": "Shop", "minimum_severity": "loud"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "minimum_severity")
    blackout = {"name": "night", "environment": "Production", "start": "2026-01-01T00:00:00Z", "duration": 60}
    refused = client.post("/api/objects/blackout", json={**blackout, "accept": ["critical"]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "accept[0]")
    assert client.post("/api/objects/blackout", json={**blackout, "accept": ["P1"]}).status_code == 201


def test_alertas_clients_and_the_pages_are_told(client: Client):
    config = client.get("/api/config").json()
    assert config["severity"] == config["alarm_model"]["severity"] == {"P1": 1, "P2": 2, "OK": 9}
    assert config["colors"]["severity"] == {"P1": "#b00020", "P2": "yellow", "OK": "#00CC00"}
    assert config["alarm_model"]["defaults"] == {"status": "open", "normal_severity": "OK", "previous_severity": "OK"}
    assert config["indicators"]["severity"] == ["P1", "P2"]
    answer = client.post("/api/session", json={"login": "ann", "password": PASSWORD})
    assert answer.json()["severities"] == [
        {"name": "P1", "look": "critical", "color": "#b00020"},
        {"name": "P2", "look": "minor", "color": ""},
        {"name": "OK", "look": "ok", "color": ""},
    ]


def test_lists_are_sorted_by_them(client: Client):
    for event, severity in (("a", "P2"), ("b", "P1"), ("c", "warning")):
        send(client, severity, event)
    found = client.get("/api/alerts", params={"sort-by": "severity"}).json()
    assert [alert["severity"] for alert in found["alerts"]] == ["P1", "P2", "P2"]
    assert found["severityCounts"] == {"P1": 1, "P2": 2}
