"""Lists of alerts with their history."""

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

import pytest

from api_client import World, key
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.memory.alerts import MemoryAlertHistory
from watchbell.adapters.store.memory.store import MemoryTransaction
from watchbell.domain.alerts.alert import HistoryEntry


class AskedStore(MemoryStore):
    """Notes how often the history is asked for."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        super().__init__(now)
        self.asked: list[Sequence[str]] = []

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[MemoryTransaction]:
        asked = self.asked

        class Asked(MemoryAlertHistory):
            async def of(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
                asked.append([alert_id])
                return await super().of(alert_id, limit)

            async def of_many(self, alert_ids: Sequence[str], limit: int = 100) -> dict[str, list[HistoryEntry]]:
                found = {name: await MemoryAlertHistory.of(self, name, limit) for name in alert_ids}
                asked.append(list(alert_ids))
                return found

        async with super().reading() as tx:
            tx.history = Asked(tx._tables)
            yield tx


async def test_a_list_with_history_asks_for_it_once():
    world = World(store=AskedStore)
    store = world.store
    assert isinstance(store, AskedStore)
    await world.add_key("admin", "admin", "read", "write")
    with world.client() as client:
        for number in range(5):
            sent = {"resource": f"web{number}", "event": "Down", "environment": "Production", "service": ["Shop"]}
            assert client.post("/api/alert", json=sent, headers=key("admin")).status_code == 201
        plain = client.get("/api/alerts", headers=key("admin")).json()["alerts"]
        assert store.asked == []
        listed = client.get("/api/alerts?show-history=1", headers=key("admin")).json()["alerts"]
    assert [len(ids) for ids in store.asked] == [5]
    assert [len(alert["history"]) for alert in listed] == [1] * 5
    assert [alert["history"][0]["id"] for alert in listed] == [alert["lastReceiveId"] for alert in plain]


async def test_ranges_compare_values_as_texts_and_numbers_as_numbers():
    world = World()
    await world.add_key("admin", "admin", "read", "write")
    with world.client() as client:
        for value in ("3", "10", "20", "100"):
            sent = {
                "resource": value,
                "event": "Down",
                "environment": "Production",
                "service": ["Shop"],
                "value": value,
            }
            assert (
                client.post("/api/alert", json=sent | {"timeout": int(value)}, headers=key("admin")).status_code == 201
            )

        def found(search: str) -> set[str]:
            rows = client.get("/api/alerts", params={"q": search}, headers=key("admin")).json()["alerts"]
            return {row["value"] for row in rows}

        assert (found("value:[10 TO 20}"), found("value:>5")) == ({"10", "100"}, set())
        assert (found("timeout:[10 TO 20}"), found("timeout:>5")) == ({"10"}, {"10", "20", "100"})


@pytest.mark.parametrize(("wanted", "given"), [("5000", 1000), ("1000", 1000), ("0", 1), ("2", 2)])
async def test_a_page_has_between_one_row_and_a_thousand(wanted: str, given: int):
    world = World()
    await world.add_key("admin", "admin", "read")
    with world.client() as client:
        for path in ("/api/alerts", "/api/users", "/api/heartbeats"):
            answer = client.get(path, params={"page-size": wanted}, headers=key("admin"))
            assert (answer.status_code, answer.json()["pageSize"]) == (200, given), path


async def test_what_flaps_is_shown_and_filtered_by():
    world = World()
    await world.add_key("admin", "admin", "read", "write")
    with world.client() as client:

        def send(resource: str, severity: str) -> None:
            sent = {"resource": resource, "event": "Down", "environment": "Production", "service": ["Shop"]}
            client.post("/api/alert", json={**sent, "severity": severity}, headers=key("admin")).raise_for_status()

        def found(query: str) -> list[str]:
            listed = client.get(f"/api/alerts?{query}", headers=key("admin")).json()["alerts"]
            return [alert["resource"] for alert in listed]

        send("web1", "major")
        for number in range(7):
            send("web2", "normal" if number % 2 else "major")
        listed = client.get("/api/alerts?sort-by=resource", headers=key("admin")).json()["alerts"]
        filtered = found("flapping=true"), found("flapping=false"), found("q=flapping:true")
    assert [(each["flapping"], each["flappingChanges"]) for each in listed] == [(False, 0), (True, 6)]
    assert listed[0]["flappingSince"] is None
    assert listed[1]["flappingSince"].endswith("Z")
    assert filtered == (["web2"], ["web1"], ["web2"])


async def test_whose_alerts_are_is_said_asked_and_sorted_by():
    world = World()
    await world.add_user("ann")
    await world.add_user("bob")
    await world.add_key("user", "read", "write", user="ann")
    with world.client() as client:
        client.headers.update(key("user"))
        ids = {}
        for name in ("a", "b", "c"):
            sent = {"resource": name, "event": "Down", "environment": "Production", "service": ["Shop"]}
            ids[name] = client.post("/api/alert", json={**sent, "severity": "major"}).json()["id"]

        def act(name: str, **body: object) -> int:
            return client.put(f"/api/alert/{ids[name]}/action", json=body).status_code

        def asked(**query: str) -> list[str]:
            found = client.get("/api/alerts", params={"sort-by": "resource", **query})
            assert found.status_code == 200, found.text
            return [alert["resource"] for alert in found.json()["alerts"]]

        assert act("a", action="assign", assignee="ann") == 200
        assert act("b", action="assign", assignee="BOB", text="yours") == 200
        assert act("c", action="assign", text="as Alerta's clients do") == 200
        assert (asked(assignee="ann"), asked(assignee="bob"), asked(**{"assignee!": "ann"})) == (
            ["a"],
            ["b"],
            ["b", "c"],
        )
        assert asked(q="assignee:bob OR resource:c") == ["b", "c"]
        assert asked(**{"sort-by": "-assignee"}) == ["b", "a", "c"]
        last = client.get(f"/api/alert/{ids['b']}").json()["alert"]["history"][-1]
        assert (last["type"], last["text"], last["user"]) == ("assign", "assigned to bob: yours", "ann")

        for wrong in (
            {"action": "assign", "assignee": "zoe"},
            {"action": "assign", "assignee": ["ann"]},
            {"action": "ack", "assignee": "ann"},
            {"action": "assign", "assignee": "ann", "timeout": 60},
        ):
            assert act("a", **wrong) == 400
        swept = client.put("/api/_bulk/alerts/action?event=Down", json={"action": "assign", "assignee": ""})
        assert (swept.status_code, len(swept.json()["updated"])) == (202, 3)
        assert asked(assignee="ann") == asked(assignee="bob") == []
