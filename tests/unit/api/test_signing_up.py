"""What people see to by themselves: an account, and the proof of its address."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from api_client import OUR_ORIGIN, PASSWORD, key, log_in
from sign_up_site import ON, VERIFIED, Site, confirm, forgot, reset, sign_up, site, with_ann
from watchbell.domain.access import FAILURE_WINDOW
from watchbell.domain.accounts import CustomerLookup
from watchbell.domain.letters import AGAIN, LETTERS_HERE
from watchbell.domain.roles import RoleRules
from watchbell.usecases.signing_up import SignUpTerms


async def test_everything_is_off_unless_the_settings_say_otherwise():
    made = await site(SignUpTerms())
    with made.world.client() as client:
        told = client.get("/api/session/providers").json()
        assert (told["signUp"], told["resetPassword"]) == (False, False)
        refused = [sign_up(client), forgot(client), reset(client, "x")]
        assert [answer.status_code for answer in refused] == [403] * 3
        assert refused[0].json()["message"] == "user signup is disabled"
        assert refused[1].json()["message"] == "password reset is disabled"
        shown = client.get("/api/config").json()
        assert (shown["signup_enabled"], shown["email_verification"]) == (False, False)
    assert await made.waiting() == 0


async def test_who_signs_up_is_logged_in_with_the_role_of_new_users_whatever_they_ask_for():
    made = await site()
    with made.world.client() as client:
        assert client.get("/api/config").json()["signup_enabled"] is True
        assert client.get("/api/session/providers").json()["signUp"] is True
        answer = sign_up(client, roles=["admin"], status="active", email_verified=True, text="hi", attributes={"a": 1})
        assert answer.status_code == 200, answer.text
        token = {"Authorization": f"Bearer {answer.json()['token']}"}
        assert client.get("/api/userinfo", headers=token).json()["roles"] == ["user"]
        me = client.get("/api/user/me", headers=token).json()["user"]
        assert (me["login"], me["name"], me["text"], me["attributes"]) == ("ann@example.org", "Ann", "hi", {"a": 1})
        assert me["email_verified"] is False
        assert client.get("/api/users", headers=token).status_code == 403
        assert "set-cookie" not in answer.headers
        assert client.post("/api/auth/login", json={"email": "ANN@example.org", "password": PASSWORD}).is_success
    assert await made.actions() == ["login", "signup"]


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"password": "short"}, "password"),
        ({"password": None}, "password"),
        ({"password": 1234567890}, "password"),
        ({"password": "ann@example.org"}, "password"),
        ({"email": "not an address"}, "email"),
        ({"email": "a@b\r\nBcc: c@d"}, "email"),
        ({"email": ["x"]}, "email"),
        ({"email": None}, "login"),
        ({"login": "root@elsewhere.example"}, "login"),
        ({"login": "a b"}, "login"),
        ({"login": {}}, "login"),
        ({"name": "x" * 201}, "name"),
        ({"text": "\x00"}, "text"),
        ({"attributes": {"a.b": 1}}, "Attribute"),
        ({"attributes": "x"}, "attributes"),
    ],
)
async def test_what_cannot_be_an_account_is_refused_by_field(fields: dict[str, Any], field: str):
    made = await site()
    with made.world.client() as client:
        answer = sign_up(client, **fields)
    assert answer.status_code == 400, answer.text
    assert field in answer.text
    async with made.world.store.reading() as tx:
        assert [user.login for user in await tx.users.all()] == ["root"]


@pytest.mark.parametrize(
    "fields",
    [
        {"login": "ROOT"},
        {"login": "id-root"},
        {"login": "robot"},
        {"login": "admin-key"},
        {"login": "chief"},
        {"login": "other", "email": "ROOT@example.org"},
    ],
)
async def test_nobody_signs_up_as_somebody_else(fields: dict[str, Any]):
    """Logins that are taken; owners of keys; names in the settings; the address of another."""
    terms = msgspec.structs.replace(ON, reserved=frozenset({"admin-key"}))
    made = await site(terms, RoleRules(admin_users=("chief",)))
    await made.world.add_key("robots-key", "read", user="robot")
    await made.world.change_user("root", email="root@example.org")
    with made.world.client() as client:
        answer = sign_up(client, **fields)
        assert answer.status_code == 409, answer.text
    async with made.world.store.reading() as tx:
        assert [user.login for user in await tx.users.all()] == ["root"]


async def test_nobody_signs_up_before_the_first_administrator():
    made = Site()
    with made.world.client() as client:
        assert sign_up(client).status_code == 403
        assert client.get("/api/setup").json()["needed"] is True


async def test_only_allowed_domains_sign_up():
    made = await site(msgspec.structs.replace(VERIFIED, domains=("example.org",)))
    with made.world.client() as client:
        answer = sign_up(client, email="ann@evil.example")
        assert (answer.status_code, answer.json()["message"]) == (403, "unauthorized domain")
        assert sign_up(client, email="a@example.org.evil.example").status_code == 403
        assert sign_up(client, email=None, login="ann").status_code == 400
        assert sign_up(client, email="ann@EXAMPLE.org").json()["message"] == "email not verified"


async def test_with_customer_views_the_login_is_the_proved_address():
    """Customers are looked up by login and by domain: nobody takes one by a name of their choice."""
    made = await site(VERIFIED, RoleRules(customer_views=True))
    async with made.world.store.transaction() as tx:
        await tx.customer_lookups.save(CustomerLookup(id="c1", match="acme", customer="ACME"))
        await tx.customer_lookups.save(CustomerLookup(id="c2", match="example.org", customer="Example"))
    with made.world.client() as client:
        assert sign_up(client, login="acme").status_code == 400
        assert sign_up(client).status_code == 403
        await made.send()
        assert confirm(client, made.box.secrets()[0]).is_success
        login = client.post("/api/auth/login", json={"username": "ann@example.org", "password": PASSWORD})
        assert login.status_code == 200


async def test_one_address_of_the_net_makes_so_many_accounts():
    made = await site()
    with made.world.client() as client:
        for number in range(LETTERS_HERE):
            assert sign_up(client, email=f"a{number}@example.org").status_code == 200
        refused = sign_up(client, email="last@example.org")
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        made.world.clock.time += FAILURE_WINDOW + timedelta(seconds=1)
        assert sign_up(client, email="last@example.org").status_code == 200


async def test_an_account_logs_in_when_its_address_is_confirmed():
    made = await site(VERIFIED)
    with made.world.client() as client:
        assert client.get("/api/config").json()["email_verification"] is True
        answer = sign_up(client)
        assert (answer.status_code, answer.json()["message"]) == (403, "email not verified")
        wrong = {"username": "ann@example.org", "password": "wrong password"}
        right = wrong | {"password": PASSWORD}
        assert client.post("/api/auth/login", json=wrong).status_code == 401
        for refused in (
            client.post("/api/auth/login", json=right),
            client.post("/api/session", json={"login": "ann@example.org", "password": PASSWORD}, headers=OUR_ORIGIN),
            client.get("/api/alerts", auth=("ann@example.org", PASSWORD)),
        ):
            assert (refused.status_code, refused.json()["message"]) == (403, "email not verified")
        (letter,) = await made.send()
        assert (letter.to, letter.title) == ("ann@example.org", "Confirm your e-mail address")
        assert letter.link.startswith("https://watch.example/confirm#token=")
        assert letter.link in letter.text
        (secret,) = made.box.secrets()
        answer = confirm(client, secret)
        assert answer.json() == {"status": "ok", "message": "email address ann@example.org confirmed"}
        assert confirm(client, secret).status_code == 400
        assert client.post("/api/auth/login", json=right).status_code == 200
        assert client.get("/api/alerts", auth=("ann@example.org", PASSWORD)).status_code == 200
    assert (await made.actions())[:3] == ["login", "verify-email", "login-failed"]


async def test_a_log_in_sends_a_new_link_but_not_too_often():
    made = await site(VERIFIED)
    right = {"username": "ann@example.org", "password": PASSWORD}
    with made.world.client() as client:
        sign_up(client)
        await made.send()
        assert client.post("/api/auth/login", json=right).status_code == 403
        assert await made.send() == [], "one has just been sent"
        made.world.clock.time += AGAIN
        assert client.post("/api/auth/login", json=right | {"password": "wrong password"}).status_code == 401
        assert await made.send() == [], "whoever does not know the password has none sent"
        assert client.post("/api/auth/login", json=right).status_code == 403
        assert len(await made.send()) == 1
        first, second = made.box.secrets()
        assert confirm(client, first).status_code == 400, "the newest counts"
        assert confirm(client, second).status_code == 200


async def test_accounts_that_were_there_confirm_when_it_is_demanded_and_those_without_address_go_on():
    made = await with_ann(VERIFIED)
    with made.world.client() as client:
        log_in(client, "root")
        answer = client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD})
        assert answer.json()["message"] == "email not verified"
        await made.send()
        assert confirm(client, made.box.secrets()[0]).is_success
        assert client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD}).is_success


async def test_a_changed_address_is_not_confirmed_by_a_link_to_the_former():
    made = await with_ann(VERIFIED)
    right = {"username": "ann", "password": PASSWORD}
    with made.world.client() as client:
        client.post("/api/auth/login", json=right)
        await made.send()
        await made.world.change_user("ann", email="ann@elsewhere.example")
        assert confirm(client, made.box.secrets()[0]).status_code == 400
        made.world.clock.time += AGAIN
        client.post("/api/auth/login", json=right)
        (letter,) = await made.send()
        assert letter.to == "ann@elsewhere.example"


async def test_what_was_confirmed_meanwhile_gets_no_letter():
    made = await with_ann(VERIFIED)
    await made.world.add_key("boss", "admin")
    with made.world.client() as client:
        client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD})
        assert client.put("/api/user/id-ann", json={"email_verified": True}, headers=key("boss")).is_success
        assert await made.send() == []
        assert await made.letters() == 0
