"""API keys as Alerta's clients make, change, list and revoke them."""

from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key

Client = TestClient[Litestar]
NOON = "2026-01-01T12:00:00.000Z"


async def test_a_beginning_that_two_keys_share_names_neither(client: Client, world: World):
    await world.add_key("shared-one", "read", user="ann")
    await world.add_key("shared-two", "read", user="root")
    for refused in (client.delete("/api/key/shared"), client.get("/api/key/shared")):
        assert refused.status_code == 409
        assert all(name in refused.json()["message"] for name in ("id-shared-one", "id-shared-two"))
    assert client.put("/api/key/shared", json={"text": "x"}).status_code == 409
    assert client.delete("/api/key/id-shared-two").status_code == 200
    assert client.delete("/api/key/shared").status_code == 200
    assert client.delete("/api/key/shared").status_code == 404


def test_keys_show_only_their_beginning_and_are_named_by_themselves(client: Client):
    chosen = "chosen-key_0123456789"
    made = client.post("/api/key", json={"user": None, "scopes": [], "text": None, "key": chosen}).json()
    assert (made["key"], made["data"]["key"], made["data"]["scopes"]) == (chosen, chosen, ["read"])
    listed = next(each for each in client.get("/api/keys").json()["keys"] if each["id"] == made["data"]["id"])
    assert (listed["key"], listed["status"], listed["type"]) == ("chosen…", "active", "read-only")
    assert client.get(f"/api/key/{chosen}").json()["key"]["id"] == listed["id"]
    assert client.get("/api/userinfo", headers=key(chosen)).status_code == 200
    assert client.post("/api/key", json={"key": chosen}).status_code == 409
    for weak in ("short", "a" * 30, "with.dots.in.it.0123456789"):
        assert client.post("/api/key", json={"key": weak}).status_code == 400
    assert client.delete(f"/api/key/{chosen}").status_code == 200
    assert client.get(f"/api/key/{chosen}").status_code == 404
    both = client.post("/api/key", json={"type": "read-write"}).json()["data"]
    assert (both["scopes"], both["type"]) == (["read", "write"], "read-write")


def test_changing_a_key_leaves_what_is_not_named(client: Client):
    """Alerta ends a key's life, or gives it to another customer, when the body does not name them."""
    expires = "2026-02-01T12:00:00.000Z"
    made = client.post("/api/key", json={"scopes": ["read", "write"], "text": "one", "expireTime": expires}).json()
    address = f"/api/key/{made['data']['id']}"
    changed = client.put(address, json={"text": "two", "scopes": None}).json()["key"]
    assert (changed["text"], changed["scopes"], changed["expireTime"]) == ("two", ["read", "write"], expires)
    assert client.put(address, json={"scopes": ["read"]}).json()["key"]["type"] == "read-only"
    for wrong in ({"scopes": []}, {"scopes": ["x"]}, {"expireTime": NOON}):
        assert client.put(address, json=wrong).status_code == 400
    assert client.put(address, json={"text": "mine"}, headers=key("user")).status_code == 404
    assert client.get("/api/userinfo", headers=key(made["key"])).status_code == 200


def test_a_key_that_lasts_for_ever_has_a_time_that_alertas_clients_can_read(client: Client):
    """Their page takes null for 1970, and cannot edit such a key; their command line fails."""
    never, soon = "9999-12-30T00:00:00.000Z", "2026-02-01T12:00:00.000Z"
    made = client.post("/api/key", json={"scopes": ["read"]}).json()["data"]
    assert (made["expireTime"], made["status"]) == (never, "active")
    address = f"/api/key/{made['id']}"
    assert client.put(address, json={"expireTime": soon}).json()["key"]["expireTime"] == soon
    for far in (never, "9999-12-30T21:59:59.999Z", "9999-12-31T23:59:59.999Z"):
        assert client.put(address, json={"expireTime": far}).json()["key"]["expireTime"] == never
        again = client.post("/api/key", json={"scopes": ["read"], "expireTime": far}).json()["data"]
        assert again["expireTime"] == never


async def test_such_a_key_is_kept_without_an_end(client: Client, world: World):
    far = "9999-12-30T23:59:59.999Z"
    made = client.post("/api/key", json={"scopes": ["read"], "expireTime": "2026-02-01T12:00:00.000Z"}).json()["data"]
    client.put(f"/api/key/{made['id']}", json={"expireTime": far})
    client.post("/api/key", json={"scopes": ["read"], "expireTime": far})
    async with world.store.reading() as tx:
        assert {key.expires_at for key in await tx.keys.all()} == {None}


def test_a_changed_key_gives_no_more_than_its_changer_holds(client: Client, world: World):
    mine = client.post("/api/key", headers=key("user"), json={"scopes": ["read"]}).json()["data"]["id"]
    refused = client.put(f"/api/key/{mine}", headers=key("user"), json={"scopes": ["admin"]})
    assert refused.status_code == 403
    moved = client.put(f"/api/key/{mine}", headers=key("user"), json={"user": "root"})
    assert moved.json()["key"]["user"] == "ann"


async def test_people_revoke_their_own_keys_and_nobody_elses(client: Client, world: World):
    await world.add_key("of-root", "read", user="root")
    mine = client.post("/api/key", headers=key("user"), json={"scopes": ["read"]}).json()
    assert client.delete("/api/key/id-of-root", headers=key("user")).status_code == 404
    assert client.delete(f"/api/key/{mine['data']['id']}", headers=key("user")).status_code == 200
    assert client.get("/api/userinfo", headers=key(mine["key"])).status_code == 401
    assert client.get("/api/userinfo", headers=key("of-root")).status_code == 200


def test_nobody_makes_a_key_that_gives_more_than_they_hold(client: Client):
    refused = client.post("/api/key", headers=key("user"), json={"scopes": ["admin"]})
    assert (refused.status_code, "Requested scope 'admin' not in existing scopes" in refused.text) == (403, True)
