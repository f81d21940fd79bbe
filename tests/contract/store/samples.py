"""Things to store: each function makes one, with whatever the test cares about given by name."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from watchbell.domain.accounts import ApiKey, Session, User
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.flapping import Flaps
from watchbell.domain.audit import AuditEntry
from watchbell.domain.checks.result import Outcome, Reading, Result, Status
from watchbell.domain.correlated import Correlated, Member
from watchbell.domain.events.rules.part import WindowPart
from watchbell.domain.ids import AlertId
from watchbell.domain.managed import Stored
from watchbell.domain.oncall.incident import (
    Attempt,
    AttemptOutcome,
    Incident,
    Notification,
    Purpose,
    TimelineEntry,
)
from watchbell.ports.store import Lease, OutboxRow, Timer

T0 = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
"""When everything happens, to the microsecond."""

_numbers = count(1)


def after(seconds: float) -> datetime:
    """So many seconds after `T0`."""
    return T0 + timedelta(seconds=seconds)


def new_alert(identifier: str = "", **fields: Any) -> Alert:
    identifier = identifier or f"alert-{next(_numbers):08}"
    defaults: dict[str, Any] = {
        "environment": "Production",
        "resource": identifier,
        "event": "Down",
        "severity": "critical",
        "status": "open",
        "create_time": T0,
        "receive_time": T0,
        "last_receive_id": identifier,
        "last_receive_time": T0,
        "update_time": T0,
    }
    return Alert(id=identifier, **(defaults | fields))  # type: ignore[arg-type]


def full_alert() -> Alert:
    """An alert with every field set."""
    return new_alert(
        "full-alert-1",
        correlate=("Down", "Up"),
        service=("checkout", "suche\nmit Zeile", "\x1b\x1c"),
        group="Web",
        value={"percent": 97.5, "nested": [1, None, True]},
        text='It\'s 100% _down_ \\ "now" — grüße 🚨',
        tags=("a=b", "", "100%"),
        attributes={"region": "eu", "n": 3, "yes": True, "none": None, "list": [1, "x"], 'q"uote.$[0]': "odd key"},
        origin="probe/1",
        type="check",
        timeout=0,
        raw_data={"raw": "data"},
        customer="ACME",
        duplicate_count=7,
        repeat=True,
        previous_severity="minor",
        trend_indication="moreSevere",
        previous_status="ack",
        status_before_ack="assign",
        status_before_shelve="ack",
        reverts_at=after(60),
        ack_reverts_at=after(90),
        flaps=Flaps(since=after(1), count=5, calm=900, digest=3600, calms_at=after(901), digest_at=after(3601)),
        inhibits="switch",
        inhibited_by=AlertId("alert-1"),
        inhibition="power",
        inhibited_until=after(120),
        correlation=Correlated(
            rule="cluster",
            key="eu/7",
            members=(
                Member(
                    resource="web1",
                    event="Down",
                    severity="critical",
                    text="gone",
                    muted=True,
                    muted_by=("b",),
                    service=("checkout",),
                    timeout=0,
                ),
                Member(resource="web2", event="Down", severity="minor"),
            ),
        ),
        opened_at=after(1),
        version=9,
    )


def new_entry(alert_id: str, identifier: str = "message", at: datetime = T0, **fields: Any) -> HistoryEntry:
    defaults: dict[str, Any] = {"event": "Down", "severity": "critical", "status": "open", "type": "new", "sent_at": T0}
    return HistoryEntry(id=identifier, alert_id=alert_id, at=at, **(defaults | fields))  # type: ignore[arg-type]


def new_stored(identifier: str, name: str = "", kind: str = "check", **body: Any) -> Stored:
    return Stored(
        kind=kind, id=identifier, name=name or identifier, body=body, version=0, updated_at=T0, updated_by="ann"
    )


def new_outcome(status: Status = Status.OK) -> Outcome:
    readings = (Reading(name="time", value=0.125, unit="s", minimum=0.0), Reading(name="size", value=1e300))
    return Outcome(status=status, summary="fine", details="a\nb", readings=readings)


def new_result(run_id: str, check_id: str = "c1", seconds: float = 0, **fields: Any) -> Result:
    defaults: dict[str, Any] = {"due": after(seconds), "duration": 0.25, "worker": "w1", "outcome": new_outcome()}
    return Result(run_id=run_id, check_id=check_id, started=after(seconds), **(defaults | fields))


def new_incident(identifier: str, seconds: float = 0, **fields: Any) -> Incident:
    defaults: dict[str, Any] = {"service": "checkout", "title": "Checkout is down", "severity": "critical"}
    return Incident(id=identifier, opened_at=after(seconds), **(defaults | fields))  # type: ignore[arg-type]


def new_timeline(incident_id: str, identifier: str, seconds: float = 0) -> TimelineEntry:
    return TimelineEntry(
        id=identifier,
        incident_id=incident_id,  # type: ignore[arg-type]
        at=after(seconds),
        kind="note",
        text="seen",
        reason="because",
        by="ann",
        data={"k": [1]},
        config_version=3,
    )


def new_notification(identifier: str, seconds: float = 0, **fields: Any) -> Notification:
    defaults: dict[str, Any] = {
        "incident_id": "i1",
        "channel": "mail",
        "to": "ann",
        "purpose": Purpose.ALERT,
        "title": "Down",
        "text": "It is down",
        "severity": "critical",
        "data": {"a": 1},
    }
    return Notification(id=identifier, created_at=after(seconds), **(defaults | fields))  # type: ignore[arg-type]


def new_attempt(notification_id: str, number: int, detail: str = "") -> Attempt:
    return Attempt(
        notification_id=notification_id,  # type: ignore[arg-type]
        number=number,
        provider="smtp",
        started_at=T0,
        finished_at=after(1),
        outcome=AttemptOutcome.ACCEPTED,
        detail=detail,
    )


def new_row(identifier: str, shard: int = 0, seconds: float = 0, kind: str = "route") -> OutboxRow:
    return OutboxRow(
        id=identifier,
        kind=kind,
        subject=f"s-{identifier}",
        shard=shard,
        created_at=after(seconds),
        available_at=after(seconds),
    )


def new_timer(subject: str, seconds: float = 0, shard: int = 0, kind: str = "escalate") -> Timer:
    return Timer(kind=kind, subject=subject, shard=shard, due=after(seconds))


def shard_lease(shard: int, token: int = 1) -> Lease:
    return Lease(name=f"shard/{shard}", holder="k1", token=token, expires_at=after(10))


def new_user(identifier: str, login: str = "", **fields: Any) -> User:
    return User(id=identifier, login=login or identifier, created_at=T0, **fields)


def new_session(identifier: str, user_id: str, expires: float = 100) -> Session:
    return Session(id=identifier, user_id=user_id, csrf="x", created_at=T0, seen_at=T0, expires_at=after(expires))


def new_key(identifier: str, user: str = "ann", seconds: float = 0) -> ApiKey:
    return ApiKey(
        id=identifier,
        hash=f"hash-{identifier}",
        prefix="wb_",
        user=user,
        scopes=("read", "write:alerts"),
        created_at=after(seconds),
    )


def new_audit(identifier: str, seconds: float = 0) -> AuditEntry:
    return AuditEntry(id=identifier, at=after(seconds), who="ann", action="put", kind="check", subject="c1")


def new_window(rule_id: str, node: str, seconds: float, number: int, *, complete: bool = True) -> WindowPart:
    return WindowPart(
        rule_id=rule_id, node=node, window_start=after(seconds), window_s=60, count=number, complete=complete
    )
