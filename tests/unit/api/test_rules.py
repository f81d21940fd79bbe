"""What a rule judged, and what it would have said."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from litestar import Litestar
from litestar.testing import TestClient

from api_client import START, World, key
from watchbell.domain.events.rules.baseline import HOUR, HourRow
from watchbell.domain.events.rules.bounds import Outcome
from watchbell.domain.events.rules.watch import Judged
from watchbell.usecases.administering import OPERATOR

Client = TestClient[Litestar]
RULE: dict[str, Any] = {"name": "orders", "threshold": 5.0}


@pytest.fixture
async def world() -> World:
    world = World()
    await world.add_key("user", "read", "write", user="ann")
    return world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    with world.client() as client:
        client.headers.update(key("user"))
        yield client


async def define(world: World, **more: Any) -> str:
    return (await world.needs()["managing"].create(OPERATOR, "rule", {**RULE, **more})).id


async def judged(world: World, rule_id: str, *values: float, group: str = "") -> None:
    """One window a minute up to now, judged against 5."""
    rows = [
        Judged(
            rule_id=rule_id,
            group=group,
            window_start=START - timedelta(minutes=len(values) - number),
            value=value,
            low=5,
            high=None,
            expected=None,
            outcome=Outcome.OK if value >= 5 else Outcome.BREACH,
            reason="so",
            state="" if value >= 5 else "breach",
        )
        for number, value in enumerate(values)
    ]
    async with world.store.transaction() as tx:
        await tx.rule_history.record(rows)


async def test_windows_with_their_band_and_the_alerts(world: World, client: Client):
    await judged(world, await define(world), 9, 1, 2, 8)
    answer = client.get("/api/rules/orders/windows?hours=1").json()
    assert (answer["name"], answer["measure"], answer["windowS"]) == ("orders", "count", 60)
    assert [(row["value"], row["low"], row["state"]) for row in answer["windows"]] == [
        (9, 5, ""), (1, 5, "breach"), (2, 5, "breach"), (8, 5, ""),
    ]  # fmt: skip
    assert answer["windows"][0]["start"] == "2026-01-01T11:56:00.000Z"
    assert [(one["start"], one["end"]) for one in answer["episodes"]] == [
        ("2026-01-01T11:58:00.000Z", "2026-01-01T12:00:00.000Z")
    ]


async def test_the_windows_of_a_group(world: World, client: Client):
    rule_id = await define(world, group_by="source")
    await judged(world, rule_id, 2, 2)
    await judged(world, rule_id, 9, group="web")
    await judged(world, rule_id, 1, group="app")
    answer = client.get("/api/rules/orders/windows").json()
    assert (answer["groups"], answer["group"]) == (["app", "web"], "app")
    assert [row["value"] for row in client.get("/api/rules/orders/windows?group=web").json()["windows"]] == [9]


def test_a_rule_that_is_not_there(client: Client):
    assert client.get("/api/rules/nobody/windows").status_code == 404


async def test_the_preview_says_how_often_other_bounds_would_have_fired(world: World, client: Client):
    await judged(world, await define(world), 9, 1, 9, 2, 3, 9)
    for threshold, fired in ((5, 2), (2, 1), (1, 0)):
        answer = client.post("/api/rules/preview", json={"rule": {**RULE, "threshold": threshold}}).json()
        assert (answer["known"], answer["judged"], answer["fired"]) == (True, 6, fired)
    slower = client.post("/api/rules/preview", json={"rule": {**RULE, "fire_after": 2}, "of": "orders"}).json()
    assert slower["fired"] == 1
    assert slower["episodes"][0]["reason"] == "3 events in 1 min, below 5"


async def test_the_preview_of_learned_bounds(world: World, client: Client):
    rule_id = await define(world)
    await judged(world, rule_id, *[100.0] * 30, 40)
    hour = START - HOUR
    async with world.store.transaction() as tx:
        rows = [
            HourRow(rule_id=rule_id, group="", hour=hour - timedelta(weeks=back), points=[98.0, 103.0])
            for back in range(1, 5)
        ]
        await tx.rule_history.learn(rows)
    answer = client.post("/api/rules/preview", json={"rule": {**RULE, "learn": True}}).json()
    assert answer["fired"] == 1
    assert answer["windows"][-1]["expected"] == 98


async def test_the_preview_says_when_nothing_is_known(world: World, client: Client):
    unknown = client.post("/api/rules/preview", json={"rule": RULE}).json()
    assert (unknown["known"], unknown["fired"]) == (False, 0)
    await judged(world, await define(world), 9)
    changed = client.post("/api/rules/preview", json={"rule": {**RULE, "filter": {"event_type": "x"}}}).json()
    assert not changed["known"]
    assert "What is counted was changed" in changed["reason"]


def test_the_preview_of_a_wrong_rule_names_the_field(client: Client):
    answer = client.post("/api/rules/preview", json={"rule": {**RULE, "where": "colour == 1"}})
    assert answer.status_code == 400
    assert "where" in answer.text


def test_presets_can_be_saved_as_they_are(client: Client):
    presets = client.get("/api/rules/presets").json()["presets"]
    assert {preset["id"] for preset in presets} == {"checkout-stopped", "javascript-errors", "pages-slow"}
    for preset in presets:
        assert client.post("/api/objects/rule", json=preset["rule"]).status_code == 201
