"""How long things last when nobody says, as the settings have it: on the wire of Alerta's clients."""

from collections.abc import Iterator

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.domain.alerts.timeouts import Timeouts

Client = TestClient[Litestar]
SAID = Timeouts(alert=100, ack=200, shelve=300, heartbeat=400, blackout=500)


@pytest.fixture
async def world() -> World:
    world = World()
    world.client_config = msgspec.structs.replace(world.client_config, timeouts=SAID)
    await world.add_key("user", "read", "write", user="ann")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


def test_clients_are_told(client: Client):
    found = client.get("/api/config").json()
    assert found["timeouts"] == {"alert": 100, "ack": 200, "shelve": 300, "heartbeat": 400}
    assert found["blackouts"] == {"duration": 500}


def test_what_is_not_said_lasts_as_long_as_the_settings_say(client: Client):
    sent = {"environment": "Production", "resource": "web", "event": "Down", "severity": "major", "service": ["Shop"]}
    alert = client.post("/api/alert", json=sent).json()["alert"]
    assert alert["timeout"] == 100
    assert client.post("/api/alert", json={**sent, "timeout": 7}).json()["alert"]["timeout"] == 7
    for action in ("ack", "shelve"):
        assert client.put(f"/api/alert/{alert['id']}/action", json={"action": action}).status_code == 200
    history = client.get(f"/api/alert/{alert['id']}").json()["alert"]["history"]
    assert [(line["type"], line["timeout"]) for line in history[-2:]] == [("ack", 200), ("shelve", 300)]
    heartbeat = client.post("/api/heartbeat", json={"origin": "cron/web"}).json()["heartbeat"]
    assert heartbeat["timeout"] == 400
    assert client.post("/api/heartbeat", json={"origin": "cron/b", "timeout": 9}).json()["heartbeat"]["timeout"] == 9
    blackout = client.post("/api/blackout", json={"environment": "Production", "resource": "web"}).json()["blackout"]
    assert (blackout["startTime"][:19], blackout["duration"]) == (START.isoformat()[:19], 500)


def test_a_webhook_says_nothing_either(client: Client):
    """Vendors' messages have no time-out of their own."""
    query = {"resource": "r", "event": "e", "service": "Shop"}
    answer = client.post("/api/webhooks/query", params=query)
    assert answer.status_code == 201, answer.text
    assert client.get("/api/alerts", params={"resource": "r"}).json()["alerts"][0]["timeout"] == 100
