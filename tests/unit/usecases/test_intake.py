import asyncio
from contextlib import asynccontextmanager, nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from watchbell.adapters.store.migrations import migrate
from watchbell.adapters.store.sql.store import open_store
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.alerts.receive import Received
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Invalid, Refused, Retryable
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock, MemoryStore
from watchbell.usecases.intake import Intake
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def signal(event="Down", severity="major", **more):
    fields: dict[str, Any] = {
        "environment": "Production",
        "resource": "web",
        "service": ("Shop",),
        "create_time": NOW,
        **more,
    }
    return Signal(id=new_id(), event=event, severity=severity, **fields)


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def clock():
    return HandClock(NOW)


@pytest.fixture
def intake(store, clock):
    return Intake(store, clock, Receiving(AlertaModel(), Limits()), NullTelemetry())


class Noted(NullTelemetry):
    def __init__(self):
        self.seconds = []

    def observe(self, name, seconds, **labels):
        self.seconds.append((name, labels["stage"], seconds))


class GatedStore(MemoryStore):
    """Writes nothing before its gate is opened."""

    def __init__(self, now):
        super().__init__(now)
        self.begun, self.gate = asyncio.Event(), asyncio.Event()

    @asynccontextmanager
    async def transaction(self):
        self.begun.set()
        await self.gate.wait()
        async with super().transaction() as tx:
            yield tx


async def test_recording_is_measured_from_the_receipt(clock):
    noted, store = Noted(), GatedStore(clock.now)
    intake = Intake(store, clock, Receiving(AlertaModel(), Limits()), noted)
    first = asyncio.create_task(intake.receive(signal()))
    await store.begun.wait()
    clock.advance(1)
    # Comes while the first one is being committed, and waits for its turn.
    second = asyncio.create_task(intake.receive(signal(event="Slow")))
    await asyncio.sleep(0)
    clock.advance(2)
    store.gate.set()
    await asyncio.gather(first, second)
    assert noted.seconds == [("stage_seconds", "record", 3.0), ("stage_seconds", "record", 2.0)]


async def outbox(store):
    async with store.reading() as tx:
        return await tx.outbox.backlog(NOW + timedelta(days=1))


async def test_two_first_messages_at_once_make_one_alert(intake, store):
    first, second = await asyncio.gather(intake.receive(signal()), intake.receive(signal()))
    assert first.alert.id == second.alert.id
    assert {first.change, second.change} == {"created", "duplicate"}
    async with store.reading() as tx:
        alert = await tx.alerts.get(first.alert.id)
    assert alert.duplicate_count == 1


@pytest.mark.parametrize("url", [None, "sqlite"])
async def test_an_alert_that_left_its_identity_in_a_batch_gets_it_back(clock, tmp_path, url):
    """Whichever of the two the store writes first."""
    store = MemoryStore()
    if url is not None:
        address = f"sqlite:///{tmp_path / 'w.db'}"
        await migrate(address)
        store = open_store(address)
    intake = Intake(store, clock, Receiving(AlertaModel(), Limits()), NullTelemetry())
    ids = ["00000000-0000-4000-8000-000000000001", "00000000-0000-4000-8000-000000000002"]
    slow = msgspec.structs.replace(signal("Slow", correlate=("Slow", "Up")), id=ids[0])
    up = msgspec.structs.replace(signal("Up", correlate=("Down", "Up")), id=ids[1])
    await intake.receive_many([up, slow])
    clock.advance(60)
    received = await intake.receive_many([signal("Slow"), signal("Down"), signal("Up")])
    assert [(one.alert.id, one.alert.event) for one in received] == [
        (ids[0], "Slow"),
        (ids[1], "Down"),
        (ids[1], "Up"),
    ]
    await store.close()


async def test_a_sender_that_says_no_timeout_gets_the_installations(store, clock):
    receiving = Receiving(AlertaModel(), Limits(), timeouts=Timeouts(alert=60))
    intake = Intake(store, clock, receiving, NullTelemetry())
    said = [signal(), signal(event="Slow", timeout=0), signal(event="Late", timeout=5)]
    found = await intake.receive_many(said)
    assert [received.alert.timeout for received in found] == [60, 0, 5]
    assert (await intake.receive(signal(timeout=7))).alert.timeout == 7
    assert (await intake.receive(signal())).alert.timeout == 60


@pytest.mark.parametrize(("origin", "refused"), [("spam/host", True), ("ham/spam/", False), ("", False)])
async def test_an_origin_that_is_refused(store, clock, origin, refused):
    limits = Limits(refused_origins=("nobody", "spam/.*"))
    intake = Intake(store, clock, Receiving(AlertaModel(), limits), NullTelemetry())
    with pytest.raises(Refused, match="origin 'spam/host' has been blacklisted") if refused else nullcontext():
        await intake.receive(signal(origin=origin))


@pytest.mark.parametrize("kept", [True, False])
async def test_the_history_of_values_can_be_left_out(store, clock, kept):
    receiving = Receiving(AlertaModel(), Limits(), value_history=kept)
    intake = Intake(store, clock, receiving, NullTelemetry())
    for value in ("1", "2", "3"):
        alert = (await intake.receive(signal(value=value))).alert
    await intake.receive(signal(severity="minor", value="4"))
    async with store.reading() as tx:
        history = await tx.history.of(alert.id)
    assert [entry.type for entry in history] == ["new", *["value"] * 2 * kept, "severity"]
    assert alert.value == "3"


async def test_a_duplicate_is_routed_no_second_time(intake, store):
    await intake.receive(signal())
    await intake.receive(signal())
    assert (await outbox(store))["route"][0] == 1


