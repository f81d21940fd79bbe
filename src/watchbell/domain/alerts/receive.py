"""A signal meets what is stored: a new alert, a duplicate, or a change of severity.

Which it is depends on (environment, resource, event, customer) and on `correlate`; what it overwrites is Alerta's
rule. When a signal correlates with several stored alerts, exactly one takes it: the one of the same event, else the
one received last.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from watchbell.domain.alerts.alert import OVER, Alert, HistoryEntry
from watchbell.domain.alerts.flapping import NEVER, FlapRule, counted
from watchbell.domain.alerts.model import AlarmModel, Standing, Transition
from watchbell.domain.alerts.severity import trend
from watchbell.domain.ids import AlertId
from watchbell.domain.signal import Signal

Kind = Literal["created", "duplicate", "correlated"]


MAX_HELD = 256
"""An alert holds no more tags or attributes; the oldest go, or a sender that invents some would grow it for ever."""

_SILENCED = frozenset({"closed", "blackout"})
_REVERTING = frozenset({"ack", "shelved"})


class Received(msgspec.Struct, frozen=True, kw_only=True):
    """What a signal came to."""

    alert: Alert
    entries: tuple[HistoryEntry, ...]
    change: Kind
    status_changed: bool
    severity_changed: bool
    reason: str


def receive(
    signal: Signal,
    stored: Sequence[Alert],
    model: AlarmModel,
    now: datetime,
    *,
    config_version: int = 0,
    flapping: FlapRule = NEVER,
    value_history: bool = True,
) -> Received:
    """Decide.

    `stored` are the alerts of the same environment, resource and customer. `value_history` is whether a duplicate with
    another value makes an entry. Raises `Invalid` for a bad severity.
    """
    match = _match(signal, stored)
    if match is None:
        return _create(signal, model, now, config_version)
    if match.event == signal.event and match.severity == signal.severity:
        received = _duplicate(signal, match, model, now, config_version)
        return received if value_history or received.status_changed else msgspec.structs.replace(received, entries=())
    return _flapped(_correlate(signal, match, model, now, config_version), flapping, now)


def _match(signal: Signal, stored: Iterable[Alert]) -> Alert | None:
    key = (signal.environment, signal.resource, signal.customer)
    same = [alert for alert in stored if (alert.environment, alert.resource, alert.customer) == key]
    for alert in same:
        if alert.event == signal.event:
            return alert
    related = [alert for alert in same if signal.event in alert.correlate]
    return max(related, key=lambda alert: alert.last_receive_time, default=None)


def correlate_of(signal: Signal) -> tuple[str, ...]:
    """The events that the alert stands for; its own is always one when there are any."""
    if signal.correlate and signal.event not in signal.correlate:
        return (*signal.correlate, signal.event)
    return signal.correlate


def _create(signal: Signal, model: AlarmModel, now: datetime, version: int) -> Received:
    previous = model.severities.previous
    status = model.default_status
    decided = model.signalled(Standing(signal.severity, previous, status, status, status, status), signal.status)
    alert = Alert(
        id=AlertId(signal.id),
        environment=signal.environment,
        resource=signal.resource,
        event=signal.event,
        severity=signal.severity,
        status=decided.status,
        correlate=correlate_of(signal),
        service=signal.service,
        group=signal.group,
        value=signal.value,
        text=signal.text,
        tags=merged_tags((), signal.tags),
        attributes=signal.attributes,
        origin=signal.origin,
        type=signal.type,
        create_time=signal.create_time,
        timeout=signal.timeout,
        raw_data=signal.raw_data,
        customer=signal.customer,
        previous_severity=previous,
        trend_indication=trend(model.severities.ranks, previous, signal.severity),
        receive_time=now,
        last_receive_id=signal.id,
        last_receive_time=now,
        update_time=now,
        opened_at=None if decided.status in OVER else now,
    )
    reason = f"first signal of this identity ({decided.rule})"
    entry = _entry(alert, signal, "new", now, reason, version)
    return Received(
        alert=alert, entries=(entry,), change="created", status_changed=True, severity_changed=True, reason=reason
    )


def _duplicate(signal: Signal, stored: Alert, model: AlarmModel, now: datetime, version: int) -> Received:
    decided = model.signalled(_standing(stored, signal.severity, ""), signal.status)
    alert = msgspec.structs.replace(
        stored,
        service=signal.service,
        value=signal.value,
        text=signal.text,
        timeout=signal.timeout,
        raw_data=signal.raw_data,
        repeat=True,
        duplicate_count=stored.duplicate_count + 1,
        **_refreshed(signal, stored, decided, now),
    )
    changed = alert.status != stored.status
    reason = f"same severity as before ({decided.rule})"
    kind = "status" if changed else "value" if alert.value != stored.value else ""
    entries = (_entry(alert, signal, kind, now, reason, version),) if kind else ()
    return Received(
        alert=alert, entries=entries, change="duplicate", status_changed=changed, severity_changed=False, reason=reason
    )


def _correlate(signal: Signal, stored: Alert, model: AlarmModel, now: datetime, version: int) -> Received:
    decided = model.signalled(_standing(stored, signal.severity, stored.severity), signal.status)
    alert = msgspec.structs.replace(
        stored,
        event=signal.event,
        severity=signal.severity,
        service=signal.service,
        value=signal.value,
        text=signal.text,
        create_time=signal.create_time,
        timeout=signal.timeout,
        raw_data=signal.raw_data,
        duplicate_count=0,
        repeat=False,
        previous_severity=stored.severity,
        trend_indication=trend(model.severities.ranks, stored.severity, signal.severity),
        receive_time=now,
        **_refreshed(signal, stored, decided, now),
    )
    reason = f"{stored.event} {stored.severity} became {signal.event} {signal.severity} ({decided.rule})"
    return Received(
        alert=alert,
        entries=(_entry(alert, signal, "severity", now, reason, version),),
        change="correlated",
        status_changed=alert.status != stored.status,
        severity_changed=alert.severity != stored.severity,
        reason=reason,
    )


def _flapped(received: Received, rule: FlapRule, now: datetime) -> Received:
    """The same, with the change of severity counted."""
    before = received.alert
    if not (rule.changes and received.severity_changed):
        return received
    alert = msgspec.structs.replace(before, flaps=counted(before.flaps, rule, now))
    if before.flapping or not alert.flapping:
        return msgspec.structs.replace(received, alert=alert)
    why = f"{rule.changes} changes of severity within {rule.window:g} seconds"
    (entry,) = received.entries
    begun = msgspec.structs.replace(entry, type="flapping", text="began to flap", reason=why, user=None)
    return msgspec.structs.replace(received, alert=alert, entries=(entry, begun))


def _standing(stored: Alert, severity: str, previous: str) -> Standing:
    return Standing(
        severity,
        previous,
        stored.status,
        stored.previous_status,
        stored.status_before_ack,
        stored.status_before_shelve,
    )


def _refreshed(signal: Signal, stored: Alert, decided: Transition, now: datetime) -> dict[str, Any]:
    """What every later signal overwrites."""
    return {
        "tags": merged_tags(stored.tags, signal.tags),
        "attributes": merged_attributes(stored.attributes, signal.attributes),
        "last_receive_id": signal.id,
        "last_receive_time": now,
        "version": stored.version + 1,
        **status_fields(stored, decided.status, now),
    }


def status_fields(stored: Alert, status: str, now: datetime) -> dict[str, Any]:
    """The fields that change with the status; none when it stays.

    A closed or blacked-out alert may go back to where it was, so it keeps when its shelving or acknowledgement ends,
    and what came before that; a shelved one keeps when the acknowledgement ends that it goes back to.
    """
    if status == stored.status:
        return {}
    fields: dict[str, Any] = {
        "status": status,
        "previous_status": stored.status,
        "update_time": now,
    }
    if stored.opened_at is None and status not in OVER:
        fields["opened_at"] = now
    goes_back = stored.status in _SILENCED and status in _REVERTING
    if not (goes_back or status in _SILENCED):
        fields["reverts_at"] = fields["ack_reverts_at"] = None
    if status == "ack" and stored.status != "shelved" and not goes_back:
        fields["status_before_ack"] = stored.status
    if status == "ack" and stored.status == "shelved":
        fields["reverts_at"] = stored.ack_reverts_at
    if status == "shelved" and not goes_back:
        fields["status_before_shelve"] = stored.status
        fields["ack_reverts_at"] = stored.reverts_at if stored.status == "ack" else None
    return fields


def merged_tags(stored: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """The union, in order of first appearance."""
    if not new:
        return stored
    return tuple(dict.fromkeys((*stored, *new)))[-MAX_HELD:]


def merged_attributes(stored: dict[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """The new ones over the stored ones, shallow."""
    if not new:
        return stored
    merged = {**stored, **new}
    if len(merged) <= MAX_HELD:
        return merged
    newest = [(name, value) for name, value in stored.items() if name not in new] + list(new.items())
    return dict(newest[-MAX_HELD:])


def _entry(alert: Alert, signal: Signal, kind: str, now: datetime, reason: str, version: int) -> HistoryEntry:
    return HistoryEntry(
        id=signal.id,
        alert_id=alert.id,
        at=now,
        sent_at=signal.create_time,
        event=alert.event,
        severity=alert.severity,
        status=alert.status,
        value=alert.value,
        text=alert.text,
        type=kind,
        user=signal.user,
        timeout=alert.timeout,
        reason=reason,
        config_version=version,
        source=signal.source,
    )
