"""A second step that is required: who must set one up, what is open to them until then, and who is left alone."""

from datetime import timedelta
from typing import Any

import pytest

from api_client import OUR_ORIGIN, PASSWORD, World, key, log_in
from passkey_device import Device
from passkey_site import add, enter
from unit.api.test_two_step import STEP, code_now, turn_on
from watchbell.domain.accounts import Permission, User
from watchbell.domain.second_factor import Required
from watchbell.usecases.authenticating import ensure_setup
from watchbell.usecases.sessions import open_session
from watchbell.usecases.signing_up import SignUpTerms

BASIC = ("ann", PASSWORD)
LOG_IN = {"username": "ann", "password": PASSWORD}


async def world_of(required: Required) -> World:
    world = World(second_step=required)
    await world.add_user("root", "admin")
    await world.add_user("ann")
    return world


@pytest.fixture
async def world() -> World:
    return await world_of(Required.EVERYONE)


def by_password(client: Any, login: str = "ann", **more: Any) -> Any:
    return client.post("/api/session", json={"login": login, "password": PASSWORD} | more, headers=OUR_ORIGIN)


def refused_until_enrolled(answer: Any) -> bool:
    fields = [error["field"] for error in answer.json()["errors"] or []]
    return (answer.status_code, fields) == (403, ["secondFactor"])


async def test_nothing_else_is_open_until_a_second_step_is_set_up(world: World):
    with world.client() as client:
        answer = by_password(client)
        assert (answer.status_code, answer.json()["mustEnrol"], answer.json()["scopes"]) == (200, True, [])
        headers = {"X-CSRF-Token": answer.json()["csrf"]} | OUR_ORIGIN
        for path in ("/api/alerts", "/api/stream", "/api/sessions", "/api/user/me/groups", "/api/userinfo"):
            assert refused_until_enrolled(client.get(path)), path
        for path in ("/api/key", "/api/alert", "/api/user/me/second-factor/off"):
            assert refused_until_enrolled(client.post(path, json={}, headers=headers)), path
        assert refused_until_enrolled(client.put("/api/user/me", json={"name": "x"}, headers=headers))
        assert client.get("/api/session").json()["mustEnrol"] is True
        secret, _ = turn_on(client, headers, world)
        assert client.get("/api/session").json()["mustEnrol"] is False
        assert client.get("/api/alerts").status_code == 200
        assert by_password(client).status_code == 401, "a code is asked for from now on"
        answer = by_password(client, code=code_now(world, secret))
        assert (answer.json()["mustEnrol"], answer.json()["scopes"]) == (False, ["read", "write"])


async def test_a_passkey_is_a_second_step_too_and_a_password_alone_is_none_then(world: World):
    device = Device()
    with world.client() as client:
        headers = {"X-CSRF-Token": by_password(client).json()["csrf"]} | OUR_ORIGIN
        add(client, headers, device)
        assert client.get("/api/alerts").status_code == 200
    with world.client() as client:
        refused = by_password(client)
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (403, "passkey")
        assert "log in with your passkey" in refused.json()["message"]
        assert "set-cookie" not in refused.headers
        assert client.get("/api/session").status_code == 401
        assert enter(client, device).json()["mustEnrol"] is False
        assert client.get("/api/alerts").status_code == 200


async def test_who_takes_the_last_one_away_must_set_up_another(world: World):
    with world.client() as client:
        headers = {"X-CSRF-Token": by_password(client).json()["csrf"]} | OUR_ORIGIN
        row = add(client, headers, Device())
        path = f"/api/user/me/passkeys/{row['id']}/remove"
        assert client.post(path, json={"currentPassword": PASSWORD}, headers=headers).status_code == 200
        assert refused_until_enrolled(client.get("/api/alerts"))
        await world.add_key("boss", "admin", "read", "write")
        turn_on(client, headers, world)
        assert client.get("/api/alerts").status_code == 200
        assert client.delete("/api/user/ann/second-factor", headers=key("boss")).status_code == 200
        assert refused_until_enrolled(client.get("/api/alerts"))


