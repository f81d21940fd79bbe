"""Notes, heartbeats by origin, and management, as Alerta's clients ask for them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key, log_in
from watchbell.toolkit.alerta_pages import AlertaPages

Client = TestClient[Litestar]
NOON = "2026-01-01T12:00:00.000Z"


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


def alert(client: Client, event: str = "Down", **more: Any) -> str:
    body = {"resource": "web1", "event": event, "environment": "Production", "service": ["shop"], **more}
    return client.post("/api/alert", json=body).json()["id"]


def test_a_note_is_an_entity_and_a_line_of_the_history(client: Client):
    alert_id = alert(client)
    made = client.put(f"/api/alert/{alert_id[:8]}/note", json={"text": "looked"})
    note = made.json()["note"]
    assert made.status_code == 201
    assert made.headers["Location"].endswith(f"/api/alert/{alert_id}/note/{note['id']}")
    assert (note["user"], note["related"], note["createTime"]) == ("ann", {"alert": alert_id}, NOON)
    expected = {"resource": "web1", "event": "Down", "environment": "Production", "severity": "normal"}
    assert note["attributes"] == expected | {"status": note["attributes"]["status"]}
    history = client.get(f"/api/alert/{alert_id}").json()["alert"]["history"]
    assert [(entry["id"], entry["type"]) for entry in history[1:]] == [(note["id"], "note")]
    changed = client.put(f"/api/alert/{alert_id}/note/{note['id']}", json={"text": "again", "attributes": {"x": 1}})
    assert (changed.json()["note"]["text"], changed.json()["note"]["attributes"]["x"]) == ("again", 1)
    assert client.get(f"/api/alert/{alert_id}/notes").json()["total"] == 1
    assert client.delete(f"/api/alert/{alert_id}/note/{note['id']}").status_code == 200
    history = client.get(f"/api/alert/{alert_id}").json()["alert"]["history"]
    assert [(entry["type"], entry["text"]) for entry in history[1:]] == [("note", "looked"), ("dismiss", "again")]


def test_a_note_is_reached_only_through_its_own_alert(client: Client):
    """Alerta changes and deletes notes by their id alone, whatever alert the address names."""
    mine, other = alert(client), alert(client, "Up")
    note = client.put(f"/api/alert/{mine}/note", json={"note": "mine"}).json()["id"]
    assert client.put(f"/api/alert/{other}/note/{note}", json={"text": "x"}).status_code == 404
    assert client.delete(f"/api/alert/{other}/note/{note}").status_code == 404
    assert client.get(f"/api/alert/{other}/notes").json() == client.get(f"/api/alert/{other}/notes").json() | {
        "notes": [],
        "message": "not found",
    }
    assert client.get("/api/alert/nothing0/notes").status_code == 404


@pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": 7}, {"text": "a\x00b"}])
def test_a_note_needs_text(client: Client, body: dict[str, Any]):
    answer = client.put(f"/api/alert/{alert(client)}/note", json=body)
    assert answer.status_code == 400
    assert set(answer.json()) == {"status", "message", "code", "errors", "requestId"}


def test_alerts_asked_for_by_id_come_with_their_raw_data(client: Client):
    """Alerta's `raw` command shows nothing against Alerta's own server: lists hold no raw data there."""
    alert_id = alert(client, rawData="as it came")
    (by_id,) = client.get("/api/alerts", params={"id": alert_id[:8]}).json()["alerts"]
    (listed,) = client.get("/api/alerts").json()["alerts"]
    assert (by_id["rawData"], listed["rawData"]) == ("as it came", None)


def test_a_heartbeat_as_it_is_sent_and_shown(client: Client):
    body = {"origin": "cron/db1", "tags": ["a"], "attributes": {"group": "Jobs"}, "createTime": NOON, "timeout": 60}
    made = client.post("/api/heartbeat", json=body | {"customer": None})
    heartbeat = made.json()["heartbeat"]
    assert made.status_code == 201
    assert made.headers["Location"].endswith(f"/api/heartbeat/{made.json()['id']}")
    assert heartbeat == {
        "attributes": {"group": "Jobs"},
        "createTime": NOON,
        "customer": None,
        "href": heartbeat["href"],
        "id": made.json()["id"],
        "latency": 0,
        "maxLatency": 2000,
        "origin": "cron/db1",
        "receiveTime": NOON,
        "since": 0,
        "status": "ok",
        "tags": ["a"],
        "timeout": 60,
        "type": "Heartbeat",
    }
    assert client.get(f"/api/heartbeat/{heartbeat['id']}").json()["heartbeat"] == heartbeat
    assert client.get("/api/heartbeats").json()["heartbeats"] == [heartbeat]
    assert client.delete(f"/api/heartbeat/{heartbeat['id']}").status_code == 200
    assert client.get(f"/api/heartbeat/{heartbeat['id']}").status_code == 404


def test_totals_of_heartbeats_count_those_that_match(client: Client, world: World):
    """Alerta counts before it looks at the status."""
    client.post("/api/heartbeat", json={"origin": "one", "timeout": 60, "tags": ["a"]})
    client.post("/api/heartbeat", json={"origin": "two", "timeout": 600})
    world.clock.time += timedelta(seconds=100)
    found = client.get("/api/heartbeats", params={"status": "expired"}).json()
    assert ([each["origin"] for each in found["heartbeats"]], found["total"]) == (["one"], 1)
    assert client.get("/api/heartbeats", params={"tag": "a"}).json()["total"] == 1
    assert client.get("/api/heartbeats", params={"status": ["ok", "slow"]}).json()["total"] == 1
    assert client.get("/api/heartbeats", params={"attributes.group": "x"}).json()["total"] == 0


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"tags": "a"}, "tags must be a list"),
        ({"attributes": []}, None),
        ({"attributes": 7}, "attributes must be a JSON object"),
        ({"attributes": {"a.b": 1}}, 'Attribute keys must not contain "." or "$"'),
        ({"timeout": "60"}, "timeout must be an integer"),
        ({"timeout": -1}, "Invalid negative 'timeout' value (-1)"),
        ({"customer": ""}, "customer must not be an empty string"),
        ({"createTime": "today"}, "dates must be ISO 8601 date format YYYY-MM-DDThh:mm:ss.sssZ"),
        ({"attributes": {"severity": "bad"}}, "Severity (bad) is not one of"),
    ],
)
def test_what_is_wrong_with_a_heartbeat(client: Client, body: dict[str, Any], message: str | None):
    answer = client.post("/api/heartbeat", json={"origin": "x"} | body)
    if message is None:
        assert answer.status_code == 201
    else:
        assert answer.status_code == 400
        assert answer.json()["message"].startswith(message)


def test_good_to_go_and_the_health_check(client: Client, world: World):
    assert (client.get("/api/management/gtg").status_code, client.get("/api/management/gtg").text) == (200, "OK")
    client.post("/api/heartbeat", json={"origin": "cron/db1", "timeout": 60})
    assert client.get("/api/management/healthcheck").text == "OK"
    world.clock.time += timedelta(seconds=240)
    assert client.get("/api/management/healthcheck").status_code == 200


def test_an_origin_stays_stale_after_a_day(client: Client, world: World):
    """Alerta looks at the seconds within a day only, so that each midnight all seems well again."""
    client.post("/api/heartbeat", json={"origin": "cron/db1", "timeout": 60})
    for days in (timedelta(seconds=241), timedelta(days=1), timedelta(days=3)):
        world.clock.time += days
        answer = client.get("/api/management/healthcheck")
        assert (answer.status_code, answer.text) == (503, "HEARTBEAT_STALE: cron/db1")


def test_status_metrics_and_manifest(client: Client, world: World):
    alert(client)
    world.clock.time += timedelta(seconds=90)
    status = client.get("/api/management/status").json()
    assert (status["application"], status["uptime"], status["time"]) == ("watchbell", 90_000, 1767268890000)
    assert status["metrics"][0]["value"] == 1
    metrics = client.get("/api/management/metrics")
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "alerta_alerts_total 1\n" in metrics.text
    assert client.get("/api/management/manifest").json()["release"] == status["version"]


def test_properties_hold_no_secret(client: Client):
    """Alerta shows its whole environment there, secrets included."""
    answer = client.get("/api/management/properties", headers=key("admin"))
    assert (answer.status_code, answer.text) == (200, "server.port = 8080\n")


def test_housekeeping_deletes_what_has_been_over_for_long(client: Client, world: World):
    alert_id = alert(client, severity="major")
    client.put(f"/api/alert/{alert_id}/action", json={"action": "close"})
    world.clock.time += timedelta(minutes=90)
    admin = key("admin")
    assert client.get("/api/management/housekeeping", headers=admin).json()["deleted"] == 0
    done = client.post("/api/management/housekeeping?expired=1&info=0", headers=admin).json()
    assert done == {"status": "ok", "deleted": 1, "expired": [], "unshelve": [], "unack": [], "count": 0}
    for wrong in ("x", "-1", "nan", "1e9"):
        assert client.get(f"/api/management/housekeeping?expired={wrong}", headers=admin).status_code == 400


async def test_another_sites_link_makes_no_browser_tidy_up(world: World):
    await world.add_user("root", "admin")
    with world.client() as client:
        csrf = log_in(client, "root")
        assert client.get("/api/management/housekeeping").status_code == 403
        assert client.post("/api/management/housekeeping", headers=csrf).status_code == 200


BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.mark.parametrize("path", ["/api/management/housekeeping", "/api/webhooks/query?resource=r"])
@pytest.mark.parametrize(
    ("headers", "refused"),
    [
        ({}, False),
        ({"Sec-Fetch-Site": "none", "User-Agent": BROWSER}, False),
        ({"Sec-Fetch-Site": "same-origin", "User-Agent": BROWSER}, False),
        ({"Sec-Fetch-Site": "cross-site"}, True),
        ({"Sec-Fetch-Site": "same-site"}, True),
        ({"Origin": "https://evil.example"}, True),
        ({"User-Agent": BROWSER}, True),
        ({"User-Agent": BROWSER, "Authorization": "Key robot"}, False),
        ({"User-Agent": "Mozilla/5.0+(compatible; UptimeRobot/2.0; http://www.uptimerobot.com/)"}, False),
    ],
)
async def test_without_required_auth_no_page_makes_a_browser_do_something_by_get(
    path: str, headers: dict[str, str], refused: bool
):
    world = World(required=False)
    await world.add_key("robot", "admin", "write")
    with world.client() as client:
        assert (client.get(path, headers=headers).status_code == 403) is refused
        assert (client.head(path, headers=headers).status_code in {403, 405}) or not refused


def test_the_root_says_where_to_go(client: Client):
    answer = client.get("/api/").json()
    assert answer["data"] == {"description": "Watchbell API"}
    assert {"rel": "alerts", "href": f"{answer['uri']}/alerts", "method": "GET"} in answer["links"]


def test_alertas_pages_begin_as_the_settings_say():
    world = World()
    query = {"text": "Shop", "query": [["service", "Shop"]]}
    pages = AlertaPages(
        columns=["region"], filter={"group": ["Web"]}, indicator_queries=[query], audio_file="/ding.ogg"
    )
    world.client_config = msgspec.structs.replace(world.client_config, pages=pages)
    with world.client() as client:
        config = client.get("/api/config").json()
    assert (config["columns"], config["filter"], config["audio"]) == (
        ["region"],
        {"group": ["Web"]},
        {"new": "/ding.ogg"},
    )
    assert config["indicators"]["queries"] == [query]
    assert config["indicators"]["severity"][0] == "critical", "the problems, when nothing else is said"
