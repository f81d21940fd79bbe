"""What becomes of one message: whether it is still worth sending, and what a receipt means for it.

A message waits in the outbox until a receipt says that it was taken, that it never will be, or until it is too old. A
page that events have overtaken is dropped, and the timeline says so: nobody needs to be woken by a problem that has
passed.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from watchbell.domain.oncall.decision import derived_id, whom
from watchbell.domain.oncall.incident import (
    Attempt,
    AttemptOutcome,
    Incident,
    IncidentStatus,
    Notification,
    NotificationStatus,
    Purpose,
    TimelineEntry,
)
from watchbell.domain.oncall.service import Target
from watchbell.domain.oncall.wording import clean, spell

FIRST_RETRY = 1.0
"""Seconds before the second attempt; each further one waits twice as long."""
LONGEST_RETRY = 300.0
JITTER = 0.25
"""Up to this part of the wait is added or taken off, so that many messages do not come back as one."""
_REACHED = frozenset({AttemptOutcome.ACCEPTED, AttemptOutcome.AMBIGUOUS})


class Course(StrEnum):
    """What to do with a message whose turn it is."""

    SEND = "send"
    WAIT = "wait"
    DROP = "drop"
    FAIL = "fail"
    DONE = "done"


class Judgement(msgspec.Struct, frozen=True, kw_only=True):
    """The course, and why."""

    course: Course
    reason: str = ""


class Settled(msgspec.Struct, frozen=True, kw_only=True):
    """What a message becomes. `retry_at` None means that it has left the outbox for good."""

    notification: Notification
    entry: TimelineEntry | None = None
    retry_at: datetime | None = None


def judge(
    notification: Notification,
    incident: Incident | None,
    earlier: Sequence[Notification],
    attempts: Sequence[Attempt],
    now: datetime,
    give_up_after: float,
) -> Judgement:
    """Whether a message is still worth sending.

    `earlier` are the pages of the same incident to the same target, and `attempts` the tries of those: needed for what
    follows up on a page.
    """
    if notification.status is not NotificationStatus.PENDING:
        return Judgement(course=Course.DONE)
    if (now - notification.created_at).total_seconds() > give_up_after:
        return Judgement(course=Course.FAIL, reason=f"no provider took it within {spell(give_up_after)}")
    if incident is None:
        return Judgement(course=Course.SEND)
    if notification.purpose is Purpose.ALERT:
        return _judge_page(notification, incident)
    return _judge_follow_up(notification, incident, earlier, attempts)


def _judge_page(notification: Notification, incident: Incident) -> Judgement:
    if incident.status is IncidentStatus.RESOLVED:
        return Judgement(course=Course.DROP, reason="the incident was resolved before the message could be sent")
    taken = incident.acknowledged_at
    if taken is not None and notification.created_at <= taken:
        who = incident.acknowledged_by or "someone"
        return Judgement(course=Course.DROP, reason=f"{who} took the incident before the message could be sent")
    return Judgement(course=Course.SEND)


def _judge_follow_up(
    notification: Notification, incident: Incident, earlier: Sequence[Notification], attempts: Sequence[Attempt]
) -> Judgement:
    """Who never heard of the problem does not hear of its end; and nobody hears of the end first."""
    if notification.purpose is Purpose.ACKNOWLEDGEMENT and incident.status is IncidentStatus.RESOLVED:
        return Judgement(course=Course.DROP, reason="the incident was resolved before the message could be sent")
    if any(page.status is NotificationStatus.PENDING for page in earlier):
        return Judgement(course=Course.WAIT, reason="the page before it is under way")
    reached = any(page.status is NotificationStatus.DELIVERED for page in earlier)
    if earlier and not reached and not any(attempt.outcome in _REACHED for attempt in attempts):
        return Judgement(course=Course.DROP, reason="the page before it reached nobody")
    return Judgement(course=Course.SEND)


def drop(notification: Notification, reason: str, now: datetime, config_version: int = 0) -> Settled:
    """Give a message up because it has no point any more."""
    return _end(notification, NotificationStatus.DROPPED, "untold", "was not told", reason, now, config_version)


def fail(notification: Notification, reason: str, now: datetime, config_version: int = 0) -> Settled:
    """Give a message up although it was wanted."""
    return _end(notification, NotificationStatus.FAILED, "failed", "could not be told", reason, now, config_version)


def vanished(notification: Notification, now: datetime) -> tuple[Attempt, TimelineEntry]:
    """The attempt whose claim ran out without a receipt: nobody can say whether it arrived."""
    attempt = Attempt(
        notification_id=notification.id,
        number=notification.attempts,
        provider=notification.channel,
        started_at=now,
        finished_at=now,
        outcome=AttemptOutcome.AMBIGUOUS,
        detail="no receipt came in time",
    )
    return attempt, _ambiguous(notification, attempt, now)


def settle(notification: Notification, attempt: Attempt, now: datetime, give_up_after: float, luck: float) -> Settled:
    """What a receipt makes of a message. `luck` is a random number from 0 up to 1. A second receipt changes nothing."""
    if notification.status is not NotificationStatus.PENDING:
        return Settled(notification=notification)
    if attempt.outcome is AttemptOutcome.ACCEPTED:
        text = f"{_target(notification)} was told: {notification.title}"
        return Settled(
            notification=_done(notification, NotificationStatus.DELIVERED, now),
            entry=_entry(notification, "delivered", text, clean(attempt.detail), now, attempt.number),
        )
    if attempt.outcome is AttemptOutcome.PERMANENT:
        return fail(notification, clean(attempt.detail) or "the provider refused it", now)
    retry_at = now + timedelta(seconds=max(back_off(attempt.number, luck), attempt.retry_after))
    if (retry_at - notification.created_at).total_seconds() > give_up_after:
        why = f"no provider took it within {spell(give_up_after)}; at last: {clean(attempt.detail)}"
        return fail(notification, why, now)
    ambiguous = attempt.outcome is AttemptOutcome.AMBIGUOUS
    entry = _ambiguous(notification, attempt, now) if ambiguous else None
    return Settled(notification=notification, entry=entry, retry_at=retry_at)


def back_off(attempt: int, luck: float) -> float:
    """Seconds to wait after attempt number `attempt`."""
    wait = min(FIRST_RETRY * 2.0 ** min(attempt - 1, 30), LONGEST_RETRY)
    return wait * (1 - JITTER + 2 * JITTER * luck)


def _end(
    notification: Notification,
    status: NotificationStatus,
    kind: str,
    what: str,
    reason: str,
    now: datetime,
    config_version: int,
) -> Settled:
    text = f"{_target(notification)} {what}: {notification.title}"
    entry = _entry(notification, kind, text, reason, now, notification.attempts, config_version)
    return Settled(notification=_done(notification, status, now), entry=entry)


def _done(notification: Notification, status: NotificationStatus, now: datetime) -> Notification:
    return msgspec.structs.replace(notification, status=status, done_at=now)


def _ambiguous(notification: Notification, attempt: Attempt, now: datetime) -> TimelineEntry:
    text = f"It is not known whether {_target(notification)} was told: attempt {attempt.number} is ambiguous"
    reason = f"{clean(attempt.detail)}; it is sent again under the same key"
    return _entry(notification, "ambiguous", text, reason, now, attempt.number)


def _entry(
    notification: Notification, kind: str, text: str, reason: str, now: datetime, number: int, config_version: int = 0
) -> TimelineEntry:
    return TimelineEntry(
        id=derived_id("delivery", notification.id, number, kind),
        incident_id=notification.incident_id,
        at=now,
        kind=kind,
        text=text,
        reason=reason,
        data={"notification": notification.id, "channel": notification.channel, "to": notification.to},
        config_version=config_version,
    )


def _target(notification: Notification) -> str:
    return whom(Target(channel=notification.channel, to=notification.to))
