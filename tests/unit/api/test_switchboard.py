"""What administrators turn off and on: on every node, for as long as they want, and by nobody else."""

from datetime import timedelta

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.alerts.policy import Limits
from watchbell.ports.store import Timer
from watchbell.usecases.heartbeating import ORIGIN
from watchbell.usecases.switching import Switching

Client = TestClient[Litestar]
PATH = "/api/management/switchboard"
ALERT = {"resource": "web1", "event": "Down", "environment": "Production", "service": ["shop"]}


def values(answer):
    return {switch["name"]: switch["value"] for switch in answer.json()["switches"]}


def test_all_are_on_and_one_can_be_asked_for(client):
    assert values(client.get(PATH)) == {"auto-refresh-allow": "ON", "sender-api-allow": "ON"}
    assert values(client.get(PATH, params={"switch": "auto-refresh-allow"})) == {"auto-refresh-allow": "ON"}
    assert client.get(PATH, params={"switch": "other"}).status_code == 404
    page = client.get(PATH, headers={"Accept": "text/html"})
    assert page.headers["content-type"].startswith("text/html")
    assert "API alert submission" in page.text


def test_consoles_are_told_not_to_refresh(client):
    assert client.get("/api/alerts").json()["autoRefresh"] is True
    turned = client.post(PATH, data={"auto-refresh-allow": "OFF", "submit": "Save"})
    assert values(turned) == {"auto-refresh-allow": "OFF", "sender-api-allow": "ON"}
    assert client.get("/api/alerts").json()["autoRefresh"] is False
    assert client.get("/api/alerts/count").json()["autoRefresh"] is False
    assert client.post(PATH, json={"auto-refresh-allow": "ON"}).status_code == 200
    assert client.get("/api/alerts").json()["autoRefresh"] is True


def test_alerta_never_asks_whether_senders_are_allowed_and_here_it_counts(client):
    assert client.post("/api/alert", json=ALERT).status_code == 201
    client.post(PATH, json={"sender-api-allow": "OFF"})
    for path, body in (
        ("/api/alert", ALERT),
        ("/api/alerts", [ALERT]),
        ("/api/alert", {**ALERT, "event": "Alive"}),
        ("/api/webhooks/query?environment=Production&resource=r&event=e&service=s", None),
    ):
        refused = client.post(path, json=body)
        assert (refused.status_code, refused.json()["message"]) == (
            503,
            "API not accepting alerts. Try again later.",
        )
        assert int(refused.headers["retry-after"]) > 0
    assert client.get("/api/alerts").json()["total"] == 1
    client.post(PATH, json={"sender-api-allow": "ON"})
    assert client.post("/api/alert", json=ALERT).status_code == 201


async def test_alerta_turns_a_switch_in_one_worker_only_and_here_it_turns_in_all(client, world):
    other = Switching(world.store, world.clock)
    assert (await other.all())["sender-api-allow"] is True
    client.post(PATH, json={"sender-api-allow": "OFF"})
    assert (await other.all())["sender-api-allow"] is True, "not yet"
    world.clock.time += timedelta(seconds=2)
    assert (await other.all())["sender-api-allow"] is False
    assert (await Switching(world.store, world.clock).all())["sender-api-allow"] is False, "after a restart, too"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"sender-api-allow": "off"}, "sender-api-allow: must be ON or OFF"),
        ({"sender-api-allow": True}, "sender-api-allow: must be ON or OFF"),
        ({"nonsense": "ON", "sender-api-allow": "OFF"}, "nonsense: there is no such switch"),
        ({}, "name a switch"),
    ],
)
def test_nothing_is_turned_by_what_makes_no_sense(client, body, said):
    refused = client.post(PATH, json=body)
    assert refused.status_code == 400
    assert said in refused.json()["message"]
    assert values(client.get(PATH)) == {"auto-refresh-allow": "ON", "sender-api-allow": "ON"}


def test_who_turned_what_is_in_the_audit(client):
    client.post(PATH, json={"sender-api-allow": "OFF"})
    client.post(PATH, json={"sender-api-allow": "OFF"})
    found = client.get("/api/audit", params={"kind": "switch"}).json()
    (line,) = found["entries"] if "entries" in found else found["audit"]
    assert (line["subject"], line["action"]) == ("sender-api-allow", "change")


