"""Customer views: every route, called by somebody of one customer, shows and changes nothing of another's."""

import re
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from api_client import START, World, key, log_in
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.accounts import CustomerLookup, Group
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.note import note_on
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.ids import AlertId, IncidentId
from watchbell.domain.managed import Stored
from watchbell.domain.oncall.incident import Incident, TimelineEntry
from watchbell.domain.roles import RoleRules
from watchbell.ports.store import Store
from watchbell.usecases.guarding import visible_items

VIEWS = RoleRules(customer_views=True)
THEIRS, OURS = "hidden-co", "ours-co"
MARK = "hidden"
"""In everything of the other customer's, but not in its ids: those stand in the paths, and so in some answers."""
NAMES = ("alert", "note", "blackout", "heartbeat", "incident", "key", "lookup")
IDS = {name: f"7e57{number:04}-0000-4000-8000-000000000000" for number, name in enumerate(NAMES)}
PARAMETERS = {
    "{note_id:str}": IDS["note"],
    "{blackout_id:str}": IDS["blackout"],
    "{silence_id:str}": IDS["blackout"],
    "{heartbeat_id:str}": IDS["heartbeat"],
    "{incident_id:str}": IDS["incident"],
    "{key_id:str}": IDS["key"],
    "{lookup_id:str}": IDS["lookup"],
    "{heartbeat_id:uuid}": IDS["heartbeat"],
    "{kind:str}": "blackout",
    "{measure:str}": "count",
    "{path:path}": "x",
}
BODIES: dict[str, Any] = {
    "action": {"action": "ack", "text": "mine"},
    "status": {"status": "closed", "text": "mine"},
    "tag": {"tags": ["mine"]},
    "untag": {"tags": [f"{MARK}-tag"]},
    "attributes": {"attributes": {"mine": "1"}},
    "note": {"text": "mine"},
    "customer": {"customer": THEIRS, "match": "mine"},
    "key": {"text": "mine", "scopes": ["read"], "customer": THEIRS},
}
NOT_CALLED = {"GET /api/stream"}
"""It does not end; what it tells is looked at below."""


def new_alert(identifier: str, customer: str, mark: str, **more: Any) -> Alert:
    return Alert(
        id=AlertId(identifier),
        environment=more.pop("environment", "Production"),
        resource=f"{mark}-resource",
        event=f"{mark}-event",
        severity="critical",
        status="open",
        service=(f"{mark}-service",),
        group=f"{mark}-group",
        tags=(f"{mark}-tag",),
        text=f"{mark} text",
        create_time=START,
        receive_time=START,
        last_receive_id=identifier,
        last_receive_time=START,
        update_time=START,
        customer=customer,
        **more,
    )


async def seed(store: Store) -> None:
    """The same of both customers."""
    world = World(store=lambda _now: store, rules=VIEWS)
    await world.add_key("theirs", "admin", "read", "write")
    await world.add_key("ours", "admin", "read", "write")
    await world.add_key("everybody", "admin", "read", "write")
    async with store.transaction() as tx:
        for mark, customer, ids in ((MARK, THEIRS, IDS), ("ours", OURS, dict.fromkeys(IDS, ""))):
            own = {name: value or f"00{number}{mark}-id" for number, (name, value) in enumerate(ids.items())}
            alert = new_alert(own["alert"], customer, mark, environment=f"{mark}-environment")
            note = note_on(alert, own["note"], f"{mark} note", "ann", START)
            await tx.alerts.save([alert])
            await tx.history.add(
                [
                    HistoryEntry(
                        id=f"{mark}-entry",
                        alert_id=alert.id,
                        type="new",
                        event=alert.event,
                        severity="critical",
                        status="open",
                        text=f"{mark} history",
                        at=START,
                        sent_at=START,
                    )
                ]
            )
            await tx.notes.save(note)
            beat = OriginHeartbeat(
                id=own["heartbeat"],
                origin=f"{mark}-origin",
                customer=customer,
                create_time=START,
                receive_time=START,
                timeout=60,
            )
            await tx.origin_heartbeats.save([beat])
            episode = Incident(
                id=IncidentId(own["incident"]),
                service=f"{mark}-service",
                title=f"{mark} incident",
                severity="critical",
                alerts=(alert.id,),
                opened_at=START,
            )
            await tx.incidents.save([episode])
            line = TimelineEntry(id=f"{mark}-line", incident_id=episode.id, at=START, kind="note", text=f"{mark} line")
            await tx.incidents.add_entries([line])
            row = Stored(
                kind="blackout",
                id=own["blackout"],
                name=f"{mark} blackout",
                body={"environment": f"{mark}-environment", "customer": customer},
                version=0,
                updated_at=START,
                updated_by="",
            )
            await tx.catalogue.put([row])
            await tx.customer_lookups.save(CustomerLookup(id=own["lookup"], match=f"{mark}-match", customer=customer))
            for each in await tx.keys.all():
                if each.id == f"id-{'theirs' if customer == THEIRS else 'ours'}":
                    identifier = own["key"] if customer == THEIRS else each.id
                    text = f"{mark} key"
                    await tx.keys.delete(each.id)
                    await tx.keys.save(msgspec.structs.replace(each, id=identifier, customer=customer, text=text))


