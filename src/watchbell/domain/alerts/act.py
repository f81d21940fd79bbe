"""What an operator, or time, does to an alert: actions, a status set by hand, tags, attributes."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import msgspec

from watchbell.domain.alerts import flapping
from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.history import entry_of
from watchbell.domain.alerts.model import ACTIONS, AlarmModel, Standing, Transition, named_status
from watchbell.domain.alerts.note import WATCH
from watchbell.domain.alerts.phase import DONE, SHELVED, TAKEN
from watchbell.domain.alerts.receive import merged_attributes, merged_tags, status_fields
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import Invalid

ASSIGNEE = "assignee"
"""The attribute that says whose an alert is."""
_ENDING = frozenset({"close", "expired"})
"""Actions after which an alert flaps no more, whatever it did."""
_LASTING = {"ack": TAKEN, "shelve": SHELVED}


class Performed(msgspec.Struct, frozen=True, kw_only=True):
    """An action that was done, for those who are told of it. `timeout` as it was asked for, in seconds."""

    action: str
    text: str
    timeout: int | None = None
    user: str | None = None


class Acted(msgspec.Struct, frozen=True, kw_only=True):
    """What an action came to; `performed` is None for what is no action."""

    alert: Alert
    entries: tuple[HistoryEntry, ...] = ()
    status_changed: bool = False
    severity_changed: bool = False
    to_route: bool = False
    """Whether on-call must look at it although neither has changed."""
    performed: Performed | None = None


def act(  # noqa: PLR0913 - who, what, when, why and for how long
    alert: Alert,
    action: str,
    model: AlarmModel,
    now: datetime,
    *,
    user: str | None = None,
    text: str = "",
    timeout: int | None = None,
    timeouts: Timeouts | None = None,
    config_version: int = 0,
) -> Acted:
    """Apply an action.

    Raises `Conflict` when it makes no sense in the present status.
    """
    _check_timeout(timeout)
    decided = model.acted(_standing(alert), action)
    lasts = _lasts(action, timeout, timeouts or Timeouts())
    after = _after(alert, action, decided, lasts, now)
    words = text or f"{action} operator action"
    entry = entry_of(
        after,
        action if action in ACTIONS else "action",
        now,
        user=user,
        text=words,
        timeout=lasts if lasts is not None else alert.timeout,
        reason=f"{action} by {user or 'time'} ({decided.rule})",
        config_version=config_version,
    )
    return Acted(
        alert=after,
        entries=(entry,),
        status_changed=after.status != alert.status,
        severity_changed=after.severity != alert.severity,
        to_route=alert.flapping and not after.flapping,  # it may stand only because it flaps
        performed=Performed(action=action, text=words, timeout=timeout, user=user),
    )


def _after(alert: Alert, action: str, decided: Transition, lasts: int | None, now: datetime) -> Alert:
    fields: dict[str, Any] = {"update_time": now, **status_fields(alert, decided.status, now)}
    if decided.status in _LASTING.get(action, ()):
        fields["reverts_at"] = now + timedelta(seconds=lasts) if lasts else None
    if decided.severity != alert.severity:
        fields["previous_severity"] = alert.severity
    # An alert that is opened again by hand gets its full time before it expires.
    if action == "open" and alert.status in DONE:
        fields["last_receive_time"] = now
    if action in _ENDING:
        fields["flaps"] = None
    return msgspec.structs.replace(alert, severity=decided.severity, version=alert.version + 1, **fields)


def set_status(
    alert: Alert,
    status: str,
    model: AlarmModel,
    now: datetime,
    *,
    user: str | None = None,
    text: str = "",
    timeout: int | None = None,
    config_version: int = 0,
) -> Acted:
    """Set a status without the state machine.

    Without `timeout` the alert keeps its own.
    """
    _check_timeout(timeout)
    status = named_status(model, status)
    after = msgspec.structs.replace(
        alert,
        timeout=alert.timeout if timeout is None else timeout,
        version=alert.version + 1,
        **{"update_time": now, **status_fields(alert, status, now)},
    )
    entry = entry_of(
        after,
        "status",
        now,
        user=user,
        text=text,
        timeout=after.timeout,
        reason=f"set by {user or 'an operator'}",
        config_version=config_version,
    )
    return Acted(alert=after, entries=(entry,), status_changed=after.status != alert.status)


def settled(
    alert: Alert, model: AlarmModel, now: datetime, *, user: str | None, text: str, timeouts: Timeouts | None = None
) -> Acted:
    """Somebody calls the alert over: it is closed, or, where the model lets nobody close, has the status of what is.

    Raises `Conflict` when it is closed already.
    """
    if "close" in model.actions:
        return act(alert, "close", model, now, user=user, text=text, timeouts=timeouts)
    return set_status(alert, model.closed, model, now, user=user, text=text)


def lapsed(alert: Alert, word: str, now: datetime) -> Acted:
    """Flapping ends (`calm`), or people are due to hear of it again (`digest`)."""
    flaps = alert.flaps or flapping.Flaps()
    version = alert.version + 1
    if word == "digest":
        after = msgspec.structs.replace(alert, flaps=flapping.digested(flaps, now), version=version)
        return Acted(alert=after, to_route=True)
    after = msgspec.structs.replace(alert, flaps=flapping.calmed(flaps), version=version)
    why = f"no change of severity for {flaps.calm:g} seconds, after {flaps.count}"
    entry = entry_of(after, "calm", now, text="flaps no more", timeout=alert.timeout, reason=why)
    return Acted(alert=after, entries=(entry,), to_route=True)


def assign(alert: Alert, to: str, now: datetime, *, user: str | None, text: str = "") -> Acted:
    """Whose the alert is from now on: a person's or a group's; '' makes it nobody's. Its status stays."""
    after = set_attributes(alert, {ASSIGNEE: to or None}).alert
    what = f"assigned to {to}" if to else f"no longer assigned to {alert.attributes.get(ASSIGNEE) or 'anybody'}"
    reason = f"assign by {user or 'time'}"
    words = f"{what}: {text}" if text else what
    entry = entry_of(after, "assign", now, user=user, text=words, timeout=alert.timeout, reason=reason)
    return Acted(alert=after, entries=(entry,), performed=Performed(action="assign", text=words, user=user))


