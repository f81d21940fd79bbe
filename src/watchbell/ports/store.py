"""The store: everything that must survive, behind one transaction.

Promises of every implementation: a transaction is atomic and durable when its context ends without an exception, and
leaves no trace
otherwise. Reads inside a transaction see its own writes. Writers of the same alerts, leases or rows wait for each
other; nobody waits
for ever. Losing the database raises `Retryable`; a lost lease raises `Fenced`; both leave nothing behind.
"""

from collections.abc import Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

import msgspec

from watchbell.domain.alerts.alert import Alert, Identity
from watchbell.domain.alerts.query import AlertCounts, AlertQuery, Measure, Offender
from watchbell.domain.checks.health import Health
from watchbell.domain.checks.heartbeat import Pulse
from watchbell.domain.checks.result import Result
from watchbell.domain.managed import Stored
from watchbell.domain.oncall.incident import Attempt, Incident, IncidentStatus, Notification, TimelineEntry
from watchbell.ports.alerta import CustomerLookups, Notes, OriginHeartbeats, People, Permissions
from watchbell.ports.calls import ReceivedCalls
from watchbell.ports.duties import Lease, Leases, Outbox, OutboxRow, Timer, Timers
from watchbell.ports.history import AlertHistory
from watchbell.ports.login import Identities
from watchbell.ports.past import Episodes, PastAlerts
from watchbell.ports.people import ApiKeys, Audit, Facts, Sessions, Users, Views
from watchbell.ports.proofs import Letters, Passkeys, SecondFactors, Spent
from watchbell.ports.rules import RuleHistory
from watchbell.ports.tally import Tallies

__all__ = [
    "AlertHistory",
    "AlertReports",
    "Alerts",
    "ApiKeys",
    "Audit",
    "Catalogue",
    "Change",
    "Changes",
    "CheckStates",
    "CustomerLookups",
    "Episodes",
    "Facts",
    "Incidents",
    "Lease",
    "Leases",
    "Notes",
    "Notifications",
    "OriginHeartbeats",
    "Outbox",
    "OutboxRow",
    "PastAlerts",
    "People",
    "Permissions",
    "Pulses",
    "RuleHistory",
    "Sessions",
    "Store",
    "Tallies",
    "Timer",
    "Timers",
    "Transaction",
    "Users",
]


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What one transaction changed: for each topic the ids. `id` grows in order of commit, possibly with gaps."""

    id: int
    at: datetime
    items: dict[str, list[str]]


class Alerts(Protocol):
    """Alerts, unique by identity."""

    async def lock(self, identities: Iterable[Identity]) -> None:
        """Until the transaction ends, nobody else passes `lock` for the same (environment, resource, customer).

        Never deadlocks by itself.
        """
        ...

    async def related(self, identities: Iterable[Identity]) -> list[Alert]:
        """Alerts of the same environment, resource and customer that have the same event or a non-empty `correlate`."""
        ...

    async def get(self, identifier: str) -> Alert | None:
        """By id or last_receive_id, or the beginning of one of them, which may be all in lower or in upper case.

        The alert whose own id it is counts before all others. Else raises `Invalid` when several match.
        """
        ...

    async def many(self, identifiers: Sequence[str], *, locking: bool = True) -> list[Alert]:
        """By exact ids; missing ones are left out.

        In a writing transaction the rows are locked until its end, unless they are only looked at: who holds a later
        lock, of an incident or a timer, must not wait for alerts.
        """
        ...

    async def save(self, alerts: Sequence[Alert]) -> None:
        """Insert or overwrite by id. Two alerts of one identity raise `Conflict`, at the latest at the commit."""
        ...

    async def delete(self, identifiers: Sequence[str]) -> None:
        """Delete with their history."""
        ...

    async def find(self, query: AlertQuery) -> list[Alert]:
        """One page. Alerts whose severity or status has no rank sort last; none disappear."""
        ...

    async def counts(self, query: AlertQuery) -> AlertCounts:
        """Over all pages."""
        ...


class AlertReports(Protocol):
    """Aggregates over alerts."""

    async def by_environment(self, query: AlertQuery) -> dict[str, AlertCounts]:
        """Counts for each environment."""
        ...

    async def by_service(self, query: AlertQuery) -> dict[tuple[str, str], AlertCounts]:
        """Counts for each (environment, service)."""
        ...

    async def by_value(self, field: str, query: AlertQuery) -> dict[tuple[str, str], int]:
        """How many alerts have each (environment, value) of a text field, or of the members of a list field."""
        ...

    async def by_field(self, field: str, query: AlertQuery) -> dict[str, AlertCounts]:
        """Counts for each value of a text field, or for each member of a list field; "" for alerts without any."""
        ...

    async def worst(self, measure: Measure, field: str, limit: int, query: AlertQuery) -> list[Offender]:
        """The `limit` worst groups of alerts by the value of a text field, the worst first, equal ones by name."""
        ...

    async def identities(self, ids: Sequence[str]) -> list[Identity]:
        """Identities of alerts by their exact ids; locks nothing, so that `lock` can come before `many`."""
        ...

    async def ids(self, query: AlertQuery, limit: int) -> list[str]:
        """Ids of all alerts that match, by id, whatever page is asked for; at most `limit`."""
        ...

    async def lapsed(
        self, statuses: Sequence[str], severities: Sequence[str], before: datetime, limit: int
    ) -> list[str]:
        """Ids of alerts with one of the statuses or severities, last received before `before`, oldest first."""
        ...


class Catalogue(Protocol):
    """Managed objects. Every write raises the version of the whole configuration and keeps the former body for ever."""

    async def version(self) -> int:
        """The version of the configuration; 0 when nothing was ever written."""
        ...

    async def all(self, kind: str = "") -> list[Stored]:
        """All objects of a kind, or of all kinds, by kind and name."""
        ...

    async def get(self, kind: str, name_or_id: str) -> Stored | None:
        """One object."""
        ...

    async def put(self, objects: Sequence[Stored]) -> int:
        """Insert or overwrite by (kind, id).

        All get the next version, which is returned. A taken name raises `Conflict`.
        """
        ...

    async def remove(self, kind: str, identifiers: Sequence[str]) -> int:
        """Remove by id; returns the next version."""
        ...

    async def past(self, kind: str, identifier: str, limit: int = 50) -> list[Stored]:
        """Former and present bodies, newest first."""
        ...


class CheckStates(Protocol):
    """Health and results of checks."""

    async def healths(self, check_ids: Sequence[str] | None = None) -> dict[str, Health]:
        """By check id; None means all."""
        ...

    async def save(self, healths: Sequence[Health]) -> None:
        """Insert or overwrite."""
        ...

    async def add_results(self, results: Sequence[Result]) -> None:
        """Append; a run_id that is already there is ignored."""
        ...

    async def results(self, check_id: str, limit: int = 100) -> list[Result]:
        """Newest first."""
        ...

    async def recent(self, check_ids: Sequence[str], limit: int = 30) -> dict[str, list[Result]]:
        """The newest `limit` of each check, oldest first, for sparklines."""
        ...

    async def forget(self, check_ids: Sequence[str]) -> None:
        """Health and results of checks that no longer exist."""
        ...

    async def trim(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` results that started before `before`; returns how many went."""
        ...


