from datetime import UTC, datetime, timedelta

import pytest

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.accounts import Group, User
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.errors import Conflict, Invalid, Missing
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.intake import Intake
from watchbell.usecases.noting import Noting
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    def now(self):
        return NOW

    async def sleep(self, seconds):
        raise NotImplementedError


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def woken():
    return []


@pytest.fixture
async def alert(store):
    """One alert, and nothing in the outbox."""
    intake = Intake(store, Clock(), Receiving(AlertaModel(), Limits()), NullTelemetry())
    sent = Signal(
        id=new_id(),
        environment="Production",
        resource="web",
        event="Down",
        severity="major",
        service=("Shop",),
        create_time=NOW,
    )
    received = await intake.receive(sent)
    async with store.transaction() as tx:
        lease = await tx.leases.acquire(f"shard/{shard_of(sent.id)}", "t", NOW, NOW + timedelta(days=1))
        rows = await tx.outbox.claim("route", [lease], NOW, NOW, 10)
        await tx.outbox.done([row.id for row in rows])
    return received.alert


@pytest.fixture
def operating(store, woken):
    async def wake(shards):
        woken.extend(shards)

    return Operating(store, Clock(), AlertaModel(), wake=wake)


async def state(store, alert):
    async with store.reading() as tx:
        timers = await tx.timers.due(range(16), NOW + timedelta(days=99), 10)
        backlog = await tx.outbox.backlog(NOW)
        found = await tx.alerts.get(alert.id)
        history = await tx.history.of(alert.id)
        return found, history, timers, backlog.get("route", (0,))[0]


async def test_an_action_is_stored_told_routed_and_timed_together(store, operating, alert, woken):
    await operating.act(alert.id, "ack", user="ann", timeout=60)
    found, history, timers, routed = await state(store, alert)
    assert (found.status, found.version) == ("ack", 2)
    assert [(entry.type, entry.user) for entry in history] == [("new", None), ("ack", "ann")]
    assert [timer.due for timer in timers] == [NOW + timedelta(seconds=60)]
    assert routed == 1
    assert woken == [shard_of(alert.id)]


async def test_an_action_that_makes_no_sense_changes_nothing(store, operating, alert, woken):
    with pytest.raises(Conflict):
        await operating.act(alert.id, "unack", user="ann")
    found, history, _, routed = await state(store, alert)
    assert (found, len(history), routed, woken) == (alert, 1, 0, [])


async def test_the_beginning_of_the_id_is_enough(operating, alert):
    assert (await operating.act(alert.id[:8], "close", user=None)).status == "closed"


@pytest.mark.parametrize("name", ["00000000", "", "%", "_" * 8, ".*"])
async def test_what_is_not_there_is_missing(operating, alert, name):
    with pytest.raises(Missing):
        await operating.act(name, "ack", user="ann")
    with pytest.raises(Missing):
        await operating.delete(name)


async def test_a_status_set_by_hand_is_routed(store, operating, alert):
    await operating.set_status(alert.id, "closed", user="ann", text="over")
    found, history, _, routed = await state(store, alert)
    assert (found.status, history[-1].type, routed) == ("closed", "status", 1)


async def test_tags_attributes_and_notes_are_not_routed(store, operating, alert, woken):
    await operating.tag(alert.id, ["a", "b"])
    await operating.untag(alert.id, ["a"])
    await operating.set_attributes(alert.id, {"x": 1, "y": None})
    await Noting(store, Clock()).add(alert.id, "saw it", user="ann")
    found, history, _, routed = await state(store, alert)
    assert (found.tags, found.attributes, found.update_time) == (("b",), {"x": 1}, alert.update_time)
    assert [(entry.type, entry.text) for entry in history[1:]] == [("note", "saw it")]
    assert (routed, woken) == (0, [])


async def people_and_groups(store):
    async with store.transaction() as tx:
        await tx.users.save(User(id="u1", login="ann", password_hash="", roles=("user",), created_at=NOW))
        await tx.people.save_group(Group(id="g1", name="Night shift", members=("u1",)))


async def test_an_alert_is_somebodys_until_it_is_given_away(store, operating, alert, woken):
    await people_and_groups(store)
    taken = await operating.assign(alert.id, "Ann", user="bob", text="yours")
    assert (taken.status, taken.attributes) == (alert.status, {"assignee": "ann"}), "as the login is written"
    await operating.assign(alert.id, "Night shift", user="ann")
    swept = await operating.assign_all([alert.id], "", user="ann", text="done for today")
    found, history, _, routed = await state(store, alert)
    assert swept.updated == [alert.id]
    assert found.attributes == {}
    assert [(entry.type, entry.user, entry.text) for entry in history[1:]] == [
        ("assign", "bob", "assigned to ann: yours"),
        ("assign", "ann", "assigned to Night shift"),
        ("assign", "ann", "no longer assigned to Night shift: done for today"),
    ]
    assert (routed, woken) == (0, []), "nobody has to be told anything new"


@pytest.mark.parametrize("name", ["an", "nobody", "night shift", "a\nb", "u" * 2000])
async def test_an_alert_cannot_be_nobodys_by_mistake(store, operating, alert, name):
    await people_and_groups(store)
    with pytest.raises(Invalid):
        await operating.assign(alert.id, name, user="bob")
    assert (await state(store, alert))[0].attributes == {}


async def test_every_change_is_in_the_feed(store, operating, alert):
    async with store.reading() as tx:
        before = await tx.changes.latest()
    await operating.tag(alert.id, ["a"])
    await operating.delete(alert.id)
    async with store.reading() as tx:
        changes = await tx.changes.since(before)
    assert [change.items for change in changes] == [{"alert": [alert.id]}] * 2


async def test_deleting_leaves_no_timer_and_routes_once_more(store, operating, alert, woken):
    await operating.delete(alert.id)
    found, history, timers, routed = await state(store, alert)
    assert (found, history, timers, routed) == (None, [], [], 1)
    assert woken == [shard_of(alert.id)]


@pytest.mark.parametrize(
    ("verb", "given"),
    [
        ("tag", (["a\x00"],)),
        ("tag", (["x" * 2000],)),
        ("set_attributes", ({"a": "\x00"},)),
        ("set_attributes", ({"a.b": 1},)),
    ],
)
async def test_what_operators_write_is_bounded_too(store, operating, alert, verb, given):
    with pytest.raises(Invalid):
        await getattr(operating, verb)(alert.id, *given)
    assert (await state(store, alert))[0] == alert


@pytest.mark.parametrize("verb", ["act", "set_status"])
async def test_remarks_hold_no_control_characters(operating, alert, verb):
    with pytest.raises(Invalid, match="text: holds a control character"):
        await getattr(operating, verb)(alert.id, "closed", user="ann", text="a\x00")