def test_nobody_else_may(client):
    assert client.post(PATH, json={"sender-api-allow": "OFF"}, headers=key("user")).status_code == 403
    assert client.get(PATH, headers=key("user")).status_code == 403


def test_a_heartbeat_that_is_sent_as_an_alert_becomes_one(client):
    answer = client.post("/api/alert", json={**ALERT, "event": "Alive", "origin": "cron/db", "timeout": 60})
    assert (answer.status_code, answer.json()["message"]) == (202, "Alert converted to Heartbeat")
    beat = client.get(f"/api/heartbeat/{answer.json()['id']}").json()["heartbeat"]
    assert (beat["origin"], beat["timeout"]) == ("cron/db", 60)
    both = client.post("/api/alerts", json=[ALERT, {**ALERT, "event": "Alive", "origin": "cron/web"}])
    assert (both.status_code, len(both.json()["ids"])) == (201, 1)
    refused = client.post("/api/alerts", json=[{**ALERT, "service": []}, {**ALERT, "event": "Alive", "origin": "x"}])
    assert refused.status_code == 403
    assert {beat["origin"] for beat in client.get("/api/heartbeats").json()["heartbeats"]} == {"cron/db", "cron/web"}


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"origin": "bad/x"}, "[POLICY] Alert origin 'bad/x' has been blacklisted"),
        ({"environment": ""}, "[POLICY] Alert environment does not match one of Production, Development"),
        ({"environment": "Nowhere"}, "[POLICY] Alert environment does not match one of Production, Development"),
        ({"service": []}, "[POLICY] Alert must define a service"),
    ],
)
async def test_a_heartbeat_that_is_sent_as_an_alert_is_let_in_as_one(changes, why):
    world = World(limits=Limits(refused_origins=("bad/.*",)))
    await world.add_key("user", "read", "write", user="ann")
    beat = {**ALERT, "event": "Alive", "origin": "cron/db", **changes}
    with world.client() as client:
        client.headers.update(key("user"))
        one = client.post("/api/alert", json=beat)
        assert (one.status_code, one.json()["message"]) == (403, why)
        several = client.post("/api/alerts", json=[ALERT, {**ALERT, "event": "Alive", "origin": "cron/web"}, beat])
        assert (several.status_code, several.json()["message"]) == (403, f"[2]: {why}")
        assert client.get("/api/heartbeats").json()["total"] == 0
        assert client.get("/api/alerts").json()["total"] == 0


@pytest.mark.parametrize(
    ("said", "severity"),
    [
        ({}, "major"),
        ({"severity": "normal"}, "major"),
        ({"severity": "informational"}, "major"),
        ({"severity": "minor"}, "minor"),
    ],
)
async def test_a_heartbeat_that_was_sent_as_an_alert_is_missed(client, world, said, severity):
    sent = {**ALERT, "event": "Alive", "origin": "cron/db", "timeout": 60}
    sent = {name: value for name, value in sent.items() if name != "severity"} | said
    beat = client.post("/api/alert", json=sent).json()["id"]
    world.clock.time += timedelta(hours=1)
    await world.needs()["heartbeating"].fire([Timer(kind=ORIGIN, subject=beat, shard=0, due=world.clock.now())], [])
    (alert,) = client.get("/api/alerts").json()["alerts"]
    assert (alert["event"], alert["severity"], alert["status"]) == ("HeartbeatFail", severity, "open")


def test_what_was_here_already_is_taken_with_alertas_answer(client):
    answer = client.post("/api/alert", json=ALERT, headers={"X-Alerta-Loop": ",".join(["http://x"] * 99)})
    assert answer.status_code == 400
    assert client.post("/api/alert", json=ALERT, headers={"X-Alerta-Loop": "http://elsewhere/api"}).status_code == 201


@pytest.mark.parametrize("value", [[], {}, ["ON"], None, 1, True])
def test_what_is_no_word_is_refused(client, value):
    answer = client.post(PATH, json={"sender-api-allow": value})
    assert (answer.status_code, "must be ON or OFF" in answer.json()["message"]) == (400, True)