class Pulses(Protocol):
    """What is known of heartbeats."""

    async def get(self, heartbeat_ids: Sequence[str] | None = None) -> dict[str, Pulse]:
        """By heartbeat id; None means all."""
        ...

    async def save(self, pulses: Sequence[Pulse]) -> None:
        """Insert or overwrite."""
        ...

    async def forget(self, heartbeat_ids: Sequence[str]) -> None:
        """Drop what is known."""
        ...


class Incidents(Protocol):
    """Incidents and their timelines."""

    async def get(self, incident_id: str) -> Incident | None:
        """One incident; in a writing transaction the row is locked until its end."""
        ...

    async def unresolved(self, services: Sequence[str]) -> list[Incident]:
        """Incidents of the services that are not resolved.

        Locks so that no second one can be opened meanwhile for the same service.
        """
        ...

    async def save(self, incidents: Sequence[Incident]) -> None:
        """Insert or overwrite."""
        ...

    async def find(
        self, statuses: Sequence[IncidentStatus], service: str = "", page: int = 1, page_size: int = 50
    ) -> list[Incident]:
        """Newest first; no statuses means all."""
        ...

    async def counts(self) -> dict[str, int]:
        """How many by status."""
        ...

    async def add_entries(self, entries: Sequence[TimelineEntry]) -> None:
        """Append to timelines."""
        ...

    async def timeline(self, incident_id: str) -> list[TimelineEntry]:
        """In the order in which they were added."""
        ...

    async def of_alert(self, alert_id: str) -> list[Incident]:
        """Incidents that the alert belongs or belonged to, newest first."""
        ...


class Notifications(Protocol):
    """Messages to people, and each try."""

    async def save(self, notifications: Sequence[Notification]) -> None:
        """Insert or overwrite."""
        ...

    async def get(self, notification_ids: Sequence[str]) -> dict[str, Notification]:
        """By id."""
        ...

    async def of_incident(self, incident_id: str) -> list[Notification]:
        """Oldest first."""
        ...

    async def add_attempts(self, attempts: Sequence[Attempt]) -> None:
        """Append; the same (notification, number) again is ignored."""
        ...

    async def attempts(self, notification_ids: Sequence[str]) -> list[Attempt]:
        """By notification and number."""
        ...


class Changes(Protocol):
    """The feed of what changed, for live pages. Kept for an hour."""

    async def since(self, change_id: int, limit: int = 500) -> list[Change]:
        """Changes after `change_id`, in order."""
        ...

    async def latest(self) -> int:
        """The newest id; 0 when there is none."""
        ...

    async def trim(self, before: datetime) -> None:
        """Drop what is older."""
        ...


class Transaction(Protocol):
    """One atomic piece of work.

    `changed` notes ids for the feed; they are written in the same commit, as one `Change`.
    """

    alerts: Alerts
    reports: AlertReports
    history: AlertHistory
    catalogue: Catalogue
    checks: CheckStates
    pulses: Pulses
    incidents: Incidents
    notifications: Notifications
    outbox: Outbox
    timers: Timers
    leases: Leases
    users: Users
    sessions: Sessions
    keys: ApiKeys
    facts: Facts
    audit: Audit
    changes: Changes
    tallies: Tallies
    rule_history: RuleHistory
    notes: Notes
    origin_heartbeats: OriginHeartbeats
    people: People
    customer_lookups: CustomerLookups
    received_calls: ReceivedCalls
    permissions: Permissions
    identities: Identities
    views: Views
    letters: Letters
    second_factors: SecondFactors
    spent: Spent
    passkeys: Passkeys
    past: PastAlerts
    episodes: Episodes

    def changed(self, topic: str, *identifiers: str) -> None:
        """Note that these were changed. Topics: alert, incident, check, config, event, people."""
        ...


class Store(Protocol):
    """Where transactions come from. One for each process; safe for many tasks."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A writing transaction."""
        ...

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """A consistent view for reading; writing through it is an error. Does not wait for writers."""
        ...

    async def ping(self) -> None:
        """Raise `Retryable` unless the database answers."""
        ...

    async def close(self) -> None:
        """Give back all connections."""
        ...
