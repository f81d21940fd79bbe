"""Actions of an installation's own, and how much of its history an alert shows."""

from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.isa_model import IsaModel, usual_severities
from watchbell.domain.alerts.severity import Severities
from watchbell.domain.alerts.timeouts import Timeouts

Client = TestClient[Litestar]


@pytest.fixture(params=["ALERTA", "ISA"])
async def client(request: pytest.FixtureRequest) -> AsyncIterator[Client]:
    own = ("createIssue", "call back")
    if request.param == "ISA":
        world = World(model=IsaModel, severities=usual_severities(), actions=own)
    else:
        world = World(model=AlertaModel, severities=Severities(), actions=own)
    timeouts = Timeouts(actions={"createIssue": 90})
    world.client_config = msgspec.structs.replace(world.client_config, history_limit=3, timeouts=timeouts)
    await world.add_user("ann", "admin")
    await world.add_key("admin", "admin", user="ann")
    await world.add_key("reader", "read", user="bob")
    with world.client() as client:
        client.headers.update(key("admin"))
        yield client


def send(client: Client, **more: Any) -> Any:
    body = {"environment": "Production", "resource": "web01", "event": "Down", "service": ["Shop"], "severity": "major"}
    return client.post("/api/alert", json=body | {"timeout": 600} | more).json()["alert"]


def one(client: Client, alert: dict[str, Any]) -> Any:
    return client.get(f"/api/alert/{alert['id']}").json()["alert"]


def act(client: Client, alert: dict[str, Any], **body: Any) -> Any:
    return client.put(f"/api/alert/{alert['id']}/action", json=body)


def test_clients_and_pages_are_told_them(client: Client):
    assert client.get("/api/config").json()["actions"] == ["createIssue", "call back"]
    assert client.get("/api/session").json()["alarms"]["own_actions"] == ["createIssue", "call back"]


@pytest.mark.parametrize(
    ("body", "text", "timeout"),
    [
        ({"action": "createIssue"}, "createIssue operator action", 90),
        ({"action": "createIssue", "text": "as OPS-7", "timeout": 5}, "as OPS-7", 5),
        ({"action": "createIssue", "timeout": 0}, "createIssue operator action", 0),
        ({"action": "call back", "text": "tomorrow"}, "tomorrow", 600),
        ({"action": "nobody-named-it"}, "nobody-named-it operator action", 600),
    ],
)
def test_the_history_says_what_was_done(client: Client, body: dict[str, Any], text: str, timeout: int):
    before = send(client)
    answer = act(client, before, **body)
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})
    after = one(client, before)
    assert (after["status"], after["severity"]) == (before["status"], before["severity"])
    entry = after["history"][-1]
    assert (entry["type"], entry["text"], entry["timeout"], entry["user"]) == ("action", text, timeout, "ann")
    assert after["timeout"] == 600
    assert body["action"] in entry["reason"]


def test_an_action_of_ones_own_ends_no_acknowledgement(client: Client):
    alert = send(client)
    act(client, alert, action="ack", timeout=60)
    acknowledged = one(client, alert)["status"]
    send(client, severity="critical")
    act(client, alert, action="ack", timeout=60)
    act(client, alert, action="createIssue")
    assert one(client, alert)["status"] == acknowledged


def test_many_at_once(client: Client):
    alerts = [send(client, event=f"E{number}") for number in range(2)]
    answer = client.put(
        "/api/_bulk/alerts/action?event=E0&event=E1", json={"action": "createIssue", "text": "as OPS-7"}
    )
    assert sorted(answer.json()["updated"]) == sorted(alert["id"] for alert in alerts)
    assert {one(client, alert)["history"][-1]["text"] for alert in alerts} == {"as OPS-7"}


@pytest.mark.parametrize(
    "body",
    [
        {"action": "x" * 5000},
        {"action": "a\x00b"},
        {"action": 7},
        {"action": ""},
        {"action": "createIssue", "timeout": -1},
        {"action": "createIssue", "timeout": "soon"},
        {"action": "createIssue", "text": ["a"]},
    ],
)
def test_what_makes_no_sense_is_refused_and_changes_nothing(client: Client, body: dict[str, Any]):
    alert = send(client)
    before = one(client, alert)
    assert act(client, alert, **body).status_code == 400
    assert one(client, alert) == before


def test_it_takes_the_right_to_write(client: Client):
    alert = send(client)
    answer = client.put(f"/api/alert/{alert['id']}/action", json={"action": "createIssue"}, headers=key("reader"))
    assert answer.status_code == 403
    assert len(one(client, alert)["history"]) == 1


def test_an_alert_shows_the_newest_of_its_history(client: Client):
    alert = send(client)
    for number in range(5):
        act(client, alert, action="createIssue", text=f"as OPS-{number}")
    newest = ["as OPS-2", "as OPS-3", "as OPS-4"]
    assert [entry["text"] for entry in one(client, alert)["history"]] == newest
    (listed,) = client.get("/api/alerts?show-history=true").json()["alerts"]
    assert [entry["text"] for entry in listed["history"]] == newest
