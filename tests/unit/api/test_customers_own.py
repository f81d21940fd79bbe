"""Customer views for people: what they write is their customers', and they cannot make it another's."""

import pytest

from api_client import World, key, log_in
from watchbell.domain.accounts import CustomerLookup, Group, Permission
from watchbell.domain.roles import RoleRules

VIEWS = RoleRules(customer_views=True)
ALERT = {"environment": "Production", "resource": "r", "event": "e", "service": ["s"], "severity": "major"}


@pytest.fixture
async def world() -> World:
    world = World(rules=VIEWS)
    await world.add_user("ann", "user")
    await world.add_user("bob", "user")
    await world.add_user("root", "admin")
    await world.add_user("nobody", "user")
    async with world.store.transaction() as tx:
        for number, (match, customer) in enumerate((("ann", "A"), ("bob", "A"), ("team", "B"), ("all@x.org", "*"))):
            await tx.customer_lookups.save(CustomerLookup(id=str(number), match=match, customer=customer))
        await tx.people.save_group(Group(id="g", name="team", members=("id-bob",)))
    return world


def test_what_is_written_is_the_writers_customers(world: World):
    with world.client() as client:
        ann = log_in(client, "ann")
        assert client.post("/api/alert", headers=ann, json=ALERT).json()["alert"]["customer"] == "A"
        other = client.post("/api/alert", headers=ann, json=ALERT | {"customer": "B"})
        assert (other.status_code, other.json()["message"]) == (400, "not allowed to set customer to 'B'")
        many = client.post("/api/alerts", headers=ann, json=[ALERT | {"customer": "B"}])
        assert many.status_code == 400
        beat = client.post("/api/heartbeat", headers=ann, json={"origin": "o"})
        assert beat.json()["heartbeat"]["customer"] == "A"
        dark = client.post("/api/blackout", headers=ann, json={"environment": "Production"}).json()["blackout"]
        assert dark["customer"] == "A"
        made = client.post("/api/key", headers=ann, json={"scopes": ["read"]}).json()
        assert made["data"]["customer"] == "A"
        foreign = client.post("/api/key", headers=ann, json={"scopes": ["read"], "customer": "B"})
        assert foreign.json()["message"] == "not allowed to set customer to 'B'"
        client.cookies.clear()
        bob = log_in(client, "bob")
        unsaid = client.post("/api/alert", headers=bob, json=ALERT)
        assert unsaid.json()["message"] == "must define customer as more than one possibility"
        assert client.post("/api/alert", headers=bob, json=ALERT | {"customer": "B"}).status_code == 201
        client.cookies.clear()
        assert client.get("/api/alerts", headers=key(made["key"])).json()["total"] == 1
        root = log_in(client, "root")
        assert client.get("/api/alerts").json()["total"] == 2
        assert client.post("/api/alert", headers=root, json=ALERT).json()["alert"]["customer"] is None


def test_a_preview_tells_of_ones_own_alerts_and_the_end_is_ones_own(world: World):
    dark = {"environment": "Production", "resource": "silent", "customer": "B"}
    with world.client() as client:
        root = log_in(client, "root")
        blackout = client.post("/api/blackout", headers=root, json=dark).json()["id"]
        for resource in ("r", "silent"):
            client.post("/api/alert", headers=root, json=ALERT | {"customer": "B", "resource": resource})
        seen = client.post("/api/blackouts/preview", headers=root, json={"environment": "Production"}).json()
        assert (seen["total"], seen["silent"], len(seen["ids"])) == (1, 1, 2)
        client.cookies.clear()
        ann = log_in(client, "ann")
        mine = client.post("/api/alert", headers=ann, json=ALERT).json()["id"]
        seen = client.post("/api/blackouts/preview", headers=ann, json={"environment": "Production"}).json()
        assert (seen["total"], seen["silent"], seen["ids"]) == (1, 0, [mine])
        assert client.put(f"/api/blackout/{blackout}/end", headers=ann).status_code == 404


def test_who_has_no_customer_is_refused(world: World):
    with world.client() as client:
        answer = client.post("/api/session", json={"login": "nobody", "password": "correct horse battery"})
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "No customer lookup configured for user 'nobody'",
    )


