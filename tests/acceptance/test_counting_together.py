"""Two collectors count one rule together: their parts travel by the broker, and what they add up to is judged."""

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from urllib.parse import quote

import msgspec
import pytest

from acceptance.installation import ADMIN_KEY, Installation
from servers.postgres import PostgresServer
from servers.process import free_port, is_listening, wait_until
from servers.rabbitmq import RabbitServer
from watchbell.adapters.bus.rabbitmq import RabbitBus
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.events.rules.part import WindowPart, merge, value_of
from watchbell.domain.events.rules.rule import Measure, Rule
from watchbell.domain.events.rules.watch import Watch
from watchbell.ports.store import Store
from watchbell.usecases.reporting import BusReports

pytestmark = pytest.mark.slow

WINDOW_S = 10
SOME = TypeVar("SOME")


class TwoCollectors(Installation):
    """An API, a keeper, and two collectors that know the broker and the API alone."""

    def __init__(self, postgres_url: str, rabbitmq_url: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.store_url, self.bus_url = postgres_url, rabbitmq_url
        super().__init__(
            "counting",
            WATCHBELL_STORE__URL=postgres_url,
            WATCHBELL_BUS__URL=rabbitmq_url,
            WATCHBELL_SECRET_KEY=secrets.token_hex(32),
            WATCHBELL_COLLECTOR__API_URL=self.url,
            WATCHBELL_COLLECTOR__API_KEY=ADMIN_KEY,
        )
        assert self.launch("migrate", "migrate").wait(60) == 0, self.logs()
        self._data = lambda name: ("--data", str(self.folder / name))
        self.launch("api", "api", *self._data("api"), "--port", str(self.port))
        self.launch("keeper", "keeper", *self._data("keeper"))
        wait_until(lambda: is_listening(self.port), 60, "the API")
        self.collectors = [self._collector(name) for name in ("east", "west")]
        self.collector_url = self.collectors[0]
        ports = [int(address.rpartition(":")[2]) for address in self.collectors]
        wait_until(lambda: all(map(is_listening, ports)), 60, "both collectors")

    def _collector(self, name: str) -> str:
        port = free_port()
        self.launch(name, "collector", *self._data(name), "--collector-port", str(port))
        return f"http://127.0.0.1:{port}"

    def send(self, number: int, events: Sequence[dict[str, Any]]) -> None:
        """Events to one of the collectors."""
        self.client.post(f"{self.collectors[number]}/events", json=list(events)).raise_for_status()

    def in_store(self, ask: Callable[[Store], Awaitable[SOME]]) -> SOME:
        """What the database says."""

        async def asked() -> SOME:
            store = open_store(self.store_url)
            try:
                return await ask(store)
            finally:
                await store.close()

        return asyncio.run(asked())

    def parts(self, rule_id: str, since: datetime) -> list[WindowPart]:
        """What the collectors reported of a rule."""

        async def ask(store: Store) -> list[WindowPart]:
            async with store.transaction() as tx:
                return await tx.tallies.windows(rule_id, since)

        return self.in_store(ask)

    def report(self, parts: Sequence[WindowPart]) -> None:
        """Report these once more, as a collector does."""

        async def tell() -> None:
            bus = RabbitBus(self.bus_url)
            try:
                await BusReports(bus).report(parts)
            finally:
                await bus.close()

        asyncio.run(tell())

    def window(self, rule_id: str, start: datetime) -> dict[str, Any] | None:
        """How that window was judged, or None."""
        found = self.call("GET", f"/api/rules/{quote(rule_id)}/windows?hours=1")["windows"]
        return next((row for row in found if datetime.fromisoformat(row["start"]) == start), None)

    def final(self, rule_id: str, start: datetime) -> bool:
        """Whether the window was judged for good: what comes now changes it no more."""

        async def ask(store: Store) -> str | None:
            async with store.transaction() as tx:
                return await tx.facts.get(f"rule/{rule_id}")

        kept = self.in_store(ask)
        return kept is not None and msgspec.json.decode(kept, type=Watch).judged_to > start

    def counting(self, rule_id: str) -> bool:
        """Whether both collectors have counted a whole window of the rule."""
        parts = self.parts(rule_id, datetime.now(UTC) - timedelta(minutes=5))
        return len({part.node for part in parts if part.complete and not part.partial}) == len(self.collectors)


@pytest.fixture(scope="module")
def pair(postgres_server: PostgresServer, rabbitmq_server: RabbitServer) -> Iterator[TwoCollectors]:
    """The installation."""
    database = postgres_server.url(postgres_server.create_database())
    installation = TwoCollectors(database, rabbitmq_server.url(rabbitmq_server.create_vhost()))
    try:
        yield installation
    finally:
        installation.stop()


PERCENTILE: dict[str, Any] = {"measure": "percentile", "field": "parameters.lcp", "percentile": 75}


def rule(name: str, **fields: Any) -> Rule:
    """A rule over events of its own type."""
    common: dict[str, Any] = {"window_s": WINDOW_S, "bound": "above", "late_s": 120}
    return msgspec.convert({"name": name, "filter": {"event_type": name}, **common, **fields}, Rule)


RULES = [
    rule("counted", threshold=15),
    rule("crowd", measure="distinct", threshold=70),
    rule("crowd-in-both", measure="distinct", threshold=100),
    rule("slow", **PERCENTILE, threshold=2500, at_least=20),
    rule("slow-in-one", **PERCENTILE, threshold=2500, at_least=5),
    rule("repeated", threshold=15),
    rule("patient", threshold=15),
    rule("hasty", threshold=15, late_s=5),
]
SUMS = ("counted", "crowd", "crowd-in-both", "slow", "slow-in-one")
NOT_GIVEN = frozenset({"id", "version", "created_at", "updated_at"})


@pytest.fixture(scope="module")
def ids(pair: TwoCollectors) -> dict[str, str]:
    """The rules' ids by name, once both collectors count for all of them."""
    found: dict[str, str] = {}
    for one in RULES:
        body = msgspec.to_builtins(one)
        found[one.name] = pair.define("rule", **{key: value for key, value in body.items() if key not in NOT_GIVEN})
    wait_until(lambda: all(map(pair.counting, found.values())), 90, "two collectors that count")
    return found


def next_window() -> datetime:
    """Wait for the beginning of a window; its start."""
    start = (int(time.time()) // WINDOW_S + 1) * WINDOW_S
    wait_until(lambda: time.time() > start, WINDOW_S + 1, "the next window")
    return datetime.fromtimestamp(start, UTC)


def pageviews(name: str, values: Sequence[float]) -> list[dict[str, Any]]:
    """Events with a number."""
    return [{"event_type": name, "parameters": {"lcp": value}} for value in values]


def visits(name: str, parties: range) -> list[dict[str, Any]]:
    """One event of each party."""
    return [{"event_type": name, "party_id": f"0:i1t84hgy:{party:06d}"} for party in parties]


def test_two_collectors_open_one_alert_on_what_they_add_up_to(pair: TwoCollectors, ids: dict[str, str]) -> None:
    """No part breaks a bound alone; and where a part would, and the whole does not, nobody is told."""
    start = next_window()
    sent = [
        [
            *pageviews("counted", [1] * 10),
            *visits("crowd", range(45)),
            *visits("crowd-in-both", range(80)),
            *pageviews("slow", [3000] * 12),
            *pageviews("slow-in-one", [3000] * 8),
        ],
        [
            *pageviews("counted", [1] * 9),
            *visits("crowd", range(35, 80)),
            *visits("crowd-in-both", range(80)),
            *pageviews("slow", [3100] * 12),
            *pageviews("slow-in-one", [100] * 80),
        ],
    ]
    for number, events in enumerate(sent):
        pair.send(number, events)

    def judged() -> bool:
        windows = [pair.window(ids[name], start) for name in SUMS]
        # While one of them has not reported, what the other saw is not enough to tell.
        return all(window is not None and window["outcome"] != "unknown" for window in windows)

    wait_until(judged, 60, "the window to be judged")
    values: dict[str, Any] = {name: (pair.window(ids[name], start) or {})["value"] for name in SUMS}
    assert values["counted"] == 19
    assert values["crowd"] == pytest.approx(80, rel=0.03)
    assert values["crowd-in-both"] == pytest.approx(80, rel=0.03)
    assert 3000 <= values["slow"] <= 3100
    assert values["slow-in-one"] == 100
    alone = [each for each in RULES if each.name in {"counted", "crowd", "slow"}]
    check_no_part_would_do(pair, alone, ids, start)

    alerts = {name: told(pair, name) for name in SUMS}
    assert {name: len(found) for name, found in alerts.items()} == {
        "counted": 1,
        "crowd": 1,
        "crowd-in-both": 0,
        "slow": 1,
        "slow-in-one": 0,
    }


def check_no_part_would_do(pair: TwoCollectors, rules: Sequence[Rule], ids: dict[str, str], start: datetime) -> None:
    """Each collector reported a part of its own, within the bounds."""
    for one in rules:
        parts = [part for part in pair.parts(ids[one.name], start) if part.window_start == start]
        assert len(parts) == 2, parts
        assert all(part.complete and part.count for part in parts)
        assert all(bool(part.sketch) is (one.measure is not Measure.COUNT) for part in parts)
        alone = [value_of(one, merge(one, [part])) for part in parts]
        assert all(value is None or value <= one.threshold for value in alone), alone


def told(pair: TwoCollectors, event: str) -> list[dict[str, Any]]:
    """The alerts of a rule, whatever their status."""
    return pair.call("GET", "/api/alerts", params={"event": event})["alerts"]


def openings(pair: TwoCollectors, alert: dict[str, Any]) -> int:
    """How often it was opened."""
    history = pair.call("GET", f"/api/alert/{alert['id']}")["alert"]["history"]
    return sum(entry["status"] == "open" for entry in history)


def test_a_repeated_report_changes_nothing(pair: TwoCollectors, ids: dict[str, str]) -> None:
    """Each part comes three times: the sum stays, and the alert is opened once."""
    start = next_window()
    for number in (0, 1):
        pair.send(number, pageviews("repeated", [1] * 9))
    wait_until(lambda: (pair.window(ids["repeated"], start) or {}).get("value") == 18, 60, "the window to be judged")
    before = [part for part in pair.parts(ids["repeated"], start) if part.window_start == start]
    mark = WindowPart(rule_id=ids["repeated"], node="mark", window_start=start, window_s=1)
    for _ in range(2):
        pair.report(before[::-1])
    pair.report([mark])
    after = wait_for_parts(pair, ids["repeated"], start, "mark")
    assert [part for part in after if part.node != "mark"] == before
    window = pair.window(ids["repeated"], start)
    assert window is not None
    assert window["value"] == 18
    alerts = told(pair, "repeated")
    assert len(alerts) == 1
    assert (openings(pair, alerts[0]), alerts[0]["duplicateCount"]) == (1, 0)


def wait_for_parts(pair: TwoCollectors, rule_id: str, start: datetime, node: str) -> list[WindowPart]:
    """The parts of a window, once one of that node is among them."""

    def found() -> list[WindowPart]:
        return [part for part in pair.parts(rule_id, start) if part.window_start == start]

    wait_until(lambda: any(part.node == node for part in found()), 30, f"the part of {node}")
    return found()


def test_a_late_part_opens_its_window_again_until_the_allowance_ends(pair: TwoCollectors, ids: dict[str, str]) -> None:
    """A collector that could not reach the broker reports a window that was judged without it."""
    both = {name: ids[name] for name in ("patient", "hasty")}
    start = next_window()
    for number in (0, 1):
        pair.send(number, [*pageviews("patient", [1] * 3), *pageviews("hasty", [1] * 3)])

    def judged() -> bool:
        windows = [pair.window(rule_id, start) for rule_id in both.values()]
        return all(window is not None and window["value"] == 6 for window in windows)

    wait_until(judged, 60, "the window to be judged")
    wait_until(lambda: pair.final(ids["hasty"], start), 60, "the hasty rule's window to be final")
    late = {
        name: WindowPart(rule_id=rule_id, node="late", window_start=start, window_s=WINDOW_S, count=50, complete=True)
        for name, rule_id in both.items()
    }
    pair.report(list(late.values()))
    wait_until(
        lambda: (pair.window(ids["patient"], start) or {}).get("value") == 56, 30, "the window to be judged anew"
    )
    alerts = told(pair, "patient")
    assert len(alerts) == 1
    assert openings(pair, alerts[0]) == 1
    assert any(part.node == "late" for part in pair.parts(ids["hasty"], start))
    assert (pair.window(ids["hasty"], start) or {}).get("value") == 6
    assert told(pair, "hasty") == []
