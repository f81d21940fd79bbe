"""What moving writes of alerts: themselves with their history and notes, heartbeats and blackouts.

Nobody is told of what comes: alerts are not routed unless that is asked for, and a heartbeat that is late already
counts as told. From then on they live as all others do: they expire, their acknowledgements run out, and the next
message is a duplicate of them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity
from watchbell.domain.alerts.blackout import Blackout, covering, in_force
from watchbell.domain.alerts.expire import next_due
from watchbell.domain.alerts.inhibition import Inhibition, enabled, source_of
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.muting import unmuted
from watchbell.domain.alerts.note import Note
from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.checks.origin_heartbeat import EXPIRED, OK, OriginHeartbeat
from watchbell.domain.errors import Faulty
from watchbell.domain.ids import shard_of
from watchbell.domain.managed import Stored
from watchbell.ports.clock import Clock
from watchbell.ports.data_source import IMPORTED, Kind, MovedAlert, MovedBlackout, Row
from watchbell.ports.store import Timer, Transaction
from watchbell.usecases.administering import OPERATOR
from watchbell.usecases.auditing import entry
from watchbell.usecases.configuration import Configured
from watchbell.usecases.heartbeating import ORIGIN
from watchbell.usecases.managing import Shapes
from watchbell.usecases.moving import Outcome, Told, Writer, Writing
from watchbell.usecases.muting import KIND, name_for
from watchbell.usecases.proposing import body_of
from watchbell.usecases.receiving import route_row

_MOMENT = timedelta(milliseconds=1)
_MOST_HISTORY = 10_000
_WRITTEN = frozenset({"imported", "updated"})
_NOTHING = frozenset[Any]()

Mark = tuple[str, str, datetime]
"""What tells one entry of an alert's history from the others."""


