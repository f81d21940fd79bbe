"""A decision about an incident: what it becomes, what its timeline says, who is to be told.

Identifiers follow from the incident's id and version, so that the same decision made again (after a lost answer from
the database, or in a replay) has the same parts, and a message keeps its idempotency key.
"""

import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.ids import IncidentId, NotificationId
from watchbell.domain.oncall.incident import Incident, Notification, Purpose, TimelineEntry
from watchbell.domain.oncall.service import Channel, Policy, Service, Target
from watchbell.domain.oncall.wording import Words

_NAMESPACE = uuid.UUID("6b0ff3a2-8a0c-5f6e-9d53-3c1a4f0b7d11")


def derived_id(*parts: object) -> str:
    """An identifier that follows from `parts`."""
    return str(uuid.uuid5(_NAMESPACE, "/".join(str(part) for part in parts)))


class Circumstances(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision reads besides the incident and its alerts.

    `ranks` gives each severity its rank, 0 the worst. `policy` is None when the service names none or one that does not
    exist. `base_url` is where people reach the pages, without a slash at the end.
    """

    service: Service
    policy: Policy | None
    channels: Mapping[str, Channel]
    ranks: Mapping[str, int]
    base_url: str
    config_version: int
    now: datetime

    def rank(self, severity: str) -> int:
        """The severity's rank; one that nobody knows is the least severe."""
        return self.ranks.get(severity, 1000)


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """The outcome. When nothing changed, `incident` is what it was, and both lists are empty."""

    incident: Incident
    entries: tuple[TimelineEntry, ...] = ()
    notifications: tuple[Notification, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there is anything to record."""
        return bool(self.entries or self.notifications)


class Draft:
    """A decision under way. Everything in it happens at one moment and becomes one version of the incident."""

    def __init__(self, incident: Incident, circumstances: Circumstances, *, fresh: bool = False) -> None:
        self.incident = incident
        self.at = circumstances
        self._version = incident.version if fresh else incident.version + 1
        self._entries: list[TimelineEntry] = []
        self._notifications: list[Notification] = []

    def set(self, **changes: Any) -> None:
        """Change fields of the incident."""
        self.incident = msgspec.structs.replace(self.incident, **changes)

    def note(self, kind: str, text: str, reason: str = "", *, by: str = "", data: dict[str, Any] | None = None) -> None:
        """Add a line to the timeline."""
        self._entries.append(
            TimelineEntry(
                id=derived_id("entry", self.incident.id, self._version, len(self._entries)),
                incident_id=self.incident.id,
                at=self.at.now,
                kind=kind,
                text=text,
                reason=reason,
                by=by,
                data=data or {},
                config_version=self.at.config_version,
            )
        )

    def tell(self, targets: Sequence[Target], purpose: Purpose, words: Words, reason: str) -> None:
        """Queue a message to each target, once, and say in the timeline who is told and who cannot be."""
        seen: set[str] = set()
        for target in targets:
            key = told_key(target)
            if key in seen:
                continue
            seen.add(key)
            obstacle = self._obstacle(target)
            if obstacle:
                self.note("untold", f"{whom(target)} was not told", obstacle, data=_target_data(target))
            else:
                self._queue(target, key, purpose, words)
                self.note("told", f"{whom(target)} is being told: {words.title}", reason, data=_target_data(target))

    def finish(self) -> Decision:
        """The decision; the incident's version has grown when anything was decided."""
        if self._entries or self._notifications:
            self.set(version=self._version)
        return Decision(incident=self.incident, entries=tuple(self._entries), notifications=tuple(self._notifications))

    def _obstacle(self, target: Target) -> str:
        channel = self.at.channels.get(target.channel)
        if channel is None:
            return f"there is no channel {target.channel!r}"
        return "" if channel.enabled else f"the channel {target.channel!r} is disabled"

    def _queue(self, target: Target, key: str, purpose: Purpose, words: Words) -> None:
        identifier = derived_id("notification", self.incident.id, self._version, len(self._notifications), key, purpose)
        self._notifications.append(
            Notification(
                id=NotificationId(identifier),
                incident_id=self.incident.id,
                channel=target.channel,
                to=target.to,
                purpose=purpose,
                title=words.title,
                text=words.text,
                severity=self.incident.severity,
                link=words.link,
                data=words.data,
                created_at=self.at.now,
            )
        )
        if purpose is Purpose.ALERT and key not in self.incident.told:
            self.set(told=(*self.incident.told, key))


def incident_id(service: Service, alert: Alert) -> IncidentId:
    """The id of the incident that this state of an alert opens: the same state never opens two.

    The time tells it from the state of another alert that had the id, and is deleted: senders choose ids.
    """
    return IncidentId(derived_id("incident", service.name, alert.id, alert.version, alert.receive_time.isoformat()))


def former_incident_id(service: Service, alert: Alert) -> IncidentId:
    """The id that it had before times counted, for incidents that are still there: other alerts may have had it."""
    return IncidentId(derived_id("incident", service.name, alert.id, alert.version))


def told_key(target: Target) -> str:
    """A target as `Incident.told` keeps it."""
    return f"{target.channel}\t{target.to}"


def told_target(key: str) -> Target:
    """The target that `told_key` was made of."""
    channel, _, to = key.partition("\t")
    return Target(channel=channel, to=to)


def whom(target: Target) -> str:
    """A target in words."""
    return f"{target.to} (by {target.channel})" if target.to else f"Everyone on {target.channel}"


def _target_data(target: Target) -> dict[str, Any]:
    return {"channel": target.channel, "to": target.to}