@pytest.mark.parametrize(("services", "rows"), [(("Shop", "Bank"), 2), (("Bank",), 2), (("Shop", "Shop"), 1)])
async def test_a_duplicate_that_belongs_to_other_services_is_routed(intake, store, services, rows):
    await intake.receive(signal(service=("Shop",)))
    await intake.receive(signal(service=services))
    assert (await outbox(store))["route"][0] == rows


async def test_a_change_of_severity_is_routed_and_remembered(intake, store):
    created = await intake.receive(signal())
    changed = await intake.receive(signal(severity="critical"))
    assert changed.change == "correlated"
    assert (changed.alert.previous_severity, changed.alert.trend_indication) == ("major", "moreSevere")
    async with store.reading() as tx:
        history = await tx.history.of(created.alert.id)
    assert [entry.type for entry in history] == ["new", "severity"]
    assert (await outbox(store))["route"][0] == 2


async def test_correlation_finds_the_alert_of_another_event(intake):
    down = await intake.receive(signal("Down", correlate=("Down", "Up")))
    up = await intake.receive(signal("Up", "normal", correlate=("Down", "Up")))
    assert up.alert.id == down.alert.id
    assert (up.alert.event, up.alert.status) == ("Up", "closed")


async def test_several_that_correlate_are_changed_by_exactly_one_signal(intake, store, clock):
    first = await intake.receive(signal("A", correlate=("A", "X")))
    clock.advance(1)
    second = await intake.receive(signal("B", correlate=("B", "X")))
    hit = await intake.receive(signal("X", "critical"))
    assert hit.alert.id == second.alert.id
    async with store.reading() as tx:
        assert (await tx.alerts.get(first.alert.id)).event == "A"


async def test_a_timer_is_set_for_the_expiry_and_not_again_for_duplicates(intake, store, clock):
    await intake.receive(signal(timeout=60))
    clock.advance(30)
    await intake.receive(signal(timeout=60))
    async with store.reading() as tx:
        (timer,) = await tx.timers.due(range(16), NOW + timedelta(days=1), 10)
    assert timer.due == NOW + timedelta(seconds=60)


async def test_a_signal_that_is_refused_changes_nothing_and_harms_no_other(intake, store):
    outcomes = await asyncio.gather(
        intake.receive(signal(severity="bad")), intake.receive(signal()), return_exceptions=True
    )
    assert isinstance(outcomes[0], Invalid)
    assert outcomes[1].change == "created"


@pytest.mark.parametrize(
    ("fields", "error", "words"),
    [
        ({"environment": "Prod"}, Refused, "environment does not match"),
        ({"environment": "xProduction"}, Refused, "environment does not match"),
        ({"service": ()}, Refused, "must define a service"),
        ({"resource": "a\x00b"}, Invalid, "resource: holds a control character"),
        ({"event": "x" * 2000}, Invalid, "event: is longer than"),
        ({"text": "a\x1b[31m"}, Invalid, "text: holds a control character"),
        ({"tags": ("t",) * 300}, Invalid, "tags: has 300 items"),
        ({"attributes": {"a.b": 1}}, Invalid, "Attribute keys must not contain"),
        ({"attributes": {"a": {"b": "\x00"}}}, Invalid, "attributes.a: holds a NUL"),
        ({"raw_data": "x" * 300_000}, Invalid, "rawData: is longer than"),
    ],
)
async def test_policy_names_what_is_wrong(intake, store, fields, error, words):
    with pytest.raises(error, match=words):
        await intake.receive(signal(**fields))
    async with store.reading() as tx:
        assert await tx.changes.latest() == 0


async def test_many_are_taken_together_or_not_at_all(intake, store):
    with pytest.raises(Invalid, match="Severity"):
        await intake.receive_many([signal("A"), signal("B", "bad")])
    async with store.reading() as tx:
        assert await tx.changes.latest() == 0
    assert len(await intake.receive_many([signal("A"), signal("B")])) == 2


async def test_each_of_a_list_is_taken_in_one_commit_but_for_those_that_are_refused(intake, store):
    wrong = [signal("B", "bad"), signal("C", environment="Nowhere"), signal("x" * 2000)]
    outcomes = await intake.receive_each([signal("A"), *wrong, signal("D")])
    assert [type(each) for each in outcomes] == [Received, Invalid, Refused, Invalid, Received]
    async with store.reading() as tx:
        assert await tx.changes.latest() == 1


async def test_a_commit_leaves_one_line_in_the_feed(intake, store):
    await asyncio.gather(*(intake.receive(signal(f"E{n}")) for n in range(20)))
    async with store.reading() as tx:
        changes = await tx.changes.since(0)
    assert sum(len(change.items["alert"]) for change in changes) == 20
    assert len(changes) < 5


async def test_a_lost_database_is_told_to_everyone(clock):
    class Away(MemoryStore):
        def transaction(self):
            raise Retryable("away")

    intake = Intake(Away(), clock, Receiving(AlertaModel(), Limits()), NullTelemetry())
    outcomes = await asyncio.gather(intake.receive(signal()), intake.receive(signal()), return_exceptions=True)
    assert all(isinstance(outcome, Retryable) for outcome in outcomes)


async def test_an_id_that_a_sender_chose_twice_overwrites_no_other_alert(intake, store):
    first = msgspec.structs.replace(signal(), id="mine")
    second, third = (msgspec.structs.replace(signal(event), id="mine") for event in ("Slow", "Full"))
    made = await intake.receive(first)
    others = await intake.receive_many([second, third])
    assert [one.change for one in others] == ["created", "created"]
    ids = {made.alert.id, *(one.alert.id for one in others)}
    assert len(ids) == 3
    async with store.reading() as tx:
        assert (await tx.alerts.get("mine")).event == "Down"
        assert sorted(alert.event for alert in await tx.alerts.many(sorted(ids))) == ["Down", "Full", "Slow"]
