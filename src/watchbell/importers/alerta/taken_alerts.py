"""Alerts of Alerta, their history and notes, as ours: looked at as if they were received, but for who sent them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.note import Note
from watchbell.domain.alerts.policy import (
    admit_attributes,
    admit_words,
    bounded_attributes,
    bounded_text,
    known_environment,
    short_names,
)
from watchbell.domain.alerts.receive import merged_attributes, merged_tags, status_fields
from watchbell.domain.errors import Invalid, Refused
from watchbell.domain.ids import AlertId
from watchbell.domain.signal import Signal
from watchbell.importers.alerta.records import RawAlert, RawHistory, RawNote, moment, past, shaped
from watchbell.ports.data_source import IMPORTED, Terms
from watchbell.ports.data_source import Refused as RefusedRow

SOURCE = f"{IMPORTED}alerta"
"""The way by which history came that was imported."""
MOST_SECONDS = 2**31 - 1
_STEPS = (short_names, bounded_text, bounded_attributes, known_environment)
_SHARED = frozenset(Alert.__struct_fields__) - {"id"}
"""What an alert has of its signal as it is."""
_TRENDS = frozenset({"moreSevere", "lessSevere", "noChange"})
_LASTING = {"ack": "ack", "shelve": "shelved"}


def alert_of(given: Any, terms: Terms) -> tuple[Alert, RawAlert]:
    """The alert without its history, and what it was made of.

    Raises:
        Invalid: something of it could not have been received.
    """
    raw = shaped(RawAlert, given)
    signal = _signal(raw, terms)
    for step in _STEPS:
        try:
            step(signal, terms.limits)
        except Refused as error:
            # Only the environment is a matter of the installation's settings.
            fix = "add it to allowed_environments"
            raise Invalid(f"{raw.environment!r} is not allowed here: {fix}", "environment") from error
    if raw.status and raw.status not in terms.model.statuses:
        raise Invalid(f"{raw.status!r} is none of {', '.join(terms.model.statuses)}", "status")
    return _alert(raw, signal, terms), raw


def _signal(raw: RawAlert, terms: Terms) -> Signal:
    """What would have been received for it to be like this."""
    for field in ("id", "resource", "event"):
        if not getattr(raw, field):
            raise Invalid("is missing", field)
    severities = terms.model.severities
    correlate = raw.correlate or []
    heard = past(_needed(raw.last_receive_time, "lastReceiveTime"), "lastReceiveTime", terms.now)
    return Signal(
        id=raw.id,
        environment=raw.environment or "",
        resource=raw.resource,
        event=raw.event,
        severity=severities.named(raw.severity or severities.normal),
        status=raw.status or terms.model.default_status,
        correlate=tuple(correlate if not correlate or raw.event in correlate else [*correlate, raw.event]),
        service=tuple(raw.service or ()),
        group=raw.group or "Misc",
        value=raw.value,
        text=raw.text or "",
        tags=merged_tags((), tuple(raw.tags or ())),
        attributes=merged_attributes({}, raw.attributes or {}),
        origin=raw.origin or "",
        type=raw.type or "exceptionAlert",
        create_time=moment(raw.create_time, "createTime") if raw.create_time else heard,
        timeout=seconds(raw.timeout, terms.timeouts.alert),
        raw_data=raw.raw_data,
        customer=raw.customer or None,
    )


def _alert(raw: RawAlert, signal: Signal, terms: Terms) -> Alert:
    now, severities = terms.now, terms.model.severities
    heard = past(raw.last_receive_time or "", "lastReceiveTime", now)
    admit_words(terms.limits, lastReceiveId=raw.last_receive_id or "")
    before = severities.meaning(raw.previous_severity or severities.previous)
    if raw.duplicate_count is not None and not 0 <= raw.duplicate_count < 2**53:
        raise Invalid("must be a number of messages", "duplicateCount")
    return Alert(
        **{name: getattr(signal, name) for name in signal.__struct_fields__ if name in _SHARED},
        id=AlertId(signal.id),
        duplicate_count=raw.duplicate_count or 0,
        repeat=bool(raw.repeat),
        previous_severity=before if before in severities.ranks else severities.previous,
        trend_indication=raw.trend_indication if raw.trend_indication in _TRENDS else "noChange",
        receive_time=past(raw.receive_time, "receiveTime", now) if raw.receive_time else heard,
        last_receive_id=raw.last_receive_id or raw.id,
        last_receive_time=heard,
        update_time=past(raw.update_time, "updateTime", now) if raw.update_time else heard,
    )


def with_history(
    alert: Alert, given: Iterable[Any], terms: Terms
) -> tuple[Alert, tuple[HistoryEntry, ...], list[RefusedRow]]:
    """The alert with what it must remember, its history (`given` is the oldest first), and entries that do not come."""
    entries: list[HistoryEntry] = []
    refused: list[RefusedRow] = []
    for number, one in enumerate(given):
        try:
            entries.append(_entry(alert, one, terms))
        except Invalid as error:
            refused.append(RefusedRow(kind="history", id=f"{alert.id[:100]} [{number}]", reason=error.message))
    return _remembering(alert, entries, terms), tuple(entries), refused


def _entry(alert: Alert, given: Any, terms: Terms) -> HistoryEntry:
    if isinstance(given, Exception):
        raise Invalid(str(given))
    raw = shaped(RawHistory, given)
    # The database keeps one time only: that of the message where a message caused it, else that of the server.
    at = past(raw.update_time, "updateTime", terms.now)
    words = {name: getattr(raw, name) or "" for name in ("id", "event", "severity", "status", "type", "user", "text")}
    value = raw.value if raw.value is None or isinstance(raw.value, str) else str(raw.value)
    admit_words(terms.limits, **words)
    admit_words(terms.limits, text=value or "")
    return HistoryEntry(
        id=raw.id or alert.id,
        alert_id=alert.id,
        at=at,
        sent_at=at,
        event=raw.event or alert.event,
        severity=raw.severity or alert.severity,
        status=raw.status or alert.status,
        value=value,
        text=raw.text or "",
        type=raw.type or "new",
        user=raw.user or None,
        timeout=seconds(raw.timeout, 0),
        reason="imported from Alerta",
        source=SOURCE,
    )


def _remembering(alert: Alert, entries: Iterable[HistoryEntry], terms: Terms) -> Alert:
    """The alert with what came before its acknowledgement and shelving and when they run out, as its history tells.

    What came before the oldest entry is not known and taken for open, as Alerta takes it.
    """
    model = terms.model
    default = model.default_status
    walked = msgspec.structs.replace(
        alert,
        status=default,
        previous_status=default,
        status_before_ack=default,
        status_before_shelve=default,
    )
    for entry in entries:
        if entry.status in model.statuses:
            walked = _stepped(walked, entry.status, entry.at)
            if walked.status == _LASTING.get(entry.type):
                ends = entry.at + timedelta(seconds=entry.timeout) if entry.timeout else None
                walked = msgspec.structs.replace(walked, reverts_at=ends)
    walked = _stepped(walked, alert.status, alert.update_time)
    return msgspec.structs.replace(walked, update_time=alert.update_time)


def _stepped(alert: Alert, status: str, at: datetime) -> Alert:
    return msgspec.structs.replace(alert, **status_fields(alert, status, at))


def note_of(given: Any, terms: Terms) -> Note:
    """A note on an alert.

    Raises:
        Invalid: it is none, or something of it could not have been written.
    """
    raw = shaped(RawNote, given)
    alert = raw.alert or raw.related.get("alert")
    if not raw.id or not alert or not isinstance(alert, str):
        raise Invalid("is on no alert")
    admit_words(
        terms.limits,
        id=raw.id,
        text=raw.text or "",
        user=raw.user or "",
        type=raw.type or "",
        alert=alert,
        customer=raw.customer or "",
    )
    admit_attributes(raw.attributes or {}, terms.limits)
    written = past(raw.create_time, "createTime", terms.now)
    return Note(
        id=raw.id,
        alert_id=alert,
        text=raw.text or "",
        user=raw.user or None,
        attributes=raw.attributes or {},
        type=raw.type or "alert",
        create_time=written,
        update_time=past(raw.update_time, "updateTime", terms.now) if raw.update_time else written,
        customer=raw.customer or None,
    )


def seconds(given: int | None, otherwise: int) -> int:
    """A time-out.

    Raises:
        Invalid: it is negative, or absurd.
    """
    if given is None:
        return otherwise
    if not 0 <= given <= MOST_SECONDS:
        raise Invalid(f"must be from 0 to {MOST_SECONDS}", "timeout")
    return given


def _needed(text: str | None, field: str) -> str:
    if not text:
        raise Invalid("is missing", field)
    return text
