"""An alert's life: whatever is sent and done in whatever order, what must hold holds.

Batches come to the same as single messages, racing first messages make one alert, and every store agrees.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.expire import next_due
from watchbell.domain.alerts.flapping import FlapRule
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.model import AlarmModel, named_status
from watchbell.domain.alerts.phase import PHASES, Phase
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.query import AlertQuery
from watchbell.domain.errors import Conflict
from watchbell.domain.ids import SHARDS
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.intake import Intake
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving, apply_signals

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MODELS: tuple[AlarmModel, ...] = (AlertaModel(), IsaModel())
FLAPS = FlapRule(changes=3, window=120, calm=31, digest=60)
SEVERITIES = ("critical", "major", "warning", "informational", "indeterminate", "normal", "ok")
EVENTS = ("Down", "Up", "Slow")
CORRELATES: tuple[tuple[str, ...], ...] = ((), ("Down", "Up"), ("Slow",))
ACTIONS = ("open", "assign", "ack", "unack", "shelve", "unshelve", "close", "expired", "timeout", "lunch")

sent = st.fixed_dictionaries(
    {
        "resource": st.sampled_from(("web", "db")),
        "event": st.sampled_from(EVENTS),
        "severity": st.sampled_from(SEVERITIES),
        "status": st.sampled_from(("open", "open", "open", "open", "ack", "closed", "blackout")),
        "correlate": st.sampled_from(CORRELATES),
        "customer": st.sampled_from((None, None, "Acme")),
        "timeout": st.sampled_from((0, 60, 86400)),
        "value": st.sampled_from((None, "1", "2")),
        "tags": st.sampled_from(((), ("a",), ("b", "a"))),
        "attributes": st.sampled_from(({}, {"x": 1}, {"x": None, "y": "2"})),
    }
)


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.time = NOW

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        raise NotImplementedError


def signal(number: int, fields: dict[str, Any], at: datetime = NOW) -> Signal:
    return Signal(id=f"m{number:07}", environment="Production", service=("Shop",), create_time=at, **fields)


def flaps_by(history: Sequence[HistoryEntry]) -> bool:
    """What the history says about flapping: the newest entry about it decides."""
    words = {"flapping": True, "calm": False, "close": False, "expired": False}
    return next((words[entry.type] for entry in reversed(history) if entry.type in words), False)


class AlertLife(RuleBasedStateMachine):
    """Messages, operators and time, on a memory store; the machine remembers which messages were accepted."""

    @initialize(model=st.sampled_from(MODELS))
    def begin(self, model: AlarmModel) -> None:
        self.model = model
        self.loop = asyncio.new_event_loop()
        self.store = MemoryStore()
        self.clock = Clock()
        self.intake = Intake(self.store, self.clock, Receiving(model, Limits(), FLAPS), NullTelemetry())
        self.operating = Operating(self.store, self.clock, model)
        self.alerting = Alerting(self.store, model)
        self.accepted = 0
        self.former: dict[str, int] = {}

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.close()

    def run(self, work: Any) -> Any:
        return self.loop.run_until_complete(work)

    async def _alerts(self) -> list[Any]:
        async with self.store.reading() as tx:
            return await tx.alerts.find(AlertQuery(page_size=1000))

    def one(self, which: int) -> Any:
        """One of the alerts, or None."""
        alerts = sorted(self.run(self._alerts()), key=lambda alert: alert.id)
        return alerts[which % len(alerts)] if alerts else None

    @rule(batch=st.lists(sent, min_size=1, max_size=4))
    def receive(self, batch: list[dict[str, Any]]) -> None:
        signals = [signal(self.accepted + n, fields, self.clock.time) for n, fields in enumerate(batch)]
        self.accepted += len(signals)
        received = self.run(self.intake.receive_many(signals))
        for message, outcome in zip(signals, received, strict=True):
            assert outcome.alert.last_receive_id == message.id
            assert outcome.alert.severity == self.model.severities.meaning(message.severity)
            assert outcome.alert.event == message.event
            if outcome.change == "created":
                assert outcome.alert.id == message.id
                if self.is_normal(message.severity) and message.status in {"open", "closed"}:
                    assert outcome.alert.status == self.model.closed

    @rule(which=st.integers(0, 50), times=st.integers(2, 5))
    def change_again_and_again(self, which: int, times: int) -> None:
        before = self.one(which)
        if before is None:
            return
        for number in range(times):
            severity = "critical" if number % 2 else "normal"
            fields = {"resource": before.resource, "event": before.event, "customer": before.customer}
            self.receive_one({**fields, "severity": severity, "timeout": 86400})
        after = next(alert for alert in self.run(self._alerts()) if alert.id == before.id)
        assert after.flapping or times < FLAPS.changes + self.is_normal(before.severity), "so many changes flap"

    def is_normal(self, severity: str) -> bool:
        """Whether a sender who says this means that all is well."""
        return self.model.severities.is_normal(self.model.severities.meaning(severity))

    def receive_one(self, fields: dict[str, Any]) -> None:
        self.run(self.intake.receive(signal(self.accepted, fields, self.clock.time)))
        self.accepted += 1

    @rule(which=st.integers(0, 50), action=st.sampled_from(ACTIONS), timeout=st.sampled_from((None, 0, 30)))
    def act(self, which: int, action: str, timeout: int | None) -> None:
        before = self.one(which)
        if before is None:
            return
        try:
            after = self.run(self.operating.act(before.id, action, user="ann", timeout=timeout))
        except Conflict:
            assert self.one(which) == before
            return
        if action == "ack" and before.status == self.model.opened:
            assert self.run(self.operating.act(before.id, "unack", user="ann")).status == self.model.opened
        if action == "close" and action in self.model.actions:
            assert (after.status, self.is_normal(after.severity)) == (self.model.closed, True)
        if action == "expired":
            assert PHASES[after.status] in {Phase.CLOSED, Phase.EXPIRED}
        if action not in self.model.actions | {"assign"}:
            assert (after.status == before.status) or before.status in {"DSUPR", "OOSRV"}

    @rule(which=st.integers(0, 50), status=st.sampled_from(("open", "ack", "shelved", "closed", "expired")))
    def set_status(self, which: int, status: str) -> None:
        before = self.one(which)
        if before is not None:
            after = self.run(self.operating.set_status(before.id, status, user="ann"))
            assert (after.status, after.timeout) == (named_status(self.model, status), before.timeout)

    @rule(which=st.integers(0, 50))
    def delete(self, which: int) -> None:
        before = self.one(which)
        if before is not None:
            self.run(self.operating.delete(before.id))
            self.former.pop(before.id, None)

    @rule(seconds=st.sampled_from((1, 31, 61, 90_000)))
    def wait(self, seconds: int) -> None:
        self.clock.time += timedelta(seconds=seconds)
        self.run(self._fire())
        for alert in self.run(self._alerts()):
            due = next_due(alert)
            assert due is None or due > self.clock.time, "what was due has happened"

    async def _fire(self) -> None:
        for _ in range(3):  # one thing may follow another at once: a shelving ends, and then the acknowledgement
            async with self.store.reading() as tx:
                due = await tx.timers.due(range(SHARDS), self.clock.time, 1000)
            if due:
                await self.alerting.fire(due, [], self.clock.time)

    @invariant()
    def one_alert_for_each_identity(self) -> None:
        if hasattr(self, "store"):
            alerts = self.run(self._alerts())
            assert len({alert.identity for alert in alerts}) == len(alerts)

    @invariant()
    def versions_only_grow(self) -> None:
        if hasattr(self, "store"):
            now = {alert.id: alert.version for alert in self.run(self._alerts())}
            assert all(now[key] >= version for key, version in self.former.items())
            self.former = now

    @invariant()
    def the_newest_entry_tells_the_status(self) -> None:
        if hasattr(self, "store"):
            self.run(self._check_history())

    async def _check_history(self) -> None:
        async with self.store.reading() as tx:
            for alert in await tx.alerts.find(AlertQuery(page_size=1000)):
                history = await tx.history.of(alert.id)
                assert (history[-1].status, history[-1].event) == (alert.status, alert.event)
                assert all(entry.reason for entry in history)
                assert alert.status in self.model.statuses
                assert alert.flapping == flaps_by(history)

    @invariant()
    def whatever_is_due_has_a_timer_that_is_not_later(self) -> None:
        if hasattr(self, "store"):
            self.run(self._check_timers())

    async def _check_timers(self) -> None:
        async with self.store.reading() as tx:
            timers = {timer.subject: timer.due for timer in await tx.timers.due(range(SHARDS), NOW.replace(9000), 9999)}
            for alert in await tx.alerts.find(AlertQuery(page_size=1000)):
                due = next_due(alert)
                assert due is None or timers[alert.id] <= due


TestAlertLife = AlertLife.TestCase
TestAlertLife.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)


@pytest.fixture(params=MODELS, ids=lambda model: type(model).__name__)
def model(request: pytest.FixtureRequest) -> Any:
    """Each alarm model."""
    return request.param


@pytest.fixture(params=["memory", "sqlite"])
async def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    """A maker of empty stores."""
    stores: list[Any] = []

    async def make() -> Any:
        if request.param == "memory":
            return MemoryStore()
        url = f"sqlite:///{tmp_path / f'{len(stores)}.db'}"
        await migrate(url)
        stores.append(open_store(url))
        return stores[-1]

    yield make
    for store in stores:
        await store.close()


async def everything(store: Any) -> tuple[list[Any], list[Any]]:
    """All alerts, and the types and reasons of their histories."""
    async with store.reading() as tx:
        alerts = sorted(await tx.alerts.find(AlertQuery(page_size=1000)), key=lambda alert: alert.id)
        histories = [[(each.id, each.type, each.reason) for each in await tx.history.of(a.id)] for a in alerts]
    return alerts, histories


async def apply(store: Any, signals: list[Signal], model: AlarmModel) -> list[Any]:
    async with store.transaction() as tx:
        return (await apply_signals(tx, signals, NOW, Receiving(model, Limits(), FLAPS))).outcomes


def test_a_batch_comes_to_the_same_as_one_by_one(make_store: Callable[[], Any], model: AlarmModel) -> None:
    runner = asyncio.Runner()

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(batch=st.lists(sent, min_size=1, max_size=12), cuts=st.sets(st.integers(1, 11), max_size=3))
    def check(batch: list[dict[str, Any]], cuts: set[int]) -> None:
        runner.run(compare(batch, cuts))

    async def compare(batch: list[dict[str, Any]], cuts: set[int]) -> None:
        signals = [signal(number, fields) for number, fields in enumerate(batch)]
        single, together = await make_store(), await make_store()
        one_by_one = [outcome for each in signals for outcome in await apply(single, [each], model)]
        edges = [0, *sorted(cut for cut in cuts if cut < len(signals)), len(signals)]
        pieces = [signals[a:b] for a, b in pairwise(edges)]
        in_batches = [outcome for piece in pieces for outcome in await apply(together, piece, model)]
        assert in_batches == one_by_one
        assert await everything(together) == await everything(single)

    with runner:
        check()


@pytest.mark.parametrize("racers", [2, 20])
async def test_racing_first_messages_make_one_alert(
    make_store: Callable[[], Any], model: AlarmModel, racers: int
) -> None:
    store = await make_store()
    fields = {"resource": "web", "event": "Down", "severity": "major"}
    outcomes = await asyncio.gather(*(apply(store, [signal(number, fields)], model) for number in range(racers)))
    changes = sorted(outcome.change for (outcome,) in outcomes)
    assert changes == ["created"] + ["duplicate"] * (racers - 1)
    (alert,), (history,) = await everything(store)
    assert (alert.duplicate_count, [kind for _, kind, _ in history]) == (racers - 1, ["new"])


async def test_signals_and_operators_that_race_lose_nothing(make_store: Callable[[], Any], model: AlarmModel) -> None:
    store = await make_store()
    operating = Operating(store, Clock(), model)
    fields = {"resource": "web", "event": "Down", "severity": "major"}
    ((created,),) = [await apply(store, [signal(0, fields)], model)]

    async def operate(action: str) -> None:
        with suppress(Conflict):
            await operating.act(created.alert.id, action, user="ann")

    await asyncio.gather(
        *(apply(store, [signal(number, fields)], model) for number in range(1, 6)),
        *(operating.tag(created.alert.id, [f"t{number}"]) for number in range(5)),
        operate("ack"),
        operate("ack"),
    )
    (alert,), (history,) = await everything(store)
    assert alert.duplicate_count == 5
    assert set(alert.tags) == {f"t{number}" for number in range(5)}
    # The second finds it acknowledged: Alerta's model refuses that, the other has nothing against it.
    acknowledged = 1 if model is MODELS[0] else 2
    assert [kind for _, kind, _ in history].count("ack") == acknowledged
    assert alert.version == 1 + 5 + 5 + acknowledged
