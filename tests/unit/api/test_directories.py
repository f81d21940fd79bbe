"""Logging in by a password that a directory keeps: who is asked when, and who becomes which user."""

import base64
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from api_client import OUR_ORIGIN, PASSWORD, World, log_in
from passkey_device import Device
from passkey_site import asked_to_make, keep
from passkey_site import enter as enter_by_passkey
from watchbell.domain.access import FAILURE_WINDOW, FAILURES_ANYWHERE, FAILURES_HERE
from watchbell.domain.accounts import CustomerLookup
from watchbell.domain.admission import Identity, Terms
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.domain.roles import RoleRules
from watchbell.usecases.attesting import PasswordGate

THERE = "the password there"
ANN = Identity(issuer="ldap:staff", subject="uuid-1", login="ann", name="Ann", email="ann@example.org")


class Keeper:
    """A directory that knows one person by any name, and remembers who was asked about."""

    def __init__(self, identity: Identity = ANN, password: str = THERE) -> None:
        self.identity = identity
        self.password = password
        self.asked: list[str] = []
        self.away = False

    async def check(self, login: str, password: str) -> Identity:
        self.asked.append(login)
        if self.away:
            raise Retryable("The staff's directory does not answer.")
        if password != self.password:
            raise Unauthenticated("no")
        return self.identity


def opened(world: World, keeper: Keeper, name: str = "staff", **terms: Any) -> None:
    way = {"name": name, "kind": "ldap", "title": "The staff"}
    gate = PasswordGate(**way, keeper=keeper, issuer=keeper.identity.issuer, terms=Terms(**terms))
    world.directories.append(gate)


def enter(client: Any, login: str = "ann", password: str = THERE) -> Any:
    return client.post("/api/session", json={"login": login, "password": password}, headers=OUR_ORIGIN)


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_user("root", "admin")
    return world


async def test_a_person_of_the_directory_becomes_a_user(world: World):
    opened(world, Keeper())
    with world.client() as client:
        assert client.get("/api/session/providers").json()["providers"] == []
        answer = enter(client)
        assert answer.status_code == 200
        assert answer.json()["user"] == {"login": "ann", "name": "Ann", "email": "", "roles": ["user"]}
        assert client.get("/api/session").status_code == 200
        assert enter(client).status_code == 200
    async with world.store.reading() as tx:
        assert [user.login for user in await tx.users.all()] == ["ann", "root"]
        entries = await tx.audit.newest()
    assert [entry.action for entry in entries] == ["login", "login", "signup"]
    assert entries[0].text == "by staff from testclient"


async def test_passwords_here_are_tried_first_and_no_directory_hears_of_them(world: World):
    keeper = Keeper()
    opened(world, keeper)
    with world.client() as client:
        assert enter(client, "root", PASSWORD).status_code == 200
        assert keeper.asked == []
        assert enter(client, "root", "wrong").json()["message"] == "Invalid username or password"
        assert keeper.asked == ["root"]


async def test_an_empty_password_is_never_handed_on(world: World):
    keeper = Keeper(password="")
    opened(world, keeper)
    with world.client() as client:
        assert enter(client, "ann", "").status_code == 401
        assert enter(client, "", "").status_code == 401
    assert keeper.asked == []


async def test_directories_are_asked_in_turn_until_one_knows(world: World):
    first, second = Keeper(password="other"), Keeper(msgspec.structs.replace(ANN, issuer="ldap:guests", login="gus"))
    opened(world, first, "staff")
    opened(world, second, "guests", default_roles=("guest",))
    with world.client() as client:
        assert enter(client).json()["user"]["login"] == "gus"
        first.away = True
        assert enter(client).json()["user"]["roles"] == ["guest"]
        answer = enter(client, password="wrong")
        assert (answer.status_code, answer.json()["message"]) == (503, "The staff's directory does not answer.")


async def test_a_directory_that_is_away_keeps_nobody_out_who_has_a_password_here(world: World):
    keeper = Keeper()
    keeper.away = True
    opened(world, keeper)
    with world.client() as client:
        assert enter(client, "root", PASSWORD).status_code == 200
        for _ in range(FAILURES_HERE):
            assert enter(client, "root", "guess").status_code == 503
        assert enter(client, "root", "guess").status_code == 429, "guesses count while the directory is away"
        assert enter(client, "ann", "any").status_code == 503, "what is nobody's guess does not"


