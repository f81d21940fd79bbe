"""Every route of the API against everybody who may come along: one table, and no route outside it."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute

from api_client import World, key
from watchbell.api.auth import Requires

OPEN = {
    "GET /",
    "GET /{path:path}",
    "GET /api/config",
    "GET /api/docs",
    "GET /api/openapi.json",
    "GET /api/setup",
    "GET /healthz",
    "GET /metrics",
    "GET /ping/{heartbeat_id:uuid}",
    "GET /ping/{heartbeat_id:uuid}/{said:str}",
    "GET /readyz",
    "GET /status",
    "HEAD /ping/{heartbeat_id:uuid}",
    "HEAD /ping/{heartbeat_id:uuid}/{said:str}",
    "POST /api/session",
    "POST /api/setup",
    "POST /ping/{heartbeat_id:uuid}",
    "POST /ping/{heartbeat_id:uuid}/{said:str}",
}
KNOWN = {"GET /api/session", "DELETE /api/session"}
GUEST = {
    "GET /api/alert/{name:str}",
    "GET /api/alerts",
    "GET /api/alerts/count",
    "GET /api/alerts/history",
    "GET /api/check/{name:str}",
    "GET /api/checks",
    "GET /api/environments",
    "GET /api/incident/{incident_id:str}",
    "GET /api/incidents",
    "GET /api/service-status",
    "GET /api/services",
    "GET /api/stream",
}
ADMIN = {
    "DELETE /api/key/{key_id:str}",
    "DELETE /api/user/{user_id:str}",
    "GET /api/audit",
    "GET /api/users",
    "POST /api/user",
    "PUT /api/user/{user_id:str}",
}
"""Every route that is in none of these sets is for roles `user` and `admin`."""


FRAMEWORK = "/api/_"
"""Where the framework would describe the API itself; closed to everybody."""


def handlers(app: Litestar) -> Iterator[tuple[str, Any]]:
    for route in app.routes:
        if isinstance(route, HTTPRoute):
            for method, (handler, _) in route.route_handler_map.items():
                if method != "OPTIONS" and not route.path.startswith(FRAMEWORK):
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
    assert (OPEN | KNOWN | GUEST | ADMIN) - there == set()


def allowed(name: str) -> dict[str, bool]:
    if name in OPEN:
        return dict.fromkeys(("nobody", "guest", "user", "admin"), True)
    guest = name in GUEST | KNOWN
    return {"nobody": False, "guest": guest, "user": name not in ADMIN, "admin": True}


def test_every_route_with_every_role(world: World):
    app = world.app()
    wrong: list[str] = []
    with world.client() as client:
        for name, _ in handlers(app):
            if name == "GET /api/stream":
                continue  # it does not end; its guard is looked at above
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


def test_the_frameworks_own_routes_are_closed_even_to_administrators(world: World):
    with world.client() as client:
        for path in ("", "/openapi.json", "/elements", "/swagger", "/redoc"):
            assert client.get(FRAMEWORK + path, headers=key("admin")).status_code == 403


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