class MovingAlerts:
    """Writes alerts and what belongs to them. With `notify` whoever is on call hears of those that stand."""

    def __init__(
        self, clock: Clock, configured: Configured, model: AlarmModel, shapes: Shapes, *, notify: bool = False
    ) -> None:
        self._clock = clock
        self._configured = configured
        self._model = model
        self._shapes = shapes
        self._notify = notify
        self._would_come: set[str] = set()

    def writers(self) -> Mapping[Kind, Writer]:
        """By kind."""
        return {"blackout": self.blackouts, "heartbeat": self.heartbeats, "alert": self.alerts, "note": self.notes}

    async def alerts(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Alerts with their history, and the notes that come with them."""
        tx, now = writing.tx, self._clock.now()
        moved = [cast("MovedAlert", row.thing) for row in rows]
        identities = [each.alert.identity for each in moved]
        if writing.for_good:
            await tx.alerts.lock(identities)
        here = {str(alert.id): alert for alert in await tx.alerts.many([each.alert.id for each in moved])}
        names = {alert.identity: str(alert.id) for alert in await tx.alerts.related(identities)}
        past = await _imported_history(tx, here, moved)
        told: list[Told] = []
        coming: list[MovedAlert] = []
        for each in moved:
            alert = each.alert
            come = _arriving(alert, here, names, past)
            fresh = [entry for entry in each.history if _mark(entry) not in past.get(alert.id, _NOTHING)]
            if come.outcome in _WRITTEN:
                here[alert.id] = alert
                names[alert.identity] = alert.id
                coming.append(msgspec.structs.replace(each, history=tuple(fresh)))
            told += [come, *_history_told(each, come, len(fresh))]
        self._would_come.update(() if writing.for_good else (each.alert.id for each in coming))
        if writing.for_good and coming:
            await self._keep(writing, coming, now)
        # An alert that is here may have got notes since it was brought.
        notes = [Row(kind="note", id=note.id, thing=note) for each in moved for note in each.notes]
        return [*told, *(await self.notes(writing, notes) if notes else ())]

    async def _keep(self, writing: Writing, coming: Sequence[MovedAlert], now: datetime) -> None:
        tx = writing.tx
        config = await self._configured.within(tx)
        blackouts = in_force(config.blackouts.values(), now).blackouts
        inhibitions = enabled(config.inhibitions)
        alerts: list[Alert] = []
        history: list[HistoryEntry] = []
        for each in coming:
            alert, more = self._settled(each.alert, blackouts, inhibitions, now, config.version)
            alerts.append(alert)
            history += [*each.history, *more]
        await tx.alerts.save(alerts)
        await tx.history.add(history)
        timers = [
            Timer(kind="alert", subject=alert.id, shard=shard_of(alert.id), due=due)
            for alert in alerts
            if (due := next_due(alert)) is not None
        ]
        await tx.timers.set(timers)
        if self._notify:
            standing = [alert for alert in alerts if self._model.stands(alert.status, alert.severity)]
            await tx.outbox.add([route_row(alert.id, now) for alert in standing])
        tx.changed("alert", *(alert.id for alert in alerts))

    def _settled(
        self,
        alert: Alert,
        blackouts: Sequence[Blackout],
        inhibitions: Sequence[Inhibition],
        now: datetime,
        config_version: int,
    ) -> tuple[Alert, tuple[HistoryEntry, ...]]:
        """The alert as it stands here. One whose blackout is over opens now, silently: later, the end would be told."""
        more: tuple[HistoryEntry, ...] = ()
        if alert.status in UNDER_BLACKOUT and covering(blackouts, alert) is None:
            done = unmuted(alert, self._model, now, config_version)
            alert, more = msgspec.structs.replace(done.alert, version=alert.version), done.entries
        return msgspec.structs.replace(alert, inhibits=source_of(inhibitions, alert)), more

    async def notes(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Notes on alerts that are here."""
        found = [(row, cast("Note", row.thing)) for row in rows]
        wanted = list({note.alert_id for _, note in found})
        here = {str(alert.id) for alert in await writing.tx.alerts.many(wanted)} | self._would_come
        told: list[Told] = []
        for row, note in found:
            come = Told(kind="note", id=row.id, outcome="imported")
            if note.alert_id not in here:
                come = _but(come, "left", f"the alert {note.alert_id[:100]} is not here")
            elif await writing.tx.notes.get(note.id) is not None:
                come = _but(come, "there")
            elif writing.for_good:
                await writing.tx.notes.save(note)
            told.append(come)
        return told

    async def heartbeats(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Heartbeats, which are watched from now on."""
        tx, now = writing.tx, self._clock.now()
        told: list[Told] = []
        fresh: dict[tuple[str, str], OriginHeartbeat] = {}
        found = [(row, cast("OriginHeartbeat", row.thing)) for row in rows]
        here = {each.id: each for each in await tx.origin_heartbeats.get([heartbeat.id for _, heartbeat in found])}
        for row, heartbeat in found:
            key = (heartbeat.origin, heartbeat.customer or "")
            come = Told(kind="heartbeat", id=row.id, outcome="imported")
            known = here.get(heartbeat.id) or fresh.get(key)
            known = known or await tx.origin_heartbeats.of(heartbeat.origin, heartbeat.customer)
            if known is not None and known.id != heartbeat.id:
                come = _but(come, "kept", f"{heartbeat.origin!r} is watched here already")
            elif known is not None:
                # Each heartbeat that is received here, and each alert for one, makes a version.
                news = known.version == heartbeat.version and heartbeat.receive_time > known.receive_time
                come = _but(come, "updated" if news else "there")
            if come.outcome in _WRITTEN:
                here[heartbeat.id] = fresh[key] = heartbeat
            told.append(come)
        if writing.for_good and fresh:
            await self._watch(writing, list(fresh.values()), now)
        return told

    async def _watch(self, writing: Writing, fresh: Sequence[OriginHeartbeat], now: datetime) -> None:
        tx = writing.tx
        status = {beat.id: beat.status(now) for beat in fresh}
        quiet = [self._told_already(beat, status[beat.id]) for beat in fresh]
        await tx.origin_heartbeats.save(quiet)
        dues = [(beat.id, self._due(beat, status[beat.id], now)) for beat in quiet]
        await tx.timers.set([Timer(kind=ORIGIN, subject=i, shard=shard_of(i), due=due) for i, due in dues if due])
        tx.changed("check", *(beat.id for beat in quiet))

    def _told_already(self, heartbeat: OriginHeartbeat, status: str) -> OriginHeartbeat:
        return heartbeat if self._notify or status == OK else msgspec.structs.replace(heartbeat, alerted=status)

    def _due(self, heartbeat: OriginHeartbeat, status: str, now: datetime) -> datetime | None:
        """When to look at it first."""
        if self._notify and status != OK:
            return now
        return None if status == EXPIRED or heartbeat.due is None else heartbeat.due + _MOMENT

    async def blackouts(self, writing: Writing, rows: Sequence[Row]) -> Sequence[Told]:
        """Blackouts that are not over, under names of their own."""
        tx, now = writing.tx, self._clock.now()
        told: list[Told] = []
        fresh: list[Stored] = []
        names, ids = set[str](), set[str]()
        for row in rows:
            blackout = cast("MovedBlackout", row.thing)
            there = await tx.catalogue.get(KIND, blackout.id)
            if blackout.id in ids or (there is not None and there.id == blackout.id):
                told.append(Told(kind=KIND, id=row.id, outcome="there"))
                continue
            name = await self._free_name(writing, blackout, names)
            try:
                thing = self._shapes.read(KIND, {**blackout.body, "name": name})
            except Faulty as error:
                told.append(Told(kind=KIND, id=row.id, outcome="refused", reason=error.message))
                continue
            ids.add(blackout.id)
            names.add(name)
            stored: dict[str, Any] = {"body": body_of(thing), "version": 0, "updated_at": now}
            fresh.append(Stored(kind=KIND, id=blackout.id, name=name, updated_by=OPERATOR.login, **stored))
            told.append(Told(kind=KIND, id=row.id, outcome="imported"))
        if writing.for_good and fresh:
            await tx.catalogue.put(fresh)
            await tx.audit.add([entry(now, OPERATOR, (KIND, "create"), one.name, "imported") for one in fresh])
            tx.changed("config", *(one.id for one in fresh))
        return told

    async def _free_name(self, writing: Writing, blackout: MovedBlackout, taken: set[str]) -> str:
        name = name_for(blackout.body)
        if name in taken or await writing.tx.catalogue.get(KIND, name) is not None:
            return f"{name} {blackout.id[:8]}"
        return name


def _arriving(
    alert: Alert, here: Mapping[str, Alert], names: Mapping[Identity, str], past: Mapping[str, frozenset[Mark]]
) -> Told:
    """What becomes of an alert, by what is `here` (by id), who has its identity, and whose past was imported."""
    come = Told(kind="alert", id=alert.id, outcome="imported")
    holder = names.get(alert.identity, alert.id)
    if holder != alert.id:
        return _but(come, "kept", f"{_named(alert.identity)} is here already, as {holder}")
    if alert.id not in here:
        return come
    return _but(come, "updated" if alert.id in past and _is_news(alert, here[alert.id]) else "there")


def _is_news(alert: Alert, here: Alert) -> bool:
    """Whether an alert has changed where it comes from since it was brought, and nothing has happened to it here."""
    bare = msgspec.structs.replace(here, inhibits=None, tags=alert.tags)
    same = bare == alert and set(here.tags) == set(alert.tags)
    goes_on = alert.last_receive_time >= here.last_receive_time and alert.update_time >= here.update_time
    return here.version == alert.version and goes_on and not same


async def _imported_history(
    tx: Transaction, here: Mapping[str, Alert], moved: Sequence[MovedAlert]
) -> dict[str, frozenset[Mark]]:
    """The histories of those alerts that may be brought up to date: all of it was imported."""
    wanted = [each.alert.id for each in moved if each.alert.id in here and _is_news(each.alert, here[each.alert.id])]
    found = await tx.history.of_many(wanted, _MOST_HISTORY) if wanted else {}
    return {
        name: frozenset(map(_mark, entries))
        for name, entries in found.items()
        if all(entry.source.startswith(IMPORTED) for entry in entries)
    }


def _mark(entry: HistoryEntry) -> Mark:
    return entry.id, entry.type, entry.at


def _history_told(each: MovedAlert, come: Told, fresh: int) -> list[Told]:
    """What becomes of an alert's history: what is new of it comes with the alert."""
    if come.outcome != "updated":
        return [Told(kind="history", id=one.id, outcome=come.outcome) for one in each.history]
    return [
        Told(kind="history", id=each.alert.id, outcome="imported" if number < fresh else "there")
        for number in range(len(each.history))
    ]


def _but(told: Told, outcome: Outcome, reason: str = "") -> Told:
    return msgspec.structs.replace(told, outcome=outcome, reason=reason)


def _named(identity: Identity) -> str:
    whose = f" of {identity.customer}" if identity.customer else ""
    return f"{identity.event!r} of {identity.resource!r} in {identity.environment!r}{whose}"[:300]
