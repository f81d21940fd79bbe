"""The audit log as administrators read it."""

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar.testing import TestClient

from api_client import PASSWORD, World, key, log_in
from watchbell.api import app, auth
from watchbell.api.app import at_the_edge
from watchbell.bootstrap.routes import ROUTES
from watchbell.domain.errors import Invalid
from watchbell.domain.roles import RoleRules
from watchbell.ports.telemetry import NullTelemetry

Client = TestClient[Any]
ALERT = {"environment": "Production", "resource": "web1", "event": "Down", "service": ["s"], "severity": "major"}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("adminkey", "admin", "read", "write")
    await world.add_user("ann", "admin")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with TestClient(at_the_edge(world.app(), NullTelemetry(), ())) as client:
        yield client


def entries(client: Client, **narrow: Any) -> list[dict[str, Any]]:
    return client.get("/api/audit", params=narrow, headers=key("adminkey")).json()["entries"]


def test_who_what_before_and_after_and_from_where(client: Client):
    headers = key("adminkey") | {"X-Request-ID": "trace-1", "User-Agent": "curl/8"}
    made = client.post(
        "/api/user", headers=headers, json={"login": "bob", "name": "Bob", "password": PASSWORD, "roles": ["user"]}
    )
    client.put(f"/api/user/{made.json()['id']}", headers=headers, json={"roles": ["guest"], "password": "another one!"})
    changed, created = entries(client, kind="user")
    assert (changed["event"], changed["category"], changed["who"]) == ("user-update", "admin", "robot")
    assert (changed["key"], changed["subject"], changed["subjectId"]) == ("adminkey"[:6], "bob", made.json()["id"])
    assert changed["changes"] == [
        {"field": "password", "before": "••••", "after": "•••• (changed)"},
        {"field": "roles", "before": ["user"], "after": ["guest"]},
    ]
    assert (changed["requestId"], changed["userAgent"]) == ("trace-1", "curl/8")
    assert changed["address"]
    assert created["action"] == "create"
    assert PASSWORD not in str(entries(client))


def test_roles_groups_customers_and_keys_with_what_changed(client: Client):
    role = client.post("/api/perm", headers=key("adminkey"), json={"match": "ops", "scopes": ["read"]}).json()["id"]
    client.put(f"/api/perm/{role}", headers=key("adminkey"), json={"scopes": ["write"]})
    group = client.post("/api/group", headers=key("adminkey"), json={"name": "dev"}).json()["id"]
    client.put(f"/api/group/{group}", headers=key("adminkey"), json={"name": "devs"})
    client.post("/api/customer", headers=key("adminkey"), json={"match": "x.org", "customer": "X"})
    plain = client.post("/api/key", headers=key("adminkey"), json={"scopes": ["read"]}).json()["key"]
    assert entries(client, kind="role")[0]["changes"] == [{"field": "scopes", "before": ["read"], "after": ["write"]}]
    assert entries(client, kind="group")[0]["changes"] == [{"field": "name", "before": "dev", "after": "devs"}]
    assert {"field": "customer", "before": None, "after": "X"} in entries(client, kind="customer")[0]["changes"]
    assert entries(client, kind="key")[0]["subject"] == plain[:6]
    assert plain not in str(entries(client))


async def test_who_describes_somebody_else_holds_what_they_hold(world: World, client: Client):
    await world.add_user("bob")
    await world.add_key("people", "admin:users", "read", "write")
    change = {"attributes": {"room": "12"}}
    for login, status in (("ann", 403), ("bob", 200), ("bob", 200)):
        assert client.put(f"/api/user/{login}/attributes", headers=key("people"), json=change).status_code == status
    (described,) = entries(client, kind="user")
    assert (described["event"], described["subject"]) == ("user-update", "bob")
    assert described["changes"] == [{"field": "attributes.room", "before": None, "after": "12"}]
    bob = log_in(client, "bob")
    assert client.put("/api/user/me/attributes", headers=bob, json={"attributes": {"x": "y"}}).status_code == 200
    assert len(entries(client, kind="user")) == 1, "preferences are one's own"


