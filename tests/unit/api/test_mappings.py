from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.api.tries import PATIENCE, Tries

TEXT = """\
name: shop
schema:
  type: record
  name: R
  fields:
    - {name: page, type: ["null", string], default: null}
steps:
  - {set: page, to: {uri: path, of: {value: location}}}
  - {when: {value: corrupt}, then: [{drop: corrupt}]}
"""


@pytest.fixture
async def client():
    world = World()
    await world.add_key("writer", "read", "write", user="ann")
    with world.client() as client:
        client.headers.update(key("writer"))
        yield client


class Lanes:
    """Threads that do their work at once and remember for whom."""

    def __init__(self) -> None:
        self.used: list[str] = []

    async def run(self, lane: str, work: Callable[[], Any], timeout: float) -> Any:
        assert timeout == PATIENCE
        self.used.append(lane)
        return work()


def attempt(client: "TestClient[Litestar]", **body: Any) -> dict[str, Any]:
    answer = client.post("/api/mappings/try", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_the_record_and_the_way_to_it(client):
    found = attempt(client, text=TEXT, event={"location": "http://h/p"})
    assert found["problems"] == []
    assert found["record"] == {"page": "/p"}
    assert found["fields"] == [{"name": "page", "type": "null or string", "mandatory": False}]
    assert [(step["place"], step["what"]) for step in found["steps"]] == [
        ("steps[0]", "set page"),
        ("steps[1]", "when: false"),
    ]
    assert attempt(client, text=TEXT, event={"corrupt": True})["why"] == "drop: corrupt"


async def test_it_is_tried_in_threads_of_their_own():
    world, lanes = World(), Lanes()
    await world.add_key("reader", "read", user="ann")
    needs = world.needs()
    world.needs = lambda: {**needs, "tries": Tries(lanes)}
    deep = "[" * 100 + ",".join(["0"] * 20_000) + "]" * 100
    attributes = {f"a{number}": {"path": "$..[*]..zz"} for number in range(400)}
    shape = {"name": "f", "alert": {"resource": "r", "event": "e", "attributes": attributes}}
    with world.client() as client:
        client.headers.update(key("reader"))
        assert attempt(client, text=TEXT, event={"location": "http://h/p"})["problems"] == []
        question = {"text": msgspec.json.encode(shape).decode(), "message": deep}
        (problem,) = client.post("/api/formats/try", json=question).json()["problems"]
    assert problem["field"] == "message.body"
    assert problem["reason"].startswith("takes more than 500000 steps")
    assert lanes.used == ["Trying a mapping", "Trying a webhook"]


async def test_problems_come_with_their_lines(client):
    wrong = TEXT.replace("uri: path", "uri: paht").replace("value: corrupt", "value: location")
    found = attempt(client, text=wrong, event={"location": "http://h/p"})
    assert [(problem["field"], problem["line"]) for problem in found["problems"]] == [
        ("steps[0].to.uri", 8),
        ("steps[1].when", 9),
    ]
    assert found["record"] is None
    (broken,) = attempt(client, text="name: [")["problems"]
    assert broken["line"] == 1
    (other,) = attempt(client, text="- a list")["problems"]
    assert "must be an object" in other["reason"]


async def test_problems_of_the_event_have_no_line(client):
    found = attempt(client, text=TEXT, event={"locaton": "x"})
    assert [(problem["field"], problem["line"]) for problem in found["problems"]] == [("event.locaton", 0)]


async def test_a_mapping_as_data_without_an_event(client):
    assert attempt(client, mapping={"name": "m"})["problems"] == []
    assert attempt(client, text="kind: check\nname: x")["problems"][0]["field"] == "kind"


async def test_a_stored_mapping_as_text(client):
    parsed = attempt(client, text=TEXT)["mapping"]
    made = client.post("/api/objects/mapping", json=parsed)
    assert made.status_code == 201, made.text
    found = client.get("/api/mappings/shop/text").json()
    assert found["version"] == made.json()["object"]["version"]
    assert attempt(client, text=found["text"])["mapping"] == parsed
    assert found["text"].startswith("name: shop\nschema:\n  type: record\n")
    assert client.get("/api/mappings/none/text").status_code == 404


async def test_a_mapping_that_is_wrong_is_not_stored(client):
    answer = client.post("/api/objects/mapping", json={"name": "m", "steps": [{"set": "nope", "to": 1}]})
    assert answer.status_code == 400
    assert "steps[0].set" in {error["field"] for error in answer.json()["errors"]}


async def test_a_schema_that_readers_cannot_follow_is_refused(client):
    assert client.post("/api/objects/mapping", json=attempt(client, text=TEXT)["mapping"]).status_code == 201
    narrower = attempt(client, text=TEXT.replace('["null", string], default: null', "int, default: 0"))
    changed = {**narrower["mapping"], "steps": []}
    answer = client.put("/api/objects/mapping/shop", json=changed)
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "schema"
    plan = client.post("/api/plan", json={"objects": [{"kind": "mapping", **changed}]}).json()
    assert plan["errors"][0]["field"] == "objects[0].schema"
    assert client.put("/api/objects/mapping/shop", json={**changed, "compatibility": "none"}).status_code == 200
