"""The shorter way of receiving an alert: it answers as the usual one does, and nothing unusual takes it."""

import json
import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from api_client import InWorld, World, key
from watchbell.api import alerts
from watchbell.api.app import at_the_edge
from watchbell.api.express import Express
from watchbell.domain.roles import RoleRules
from watchbell.ports.telemetry import NullTelemetry

PATH = "/api/alert"
ALERT = {"resource": "web1", "event": "Down", "environment": "Production", "service": ["shop"], "severity": "major"}
JSON = {"Content-Type": "application/json"}


class Counted:
    """The application, and how often it was asked."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += scope["type"] == "http"
        await self._app(scope, receive, send)


class Way:
    """A world whose API is asked one way: `app` is what does not take the shorter one."""

    def __init__(self, world: World, *, shorter: bool) -> None:
        shared: Any = InWorld(world)
        self.app = Counted(shared)
        lanes = alerts.lanes(world.needs()["reception"]) if shorter else {}
        outer: Any = at_the_edge(Express(self.app, world.authenticating, lanes, most=100_000), NullTelemetry(), ())
        self.client = TestClient(outer, raise_server_exceptions=False)
        self.client.headers["X-Request-ID"] = "r1"


async def make() -> World:
    world = World(rules=RoleRules(customer_views=True))
    await world.add_key("writer", "read", "write", user="ann")
    await world.add_key("reader", "read", user="bob")
    await world.add_key("admin", "admin", "read", "write", user="root")
    acme = await world.add_key("acme", "read", "write", user="eve")
    async with world.store.transaction() as tx:
        await tx.keys.save(msgspec.structs.replace(acme, customer="Acme"))
    return world


@pytest.fixture
async def ways() -> Any:
    return Way(await make(), shorter=False), Way(await make(), shorter=True)


@pytest.fixture
def both(ways: tuple[Way, Way]) -> Iterator[tuple[Way, Way]]:
    with ways[0].client, ways[1].client:
        yield ways


def plain(answer: Any) -> tuple[int, dict[str, str], Any]:
    """What must be the same: all but identifiers that were drawn."""
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "<id>", answer.text)
    headers = {name: value for name, value in answer.headers.items() if name != "content-length"}
    return answer.status_code, headers, json.loads(text)


SAME: dict[str, dict[str, Any]] = {
    "an alert": {"json": ALERT},
    "all fields": {
        "json": ALERT
        | {
            "id": "a" * 36,
            "tags": ["ü"],
            "attributes": {"a": [1]},
            "value": 3,
            "text": "<b>",
            "timeout": 5,
            "rawData": {},
        }
    },
    "no json": {"content": b"{", "headers": JSON},
    "not an object": {"json": [1]},
    "no body": {"content": b"", "headers": JSON},
    "nested too deeply": {"content": b'{"a":' + b"[" * 40_000, "headers": JSON},
    "no resource": {"json": {"event": "Down"}},
    "a bad severity": {"json": ALERT | {"severity": "loud"}},
    "a bad timeout": {"json": ALERT | {"timeout": -1}},
    "a heartbeat": {"json": ALERT | {"event": "Alive"}},
    "a customer of others": {"json": ALERT | {"customer": "Other"}, "as": "acme"},
    "a customer": {"json": ALERT, "as": "acme"},
    "no scope": {"json": ALERT, "as": "reader"},
    "no such key": {"json": ALERT, "as": "nobody"},
    "another host": {"json": ALERT, "headers": {"Host": "Alerts.Example.org:8443"}},
}


@pytest.mark.parametrize("name", SAME)
def test_both_ways_answer_the_same(both: tuple[Way, Way], name: str):
    asked = dict(SAME[name])
    headers = {**key(asked.pop("as", "writer")), **asked.pop("headers", {})}
    usual, shorter = (plain(way.client.post(PATH, headers=headers, **asked)) for way in both)
    assert shorter == usual
    assert [way.app.asked for way in both] == [1, 0]


def test_a_duplicate_is_counted_and_seen_the_usual_way(both: tuple[Way, Way]):
    _, shorter = both
    first = shorter.client.post(PATH, json=ALERT, headers=key("writer")).json()
    again = shorter.client.post(PATH, json=ALERT, headers=key("writer")).json()
    assert again["id"] == first["id"]
    seen = shorter.client.get(f"/api/alert/{first['id']}", headers=key("writer")).json()["alert"]
    assert (seen["duplicateCount"], seen["history"][0]["user"]) == (1, "ann")


def test_while_none_are_taken_both_say_when_to_come_again(both: tuple[Way, Way]):
    answers = []
    for way in both:
        turned = way.client.post("/api/management/switchboard", json={"sender-api-allow": "OFF"}, headers=key("admin"))
        assert turned.status_code == 200
        answers.append(plain(way.client.post(PATH, json=ALERT, headers=key("writer"))))
    assert answers[0] == answers[1]
    assert (answers[0][0], answers[0][1]["retry-after"]) == (503, "60")


def test_a_fault_of_ours_is_a_500_without_its_words(both: tuple[Way, Way], monkeypatch: pytest.MonkeyPatch):
    def fail(*_: object) -> None:
        raise RuntimeError("secret")

    monkeypatch.setattr(alerts, "signal_of", fail)
    usual, shorter = (plain(way.client.post(PATH, json=ALERT, headers=key("writer"))) for way in both)
    assert shorter == usual
    assert shorter[0] == 500
    assert "secret" not in json.dumps(shorter[2])


UNUSUAL: dict[str, dict[str, Any]] = {
    "no key": {"json": ALERT},
    "a key in the address": {"json": ALERT, "params": {"api-key": "writer"}},
    "another header for it": {"json": ALERT, "headers": {"X-API-Key": "writer"}},
    "a bearer": {"json": ALERT, "headers": {"Authorization": "Bearer writer"}},
    "a key as long as a body": {"json": ALERT, "headers": {"Authorization": f"Key {'k' * 3000}"}},
    "a cookie besides": {"json": ALERT, "headers": {**key("writer"), "Cookie": "watchbell_session=x"}},
    "a browser": {"json": ALERT, "headers": {**key("writer"), "Origin": "https://evil.example"}},
    "forwarded": {"json": ALERT, "headers": {**key("writer"), "X-Alerta-Loop": "http://elsewhere/api"}},
    "a proxy's user": {"json": ALERT, "headers": {**key("writer"), "X-Remote-User": "root"}},
    "a form": {"data": {"resource": "x"}, "headers": key("writer")},
    "json in other words": {
        "content": json.dumps(ALERT).encode(),
        "headers": {**key("writer"), "Content-Type": "application/json; charset=utf-8"},
    },
    "too much": {"content": b" " * 100_001, "headers": {**key("writer"), **JSON}},
    "a strange host": {"json": ALERT, "headers": {**key("writer"), "Host": "a b<script>"}},
    "in pieces": {"content": iter([json.dumps(ALERT).encode()]), "headers": {**key("writer"), **JSON}},
}


@pytest.mark.parametrize("name", UNUSUAL)
def test_what_is_unusual_goes_the_usual_way(both: tuple[Way, Way], name: str):
    _, shorter = both
    shorter.client.post(PATH, **UNUSUAL[name])
    assert shorter.app.asked == 1


def test_other_methods_and_paths_go_the_usual_way(both: tuple[Way, Way]):
    _, shorter = both
    assert shorter.client.get("/api/alerts", headers=key("writer")).status_code == 200
    assert shorter.client.put(PATH, json=ALERT, headers=key("writer")).status_code == 405
    assert shorter.client.post("/api/alerts", json=[ALERT], headers=key("writer")).status_code == 201
    assert shorter.app.asked == 3


async def ask(way: Way, *said: dict[str, Any], headers: tuple[tuple[bytes, bytes], ...] = ()) -> list[Any]:
    """Ask by hand; what was sent."""
    sent: list[Any] = []
    messages = iter(said)

    async def receive() -> Any:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    app: Any = way.client.app
    head = [(b"host", b"h"), (b"authorization", b"Key writer"), (b"content-type", b"application/json")]
    scope = {
        "type": "http",
        "method": "POST",
        "path": PATH,
        "raw_path": PATH.encode(),
        "query_string": b"",
        "scheme": "http",
        "server": ("h", 80),
        "client": ("127.0.0.1", 1),
        "headers": [*head, (b"content-length", str(len(BODY)).encode()), *headers],
        "state": {},
    }
    await app(scope, receive, send)
    return sent


BODY = json.dumps(ALERT).encode()


async def test_whoever_goes_before_the_body_is_there_leaves_no_alert():
    world = await make()
    way = Way(world, shorter=True)
    gone = {"type": "http.disconnect"}
    assert await ask(way, {"type": "http.request", "body": BODY, "more_body": True}, gone) == []
    async with world.store.reading() as tx:
        assert await tx.changes.latest() == 0


async def test_a_body_may_come_in_several_parts():
    way = Way(await make(), shorter=True)
    parts = [{"type": "http.request", "body": BODY[at : at + 9], "more_body": True} for at in range(0, len(BODY), 9)]
    start, _ = await ask(way, *parts, {"type": "http.request", "body": b"", "more_body": False})
    assert (start["status"], way.app.asked) == (201, 0)


@pytest.mark.parametrize("twice", [(b"authorization", b"Key admin"), (b"host", b"evil"), (b"content-length", b"1")])
async def test_a_header_that_comes_twice_goes_the_usual_way(twice: tuple[bytes, bytes]):
    way = Way(await make(), shorter=True)
    await ask(way, {"type": "http.request", "body": BODY, "more_body": False}, headers=(twice,))
    assert way.app.asked == 1
