"""Users in files: planned, applied and exported with the other objects."""

from typing import Any

import pytest

from api_client import OUR_ORIGIN, World, key, log_in
from watchbell.domain.accounts import Group, Permission, Principal
from watchbell.domain.errors import Faulty, Forbidden
from watchbell.usecases.administering import OPERATOR
from watchbell.usecases.managing import Managing

ANN: dict[str, Any] = {"kind": "user", "name": "ann", "roles": ["admin"]}
BOB: dict[str, Any] = {"kind": "user", "name": "bob", "full_name": "Bob B", "email": "bob@example.org"}
HELPDESK = Principal(login="h", scopes=frozenset({"read", "write", "admin:users"}))
HOST: dict[str, Any] = {"kind": "host", "name": "db1"}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("ann", "admin")
    return world


@pytest.fixture
def managing(world: World) -> Managing:
    return world.needs()["managing"]


def done(changes: list[Any]) -> list[tuple[str, str, str]]:
    return [(change.action, change.kind, change.name) for change in changes]


async def logins(world: World) -> list[str]:
    return [user.login for user in await world.administering.users()]


async def test_a_user_is_created_without_a_password_and_audited(world: World, managing: Managing):
    planned, faults = await managing.plan(OPERATOR, [BOB, HOST])
    assert (done(planned), faults) == ([("create", "host", "db1"), ("create", "user", "bob")], [])
    assert await logins(world) == ["ann"]
    applied, version = await managing.apply(OPERATOR, [BOB, HOST])
    assert (applied, version) == (planned, 1)
    bob = (await world.administering.users())[1]
    assert (bob.login, bob.name, bob.email, bob.roles, bob.active) == (
        "bob",
        "Bob B",
        "bob@example.org",
        ("user",),
        True,
    )
    assert (bob.password_hash, bob.created_at) == ("", world.clock.now())
    async with world.store.reading() as tx:
        audit = await tx.audit.newest()
    assert {(entry.who, entry.action, entry.kind, entry.subject) for entry in audit} == {
        ("command line", "create", "host", "db1"),
        ("command line", "create", "user", "bob"),
    }
    with world.client() as client:
        refused = client.post("/api/session", json={"login": "bob", "password": ""}, headers=OUR_ORIGIN)
        assert refused.status_code in {400, 401}


async def test_an_export_is_what_is_applied_and_holds_no_password(managing: Managing):
    await managing.apply(OPERATOR, [BOB])
    exported = await managing.export(OPERATOR)
    assert exported == [ANN, BOB]
    assert await managing.plan(OPERATOR, exported, prune=True) == ([], [])
    assert await managing.export(Principal(login="x", scopes=frozenset({"write"}))) == []


async def test_a_change_keeps_the_password_and_shows_its_fields(world: World, managing: Managing):
    await world.add_user("bob")
    changes, _ = await managing.apply(OPERATOR, [BOB])
    assert [(field.field, field.before, field.after) for field in changes[0].fields] == [
        ("email", "", "bob@example.org"),
        ("full_name", "", "Bob B"),
    ]
    with world.client() as client:
        log_in(client, "bob")


async def test_who_loses_rights_loses_sessions_and_keys(world: World, managing: Managing):
    await world.add_user("bob", "admin")
    await world.add_key("bobs-key", "admin", user="bob")
    with world.client() as client:
        log_in(client, "bob")
        assert client.get("/api/users").status_code == 200
        await managing.apply(OPERATOR, [{**BOB, "active": False}])
        assert client.get("/api/users").status_code == 401
        assert client.get("/api/users", headers=key("bobs-key")).status_code == 401


async def test_a_login_is_the_same_in_capitals(world: World, managing: Managing):
    await world.add_user("bob")
    changes, _ = await managing.apply(OPERATOR, [ANN, {"kind": "user", "name": "Bob"}], prune=True)
    assert done(changes) == [("update", "user", "Bob")]
    assert await logins(world) == ["ann", "Bob"]
    _, faults = await managing.plan(OPERATOR, [BOB, {**BOB, "name": "BOB"}])
    assert [fault.field for fault in faults] == ["objects[1].name"]


async def test_pruning_takes_users_only_if_one_is_named(world: World, managing: Managing):
    await world.add_user("bob")
    assert (await managing.apply(OPERATOR, [HOST], prune=True))[0][0].kind == "host"
    assert await logins(world) == ["ann", "bob"]
    changes, _ = await managing.apply(OPERATOR, [HOST, ANN], prune=True)
    assert done(changes) == [("delete", "user", "bob")]
    assert await logins(world) == ["ann"]


