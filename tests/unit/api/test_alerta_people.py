"""Logging in as Alerta's clients do, and what they ask about people, groups, customers and roles."""

import base64
import json
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import PASSWORD, World, key

Client = TestClient[Litestar]
OTHER = "another fine password"


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    await world.add_key("admin", "admin", "read", "write", user="root")
    await world.add_user("ann", "user")
    await world.add_user("root", "admin")
    return world


def token_for(client: Client, login: str = "ann", password: str = PASSWORD) -> str:
    answer = client.post("/api/auth/login", json={"username": login, "password": password})
    assert answer.status_code == 200, answer.text
    return answer.json()["token"]


def basic(login: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{login}:{password}".encode()).decode()}


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_says_who_logged_in_and_opens_the_api(client: Client):
    token = token_for(client)
    part = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    assert (claims["preferred_username"], claims["scope"], claims["roles"]) == ("ann", "read write", ["user"])
    answer = client.get("/api/userinfo", headers=bearer(token))
    assert answer.json()["preferred_username"] == "ann"
    assert client.put("/api/user/me", headers=bearer(token), json={"text": "hi"}).status_code == 200


def test_claims_are_never_believed(client: Client):
    head, _, secret = token_for(client).split(".")
    forged = base64.urlsafe_b64encode(b'{"preferred_username":"root","scope":"admin"}').rstrip(b"=").decode()
    answer = client.get("/api/userinfo", headers=bearer(f"{head}.{forged}.{secret}"))
    assert (answer.json()["preferred_username"], answer.json()["scope"]) == ("ann", "read write")
    refused = client.get("/api/userinfo", headers=bearer(f"{head}.{forged}.nonsense"))
    assert (refused.status_code, refused.json()["message"]) == (401, "Token has expired")


def test_a_token_ends_at_log_out_and_with_the_rights_that_it_had(client: Client):
    token = token_for(client)
    assert client.post("/api/auth/logout", headers=bearer(token)).status_code == 200
    assert client.get("/api/userinfo", headers=bearer(token)).status_code == 401
    token = token_for(client)
    assert client.put("/api/user/id-ann", json={"roles": ["guest"]}).status_code == 200
    assert client.get("/api/userinfo", headers=bearer(token)).status_code == 401


def test_logging_in_wrongly(client: Client):
    wrong = client.post("/api/auth/login", json={"username": "ann", "password": "no"})
    assert (wrong.status_code, wrong.json()["message"]) == (401, "Invalid username or password")
    assert client.post("/api/auth/login", json={"username": "ann"}).status_code == 400
    foreign = {"Origin": "https://evil.example"}
    body = {"username": "ann", "password": PASSWORD}
    from_afar = client.post("/api/auth/login", json=body, headers=foreign)
    assert from_afar.status_code == 200
    assert "set-cookie" not in from_afar.headers  # the token is in the body, which a foreign page is not let read
    assert not [name for name in from_afar.headers if name.startswith("access-control-")]


def test_nobody_signs_up(client: Client):
    answer = client.post("/api/auth/signup", json={"email": "a@b.org", "password": PASSWORD})
    assert (answer.status_code, answer.json()["message"]) == (403, "user signup is disabled")


def test_people_change_themselves_and_never_their_rights(client: Client):
    mine = bearer(token_for(client))
    answer = client.put("/api/user/me", headers=mine, json={"name": "Ann", "text": "on call", "roles": None})
    assert (answer.json()["user"]["name"], answer.json()["user"]["text"]) == ("Ann", "on call")
    for beyond in ({"roles": ["admin"]}, {"status": "inactive"}, {"login": "root"}, {"email_verified": True}):
        refused = client.put("/api/user/me", headers=mine, json=beyond)
        assert refused.status_code == 400
        assert refused.json()["message"].startswith("not allowed to update: ")
    assert client.get("/api/user/me", headers=mine).json()["user"]["roles"] == ["user"]
    assert client.put("/api/user/me", json={"name": "x"}, headers=key("user")).json()["user"]["login"] == "ann"


def test_a_key_does_not_take_over_the_account_of_its_owner(client: Client, world: World):
    mine = bearer(token_for(client))
    for takes, what in (({"password": OTHER}, "password"), ({"email": "eve@evil.example"}, "e-mail address")):
        refused = client.put("/api/user/me", headers=key("user"), json=takes | {"currentPassword": PASSWORD})
        assert (refused.status_code, what in refused.json()["message"]) == (403, True)
    assert client.get("/api/user/me", headers=mine).json()["user"]["email"] == ""
    token_for(client)


def test_a_session_gives_the_present_password_for_a_new_one(client: Client, world: World):
    mine = bearer(token_for(client))
    missing = client.put("/api/user/me", headers=mine, json={"password": "short", "email": "ann@example.org"})
    assert missing.status_code == 400
    assert [error["field"] for error in missing.json()["errors"]] == ["currentPassword", "password"]
    wrong = client.put("/api/user/me", headers=mine, json={"password": OTHER, "currentPassword": "guess"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (400, "currentPassword")
    assert client.put("/api/user/me", headers=mine, json={"currentPassword": 5}).status_code == 400
    right = {"email": "ann@example.org", "currentPassword": PASSWORD}
    assert client.put("/api/user/me", headers=mine, json=right).json()["user"]["email"] == "ann@example.org"
    # What stays as it is needs nothing.
    assert client.put("/api/user/me", headers=mine, json={"email": "ann@example.org"}).status_code == 200
    changed = client.put("/api/user/me", headers=mine, json={"password": OTHER, "currentPassword": PASSWORD})
    assert changed.status_code == 200
    assert client.get("/api/userinfo", headers=mine).status_code == 401
    token_for(client, password=OTHER)


def test_guessing_the_present_password_is_slowed_down_as_logging_in_is(client: Client):
    mine = bearer(token_for(client))
    for _ in range(10):
        guess = {"password": OTHER, "currentPassword": "guess"}
        assert client.put("/api/user/me", headers=mine, json=guess).status_code == 400
    right = {"password": OTHER, "currentPassword": PASSWORD}
    assert client.put("/api/user/me", headers=mine, json=right).status_code == 429
    assert client.post("/api/auth/login", json={"username": "ann", "password": PASSWORD}).status_code == 429


def test_a_password_that_comes_with_each_request_is_proof_enough(client: Client):
    credentials = basic("ann", PASSWORD)
    assert client.put("/api/user/me", headers=credentials, json={"password": OTHER}).status_code == 200
    token_for(client, password=OTHER)


def test_forms_of_alertas_pages_are_taken_whole(client: Client):
    """They send all that they hold, also what no server knows; Alerta leaves that out."""
    form = {"name": "Bo", "login": "bo@example.org", "email": "bo@example.org", "status": "active", "roles": ["user"]}
    more = {"password": OTHER, "confirmPassword": OTHER, "text": "", "email_verified": False, "id": None}
    made = client.post("/api/user", json=form | more)
    assert (made.status_code, made.json()["user"]["login"]) == (201, "bo@example.org")
    changed = client.put(f"/api/user/{made.json()['id']}", json=made.json()["user"] | {"name": "Bob", "confirm": None})
    assert (changed.status_code, changed.json()["user"]["name"]) == (200, "Bob")
    wrong = client.post("/api/user", json=form | {"login": 5, "beyond": 1})
    assert (wrong.status_code, [fault["field"] for fault in wrong.json()["errors"]]) == (400, ["login"])

    key_form = {"key": "", "user": "root", "text": "", "customer": None, "scopes": ["read"], "id": None, "menu": True}
    kept = client.post("/api/key", json=key_form)
    assert kept.status_code == 201, kept.text
    row = kept.json()["data"]
    changed = client.put(f"/api/key/{row['id']}", json=row | {"text": "two", "key": "other", "expireTime": None})
    assert (changed.status_code, changed.json()["key"]["text"]) == (200, "two")
    assert client.get("/api/userinfo", headers=key(kept.json()["key"])).status_code == 200
    assert client.post("/api/key", json={"scopes": "read", "id": None}).status_code == 400


@pytest.mark.parametrize("name", [{}, {"name": None}])
def test_a_user_is_not_made_without_a_name(client: Client, name: dict[str, None]):
    before = client.get("/api/users").json()["total"]
    refused = client.post("/api/user", json={"login": "x", "password": OTHER} | name)
    assert (refused.status_code, [fault["field"] for fault in refused.json()["errors"]]) == (400, ["name"])
    assert client.get("/api/users").json()["total"] == before
    assert client.post("/api/user", json={"login": "x", "name": ""}).status_code == 201, "a form's field left empty"


def test_an_address_and_a_login_are_one_users(client: Client, world: World):
    """Alerta's address is unique, too."""
    body = {"name": "a", "password": OTHER}
    assert client.post("/api/user", json=body | {"email": "a@b.example"}).status_code == 201
    second = client.post("/api/user", json=body | {"login": "zz", "email": "z@b.example"}).json()["id"]
    taken = "user with that email already exists"
    for answer in (
        client.post("/api/user", json=body | {"login": "yy", "email": "A@b.example"}),
        client.put(f"/api/user/{second}", json={"email": "a@B.example"}),
        client.put("/api/user/me", json={"email": "a@b.example"}, headers=basic("zz", OTHER)),
    ):
        assert (answer.status_code, answer.json()["message"]) == (409, taken)
    for answer in (
        client.post("/api/user", json=body | {"login": "ZZ", "email": "y@b.example"}),
        client.put("/api/user/id-ann", json={"login": "zZ"}),
    ):
        assert (answer.status_code, answer.json()["message"]) == (409, "user with that login already exists")
    assert client.put(f"/api/user/{second}", json={"email": "Z@b.example", "name": "z"}).status_code == 200
    nameless = [client.post("/api/user", json=body | {"login": login}).status_code for login in ("one", "two")]
    assert nameless == [201, 201], "no address is nobody's"


async def test_addresses_that_were_shared_before_stay(client: Client, world: World):
    async with world.store.transaction() as tx:
        for login in ("ann", "root"):
            user = await tx.users.get(login)
            assert user is not None
            await tx.users.save(msgspec.structs.replace(user, email="ops@b.example"))
    changed = client.put("/api/user/id-ann", json={"name": "Ann", "email": "Ops@b.example", "login": "ann"})
    assert (changed.status_code, changed.json()["user"]["name"]) == (200, "Ann")
    assert client.put("/api/user/id-ann", json={"login": "ops@b.example"}).status_code == 200


def test_attributes_are_merged_deeply(client: Client):
    mine = key("user")
    for change in ({"prefs": {"dark": True, "rows": 20}}, {"prefs": {"dark": None, "font": "x"}, "queries": [1]}):
        assert client.put("/api/user/me/attributes", headers=mine, json={"attributes": change}).status_code == 200
    expected: dict[str, Any] = {"prefs": {"rows": 20, "font": "x"}, "queries": [1]}
    assert client.get("/api/user/me/attributes", headers=mine).json()["attributes"] == expected
    assert client.put("/api/user/id-ann/attributes", json={"attributes": {"queries": None}}).status_code == 200
    assert client.get("/api/user/id-ann").json()["user"]["attributes"] == {"prefs": {"rows": 20, "font": "x"}}


def test_a_key_without_a_user_has_no_self(client: Client, world: World):
    assert client.get("/api/user/nobody").status_code == 404


def test_users_by_role_and_domain(client: Client):
    body = {"email": "una@example.org", "name": "", "password": PASSWORD, "roles": [], "status": None}
    made = client.post("/api/user", json=body | {"attributes": {}}).json()["user"]
    assert (made["login"], made["roles"], made["domain"]) == ("una@example.org", ["user"], "example.org")
    found = client.get("/api/users", params={"roles": "admin"}).json()
    assert [user["login"] for user in found["users"]] == ["root"]
    assert client.get("/api/users").json()["domains"] == ["example.org"]
    assert client.get("/api/users", params={"nonsense": "x"}).status_code == 400
    assert client.post("/api/user", json={"login": "x", "name": "x", "text": 7}).status_code == 400
    assert client.post("/api/user", json={}).status_code == 400


def test_people_see_the_groups_that_they_are_in(client: Client):
    made = client.post("/api/group", json={"name": "night shift"}).json()["group"]["id"]
    client.post("/api/group", json={"name": "day shift"})
    assert client.put(f"/api/group/{made}/user/id-ann").status_code == 200
    found = client.get("/api/user/me/groups", headers=key("user"))
    assert (found.status_code, [group["name"] for group in found.json()["groups"]]) == (200, ["night shift"])


def test_groups(client: Client):
    made = client.post("/api/group", json={"name": "ops", "text": None})
    group = made.json()["id"]
    assert made.headers["Location"].endswith(f"/api/group/{group}")
    assert client.post("/api/group", json={"name": "ops"}).status_code == 409
    assert client.post("/api/group", json={"name": ""}).status_code == 400
    assert client.put(f"/api/group/{group}/user/id-ann").status_code == 200
    assert client.put(f"/api/group/{group}/user/id-ann").status_code == 200
    members = client.get(f"/api/group/{group}/users").json()["users"]
    assert [(user["login"], user["status"]) for user in members] == [("ann", "active")]
    assert "email" not in members[0]
    assert client.get("/api/user/ann/groups").json()["groups"][0]["count"] == 1
    assert client.put(f"/api/group/{group}", json={"text": "operators"}).json()["group"]["name"] == "ops"
    assert client.put(f"/api/group/{group}/user/nobody").status_code == 404
    assert client.delete(f"/api/group/{group}/user/id-ann").status_code == 200
    assert client.delete(f"/api/group/{group}").status_code == 200
    assert client.get(f"/api/group/{group}").status_code == 404
    assert client.get("/api/groups").json()["message"] == "not found"


def test_a_customer_that_is_missing_is_404(client: Client):
    """Alerta answers 500."""
    assert client.get("/api/customer/nothing").status_code == 404


def test_customers(client: Client):
    made = client.post("/api/customer", json={"customer": "Acme", "match": "acme.org"}).json()
    assert made["customer"]["match"] == "acme.org"
    changed = client.put(f"/api/customer/{made['id']}", json={"customer": "Acme Ltd"}).json()["customer"]
    assert (changed["customer"], changed["match"]) == ("Acme Ltd", "acme.org")
    assert client.get("/api/customers", params={"customer": "~ltd"}).json()["total"] == 1
    assert client.post("/api/customer", json={"customer": "Acme"}).status_code == 400
    assert client.delete(f"/api/customer/{made['id']}").status_code == 200
    assert client.get("/api/customers").json()["total"] == 0


def test_roles_keep_their_ids(client: Client):
    """Alerta gives the built-in ones other ids each time."""
    one, two = client.get("/api/perms").json(), client.get("/api/perms").json()
    assert one == two
    assert [perm["match"] for perm in one["permissions"]] == ["admin", "user", "guest"]
    guest = one["permissions"][2]
    assert client.get(f"/api/perm/{guest['id']}").json()["permission"] == guest
    assert client.get("/api/perm/nothing").status_code == 404
    assert "admin:users" in client.get("/api/scopes").json()["scopes"]


def test_lists_come_in_pages(client: Client):
    for number in range(5):
        client.post("/api/group", json={"name": f"g{number}", "text": f"text {4 - number}"})
    page = client.get("/api/groups", params={"page": 2, "page-size": 2}).json()
    assert [group["name"] for group in page["groups"]] == ["g2", "g3"]
    assert (page["page"], page["pageSize"], page["pages"], page["more"], page["total"]) == (2, 2, 3, True, 5)
    assert client.get("/api/groups", params={"page": 9, "page-size": 2}).status_code == 416
    assert client.get("/api/groups", params={"page": 0}).status_code == 416
    assert client.get("/api/groups", params={"page": "x"}).status_code == 400
    by_text = client.get("/api/groups", params={"sort-by": "-text"}).json()["groups"]
    assert [group["name"] for group in by_text] == ["g0", "g1", "g2", "g3", "g4"]
    assert client.get("/api/groups", params={"sort-by": "x"}).status_code == 400
    assert client.get("/api/groups", params={"name!": "g1"}).json()["total"] == 4
    assert client.get("/api/groups", params={"count": "0"}).json()["total"] == 5


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/api/user", {"login": "eve", "name": "Eve", "password": OTHER}),
        ("PUT", "/api/user/id-ann", {"name": "Ann"}),
        ("PUT", "/api/user/id-ann", {"text": "on leave"}),
        ("DELETE", "/api/user/id-ann", None),
        ("POST", "/api/group", {"name": "night shift"}),
        ("PUT", "/api/group/{group}", {"name": "day shift"}),
        ("PUT", "/api/group/{group}/user/ann", None),
        ("DELETE", "/api/group/{group}/user/root", None),
        ("DELETE", "/api/group/{group}", None),
        ("POST", "/api/customer", {"match": "ann", "customer": "Acme"}),
        ("POST", "/api/perm", {"match": "watcher", "scopes": ["read:alerts"]}),
        ("POST", "/api/key", {"text": "probe", "scopes": ["read:alerts"]}),
    ],
)
async def test_open_pages_hear_that_people_changed_and_not_which(
    client: Client, world: World, method: str, path: str, body: dict[str, Any] | None
):
    group = client.post("/api/group", json={"name": "first"}).json()["id"]
    client.put(f"/api/group/{group}/user/root")
    async with world.store.reading() as tx:
        before = await tx.changes.latest()
    assert client.request(method, path.format(group=group), json=body).is_success
    async with world.store.reading() as tx:
        heard = [change.items for change in await tx.changes.since(before)]
    assert heard
    assert all(items == {"people": ["*"]} for items in heard)
