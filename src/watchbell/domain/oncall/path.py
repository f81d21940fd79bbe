"""The path that an alert took: received from, matched, suppressed by, attached to, told to whom, or why nobody was.

It is made of what is stored (the alert's history, its incidents' timelines, the messages and each try), so it says what
happened and not what would happen now. Only the reasons why nobody was told look at the present: services that there
are not, or that do not count the alert.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, cast

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.phase import SILENT
from watchbell.domain.ids import IncidentId
from watchbell.domain.oncall.decision import Circumstances, whom
from watchbell.domain.oncall.incident import (
    Attempt,
    AttemptOutcome,
    Incident,
    Notification,
    NotificationStatus,
    TimelineEntry,
)
from watchbell.domain.oncall.route import LEFT, refusal
from watchbell.domain.oncall.service import Target

Stage = Literal["received", "matched", "suppressed", "changed", "attached", "detached", "told", "untold"]

_RECEIPTS = frozenset({"severity", "value", "status"})
_WAYS = {"api": "the API", "alertmanager": "the Alertmanager API"}
_WENT: Mapping[str, Stage] = {"opened": "attached", "alert": "attached", "untold": "untold", "resolved": "detached"}
_KEPT = frozenset({*_WENT, "escalated", "acknowledged", "unacknowledged", "severity", "flapping"})


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One incident that the alert belonged to, with all that is stored of it."""

    incident: Incident
    timeline: Sequence[TimelineEntry]
    notifications: Sequence[Notification]
    attempts: Mapping[str, Sequence[Attempt]]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step of the path. `incident` is the id of the one that it is about, or empty."""

    at: datetime
    stage: Stage
    text: str
    reason: str = ""
    by: str = ""
    incident: str = ""


class Path(msgspec.Struct, frozen=True, kw_only=True):
    """All of it, oldest first. `nobody` are the reasons why nobody was told; none when somebody was."""

    steps: tuple[Step, ...]
    nobody: tuple[str, ...]


def path_of(
    alert: Alert, history: Sequence[HistoryEntry], parts: Sequence[Part], services: Mapping[str, Circumstances | None]
) -> Path:
    """The path. `services` are those that the alert names; None for one that is not configured."""
    steps = [step for entry in history for step in _of_history(entry, alert)]
    told = False
    for part in parts:
        begun, ended = _membership(alert, part)
        steps += [_of_timeline(entry, part.incident.id) for entry in _about(alert, part.timeline, begun, ended)]
        messages = [each for each in part.notifications if begun <= each.created_at and _until(each.created_at, ended)]
        steps += [_of_message(each, part.attempts.get(each.id, ())) for each in messages]
        told = told or bool(messages)
    steps.sort(key=lambda step: step.at)
    return Path(steps=tuple(steps), nobody=() if told else _nobody(alert, parts, services))


def _of_history(entry: HistoryEntry, alert: Alert) -> list[Step]:
    received = entry.type == "new" or (entry.type in _RECEIPTS and bool(entry.source))
    if not received:
        silent = entry.type == "inhibited" or (entry.status in SILENT and entry.type in {"shelve", "status"})
        text = f"{entry.type}: {entry.text}" if entry.text else entry.type
        stage: Stage = "suppressed" if silent else "changed"
        return [Step(at=entry.at, stage=stage, text=text, reason=entry.reason, by=entry.user or "")]
    came = f"{entry.event} {entry.severity}, from {_way(entry.source) or alert.origin or 'an unknown sender'}"
    steps = [
        Step(at=entry.at, stage="received", text=came, reason=f"message {entry.id}", by=entry.user or ""),
        Step(at=entry.at, stage="matched", text=_matched(entry), reason=entry.reason),
    ]
    if entry.status in SILENT:
        steps.append(Step(at=entry.at, stage="suppressed", text=f"its status is {entry.status}", reason=entry.reason))
    return steps


def _way(source: str) -> str:
    kind, slash, name = source.partition("/")
    return f"the {kind} {name!r}" if slash else _WAYS.get(source, source)


def _matched(entry: HistoryEntry) -> str:
    if entry.type == "new":
        return "a new alert: nothing of the same identity was there"
    return "the same problem, with another severity or event" if entry.type == "severity" else "the same problem again"


def _membership(alert: Alert, part: Part) -> tuple[datetime, datetime | None]:
    """From when until when the alert belonged to the incident; timelines name the first alerts of many only."""
    named = [entry for entry in part.timeline if alert.id in _ids(entry)]
    begun = named[0].at if named else part.incident.opened_at
    if alert.id in part.incident.active:
        return begun, None
    left = [entry.at for entry in named if _leaves(entry)]
    return begun, left[-1] if left else part.incident.resolved_at


def _leaves(entry: TimelineEntry) -> bool:
    return entry.kind == "alert" and entry.text.endswith(LEFT)


def _until(at: datetime, ended: datetime | None) -> bool:
    return ended is None or at <= ended


def _ids(entry: TimelineEntry) -> Sequence[str]:
    found: Any = entry.data.get("alerts")
    return cast("Sequence[str]", found) if isinstance(found, list | tuple) else ()


def _about(
    alert: Alert, timeline: Sequence[TimelineEntry], begun: datetime, ended: datetime | None
) -> list[TimelineEntry]:
    return [
        entry
        for entry in timeline
        if entry.kind in _KEPT
        and begun <= entry.at
        and _until(entry.at, ended)
        and (not _ids(entry) or alert.id in _ids(entry))
    ]


def _of_timeline(entry: TimelineEntry, incident: IncidentId) -> Step:
    stage = _WENT.get(entry.kind, "changed")
    if _leaves(entry):
        stage = "detached"
    return Step(at=entry.at, stage=stage, text=entry.text, reason=entry.reason, by=entry.by, incident=incident)


def _of_message(message: Notification, attempts: Sequence[Attempt]) -> Step:
    target = whom(Target(channel=message.channel, to=message.to))
    came = {
        NotificationStatus.PENDING: "waits to be sent",
        NotificationStatus.DELIVERED: "was taken",
        NotificationStatus.FAILED: "was not taken",
        NotificationStatus.DROPPED: "was not sent: overtaken by events",
    }[message.status]
    tries = [f"attempt {each.number}, {_outcome(each)}{f': {each.detail}' if each.detail else ''}" for each in attempts]
    stage: Stage = "told" if message.status in _REACHING else "untold"
    text = f"{target}: {message.purpose.value}, {came}"
    reason = "; ".join(tries)
    return Step(at=message.created_at, stage=stage, text=text, reason=reason, incident=message.incident_id)


_REACHING = frozenset({NotificationStatus.PENDING, NotificationStatus.DELIVERED})


def _outcome(attempt: Attempt) -> str:
    return "perhaps accepted" if attempt.outcome is AttemptOutcome.AMBIGUOUS else attempt.outcome.value


def _nobody(alert: Alert, parts: Sequence[Part], services: Mapping[str, Circumstances | None]) -> tuple[str, ...]:
    reasons = [
        f"{entry.text}: {entry.reason}"
        for part in parts
        for entry in _about(alert, part.timeline, *_membership(alert, part))
        if entry.kind == "untold"
    ]
    joined = {part.incident.service for part in parts}
    if not services:
        reasons.append("The alert names no service.")
    for name, at in services.items():
        if at is None:
            reasons.append(f"There is no service {name!r}: only services open incidents and tell people.")
        elif name not in joined:
            why = refusal(alert, at)
            reasons.append(f"{name}: {why}." if why else f"{name}: no incident was opened for it yet.")
    reasons += [
        f"{part.incident.service}: the first step of the policy is not due yet."
        for part in parts
        if not part.notifications and part.incident.escalates_at is not None
    ]
    return tuple(dict.fromkeys(reasons))
