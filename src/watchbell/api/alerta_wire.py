"""Alerta's JSON: what its clients send, and what they expect back.

A field that is not known is ignored, as Alerta does: its forwarder sends whole alerts, with fields that only a server
sets.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal

DATE_FORMAT = "dates must be ISO 8601 date format YYYY-MM-DDThh:mm:ss.sssZ"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z")


class Sent(msgspec.Struct, rename="camel"):
    """What may be sent; types are checked field by field, for Alerta's own messages."""

    id: Any = None
    resource: Any = None
    event: Any = None
    environment: Any = ""
    severity: Any = "normal"
    correlate: Any = None
    status: Any = "open"
    service: Any = None
    group: Any = "Misc"
    value: Any = None
    text: Any = ""
    tags: Any = None
    attributes: Any = None
    origin: Any = None
    type: Any = "exceptionAlert"
    create_time: Any = None
    timeout: Any = None
    raw_data: Any = None
    customer: Any = None


_one = msgspec.json.Decoder(Sent)
_many = msgspec.json.Decoder(list[Sent])


class Defaults(msgspec.Struct, frozen=True):
    """What a signal has when its sender does not say."""

    timeout: int = 86400
    origin: str = "watchbell"


def decode(body: bytes) -> Sent:
    """One alert.

    Raises `Invalid` when the body is no JSON object.
    """
    try:
        return _one.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is not a JSON object: {error}") from error


def decode_many(body: bytes) -> list[Sent]:
    """A list of alerts.

    Raises `Invalid` when the body is no JSON array of objects.
    """
    try:
        return _many.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Invalid(f"the body is not a JSON array of objects: {error}") from error


def signal_of(sent: Sent, now: datetime, defaults: Defaults, user: str | None = None) -> Signal:
    """The signal.

    Raises `Invalid` with Alerta's words.
    """
    if not sent.resource:
        raise Invalid('Missing mandatory value for "resource"')
    if not sent.event:
        raise Invalid('Missing mandatory value for "event"')
    if sent.customer == "":
        raise Invalid("customer must not be an empty string")
    return Signal(
        id=_text(sent.id, "id"),
        resource=_text(sent.resource, "resource"),
        event=_text(sent.event, "event"),
        environment=_text(sent.environment, "environment"),
        severity=_text(sent.severity, "severity") or "normal",
        correlate=_texts(sent.correlate, "correlate"),
        status=_text(sent.status, "status") or "open",
        service=_texts(sent.service, "service"),
        group=_text(sent.group, "group") or "Misc",
        value=str(sent.value) if type(sent.value) is int else sent.value,
        text=_text(sent.text, "text"),
        tags=_texts(sent.tags, "tags"),
        attributes=_attributes(sent.attributes),
        origin=_text(sent.origin, "origin") or defaults.origin,
        type=_text(sent.type, "type") or "exceptionAlert",
        create_time=_time(sent.create_time) or now,
        timeout=timeout_of(sent.timeout, defaults.timeout),
        raw_data=sent.raw_data,
        customer=_text(sent.customer, "customer") or None,
        user=user,
    )


def _text(value: Any, field: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Invalid("must be a string", field)
    return value


def _texts(value: Any, field: str) -> tuple[str, ...]:
    if not value and value in (None, [], ""):
        return ()
    if not isinstance(value, list):
        raise Invalid(f"{field} must be a list")
    items: list[Any] = value  # pyright: ignore[reportUnknownVariableType]
    for item in items:
        if not isinstance(item, str):
            raise Invalid("must hold strings only", field)
    return tuple(items)


def _attributes(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Invalid("attributes must be a JSON object")
    return value  # pyright: ignore[reportUnknownVariableType]


def timeout_of(value: Any, default: int) -> int:
    """A time-out in seconds.

    Raises `Invalid` with Alerta's words.
    """
    if value is None:
        return default
    if type(value) is not int:
        raise Invalid("timeout must be an integer")
    if value < 0:
        raise Invalid(f"Invalid negative 'timeout' value ({value})")
    if value > 2**31 - 1:
        raise Invalid("timeout must be below 2147483648")
    return value


def _time(value: Any) -> datetime | None:
    return None if value is None else time_of(value)


def time_of(value: Any) -> datetime:
    """A time in Alerta's format.

    Raises `Invalid`.
    """
    if not isinstance(value, str) or not _DATE.fullmatch(value):
        raise Invalid(DATE_FORMAT)
    try:
        return datetime.fromisoformat(value)
    except ValueError as error:
        raise Invalid(DATE_FORMAT) from error


def moment(time: datetime) -> str:
    """A time as Alerta writes it: UTC, milliseconds, truncated."""
    return time.astimezone(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def alert_body(alert: Alert, base: str, history: Sequence[HistoryEntry] = (), *, raw: bool = True) -> dict[str, Any]:
    """An alert, keys sorted."""
    return {
        "attributes": alert.attributes,
        "correlate": alert.correlate,
        "createTime": moment(alert.create_time),
        "customer": alert.customer,
        "duplicateCount": alert.duplicate_count,
        "environment": alert.environment,
        "event": alert.event,
        "group": alert.group,
        "history": [history_body(entry, base) for entry in history],
        "href": f"{base}/alert/{alert.id}",
        "id": alert.id,
        "lastReceiveId": alert.last_receive_id,
        "lastReceiveTime": moment(alert.last_receive_time),
        "origin": alert.origin,
        "previousSeverity": alert.previous_severity,
        "rawData": alert.raw_data if raw else None,
        "receiveTime": moment(alert.receive_time),
        "repeat": alert.repeat,
        "resource": alert.resource,
        "service": alert.service,
        "severity": alert.severity,
        "status": alert.status,
        "tags": alert.tags,
        "text": alert.text,
        "timeout": alert.timeout,
        "trendIndication": alert.trend_indication,
        "type": alert.type,
        "updateTime": moment(alert.update_time),
        "value": alert.value,
    }


def history_body(entry: HistoryEntry, base: str) -> dict[str, Any]:
    """One line of an alert's history.

    `updateTime` is ours, so that the order is that of receipt; `reason` is an addition.
    """
    return {
        "event": entry.event,
        "href": f"{base}/alert/{entry.alert_id}",
        "id": entry.id,
        "reason": entry.reason,
        "severity": entry.severity,
        "status": entry.status,
        "text": entry.text,
        "timeout": entry.timeout,
        "type": entry.type,
        "updateTime": moment(entry.at),
        "user": entry.user,
        "value": entry.value,
    }


def rich_history_body(alert: Alert, entry: HistoryEntry, base: str) -> dict[str, Any]:
    """One line of `/alerts/history`."""
    body: dict[str, Any] = {
        "attributes": alert.attributes,
        "customer": alert.customer,
        "environment": alert.environment,
        "event": entry.event,
        "group": alert.group,
        "href": f"{base}/alert/{alert.id}",
        "id": entry.id,
        "origin": alert.origin,
        "resource": alert.resource,
        "service": alert.service,
        "tags": alert.tags,
        "text": entry.text,
        "timeout": entry.timeout,
        "type": entry.type,
        "updateTime": moment(entry.at),
        "user": entry.user,
    }
    optional: Mapping[str, Any] = {"severity": entry.severity, "status": entry.status, "value": entry.value}
    return body | {name: value for name, value in optional.items() if value}
