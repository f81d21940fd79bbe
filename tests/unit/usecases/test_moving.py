"""Moving: what comes, what stays as it is, who hears of it, and how alerts live on."""

from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from moving_bench import AGO, NOW, Source, World, alert, group, key, lines, row, tallied, user
from watchbell.domain.alerts.inhibition import Inhibition
from watchbell.domain.alerts.note import Note
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.errors import Conflict, Retryable
from watchbell.domain.ids import SHARDS, new_id
from watchbell.domain.signal import Signal
from watchbell.ports.data_source import (
    Kind,
    MovedBlackout,
    Refused,
    Row,
)
from watchbell.usecases import moving
from watchbell.usecases.heartbeating import ORIGIN
from watchbell.usecases.moving import Told, Writing
from watchbell.usecases.moving_alerts import MovingAlerts
from watchbell.usecases.muting import Muting


@pytest.fixture
def world() -> World:
    return World()


async def test_an_alert_comes_with_its_history_and_nobody_is_told(world: World):
    report = await world.move(alert(history=("new", "ack")))
    assert (tallied(report, "alert"), tallied(report, "history")) == ((1, 0, 0, 0, 0), (2, 0, 0, 0, 0))
    assert (await world.alert("a1")).duplicate_count == 4
    assert await world.waiting() == 0
    async with world.store.reading() as tx:
        assert [entry.type for entry in await tx.history.of("a1")] == ["new", "ack"]
        (run, *_) = await tx.audit.newest()
    assert (run.kind, run.subject, run.text) == ("import", "a test", "imported: 1 alert, 2 history")


async def test_its_time_runs_on(world: World):
    await world.move(alert(), alert("late", last_receive_time=NOW - timedelta(hours=9)), alert("ever", timeout=0))
    due = await world.due("alert")
    assert due == {"a1": AGO + timedelta(hours=1), "late": NOW - timedelta(hours=8)}
    world.time = NOW + timedelta(minutes=31)
    async with world.store.reading() as tx:
        timers = await tx.timers.due(range(SHARDS), world.time, 10)
    await world.alerting.fire(timers, [], world.time)
    assert {(await world.alert(name)).status for name in ("a1", "late")} == {"expired"}
    assert (await world.alert("ever")).status == "open"


async def test_an_acknowledgement_runs_out(world: World):
    ends = NOW + timedelta(minutes=5)
    await world.move(alert(status="ack", reverts_at=ends, status_before_ack="open"))
    assert await world.due("alert") == {"a1": ends}


async def test_the_next_message_is_a_duplicate_of_it(world: World):
    await world.move(alert())
    signal = Signal(
        id=new_id(),
        environment="Production",
        resource="host of a1",
        event="Down",
        severity="major",
        service=("Shop",),
        create_time=NOW,
    )
    received = await world.intake.receive(signal)
    assert (received.change, received.alert.id, received.alert.duplicate_count) == ("duplicate", "a1", 5)
    assert await world.waiting() == 0


async def test_who_asks_for_it_is_told_of_what_stands(world: World):
    report = await world.move(
        alert(), alert("done", status="closed", severity="normal"), alert("mine", status="ack"), notify=True
    )
    assert tallied(report, "alert")[0] == 3
    assert await world.waiting() == 2


async def test_again_brings_nothing_and_overwrites_nothing(world: World):
    rows = [alert(), user(), key("k1"), alert("a2", notes=[_note("a2")])]
    await world.move(*rows)
    async with world.store.transaction() as tx:
        (mine,) = await tx.alerts.many(["a1"])
        await tx.alerts.save([msgspec.structs.replace(mine, status="ack", version=2)])
        (pat,) = await tx.users.all()
        await tx.users.save(msgspec.structs.replace(pat, name="Changed here", password_hash="new"))
    report = await world.move(*rows)
    assert {kind: tallied(report, kind)[:2] for kind in ("alert", "history", "user", "key", "note")} == {
        "alert": (0, 2),
        "history": (0, 2),
        "user": (0, 1),
        "key": (0, 1),
        "note": (0, 1),
    }
    assert (await world.alert("a1")).status == "ack"
    async with world.store.reading() as tx:
        assert [each.name for each in await tx.users.all()] == ["Changed here"]
        assert len(await tx.history.of("a1")) == 1


