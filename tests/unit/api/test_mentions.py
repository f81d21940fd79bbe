"""Notes that mention people: they watch the alert from then on."""

from collections.abc import Iterator

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key

Client = TestClient[Litestar]


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    for login in ("bob", "Eve.Adams", "kim@example.org"):
        await world.add_user(login)
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        body = {"environment": "Production", "resource": "web1", "event": "Down", "severity": "major"}
        assert client.post("/api/alert", json=body | {"service": ["Shop"], "tags": ["dc=1"]}).status_code == 201
        yield client


@pytest.mark.parametrize(
    ("text", "watchers"),
    [
        ("@bob please look", ["bob"]),
        ("could be the switch (@BOB, @eve.adams).", ["bob", "Eve.Adams"]),
        ("ask @Eve.Adams.", ["Eve.Adams"]),
        ("@kim@example.org knows, @kim@example.org!", ["kim@example.org"]),
        ("mail to bob@bob or a@b, or to @nobody", []),
        ("user id-bob, @id-bob", []),
        ("@", []),
        ("@" * 5000 + " @bob", ["bob"]),
    ],
)
def test_who_is_mentioned_watches(client: Client, text: str, watchers: list[str]):
    (alert,) = client.get("/api/alerts").json()["alerts"]
    answer = client.put(f"/api/alert/{alert['id']}/note", json={"text": text})
    assert answer.status_code == 201
    shown = client.get(f"/api/alert/{alert['id']}").json()["alert"]
    assert shown["tags"] == ["dc=1", *(f"watch:{login}" for login in watchers)]
    assert shown["history"][-1]["text"] == text
    assert all(login in shown["history"][-1]["reason"] for login in watchers)
    for login in watchers:
        assert client.get("/api/alerts", params={"tag": f"watch:{login}"}).json()["total"] == 1


def test_only_so_many_are_looked_up(client: Client):
    (alert,) = client.get("/api/alerts").json()["alerts"]
    many = " ".join(f"@nobody{number}" for number in range(50))
    client.put(f"/api/alert/{alert['id']}/note", json={"text": f"{many} @bob"})
    assert client.get(f"/api/alert/{alert['id']}").json()["alert"]["tags"] == ["dc=1"]
