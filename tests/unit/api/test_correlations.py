"""Correlations by the API: made, refused, foreseen; an alert of several signals as clients see it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.roles import RoleRules

Client = TestClient[Litestar]
RULE: dict[str, Any] = {"name": "racks", "alerts": {"event": "Unreachable"}, "key": "attributes.rack"}


@pytest.fixture
async def world() -> World:
    world = World(rules=RoleRules(customer_views=True))
    await world.add_key("user", "admin", "read", "write", user="ann")
    await world.add_key("reader", "read", user="bob")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


def push(client: Client, resource: str, severity: str = "major", rack: str = "r1", **more: Any) -> dict[str, Any]:
    body = {"environment": "Production", "resource": resource, "event": "Unreachable", "severity": severity}
    body |= {"service": ["Shop"], "attributes": {"rack": rack} if rack else {}, **more}
    answer = client.post("/api/alert", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["alert"]


def test_signals_with_one_key_are_one_alert(client: Client):
    assert client.post("/api/objects/correlation", json=RULE).status_code == 201
    first = push(client, "web1")
    second = push(client, "web2", "critical")
    other = push(client, "web3", rack="r2")
    without = push(client, "web4", rack="")
    assert first["id"] == second["id"]
    assert len({second["id"], other["id"], without["id"]}) == 3
    assert (second["resource"], second["severity"]) == ("web2", "critical")
    assert second["correlation"]["rule"] == "racks"
    assert [member["resource"] for member in second["correlation"]["members"]] == ["web1", "web2"]
    assert without["correlation"] is None
    assert push(client, "web2", "ok")["severity"] == "major"
    closed = push(client, "web1", "ok")
    assert (closed["id"], closed["status"], closed["correlation"]["members"]) == (first["id"], "closed", [])
    history = client.get(f"/api/alert/{first['id']}").json()["alert"]["history"]
    assert [(line["type"], line["severity"]) for line in history] == [
        ("new", "major"),
        ("severity", "critical"),
        ("severity", "major"),
        ("member", "ok"),
        ("severity", "ok"),
    ]


def test_environments_are_apart(client: Client):
    assert client.post("/api/objects/correlation", json=RULE).status_code == 201
    assert push(client, "web1")["id"] != push(client, "web2", environment="Development")["id"]


def test_an_alert_from_before_is_taken_over_and_one_after_the_rule_goes_its_own_way(world: World, client: Client):
    before = push(client, "web1")
    made = client.post("/api/objects/correlation", json=RULE).json()
    world.clock.time += timedelta(seconds=3)  # by then every process has heard of a changed configuration
    assert push(client, "web1")["id"] == before["id"]
    assert push(client, "web2")["id"] == before["id"]
    assert client.delete(f"/api/objects/correlation/{made['id']}").status_code in {200, 204}
    world.clock.time += timedelta(seconds=3)
    assert push(client, "web2")["id"] != before["id"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"key": ""}, "key"),
        ({"key": "nothing."}, "key"),
        ({"key": "severity"}, "key"),
        ({"order": 123456}, "order"),
        ({"alerts": {"severity": ["major"]}}, "alerts.severity"),
        ({"alerts": {"environment": "Nowhere"}}, "alerts.environment"),
        ({"alerts": {"evnet": "x"}}, "alerts.evnet"),
    ],
)
def test_what_is_wrong_names_its_field_and_changes_nothing(client: Client, change: dict[str, Any], field: str):
    answer = client.post("/api/objects/correlation", json=RULE | change)
    assert answer.status_code == 400
    assert field in answer.text
    assert client.get("/api/objects/correlation").json()["total"] == 0


def test_what_it_would_make_one_is_foreseen(client: Client):
    for resource in ("web1", "web2"):
        push(client, resource)
    push(client, "web3", rack="r2")
    push(client, "web4", rack="")
    push(client, "web5", "ok")
    body = {field: RULE[field] for field in ("alerts", "key")}
    found = client.post("/api/correlations/preview", json=body).json()
    assert (found["alerts"], found["become"], found["keyless"]) == (4, 3, 1)
    assert found["groups"][0] == {
        "environment": "Production",
        "key": "r1",
        "count": 2,
        "resources": ["web1", "web2"],
    }
    assert client.post("/api/correlations/preview", json={"key": "("}).status_code == 400
    assert client.post("/api/correlations/preview", json=body, headers=key("reader")).status_code == 403


def test_alerts_of_several_customers_are_never_one(client: Client):
    made = client.post("/api/key", json={"user": "eve", "scopes": ["read"], "text": "t", "customer": "acme"}).json()
    assert client.post("/api/objects/correlation", json=RULE).status_code == 201
    ours = push(client, "web1")
    body = {"environment": "Production", "resource": "web2", "event": "Unreachable", "severity": "major"}
    body |= {"service": ["Shop"], "attributes": {"rack": "r1"}, "customer": "acme"}
    theirs = client.post("/api/alert", json=body).json()["alert"]
    assert theirs["id"] != ours["id"]
    shown = client.get("/api/alerts", headers=key(made["key"])).json()["alerts"]
    assert [alert["id"] for alert in shown] == [theirs["id"]]
