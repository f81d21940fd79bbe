"""Messages of vendors whose severities are no words of ours, or of which one alert is refused: nothing else is lost."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from structlog.testing import capture_logs

from api_client import World, key

Client = TestClient[Litestar]
HOOK = "/api/webhooks/prometheus"
EXPIRED = {"host": "db1", "service": "load", "state": "expired", "time": 1767268800, "ttl": None, "metric": None}
"""As Riemann makes it of the last event that it had: of all its fields, host and service are kept."""


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("hook", "read", "write", user="robot")
    await world.add_key("admin", "admin", user="ann")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("hook"))
        yield client


def firing(name: str, severity: str | None = None, status: str = "firing", **labels: str) -> dict[str, Any]:
    said = {} if severity is None else {"severity": severity}
    return {"status": status, "labels": {"alertname": name, "instance": "web1", **said, **labels}}


def post(client: Client, *alerts: dict[str, Any], path: str = HOOK) -> Any:
    return client.post(path, json={"version": "4", "alerts": list(alerts)})


def by_event(client: Client) -> dict[str, dict[str, Any]]:
    return {each["event"]: each for each in client.get("/api/alerts").json()["alerts"]}


def test_a_group_loses_nothing_for_a_word_that_nobody_knows(client: Client):
    answer = post(client, firing("Disk", "critical"), firing("Http", "page"), firing("Cpu", "dreadful"), firing("Net"))
    assert (answer.status_code, len(answer.json()["ids"])) == (201, 4)
    assert "refused" not in answer.json()
    found = by_event(client)
    severities = {event: (each["severity"], each["status"]) for event, each in found.items()}
    assert severities == {
        "Disk": ("critical", "open"),
        "Http": ("critical", "open"),
        "Cpu": ("major", "open"),
        "Net": ("warning", "open"),
    }
    words = {event: each["attributes"].get("vendorSeverity") for event, each in found.items()}
    assert words == {"Disk": None, "Http": "page", "Cpu": "dreadful", "Net": None}


def test_the_watchdog_of_prometheus_wakes_nobody_and_is_seen(client: Client):
    post(client, firing("Watchdog", "none"))
    watchdog = by_event(client)["Watchdog"]
    assert (watchdog["severity"], watchdog["status"]) == ("informational", "open")


def test_the_word_is_in_the_history_and_says_why(client: Client):
    post(client, firing("Http", "page"))
    alert = by_event(client)["Http"]
    steps = client.get(f"/api/alert/{alert['id']}/why", headers=key("admin")).json()["path"]
    assert any(step["reason"].endswith("; its vendor calls it 'page'") for step in steps)


def test_the_word_goes_with_its_severity(client: Client):
    post(client, firing("Http", "page"))
    post(client, firing("Http", "page"))
    assert by_event(client)["Http"]["attributes"]["vendorSeverity"] == "page"
    post(client, firing("Http", "minor"))
    assert "vendorSeverity" not in by_event(client)["Http"]["attributes"]
    post(client, firing("Http", "ticket"))
    assert by_event(client)["Http"]["attributes"]["vendorSeverity"] == "ticket"
    post(client, firing("Http", "ticket", status="resolved"))
    over = by_event(client)["Http"]
    assert (over["severity"], over["status"], over["duplicateCount"]) == ("normal", "closed", 0)
    assert "vendorSeverity" not in over["attributes"]


def test_the_log_is_told_once_of_a_word_that_nobody_knows(client: Client):
    with capture_logs() as logs:
        for _ in range(2):
            post(client, firing("Http", "dreadful"), firing("Disk", "page"), firing("Cpu", "awful"))
    told = [(each["word"], each["taken_as"], each["source"]) for each in logs if each["event"] == "severity_unknown"]
    assert told == [("dreadful", "major", "webhook/prometheus"), ("awful", "major", "webhook/prometheus")]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/webhooks/grafana", {"alerts": [firing("Http", "dreadful")]}),
        ("/api/webhooks/riemann", {"host": "web1", "service": "Http", "state": "dreadful"}),
        ("/api/webhooks/fail2ban", {"resource": "192.0.2.1", "event": "Ban", "severity": "dreadful"}),
        ("/api/webhooks/query?resource=web1&event=Http&severity=dreadful", {}),
        (
            "/api/webhooks/cloudevents",
            {"specversion": "1.0", "id": "1", "source": "web1", "type": "Http", "data": {"severity": "dreadful"}},
        ),
    ],
)
def test_no_vendors_word_is_refused(client: Client, path: str, body: Any):
    answer = client.post(path, json=body)
    assert answer.status_code == 201, answer.text
    alert = answer.json()["alert"]
    assert (alert["severity"], alert["attributes"]["vendorSeverity"]) == ("major", "dreadful")


def test_who_sends_alerts_can_mend_a_word_and_is_told_of_it(client: Client):
    body = {"environment": "Production", "resource": "web1", "event": "Http", "service": ["s"], "severity": "page"}
    answer = client.post("/api/alert", json=body)
    assert (answer.status_code, "Severity (page) is not one of" in answer.json()["message"]) == (400, True)


def test_a_format_of_ones_own_is_as_forgiving_once_it_is_in_use(client: Client):
    shape = {"name": "shop", "for_each": "$[*]"}
    given = {**shape, "alert": {"resource": "r", "event": {"path": "$.e"}, "severity": {"path": "$.level"}}}
    assert client.post("/api/objects/webhook", json=given, headers=key("admin")).status_code == 201
    answer = client.post("/api/webhooks/shop", json=[{"e": "A", "level": "Page"}, {"e": "B", "level": "minor"}])
    assert (answer.status_code, len(answer.json()["ids"])) == (201, 2)
    found = by_event(client)
    assert [(found[e]["severity"], found[e]["attributes"]) for e in "AB"] == [
        ("critical", {"vendorSeverity": "Page"}),
        ("minor", {}),
    ]


def test_what_riemann_hears_no_more_of_is_major_until_the_next_event(client: Client):
    event = {"host": "db1", "service": "load", "state": "ok", "description": "fine", "metric": 0.2, "ttl": 60}
    client.post("/api/webhooks/riemann", json=event)
    answer = client.post("/api/webhooks/riemann", json=EXPIRED)
    assert answer.status_code == 201, answer.text
    alert = answer.json()["alert"]
    assert (alert["severity"], alert["status"], alert["attributes"]) == ("major", "open", {"vendorSeverity": "expired"})
    assert alert["text"] == "No event came within the time to live of the last one."
    again = client.post("/api/webhooks/riemann", json=event).json()["alert"]
    assert (again["id"], again["severity"], again["status"]) == (alert["id"], "ok", "closed")


def test_one_refused_alert_costs_none_of_the_others(client: Client):
    answer = post(client, firing("Disk"), firing("Http", environment="Nowhere"), firing("x" * 2000), firing("Net"))
    assert answer.status_code == 201
    body = answer.json()
    assert (body["status"], len(body["ids"])) == ("ok", 2)
    assert [(each["index"], each["code"], each["resource"]) for each in body["refused"]] == [
        (1, 403, "web1"),
        (2, 400, "web1"),
    ]
    assert body["refused"][0]["event"] == "Http"
    assert "[POLICY] Alert environment does not match" in body["refused"][0]["message"]
    assert body["refused"][1]["message"] == "event: is longer than 1024 characters"
    assert set(by_event(client)) == {"Disk", "Net"}
    audited = client.get("/api/audit?category=write", headers=key("admin")).text
    assert "2 of 4 alerts: [1] [POLICY]" in audited


def test_when_all_are_refused_the_answer_is_the_refusal(client: Client):
    nowhere = firing("Http", environment="Nowhere")
    alone = post(client, nowhere)
    assert (alone.status_code, alone.json()["message"].startswith("[POLICY]")) == (403, True)
    both = post(client, nowhere, firing("x" * 2000))
    assert both.status_code == 403
    assert both.json()["message"].startswith("[0]: [POLICY]")
    assert "[1]: event: is longer" in both.json()["message"]
    invalid = post(client, firing("x" * 2000), firing("y" * 2000))
    assert (invalid.status_code, [each["field"] for each in invalid.json()["errors"]]) == (
        400,
        ["[0].event", "[1].event"],
    )
    many = post(client, *[nowhere] * 30)
    assert many.json()["message"].endswith("; and 10 more")
    assert not by_event(client)


def test_prometheus_hears_of_what_was_refused_and_the_rest_is_taken(client: Client):
    """Alertmanager, too, takes what is valid and answers 400 for what is not."""
    path = "/alertmanager/api/v2/alerts"
    sent = [firing("Disk", "page"), firing("Http", environment="Nowhere"), firing("Net")]
    answer = client.post(path, json=[{"labels": each["labels"]} for each in sent])
    assert (answer.status_code, answer.json()["message"].startswith("[1]: [POLICY]")) == (403, True)
    assert {event: each["severity"] for event, each in by_event(client).items()} == {
        "Disk": "critical",
        "Net": "warning",
    }
    assert client.post(path, json=[{"labels": sent[0]["labels"]}]).status_code == 200


def test_heartbeats_among_the_alerts_of_a_message_are_left_out(client: Client):
    answer = post(client, firing("Alive"), firing("Disk"), firing("Alive", environment="Nowhere"))
    assert (answer.status_code, len(answer.json()["ids"]), len(answer.json()["refused"])) == (201, 1, 1)
    assert set(by_event(client)) == {"Disk"}
    assert client.get("/api/heartbeats").json()["total"] == 1
    only = post(client, firing("Alive"))
    assert (only.status_code, only.json()["message"]) == (202, "Alert converted to Heartbeat")


def test_an_environment_in_other_letters_or_short_is_the_one_that_is_meant(client: Client):
    alerts = [firing(said, environment=said) for said in ("production", "prod", "DEV", "Production")]
    assert post(client, *alerts).status_code == 201
    assert {event: each["environment"] for event, each in by_event(client).items()} == {
        "production": "Production",
        "prod": "Production",
        "DEV": "Development",
        "Production": "Production",
    }


def test_an_environment_that_is_none_of_ours_is_still_refused(client: Client):
    answer = post(client, firing("Disk", environment="Mars"), firing("Cpu", environment="prod"))
    assert [each["event"] for each in answer.json()["refused"]] == ["Disk"]