async def state_of_theirs(store: Store) -> list[Any]:
    async with store.reading() as tx:
        return [
            await tx.alerts.many([IDS["alert"]]),
            await tx.history.of(IDS["alert"]),
            await tx.notes.of(IDS["alert"]),
            await tx.origin_heartbeats.get([IDS["heartbeat"]]),
            await tx.incidents.get(IDS["incident"]),
            await tx.incidents.timeline(IDS["incident"]),
            await tx.catalogue.get("blackout", IDS["blackout"]),
            [each for each in await tx.customer_lookups.all() if each.customer == THEIRS],
            [msgspec.structs.replace(each, last_used=None) for each in await tx.keys.all() if each.customer == THEIRS],
        ]


class Place:
    """Where the data of a test is; each opening is for one event loop."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._memory = MemoryStore(lambda: START)

    def open(self) -> Any:
        return open_store(self._url, now=lambda: START) if self._url else self._memory


@pytest.fixture(params=["memory", "sqlite"])
def place_url(request: pytest.FixtureRequest) -> str:
    return request.getfixturevalue("sqlite_url") if request.param == "sqlite" else ""


@pytest.fixture
async def place(place_url: str) -> Place:
    place = Place(place_url)
    store = place.open()
    await seed(store)
    await store.close()
    return place


def client_of(world: World, app: Litestar | None = None) -> "TestClient[Litestar]":
    """A client whose store is closed when it ends, in the loop that used it."""
    app = app or world.app()
    app.on_shutdown.append(world.store.close)
    return TestClient(app, raise_server_exceptions=False)


def routes(app: Litestar) -> Iterator[tuple[str, str, str]]:
    """Every route as (name, method, url); what reads comes before what writes."""
    found: list[tuple[bool, str, str, str]] = []
    for route in app.routes:
        if not isinstance(route, HTTPRoute) or f"{route.path}/".startswith("/api/_/"):
            continue
        url = route.path
        for parameter, value in PARAMETERS.items():
            url = url.replace(parameter, value)
        if url.startswith("/api/alert/"):
            url = url.replace("{name:str}", IDS["alert"])
        if url.startswith("/api/objects/"):
            url = url.replace("{name:str}", IDS["blackout"])
        url = re.sub(r"\{[^}]*\}", "x", url) + ("?q=*:*" if "_bulk" in url else "")
        for method, (handler, _) in route.route_handler_map.items():
            name = f"{method} {route.path}"
            if method != "OPTIONS" and name not in NOT_CALLED and not handler.opt.get("open"):
                found.append((method != "GET", name, method, url))
    return iter([row[1:] for row in sorted(found)])


def call(client: "TestClient[Litestar]", who: str, method: str, url: str) -> Any:
    parts = url.partition("?")[0].split("/")
    last = next((part for part in reversed(parts) if part in BODIES), "")
    body = None if method in {"GET", "DELETE"} else BODIES.get(last, {"text": "mine"})
    return client.request(method, url, headers=key(who), json=body)


async def test_no_route_shows_or_changes_what_is_anothers(place: Place):
    store = place.open()
    before = await state_of_theirs(store)
    await store.close()
    world = World(store=lambda _now: place.open(), rules=VIEWS)
    app = world.app()
    shown: list[str] = []
    control: set[str] = set()
    with client_of(world, app) as client:
        for name, method, url in routes(app):
            if method == "GET" and MARK in call(client, "everybody", method, url).text:
                control.add(name)
            answer = call(client, "ours", method, url)
            lost = MARK in answer.text.replace(THEIRS, "") or (url.count("7e5") == 0 and "7e5" in answer.text)
            if lost or answer.status_code == 500:
                shown.append(f"{name}: {answer.status_code} {answer.text[:300]}")
    assert not shown, "\n".join(shown)
    assert control >= {
        "GET /alertmanager/api/v2/alerts",
        "GET /alertmanager/api/v2/alerts/groups",
        "GET /alertmanager/api/v2/silence/{silence_id:str}",
        "GET /alertmanager/api/v2/silences",
        "GET /api/alert/{name:str}",
        "GET /api/alert/{name:str}/notes",
        "GET /api/alerts",
        "GET /api/alerts/groups",
        "GET /api/alerts/history",
        "GET /api/alerts/tags",
        "GET /api/alerts/top10/{measure:str}",
        "GET /api/blackout/{blackout_id:str}",
        "GET /api/blackouts",
        "GET /api/customers",
        "GET /api/environments",
        "GET /api/export",
        "GET /api/heartbeat/{heartbeat_id:str}",
        "GET /api/heartbeats",
        "GET /api/incident/{incident_id:str}",
        "GET /api/incidents",
        "GET /api/key/{key_id:str}",
        "GET /api/keys",
        "GET /api/objects/{kind:str}",
        "GET /api/services",
    }, "whoever sees everything sees these, so the test could fail"
    store = place.open()
    assert await state_of_theirs(store) == before
    await store.close()


async def test_counts_are_of_ones_own(place: Place):
    with client_of(World(store=lambda _now: place.open(), rules=VIEWS)) as client:
        for path in ("/api/alerts", "/api/alerts/count"):
            assert client.get(path, headers=key("ours")).json()["total"] == 1
            assert client.get(path, headers=key("everybody")).json()["total"] == 2
        assert client.get("/api/incidents", headers=key("ours")).json()["total"] == 1
        found = client.get("/api/environments", headers=key("ours")).json()["environments"]
        assert [(row["environment"], row["count"]) for row in found] == [("ours-environment", 1)]
        assert (
            client.put("/api/_bulk/alerts/status?q=*:*", headers=key("ours"), json={"status": "ack"}).json()["count"]
            == 1
        )
        assert client.delete("/api/_bulk/alerts?q=*:*", headers=key("ours")).json()["count"] == 1
        assert client.get("/api/alerts/count", headers=key("everybody")).json()["total"] == 1


async def test_open_pages_hear_of_ones_own_only(place: Place):
    store = place.open()
    mine, ours = frozenset({OURS}), "000ours-id"
    items = {
        "alert": [IDS["alert"], ours, "gone"],
        "incident": [IDS["incident"]],
        "check": [IDS["heartbeat"]],
        "config": [IDS["blackout"]],
    }
    async with store.reading() as tx:
        assert await visible_items(tx, mine, items) == {"alert": [ours], "config": []}
        assert await visible_items(tx, mine, {"alert": [IDS["alert"]]}) == {}
        assert await visible_items(tx, None, items) == items
    await store.close()


ALERT = {"environment": "Production", "resource": "r", "event": "e", "service": ["s"], "severity": "major"}


@pytest.fixture
async def world() -> World:
    world = World(rules=VIEWS)
    await world.add_user("ann", "user")
    await world.add_user("bob", "user")
    await world.add_user("root", "admin")
    await world.add_user("nobody", "user")
    async with world.store.transaction() as tx:
        for number, (match, customer) in enumerate((("ann", "A"), ("bob", "A"), ("team", "B"), ("all@x.org", "*"))):
            await tx.customer_lookups.save(CustomerLookup(id=str(number), match=match, customer=customer))
        await tx.people.save_group(Group(id="g", name="team", members=("id-bob",)))
    return world


def test_what_is_written_is_the_writers_customers(world: World):
    with world.client() as client:
        ann = log_in(client, "ann")
        assert client.post("/api/alert", headers=ann, json=ALERT).json()["alert"]["customer"] == "A"
        other = client.post("/api/alert", headers=ann, json=ALERT | {"customer": "B"})
        assert (other.status_code, other.json()["message"]) == (400, "not allowed to set customer to 'B'")
        many = client.post("/api/alerts", headers=ann, json=[ALERT | {"customer": "B"}])
        assert many.status_code == 400
        beat = client.post("/api/heartbeat", headers=ann, json={"origin": "o"})
        assert beat.json()["heartbeat"]["customer"] == "A"
        dark = client.post("/api/blackout", headers=ann, json={"environment": "Production"}).json()["blackout"]
        assert dark["customer"] == "A"
        made = client.post("/api/key", headers=ann, json={"scopes": ["read"]}).json()
        assert made["data"]["customer"] == "A"
        foreign = client.post("/api/key", headers=ann, json={"scopes": ["read"], "customer": "B"})
        assert foreign.json()["message"] == "not allowed to set customer to 'B'"
        client.cookies.clear()
        bob = log_in(client, "bob")
        unsaid = client.post("/api/alert", headers=bob, json=ALERT)
        assert unsaid.json()["message"] == "must define customer as more than one possibility"
        assert client.post("/api/alert", headers=bob, json=ALERT | {"customer": "B"}).status_code == 201
        client.cookies.clear()
        assert client.get("/api/alerts", headers=key(made["key"])).json()["total"] == 1
        root = log_in(client, "root")
        assert client.get("/api/alerts").json()["total"] == 2
        assert client.post("/api/alert", headers=root, json=ALERT).json()["alert"]["customer"] is None


def test_a_preview_tells_of_ones_own_alerts_and_the_end_is_ones_own(world: World):
    dark = {"environment": "Production", "resource": "silent", "customer": "B"}
    with world.client() as client:
        root = log_in(client, "root")
        blackout = client.post("/api/blackout", headers=root, json=dark).json()["id"]
        for resource in ("r", "silent"):
            client.post("/api/alert", headers=root, json=ALERT | {"customer": "B", "resource": resource})
        seen = client.post("/api/blackouts/preview", headers=root, json={"environment": "Production"}).json()
        assert (seen["total"], seen["silent"], len(seen["ids"])) == (1, 1, 2)
        client.cookies.clear()
        ann = log_in(client, "ann")
        mine = client.post("/api/alert", headers=ann, json=ALERT).json()["id"]
        seen = client.post("/api/blackouts/preview", headers=ann, json={"environment": "Production"}).json()
        assert (seen["total"], seen["silent"], seen["ids"]) == (1, 0, [mine])
        assert client.put(f"/api/blackout/{blackout}/end", headers=ann).status_code == 404


def test_who_has_no_customer_is_refused(world: World):
    with world.client() as client:
        answer = client.post("/api/session", json={"login": "nobody", "password": "correct horse battery"})
    assert (answer.status_code, answer.json()["message"]) == (
        403,
        "No customer lookup configured for user 'nobody'",
    )


async def test_a_key_without_a_customer_reaches_what_its_owner_reaches(world: World):
    await world.add_key("anns-key", "read", user="ann")
    await world.add_key("nobodys", "read", user="nobody")
    with world.client() as client:
        root = log_in(client, "root")
        client.post("/api/alert", headers=root, json=ALERT | {"customer": "B"})
        client.cookies.clear()
        assert client.get("/api/alerts", headers=key("anns-key")).json()["total"] == 0
        assert client.get("/api/alerts", headers=key("nobodys")).status_code == 403


async def test_nobody_moves_to_another_customer_by_themselves(world: World):
    async with world.store.transaction() as tx:
        await tx.customer_lookups.save(CustomerLookup(id="mail", match="b.org", customer="B"))
    with world.client() as client:
        ann = log_in(client, "ann")
        body = {"email": "ann@b.org", "currentPassword": "correct horse battery"}
        assert client.put("/api/user/me", headers=ann, json=body).status_code == 403
        assert client.get("/api/user/me").json()["user"]["email"] == ""
