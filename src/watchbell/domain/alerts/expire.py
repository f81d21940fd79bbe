"""What happens to an alert by itself: it expires, an acknowledgement or shelving runs out, flapping ends."""

from datetime import datetime, timedelta

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.phase import AT_REST, LASTING


def next_due(alert: Alert) -> datetime | None:
    """When to look at the alert again; None when nothing will happen by itself."""
    flaps = alert.flaps.due if alert.flaps is not None else None
    times = [time for time in (expires_at(alert), reverts_at(alert), flaps) if time is not None]
    return min(times, default=None)


def reverts_at(alert: Alert) -> datetime | None:
    """When its acknowledgement or shelving runs out. Other statuses only remember when that would have been."""
    return alert.reverts_at if alert.status in LASTING else None


def expires_at(alert: Alert) -> datetime | None:
    """When it expires unless it is heard of again; None when it never does or has."""
    if alert.timeout <= 0 or alert.status in AT_REST:
        return None
    return alert.last_receive_time + timedelta(seconds=alert.timeout)


def lapse(alert: Alert, now: datetime) -> str:
    """What time does now: the actions `expired` and `timeout`, `calm` and `digest` of flapping, or '' for none yet."""
    expiry = expires_at(alert)
    if expiry is not None and expiry <= now:
        return "expired"
    reversion = reverts_at(alert)
    if reversion is not None and reversion <= now:
        return "timeout"
    flaps = alert.flaps
    if flaps is None or flaps.due is None or flaps.due > now:
        return ""
    return "calm" if flaps.calms_at is not None and flaps.calms_at <= now else "digest"
