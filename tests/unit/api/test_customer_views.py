"""Customer views: every route, called by somebody of one customer, shows and changes nothing of another's."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from litestar.routes import HTTPRoute
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.accounts import CustomerLookup
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.note import note_on
from watchbell.domain.alerts.past import Archived, Life, past_of
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
NAMES = ("alert", "note", "blackout", "heartbeat", "incident", "key", "lookup", "past")
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


def new_line(alert_id: AlertId, mark: str) -> HistoryEntry:
    return HistoryEntry(
        id=f"{mark}-entry",
        alert_id=alert_id,
        type="new",
        event=f"{mark}-event",
        severity="critical",
        status="open",
        text=f"{mark} history",
        at=START,
        sent_at=START,
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
            await tx.history.add([new_line(alert.id, mark)])
            await tx.notes.save(note)
            over = msgspec.structs.replace(alert, opened_at=START - timedelta(hours=1))
            past = msgspec.structs.replace(past_of(over, Life(), START), id=own["past"])
            await tx.past.add([Archived(alert=past, history=(new_line(alert.id, mark),))])
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
            await tx.past.get(IDS["past"]),
            await tx.past.history(IDS["past"]),
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
        if url.startswith("/api/archive/"):
            url = url.replace("{name:str}", IDS["past"])
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
        "GET /api/archive",
        "GET /api/archive/export",
        "GET /api/archive/{name:str}",
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
        "GET /api/reports/alerts",
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
        assert client.get("/api/reports/alerts", headers=key("ours")).json()["total"] == 1
        assert client.get("/api/reports/alerts", headers=key("everybody")).json()["total"] == 2
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
        assert await visible_items(tx, mine, {"check": ["*"]}) == {"check": ["*"]}
        assert await visible_items(tx, None, items) == items
    await store.close()
