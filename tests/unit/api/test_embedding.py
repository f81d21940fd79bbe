"""Counts for other pages, and the page of management links."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.roles import RoleRules

Client = TestClient[Any]


@pytest.fixture
async def world() -> World:
    world = World(rules=RoleRules(customer_views=True))
    await world.add_key("all", "admin", "read", "write")
    await world.add_key("alerts", "read:alerts")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("all"))
        for resource, severity in (("a", "major"), ("b", "major"), ("c", "critical")):
            body = {"resource": resource, "event": "Down", "environment": "Production", "service": ["s"]}
            client.post("/api/alert", json=body | {"severity": severity, "customer": resource})
        yield client


@pytest.mark.parametrize("path", ["oembed", "oembed.json"])
def test_counts_are_embedded_with_the_most_severe_first(client: Client, path: str):
    url = "http://testserver.local/api/alerts/count?status=open&environment=Production"
    found = client.get(f"/api/{path}", params={"url": url, "title": "<b>Shop</b>"}).json()
    assert (found["version"], found["type"]) == ("1.0", "rich")
    html = found["html"]
    assert "&lt;b&gt;Shop&lt;/b&gt;: <strong>3</strong>" in html
    assert html.index("critical: <strong>1</strong>") < html.index("major: <strong>2</strong>")
    fewer = client.get(f"/api/{path}", params={"url": url + "&severity=critical"}).json()
    assert "Alerts: <strong>1</strong>" in fewer["html"]


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({}, "must be an address of /alerts/count"),
        ({"url": "http://x/api/alerts"}, "must be an address of /alerts/count"),
        ({"url": "http://[x/alerts/count"}, "is no address"),
        ({"url": "http://x/alerts/count?colour=red"}, "Invalid filter parameter: colour"),
        ({"url": "http://x/alerts/count", "format": "xml"}, "must be json"),
    ],
)
def test_what_cannot_be_embedded_is_refused(client: Client, params: dict[str, str], reason: str):
    answer = client.get("/api/oembed", params=params)
    assert answer.status_code == 400
    assert reason in answer.json()["message"]


def test_only_who_may_gets_counts_and_those_of_a_customer_their_own(client: Client):
    params = {"url": "http://x/alerts/count"}
    assert client.get("/api/oembed", params=params, headers=key("alerts")).status_code == 403
    made = client.post("/api/key", json={"user": "robot", "scopes": ["read"], "text": "t", "customer": "c"})
    theirs = client.get("/api/oembed", params=params, headers=key(made.json()["key"])).json()["html"]
    assert "<strong>1</strong>" in theirs
    assert "major" not in theirs


def test_management_has_a_page_of_links(client: Client):
    page = client.get("/api/management")
    assert page.headers["Content-Type"].startswith("text/html")
    assert '/api/management/healthcheck">healthcheck</a>' in page.text
    assert client.get("/api/management", headers=key("alerts")).status_code == 403


def test_the_script_is_there_for_everybody_and_holds_no_secret(client: Client):
    answer = client.get("/api/embed.js", headers={"Authorization": ""})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/javascript")
    assert "/oembed" in answer.text
