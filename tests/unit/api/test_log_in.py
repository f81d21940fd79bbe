"""Logging in by a provider: the way there and back, who becomes which user, and who is kept out."""

from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import OUR_ORIGIN, PASSWORD, World, log_in
from watchbell.domain.access import FAILURE_WINDOW, FAILURES_ANYWHERE
from watchbell.domain.accounts import CustomerLookup, Profile
from watchbell.domain.admission import Identity, Terms
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.domain.roles import RoleRules
from watchbell.ports.login import Challenge
from watchbell.usecases.administering import OPERATOR, UserChange
from watchbell.usecases.admitting import Gate

ANN = Identity(issuer="https://id", subject="1", login="ann", name="Ann", email="ann@example.org", email_verified=True)
Client = TestClient[Litestar]


class Vouching:
    """A provider that vouches for whoever is named, once for each code."""

    def __init__(self, identity: Identity = ANN) -> None:
        self.identity = identity
        self.challenges: list[Challenge] = []
        self.away = False

    async def authorization_endpoint(self) -> str:
        return "https://id/authorize"

    async def address(self, challenge: Challenge) -> str:
        if self.away:
            raise Retryable("away")
        return f"https://id/authorize?state={challenge.state}"

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        self.challenges.append(challenge)
        if code != "good":
            raise Unauthenticated("<b>refused</b>")
        return self.identity


def opened(world: World, vouching: Vouching, kind: str = "openid", **terms: Any) -> None:
    world.gates.append(Gate(name="sso", kind=kind, title="The SSO", provider=vouching, terms=Terms(**terms)))


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("root", "admin")
    return world


def depart(client: Client, back: str = "/alerts?q=x") -> str:
    answer = client.post("/api/session/with/sso", json={"back": back}, headers=OUR_ORIGIN)
    assert answer.status_code == 200, answer.text
    return parse_qs(urlsplit(answer.json()["url"]).query)["state"][0]


def come_back(client: Client, state: str, code: str = "good", **more: str) -> Any:
    query = {"state": state, "code": code, **more}
    return client.get("/api/session/callback/sso", params=query, follow_redirects=False)


def arrive(client: Client) -> str:
    """Log in, and say where the browser was sent."""
    answer = come_back(client, depart(client))
    assert answer.status_code == 303
    return answer.headers["location"]


async def test_a_new_person_becomes_a_user_and_sees_the_page_that_they_wanted(world: World):
    vouching = Vouching()
    opened(world, vouching)
    with world.client() as client:
        shown = client.get("/api/session/providers").json()["providers"]
        assert shown == [{"name": "sso", "kind": "openid", "title": "The SSO"}]
        assert arrive(client) == "/alerts?q=x"
        session = client.get("/api/session").json()
        assert session["user"] == {"login": "ann", "name": "Ann", "email": "ann@example.org", "roles": ["user"]}
        assert client.cookies.get("watchbell_login") is None
        challenge = vouching.challenges[0]
        assert challenge.redirect == "http://testserver.local/api/session/callback/sso"
        assert challenge.nonce
        assert challenge.verifier
        assert arrive(client) == "/alerts?q=x"
    async with world.store.reading() as tx:
        assert [user.login for user in await tx.users.all()] == ["ann", "root"]
        actions = [entry.action for entry in await tx.audit.newest()]
    assert actions == ["login", "login", "signup"]


async def test_whoever_is_known_stays_who_they_are_whatever_they_are_called_now(world: World):
    vouching = Vouching()
    opened(world, vouching)
    with world.client() as client:
        arrive(client)
        vouching.identity = msgspec.structs.replace(ANN, login="root", email="root@example.org")
        arrive(client)
        assert client.get("/api/session").json()["user"]["login"] == "ann"


async def test_a_login_that_is_taken_is_not_handed_over(world: World):
    opened(world, Vouching(msgspec.structs.replace(ANN, login="Root")))
    with world.client() as client:
        assert arrive(client) == "/login#refused=taken"
        assert client.get("/api/session").status_code == 401


@pytest.mark.parametrize(
    ("verified", "here", "linked"), [(True, True, True), (False, True, False), (True, False, False)]
)
async def test_a_mail_address_links_only_when_both_sides_verified_it(
    world: World, verified: bool, here: bool, linked: bool
):
    user = await world.add_user("anna")
    async with world.store.transaction() as tx:
        await tx.users.save(msgspec.structs.replace(user, email="Ann@example.org"))
        if here:
            await tx.people.save_profile(Profile(user_id=user.id, email_verified=True, updated_at=world.clock.now()))
    opened(world, Vouching(msgspec.structs.replace(ANN, email_verified=verified)))
    with world.client() as client:
        arrive(client)
        assert client.get("/api/session").json()["user"]["login"] == ("anna" if linked else "ann")


