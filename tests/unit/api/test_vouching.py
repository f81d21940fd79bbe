"""Callers whom a proxy names, and programs that sign their requests."""

import base64
import hashlib
import hmac
import json
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.api.edge import Edge, networks
from watchbell.domain.admission import ProxyTerms
from watchbell.domain.hawk import HawkKey
from watchbell.domain.roles import USUAL
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.vouching import Vouching

SECRET = "a secret of at least thirty-two characters"
ALERT = {"resource": "db", "event": "Down", "severity": "major", "environment": "Production", "service": ["Shop"]}


def world_with(**more: Any) -> World:
    world = World()
    world.vouching = Vouching(world.store, world.clock, USUAL, **more)
    return world


class FromAddress:
    """Says where requests come from, as the server does."""

    def __init__(self, app: Any, address: str) -> None:
        self._app, self._address = app, address

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        scope.setdefault("state", {})
        await self._app({**scope, "client": (self._address, 1)}, receive, send)


def behind_proxy(world: World, address: str = "10.0.0.1") -> "TestClient[Litestar]":
    edge = Edge(world.app(), NullTelemetry(), networks(["10.0.0.0/24"]))
    app: Any = FromAddress(edge, address)
    return TestClient(app, raise_server_exceptions=False)


async def test_a_trusted_proxy_names_the_caller():
    world = world_with(proxy=ProxyTerms(user_header="x-user", roles_header="x-roles", roles={"boss": "admin"}))
    with behind_proxy(world) as client:
        found = client.get("/api/session", headers={"X-User": "ann", "X-Roles": "other, boss"}).json()
        assert found["user"] == {"login": "ann", "name": "", "email": "", "roles": ["user", "admin"]}
        found = client.get("/api/session", headers={"X-User": "Ann", "X-Roles": "admin"}).json()
        assert found["user"]["roles"] == ["user"], "only what the settings map gives a role"
        assert client.get("/api/alerts").status_code == 401
        unsafe = client.post("/api/alert", json=ALERT, headers={"X-User": "ann"})
        assert unsafe.status_code == 201
        foreign = {"X-User": "ann", "Origin": "https://evil.example"}
        assert client.post("/api/alert", json=ALERT, headers=foreign).status_code == 403


async def test_another_origins_page_does_not_read_as_the_one_whom_the_proxy_names():
    foreign = {"X-User": "root", "Origin": "https://dash.example"}
    own = {"X-User": "root", "Origin": "http://testserver.local"}
    world = world_with(proxy=ProxyTerms(user_header="x-user"))
    await world.add_user("root", "admin")
    await world.add_key("reader", "read:alerts")
    with behind_proxy(world) as client:
        assert client.get("/api/users", headers=own).status_code == 200
        assert client.get("/api/users", headers=foreign).status_code == 401
        assert client.get("/api/alerts", headers=foreign | key("reader")).status_code == 200


async def test_a_page_makes_no_browser_tidy_up_as_the_one_whom_the_proxy_names():
    world = world_with(proxy=ProxyTerms(user_header="x-user"))
    await world.add_user("root", "admin")
    with behind_proxy(world) as client:
        path, user = "/api/management/housekeeping", {"X-User": "root"}
        for site in ("cross-site", "same-site"):
            assert client.get(path, headers=user | {"Sec-Fetch-Site": site}).status_code == 403
        assert client.get(path, headers=user).status_code == 200
        assert client.post(path, headers=user | {"Sec-Fetch-Site": "same-origin"}).status_code == 200


async def test_nobody_else_is_believed():
    world = world_with(proxy=ProxyTerms(user_header="x-user"))
    await world.add_user("root", "admin")
    with behind_proxy(world, "10.0.1.1") as client:
        assert client.get("/api/session", headers={"X-User": "root"}).status_code == 401
    with world.client() as client:
        assert client.get("/api/session", headers={"X-User": "root"}).status_code == 401
    with behind_proxy(world_with()) as client:
        assert client.get("/api/session", headers={"X-User": "root"}).status_code == 401


async def test_the_settings_may_keep_strangers_out_and_inactive_users_stay_out():
    world = world_with(proxy=ProxyTerms(user_header="x-user", sign_up=False))
    user = await world.add_user("ann")
    with behind_proxy(world) as client:
        assert client.get("/api/session", headers={"X-User": "ann"}).status_code == 200
        for stranger in ("bob", "id-ann", "a<b>", "x" * 200):
            assert client.get("/api/session", headers={"X-User": stranger}).status_code == 401
        async with world.store.transaction() as tx:
            await tx.users.save(msgspec.structs.replace(user, active=False))
        assert client.get("/api/session", headers={"X-User": "ann"}).status_code == 401
    async with world.store.reading() as tx:
        assert [user.login for user in await tx.users.all()] == ["ann"]


def signed(
    world: World, method: str, path: str, body: bytes = b"", nonce: str = "n1", key: str = SECRET
) -> dict[str, str]:
    """The headers that a client sends who signs with Hawk."""
    stamp = str(int(world.clock.now().timestamp()))
    media = "application/json" if body else ""
    payload = base64.b64encode(hashlib.sha256(f"hawk.1.payload\n{media}\n".encode() + body + b"\n").digest()).decode()
    text = f"hawk.1.header\n{stamp}\n{nonce}\n{method}\n{path}\ntestserver.local\n80\n{payload}\n\n"
    mac = base64.b64encode(hmac.digest(key.encode(), text.encode(), "sha256")).decode()
    header = f'Hawk id="robot", ts="{stamp}", nonce="{nonce}", hash="{payload}", mac="{mac}"'
    return {"Authorization": header, **({"Content-Type": media} if media else {})}


@pytest.fixture
def signing() -> World:
    return world_with(keys=(HawkKey(id="robot", secret=SECRET, scopes=("read", "write:alerts")),))


async def test_a_signed_request_is_good_once(signing: World):
    body = json.dumps(ALERT).encode()
    headers = signed(signing, "POST", "/api/alert?x=%20y", body)
    with signing.client() as client:
        assert client.post("/api/alert?x=%20y", content=body, headers=headers).status_code == 201
        again = client.post("/api/alert?x=%20y", content=body, headers=headers)
        assert (again.status_code, again.json()["message"]) == (401, "This Hawk signature was used already.")
        assert client.get("/api/alerts", headers=signed(signing, "GET", "/api/alerts", nonce="n2")).json()["total"] == 1


async def test_it_may_do_what_its_scopes_say(signing: World):
    with signing.client() as client:
        answer = client.get("/api/users", headers=signed(signing, "GET", "/api/users"))
        assert answer.json()["message"] == "Missing required scope: admin:users"


async def test_what_was_changed_on_the_way_is_refused(signing: World):
    body = json.dumps(ALERT).encode()
    with signing.client() as client:
        for number, (path, sent, secret) in enumerate(
            (("/api/alert?y", body, SECRET), ("/api/alert", body + b" ", SECRET), ("/api/alert", body, SECRET + "x"))
        ):
            headers = signed(signing, "POST", "/api/alert", body, f"n{number}", secret)
            assert client.post(path, content=sent, headers=headers).status_code == 401
        assert client.get("/api/alerts", headers={"Authorization": "Hawk x"}).status_code == 401
        late = signed(signing, "GET", "/api/alerts", nonce="late")
        await signing.clock.sleep(61)
        assert client.get("/api/alerts", headers=late).status_code == 401
