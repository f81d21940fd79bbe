"""Inhibitions by the API: made, refused, foreseen; inhibited alerts in lists and to Alertmanager's clients."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.ids import AlertId

Client = TestClient[Litestar]
RULE: dict[str, Any] = {
    "name": "switch",
    "source": {"event": "SwitchDown"},
    "target": {"event": "Unreachable"},
    "equal": ["attributes.site"],
}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    await world.add_key("reader", "read", user="bob")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


def push(client: Client, resource: str, event: str) -> str:
    body = {"environment": "Production", "resource": resource, "event": event, "severity": "major", "service": ["Shop"]}
    answer = client.post("/api/alert", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


async def inhibit(world: World, alert_id: str, by: str) -> None:
    async with world.store.transaction() as tx:
        (alert,) = await tx.alerts.many([alert_id])
        await tx.alerts.save([msgspec.structs.replace(alert, inhibited_by=AlertId(by), inhibition="switch")])


def test_an_inhibition_is_a_managed_object(client: Client):
    made = client.post("/api/objects/inhibition", json=RULE)
    assert made.status_code == 201, made.text
    (shown,) = client.get("/api/objects/inhibition").json()["objects"]
    body = shown["body"]
    assert (body["grace"], body["enabled"], body["equal"]) == (60, True, ["attributes.site"])
    fields = client.get("/api/schema").json()["kinds"]["inhibition"]["fields"]
    assert {field["name"] for field in fields} >= {"source", "target", "equal", "grace", "enabled", "description"}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"source": {}}, "source"),
        ({"equal": ["site"]}, "equal[0]"),
        ({"grace": -1}, "grace"),
        ({"target": {"severity": ["bad"]}}, "target.severity[0]"),
        ({"target": {"environment": "Nowhere"}}, "target.environment"),
        ({"target": {"event": "x", "evnet": "x"}}, "target.evnet"),
    ],
)
def test_what_is_wrong_names_its_field_and_changes_nothing(client: Client, change: dict[str, Any], field: str):
    answer = client.post("/api/objects/inhibition", json=RULE | change)
    assert answer.status_code == 400
    assert field in answer.text
    assert client.get("/api/objects/inhibition").json()["total"] == 0


def test_what_it_would_be_about_is_foreseen(client: Client):
    push(client, "sw1", "SwitchDown")
    for resource in ("web01", "web02"):
        push(client, resource, "Unreachable")
    closed = push(client, "web03", "Unreachable")
    assert client.put(f"/api/alert/{closed}/status", json={"status": "closed"}).status_code == 200
    answer = client.post("/api/inhibitions/preview", json={field: RULE[field] for field in ("source", "target")})
    assert answer.json() == {"status": "ok", "sources": 1, "targets": 2}
    assert client.post("/api/inhibitions/preview", json={"source": {}}).status_code == 400
    assert client.post("/api/inhibitions/preview", json=RULE, headers=key("reader")).status_code == 403


async def test_an_inhibited_alert_says_so_and_is_filtered_by(world: World, client: Client):
    switch, host = push(client, "sw1", "SwitchDown"), push(client, "web01", "Unreachable")
    await inhibit(world, host, switch)
    shown = client.get(f"/api/alert/{host}").json()["alert"]
    assert (shown["inhibited"], shown["inhibitedBy"], shown["inhibition"], shown["inhibitedUntil"]) == (
        True,
        switch,
        "switch",
        None,
    )
    for query in ("inhibited=true", f"inhibitedBy={switch}", "inhibition=switch", "q=inhibited:true", "inhibited!=no"):
        found = client.get(f"/api/alerts?{query}").json()["alerts"]
        assert [alert["id"] for alert in found] == [host], query
    assert [alert["id"] for alert in client.get("/api/alerts?inhibited=false").json()["alerts"]] == [switch]


async def test_alertmanagers_clients_are_told_who_inhibits(world: World, client: Client):
    switch, host = push(client, "sw1", "SwitchDown"), push(client, "web01", "Unreachable")
    await inhibit(world, host, switch)

    def states(query: str) -> dict[str, Any]:
        found = client.get(f"/alertmanager/api/v2/alerts?{query}").json()
        return {alert["labels"]["instance"]: alert["status"] for alert in found}

    assert states("")["web01"] == {"inhibitedBy": [switch], "silencedBy": [], "state": "suppressed"}
    assert states("inhibited=false").keys() == {"sw1"}
    assert states("active=false").keys() == {"web01"}


def test_a_source_says_so(client: Client):
    assert client.post("/api/objects/inhibition", json=RULE).status_code == 201
    source, other = push(client, "sw1", "SwitchDown"), push(client, "web01", "Unreachable")
    shown = {alert["id"]: alert["inhibits"] for alert in client.get("/api/alerts").json()["alerts"]}
    assert shown == {source: "switch", other: None}