async def test_a_new_mail_address_is_not_verified_any_more(world: World):
    user = await world.add_user("anna")
    async with world.store.transaction() as tx:
        await tx.people.save_profile(Profile(user_id=user.id, email_verified=True, updated_at=world.clock.now()))
    opened(world, Vouching())
    with world.client() as client:
        headers = log_in(client, "anna") | OUR_ORIGIN
        body = {"email": "ann@example.org", "currentPassword": PASSWORD}
        assert client.put("/api/user/me", json=body, headers=headers).status_code == 200
        arrive(client)
        assert client.get("/api/session").json()["user"]["login"] == "ann"


async def test_groups_there_give_and_take_roles_and_groups_here(world: World):
    vouching = Vouching(msgspec.structs.replace(ANN, groups=("admins", "staff")))
    opened(world, vouching, roles={"admins": "admin"}, groups={"staff": "Everybody"})
    with world.client() as client:
        arrive(client)
        assert "admin" in client.get("/api/session").json()["scopes"]
        vouching.identity = msgspec.structs.replace(ANN, groups=("admin", "Everybody"))
        with world.client() as other:
            arrive(other)
            assert "admin" not in other.get("/api/session").json()["scopes"]
        assert client.get("/api/session").status_code == 401, "the session with more rights has ended"
    async with world.store.reading() as tx:
        assert [(group.name, group.members) for group in await tx.people.groups()] == [("Everybody", ())]


@pytest.mark.parametrize(
    ("identity", "terms"),
    [
        ({}, {"allowed_domains": ("example.com",)}),
        ({"email_verified": False}, {"allowed_domains": ("example.org",)}),
        ({"groups": ("dev",)}, {"allowed_groups": ("ops",)}),
        ({}, {"sign_up": False}),
        ({"login": ""}, {}),
        ({"subject": ""}, {}),
    ],
)
async def test_the_terms_keep_people_out_and_the_audit_log_says_why(
    world: World, identity: dict[str, Any], terms: dict[str, Any]
):
    opened(world, Vouching(msgspec.structs.replace(ANN, **identity)), **terms)
    with world.client() as client:
        assert arrive(client) == "/login#refused=forbidden"
        assert client.get("/api/session").status_code == 401
    async with world.store.reading() as tx:
        assert [user.login for user in await tx.users.all()] == ["root"]
        entry = (await tx.audit.newest())[0]
    assert (entry.action, entry.subject) == ("login-refused", "sso")
    assert entry.text.startswith("by sso from testclient: ")


async def test_an_inactive_user_stays_out(world: World):
    opened(world, Vouching())
    with world.client() as client:
        arrive(client)
        async with world.store.transaction() as tx:
            user = await tx.users.get("ann")
            assert user is not None
            await tx.users.save(msgspec.structs.replace(user, active=False))
        assert arrive(client) == "/login#refused=forbidden"


async def test_an_administrators_login_must_be_proved_by_the_address():
    world = World(rules=RoleRules(admin_users=("boss@example.org", "boss")))
    await world.add_user("root", "admin")
    vouching = Vouching(msgspec.structs.replace(ANN, login="boss", email="boss@example.org"))
    opened(world, vouching)
    with world.client() as client:
        assert arrive(client) == "/login#refused=forbidden"
        vouching.identity = msgspec.structs.replace(vouching.identity, login="boss@example.org")
        assert arrive(client) == "/alerts?q=x"
        assert "admin" in client.get("/api/session").json()["scopes"]


@pytest.mark.parametrize("login", ["ops-team", "Acme.example", "ann"])
async def test_a_login_that_customers_are_looked_up_by_must_be_proved_by_the_address(login: str):
    world = World(rules=RoleRules(customer_views=True))
    await world.add_user("root", "admin")
    async with world.store.transaction() as tx:
        for match in ("ops-team", "acme.example", "ann", "ann@example.org"):
            await tx.customer_lookups.save(CustomerLookup(id=match, match=match, customer="Acme"))
    vouching = Vouching(msgspec.structs.replace(ANN, login=login))
    opened(world, vouching)
    with world.client() as client:
        assert arrive(client) == "/login#refused=forbidden"
        async with world.store.reading() as tx:
            assert [user.login for user in await tx.users.all()] == ["root"]
            assert f"Customers are looked up by {login}, " in (await tx.audit.newest())[0].text
        made = UserChange(login=login, email="ann@example.org")
        await world.administering.create_user(OPERATOR, made)
        assert arrive(client) == "/alerts?q=x", "an administrator said who this is"
    await world.administering.delete_user(OPERATOR, login)
    vouching.identity = msgspec.structs.replace(ANN, login="ann@example.org")
    with world.client() as client:
        assert arrive(client) == "/alerts?q=x"
        assert client.get("/api/session").status_code == 200


