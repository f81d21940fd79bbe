"""Groups, tags, top lists, and acting on many alerts at once."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key

Client = TestClient[Litestar]


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        for number, (event, group) in enumerate((("Down", "Net"), ("Down", "Net"), ("Full", "Disk"))):
            body: dict[str, Any] = {
                "environment": "Production",
                "resource": f"web{number}",
                "event": event,
                "severity": "major",
                "service": ["Shop"],
                "group": group,
                "tags": ["dc=1", f"n={number}"],
            }
            assert client.post("/api/alert", json=body).status_code == 201
        yield client


def resources(client: Client, query: str) -> list[str]:
    """The resources of the alerts that a query finds."""
    found = client.get(f"/api/alerts?sort-by=resource&{query}").json()["alerts"]
    return [alert["resource"] for alert in found]


def test_groups_and_tags(client: Client):
    groups = client.get("/api/alerts/groups").json()
    assert groups["groups"] == [
        {"environment": "Production", "group": "Disk", "count": 1},
        {"environment": "Production", "group": "Net", "count": 2},
    ]
    tags = client.get("/api/alerts/tags?event=Down").json()
    assert [(row["tag"], row["count"]) for row in tags["tags"]] == [("dc=1", 2), ("n=0", 1), ("n=1", 1)]
    assert client.get("/api/alerts/tags?event=None").json()["message"] == "not found"
    assert "message" not in client.get("/api/alerts/history?event=Down").json()
    nothing = client.get("/api/alerts/history?event=None").json()
    assert nothing == {"history": [], "message": "not found", "status": "ok", "total": 0}


@pytest.mark.parametrize(
    ("path", "name"),
    [("environments", "environments"), ("services", "services"), ("alerts/groups", "groups"), ("alerts/tags", "tags")],
)
def test_what_there_is_comes_in_pages(client: Client, path: str, name: str):
    whole = client.get(f"/api/{path}").json()
    assert (whole["page"], whole["pages"], whole["more"]) == (1, 1, False)
    body = {"environment": "Production", "resource": "desk", "event": "Down", "severity": "major", "service": ["Desk"]}
    client.post("/api/alert", json=body | {"group": "Desk", "tags": ["desk"]})
    rows = client.get(f"/api/{path}").json()[name]
    first = client.get(f"/api/{path}?page-size=1").json()
    assert (first[name], first["total"], first["more"]) == (rows[:1], len(rows), len(rows) > 1)
    last = client.get(f"/api/{path}?page-size=1&page={len(rows)}").json()
    assert (last[name], last["more"], last["pages"]) == (rows[-1:], False, len(rows))
    assert client.get(f"/api/{path}?page-size=1&page={len(rows) + 1}").status_code == 416
    assert client.get(f"/api/{path}?page=none").status_code == 400


@pytest.mark.parametrize("path", ["top10", "topn"])
def test_the_top_list_names_the_resources(client: Client, path: str):
    found = client.get(f"/api/alerts/{path}/count").json()
    assert found["total"] == 2
    worst = found["top10"][0]
    assert (worst["event"], worst["count"], worst["services"]) == ("Down", 2, ["Shop"])
    assert sorted(one["resource"] for one in worst["resources"]) == ["web0", "web1"]
    assert worst["resources"][0]["href"].endswith(f"/api/alert/{worst['resources'][0]['id']}")


def test_the_top_list_groups_by_what_is_asked(client: Client):
    assert [one["group"] for one in client.get("/api/alerts/topn/count?group-by=group").json()["top10"]] == [
        "Net",
        "Disk",
    ]
    refused = client.get("/api/alerts/topn/count?group-by=text;drop").json()
    assert (refused["code"], refused["message"]) == (400, "group-by: there is no field 'text;drop'")
    assert client.get("/api/alerts/topn/loudest").status_code == 404


def test_an_alert_without_a_change_of_severity_stands_too(client: Client):
    """Alerta leaves it out."""
    assert client.get("/api/alerts/topn/standing").json()["total"] == 2
    assert client.get("/api/alerts/topn/flapping").json()["total"] == 0


def test_acting_on_many(client: Client):
    acted = client.put("/api/_bulk/alerts/action?event=Down", json={"action": "ack", "text": "on it"})
    assert acted.status_code == 202
    assert acted.json()["message"] == "2 alerts queued for action"
    assert resources(client, "status=ack") == ["web0", "web1"]
    task = client.get(acted.headers["location"].partition("testserver.local")[2]).json()
    assert task["status"] == "success"
    again = client.put("/api/_bulk/alerts/action?q=service:Shop", json={"action": "ack"}).json()
    assert (len(again["updated"]), len(again["refused"])) == (1, 2)


def test_changing_many(client: Client):
    assert client.put("/api/_bulk/alerts/tag?event=Down", json={"tags": ["x"]}).json()["count"] == 2
    assert resources(client, "tag=x") == ["web0", "web1"]
    assert client.put("/api/_bulk/alerts/untag?resource=web0", json={"tags": ["x"]}).json()["count"] == 1
    assert resources(client, "tag=x") == ["web1"]
    assert client.put("/api/_bulk/alerts/attributes?event=Full", json={"attributes": {"a": 1}}).json()["count"] == 1
    assert resources(client, "attributes.a=1") == ["web2"]
    assert client.put("/api/_bulk/alerts/status?event=Full", json={"status": "closed"}).json()["count"] == 1
    assert resources(client, "status=closed") == ["web2"]
    assert client.delete("/api/_bulk/alerts?event=Down").json()["count"] == 2
    assert resources(client, "") == ["web2"]


def test_many_need_a_selection(client: Client):
    for path in ("", "?page=2", "?q="):
        refused = client.delete(f"/api/_bulk/alerts{path}")
        assert refused.status_code == 400
        assert "select the alerts" in refused.json()["message"]
    assert client.delete("/api/_bulk/alerts?event=None").status_code == 404
    assert client.delete("/api/_bulk/alerts?q=*:*").json()["count"] == 3


@pytest.mark.parametrize(
    ("path", "body", "message"),
    [
        ("status", {}, "must supply 'status' as json data"),
        ("action", {"action": 1}, "must supply 'action' as json data"),
        ("tag", {"tags": "x"}, "must supply 'tags' as json list"),
        ("attributes", {"attributes": []}, "must supply 'attributes' as json data"),
    ],
)
def test_a_wrong_body_changes_nothing(client: Client, path: str, body: dict[str, Any], message: str):
    refused = client.put(f"/api/_bulk/alerts/{path}?event=Down", json=body)
    assert (refused.status_code, refused.json()["message"]) == (400, message)