async def test_again_brings_alerts_up_to_date_that_nothing_has_happened_to_here(world: World):
    await world.move(alert(), alert("a2"), alert("a3"), alert("a4"))
    async with world.store.transaction() as tx:
        (mine,) = await tx.alerts.many(["a2"])
        await tx.alerts.save([msgspec.structs.replace(mine, text="ours", version=2)])
        (entry,) = await tx.history.of("a4")
        await tx.history.add([msgspec.structs.replace(entry, type="note", source="")])
    later: dict[str, Any] = {"last_receive_time": NOW, "duplicate_count": 9, "history": ("new", "value")}
    older: dict[str, Any] = {"last_receive_time": AGO - timedelta(hours=1), "duplicate_count": 1}
    changed = [alert(**later), alert("a2", **later), alert("a3", **older), alert("a4", **later)]
    dry = await world.move(*changed, dry_run=True)
    report = await world.move(*changed)
    assert dry.kinds == report.kinds
    assert (tallied(report, "alert"), report.kinds["alert"].updated) == ((0, 3, 0, 0, 0), 1)
    assert [(await world.alert(name)).duplicate_count for name in ("a1", "a2", "a3", "a4")] == [9, 4, 4, 4]
    async with world.store.reading() as tx:
        assert [entry.type for entry in await tx.history.of("a1")] == ["new", "value"]
        assert [entry.type for entry in await tx.history.of("a2")] == ["new"]
    assert (await world.due("alert"))["a1"] == NOW + timedelta(hours=1)
    assert await world.waiting() == 0
    assert (await world.move(*changed)).kinds["alert"].updated == 0


async def test_an_alert_of_watchbells_own_is_not_brought_up_to_date(world: World):
    signal = Signal(
        id="a1",
        environment="Production",
        resource="host of a1",
        event="Down",
        severity="major",
        service=("Shop",),
        create_time=AGO,
    )
    world.time = AGO
    await world.intake.receive(signal)
    world.time = NOW
    report = await world.move(alert(last_receive_time=NOW, update_time=NOW))
    assert (tallied(report, "alert"), report.kinds["alert"].updated) == ((0, 1, 0, 0, 0), 0)
    assert (await world.alert("a1")).duplicate_count == 0


async def test_of_two_alerts_of_one_identity_the_one_that_is_here_stays(world: World):
    report = await world.move(alert(), alert("a2", resource="host of a1"), alert("a1", resource="another"))
    assert tallied(report, "alert") == (1, 1, 1, 0, 0)
    assert lines(report, "alert") == ["'Down' of 'host of a1' in 'Production' is here already, as a1"]
    report = await world.move(alert("a3", resource="host of a1"))
    assert tallied(report, "alert") == (0, 0, 1, 0, 0)


