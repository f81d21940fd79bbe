"""What dashboards, scrapes and pages made for Alerta read of the numbers that are counted here."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient
from prometheus_client.parser import text_string_to_metric_families

from api_client import World, key
from watchbell.api.alerta_metrics import TIMERS
from watchbell.domain.errors import Diverted, Throttled

Client = TestClient[Litestar]


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("ann", "admin")
    await world.add_key("admin", "admin", "read", "write", user="ann")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("admin"))
        yield client


def alert(client: Client, **more: Any) -> Any:
    body = {"resource": "web1", "event": "Down", "environment": "Production", "service": ["shop"], "severity": "major"}
    return client.post("/api/alert", json=body | more)


def scraped(client: Client) -> dict[str, float]:
    answer = client.get("/api/management/metrics")
    assert answer.status_code == 200
    assert list(text_string_to_metric_families(answer.text))
    return {name: float(value) for name, value in re.findall(r"^(alerta_\w+) (\S+)$", answer.text, re.MULTILINE)}


def shown(client: Client) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for each in client.get("/api/management/status").json()["metrics"]}


def test_every_number_of_alertas_is_scraped_from_the_start(client: Client):
    names = {f"alerta_alerts_{name}_{part}" for name in TIMERS for part in ("count", "sum")}
    names |= {f"alerta_alerts_{name}_total" for name in ("rejected", "ratelimited", "blackout")}
    found = scraped(client)
    assert set(found) == names | {"alerta_alerts_total", "alerta_uptime_msecs"}
    assert not any(found.values())
    assert "# TYPE alerta_alerts_received summary\n" in client.get("/api/management/metrics").text


def test_each_request_is_counted_under_its_own_name(client: Client):
    alert_id = alert(client).json()["id"]
    one = f"/api/alert/{alert_id}"
    for path in (one, "/api/alerts", "/api/alerts/history", "/api/environments", "/api/services", "/api/alerts/tags"):
        assert client.get(path).status_code == 200
    for path in ("/api/alerts/count", "/api/alerts/top10/count"):
        assert client.get(path).status_code == 200
    for path, body in (
        (f"{one}/action", {"action": "ack"}),
        (f"{one}/status", {"status": "open"}),
        (f"{one}/tag", {"tags": ["a"]}),
        (f"{one}/untag", {"tags": ["a"]}),
        (f"{one}/attributes", {"attributes": {"a": 1}}),
        ("/api/_bulk/alerts/tag?resource=web1", {"tags": ["b"]}),
        ("/api/_bulk/alerts/untag?resource=web1", {"tags": ["b"]}),
    ):
        assert client.put(path, json=body).status_code == 200, path
    assert client.delete(one).status_code == 200
    found = scraped(client)
    counts = {name: found[f"alerta_alerts_{name}_count"] for name in TIMERS}
    once, twice = ("received", "attributes", "deleted"), ("counts", "status", "tagged", "untagged")
    assert counts == dict.fromkeys(once, 1) | dict.fromkeys(twice, 2) | {"queries": 6}
    assert all(found[f"alerta_alerts_{name}_sum"] > 0 for name in TIMERS)


def test_what_fails_took_no_time(client: Client):
    assert client.get("/api/alert/nothing0").status_code == 404
    assert client.put("/api/alert/nothing0/action", json={"action": "ack"}).status_code == 404
    assert alert(client, severity="bad").status_code == 400
    assert not any(value for name, value in scraped(client).items() if name.endswith("_count"))


def test_alerts_are_counted_whichever_way_they_come(client: Client):
    sent = [{"resource": f"web{n}", "event": "Down", "environment": "Production", "service": ["s"]} for n in range(3)]
    assert client.post("/api/alerts", json=sent).status_code == 201
    firing = {"status": "firing", "labels": {"alertname": "Full", "service": "shop"}}
    assert client.post("/api/webhooks/prometheus", json={"alerts": [firing]}).status_code == 201
    assert client.post("/alertmanager/api/v2/alerts", json=[firing]).status_code == 200
    assert scraped(client)["alerta_alerts_received_count"] == 5


def test_refusals_are_counted_by_their_reason(world: World, client: Client):
    assert alert(client, environment="Nowhere").status_code == 403
    assert alert(client, service=[]).status_code == 403
    assert alert(client, attributes={"a.b": 1}).status_code == 400
    world.metering.refused(Throttled("slowly"))
    world.metering.refused(Diverted("Alert converted to Heartbeat", "7"))
    world.metering.refused(Diverted("not now", "8", suppressed=True))
    found = scraped(client)
    numbers = {name: found[f"alerta_alerts_{name}_total"] for name in ("rejected", "ratelimited", "blackout")}
    assert numbers == {"rejected": 2, "ratelimited": 1, "blackout": 1}
    assert found["alerta_alerts_received_count"] == 0


def test_alerts_under_a_blackout_are_counted(client: Client):
    assert client.post("/api/blackout", json={"environment": "Production", "resource": "web1"}).status_code == 201
    assert [alert(client).json()["alert"]["status"] for _ in range(2)] == ["blackout"] * 2
    assert alert(client, resource="web2").json()["alert"]["status"] == "open"
    assert scraped(client)["alerta_alerts_blackout_total"] == 2


def test_the_page_about_has_counters_timers_and_switches(client: Client):
    """A timer without a count would be divided by nought in Alerta's page and its command line."""
    before = shown(client)
    assert not set(before) & set(TIMERS)
    alert(client)
    client.get("/api/alerts")
    now = shown(client)
    assert now["total"] == {
        "group": "alerts",
        "name": "total",
        "title": "Total alerts",
        "description": "Total number of alerts in the database",
        "type": "gauge",
        "value": 1,
    }
    assert now["rejected"] == {
        "group": "alerts",
        "name": "rejected",
        "title": "Rejected alerts",
        "description": "Total number of alerts rejected by policy",
        "type": "counter",
        "count": 0,
    }
    received = now["received"]
    assert (received["type"], received["count"], type(received["totalTime"])) == ("timer", 1, int)
    assert now["sender-api-allow"]["value"] == "ON"
    assert now["sender-api-allow"]["group"] == "switch"
    for each in now.values():
        assert {"group", "name", "title", "description", "type"} < set(each)
        assert each["type"] != "timer" or int(each["totalTime"]) / int(each["count"]) >= 0


def test_uptime_is_in_milliseconds(world: World, client: Client):
    text = client.get("/api/management/metrics").text
    assert re.search(r"^alerta_uptime_msecs 0$", text, re.MULTILINE)
