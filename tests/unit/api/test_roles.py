"""Roles of one's own, and what they give to whom."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key, log_in
from watchbell.domain.roles import RoleRules

Client = TestClient[Litestar]
RULES = RoleRules(custom_scopes=("read:reports",), delete_scopes=("delete:alerts",))


@pytest.fixture
async def world() -> World:
    world = World(rules=RULES)
    await world.add_key("admin", "admin", "read", "write")
    await world.add_key("permitter", "admin:perms", "read:alerts")
    await world.add_key("grouper", "admin:groups")
    await world.add_user("ann", "user")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        yield client


def make(client: Client, match: str, *scopes: str) -> str:
    answer = client.post("/api/perm", headers=key("admin"), json={"match": match, "scopes": scopes})
    assert answer.status_code == 201, answer.text
    return answer.json()["id"]


def scopes_of(client: Client, login: str) -> list[str]:
    client.cookies.clear()
    log_in(client, login)
    found = client.get("/api/session").json()["scopes"]
    client.cookies.clear()
    return found


def test_a_role_is_made_shown_changed_and_deleted(client: Client):
    made = client.post("/api/perm", headers=key("admin"), json={"match": "ops", "scopes": ["read", "read:reports"]})
    role = made.json()["id"]
    assert made.headers["Location"].endswith(f"/api/perm/{role}")
    assert made.json()["permission"] == {
        "builtIn": False,
        "href": f"{made.json()['permission']['href'].rpartition('/')[0]}/{role}",
        "id": role,
        "match": "ops",
        "scopes": ["read", "read:reports"],
    }
    changed = client.put(f"/api/perm/{role}", headers=key("admin"), json={"scopes": ["read:alerts"]}).json()
    assert (changed["permission"]["match"], changed["permission"]["scopes"]) == ("ops", ["read:alerts"])
    listed = client.get("/api/perms", headers=key("admin")).json()["permissions"]
    assert [each["match"] for each in listed] == ["admin", "user", "guest", "ops"]
    assert client.get("/api/perms", headers=key("admin"), params={"match": "ops"}).json()["total"] == 1
    assert "read:reports" in client.get("/api/scopes", headers=key("admin")).json()["scopes"]
    assert client.delete(f"/api/perm/{role}", headers=key("admin")).status_code == 200
    assert client.get(f"/api/perm/{role}", headers=key("admin")).status_code == 404


def test_built_in_roles_and_taken_names_are_refused(client: Client):
    make(client, "ops", "read")
    for match in ("admin", "user", "guest", "ops"):
        answer = client.post("/api/perm", headers=key("admin"), json={"match": match, "scopes": ["read"]})
        assert answer.status_code == 409, answer.text
    guest = next(
        each
        for each in client.get("/api/perms", headers=key("admin")).json()["permissions"]
        if each["match"] == "guest"
    )
    assert guest["builtIn"]
    for name in ("guest", guest["id"]):
        for answer in (
            client.put(f"/api/perm/{name}", headers=key("admin"), json={"scopes": ["admin"]}),
            client.delete(f"/api/perm/{name}", headers=key("admin")),
        ):
            assert (answer.status_code, answer.json()["message"]) == (409, "guest role already exists")


def test_all_that_is_wrong_with_a_role_is_said(client: Client):
    answer = client.post("/api/perm", headers=key("admin"), json={"match": "", "scopes": ["fly", "read"]})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["match", "scopes"]
    assert client.post("/api/perm", headers=key("admin"), json={"match": "x", "scopes": "read"}).status_code == 400
    assert client.post("/api/perm", headers=key("admin"), json={"match": "x"}).status_code == 400


def test_nobody_makes_a_role_that_may_do_more_than_they(client: Client):
    wide = make(client, "wide", "write:alerts")
    refused = [
        client.post("/api/perm", headers=key("permitter"), json={"match": "x", "scopes": ["admin"]}),
        client.put(f"/api/perm/{wide}", headers=key("permitter"), json={"scopes": ["read:alerts"]}),
        client.delete(f"/api/perm/{wide}", headers=key("permitter")),
    ]
    assert [answer.status_code for answer in refused] == [403, 403, 403]
    assert refused[0].json()["message"] == "Requested scope 'admin' not in existing scopes: admin:perms, read:alerts"
    within = client.post("/api/perm", headers=key("permitter"), json={"match": "x", "scopes": ["read:alerts"]})
    assert within.status_code == 201


def test_a_role_gives_its_scopes_to_whoever_has_it(client: Client):
    role = make(client, "ops", "delete:alerts")
    answer = client.put("/api/user/ann", headers=key("admin"), json={"roles": ["user", "ops"]})
    assert answer.status_code == 200, answer.text
    assert scopes_of(client, "ann") == ["delete:alerts", "read", "write"]
    client.put(f"/api/perm/{role}", headers=key("admin"), json={"scopes": ["admin:keys"]})
    assert scopes_of(client, "ann") == ["admin:keys", "read", "write"]
    client.delete(f"/api/perm/{role}", headers=key("admin"))
    assert scopes_of(client, "ann") == ["read", "write"]
    unknown = client.put("/api/user/ann", headers=key("admin"), json={"roles": ["king"]})
    assert unknown.json()["errors"][0]["field"] == "roles"


def test_a_role_gives_its_scopes_to_a_group_of_its_name(client: Client):
    make(client, "ops", "admin:keys")
    group = client.post("/api/group", headers=key("admin"), json={"name": "ops"}).json()["id"]
    assert client.put(f"/api/group/{group}/user/id-ann", headers=key("grouper")).status_code == 403
    assert client.put(f"/api/group/{group}/user/id-ann", headers=key("admin")).status_code == 200
    assert client.delete(f"/api/group/{group}/user/id-ann", headers=key("grouper")).status_code == 403
    assert client.delete(f"/api/group/{group}", headers=key("grouper")).status_code == 403
    assert "admin:keys" in scopes_of(client, "ann")
    assert client.put(f"/api/group/{group}", headers=key("grouper"), json={"name": "dev"}).status_code == 403
    assert client.put(f"/api/group/{group}", headers=key("admin"), json={"name": "dev"}).status_code == 200
    assert scopes_of(client, "ann") == ["read", "write"]


async def test_who_holds_less_loses_the_keys_that_give_more(world: World, client: Client):
    role = make(client, "ops", "admin:keys")
    group = client.post("/api/group", headers=key("admin"), json={"name": "ops"}).json()["id"]
    client.put(f"/api/group/{group}/user/id-ann", headers=key("admin"))
    await world.add_key("anns-wide", "admin:keys", user="ann")
    await world.add_key("anns-plain", "read", user="ann")
    client.put(f"/api/perm/{role}", headers=key("admin"), json={"scopes": ["read:keys"]})
    assert client.get("/api/keys", headers=key("anns-wide")).status_code == 401
    assert client.get("/api/keys", headers=key("anns-plain")).status_code == 200
    await world.add_key("robots", "admin:keys")
    client.delete(f"/api/group/{group}", headers=key("admin"))
    assert client.get("/api/keys", headers=key("robots")).status_code == 200


async def test_deleting_alerts_can_be_kept_from_those_who_write(world: World, client: Client):
    await world.add_key("writer", "write")
    await world.add_key("cleaner", "delete:alerts")
    assert client.delete("/api/alert/nothing", headers=key("writer")).status_code == 403
    assert client.delete("/api/alert/nothing", headers=key("cleaner")).status_code == 404
    assert client.delete("/api/alert/nothing", headers=key("admin")).status_code == 404


async def test_administrators_by_name_are_nobodys_to_change():
    world = World(rules=RoleRules(admin_users=("root",)))
    await world.add_user("root", "guest")
    await world.add_key("people", "admin:users", "read", "write")
    with world.client() as client:
        assert "admin" in scopes_of(client, "root")
        changed = client.put("/api/user/root", headers=key("people"), json={"password": "another long one"})
        assert changed.status_code == 403
        made = {"login": "other", "name": "Other", "roles": ["user"], "password": "another long one"}
        assert client.post("/api/user", headers=key("people"), json=made).status_code == 201
        renamed = client.put("/api/user/other", headers=key("people"), json={"login": "Root"})
        assert renamed.status_code in {403, 409}