async def test_programs_with_a_password_are_told_what_to_do_and_keys_go_on(world: World):
    await world.add_key("robots", "read", "write", user="ann")
    with world.client() as client:
        refused = client.post("/api/auth/login", json=LOG_IN)
        assert refused_until_enrolled(refused)
        assert "A second step is required here: log in on the pages" in refused.json()["message"]
        basic = client.get("/api/alerts", auth=BASIC)
        assert refused_until_enrolled(basic)
        assert "API key" in basic.json()["message"]
        assert client.get("/api/alerts", headers=key("robots")).status_code == 200
        wrong = client.post("/api/auth/login", json=LOG_IN | {"password": "wrong password"})
        assert wrong.status_code == 401
        headers = {"X-CSRF-Token": by_password(client).json()["csrf"]} | OUR_ORIGIN
        secret, _ = turn_on(client, headers, world)
        client.cookies.clear()
        token = client.post("/api/auth/login", json=LOG_IN | {"code": code_now(world, secret)}).json()["token"]
        assert client.get("/api/alerts", headers={"Authorization": f"Bearer {token}"}).status_code == 200
        assert client.get("/api/alerts", auth=BASIC).status_code == 401


async def test_it_may_be_required_of_administrators_only():
    world = await world_of(Required.ADMINS)
    await world.add_user("eve", "keeper of keys")
    async with world.store.transaction() as tx:
        await tx.permissions.save(Permission(id="p1", match="keeper of keys", scopes=("read", "admin:keys")))
    with world.client() as client:
        assert by_password(client, "ann").json()["mustEnrol"] is False
        assert client.get("/api/alerts", auth=BASIC).status_code == 200
        assert by_password(client, "root").json()["mustEnrol"] is True
        assert by_password(client, "eve").json()["mustEnrol"] is True
        assert refused_until_enrolled(client.get("/api/alerts"))


async def test_who_becomes_an_administrator_sets_one_up_then():
    world = await world_of(Required.ADMINS)
    await world.add_key("boss", "admin", "read", "write")
    with world.client() as client:
        log_in(client, "ann")
        assert client.get("/api/alerts").status_code == 200
        change = {"roles": ["user", "admin"]}
        assert client.put("/api/user/ann", json=change, headers=key("boss")).status_code == 200
        assert refused_until_enrolled(client.get("/api/alerts"))


async def test_the_first_administrator_begins_with_it():
    world = World(second_step=Required.ADMINS)
    token = await ensure_setup(world.store)
    body = {"token": token, "login": "root", "password": PASSWORD}
    with world.client() as client:
        assert client.post("/api/setup", json=body, headers=OUR_ORIGIN).json()["mustEnrol"] is True
        assert refused_until_enrolled(client.get("/api/alerts"))


async def test_who_signs_up_sets_one_up_too():
    world = World(second_step=Required.EVERYONE, terms=SignUpTerms(sign_up=True))
    await world.add_user("root", "admin")
    body = {"name": "Eve", "email": "eve@example.org", "password": PASSWORD}
    with world.client() as client:
        answer = client.post("/api/auth/signup", json=body)
        assert answer.status_code == 200, answer.text
        token = answer.json()["token"]
        bearer = {"Authorization": f"Bearer {token}"}
        assert refused_until_enrolled(client.get("/api/alerts", headers=bearer))
        turn_on(client, bearer, world)
        assert client.get("/api/alerts", headers=bearer).status_code == 200


async def test_a_providers_people_are_the_providers_matter(world: World):
    user: User = await world.change_user("ann")
    async with world.store.transaction() as tx:
        opened = await open_session(tx, user, world.clock.now(), world.authenticating.rules)
    with world.client() as client:
        client.cookies.set("watchbell_session", opened.cookie)
        assert client.get("/api/session").json()["mustEnrol"] is False
        assert client.get("/api/alerts").status_code == 200


async def test_a_wrong_code_lets_nobody_enrol_again(world: World):
    with world.client() as client:
        headers = {"X-CSRF-Token": by_password(client).json()["csrf"]} | OUR_ORIGIN
        turn_on(client, headers, world)
        client.cookies.clear()
        world.clock.time += timedelta(seconds=STEP)
        assert by_password(client, code="000000").status_code == 401
        assert client.get("/api/session").status_code == 401


@pytest.mark.parametrize(
    ("required", "scopes", "wanted"),
    [
        (Required.OFF, ("admin",), False),
        (Required.ADMINS, ("read", "write"), False),
        (Required.ADMINS, ("read", "admin:keys"), True),
        (Required.ADMINS, ("admin", "write"), True),
        (Required.EVERYONE, ("read:alerts",), True),
    ],
)
def test_of_whom_it_is_required(required: Required, scopes: tuple[str, ...], wanted: bool):
    assert required.of(scopes) is wanted
