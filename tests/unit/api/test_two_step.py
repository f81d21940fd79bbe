"""Two-step log-in: switching it on, the ways in that ask for a code, and switching it off."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import OUR_ORIGIN, PASSWORD, World, key, log_in
from sign_up_site import NEW, forgot, reset, with_ann
from watchbell.domain.access import FAILURE_WINDOW, FAILURES_HERE
from watchbell.domain.accounts import Profile
from watchbell.domain.admission import Identity, Terms
from watchbell.domain.errors import CodeNeeded
from watchbell.domain.second_factor import STEP, code_of, secret_of, step_at
from watchbell.ports.login import Challenge
from watchbell.usecases.admitting import Gate
from watchbell.usecases.signing_up import SignUpTerms

Client = TestClient[Litestar]
MINE = "/api/user/me/second-factor"


def code_now(world: World, secret: str, away: int = 0) -> str:
    return code_of(secret_of(secret), step_at(world.clock.now()) + away)


def turn_on(client: Client, headers: dict[str, str], world: World) -> tuple[str, list[str]]:
    """Switch it on; the secret, and the recovery codes."""
    offer = client.post(MINE, headers=headers).json()
    body = {"ticket": offer["ticket"], "code": code_now(world, offer["secret"]), "currentPassword": PASSWORD}
    answer = client.put(MINE, json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    world.clock.time += timedelta(seconds=STEP)
    return offer["secret"], answer.json()["recoveryCodes"]


async def with_two_steps(world: World, login: str = "ann") -> tuple[str, list[str]]:
    with world.client() as client:
        return turn_on(client, log_in(client, login) | OUR_ORIGIN, world)


def enter(client: Client, code: Any = None, password: str = PASSWORD, login: str = "ann") -> Any:
    body = {"login": login, "password": password} | ({} if code is None else {"code": code})
    return client.post("/api/session", json=body, headers=OUR_ORIGIN)


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("root", "admin")
    await world.add_user("ann")
    return world


async def actions(world: World) -> list[str]:
    async with world.store.reading() as tx:
        return [entry.action for entry in await tx.audit.newest()]


async def test_a_first_code_and_the_password_switch_it_on(world: World):
    with world.client() as client:
        headers = log_in(client, "ann") | OUR_ORIGIN
        assert client.get(MINE).json()["secondFactor"] == {"on": False, "since": None, "recoveryCodesLeft": 0}
        offer = client.post(MINE, headers=headers).json()
        assert offer["uri"].startswith("otpauth://totp/Watchbell:ann?")
        assert offer["secret"] in offer["uri"]
        assert offer["qr"].startswith("data:image/svg+xml")
        assert enter(client).status_code == 200, "nothing is on yet"
        headers = log_in(client, "ann") | OUR_ORIGIN
        good = {"ticket": offer["ticket"], "code": code_now(world, offer["secret"]), "currentPassword": PASSWORD}
        for field, value in {"code": "000000", "currentPassword": "wrong password", "ticket": "sealed:x"}.items():
            answer = client.put(MINE, json=good | {field: value}, headers=headers)
            assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, field)
        assert client.put(MINE, json={}, headers=headers).status_code == 400
        codes = client.put(MINE, json=good, headers=headers).json()["recoveryCodes"]
        assert len(set(codes)) == 10
        told = client.get(MINE).json()["secondFactor"]
        assert (told["on"], told["recoveryCodesLeft"]) == (True, 10)
        assert client.put(MINE, json=good, headers=headers).status_code == 409
        assert client.post(MINE, headers=headers).status_code == 409
        stored = repr(world.kept())
        assert offer["secret"] not in stored
        assert not [code for code in codes if code in stored or code.replace("-", "") in stored]
    assert (await actions(world))[0] == "two-step-on"


async def test_a_secret_is_its_owners_and_for_a_while(world: World):
    with world.client() as client:
        headers = log_in(client, "root") | OUR_ORIGIN
        of_root = client.post(MINE, headers=headers).json()
        headers = log_in(client, "ann") | OUR_ORIGIN
        body = {"ticket": of_root["ticket"], "code": code_now(world, of_root["secret"]), "currentPassword": PASSWORD}
        assert client.put(MINE, json=body, headers=headers).status_code == 400
        offer = client.post(MINE, headers=headers).json()
        world.clock.time += timedelta(minutes=15)
        body = {"ticket": offer["ticket"], "code": code_now(world, offer["secret"]), "currentPassword": PASSWORD}
        answer = client.put(MINE, json=body, headers=headers)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (400, "ticket")


async def test_every_way_in_by_password_asks_for_the_code(world: World):
    secret, _ = await with_two_steps(world)
    with world.client() as client:
        answer = enter(client)
        assert answer.status_code == 401
        assert answer.json()["message"] == "A code is needed besides the password."
        assert answer.json()["errors"][0]["field"] == "code"
        assert enter(client, "").status_code == 401
        assert "set-cookie" not in answer.headers
        body = {"username": "ann", "password": PASSWORD}
        refused = client.post("/api/auth/login", json=body)
        assert (refused.status_code, "code is needed" in refused.json()["message"]) == (401, True)
        assert client.post("/api/auth/login", json=body | {"code": 123456}).status_code == 400
        basic = client.get("/api/alerts", auth=("ann", PASSWORD))
        assert (basic.status_code, "API key" in basic.json()["message"]) == (401, True)
        assert enter(client, code_now(world, secret), "wrong password").json()["errors"] is None
        assert enter(client, code_now(world, secret)).status_code == 200
        world.clock.time += timedelta(seconds=STEP)
        token = client.post("/api/auth/login", json=body | {"code": code_now(world, secret)}).json()["token"]
        me = client.get("/api/userinfo", headers={"Authorization": f"Bearer {token}"})
        assert me.json()["preferred_username"] == "ann"


async def test_what_was_remembered_of_a_password_alone_is_forgotten_when_it_is_switched_on(world: World):
    with world.client() as client:
        assert client.get("/api/alerts", auth=("ann", PASSWORD)).status_code == 200
        headers = log_in(client, "ann") | OUR_ORIGIN
        offer = client.post(MINE, headers=headers).json()
        body = {"ticket": offer["ticket"], "code": code_now(world, offer["secret"]), "currentPassword": PASSWORD}
        assert client.put(MINE, json=body, headers=headers).is_success
        client.cookies.clear()
        assert client.get("/api/alerts", auth=("ann", PASSWORD)).status_code == 401


async def test_a_code_works_once_and_none_before_it_works_after_it(world: World):
    secret, _ = await with_two_steps(world)
    with world.client() as client:
        early, present = code_now(world, secret, -1), code_now(world, secret)
        assert enter(client, early).status_code == 401, "it switched the thing on"
        assert enter(client, f" {present[:3]} {present[3:]} ").status_code == 200
        assert enter(client, present).status_code == 401
        assert enter(client, early).status_code == 401
        assert enter(client, code_now(world, secret, 2)).status_code == 401
        assert enter(client, code_now(world, secret, 1)).status_code == 200, "a clock may be early"
        world.clock.time += timedelta(seconds=2 * STEP)
        assert enter(client, code_now(world, secret)).status_code == 200


async def test_of_many_that_use_a_code_at_once_one_is_let_in(world: World):
    secret, recovery = await with_two_steps(world)
    user = await world.change_user("ann")
    for code in (code_now(world, secret), recovery[0]):
        tries = [world.authenticating.demanding.use_code(user, code, f"::{n}") for n in range(6)]
        results = await asyncio.gather(*tries, return_exceptions=True)
        assert sum(result is None for result in results) == 1
        assert sum(isinstance(result, CodeNeeded) for result in results) == 5


async def test_each_recovery_code_is_good_once(world: World):
    _, codes = await with_two_steps(world)
    with world.client() as client:
        assert enter(client, codes[0].lower()).status_code == 200
        assert enter(client, codes[0]).status_code == 401
        assert enter(client, codes[1].replace("-", " ")).status_code == 200
        assert client.get(MINE).json()["secondFactor"]["recoveryCodesLeft"] == 8
        assert enter(client, "AAAA-BBBB-CCCC-DDDD").status_code == 401
    assert "recovery-code" in await actions(world)


async def test_wrong_codes_are_throttled_like_passwords_and_lock_nobody_else_out(world: World):
    secret, codes = await with_two_steps(world)
    with world.client() as client:
        assert [enter(client, "abcdef").status_code for _ in range(FAILURES_HERE)] == [401] * FAILURES_HERE
        assert enter(client, code_now(world, secret)).status_code == 429
        assert enter(client, codes[0]).status_code == 429
        assert enter(client, login="root").status_code == 200
        world.clock.time += FAILURE_WINDOW + timedelta(seconds=1)
        assert enter(client, code_now(world, secret)).status_code == 200
    assert "login-failed" in await actions(world)


async def test_wrong_codes_are_counted_by_account_wherever_they_come_from(world: World):
    secret, _ = await with_two_steps(world)
    login = world.authenticating.log_in
    for number in range(FAILURES_HERE):
        with pytest.raises(CodeNeeded):
            await login("ann", PASSWORD, f"192.0.2.{number}", code="000000x")
    with pytest.raises(Exception, match="Too many"):
        await login("ann", PASSWORD, "192.0.2.99", code=code_now(world, secret))


@pytest.mark.parametrize("code", ["\x00", "é" * 5000, "٠١٢٣٤٥", "🙂", "'; --", "1e5", "-12345"])
async def test_hostile_codes_are_wrong_codes(world: World, code: str):
    await with_two_steps(world)
    with world.client() as client:
        assert enter(client, code).status_code == 401
        headers = log_in(client, "root") | OUR_ORIGIN
        offer = client.post(MINE, headers=headers).json()
        body = {"ticket": offer["ticket"], "code": code, "currentPassword": PASSWORD}
        assert client.put(MINE, json=body, headers=headers).status_code == 400
        for wrong in (None, 5, [], {"a": 1}):
            assert client.put(MINE, json=body | {"code": wrong}, headers=headers).status_code == 400
            assert client.put(MINE, json=body | {"ticket": wrong}, headers=headers).status_code == 400


async def test_it_is_switched_off_with_a_code_and_the_password(world: World):
    secret, codes = await with_two_steps(world)
    with world.client() as client:
        enter(client, code_now(world, secret))
        headers = {"X-CSRF-Token": client.get("/api/session").json()["csrf"]} | OUR_ORIGIN
        off = f"{MINE}/off"
        wrong = client.post(off, json={"code": "000000", "currentPassword": PASSWORD}, headers=headers)
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "code")
        wrong = client.post(off, json={"code": codes[0], "currentPassword": "wrong password"}, headers=headers)
        assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "currentPassword")
        assert client.post(off, json={"code": "", "currentPassword": ""}, headers=headers).status_code == 400
        assert client.get(MINE).json()["secondFactor"]["recoveryCodesLeft"] == 10, "the code was not used up"
        good = {"code": codes[0], "currentPassword": PASSWORD}
        assert client.post(off, json=good, headers=headers).status_code == 200
        assert client.get(MINE).json()["secondFactor"]["on"] is False
        assert client.post(off, json=good, headers=headers).status_code == 409
        assert enter(client).status_code == 200
        again, _ = turn_on(client, {"X-CSRF-Token": client.get("/api/session").json()["csrf"]} | OUR_ORIGIN, world)
        assert again != secret
        assert enter(client, codes[1]).status_code == 401, "the codes went with it"
    assert "two-step-off" in await actions(world)


async def test_an_administrator_switches_it_off_for_others_and_nobody_for_who_may_do_more(world: World):
    await with_two_steps(world)
    await with_two_steps(world, "root")
    await world.add_key("boss", "admin", "read", "write")
    await world.add_key("users-only", "admin:users")
    with world.client() as client:
        shown = {
            user["login"]: user["second_factor"]
            for user in client.get("/api/users", headers=key("boss")).json()["users"]
        }
        assert shown == {"ann": True, "root": True}
        path = "/api/user/id-root/second-factor"
        assert client.delete(path).status_code == 401
        assert client.delete(path, headers=key("users-only")).status_code == 403
        assert client.delete("/api/user/nobody/second-factor", headers=key("boss")).status_code == 404
        assert client.delete(path, headers=key("boss")).status_code == 200
        assert client.delete(path, headers=key("boss")).status_code == 404
        assert client.get("/api/user/root", headers=key("boss")).json()["user"]["second_factor"] is False
        assert enter(client, login="root").status_code == 200
        assert enter(client).status_code == 401
    async with world.store.reading() as tx:
        (entry,) = [each for each in await tx.audit.newest() if each.kind == "user"]
    assert (entry.action, entry.subject, entry.category) == ("two-step-off", "root", "admin")


async def test_a_new_password_by_mail_does_not_go_around_it():
    made = await with_ann(SignUpTerms(reset=True))
    secret, _ = await with_two_steps(made.world)
    with made.world.client() as client:
        forgot(client)
        await made.send()
        assert reset(client, made.box.secrets()[0]).is_success
        assert enter(client, password=NEW).status_code == 401
        assert enter(client, code_now(made.world, secret), NEW).status_code == 200


async def test_whoever_has_no_password_here_has_nothing_to_switch_on(world: World):
    with world.client() as client:
        headers = log_in(client, "ann") | OUR_ORIGIN
        await world.change_user("ann", password_hash="")
        assert client.post(MINE, headers=headers).status_code == 409


async def test_a_provider_asks_for_steps_of_its_own(world: World):
    await with_two_steps(world)
    ann = Identity(issuer="https://id", subject="1", login="x", email="ann@example.org", email_verified=True)

    class Vouching:
        async def authorization_endpoint(self) -> str:
            return "https://id/authorize"

        async def address(self, challenge: Challenge) -> str:
            return "https://id/authorize"

        async def redeem(self, code: str, challenge: Challenge) -> Identity:
            return ann

    user = await world.change_user("ann", email="ann@example.org")
    async with world.store.transaction() as tx:
        await tx.people.save_profile(Profile(user_id=user.id, email_verified=True, updated_at=world.clock.now()))
    world.gates.append(Gate(name="sso", kind="openid", title="SSO", provider=Vouching(), terms=Terms()))
    with world.client() as client:
        answer = client.post("/api/auth/openid", json={"code": "good", "redirectUri": "https://x"})
        assert answer.status_code == 200, answer.text


async def test_it_goes_with_its_user(world: World):
    await with_two_steps(world)
    await world.add_key("boss", "admin", "read", "write")
    with world.client() as client:
        assert client.delete("/api/user/id-ann", headers=key("boss")).is_success
    async with world.store.reading() as tx:
        assert await tx.second_factors.get("id-ann") is None
        assert await tx.second_factors.left("id-ann") == 0


async def test_new_recovery_codes_take_a_code_and_the_password_and_end_the_old_ones(world: World):
    secret, codes = await with_two_steps(world)
    path = f"{MINE}/recovery-codes"
    with world.client() as client:
        enter(client, code_now(world, secret))
        headers = {"X-CSRF-Token": client.get("/api/session").json()["csrf"]} | OUR_ORIGIN
        for field, wrong in {"code": "000000", "currentPassword": "wrong password"}.items():
            body = {"code": codes[0], "currentPassword": PASSWORD} | {field: wrong}
            refused = client.post(path, json=body, headers=headers)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, field)
        assert client.get(MINE).json()["secondFactor"]["recoveryCodesLeft"] == 10
        good = {"code": codes[0], "currentPassword": PASSWORD}
        answer = client.post(path, json=good, headers=headers)
        fresh = answer.json()["recoveryCodes"]
        assert answer.headers["cache-control"] == "no-store"
        assert len({*fresh, *codes}) == 20
        assert client.get(MINE).json()["secondFactor"]["recoveryCodesLeft"] == 10
        assert enter(client, codes[1]).status_code == 401
        assert enter(client, fresh[0]).status_code == 200
        world.clock.time += timedelta(seconds=STEP)
        assert enter(client, code_now(world, secret)).status_code == 200, "the telephone is as good as before"
        headers = log_in(client, "root") | OUR_ORIGIN
        assert client.post(path, json=good, headers=headers).status_code == 409
    stored = repr(world.kept())
    assert not [code for code in fresh if code in stored or code.replace("-", "") in stored]
    async with world.store.reading() as tx:
        told = [entry.text for entry in await tx.audit.newest() if entry.action == "recovery-codes"]
    assert told == ["new ones, from testclient"]
