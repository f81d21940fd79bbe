"""An incident: one episode in which a service is unwell, and the timeline of what was decided and why."""

from datetime import datetime
from enum import StrEnum
from typing import Any

import msgspec

from watchbell.domain.ids import AlertId, IncidentId, NotificationId


class IncidentStatus(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of one service.

    `severity` is the worst that it has reached. `alerts` are the ids that belong to it, `active` those that still
    stand. `step` is the index of the next step of the policy; `escalates_at` is when it is due, None when nothing is.
    `told` are the targets (`channel` and `to` joined by a tab) that were sent anything. `flapping`
    has each of its alerts that flap with the number of the digest that was told. `version` grows with every write.
    """

    id: IncidentId
    service: str
    title: str
    status: IncidentStatus = IncidentStatus.OPEN
    severity: str
    environment: str = ""
    alerts: tuple[AlertId, ...] = ()
    active: tuple[AlertId, ...] = ()
    policy: str = ""
    step: int = 0
    escalates_at: datetime | None = None
    told: tuple[str, ...] = ()
    opened_at: datetime
    acknowledged_at: datetime | None = None
    acknowledged_by: str = ""
    resolved_at: datetime | None = None
    version: int = 1
    flapping: dict[str, int] = {}


class TimelineEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One decision or event in an incident's life.

    `kind` is one of opened, alert, severity, told, untold, escalated, acknowledged, unacknowledged, resolved,
    delivered, failed, ambiguous, flapping, note. `text` is what happened and `reason` why, each a sentence that
    a person can read.
    """

    id: str
    incident_id: IncidentId
    at: datetime
    kind: str
    text: str
    reason: str = ""
    by: str = ""
    data: dict[str, Any] = {}
    config_version: int = 0


class Purpose(StrEnum):
    """Why a notification is sent."""

    ALERT = "alert"
    ACKNOWLEDGEMENT = "acknowledgement"
    RECOVERY = "recovery"
    TEST = "test"


class NotificationStatus(StrEnum):
    """What has become of a notification. DROPPED: it was overtaken by events before anyone got it."""

    PENDING = "pending"
    DELIVERED = "delivered"
    FAILED = "failed"
    DROPPED = "dropped"


class Notification(msgspec.Struct, frozen=True, kw_only=True):
    """One message to one target. Its id is the idempotency key at the provider."""

    id: NotificationId
    incident_id: IncidentId
    channel: str
    to: str
    purpose: Purpose
    title: str
    text: str
    severity: str
    link: str = ""
    data: dict[str, Any] = {}
    status: NotificationStatus = NotificationStatus.PENDING
    created_at: datetime
    done_at: datetime | None = None
    attempts: int = 0


class AttemptOutcome(StrEnum):
    """How one try ended. AMBIGUOUS: nobody can say whether the provider has it."""

    ACCEPTED = "accepted"
    RETRY = "retry"
    PERMANENT = "permanent"
    AMBIGUOUS = "ambiguous"


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """One try through one provider, and the receipt. Times are the notifier's clock."""

    notification_id: NotificationId
    number: int
    provider: str
    started_at: datetime
    finished_at: datetime
    outcome: AttemptOutcome
    detail: str = ""
    reference: str = ""
    retry_after: float = 0.0
