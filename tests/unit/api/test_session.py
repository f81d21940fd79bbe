from datetime import timedelta

import pytest

from api_client import PASSWORD, World, key, log_in
from watchbell.adapters.store.memory import MemoryStore
from watchbell.usecases.authenticating import ensure_setup

WRONG = "Invalid username or password"


@pytest.fixture
def world() -> World:
    return World(admin_key="the key of the administrator")


async def test_log_in_gives_a_session_that_the_cookie_alone_can_read_with(world: World):
    await world.add_user("ann", "user")
    with world.client() as client:
        answer = client.post("/api/session", json={"login": "Ann", "password": PASSWORD})
        assert answer.status_code == 200
        assert answer.json()["user"] == {"login": "ann", "name": "", "email": "", "roles": ["user"]}
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=lax" in cookie
        assert "Secure" not in cookie
        again = client.get("/api/session").json()
        assert again["csrf"] == answer.json()["csrf"]
        assert again["scopes"] == ["read", "write"]


async def test_a_session_says_from_which_change_on_a_page_is_to_follow(world: World):
    await world.add_key("reader", "read")
    with world.client() as client:
        before = client.get("/api/session", headers=key("reader")).json()["latest"]
        async with world.store.transaction() as tx:
            tx.changed("alert", "a1")
        assert client.get("/api/session", headers=key("reader")).json()["latest"] > before
        for wrong in ("x", "-1", "1" * 30, "\u0663", ""):
            answer = client.get("/api/stream", params={"after": wrong}, headers=key("reader"))
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "after")


@pytest.mark.parametrize(
    ("login", "password"), [("ann", "wrong password"), ("bob", PASSWORD), ("id-ann", PASSWORD), ("", "")]
)
async def test_wrong_logins_all_sound_the_same(world: World, login: str, password: str):
    await world.add_user("ann")
    with world.client() as client:
        answer = client.post("/api/session", json={"login": login, "password": password})
    assert answer.status_code == 401
    assert answer.json()["message"] == WRONG
    assert "set-cookie" not in answer.headers


async def test_an_inactive_user_cannot_log_in(world: World):
    await world.add_user("root", "admin")
    await world.add_user("ann")
    with world.client() as client:
        headers = key("the key of the administrator")
        assert client.put("/api/user/id-ann", json={"status": "inactive"}, headers=headers).status_code == 200
        answer = client.post("/api/session", json={"login": "ann", "password": PASSWORD})
    assert (answer.status_code, answer.json()["message"]) == (401, WRONG)


async def test_guessing_is_slowed_down_and_passes_after_a_while(world: World):
    await world.add_user("ann")
    with world.client() as client:
        for _ in range(10):
            assert client.post("/api/session", json={"login": "ANN", "password": "guess"}).status_code == 401
        answer = client.post("/api/session", json={"login": "ann", "password": PASSWORD})
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) == 900
        world.clock.time += timedelta(minutes=16)
        assert client.post("/api/session", json={"login": "ann", "password": PASSWORD}).status_code == 200


async def test_an_address_that_guesses_at_many_accounts_is_slowed_down(world: World):
    with world.client() as client:
        codes = [
            client.post("/api/session", json={"login": f"user{n}", "password": "guess"}).status_code for n in range(51)
        ]
    assert codes == [401] * 50 + [429]


async def test_unsafe_requests_by_cookie_need_the_token(world: World):
    await world.add_user("root", "admin")
    with world.client() as client:
        headers = log_in(client, "root")
        wanted = {"login": "eve", "name": "Eve", "password": PASSWORD}
        assert client.post("/api/user", json=wanted).status_code == 403
        assert client.post("/api/user", json=wanted, headers={"X-CSRF-Token": "wrong"}).status_code == 403
        assert client.post("/api/user", json=wanted, headers=headers).status_code == 201


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://testserver.local.evil.example", ""])
async def test_other_sites_pages_are_refused_even_with_the_token(world: World, origin: str):
    await world.add_user("root", "admin")
    with world.client() as client:
        headers = log_in(client, "root") | {"Origin": origin}
        assert client.post("/api/user", json={"login": "eve", "name": "Eve"}, headers=headers).status_code == 403
        answer = client.post("/api/session", json={"login": "root", "password": PASSWORD}, headers={"Origin": origin})
        assert answer.status_code == 403
    assert [user.login for user in await world.administering.users()] == ["root"]


async def test_our_own_pages_are_served(world: World):
    await world.add_user("root", "admin")
    with world.client() as client:
        headers = log_in(client, "root") | {"Origin": "http://testserver.local"}
        assert client.post("/api/user", json={"login": "eve", "name": "Eve"}, headers=headers).status_code == 201


async def test_logging_out_ends_the_session(world: World):
    await world.add_user("ann")
    with world.client() as client:
        headers = log_in(client, "ann")
        cookie = client.cookies["watchbell_session"]
        assert client.delete("/api/session", headers=headers).status_code == 200
        client.cookies.set("watchbell_session", cookie)
        assert client.get("/api/session").status_code == 401


