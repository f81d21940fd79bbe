"""What a blackout's beginning and end do to an alert that stands."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.act import Acted, set_status
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.blackout import Blackout, covering, matches, span_at
from watchbell.domain.alerts.gathering import services, worst
from watchbell.domain.alerts.history import entry_of
from watchbell.domain.alerts.model import AlarmModel, Standing
from watchbell.domain.alerts.phase import OVER, UNDER_BLACKOUT, WAITING
from watchbell.domain.alerts.receive import status_fields
from watchbell.domain.alerts.severity import trend
from watchbell.domain.correlated import Member

_UNKNOWN_OF_MEMBERS = ("group", "tags", "origin", "query")
"""What blackouts may narrow by that nobody remembers of a member."""
_NOWHERE = frozenset({*OVER, *UNDER_BLACKOUT})


def muted(alert: Alert, blackout: Blackout, model: AlarmModel, now: datetime, config_version: int = 0) -> Acted:
    """An open alert falls silent because a blackout began."""
    return _set(alert, model.muted, f"the blackout {blackout.name!r} began", model, now, config_version)


def hushed(
    alert: Alert, blackouts: Sequence[Blackout], model: AlarmModel, now: datetime, config_version: int = 0
) -> Acted | None:
    """An alert that opened although a blackout in force covers it falls silent; None: it did not, or none does.

    What opened it was no message: a shelving or an acknowledgement ran out or was taken back, or a tag that only the
    alert has counts. What stood open before stays so when the blackout says that.
    """
    if alert.status not in WAITING:
        return None
    blackout = covering(_for_all_members(alert, blackouts), alert)
    if blackout is None or not (blackout.standing or _began_before(blackout, alert, now)):
        return None
    return _set(alert, model.muted, f"under the blackout {blackout.name!r}", model, now, config_version)


def _for_all_members(alert: Alert, blackouts: Sequence[Blackout]) -> Sequence[Blackout]:
    """Of the blackouts those that cover all problems that count in an alert that a rule made of several."""
    if alert.correlation is None:
        return blackouts
    counting = [
        msgspec.structs.replace(alert, resource=each.resource, event=each.event, severity=each.severity)
        for each in alert.correlation.members
        if not each.muted
    ]
    sure = [each for each in blackouts if not any(getattr(each, field) for field in _UNKNOWN_OF_MEMBERS)]
    return sure if all(covering(sure, each) is not None for each in counting) else ()


def _began_before(blackout: Blackout, alert: Alert, now: datetime) -> bool:
    """Whether it was in force already when the alert opened."""
    span = span_at(blackout, now)
    return span is not None and span.start <= alert.update_time


def unmuted(alert: Alert, model: AlarmModel, now: datetime, config_version: int = 0) -> Acted:
    """An alert whose blackout is over goes back to where it was.

    One that is well closes; one that was over before it broke out anew opens.
    """
    status = alert.previous_status
    if model.severities.is_normal(alert.severity):
        status = model.closed
    elif status in _NOWHERE or model.words.get(status, status) not in model.statuses:
        status = model.opened
    return _set(alert, status, "its blackout is over", model, now, config_version)


def is_partly_muted(alert: Alert) -> bool:
    """Whether a rule made the alert of several problems, and blackouts cover some of them or all."""
    correlation = alert.correlation
    return correlation is not None and alert.status not in OVER and any(each.muted for each in correlation.members)


def counted_again(
    alert: Alert, blackouts: Sequence[Blackout], model: AlarmModel, now: datetime, config_version: int = 0
) -> Acted | None:
    """An alert some of whose members count again, because no blackout in force covers them any more; None: none does.

    It shows the worst of those that count, and opens when all of them were muted, or when a blackout of the alert as a
    whole is over.
    """
    correlation = alert.correlation
    if correlation is None or not is_partly_muted(alert):
        return None
    # Silent although some count: a blackout covered it as a whole when it began.
    as_whole = alert.status in UNDER_BLACKOUT and not all(each.muted for each in correlation.members)
    still = as_whole and covering(blackouts, alert) is not None
    members = tuple(_freed(each, alert, blackouts) for each in correlation.members)
    counting = [each for each in members if not each.muted]
    shown = worst(counting, model.severities)
    if shown is None or (members == correlation.members and (still or not as_whole)):
        return None
    after = msgspec.structs.replace(
        alert,
        correlation=msgspec.structs.replace(correlation, members=members),
        service=services(counting, shown, alert.service),
        version=alert.version + 1,
        update_time=now,
        **_showing(alert, shown, model),
    )
    if after.status in UNDER_BLACKOUT:
        if still:
            return Acted(alert=after)
        opened = unmuted(after, model, now, config_version)
        return msgspec.structs.replace(opened, severity_changed=after.severity != alert.severity)
    return _counting(alert, after, shown, model, now, config_version)


def _counting(
    before: Alert, after: Alert, shown: Member, model: AlarmModel, now: datetime, config_version: int
) -> Acted:
    """What comes of a member that counts again in an alert that is not silent: a worse one acts as a message does."""
    worse = after.severity != before.severity
    if worse:
        standing = Standing(
            after.severity,
            before.severity,
            before.status,
            before.previous_status,
            before.status_before_ack,
            before.status_before_shelve,
        )
        decided = model.signalled(standing, model.default_status)
        after = msgspec.structs.replace(after, **status_fields(before, decided.status, now))
    entry = entry_of(
        after,
        "severity" if worse else "member",
        now,
        text=f"{shown.resource}: {shown.text}" if shown.text else shown.resource,
        timeout=after.timeout,
        reason="a blackout of one of the correlated problems is over",
        config_version=config_version,
    )
    return Acted(
        alert=after,
        entries=(entry,),
        status_changed=after.status != before.status,
        severity_changed=worse,
        to_route=set(after.service) != set(before.service),
    )


def _freed(member: Member, alert: Alert, blackouts: Sequence[Blackout]) -> Member:
    """The member, counting again unless a blackout in force covers it."""
    if not member.muted:
        return member
    itself = msgspec.structs.replace(
        alert,
        resource=member.resource,
        event=member.event,
        severity=member.severity,
        service=alert.service if member.service is None else member.service,
        correlation=None,
    )
    if not member.muted_by:  # written by a former release: as well as can be told
        covered = covering(blackouts, itself) is not None
    else:
        covered = any(
            each.id in member.muted_by
            or (matches(each, itself) and not any(getattr(each, field) for field in _UNKNOWN_OF_MEMBERS))
            for each in blackouts
        )
    return member if covered else msgspec.structs.replace(member, muted=False, muted_by=())


def _showing(alert: Alert, shown: Member, model: AlarmModel) -> dict[str, Any]:
    """The fields by which the alert speaks for a member; none when it does already."""
    if (alert.resource, alert.event, alert.severity) == (shown.resource, shown.event, shown.severity):
        return {}
    fields: dict[str, Any] = {"resource": shown.resource, "event": shown.event, "severity": shown.severity}
    if (alert.resource, alert.event) != (shown.resource, shown.event):
        fields |= {"text": shown.text, "value": None, "raw_data": None}
    if alert.severity != shown.severity:
        fields["previous_severity"] = alert.severity
        fields["trend_indication"] = trend(model.severities.ranks, alert.severity, shown.severity)
    return fields


def _set(alert: Alert, status: str, why: str, model: AlarmModel, now: datetime, config_version: int) -> Acted:
    done = set_status(alert, status, model, now, text=why, config_version=config_version)
    entries = tuple(msgspec.structs.replace(entry, reason=why) for entry in done.entries)
    return msgspec.structs.replace(done, entries=entries)