async def test_guesses_are_counted_whatever_way_a_name_is_written(world: World):
    keeper = Keeper()
    opened(world, keeper)
    ways = ["ann", " ANN", "a\u00adnn", "\uff41nn", "ann  ", "A\ufe0fnn"]
    with world.client() as client:
        for number in range(FAILURES_HERE):
            assert enter(client, ways[number % len(ways)], "guess").status_code == 401
        asked = len(keeper.asked)
        assert enter(client, "ann\u200b").status_code == 429
        assert len(keeper.asked) == asked
        world.clock.time += FAILURE_WINDOW + timedelta(seconds=1)
        assert enter(client).status_code == 200


async def test_one_address_may_not_guess_for_ever(world: World):
    keeper = Keeper()
    opened(world, keeper)
    with world.client() as client:
        for number in range(FAILURES_ANYWHERE):
            assert enter(client, f"person-{number}", "guess").status_code == 401
        assert enter(client).status_code == 429


@pytest.mark.parametrize(
    ("identity", "terms", "status"),
    [
        ({"groups": ("dev",)}, {"allowed_groups": ("ops",)}, 403),
        ({}, {"allowed_domains": ("example.org",)}, 403),
        ({}, {"allowed_domains": ("example.com",), "trust_email": True}, 403),
        ({}, {"sign_up": False}, 403),
        ({"login": ""}, {}, 403),
        ({"login": "root"}, {}, 409),
        ({"groups": ("ops",)}, {"allowed_groups": ("ops",)}, 200),
        ({}, {"allowed_domains": ("example.org",), "trust_email": True}, 200),
    ],
)
async def test_the_terms_keep_people_out_and_the_audit_log_says_why(
    world: World, identity: dict[str, Any], terms: dict[str, Any], status: int
):
    opened(world, Keeper(msgspec.structs.replace(ANN, **identity)), **terms)
    with world.client() as client:
        assert enter(client).status_code == status
        assert client.get("/api/session").status_code == (200 if status == 200 else 401)
    async with world.store.reading() as tx:
        actions = [entry.action for entry in await tx.audit.newest()]
    assert actions[0] == ("login" if status == 200 else "login-refused")


async def test_groups_there_give_roles_and_customers_here():
    world = World(rules=RoleRules(customer_views=True))
    await world.add_user("root", "admin")
    async with world.store.transaction() as tx:
        await tx.customer_lookups.save(CustomerLookup(id="c", match="Acme's people", customer="Acme"))
    keeper = Keeper(msgspec.structs.replace(ANN, groups=("cn=acme",)))
    opened(world, keeper, roles={"cn=ops": "admin"}, groups={"cn=acme": "Acme's people"})
    with world.client() as client:
        enter(client)
        found = await world.authenticating.by_password("ann", THERE, "192.0.2.1")
        assert found.customers == {"Acme"}
        keeper.identity = msgspec.structs.replace(ANN, groups=("cn=acme", "cn=ops"))
        assert "admin" in enter(client).json()["scopes"]
        keeper.identity = ANN
        assert enter(client).status_code == 403, "who belongs to no customer sees nothing"


async def test_a_login_of_an_administrator_counts_where_logins_are_given_out():
    world = World(rules=RoleRules(admin_users=("ann",)))
    await world.add_user("root", "admin")
    opened(world, Keeper())
    with world.client() as client:
        assert enter(client).status_code == 403
        world.directories.clear()
        opened(world, Keeper(), trust_login=True)
        assert "admin" in enter(client).json()["scopes"]


async def test_a_login_that_customers_are_looked_up_by_counts_where_logins_are_given_out():
    world = World(rules=RoleRules(customer_views=True))
    await world.add_user("root", "admin")
    async with world.store.transaction() as tx:
        await tx.customer_lookups.save(CustomerLookup(id="c", match="ann", customer="Acme"))
    opened(world, Keeper())
    with world.client() as client:
        assert enter(client).status_code == 403
        world.directories.clear()
        opened(world, Keeper(), trust_login=True)
        assert enter(client).status_code == 200