async def test_an_answer_is_good_only_in_the_browser_that_asked(world: World):
    opened(world, Vouching())
    with world.client() as client, world.client() as other:
        state = depart(client)
        assert come_back(other, state).headers["location"] == "/login#refused=expired"
        depart(other)
        assert come_back(other, state).headers["location"] == "/login#refused=expired"
        assert other.get("/api/session").status_code == 401
        assert come_back(client, state).headers["location"] == "/alerts?q=x"
        assert come_back(client, state).headers["location"] == "/login#refused=expired"


async def test_who_takes_too_long_begins_again(world: World):
    opened(world, Vouching())
    with world.client() as client:
        state = depart(client)
        world.clock.time += timedelta(minutes=10)
        assert come_back(client, state).headers["location"] == "/login#refused=expired"


async def test_refusals_of_the_provider_never_reach_the_page(world: World):
    vouching = Vouching()
    opened(world, vouching)
    with world.client() as client:
        assert come_back(client, depart(client), "bad").headers["location"] == "/login#refused=unproved"
        assert come_back(client, depart(client), "", error="<script>").headers["location"] == "/login#refused=cancelled"
        vouching.away = True
        assert client.post("/api/session/with/sso", json={}, headers=OUR_ORIGIN).status_code == 503
        assert client.post("/api/session/with/other", json={}, headers=OUR_ORIGIN).status_code == 404


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "/a\r\nX: y", "x"])
async def test_only_our_own_pages_are_gone_on_to(world: World, back: str):
    opened(world, Vouching())
    with world.client() as client:
        assert come_back(client, depart(client, back)).headers["location"] == "/"


async def test_another_sites_page_cannot_begin_a_log_in(world: World):
    opened(world, Vouching())
    with world.client() as client:
        answer = client.post("/api/session/with/sso", json={}, headers={"Origin": "https://evil.example"})
        assert answer.status_code == 403


async def test_alertas_pages_bring_the_code_themselves(world: World):
    vouching = Vouching()
    opened(world, vouching, kind="google")
    with world.client() as client:
        body = {"code": "good", "clientId": "c", "redirectUri": "https://alerta.example"}
        answer = client.post("/api/auth/google", json=body, headers={"Origin": "https://alerta.example"})
        assert answer.status_code == 200
        assert "set-cookie" not in answer.headers
        bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert client.get("/api/userinfo", headers=bearer).json()["preferred_username"] == "ann"
        assert vouching.challenges == [Challenge(redirect="https://alerta.example")]
        assert client.post("/api/auth/google", json=body | {"code": "bad"}).status_code == 401
        assert client.post("/api/auth/google", json={"code": "good"}).status_code == 400
        assert client.post("/api/auth/azure", json=body).status_code == 404
        assert client.post("/api/auth/login", json={"username": "root", "password": PASSWORD}).status_code == 200


async def test_alertas_pages_are_told_of_the_provider(world: World):
    opened(world, Vouching())
    with world.client() as client:
        plain = client.get("/api/config").json()
        assert (plain["provider"], plain["client_id"], plain["oidc_auth_url"]) == ("basic", "", None)
        world.client_config = msgspec.structs.replace(
            world.client_config, provider="openid", provider_name="sso", provider_settings={"client_id": "us"}
        )
    with world.client() as client:
        told = client.get("/api/config").json()
        assert (told["provider"], told["client_id"]) == ("openid", "us")
        assert told["oidc_auth_url"] == "https://id/authorize"


async def test_an_address_that_is_refused_too_often_asks_the_provider_no_more(world: World):
    vouching = Vouching()
    opened(world, vouching)
    bad, good = ({"code": code, "redirectUri": "http://alerta.example"} for code in ("bad", "good"))
    with world.client() as client:
        for _ in range(FAILURES_ANYWHERE):
            assert client.post("/api/auth/openid", json=bad).status_code == 401
        asked = len(vouching.challenges)
        answer = client.post("/api/auth/openid", json=good)
        assert answer.status_code == 429
        assert int(answer.headers["retry-after"]) > 0
        assert come_back(client, depart(client)).headers["location"].startswith("/login#refused=")
        assert len(vouching.challenges) == asked
        world.clock.time += FAILURE_WINDOW + timedelta(seconds=1)
        assert client.post("/api/auth/openid", json=good).status_code == 200
