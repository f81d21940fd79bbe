"""Undoing a closing: each alert is again what it was."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import World, key
from watchbell.usecases.operating import CHUNK

Client = TestClient[Litestar]
ALERT = {"environment": "Production", "event": "Down", "severity": "major", "service": ["Shop"]}
UNDO = {"action": "close"}


@pytest.fixture
async def world() -> World:
    world = World()
    for login in ("ann", "bob"):
        await world.add_key(login, "read", "write", user=login)
    await world.add_key("guest", "read", user="guest")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        yield client


def sent(client: Client, resource: str, **fields: Any) -> str:
    answer = client.post("/api/alert", json=ALERT | {"resource": resource, **fields}, headers=key("ann"))
    return answer.json()["id"]


def act(client: Client, alert: str, action: str, who: str = "ann", **more: Any) -> None:
    answer = client.put(f"/api/alert/{alert}/action", json={"action": action, **more}, headers=key(who))
    assert answer.status_code == 200, answer.text


def shown(client: Client, alert: str) -> dict[str, Any]:
    return client.get(f"/api/alert/{alert}", headers=key("ann")).json()["alert"]


def close_all(client: Client) -> list[str]:
    answer = client.put("/api/_bulk/alerts/action?q=*:*", json={"action": "close"}, headers=key("bob"))
    return answer.json()["updated"]


def undo(client: Client, ids: list[str], who: str = "bob") -> dict[str, Any]:
    answer = client.put("/api/_bulk/alerts/undo", params={"id": ids}, json=UNDO, headers=key(who))
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_all_were_they_are_again(world: World, client: Client):
    opened, taken, shelved = (sent(client, name) for name in ("open", "taken", "shelved"))
    minor = sent(client, "minor", severity="minor")
    sent(client, "minor", severity="critical")
    act(client, taken, "ack", timeout=3600, text="mine")
    act(client, shelved, "shelve", timeout=1800)
    before = {alert: shown(client, alert) for alert in (opened, taken, shelved, minor)}
    world.clock.time += timedelta(seconds=5)
    closed = close_all(client)
    assert sorted(closed) == sorted(before)
    assert {shown(client, alert)["status"] for alert in closed} == {"closed"}
    world.clock.time += timedelta(seconds=5)
    answer = undo(client, closed)
    assert (answer["count"], sorted(answer["updated"])) == (4, sorted(before))
    same = ("status", "severity", "previousSeverity", "text", "tags", "attributes", "lastReceiveTime", "timeout")
    for alert, was in before.items():
        now = shown(client, alert)
        assert {name: now[name] for name in same} == {name: was[name] for name in same}, was["resource"]


def test_an_acknowledgement_is_whose_it_was_and_runs_out_when_it_would_have(world: World, client: Client):
    alert = sent(client, "web")
    act(client, alert, "ack", timeout=3600)
    (taken,) = [each for each in world.kept()["alerts"].values() if each.id == alert]
    close_all(client)
    undo(client, [alert])
    after = shown(client, alert)
    line = after["history"][-1]
    assert (line["type"], line["status"], line["user"]) == ("status", "ack", "bob")
    assert line["text"] == "closing undone: ack, acknowledged by ann"
    assert [each["user"] for each in after["history"] if each["type"] == "ack"] == ["ann"]
    (kept,) = [each for each in world.kept()["alerts"].values() if each.id == alert]
    assert kept.reverts_at == taken.reverts_at
    act(client, alert, "unack")
    assert shown(client, alert)["status"] == "open"


def test_what_has_changed_since_or_nobody_closed_stays_and_is_named(client: Client):
    reopened, again, healed, never = (sent(client, name) for name in ("reopened", "again", "healed", "never"))
    sent(client, "healed", severity="normal")
    for alert in (reopened, again):
        act(client, alert, "close", "bob")
    act(client, reopened, "open")
    sent(client, "again", severity="critical")
    answer = undo(client, [reopened, again, healed, never])
    assert answer["updated"] == []
    assert set(answer["refused"]) == {reopened, again, healed, never}
    assert "has changed since" in answer["refused"][again]


def test_a_recovery_that_came_after_the_closing_is_not_undone(world: World, client: Client):
    alert = sent(client, "web")
    act(client, alert, "close", "bob")
    world.clock.time += timedelta(seconds=5)
    sent(client, "web", severity="normal")
    answer = undo(client, [alert])
    assert (answer["updated"], list(answer["refused"])) == ([], [alert])
    assert "has changed since" in answer["refused"][alert]
    assert shown(client, alert)["status"] == "closed"


def test_what_is_gone_is_named(client: Client):
    kept, gone = sent(client, "kept"), sent(client, "gone")
    close_all(client)
    assert client.delete(f"/api/alert/{gone}", headers=key("bob")).status_code == 200
    answer = undo(client, [kept, gone])
    assert (answer["updated"], answer["refused"]) == ([kept], {gone: "it is not there any more"})


def test_notes_and_tags_that_came_between_stay(client: Client):
    alert = sent(client, "web")
    act(client, alert, "ack")
    act(client, alert, "close", "bob")
    assert client.put(f"/api/alert/{alert}/note", json={"text": "why?"}, headers=key("ann")).status_code == 201
    assert client.put(f"/api/alert/{alert}/tag", json={"tags": ["x"]}, headers=key("ann")).status_code == 200
    assert undo(client, [alert])["updated"] == [alert]
    after = shown(client, alert)
    assert (after["status"], after["tags"]) == ("ack", ["x"])


def test_many_are_undone_in_several_transactions(client: Client):
    ids = [sent(client, f"web{number}") for number in range(CHUNK + 3)]
    assert len(close_all(client)) == len(ids)
    answer = client.put("/api/_bulk/alerts/undo?q=*:*", json=UNDO, headers=key("bob"))
    assert answer.json()["count"] == len(ids)


@pytest.mark.parametrize("body", [{}, {"action": "ack"}, {"action": None}, {"action": "close", "more": 1}])
def test_what_is_not_understood_is_refused_by_field(client: Client, body: dict[str, Any]):
    alert = sent(client, "web")
    answer = client.put("/api/_bulk/alerts/undo", params={"id": alert}, json=body, headers=key("bob"))
    assert answer.status_code == 400
    assert "action" in answer.text or "more" in answer.text


def test_who_only_reads_undoes_nothing_and_nobody_undoes_everything_by_mistake(client: Client):
    alert = sent(client, "web")
    act(client, alert, "close")
    params = {"id": alert}
    assert client.put("/api/_bulk/alerts/undo", params=params, json=UNDO, headers=key("guest")).status_code == 403
    assert client.put("/api/_bulk/alerts/undo", json=UNDO, headers=key("bob")).status_code == 400
    assert shown(client, alert)["status"] == "closed"
