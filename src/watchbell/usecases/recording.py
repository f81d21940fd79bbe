"""Recording decisions about incidents: state, timeline, messages and timer in the transaction of the caller."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from watchbell.domain.ids import shard_of
from watchbell.domain.oncall.decision import Circumstances, Decision
from watchbell.domain.oncall.delivery import Settled
from watchbell.domain.oncall.incident import Incident, Notification, TimelineEntry
from watchbell.domain.oncall.service import Service
from watchbell.ports.store import OutboxRow, Timer, Transaction
from watchbell.usecases.configuration import Configuration

ESCALATE = "escalate"
"""Kind of the timer that takes an incident's next step; its subject is the incident's id."""
ROUTE = "route"
"""Kind of the outbox row that says that an alert changed; its subject is the alert's id."""
DELIVER = "deliver"
"""Kind of the outbox row that says that a message must leave; its id and subject are the notification's id."""


class Ledger:
    """What a batch of decisions comes to, written in few statements. Nothing is in the transaction before `write`."""

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._incidents: dict[str, Incident] = {}
        self._entries: list[TimelineEntry] = []
        self._notifications: dict[str, Notification] = {}
        self._rows: list[OutboxRow] = []
        self._left: dict[str, datetime | None] = {}
        self._changed: dict[str, None] = {}

    def decided(self, decision: Decision, now: datetime) -> set[int]:
        """Take a decision about an incident; returns the shards that have something to deliver."""
        if not decision.changed:
            return set()
        incident = decision.incident
        shard = shard_of(incident.id)
        self._incidents[incident.id] = incident
        self._changed[incident.id] = None
        self._entries += decision.entries
        for notification in decision.notifications:
            self._notifications[notification.id] = notification
            self._rows.append(_deliver_row(notification, shard, now))
        return {shard} if decision.notifications else set()

    def settled(self, row: OutboxRow | None, settled: Settled) -> None:
        """Take what became of a message, whose row leaves the outbox or waits."""
        notification = settled.notification
        self._notifications[notification.id] = notification
        if row is not None:
            self._left[row.id] = settled.retry_at
        if notification.incident_id:
            self._changed[notification.incident_id] = None
            if settled.entry is not None:
                self._entries.append(settled.entry)

    def begun(self, notification: Notification) -> None:
        """Take a message of which an attempt begins."""
        self._notifications[notification.id] = notification

    def left(self, row: OutboxRow, retry_at: datetime | None = None) -> None:
        """A row is done, or waits until then."""
        self._left[row.id] = retry_at

    def noted(self, entry: TimelineEntry) -> None:
        """Take a line of an incident's timeline."""
        self._entries.append(entry)
        self._changed[entry.incident_id] = None

    async def write(self, tx: Transaction) -> None:
        """Write everything, and begin anew."""
        await self._write_incidents(tx)
        if self._notifications:
            await tx.notifications.save(list(self._notifications.values()))
        if self._rows:
            await tx.outbox.add(self._rows)
        if self._entries:
            await tx.incidents.add_entries(self._entries)
        done = [row_id for row_id, retry_at in self._left.items() if retry_at is None]
        if done:
            await tx.outbox.done(done)
        for row_id, retry_at in self._left.items():
            if retry_at is not None:
                await tx.outbox.postpone(row_id, retry_at)
        if self._changed:
            tx.changed("incident", *self._changed)
        self._clear()

    async def _write_incidents(self, tx: Transaction) -> None:
        if not self._incidents:
            return
        incidents = list(self._incidents.values())
        await tx.incidents.save(incidents)
        timers = [
            Timer(kind=ESCALATE, subject=incident.id, shard=shard_of(incident.id), due=incident.escalates_at)
            for incident in incidents
            if incident.escalates_at is not None
        ]
        if timers:
            await tx.timers.set(timers)
        # A new incident that waits for nothing has no timer yet.
        idle = [(ESCALATE, i.id) for i in incidents if i.escalates_at is None and i.version > 1]
        if idle:
            await tx.timers.cancel(idle)


async def record(tx: Transaction, decision: Decision, now: datetime) -> set[int]:
    """Write a decision; returns the shards that have something to deliver."""
    ledger = Ledger()
    shards = ledger.decided(decision, now)
    await ledger.write(tx)
    return shards


def _deliver_row(notification: Notification, shard: int, now: datetime) -> OutboxRow:
    return OutboxRow(
        id=notification.id, kind=DELIVER, subject=notification.id, shard=shard, created_at=now, available_at=now
    )


def circumstances(
    config: Configuration, service: str, incident: Incident | None, rules: "Rulebook", now: datetime
) -> Circumstances:
    """What a decision about a service reads. An incident keeps the policy that it was opened under."""
    # A service that is gone counts as disabled: what is open for it ends, and nothing new begins.
    found = config.services.get(service) or Service(name=service, enabled=False)
    policy = (incident.policy if incident is not None else "") or found.policy
    return Circumstances(
        service=found,
        policy=config.policies.get(policy),
        channels=config.channels,
        ranks=rules.ranks,
        base_url=rules.base_url,
        config_version=config.version,
        now=now,
    )


class Rulebook:
    """What all decisions share: the rank of each severity (0 the worst), and where people reach the pages."""

    def __init__(self, ranks: Mapping[str, int], base_url: str) -> None:
        self.ranks = ranks
        self.base_url = base_url


def shown(incident: Incident, limit: int = 10) -> Sequence[str]:
    """The alerts that a message about the incident speaks of."""
    return (incident.active or incident.alerts)[:limit]
