"""`q=` over lists that are read whole."""

from collections.abc import Iterator
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.domain.alerts.row_search import row_search
from watchbell.domain.errors import Invalid

Client = TestClient[Litestar]
ROW: dict[str, Any] = {
    "attributes": {"rack": "b7", "height": 2},
    "customer": None,
    "duration": 3600,
    "environment": "Production",
    "href": "http://watchbell.example/api/blackout/1",
    "repeat": True,
    "resource": "web01.example",
    "service": ["Shop", "Web Site"],
    "startTime": "2026-01-01T12:00:00.000Z",
    "tags": [],
    "text": "patching the kernel",
}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("admin", "admin", "read", "write", user="root")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("admin"))
        yield client


def holds(text: str, default: str = "") -> bool:
    return row_search(text, default, ROW.keys())(ROW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "KERNEL",
        "disk kernel",
        '"the kernel"',
        "ker*",
        "text:/^patch(ing)? /",
        "resource:web",
        "resource:web0?.example",
        "resource:web01 AND NOT resource:db",
        "service:Shop",
        'service:"web site"',
        "service:Web*",
        "any:web01",
        "any:site",
        "duration:3600",
        "duration:>=3600 AND duration:[3000 TO *]",
        "startTime:>2026-01-01",
        "start_time:[2026-01-01T12:00:00 TO 2026-01-01T22:00:00+10:00]",
        "repeat:true",
        "attributes.rack:B7",
        "_.height:2",
        "environment:>Development",
        "_exists_:text AND -_exists_:customer AND NOT tags:*",
        "_exists_:rack",
    ],
)
def test_what_finds_a_row(text: str):
    assert holds(text)


@pytest.mark.parametrize(
    "text",
    [
        "web01",
        '"ernel"',
        "ern*",
        "service:Sho",
        "service:shop*x",
        "tags:x",
        "any:blackout",
        "duration:many",
        "duration:>3600",
        "startTime:>2026-01-01T12:00:00",
        "repeat:false",
        "customer:*",
        "attributes.rack:c7",
        r"resource:web01\*",
    ],
)
def test_what_does_not(text: str):
    assert not holds(text)


def test_words_are_looked_for_where_it_is_said():
    assert holds("web01", "resource")
    assert holds("web01", "any")
    assert row_search("web01", "", {"resource"})({"resource": "web01"}), "where there is no text, in any field"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("colour:red", "q: there is no field 'colour'; there are attributes, customer, "),
        ("(text:a", "Failed to parse query string: a '\\)' is missing"),
        ("text:/(?=x)/", "q: is not a regular expression"),
        ("duration:>many", "duration: is not a number"),
        ("startTime:>yesterday", "startTime: is not a time"),
    ],
)
def test_what_is_wrong_is_said(text: str, reason: str):
    with pytest.raises(Invalid, match=reason):
        holds(text)


def test_blackouts_are_searched(client: Client):
    for resource in ("web01", "db01"):
        made = client.post(
            "/api/blackout", json={"environment": "Production", "resource": resource, "text": "patching"}
        )
        assert made.status_code == 201

    def found(**asked: str) -> list[str]:
        body = client.get("/api/blackouts", params=asked).json()
        assert body["total"] == len(body["blackouts"])
        return sorted(row["resource"] for row in body["blackouts"])

    assert found(q="resource:nope") == []
    assert found(q="resource:web*") == ["web01"]
    assert found(q="patching", status="active") == ["db01", "web01"]
    assert found(q="web01") == []
    assert found(q="web01", **{"q.df": "resource"}) == ["web01"]
    assert client.get("/api/blackouts", params={"q": "colour:red"}).status_code == 400


def test_other_lists_are_searched_too(client: Client):
    for name in ("ops", "shop"):
        client.post("/api/group", json={"name": name, "text": f"of {name}"})
    assert [row["name"] for row in client.get("/api/groups", params={"q": "name:ops"}).json()["groups"]] == ["ops"]
    assert client.get("/api/heartbeats", params={"q": "(origin:x"}).status_code == 400