@pytest.mark.parametrize(("password", "status"), [("", 200), (PASSWORD, 409)])
async def test_the_same_login_is_the_same_person_only_if_nothing_else_opens_the_account(
    world: World, password: str, status: int
):
    user = await world.add_user("Ann")
    async with world.store.transaction() as tx:
        await tx.users.save(msgspec.structs.replace(user, password_hash=user.password_hash if password else ""))
    opened(world, Keeper(), link_by_login=True)
    opened(world, Keeper(msgspec.structs.replace(ANN, issuer="ldap:other"), "there too"), "other", link_by_login=True)
    with world.client() as client:
        assert enter(client).status_code == status
        if status == 200:
            assert enter(client).json()["user"]["login"] == "Ann"
        assert enter(client, password="there too").status_code == 409


async def test_programs_may_send_the_password_with_each_request(world: World):
    keeper = Keeper()
    opened(world, keeper)
    basic = {"Authorization": f"Basic {base64.b64encode(f'ann:{THERE}'.encode()).decode()}"}
    with world.client() as client:
        for _ in range(3):
            assert client.get("/api/userinfo", headers=basic).json()["preferred_username"] == "ann"
        assert len(keeper.asked) == 1, "a directory is far away"
        world.clock.time += timedelta(seconds=61)
        keeper.password = "another one"
        assert client.get("/api/userinfo", headers=basic).status_code == 401


async def test_the_password_there_does_not_set_one_here(world: World):
    opened(world, Keeper())
    basic = {"Authorization": f"Basic {base64.b64encode(f'ann:{THERE}'.encode()).decode()}"}
    wanted = {"password": "correct horse battery", "currentPassword": THERE}
    with world.client() as client:
        assert client.put("/api/user/me", json=wanted, headers=basic).status_code == 403
        headers = log_in(client, "ann", THERE) | OUR_ORIGIN
        assert client.put("/api/user/me", json=wanted, headers=headers).status_code == 400
    async with world.store.reading() as tx:
        user = await tx.users.get("ann")
    assert user is not None
    assert user.password_hash == ""


async def test_an_inactive_user_stays_out(world: World):
    opened(world, Keeper())
    with world.client() as client:
        assert enter(client).status_code == 200
        async with world.store.transaction() as tx:
            user = await tx.users.get("ann")
            assert user is not None
            await tx.users.save(msgspec.structs.replace(user, active=False))
        assert enter(client).status_code == 403


async def test_alertas_clients_log_in_by_it(world: World):
    opened(world, Keeper())
    with world.client() as client:
        answer = client.post("/api/auth/login", json={"username": "ann", "password": THERE})
        assert answer.status_code == 200
        claims = msgspec.json.decode(base64.urlsafe_b64decode(answer.json()["token"].split(".")[1] + "=="))
        assert (claims["provider"], claims["preferred_username"]) == ("ldap", "ann")
        bearer = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert client.get("/api/userinfo", headers=bearer).json()["name"] == "Ann"
        here = client.post("/api/auth/login", json={"username": "root", "password": PASSWORD}).json()["token"]
        claims = msgspec.json.decode(base64.urlsafe_b64decode(here.split(".")[1] + "=="))
        assert claims["provider"] == "basic"


async def test_its_people_have_second_steps_and_passkeys_by_the_password_there(world: World):
    keeper, device = Keeper(), Device()
    opened(world, keeper)
    with world.client() as client:
        headers = {"X-CSRF-Token": enter(client).json()["csrf"]} | OUR_ORIGIN
        for wrong in ("not the password", PASSWORD, ""):
            refused = asked_to_make(client, headers, currentPassword=wrong)
            assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "currentPassword")
        begun = asked_to_make(client, headers, currentPassword=THERE).json()
        assert keep(client, headers, begun, device.make(begun["publicKey"])).status_code == 200
        assert client.post("/api/user/me/second-factor", headers=headers).status_code == 200
        keeper.identity = msgspec.structs.replace(ANN, subject="uuid-2", login="bob")
        assert asked_to_make(client, headers, currentPassword=THERE).status_code == 400, "that is somebody else"
        keeper.away = True
        assert asked_to_make(client, headers, currentPassword=THERE).status_code == 503
        assert enter_by_passkey(client, device).status_code == 200