def test_what_people_do_to_alerts(client: Client):
    ann = log_in(client, "ann")
    alert = client.post("/api/alert", headers=ann, json=ALERT).json()["id"]
    assert entries(client, kind="alert") == [], "what is received is in the history"
    client.put(f"/api/alert/{alert}/action", headers=ann, json={"action": "ack"})
    client.put(f"/api/alert/{alert}/tag", headers=ann, json={"tags": ["a"]})
    client.put(f"/api/alert/{alert}/attributes", headers=ann, json={"attributes": {"x": "1"}})
    client.put(f"/api/alert/{alert}/note", headers=ann, json={"text": "look at the disk"})
    client.put("/api/_bulk/alerts/status?q=*:*", headers=ann, json={"status": "closed"})
    client.delete(f"/api/alert/{alert}", headers=ann)
    found = list(reversed(entries(client, kind="alert", category="write")))
    assert [entry["action"] for entry in found] == ["change", "change", "change", "note-add", "change", "delete"]
    assert {(entry["who"], entry["subjectId"]) for entry in found} == {("ann", alert)}
    assert {"field": "status", "before": "open", "after": "ack"} in found[0]["changes"]
    assert {"field": "tags", "before": [], "after": ["a"]} in found[1]["changes"]
    assert found[3]["text"] == "look at the disk"
    assert {"field": "status", "before": "ack", "after": "closed"} in found[4]["changes"]
    assert found[0]["userId"] == "id-ann"


def test_logging_in_and_out(client: Client):
    client.post("/api/session", json={"login": "ann", "password": "wrong one here"})
    ann = log_in(client, "ann")
    client.delete("/api/session", headers=ann)
    found = entries(client, category="auth")
    assert [entry["event"] for entry in found] == ["session-logout", "session-login", "session-login-failed"]


async def test_webhooks_that_are_refused(world: World):
    class Picky:
        def read(self, call: Any) -> Any:
            raise Invalid("has no alerts", "body")

    needs = world.needs()
    needs["hooks"] = needs["hooks"]._replace(table={"picky": Picky()})
    made = app.create_app(ROUTES, needs, [auth.authentication(world.authenticating, world.vouching)])
    with TestClient(made) as client:
        assert client.post("/api/webhooks/picky", headers=key("adminkey"), content=b"{}").status_code == 400
        (found,) = entries(client, kind="webhook")
    assert (found["action"], found["subject"], found["text"]) == ("rejected", "picky", "body: has no alerts")


def test_pages_and_files(client: Client):
    for number in range(5):
        client.post("/api/group", headers=key("adminkey"), json={"name": f"=g{number}"})
    page = client.get("/api/audit", params={"page": 2, "page-size": 2}, headers=key("adminkey")).json()
    assert ([entry["subject"] for entry in page["entries"]], page["total"], page["more"]) == (["=g2", "=g1"], 5, True)
    sheet = client.get("/api/audit?format=csv&kind=group", headers=key("adminkey"))
    assert sheet.headers["Content-Type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(sheet.text)))
    assert [row["subject"] for row in rows] == [f"'=g{number}" for number in (4, 3, 2, 1, 0)]
    lines = client.get("/api/audit?format=ndjson&before=2026-01-01T13:00:00.000Z", headers=key("adminkey")).text
    assert json.loads(lines.splitlines()[0])["subject"] == "=g4"
    assert client.get("/api/audit?format=pdf", headers=key("adminkey")).status_code == 400
    assert client.get("/api/audit?who=nobody", headers=key("adminkey")).json()["total"] == 0


async def test_whoever_sees_some_customers_does_not_see_the_log():
    world = World(rules=RoleRules(customer_views=True))
    made = await world.add_key("narrowed", "admin", "read", "write")
    async with world.store.transaction() as tx:
        await tx.keys.save(msgspec.structs.replace(made, customer="A"))
    with world.client() as client:
        assert client.get("/api/audit", headers=key("narrowed")).status_code == 403
