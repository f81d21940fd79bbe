"""Every route of the API against everybody who may come along: one table, and no route outside it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

import watchbell.api
from api_client import World, key
from watchbell.api.auth import Requires
from watchbell.domain.roles import RoleRules

OPEN = {
    "GET /",
    "GET /{path:path}",
    "GET /api",
    "GET /api/_",
    "GET /api/auth/logout",
    "GET /api/auth/saml",
    "GET /api/auth/saml/answer.js",
    "GET /api/auth/saml/continue.js",
    "GET /api/auth/saml/metadata.xml",
    "GET /api/config",
    "GET /api/docs",
    "GET /api/embed.js",
    "GET /api/management/gtg",
    "GET /api/management/healthcheck",
    "GET /api/openapi.json",
    "GET /api/session/callback/{name:str}",
    "GET /api/session/providers",
    "GET /api/setup",
    "GET /healthz",
    "GET /metrics",
    "GET /ping/{heartbeat_id:str}",
    "GET /ping/{id_or_key:str}/{said_or_slug:str}",
    "GET /ping/{ping_key:str}/{slug:str}/{said:str}",
    "GET /readyz",
    "GET /status",
    "HEAD /ping/{heartbeat_id:str}",
    "HEAD /ping/{id_or_key:str}/{said_or_slug:str}",
    "HEAD /ping/{ping_key:str}/{slug:str}/{said:str}",
    "POST /api/auth/cas",
    "POST /api/auth/confirm/{secret:str}",
    "POST /api/auth/forgot",
    "POST /api/auth/login",
    "POST /api/auth/{kind:str}",
    "POST /api/auth/logout",
    "POST /api/auth/reset/{secret:str}",
    "POST /api/auth/saml",
    "POST /api/auth/signup",
    "POST /api/session",
    "POST /api/session/passkey",
    "POST /api/session/passkey/begin",
    "POST /api/session/with/{name:str}",
    "POST /api/setup",
    "POST /ping/{heartbeat_id:str}",
    "POST /ping/{id_or_key:str}/{said_or_slug:str}",
    "POST /ping/{ping_key:str}/{slug:str}/{said:str}",
}
SELF_SERVICE = {"POST /api/auth/forgot", "POST /api/auth/reset/{secret:str}", "POST /api/auth/signup"}
"""Open, but off unless the settings say otherwise."""
KNOWN = {"GET /api/session", "DELETE /api/session", "GET /api/user/me/mails"}
KEYLESS = {
    "DELETE /api/sessions",
    "DELETE /api/sessions/{session_id:str}",
    "GET /api/sessions",
    "GET /api/user/me/passkeys",
    "GET /api/user/me/second-factor",
    "POST /api/user/me/passkeys",
    "POST /api/user/me/passkeys/{passkey_id:str}/remove",
    "POST /api/user/me/second-factor",
    "POST /api/user/me/second-factor/off",
    "POST /api/user/me/second-factor/recovery-codes",
    "PUT /api/user/me/passkeys",
    "PUT /api/user/me/passkeys/{passkey_id:str}",
    "PUT /api/user/me/second-factor",
}
"""For people who logged in; every key is refused."""
GUEST = {
    "DELETE /api/view/{view_id:str}",
    "GET /alertmanager/api/v2/alerts",
    "GET /alertmanager/api/v2/alerts/groups",
    "GET /alertmanager/api/v2/receivers",
    "GET /alertmanager/api/v2/status",
    "GET /api/alert/{name:str}",
    "GET /api/alert/{name:str}/notes",
    "GET /api/alert/{name:str}/why",
    "GET /api/alerts",
    "GET /api/alerts/count",
    "GET /api/alerts/export",
    "GET /api/alerts/grouped",
    "GET /api/alerts/groups",
    "GET /api/alerts/history",
    "GET /api/alerts/tags",
    "GET /api/alerts/top10/{measure:str}",
    "GET /api/alerts/topn/{measure:str}",
    "GET /api/archive",
    "GET /api/archive/export",
    "GET /api/archive/{name:str}",
    "GET /api/_bulk/task/{task:str}",
    "GET /api/check/{name:str}",
    "GET /api/checks",
    "GET /api/environments",
    "GET /api/incident/{incident_id:str}",
    "GET /api/incidents",
    "GET /api/reports/alerts",
    "GET /api/service-status",
    "GET /api/services",
    "GET /api/stream",
    "GET /api/views",
    "POST /api/view",
    "PUT /api/view/{view_id:str}",
}
ADMIN = {
    "DELETE /api/customer/{lookup_id:str}",
    "DELETE /api/group/{group_id:str}",
    "DELETE /api/group/{group_id:str}/user/{user_id:str}",
    "DELETE /api/perm/{perm_id:str}",
    "DELETE /api/user/{user_id:str}",
    "DELETE /api/user/{user_id:str}/second-factor",
    "GET /api/audit",
    "GET /api/management/housekeeping",
    "GET /api/management/properties",
    "GET /api/management/switchboard",
    "GET /api/user/{user_id:str}",
    "GET /api/user/{user_id:str}/groups",
    "GET /api/users",
    "POST /api/customer",
    "POST /api/group",
    "POST /api/management/housekeeping",
    "POST /api/management/switchboard",
    "POST /api/perm",
    "POST /api/user",
    "PUT /api/customer/{lookup_id:str}",
    "PUT /api/group/{group_id:str}",
    "PUT /api/group/{group_id:str}/user/{user_id:str}",
    "PUT /api/perm/{perm_id:str}",
    "PUT /api/user/{user_id:str}",
    "PUT /api/user/{user_id:str}/attributes",
}
"""Every route that is in none of these sets is for roles `user` and `admin`."""


def handlers(app: Litestar) -> Iterator[tuple[str, Any]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if method != "OPTIONS":
                    yield f"{method} {route.path}", handler


def url_of(path: str) -> str:
    uuid = "00000000-0000-4000-8000-000000000000"
    return (
        path.replace("{heartbeat_id:uuid}", uuid)
        .replace("{said:str}", "start")
        .replace("{path:path}", "some/page")
        .replace("{kind:str}", "host")
    )


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("guest", "read:alerts", "read:checks", "read:incidents", "read:services")
    await world.add_key("user", "read", "write")
    await world.add_key("admin", "admin", "read", "write")
    return world


def test_every_route_says_who_may(world: World):
    for name, handler in handlers(world.app()):
        guarded = any(isinstance(guard, Requires) for guard in handler.resolve_guards())
        opened = bool(handler.opt.get("open"))
        assert guarded != opened, f"{name} must be open, or have a guard by `requires`"
        assert opened == (name in OPEN), f"{name}: is it meant to be open?"


def test_the_table_names_no_route_that_is_gone(world: World):
    there = {name for name, _ in handlers(world.app())}
    assert (OPEN | KNOWN | KEYLESS | GUEST | ADMIN) - there == set()


def allowed(name: str) -> dict[str, bool]:
    if name in OPEN:
        return dict.fromkeys(("nobody", "guest", "user", "admin"), True)
    if name in KEYLESS:
        return dict.fromkeys(("nobody", "guest", "user", "admin"), False)
    guest = name in GUEST | KNOWN
    return {"nobody": False, "guest": guest, "user": name not in ADMIN, "admin": True}


def test_every_route_with_every_role(world: World):
    app = world.app()
    wrong: list[str] = []
    with world.client() as client:
        for name, _ in handlers(app):
            if name in {"GET /api/stream", *SELF_SERVICE}:
                continue  # one does not end, the others are off; what they ask for is looked at above
            method, _, path = name.partition(" ")
            for who, may in allowed(name).items():
                credentials = {} if who == "nobody" else key(who)
                body = b"[]" if method in {"POST", "PUT"} else None
                answer = client.request(
                    method, url_of(path), headers=credentials | {"Content-Type": "application/json"}, content=body
                )
                refused = answer.status_code == (401 if who == "nobody" else 403)
                if refused == may or answer.status_code == 500:
                    wrong.append(f"{name} as {who}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


ATTEMPTS: tuple[dict[str, Any], ...] = (
    {"password": "another fine password"},
    {"password": "another fine password", "currentPassword": "correct horse battery"},
    {"email": "eve@evil.example"},
    {"login": "eve"},
    {"roles": ["admin"]},
    {"status": "inactive"},
    {"user": "root", "scopes": ["admin"]},
    {"objects": [{"kind": "user", "name": "ann", "roles": ["admin"]}]},
    {"objects": [{"kind": "user", "name": "ann", "email": "eve@evil.example"}], "prune": True},
)
"""What a key that was stolen would be used for."""


async def test_no_key_of_a_person_changes_what_opens_the_account(world: World):
    """Whatever a route does by itself, a `write` key must not become a log-in, or give more than it holds."""
    await world.add_user("ann", "user")
    await world.add_user("root", "admin")
    await world.add_key("anns", "read", "write", user="ann")
    await world.add_key("roots", "read", "write", user="root")
    async with world.store.reading() as tx:
        before = await tx.users.all()
    with world.client() as client:
        for name, _ in handlers(world.app()):
            method, _, path = name.partition(" ")
            if method not in {"POST", "PUT", "DELETE", "PATCH"} or name in OPEN:
                continue
            address = url_of(path).replace("{user_id:str}", "id-root")
            for stolen in ("anns", "roots"):
                for body in ATTEMPTS:
                    client.request(method, address, headers=key(stolen), json=body)
            async with world.store.reading() as tx:
                assert await tx.users.all() == before, f"{name} changed an account"
                assert not [k for k in await tx.keys.all() if k.user in {"ann", "root"} and "admin" in k.scopes], name


def test_no_handler_makes_a_caller_of_its_own():
    """Who calls is found out in one place; a handler that makes a `Principal` gives rights away."""
    folder = Path(watchbell.api.__file__).parent
    makers = [file.name for file in folder.rglob("*.py") if "Principal(" in file.read_text("utf-8")]
    assert makers == []


@pytest.mark.parametrize("scopes", [("read",), ("read:alerts",)])
def test_every_route_in_read_only_mode(scopes: tuple[str, ...]):
    """Alerta checks no scope of such callers: they delete alerts and read its secrets."""
    world = World(readonly_scopes=scopes)
    wrong: list[str] = []
    with world.client() as client:
        for name, handler in handlers(world.app()):
            if name in OPEN or name == "GET /api/stream":
                continue
            method, _, path = name.partition(" ")
            answer = client.request(method, url_of(path), headers={"Content-Type": "application/json"})
            if method in {"GET", "HEAD"}:
                asked = next(guard.scope for guard in handler.resolve_guards() if isinstance(guard, Requires))
                may = (
                    (not asked and name not in KEYLESS)
                    or (scopes == ("read",) and asked.startswith("read:"))
                    or asked in scopes
                )
            else:
                may = False
            expected = 403 if method in {"GET", "HEAD"} else 401
            if (answer.status_code == expected) == may or answer.status_code == 500:
                wrong.append(f"{name}: {answer.status_code} {answer.text[:200]}")
    assert not wrong, "\n".join(wrong)


async def test_read_only_mode_is_told_and_does_not_weaken_credentials():
    world = World(readonly_scopes=("read:alerts",))
    await world.add_key("writer", "write:alerts")
    body = {"environment": "Production", "resource": "r", "event": "e", "service": ["s"], "severity": "major"}
    with world.client() as client:
        told = client.get("/api/config").json()
        assert (told["allow_readonly"], told["readonly_scopes"]) == (True, ["read:alerts"])
        assert client.get("/api/alerts").status_code == 200
        assert client.get("/api/alerts", headers=key("wrong-key-here")).status_code == 401
        assert client.post("/api/alert", json=body).status_code == 401
        assert client.post("/api/alert", json=body, headers=key("writer")).status_code == 201
        assert client.get("/api/session").json()["scopes"] == ["read:alerts"]
    with World().client() as client:
        assert client.get("/api/config").json()["allow_readonly"] is False


async def test_strangers_see_nothing_of_customers_in_read_only_mode():
    world = World(readonly_scopes=("read",), rules=RoleRules(customer_views=True))
    await world.add_key("all", "write")
    body = {"environment": "Production", "resource": "r", "event": "e", "service": ["s"], "severity": "major"}
    with world.client() as client:
        client.post("/api/alert", json=body | {"customer": "A"}, headers=key("all"))
        client.post("/api/alert", json=body, headers=key("all"))
        assert client.get("/api/alerts").json()["total"] == 0
        assert client.get("/api/environments").json()["environments"] == []
        assert client.get("/api/alerts", headers=key("all")).json()["total"] == 2


def test_the_framework_has_no_routes_of_its_own(world: World):
    app = world.app()
    ours = {handler.fn.__module__.partition(".")[0] for _, handler in handlers(app)}
    assert ours == {"watchbell"}
    with world.client() as client:
        for path in ("/openapi.json", "/elements", "/swagger", "/redoc"):
            assert client.get(f"/api/_{path}", headers=key("admin")).status_code == 404


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        ({"Authorization": "Key user"}, ""),
        ({"Authorization": "Bearer user"}, ""),
        ({"X-API-Key": "user"}, ""),
        ({}, "?api-key=user"),
    ],
)
def test_keys_come_in_several_ways(world: World, headers: dict[str, str], query: str):
    with world.client() as client:
        assert client.get(f"/api/objects/host{query}", headers=headers).status_code == 200


async def test_a_wrong_key_is_not_saved_by_a_good_cookie(world: World):
    await world.add_user("ann", "admin")
    with world.client() as client:
        client.post("/api/session", json={"login": "ann", "password": "correct horse battery"})
        assert client.get("/api/users").status_code == 200
        answer = client.get("/api/users", headers=key("abcdefghij"))
    assert answer.status_code == 401
    assert answer.json()["message"] == "API key parameter 'abcd…' is invalid"


def test_refusals_say_what_is_missing(world: World):
    with world.client() as client:
        assert client.get("/api/users").json()["message"] == "Missing authorization API Key or Bearer Token"
        assert client.get("/api/users", headers=key("user")).json()["message"] == "Missing required scope: admin:users"
