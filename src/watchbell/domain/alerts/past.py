"""Past alerts: what is kept of an episode when it is over, for months.

An *episode* begins when an alert first stands and is over when the alert is closed or expired and stays so; one that is
opened again before it was archived goes on. It is one row, with its history in short.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.phase import DONE, TAKEN
from watchbell.domain.ids import AlertId, new_id

MOST_LINES = 500
"""Lines of the history that a past alert keeps, the newest."""
MOST_WORDS = 10
_LONGEST_FIELD = 2000


class Life(msgspec.Struct, frozen=True, kw_only=True):
    """What the history tells of the present episode of an alert.

    `highest_severity` is '' when the history has none that is known. `resolved_at` is None while the alert stands.
    """

    highest_severity: str = ""
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    severity_changes: int = 0
    flapped: bool = False


class PastAlert(msgspec.Struct, frozen=True, kw_only=True):
    """An episode that is over.

    `id` is its own, `alert_id` that of the alert, which may have had several. `severity` and `status` are the last.
    Seconds count from `opened_at`; `stood` is how many it stood, until it was resolved or, when nobody said that, last
    heard of.
    """

    id: str
    alert_id: AlertId
    environment: str
    resource: str
    event: str
    customer: str | None = None
    service: tuple[str, ...] = ()
    group: str = ""
    severity: str
    highest_severity: str
    status: str
    value: Any = None
    text: str = ""
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    origin: str = ""
    type: str = ""
    opened_at: datetime
    last_receive_time: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    archived_at: datetime
    seconds_to_acknowledge: float | None = None
    seconds_to_resolve: float | None = None
    stood: float = 0
    duplicate_count: int = 0
    severity_changes: int = 0
    flapped: bool = False


class Archived(msgspec.Struct, frozen=True, kw_only=True):
    """A past alert on its way into the archive, with its history, oldest first."""

    alert: PastAlert
    history: tuple[HistoryEntry, ...] = ()


class PastQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which episodes: opened from `since` on and before `before`; of each other field any of the values, none for all.

    `severities` are the highest ones. `words` are in small letters, and all must be found. `customers` None is
    everybody's.
    """

    since: datetime | None = None
    before: datetime | None = None
    environments: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    events: tuple[str, ...] = ()
    severities: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    customers: frozenset[str] | None = None


Place = tuple[datetime, str]
"""Where a page of past alerts ended: the `opened_at` and the `id` of its last one."""


def life_of(entries: Iterable[HistoryEntry], severities: Sequence[str], since: datetime) -> Life:
    """What the entries from `since` on, oldest first, tell; `severities` are those that are known, the worst first."""
    mine = [entry for entry in entries if entry.at >= since]
    ranks = {name: rank for rank, name in reversed(list(enumerate(severities)))}
    known = [ranks[entry.severity] for entry in mine if entry.severity in ranks]
    acknowledged = next((entry for entry in mine if entry.status in TAKEN), None)
    last_stood = max((number for number, entry in enumerate(mine) if entry.status not in DONE), default=-1)
    resolved = mine[last_stood + 1] if last_stood + 1 < len(mine) else None
    return Life(
        highest_severity=severities[min(known)] if known else "",
        acknowledged_at=acknowledged.at if acknowledged else None,
        acknowledged_by=(acknowledged.user or "") if acknowledged else "",
        resolved_at=resolved.at if resolved else None,
        severity_changes=sum(entry.type == "severity" for entry in mine),
        flapped=any(entry.type == "flapping" for entry in mine),
    )


def past_of(alert: Alert, life: Life, now: datetime) -> PastAlert:
    """The episode of an alert that has one, over now."""
    opened_at = alert.opened_at or alert.receive_time
    resolved_at = (life.resolved_at or alert.update_time) if alert.status in DONE else None
    acknowledged_at = life.acknowledged_at

    def after(at: datetime) -> float:
        return max((at - opened_at).total_seconds(), 0)

    return PastAlert(
        id=new_id(),
        alert_id=alert.id,
        environment=alert.environment,
        resource=alert.resource,
        event=alert.event,
        customer=alert.customer,
        service=alert.service,
        group=alert.group,
        severity=alert.severity,
        highest_severity=life.highest_severity or alert.severity,
        status=alert.status,
        value=alert.value,
        text=alert.text,
        tags=alert.tags,
        attributes=alert.attributes,
        origin=alert.origin,
        type=alert.type,
        opened_at=opened_at,
        last_receive_time=alert.last_receive_time,
        acknowledged_at=acknowledged_at,
        acknowledged_by=life.acknowledged_by,
        resolved_at=resolved_at,
        archived_at=now,
        seconds_to_acknowledge=after(acknowledged_at) if acknowledged_at else None,
        seconds_to_resolve=after(resolved_at) if resolved_at else None,
        stood=after(resolved_at or alert.last_receive_time),
        duplicate_count=alert.duplicate_count,
        severity_changes=life.severity_changes,
        flapped=life.flapped,
    )


def searched_text(past: PastAlert) -> str:
    """What words are looked for in, in small letters: resource, event, text, value, services, group and tags."""
    value = past.value if isinstance(past.value, str) else _said(past.value)
    fields = (past.resource, past.event, past.text, value, past.group, *past.service, *past.tags)
    return "\n".join(field[:_LONGEST_FIELD].lower() for field in fields if field)


def _said(value: Any) -> str:
    """A value that is no text, as it is shown."""
    return "" if value is None else msgspec.json.encode(value).decode()


def words_of(text: str) -> tuple[str, ...]:
    """The words of a search, in small letters; at most `MOST_WORDS`."""
    return tuple(dict.fromkeys(text.lower().split()))[:MOST_WORDS]
