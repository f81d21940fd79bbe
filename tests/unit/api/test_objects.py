from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.domain.kinds import KINDS

CHECK: dict[str, Any] = {"name": "web", "type": "probe", "config": {"url": "https://example.org", "password": "hush"}}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("writer", "read", "write", user="ann")
    return world


@pytest.fixture
def client(world: World):
    with world.client() as client:
        client.headers.update(key("writer"))
        yield client


def made(client: "TestClient[Litestar]", kind: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/objects/{kind}", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()["object"]


def faults(answer: Any, status: int = 400) -> dict[str, str]:
    assert answer.status_code == status, answer.text
    return {error["field"]: error["reason"] for error in answer.json()["errors"]}


async def test_an_object_is_kept_with_its_secret_sealed_and_masked(world: World, client: "TestClient[Litestar]"):
    thing = made(client, "check", **CHECK)
    assert thing["body"]["config"] == {"url": "https://example.org", "password": "••••"}
    assert (thing["version"], thing["updatedBy"], thing["updatedAt"]) == (1, "ann", "2026-01-01T12:00:00.000Z")
    async with world.store.reading() as tx:
        stored = await tx.catalogue.get("check", "web")
        audit = await tx.audit.newest()
    assert stored is not None
    assert stored.body["config"]["password"] == "sealed:hsuh"
    assert [(entry.who, entry.action, entry.kind, entry.subject) for entry in audit] == [
        ("ann", "create", "check", "web")
    ]
    for path in ("/api/objects/check", "/api/objects/check/web", "/api/export", "/api/check/web", "/api/checks"):
        answer = client.get(path)
        assert answer.status_code == 200
        assert "hush" not in answer.text
        assert "hsuh" not in answer.text


async def test_dots_keep_the_secret_and_a_new_one_replaces_it(world: World, client: "TestClient[Litestar]"):
    thing = made(client, "check", **CHECK, interval=30)
    path = f"/api/objects/check/{thing['id']}"
    body = thing["body"] | {"interval": 45}
    assert client.put(path, json=body).json()["object"]["body"]["interval"] == 45
    async with world.store.reading() as tx:
        stored = await tx.catalogue.get("check", "web")
    assert stored is not None
    assert stored.body["config"]["password"] == "sealed:hsuh"
    body["config"] = {"url": "https://example.org", "password": "new one", "headers": {"X-Token": "hidden"}}
    shown = client.put(path, json=body).json()["object"]["body"]["config"]
    assert shown == {"url": "https://example.org", "password": "••••", "headers": {"X-Token": "••••"}}
    past = client.get(path).json()["past"]
    assert [row["version"] for row in past] == [2, 1]


@pytest.mark.parametrize("password", ["••••", "sealed:stolen"])
def test_a_secret_must_be_given_itself(client: "TestClient[Litestar]", password: str):
    body = CHECK | {"config": {"url": "https://example.org", "password": password}}
    assert list(faults(client.post("/api/objects/check", json=body))) == ["config.password"]


def test_everything_wrong_is_said_at_once_with_its_path(client: "TestClient[Litestar]"):
    body = {
        "name": " bell\u0007",
        "type": "probe",
        "config": {"ulr": "x", "retries": "many"},
        "interval": 0.1,
        "severity": "dire",
        "environment": "Mars",
        "colour": "red",
    }
    answer = client.post("/api/objects/check", json=body)
    assert list(faults(answer)) == ["name"]  # hostile texts come first: nothing else is looked at
    found = faults(client.post("/api/objects/check", json=body | {"name": "bell"}))
    assert {"config.ulr", "config.url", "config.retries", "colour"} <= found.keys()
    del body["colour"]
    found = faults(client.post("/api/objects/check", json=body | {"name": "bell"}))
    assert {"interval", "severity", "environment", "config.url"} <= found.keys()


def test_paths_reach_into_lists(client: "TestClient[Litestar]"):
    body = {"name": "p", "steps": [{"after": 0, "targets": [{"channel": 5}]}]}
    assert faults(client.post("/api/objects/policy", json=body))["steps[0].targets[0].channel"].startswith("Expected")
    body = {"name": "p", "steps": [{"after": 0, "targets": [{"channel": "room", "who": "me"}]}]}
    assert faults(client.post("/api/objects/policy", json=body)) == {"steps[0].targets[0].who": "unknown setting"}
    body = {"name": "p", "steps": [{"after": 60, "targets": []}, {"after": 5, "targets": [{"channel": "room"}]}]}
    assert list(faults(client.post("/api/objects/policy", json=body))) == ["steps[0].targets", "steps[1].after"]
    body = {"name": "p", "steps": [{"after": 5, "targets": [{"channel": "room"}]}]}
    assert faults(client.post("/api/objects/policy", json=body)) == {
        "steps[0].targets[0].channel": "there is no channel named 'room'"
    }


def test_references_hold_what_they_refer_to(client: "TestClient[Litestar]"):
    host = made(client, "host", name="db1", address="192.0.2.7")
    made(client, "service", name="shop")
    made(client, "check", **CHECK, host="db1", services=["shop"])
    answer = client.delete(f"/api/objects/host/{host['id']}")
    assert answer.status_code == 409
    assert "check web" in answer.json()["message"]
    renamed = client.put("/api/objects/service/shop", json={"name": "store"})
    assert (renamed.status_code, "check web" in renamed.json()["message"]) == (409, True)
    assert client.delete("/api/objects/check/web").status_code == 200
    assert client.delete("/api/objects/host/db1").status_code == 200
    assert client.get("/api/objects/host/db1").status_code == 404


def test_a_name_is_taken_once(client: "TestClient[Litestar]"):
    made(client, "host", name="db1")
    made(client, "host", name="db2")
    for answer in (
        client.post("/api/objects/host", json={"name": "db1"}),
        client.put("/api/objects/host/db2", json={"name": "db1"}),
    ):
        assert list(faults(answer, 409)) == ["name"]


def test_a_stale_version_is_refused(client: "TestClient[Litestar]"):
    thing = made(client, "host", name="db1")
    path = f"/api/objects/host/{thing['id']}"
    assert client.put(f"{path}?if-version=1", json={"name": "db1", "site": "berlin"}).status_code == 200
    answer = client.put(f"{path}?if-version=1", json={"name": "db1", "site": "paris"})
    assert (answer.status_code, "ann" in answer.json()["message"]) == (409, True)
    assert list(faults(answer, 409)) == ["if-version"], "no name is taken"
    assert client.put(f"{path}?if-version=x", json={"name": "db1"}).status_code == 400


@pytest.mark.parametrize(
    "name", ["<script>alert(1)</script>", "../../etc/passwd", "'; drop table objects; --", "ü 名 🔔"]
)
def test_hostile_names_are_only_text(client: "TestClient[Litestar]", name: str):
    thing = made(client, "host", name=name)
    assert client.get("/api/objects/host").json()["objects"][0]["name"] == name
    assert client.get("/api/objects/host").headers["content-type"].startswith("application/json")
    assert client.delete(f"/api/objects/host/{thing['id']}").status_code == 200


@pytest.mark.parametrize("name", ["", "  ", "a\x00b", "a\nb", "x" * 201, " edge", 5, None, ["a"]])
def test_bad_names_are_refused(client: "TestClient[Litestar]", name: Any):
    assert "name" in faults(client.post("/api/objects/host", json={"name": name}))
    assert client.get("/api/objects/host").json()["total"] == 0


@pytest.mark.parametrize(
    "body",
    [
        {"name": "s", "runbook": "javascript:alert(1)"},
        {"name": "s", "runbook": "data:text/html,x"},
        {"name": "s", "description": "bell \x07"},
        {"name": "s", "description": "x" * 20_000},
        {"name": "s", "environments": ["a"] * 2000},
        {"name": "s", "deep": {"a": {}}},
    ],
)
def test_hostile_services_are_refused(client: "TestClient[Litestar]", body: dict[str, Any]):
    assert faults(client.post("/api/objects/service", json=body))
    assert client.get("/api/objects/service").json()["total"] == 0


def test_bodies_that_are_too_big_or_no_json(client: "TestClient[Litestar]"):
    json = {"Content-Type": "application/json"}
    assert client.post("/api/objects/host", content=b'"' + b"a" * 10_000_000 + b'"', headers=json).status_code == 413
    assert client.post("/api/objects/host", content=b"{'name'}", headers=json).status_code == 400
    assert client.post("/api/objects/host", content=b'{"name": "\\ud800"}', headers=json).status_code == 400
    assert client.post("/api/objects/host", content=b"name=x").status_code == 415
    assert client.post("/api/objects/nonsense", json={"name": "x"}).status_code == 404


SET = [
    {"kind": "check", "name": "web", "type": "probe", "config": {"url": "u", "password": "hush"}, "services": ["shop"]},
    {"kind": "service", "name": "shop", "policy": "page"},
    {"kind": "policy", "name": "page", "steps": [{"targets": [{"channel": "room"}]}]},
    {"kind": "channel", "name": "room", "type": "call", "config": {"url": "u", "token": "t"}},
]


def test_plan_and_apply_agree_and_applying_twice_changes_nothing(client: "TestClient[Litestar]"):
    plan = client.post("/api/plan", json={"objects": SET}).json()
    assert plan["errors"] == []
    assert [(c["action"], c["kind"], c["name"]) for c in plan["changes"]] == [
        ("create", "channel", "room"),
        ("create", "policy", "page"),
        ("create", "service", "shop"),
        ("create", "check", "web"),
    ]
    assert "hush" not in str(plan)
    assert client.get("/api/objects/check").json()["total"] == 0
    applied = client.post("/api/apply", json={"objects": SET}).json()
    assert applied["changes"] == plan["changes"]
    assert applied["version"] == 1
    assert client.post("/api/apply", json={"objects": SET}).json()["changes"] == []
    exported = client.get("/api/export").json()["objects"]
    assert [thing["kind"] for thing in exported] == ["channel", "policy", "service", "check"]
    assert client.post("/api/plan", json={"objects": exported, "prune": True}).json()["changes"] == []


def test_a_plan_shows_field_by_field(client: "TestClient[Litestar]"):
    client.post("/api/apply", json={"objects": SET})
    changed = [dict(SET[0], interval=5, config={"url": "v", "password": "other"}), *SET[1:]]
    (change,) = client.post("/api/plan", json={"objects": changed}).json()["changes"]
    assert change["action"] == "update"
    assert change["fields"] == [
        {"field": "config.url", "before": "u", "after": "v"},
        {"field": "interval", "before": 60.0, "after": 5.0},
    ]
    secret_only = [dict(SET[0], config={"url": "u", "password": "other"}), *SET[1:]]
    (change,) = client.post("/api/plan", json={"objects": secret_only}).json()["changes"]
    assert "other" not in str(change)
    assert change["fields"]


def test_pruning_deletes_what_is_not_named_unless_it_is_used(client: "TestClient[Litestar]"):
    client.post("/api/apply", json={"objects": SET})
    refused = client.post("/api/plan", json={"objects": SET[:1], "prune": True}).json()
    assert [error["field"] for error in refused["errors"]] == ["objects[0].services[0]"]
    pruned = client.post("/api/apply", json={"objects": SET[1:], "prune": True}).json()
    assert [(c["action"], c["name"]) for c in pruned["changes"]] == [("delete", "web")]
    assert client.get("/api/objects/check").json()["total"] == 0


def test_with_one_error_nothing_is_applied(client: "TestClient[Litestar]"):
    objects = [
        *SET,
        {"kind": "host"},
        {"kind": "moon", "name": "x"},
        5,
        {"name": "x"},
        SET[1],
        {"kind": "host", "name": "a", "id": "x"},
    ]
    found = faults(client.post("/api/apply", json={"objects": objects}))
    assert found.keys() == {"objects[4].name", "objects[5].kind", "objects[6]", "objects[7].kind", "objects[8].name"}
    assert client.get("/api/export").json()["objects"] == []


def test_the_schema_has_every_kind_and_plugin(client: "TestClient[Litestar]"):
    schema = client.get("/api/schema").json()
    assert set(schema["kinds"]) == set(KINDS)
    fields = {field["name"]: field for field in schema["plugins"]["check"]["probe"]["fields"]}
    assert fields["url"]["required"] is True
    assert fields["password"]["secret"] is True
    assert fields["password"]["doc"] == "Shown to nobody."
    assert "id" not in {field["name"] for field in schema["kinds"]["check"]["fields"]}
    assert all(field["doc"] for kind in ("check", "host", "service") for field in schema["kinds"][kind]["fields"])


async def test_what_rests_on_the_clock_is_stored_as_it_was(world: World, client: "TestClient[Litestar]"):
    made(client, "host", name="db1")
    async with world.store.reading() as tx:
        stored = await tx.catalogue.get("host", "db1")
    assert stored is not None
    assert stored.updated_at == START
