"""Alerts as plug-ins know them: what they read and write of one, and what they may look up.

Times are in UTC and carry no zone. What is written to an alert counts when the hook returns it. Look-ups need a running
server, and block: they are for hooks and webhooks only.
"""

import os
import platform
import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, Protocol, cast
from uuid import uuid4

from alerta.app import app
from alerta.models.history import History
from alerta.utils.format import DateTime

SUPPRESSED = "blackout"
_SENT = (
    "environment",
    "severity",
    "correlate",
    "status",
    "service",
    "group",
    "value",
    "text",
    "tags",
    "attributes",
    "origin",
    "timeout",
    "customer",
)


class Desk(Protocol):
    """Where alerts are looked up."""

    def find(self, name: str) -> "Alert | None":
        """By id or the beginning of it."""
        ...

    def history(self, alert_id: str) -> list[History]:
        """The newest entries, oldest first."""
        ...


class NoDesk:
    """There is no server."""

    def find(self, name: str) -> "Alert | None":
        """Nothing."""
        raise RuntimeError(f"no server runs in which {name!r} could be looked up")

    def history(self, alert_id: str) -> list[History]:
        """Nothing."""
        del alert_id
        return []


class Alert:
    """An alert, or one that is about to become one."""

    desk: ClassVar[Desk] = NoDesk()

    def __init__(self, resource: str, event: str, **kwargs: Any) -> None:
        if not resource:
            raise ValueError('Missing mandatory value for "resource"')
        if not event:
            raise ValueError('Missing mandatory value for "event"')
        _check(kwargs)
        self._take_sent(resource, event, kwargs)
        self._take_received(kwargs)

    def _take_sent(self, resource: str, event: str, given: Mapping[str, Any]) -> None:
        self.id: str = given.get("id") or str(uuid4())
        self.resource = resource
        self.event = event
        self.environment: str = given.get("environment") or ""
        self.severity: str = given.get("severity") or app.config.get("DEFAULT_NORMAL_SEVERITY") or "normal"
        self.correlate: list[str] = list(given.get("correlate") or ())
        if self.correlate and event not in self.correlate:
            self.correlate.append(event)
        self.status: str = given.get("status") or "open"
        self.service: list[str] = list(given.get("service") or ())
        self.group: str = given.get("group") or "Misc"
        value = given.get("value")
        self.value: Any = str(value) if type(value) is int else value
        self.text: str = given.get("text") or ""
        self.tags: list[str] = list(given.get("tags") or ())
        self.attributes: dict[str, Any] = dict(given.get("attributes") or {})
        self.origin: str = given.get("origin") or f"{os.path.basename(sys.argv[0])}/{platform.uname()[1]}"  # noqa: PTH119 - its words
        self.event_type: str = given.get("event_type") or given.get("type") or "exceptionAlert"
        self.create_time: datetime = given.get("create_time") or _now()
        timeout = given.get("timeout")
        self.timeout: int = app.config.get("ALERT_TIMEOUT", 86400) if timeout is None else timeout
        self.raw_data: Any = given.get("raw_data")
        self.customer: str | None = given.get("customer")

    def _take_received(self, given: Mapping[str, Any]) -> None:
        self.duplicate_count: int | None = given.get("duplicate_count")
        self.repeat: bool | None = given.get("repeat")
        self.previous_severity: str | None = given.get("previous_severity")
        self.trend_indication: str | None = given.get("trend_indication")
        self.receive_time: datetime | None = given.get("receive_time") or _now()
        self.last_receive_id: str | None = given.get("last_receive_id")
        self.last_receive_time: datetime | None = given.get("last_receive_time")
        self.update_time: datetime | None = given.get("update_time")
        self._history: list[History] | None = given.get("history")

    @classmethod
    def parse(cls, json: dict[str, Any]) -> "Alert":
        """The alert of a JSON object, as senders write it. Raises `ValueError`."""
        for name in ("correlate", "service", "tags"):
            if not isinstance(json.get(name, []), list):
                raise ValueError(f"{name} must be a list")  # noqa: TRY004 - as Alerta does
        return cls(
            id=json.get("id"),
            resource=json.get("resource") or "",
            event=json.get("event") or "",
            create_time=DateTime.parse(json.get("createTime")),
            event_type=json.get("type"),
            raw_data=json.get("rawData"),
            **{name: json.get(name) for name in _SENT},
        )

    @property
    def history(self) -> list[History]:
        """What happened to it, oldest first; looked up when it is asked for."""
        if self._history is None:
            self._history = self.desk.history(self.id)
        return self._history

    @history.setter
    def history(self, entries: Iterable[History]) -> None:
        self._history = list(entries)

    @property
    def serialize(self) -> dict[str, Any]:
        """As JSON has it, but for times."""
        return {
            "id": self.id,
            "href": f"{app.config.get('BASE_URL', '')}/alert/{self.id}",
            "resource": self.resource,
            "event": self.event,
            "environment": self.environment,
            "severity": self.severity,
            "correlate": self.correlate,
            "status": self.status,
            "service": self.service,
            "group": self.group,
            "value": self.value,
            "text": self.text,
            "tags": self.tags,
            "attributes": self.attributes,
            "origin": self.origin,
            "type": self.event_type,
            "createTime": self.create_time,
            "timeout": self.timeout,
            "rawData": self.raw_data,
            "customer": self.customer,
            "duplicateCount": self.duplicate_count,
            "repeat": self.repeat,
            "previousSeverity": self.previous_severity,
            "trendIndication": self.trend_indication,
            "receiveTime": self.receive_time,
            "lastReceiveId": self.last_receive_id,
            "lastReceiveTime": self.last_receive_time,
            "updateTime": self.update_time,
            "history": [entry.serialize for entry in self.history],
        }

    def get_id(self, short: bool = False) -> str:  # noqa: FBT001, FBT002 - Alerta's
        """The id, or the beginning of it."""
        return self.id[:8] if short else self.id

    def get_body(self, history: bool = True) -> dict[str, Any]:  # noqa: FBT001, FBT002 - Alerta's
        """As JSON has it."""
        if not history:
            kept, self._history = self._history, []
            try:
                return self.get_body()
            finally:
                self._history = kept
        body = self.serialize
        for name in ("createTime", "receiveTime", "lastReceiveTime", "updateTime"):
            if body[name]:
                body[name] = DateTime.iso8601(body[name])
        return body

    @property
    def is_suppressed(self) -> bool:
        """Whether it is under a blackout."""
        return self.status == SUPPRESSED

    def is_flapping(self, window: int = 1800, count: int = 2) -> bool:
        """Whether its severity has changed more than `count` times in the last `window` seconds."""
        since = _now() - timedelta(seconds=window)
        changes = [entry for entry in self.history if entry.change_type == "severity" and entry.update_time > since]
        return len(changes) > count

    def tag(self, tags: Iterable[str]) -> "Alert":
        """Add tags."""
        self.tags = list(dict.fromkeys([*self.tags, *tags]))
        return self

    def untag(self, tags: Iterable[str]) -> "Alert":
        """Take tags away."""
        gone = set(tags)
        self.tags = [tag for tag in self.tags if tag not in gone]
        return self

    def update_tags(self, tags: Iterable[str]) -> "Alert":
        """Put these in the place of its tags."""
        self.tags = list(dict.fromkeys(tags))
        return self

    def update_attributes(self, attributes: Mapping[str, Any]) -> dict[str, Any]:
        """Merge attributes; None takes one away."""
        merged = {**self.attributes, **attributes}
        self.attributes = {name: value for name, value in merged.items() if value is not None}
        return self.attributes

    @staticmethod
    def find_by_id(id: str, customers: list[str] | None = None) -> "Alert | None":  # noqa: A002 - Alerta's
        """The alert with this id or beginning of it, as it stands; of these customers only, when there are any."""
        found = Alert.desk.find(id)
        return found if found is None or not customers or found.customer in customers else None

    def __repr__(self) -> str:
        return (
            f"Alert(id={self.id!r}, environment={self.environment!r}, resource={self.resource!r}, "
            f"event={self.event!r}, severity={self.severity!r}, status={self.status!r}, customer={self.customer!r})"
        )


def _check(given: Mapping[str, Any]) -> None:
    attributes: Any = given.get("attributes") or {}
    if not isinstance(attributes, dict):
        raise ValueError("attributes must be a JSON object")  # noqa: TRY004 - as Alerta does
    if any("." in str(key) or "$" in str(key) for key in cast("dict[Any, Any]", attributes)):
        raise ValueError('Attribute keys must not contain "." or "$"')
    timeout: Any = given.get("timeout")
    if timeout is not None and (not isinstance(timeout, int) or isinstance(timeout, bool)):
        raise ValueError("timeout must be an integer")
    if timeout is not None and timeout < 0:
        raise ValueError(f"Invalid negative 'timeout' value ({timeout})")
    if given.get("customer") == "":
        raise ValueError("customer must not be an empty string")


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)