@pytest.mark.parametrize(
    ("objects", "field"),
    [
        ([BOB], "prune"),
        ([BOB, {**ANN, "roles": ["user"]}], "objects[1].roles"),
        ([{**ANN, "name": "Ann", "active": False}], "objects[0].active"),
    ],
)
async def test_the_last_administrator_stays(world: World, managing: Managing, objects: list[Any], field: str):
    _, faults = await managing.plan(OPERATOR, objects, prune=True)
    assert [fault.field for fault in faults] == [field]
    assert "last administrator" in faults[0].reason
    with pytest.raises(Faulty, match="last administrator"):
        await managing.apply(OPERATOR, [*objects, HOST], prune=True)
    assert await logins(world) == ["ann"]
    assert await managing.all("host") == []


async def test_the_administrator_may_be_another_one_afterwards(world: World, managing: Managing):
    await managing.apply(OPERATOR, [{**ANN, "roles": ["user"]}, {**BOB, "roles": ["admin"]}])
    assert [user.roles for user in await world.administering.users()] == [("user",), ("admin",)]


async def test_nobody_deletes_themselves(managing: Managing):
    caller = Principal(login="Ann", scopes=OPERATOR.scopes)
    _, faults = await managing.plan(caller, [{**BOB, "roles": ["admin"]}], prune=True)
    assert [(fault.field, fault.reason) for fault in faults] == [("prune", "the user 'ann' would go, and that is you")]


async def test_faults_name_the_fields(world: World, managing: Managing):
    wrong = {
        "kind": "user",
        "name": "a b",
        "full_name": "x" * 201,
        "email": "nobody",
        "roles": ["king", "king"],
        "active": True,
    }
    _, faults = await managing.plan(OPERATOR, [HOST, wrong])
    assert {fault.field.removeprefix("objects[1].") for fault in faults} == {"name", "full_name", "email", "roles"}
    _, faults = await managing.plan(OPERATOR, [{**BOB, "password": "secret enough"}, {**BOB, "roles": []}])
    assert [fault.field for fault in faults] == ["objects[0].password", "objects[1].roles"]
    with pytest.raises(Faulty):
        await managing.apply(OPERATOR, [HOST, wrong])
    assert await managing.all("host") == []
    assert await logins(world) == ["ann"]


async def test_users_take_a_scope_of_their_own(world: World, managing: Managing):
    writer = Principal(login="w", scopes=frozenset({"read", "write"}))
    await managing.apply(writer, [HOST], prune=True)
    with pytest.raises(Forbidden, match="admin:users"):
        await managing.plan(writer, [BOB])
    with pytest.raises(Forbidden, match="admin:users"):
        await managing.apply(writer, [BOB])
    keeper = Principal(login="k", scopes=frozenset({"read", "write", "admin:users"}))
    await managing.apply(keeper, [BOB])
    with pytest.raises(Forbidden):
        await managing.apply(keeper, [{**BOB, "roles": ["admin"]}])
    assert [user.roles for user in await world.administering.users()] == [("admin",), ("user",)]


async def test_who_holds_more_by_a_group_is_nobodys_to_change(world: World, managing: Managing):
    await world.add_user("bob")
    async with world.store.transaction() as tx:
        await tx.permissions.save(Permission(id="p", match="ops", scopes=("admin",)))
        await tx.people.save_group(Group(id="g", name="ops", members=("id-bob",)))
    for verb in (managing.plan, managing.apply):
        with pytest.raises(Forbidden, match="'admin'"):
            await verb(HELPDESK, [BOB])
    assert [user.email for user in await world.administering.users()] == ["", ""]
    await managing.apply(OPERATOR, [BOB])


async def test_pruning_takes_nobody_who_holds_more(world: World, managing: Managing):
    await world.add_user("bob", "admin")
    await world.add_user("eve")
    for verb in (managing.plan, managing.apply):
        with pytest.raises(Forbidden, match="'admin'"):
            await verb(HELPDESK, [ANN, {"kind": "user", "name": "eve"}], prune=True)
    with pytest.raises(Forbidden, match="'admin'"):
        await world.administering.delete_user(HELPDESK, "bob")
    await world.administering.delete_user(HELPDESK, "eve")
    assert await logins(world) == ["ann", "bob"]


async def test_the_api_asks_for_the_scope(world: World):
    await world.add_key("writer", "read", "write")
    await world.add_key("root", "admin", "write", "read")
    with world.client() as client:
        for path in ("/api/plan", "/api/apply"):
            assert client.post(path, json={"objects": [BOB]}, headers=key("writer")).status_code == 403
        assert client.get("/api/export", headers=key("writer")).json()["objects"] == []
        assert client.post("/api/apply", json={"objects": [BOB]}, headers=key("root")).status_code == 200
        exported = client.get("/api/export", headers=key("root"))
    assert exported.json()["objects"] == [ANN, BOB]
    assert "argon2" not in exported.text
