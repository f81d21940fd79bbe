"""A signal meets what is stored: a new alert, a duplicate, or a change of severity.

Which it is depends on (environment, resource, event, customer) and on `correlate`, or on the key of the rule that
correlates it; what it overwrites is Alerta's rule, and of an alert that a rule correlates resource and event, too.
When a signal correlates with several stored alerts, exactly one takes it: the one of the same event, else the one
received last.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry, identity_of, plain_identity_of
from watchbell.domain.alerts.beneath import beneath
from watchbell.domain.alerts.flapping import NEVER, FlapRule, counted
from watchbell.domain.alerts.foreign_severity import ATTRIBUTE
from watchbell.domain.alerts.gathering import gathered, without_silent
from watchbell.domain.alerts.history import entry_of
from watchbell.domain.alerts.model import AlarmModel, Standing, Transition
from watchbell.domain.alerts.phase import DONE, LASTING, MUTED, RETURNING, SHELVED, TAKEN
from watchbell.domain.alerts.severity import trend
from watchbell.domain.correlated import Member
from watchbell.domain.ids import AlertId
from watchbell.domain.signal import Signal

Kind = Literal["created", "duplicate", "correlated"]


MAX_HELD = 256
"""An alert holds no more tags or attributes; the oldest go, or a sender that invents some would grow it for ever."""
SILENT = "silent for longer than its time-out, so it counts no more"
"""Said of one of the problems of a correlated alert."""


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
    muted_by: Sequence[str] = (),
) -> Received:
    """Decide.

    `stored` are the alerts of the same environment, resource and customer. `value_history` is whether a duplicate with
    another value makes an entry, `muted_by` are the ids of blackouts that cover the signal.
    Raises `Invalid` for a bad severity.
    """
    match = _match(signal, stored)
    match, silent = (None, ()) if match is None else without_silent(match, signal, now)
    sent, signal = signal, gathered(signal, match, model, now, muted_by=muted_by)
    if match is None:
        return _create(signal, model, now, config_version)
    same = match.event == signal.event or signal.correlation is not None
    if same and match.severity == signal.severity:
        received = _duplicate(signal, match, model, now, config_version)
        received = (
            received if value_history or received.status_changed else msgspec.structs.replace(received, entries=())
        )
    else:
        received = _flapped(_correlate(signal, match, model, now, config_version), flapping, now)
    received = _with_member(received, sent, match, now, config_version)
    return _without_silent(received, silent, now, config_version)


def _match(signal: Signal, stored: Iterable[Alert]) -> Alert | None:
    if signal.correlation is not None:
        held = {alert.identity: alert for alert in stored}
        return held.get(identity_of(signal)) or held.get(plain_identity_of(signal))
    key = (signal.environment, signal.resource, signal.customer)
    same = [each for each in stored if (each.environment, each.resource, each.customer) == key and not each.correlation]
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
        correlation=signal.correlation,
        receive_time=now,
        last_receive_id=signal.id,
        last_receive_time=now,
        update_time=now,
        opened_at=None if decided.status in DONE else now,
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
        resource=signal.resource,  # of an alert that a rule correlates, both may be others
        event=signal.event,
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
    standing = _standing(stored, signal.severity, stored.severity)
    back = beneath(standing, model)
    if back and stored.status in MUTED:
        standing = standing._replace(previous_status=back)
    decided = model.signalled(standing, signal.status)
    alert = msgspec.structs.replace(
        stored,
        resource=signal.resource,
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
    if back and decided.status in MUTED:
        alert = msgspec.structs.replace(alert, previous_status=back)
    reason = f"{stored.event} {stored.severity} became {signal.event} {signal.severity} ({decided.rule})"
    return Received(
        alert=alert,
        entries=(_entry(alert, signal, "severity", now, reason, version),),
        change="correlated",
        status_changed=alert.status != stored.status,
        severity_changed=alert.severity != stored.severity,
        reason=reason,
    )


def _with_member(received: Received, sent: Signal, before: Alert, now: datetime, version: int) -> Received:
    """The same, with a line about what the message changed among the alert's members, where no other tells of it."""
    after = received.alert
    if after.correlation is None:
        return received
    shown = (sent.resource, sent.event, sent.severity) == (after.resource, after.event, after.severity)
    members = _members(after)
    if (shown and received.entries) or members == _members(before):
        return received
    line = msgspec.structs.replace(
        _entry(after, sent, "member", now, f"{len(members)} of the correlated problems stand", version),
        event=sent.event,
        severity=sent.severity,
        text=f"{sent.resource}: {sent.text}" if sent.text else sent.resource,
        value=sent.value,
    )
    return msgspec.structs.replace(received, entries=(*received.entries, line))


def _without_silent(received: Received, silent: Sequence[Member], now: datetime, version: int) -> Received:
    """The same, with a line for each member that time has ended."""
    if not silent:
        return received
    lines = (
        msgspec.structs.replace(
            entry_of(received.alert, "member", now, text=each.resource, reason=SILENT, config_version=version),
            event=each.event,
            severity=each.severity,
            value=None,
        )
        for each in silent
    )
    return msgspec.structs.replace(received, entries=(*received.entries, *lines))


def _members(alert: Alert) -> set[tuple[str, str, str]]:
    held = alert.correlation.members if alert.correlation is not None else ()
    return {(each.resource, each.event, each.severity) for each in held}


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
        "attributes": _attributes(signal, stored),
        "last_receive_id": signal.id,
        "last_receive_time": now,
        "version": stored.version + 1,
        "correlation": signal.correlation,
        **status_fields(stored, decided.status, now),
    }


def _attributes(signal: Signal, stored: Alert) -> dict[str, Any]:
    """Those of both; a vendor's word for a severity goes with that severity."""
    merged = merged_attributes(stored.attributes, signal.attributes)
    if ATTRIBUTE in merged and ATTRIBUTE not in signal.attributes and signal.severity != stored.severity:
        return {name: value for name, value in merged.items() if name != ATTRIBUTE}
    return merged


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
    if stored.opened_at is None and status not in DONE:
        fields["opened_at"] = now
    goes_back = stored.status in RETURNING and status in LASTING
    if not (goes_back or status in RETURNING):
        fields["reverts_at"] = fields["ack_reverts_at"] = None
    if status in TAKEN and stored.status not in SHELVED and not goes_back:
        fields["status_before_ack"] = stored.status
    if status in TAKEN and stored.status in SHELVED:
        fields["reverts_at"] = stored.ack_reverts_at
    if status in SHELVED and not goes_back:
        fields["status_before_shelve"] = stored.status
        fields["ack_reverts_at"] = stored.reverts_at if stored.status in TAKEN else None
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
        reason=f"{reason}; its vendor calls it {signal.said!r}" if signal.said else reason,
        config_version=version,
        source=signal.source,
    )