async def test_a_key_without_a_customer_reaches_what_its_owner_reaches(world: World):
    await world.add_key("anns-key", "read", user="ann")
    await world.add_key("nobodys", "read", user="nobody")
    with world.client() as client:
        root = log_in(client, "root")
        client.post("/api/alert", headers=root, json=ALERT | {"customer": "B"})
        client.cookies.clear()
        assert client.get("/api/alerts", headers=key("anns-key")).json()["total"] == 0
        assert client.get("/api/alerts", headers=key("nobodys")).status_code == 403


async def test_a_key_reaches_no_more_than_its_owner_does_now(world: World):
    with world.client() as client:
        ann = log_in(client, "ann")
        anns = client.post("/api/key", headers=ann, json={"scopes": ["read"]}).json()["key"]
        client.cookies.clear()
        root = log_in(client, "root")
        keys = [
            client.post("/api/key", headers=root, json={"scopes": ["read"], "customer": "A", **whose}).json()["key"]
            for whose in ({"user": "robot"}, {})
        ]
        client.post("/api/alert", headers=root, json=ALERT | {"customer": "A"})
        client.post("/api/alert", headers=root, json=ALERT | {"customer": "B"})
        for each in (anns, *keys):
            assert client.get("/api/alerts", headers=key(each)).json()["total"] == 1
        client.delete("/api/customer/0", headers=root)
        assert client.get("/api/alerts", headers=key(anns)).status_code == 403
        for each in keys:
            assert client.get("/api/alerts", headers=key(each)).json()["total"] == 1


async def test_nobody_moves_to_another_customer_by_themselves(world: World):
    async with world.store.transaction() as tx:
        await tx.customer_lookups.save(CustomerLookup(id="mail", match="b.org", customer="B"))
    with world.client() as client:
        ann = log_in(client, "ann")
        body = {"email": "ann@b.org", "currentPassword": "correct horse battery"}
        assert client.put("/api/user/me", headers=ann, json=body).status_code == 403
        assert client.get("/api/user/me").json()["user"]["email"] == ""


async def test_files_move_nobody_to_another_customer(world: World):
    await world.add_user("eve", "tenant")
    async with world.store.transaction() as tx:
        await tx.permissions.save(Permission(id="p", match="tenant", scopes=("read", "write", "admin:users")))
        await tx.customer_lookups.save(CustomerLookup(id="eve", match="eve", customer="A"))
        await tx.customer_lookups.save(CustomerLookup(id="mail", match="b.org", customer="B"))
    with world.client() as client:
        eve = log_in(client, "eve")
        mine = {"kind": "user", "name": "eve", "roles": ["tenant"]}
        foreign = [mine | {"email": "eve@b.org"}, {"kind": "user", "name": "new", "email": "new@b.org"}]
        foreign.append({"kind": "user", "name": "bob", "full_name": "Bob"})
        for each in foreign:
            answer = client.post("/api/apply", headers=eve, json={"objects": [each]})
            assert answer.json()["message"] == "not allowed to change who belongs to another customer"
        pruned = client.post("/api/apply", headers=eve, json={"objects": [mine], "prune": True})
        assert (pruned.status_code, client.delete("/api/user/id-bob", headers=eve).status_code) == (403, 403)
        named = client.post("/api/apply", headers=eve, json={"objects": [mine | {"full_name": "Eve"}]})
        assert named.status_code == 200
        assert client.delete("/api/user/id-ann", headers=eve).status_code == 200


async def test_nobody_takes_another_customer_away(world: World):
    await world.add_user("eve", "tenant")
    async with world.store.transaction() as tx:
        scopes = ("read", "write", "admin:groups", "admin:users")
        await tx.permissions.save(Permission(id="p", match="tenant", scopes=scopes))
        await tx.customer_lookups.save(CustomerLookup(id="eve", match="eve", customer="A"))
        await tx.people.save_group(Group(id="plain", name="plain", members=("id-bob",)))
    with world.client() as client:
        eve = log_in(client, "eve")
        for path in ("/api/group/g/user/id-bob", "/api/group/g"):
            assert client.delete(path, headers=eve).status_code == 403
        described = client.put("/api/user/id-bob/attributes", headers=eve, json={"attributes": {"x": 1}})
        assert described.json()["message"] == "not allowed to change who belongs to another customer"
        assert client.put("/api/user/id-ann/attributes", headers=eve, json={"attributes": {"x": 1}}).status_code == 200
        for path in ("/api/group/plain/user/id-bob", "/api/group/plain"):
            assert client.delete(path, headers=eve).status_code == 200
        client.cookies.clear()
        log_in(client, "bob")
        assert client.get("/api/user/me/groups").json()["total"] == 1
