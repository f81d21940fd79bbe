"""Alerta's JSON: what its clients send, and what they expect back.

A field that is not known is ignored, as Alerta does: its forwarder sends whole alerts, with fields that only a server
sets.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, NotRequired, TypeAlias, TypedDict

import msgspec

from watchbell.api.contract import Pairs, Text, Texts, Whole
from watchbell.api.times import Time, moment
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import UNSAID, Signal

DATE_FORMAT = "dates must be ISO 8601 date format YYYY-MM-DDThh:mm:ss.sssZ"
_DATE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,6}Z")


class Sent(msgspec.Struct, rename="camel"):
    """What may be sent; types are checked field by field, for Alerta's own messages."""

    id: Text = None
    resource: Text = None
    event: Text = None
    environment: Text = ""
    severity: Text = "normal"
    correlate: Texts = None
    status: Text = "open"
    service: Texts = None
    group: Text = "Misc"
    value: Any = None
    text: Text = ""
    tags: Texts = None
    attributes: Pairs = None
    origin: Text = None
    type: Text = "exceptionAlert"
    create_time: Text = None
    timeout: Whole = None
    raw_data: Any = None
    customer: Text = None


SentAlert: TypeAlias = Annotated[Sent, msgspec.Meta(extra_json_schema={"required": ["resource", "event"]})]
"""The same, with what must be there."""


class HistoryLine(TypedDict):
    """One line of an alert's history."""

    event: str
    href: str
    id: str
    reason: str
    """Which rule made the change, as a sentence."""
    severity: str
    status: str
    text: str
    timeout: int
    type: str
    updateTime: Time
    user: str | None
    value: Any


class MemberBody(TypedDict):
    """One of the problems that an alert stands for. A former release wrote no `service`, `timeout`, `heard_at`."""

    event: str
    heard_at: Time | None
    """When its last message was received."""
    muted: bool
    """Whether a blackout covers it."""
    muted_by: list[str]
    resource: str
    service: list[str] | None
    severity: str
    text: str
    timeout: int | None


class CorrelationBody(TypedDict):
    """What makes one alert of several signals."""

    key: str
    members: list[MemberBody]
    """What has not recovered; empty when every message speaks for the whole."""
    rule: str
    worst: bool
    """Whether the alert is as bad as the worst of its members."""


class Inhibited(TypedDict):
    """Whether an alert tells nobody because another stands that it follows from, and whether others follow from it."""

    inhibited: bool
    inhibitedBy: str | None
    """The id of that alert."""
    inhibitedUntil: Time | None
    """When it tells, now that the other is over."""
    inhibition: str | None
    """By which inhibition."""
    inhibits: str | None
    """The first inhibition whose source it is."""


class AlertBody(Inhibited):
    """An alert."""

    attributes: dict[str, Any]
    correlate: Sequence[str]
    correlation: CorrelationBody | None
    """The rule that makes one alert of several signals, and what it stands for."""
    createTime: Time
    customer: str | None
    duplicateCount: int
    environment: str
    event: str
    flapping: bool
    """Whether its severity changes again and again."""
    flappingChanges: int
    """How often it has changed since it flaps."""
    flappingSince: Time | None
    group: str
    history: list[HistoryLine]
    href: str
    id: str
    lastReceiveId: str
    lastReceiveTime: Time
    origin: str
    previousSeverity: str
    rawData: Any
    receiveTime: Time
    repeat: bool
    resource: str
    service: Sequence[str]
    severity: str
    status: str
    tags: Sequence[str]
    text: str
    timeout: int
    """Seconds."""
    trendIndication: str
    type: str
    updateTime: Time
    value: Any


class RichHistoryLine(TypedDict):
    """One line of the history of many alerts, with the alert that it belongs to."""

    attributes: dict[str, Any]
    customer: str | None
    environment: str
    event: str
    group: str
    href: str
    id: str
    origin: str
    resource: str
    service: Sequence[str]
    tags: Sequence[str]
    text: str
    timeout: int
    type: str
    updateTime: Time
    user: str | None
    severity: NotRequired[str]
    status: NotRequired[str]
    value: NotRequired[Any]


_one = msgspec.json.Decoder(Sent)
_many = msgspec.json.Decoder(list[Sent])


class Defaults(msgspec.Struct, frozen=True):
    """What a signal has when its sender does not say."""

    timeout: int = UNSAID
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
        create_time=now if sent.create_time is None else time_of(sent.create_time),
        timeout=timeout_of(sent.timeout, defaults.timeout),
        raw_data=sent.raw_data,
        customer=_text(sent.customer, "customer") or None,
        user=user,
        source="api",
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


def alert_body(alert: Alert, base: str, history: Sequence[HistoryEntry] = (), *, raw: bool = True) -> AlertBody:
    """An alert, keys sorted."""
    return {
        "attributes": alert.attributes,
        "correlate": alert.correlate,
        "correlation": None if alert.correlation is None else msgspec.to_builtins(alert.correlation),
        "createTime": moment(alert.create_time),
        "customer": alert.customer,
        "duplicateCount": alert.duplicate_count,
        "environment": alert.environment,
        "event": alert.event,
        "flapping": alert.flapping,
        "flappingChanges": alert.flaps.count if alert.flaps is not None and alert.flapping else 0,
        "flappingSince": moment(alert.flaps.since) if alert.flaps is not None else None,
        "group": alert.group,
        "history": [history_body(entry, base) for entry in history],
        "href": f"{base}/alert/{alert.id}",
        "id": alert.id,
        **_inhibited(alert),
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


def _inhibited(alert: Alert) -> Inhibited:
    return {
        "inhibited": alert.inhibited,
        "inhibitedBy": alert.inhibited_by,
        "inhibitedUntil": moment(alert.inhibited_until),
        "inhibition": alert.inhibition,
        "inhibits": alert.inhibits,
    }


def history_body(entry: HistoryEntry, base: str) -> HistoryLine:
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


def rich_history_body(alert: Alert, entry: HistoryEntry, base: str) -> RichHistoryLine:
    """One line of `/alerts/history`."""
    body: RichHistoryLine = {
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
    if entry.severity:
        body["severity"] = entry.severity
    if entry.status:
        body["status"] = entry.status
    if entry.value:
        body["value"] = entry.value
    return body