async def test_logging_in_again_ends_the_former_session(world: World):
    await world.add_user("ann")
    with world.client() as client:
        log_in(client, "ann")
        first = client.cookies["watchbell_session"]
        log_in(client, "ann")
        assert client.cookies["watchbell_session"] != first
        client.cookies.clear()
        client.cookies.set("watchbell_session", first)
        assert client.get("/api/session").status_code == 401


@pytest.mark.parametrize(("step", "times"), [(timedelta(hours=12, minutes=1), 1), (timedelta(hours=11), 16)])
async def test_a_session_ends_when_unused_or_old(world: World, step: timedelta, times: int):
    await world.add_user("ann")
    with world.client() as client:
        log_in(client, "ann")
        headers = {"Cookie": f"watchbell_session={client.cookies['watchbell_session']}"}
        client.cookies.clear()
        for _ in range(times):
            assert client.get("/api/session", headers=headers).status_code == 200
            world.clock.time += step
        assert client.get("/api/session", headers=headers).status_code == 401


async def test_a_new_password_ends_all_sessions(world: World):
    await world.add_user("ann")
    await world.add_user("root", "admin")
    with world.client() as client, world.client() as admin:
        log_in(client, "ann")
        headers = log_in(admin, "root")
        answer = admin.put("/api/user/id-ann", json={"password": "another fine password"}, headers=headers)
        assert answer.status_code == 200
        assert client.get("/api/session").status_code == 401
        assert client.post("/api/session", json={"login": "ann", "password": PASSWORD}).status_code == 401
        log_in(client, "ann", "another fine password")


async def test_the_store_holds_neither_cookie_nor_password(world: World):
    await world.add_user("ann")
    with world.client() as client:
        log_in(client, "ann")
        cookie = client.cookies["watchbell_session"]
    assert isinstance(world.store, MemoryStore)
    held = repr(world.store._state)
    assert cookie not in held
    assert PASSWORD not in held


async def test_first_administrator_by_one_time_link(world: World):
    token = await ensure_setup(world.store)
    assert token is not None
    wanted = {"token": token, "login": "root", "name": "Root", "email": "root@example.org", "password": PASSWORD}
    with world.client() as client:
        assert client.get("/api/setup").json() == {"status": "ok", "needed": True}
        assert client.post("/api/setup", json={**wanted, "token": "guessed"}).status_code == 401
        weak = client.post("/api/setup", json={**wanted, "password": "short", "email": "none"})
        assert weak.status_code == 400
        assert {error["field"] for error in weak.json()["errors"]} == {"password", "email"}
        answer = client.post("/api/setup", json=wanted)
        assert answer.status_code == 201
        assert answer.json()["user"]["roles"] == ["admin"]
        assert client.get("/api/session").json()["user"]["login"] == "root"
        assert client.get("/api/setup").json()["needed"] is False
        assert client.post("/api/setup", json={**wanted, "login": "eve"}).status_code == 409
    assert await ensure_setup(world.store) is None


async def test_every_node_of_a_cluster_shows_a_link_that_works(world: World):
    first, second = await ensure_setup(world.store), await ensure_setup(world.store)
    assert first != second
    with world.client() as client:
        wanted = {"token": first, "login": "root", "password": PASSWORD}
        assert client.post("/api/setup", json=wanted).status_code == 201


async def test_without_required_auth_everyone_may_but_other_sites_may_not():
    world = World(required=False)
    with world.client() as client:
        assert client.get("/api/users").status_code == 200
        assert client.post("/api/user", json={"login": "ann", "name": "Ann"}).status_code == 201
        foreign = client.post(
            "/api/user", json={"login": "eve", "name": "Eve"}, headers={"Origin": "https://evil.example"}
        )
        assert foreign.status_code == 403


@pytest.mark.parametrize(
    ("body", "content_type", "code"),
    [
        (b"{", "application/json", 400),
        (b"[]", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"login": 5}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b'{"login": "ann", "password": "x", "admin": true}', "application/json", 400),
        (b"login=ann&password=x", "application/x-www-form-urlencoded", 415),
        (b'{"login": "' + b"a" * 10_000_000 + b'"}', "application/json", 413),
    ],
    ids=["cut", "list", "bytes", "types", "deep", "unknown", "form", "10 MB"],
)
async def test_bad_bodies_are_refused_with_the_error_body(world: World, body: bytes, content_type: str, code: int):
    with world.client() as client:
        answer = client.post("/api/session", content=body, headers={"Content-Type": content_type})
    assert answer.status_code == code
    assert answer.json()["status"] == "error"
    assert answer.json()["code"] == code


async def test_all_faults_of_a_body_are_named(world: World):
    with world.client() as client:
        answer = client.post("/api/session", json={"login": 5, "pasword": "x"})
    assert [error["field"] for error in answer.json()["errors"]] == ["login", "password", "pasword"]
    assert answer.json()["errors"][2]["fix"] == "did you mean password?"
