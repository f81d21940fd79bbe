"""Rows to be moved, and a store that they come to."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from watchbell.adapters.store.memory import MemoryStore
from watchbell.domain.accounts import ApiKey, Group, Profile, User
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.note import Note
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.ids import SHARDS, AlertId, new_id
from watchbell.domain.managed import Stored
from watchbell.domain.roles import USUAL
from watchbell.ports.data_source import (
    KINDS,
    Kind,
    MovedAlert,
    MovedUser,
    Refused,
    Row,
    Thing,
)
from watchbell.ports.telemetry import NullTelemetry
from watchbell.toolkit.objects import ObjectShapes
from watchbell.usecases.alerting import Alerting
from watchbell.usecases.configuration import Configured
from watchbell.usecases.intake import Intake
from watchbell.usecases.moving import Moving, Report, Writer
from watchbell.usecases.moving_alerts import MovingAlerts
from watchbell.usecases.moving_people import MovingPeople
from watchbell.usecases.proposing import body_of
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
AGO = NOW - timedelta(minutes=30)


class Source:
    """Rows, as they are given."""

    title = "a test"

    def __init__(self, rows: Sequence[Row | Refused]) -> None:
        self.rows = rows

    async def expected(self, kinds: Sequence[Kind]) -> dict[Kind, int]:
        return {}

    async def read(self, kind: Kind) -> AsyncIterator[Row | Refused]:
        for row in self.rows:
            if row.kind == kind:
                yield row

    async def close(self) -> None:
        raise NotImplementedError


class World:
    """A store, a clock to set, and what lives on it."""

    def __init__(self) -> None:
        self.time = NOW
        self.store = MemoryStore(self.now)
        self.model = AlertaModel()
        self.configured = Configured(self.store, self, NullTelemetry())
        self.intake = Intake(self.store, self, Receiving(self.model, Limits()), NullTelemetry())
        self.alerting = Alerting(self.store, self.model)

    def now(self) -> datetime:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += timedelta(seconds=seconds)

    async def move(
        self,
        *rows: Row | Refused,
        dry_run: bool = False,
        notify: bool = False,
        writes_alerts: type[MovingAlerts] = MovingAlerts,
        source: Source | None = None,
    ) -> Report:
        alerts = writes_alerts(self, self.configured, self.model, ObjectShapes({}), notify=notify)
        writers: dict[Kind, Writer] = {**MovingPeople(self, USUAL).writers(), **alerts.writers()}
        mover = Moving(self.store, self, writers, dry_run=dry_run)
        return await mover.move(source or Source(rows), KINDS, lambda *_: None)

    async def due(self, kind: str) -> dict[str, datetime]:
        async with self.store.reading() as tx:
            timers = await tx.timers.due(range(SHARDS), self.time + timedelta(days=400), 100)
        return {timer.subject: timer.due for timer in timers if timer.kind == kind}

    async def waiting(self) -> int:
        """Messages that somebody may be told of."""
        async with self.store.reading() as tx:
            return sum(number for number, _ in (await tx.outbox.backlog(self.time + timedelta(days=400))).values())

    async def alert(self, name: str) -> Alert:
        async with self.store.reading() as tx:
            (found,) = await tx.alerts.many([name])
        return found

    async def put(self, kind: str, thing: Any) -> None:
        async with self.store.transaction() as tx:
            row = Stored(
                kind=kind, id=new_id(), name=thing.name, body=body_of(thing), version=0, updated_at=NOW, updated_by=""
            )
            await tx.catalogue.put([row])
        self.configured.expire()


def row(kind: Kind, thing: Thing, name: str = "") -> Row:
    return Row(kind=kind, id=name or str(getattr(thing, "id", "")), thing=thing)


def alert(name: str = "a1", *, notes: Sequence[Note] = (), history: Sequence[str] = ("new",), **more: Any) -> Row:
    fields: dict[str, Any] = {
        "id": AlertId(name),
        "environment": "Production",
        "resource": f"host of {name}",
        "event": "Down",
        "severity": "major",
        "status": "open",
        "service": ("Shop",),
        "create_time": AGO,
        "timeout": 3600,
        "duplicate_count": 4,
        "receive_time": AGO,
        "last_receive_id": name,
        "last_receive_time": AGO,
        "update_time": AGO,
    }
    made = Alert(**(fields | more))
    past: dict[str, Any] = {
        "sent_at": AGO,
        "event": "Down",
        "severity": "major",
        "status": "open",
        "source": "import/x",
    }
    entries = tuple(HistoryEntry(id=name, alert_id=made.id, at=AGO, type=kind, **past) for kind in history)
    return row("alert", MovedAlert(alert=made, history=entries, notes=tuple(notes)), name)


def user(login: str = "pat", *, remark: str = "", **more: Any) -> Row:
    fields: dict[str, Any] = {"id": f"id-of-{login}", "login": login, "created_at": AGO, "password_hash": "$2a$…"}
    made = User(**(fields | more))
    profile = Profile(user_id=made.id, text="on call", updated_at=AGO)
    return row("user", MovedUser(source_id=f"their-{login}", user=made, profile=profile, remark=remark), made.id)


def key(name: str, owner: str = "pat") -> Row:
    made = ApiKey(id=name, hash=f"hash of {name}", prefix=name[:6], user=owner, scopes=("read",), created_at=AGO)
    return row("key", made)


def tallied(report: Report, kind: Kind) -> tuple[int, ...]:
    tally = report.kinds[kind]
    return tally.imported, tally.there, tally.kept, tally.left, tally.refused


def lines(report: Report, kind: Kind) -> list[str]:
    return [line.reason for line in report.kinds[kind].lines]


def group(*members: str) -> Row:
    """A group of the other system's users."""
    return row("group", Group(id="id of Night", name="Night", members=members))