class Picky(MovingAlerts):
    """As over a database that does not want one of the rows."""

    async def alerts(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        done = await super().alerts(writing, rows)
        if any(each.id == "bad" for each in rows):
            raise Conflict("the database does not want it")
        return done


async def test_a_row_that_the_store_refuses_stops_no_other(world: World):
    report = await world.move(*(alert(name) for name in ("a1", "a2", "bad", "a4", "a5")), writes_alerts=Picky)
    assert tallied(report, "alert") == (4, 0, 0, 0, 1)
    assert lines(report, "alert") == ["the database does not want it"]
    assert [(await world.alert(name)).id for name in ("a1", "a2", "a4", "a5")] == ["a1", "a2", "a4", "a5"]
    async with world.store.reading() as tx:
        assert not await tx.alerts.many(["bad"])


class Busy(MovingAlerts):
    """As over a database that is busy at first, or for good."""

    times = 2

    async def alerts(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        done = await super().alerts(writing, rows)
        if type(self).times:
            type(self).times -= 1
            raise Retryable("the database is busy")
        return done


async def test_a_busy_database_is_tried_again(world: World, monkeypatch):
    monkeypatch.setattr(Busy, "times", 2)
    began = world.time
    assert tallied(await world.move(alert(), writes_alerts=Busy), "alert") == (1, 0, 0, 0, 0)
    assert world.time - began == timedelta(seconds=2 * moving.PAUSE)
    monkeypatch.setattr(Busy, "times", 99)
    with pytest.raises(Retryable, match="the database is busy"):
        await world.move(alert("a2"), writes_alerts=Busy)
    async with world.store.reading() as tx:
        assert not await tx.alerts.many(["a2"])


async def test_many_come_in_batches_and_lines_about_them_are_bounded(world: World, monkeypatch):
    monkeypatch.setattr(moving, "BATCH", 7)
    monkeypatch.setattr(moving, "TOLD", 5)
    bad = [Refused(kind="alert", id=f"b{number}", reason="is bad") for number in range(20)]
    report = await world.move(*(alert(f"a{number}") for number in range(30)), *bad)
    assert tallied(report, "alert") == (30, 0, 0, 0, 20)
    assert len(report.kinds["alert"].lines) == 5
    assert report.lost == 20


async def test_rows_are_written_while_others_are_still_to_be_read(world: World, monkeypatch):
    """So that memory holds a batch, however many there are."""
    monkeypatch.setattr(moving, "BATCH", 7)
    behind: list[int] = []

    class Watching(Source):
        async def read(self, kind: Kind) -> AsyncIterator[Row | Refused]:
            read = 0
            async for one in super().read(kind):
                async with world.store.reading() as tx:
                    behind.append(read - len(await tx.alerts.many([each.id for each in self.rows])))
                yield one
                read += 1

    await world.move(source=Watching([alert(f"a{number}") for number in range(30)]))
    assert max(behind) == 6


async def test_a_dry_run_tells_the_same_and_writes_nothing(world: World):
    rows = [alert(notes=[_note("a1")]), row("note", _note("a1", "n2")), user(), group("their-pat"), key("k1")]
    report = await world.move(*rows, dry_run=True)
    assert {kind: tallied(report, kind)[0] for kind in ("alert", "note", "user", "group", "key")} == {
        "alert": 1,
        "note": 2,
        "user": 1,
        "group": 1,
        "key": 1,
    }
    async with world.store.reading() as tx:
        assert not await tx.users.all()
        assert not await tx.alerts.many(["a1"])
        assert not await tx.audit.newest()


def _note(alert_id: str, name: str = "n1") -> Note:
    return Note(id=name, alert_id=alert_id, text="seen", create_time=AGO, update_time=AGO)


async def test_notes_come_when_their_alert_is_here(world: World):
    report = await world.move(alert(), row("note", _note("a1")), row("note", _note("gone", "n2")))
    assert tallied(report, "note") == (1, 0, 0, 1, 0)
    assert lines(report, "note") == ["the alert gone is not here"]
    async with world.store.reading() as tx:
        assert [note.text for note in await tx.notes.of("a1")] == ["seen"]


def _blackout(name: str, **more: Any) -> Row:
    body = {"environment": "Production", "resource": "host of a1", "start": "2026-03-01T11:00:00Z"}
    return row("blackout", MovedBlackout(id=name, body={**body, "end": "2026-03-01T14:00:00Z", **more}))


async def test_blackouts_get_names_and_silence(world: World):
    report = await world.move(
        _blackout("b1"), _blackout("b2"), _blackout("b3", environment=""), alert(status="blackout")
    )
    assert tallied(report, "blackout") == (2, 0, 0, 0, 1)
    async with world.store.reading() as tx:
        stored = await tx.catalogue.all("blackout")
    assert sorted(one.name for one in stored) == [
        "Production host of a1 2026-03-01 11:00",
        "Production host of a1 2026-03-01 11:00 b2",
    ]
    assert {one.id for one in stored} == {"b1", "b2"}
    assert (await world.alert("a1")).status == "blackout"
    world.configured.expire()
    assert tallied(await world.move(_blackout("b1"), _blackout("b2")), "blackout") == (0, 2, 0, 0, 0)


async def test_an_alert_whose_blackout_is_over_opens_and_nobody_is_told(world: World):
    await world.move(alert(status="blackout"))
    found = await world.alert("a1")
    assert (found.status, found.version) == ("open", 1)
    await Muting(world.store, world.configured, world.model, world).run([])
    assert await world.waiting() == 0
    async with world.store.reading() as tx:
        assert [entry.text for entry in await tx.history.of("a1")] == ["", "its blackout is over"]


async def test_an_alert_from_which_others_follow_is_known_as_such(world: World):
    body = {"name": "host down", "source": {"event": "Down"}, "target": {"event": "Slow"}, "equal": ["resource"]}
    await world.put("inhibition", msgspec.convert(body, Inhibition))
    await world.move(alert(), alert("a2", event="Slow"))
    assert [(await world.alert(name)).inhibits for name in ("a1", "a2")] == ["host down", None]


def _beat(origin: str, *, ago: float = 60, timeout: int = 3600, late: float = 0) -> Row:
    received = NOW - timedelta(seconds=ago)
    made = OriginHeartbeat(
        id=f"id of {origin}",
        origin=origin,
        create_time=received - timedelta(seconds=late),
        receive_time=received,
        timeout=timeout,
    )
    return row("heartbeat", made)


async def test_heartbeats_are_watched_and_those_that_are_late_already_tell_nobody(world: World):
    rows = [_beat("good"), _beat("silent", timeout=10), _beat("slow", late=9), _beat("ever", timeout=0), _beat("good")]
    report = await world.move(*rows)
    assert tallied(report, "heartbeat") == (4, 1, 0, 0, 0)
    async with world.store.reading() as tx:
        assert {one.origin: one.alerted for one in await tx.origin_heartbeats.all()} == {
            "ever": "",
            "good": "",
            "silent": "expired",
            "slow": "slow",
        }
    after = NOW - timedelta(seconds=60) + timedelta(seconds=3600, milliseconds=1)
    assert await world.due(ORIGIN) == {"id of good": after, "id of slow": after}
    twin = msgspec.structs.replace(rows[0].thing, id="another")
    assert tallied(await world.move(row("heartbeat", twin)), "heartbeat") == (0, 0, 1, 0, 0)


async def test_again_brings_heartbeats_up_to_date_that_were_not_heard_here(world: World):
    await world.move(_beat("good", ago=600), _beat("heard", ago=600), _beat("silent", ago=600, timeout=10))
    async with world.store.transaction() as tx:
        (heard,) = await tx.origin_heartbeats.get(["id of heard"])
        await tx.origin_heartbeats.save([msgspec.structs.replace(heard, version=1)])
    report = await world.move(_beat("good", ago=5), _beat("heard", ago=5), _beat("silent", ago=5, timeout=10))
    assert (report.kinds["heartbeat"].updated, report.kinds["heartbeat"].there) == (2, 1)
    async with world.store.reading() as tx:
        found = {one.origin: (one.receive_time, one.alerted) for one in await tx.origin_heartbeats.all()}
    assert found == {
        "good": (NOW - timedelta(seconds=5), ""),
        "heard": (NOW - timedelta(seconds=600), ""),
        "silent": (NOW - timedelta(seconds=5), ""),
    }
    assert (await world.due(ORIGIN))["id of silent"] == NOW + timedelta(seconds=5, milliseconds=1)


async def test_with_notify_late_heartbeats_are_looked_at_now(world: World):
    await world.move(_beat("good"), _beat("silent", timeout=10), notify=True)
    assert (await world.due(ORIGIN))["id of silent"] == NOW
    async with world.store.reading() as tx:
        assert {one.alerted for one in await tx.origin_heartbeats.all()} == {""}
