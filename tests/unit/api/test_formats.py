"""Inbound formats of one's own over HTTP: made, tried, fed; and what came for them."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.webhooks.received import APART, BODY_MAX, KEPT, NAMES_MAX, PER_NAME
from watchbell.toolkit.settings import Secret

Client = TestClient[Litestar]
TEXT = """\
kind: webhook
name: shop
for_each: $.problems[*]
close_when: {equal: [{path: $.state}, ok]}
alert:
  resource: {path: $.host}
  event: Disk
  severity: {map: {path: $.level}, to: {fatal: critical}, default: minor}
"""
BODY = {"problems": [{"host": "web01", "level": "fatal"}]}
FORMAT = {"name": "shop", "for_each": "$.problems[*]", "alert": {"resource": {"path": "$.host"}, "event": "Disk"}}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("admin", "read", "write", user="ann")
    await world.add_key("hook", "write:webhooks", user="robot")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("admin"))
        yield client


def attempt(client: Client, **question: Any) -> dict[str, Any]:
    answer = client.post("/api/formats/try", json=question)
    assert answer.status_code == 200, answer.text
    return answer.json()


def received(client: Client, name: str = "shop") -> list[dict[str, Any]]:
    return client.get("/api/formats/received", params={"name": name}).json()["calls"]


def test_a_format_is_tried_before_it_is_stored(client: Client):
    found = attempt(client, text=TEXT, message='{"problems": [{"host": "web01", "level": "fatal"}, {"host": "b"}]}')
    assert found["problems"] == []
    assert [(one["resource"], one["severity"]) for one in found["alerts"]] == [("web01", "critical"), ("b", "minor")]
    assert found["format"]["name"] == "shop"
    assert client.get("/api/alerts").json()["total"] == 0
    form = attempt(
        client,
        text="{name: f, alert: {resource: {path: $.host}, event: e}}",
        message="host=web02",
        contentType="application/x-www-form-urlencoded",
    )
    assert form["alerts"][0]["resource"] == "web02"


def test_problems_have_their_lines_and_those_of_the_message_none(client: Client):
    wrong = attempt(client, text=TEXT.replace("$.host", "host").replace("$.level", "level"), message="{}")
    assert [(one["field"], one["line"]) for one in wrong["problems"]] == [
        ("alert.resource.path", 6),
        ("alert.severity.map.path", 8),
    ]
    assert wrong["alerts"] is None
    missing = attempt(client, text=TEXT, message='{"problems": [{}]}')
    assert [(one["field"], one["line"]) for one in missing["problems"]] == [("message.items[0].resource", 0)]
    assert attempt(client, text=TEXT, message="nonsense")["problems"][0]["field"] == "message"
    assert attempt(client, text=TEXT)["alerts"] is None
    for text, field in (
        ("- 1", ""),
        ("kind: rule", "kind"),
        ("a: [", ""),
        ("{name: github, alert: {resource: r, event: e}}", "name"),
    ):
        assert attempt(client, text=text)["problems"][0]["field"] == field


def test_what_is_posted_to_it_becomes_alerts(client: Client):
    assert client.post("/api/objects/webhook", json=FORMAT).status_code == 201
    answer = client.post("/api/webhooks/shop?environment=Development", json=BODY, headers=key("hook"))
    assert answer.status_code == 201, answer.text
    assert (answer.json()["alert"]["resource"], answer.json()["alert"]["environment"]) == ("web01", "Development")
    wrong = client.post("/webhooks/shop", json={"problems": [{}]}, headers=key("hook"))
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "items[0].resource")
    refused = client.post("/webhooks/shop?environment=Nowhere", json=BODY, headers=key("hook"))
    assert refused.status_code == 403


def test_a_changed_format_is_in_force_at_once(client: Client):
    client.post("/api/objects/webhook", json=FORMAT)
    assert client.post("/api/webhooks/shop", json=BODY).json()["alert"]["event"] == "Disk"
    changed = {**FORMAT, "alert": {**FORMAT["alert"], "event": "Full"}}  # type: ignore[dict-item]
    client.put("/api/objects/webhook/shop", json=changed)
    assert client.post("/api/webhooks/shop", json=BODY).json()["alert"]["event"] == "Full"


def test_what_came_is_kept_without_credentials_also_before_there_is_a_format(client: Client, world: World):
    answer = client.post("/api/webhooks/shop?api-key=hook&a=b", json=BODY, headers={"X-Secret": "hush"})
    assert (answer.status_code, answer.json()["message"]) == (404, "Custom webhook 'shop' not found.")
    world.clock.time += APART
    client.post("/api/objects/webhook", json=FORMAT)
    client.post("/api/webhooks/shop", json=BODY)
    taken, unknown = received(client)
    assert (taken["problem"], unknown["problem"]) == ("", "Custom webhook 'shop' not found.")
    assert unknown["query"] == {"a": "b"}
    assert unknown["contentType"] == "application/json"
    assert "hush" not in str(unknown)
    assert client.get("/api/formats/received").json()["names"] == ["shop"]
    world.clock.time += KEPT + timedelta(seconds=1)
    assert received(client) == []


def test_what_is_kept_has_bounds(client: Client, world: World):
    for number in range(PER_NAME + 3):
        client.post("/api/webhooks/shop", content=f"{number}".encode())
        client.post("/api/webhooks/shop", content=b"at the same time")
        world.clock.time += APART
    calls = received(client)
    assert [call["body"] for call in calls] == [str(number) for number in range(PER_NAME + 2, 2, -1)]
    client.post("/api/webhooks/long", content=b"\x00" + b"x" * BODY_MAX * 2)
    assert received(client, "long")[0]["body"] == "x" * BODY_MAX
    for number in range(NAMES_MAX + 5):
        client.post(f"/api/webhooks/n{number}", content=b"x")
    assert len(client.get("/api/formats/received").json()["names"]) == NAMES_MAX


def test_every_webhook_is_listed_with_its_address(client: Client, world: World):
    client.post("/api/objects/webhook", json={**FORMAT, "name": "my shop", "description": "Ours"})
    found = {one["name"]: one for one in client.get("/api/formats").json()["formats"]}
    assert found["my shop"]["own"] is True
    assert found["my shop"]["url"] == "http://testserver.local/api/webhooks/my%20shop"
    assert found["grafana"]["title"] == "Grafana"
    assert found["grafana"]["doc"].startswith("Grafana: unified alerting")
    assert not found["grafana"]["signed"]


def test_a_stored_format_as_text(client: Client):
    client.post("/api/objects/webhook", json=FORMAT)
    found = client.get("/api/formats/shop/text").json()
    assert found["text"].startswith("name: shop\nfor_each: $.problems[*]\nalert:")
    assert attempt(client, text=found["text"])["problems"] == []
    assert client.get("/api/formats/none/text").status_code == 404


def test_a_format_of_ones_own_can_be_signed(world: World):
    world.webhook_secrets = {"shop": Secret("a secret that is shared")}
    with world.client() as client:
        assert client.post("/api/webhooks/shop", json=BODY, headers=key("hook")).status_code == 401
        assert client.get("/api/formats/received", headers=key("admin")).json()["names"] == []


@pytest.mark.parametrize("path", ["/api/formats", "/api/formats/shop/text", "/api/formats/received?name=shop"])
def test_reading_takes_its_scope(client: Client, path: str):
    assert client.get(path, headers=key("hook")).status_code == 403