def tag(alert: Alert, tags: Sequence[str]) -> Acted:
    """Add tags."""
    return _quietly(alert, tags=merged_tags(alert.tags, tuple(tags)))


def untag(alert: Alert, tags: Sequence[str]) -> Acted:
    """Remove tags."""
    return _quietly(alert, tags=tuple(each for each in alert.tags if each not in tags))


def set_attributes(alert: Alert, attributes: Mapping[str, Any]) -> Acted:
    """Merge attributes; a null value removes the key."""
    merged = merged_attributes(alert.attributes, attributes)
    return _quietly(alert, attributes={name: value for name, value in merged.items() if value is not None})


def noted(alert: Alert, text: str, now: datetime, *, user: str | None, watchers: Sequence[str] = ()) -> Acted:
    """A note in the history. `watchers` are the logins of people that it mentions: they watch the alert from now on."""
    reason = f"note that mentions {', '.join(watchers)}" if watchers else "note"
    entries = (entry_of(alert, "note", now, user=user, text=text, reason=reason),)
    tags = merged_tags(alert.tags, tuple(f"{WATCH}{login}" for login in watchers))
    if tags == alert.tags:
        return Acted(alert=alert, entries=entries)
    return msgspec.structs.replace(_quietly(alert, tags=tags), entries=entries)


def dismissed(alert: Alert, text: str, now: datetime, *, user: str | None) -> Acted:
    """The end of a note in the history, with what it said."""
    return Acted(alert=alert, entries=(entry_of(alert, "dismiss", now, user=user, text=text, reason="note deleted"),))


def _quietly(alert: Alert, **fields: Any) -> Acted:
    return Acted(alert=msgspec.structs.replace(alert, version=alert.version + 1, **fields))


def _check_timeout(timeout: int | None) -> None:
    if timeout is not None and timeout < 0:
        raise Invalid(f"Invalid negative 'timeout' value ({timeout})")


def _lasts(action: str, timeout: int | None, timeouts: Timeouts) -> int | None:
    if timeout is not None:
        return timeout
    usual = {"ack": timeouts.ack, "unack": timeouts.ack, "shelve": timeouts.shelve, "unshelve": timeouts.shelve}
    return usual.get(action, timeouts.actions.get(action))


def _standing(alert: Alert) -> Standing:
    return Standing(
        alert.severity,
        alert.previous_severity,
        alert.status,
        alert.previous_status,
        alert.status_before_ack,
        alert.status_before_shelve,
    )
