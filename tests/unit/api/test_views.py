"""Filters that people keep under a name, over HTTP."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key, log_in
from watchbell.domain.accounts import CustomerLookup
from watchbell.domain.roles import RoleRules
from watchbell.domain.views import MOST

Client = TestClient[Litestar]
MINE = {"name": "My shop", "query": "status=open&service=Shop&sort=-severity"}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("ann", "user")
    await world.add_user("bob", "user")
    await world.add_user("gus", "guest")
    await world.add_user("root", "admin")
    await world.add_key("robot", "admin", "write", "read", user="ann")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        yield client


def as_user(client: Client, login: str) -> None:
    """From now on the requests are this person's."""
    client.cookies.clear()
    client.headers.update(log_in(client, login))


def names(client: Client) -> list[tuple[str, bool]]:
    return [(view["name"], view["mine"]) for view in client.get("/api/views").json()["views"]]


def test_a_view_is_ones_own_until_it_is_shared(client: Client):
    as_user(client, "ann")
    made = client.post("/api/view", json=MINE)
    assert made.status_code == 201, made.text
    view = made.json()["view"]
    assert {name: view[name] for name in ("name", "query", "mine", "shared")} == MINE | {"mine": True, "shared": False}
    address = f"/api/view/{view['id']}"
    as_user(client, "bob")
    assert names(client) == []
    assert client.put(address, json={"name": "x"}).status_code == client.delete(address).status_code == 404
    as_user(client, "ann")
    assert client.put(address, json={"shared": True}).json()["view"]["query"] == MINE["query"]
    as_user(client, "bob")
    assert names(client) == [("My shop", False)]
    assert client.put(address, json={"name": "x"}).status_code == client.delete(address).status_code == 403
    as_user(client, "root")
    assert client.put(address, json={"name": "x"}).status_code == 403
    assert client.delete(address).status_code == 200
    as_user(client, "ann")
    assert names(client) == []


def test_a_name_is_taken_only_by_ones_own(client: Client):
    as_user(client, "ann")
    client.post("/api/view", json=MINE)
    assert client.post("/api/view", json=MINE).status_code == 409
    other = client.post("/api/view", json=MINE | {"name": "other"}).json()["view"]["id"]
    assert client.put(f"/api/view/{other}", json={"name": "My shop"}).status_code == 409
    as_user(client, "bob")
    assert client.post("/api/view", json=MINE).status_code == 201


def test_whoever_only_reads_keeps_views_but_shares_none(client: Client):
    as_user(client, "gus")
    assert client.post("/api/view", json=MINE | {"shared": True}).status_code == 403
    assert client.post("/api/view", json=MINE).status_code == 201
    assert names(client) == [("My shop", True)]


def test_keys_and_strangers_have_none_of_their_own(client: Client):
    robot = key("robot")
    assert client.post("/api/view", json=MINE, headers=robot).status_code == 403
    assert client.get("/api/views", headers=robot).json()["views"] == []
    client.cookies.clear()
    assert client.get("/api/views").status_code == 401


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"query": ""}, "query"),
        ({"query": "q=" + "x" * 2000}, "query"),
        ({"query": 'q="><script>'}, "query"),
        ({"query": "q=ü"}, "query"),
        ({"query": 5}, "query"),
        ({"more": 1}, "more"),
    ],
)
def test_what_is_no_view_is_refused_and_changes_nothing(client: Client, wrong: dict[str, Any], field: str):
    as_user(client, "ann")
    refused = client.post("/api/view", json=MINE | wrong)
    assert (refused.status_code, [fault["field"] for fault in refused.json()["errors"]]) == (400, [field])
    assert names(client) == []


def test_there_is_an_end_to_them(client: Client):
    as_user(client, "ann")
    for number in range(MOST):
        assert client.post("/api/view", json=MINE | {"name": f"view {number}"}).status_code == 201
    assert client.post("/api/view", json=MINE).status_code == 400


def test_the_audit_log_tells_of_them(client: Client):
    as_user(client, "ann")
    view = client.post("/api/view", json=MINE).json()["view"]["id"]
    client.delete(f"/api/view/{view}")
    as_user(client, "root")
    entries = client.get("/api/audit", params={"kind": "view"}).json()["entries"]
    assert [(entry["action"], entry["who"], entry["subject"]) for entry in entries] == [
        ("delete", "ann", "My shop"),
        ("create", "ann", "My shop"),
    ]


async def test_whoever_is_bound_to_customers_neither_sees_nor_shares_names():
    world = World(rules=RoleRules(customer_views=True))
    await world.add_user("ann", "user")
    await world.add_user("root", "admin")
    async with world.store.transaction() as tx:
        await tx.customer_lookups.save(CustomerLookup(id="c1", match="ann", customer="acme"))
    with world.client() as client:
        as_user(client, "root")
        assert client.post("/api/view", json=MINE | {"name": "Rival Ltd", "shared": True}).status_code == 201
        as_user(client, "ann")
        assert names(client) == []
        assert client.post("/api/view", json=MINE | {"shared": True}).status_code == 403
        assert client.post("/api/view", json=MINE).status_code == 201
        assert names(client) == [("My shop", True)]
