"""What happens to an alert by itself: it expires, or an acknowledgement or shelving runs out."""

from datetime import datetime, timedelta

from watchbell.domain.alerts.alert import Alert


def next_due(alert: Alert) -> datetime | None:
    """When to look at the alert again; None when nothing will happen by itself."""
    times = [time for time in (expires_at(alert), reverts_at(alert)) if time is not None]
    return min(times, default=None)


def reverts_at(alert: Alert) -> datetime | None:
    """When its acknowledgement or shelving runs out. Other statuses only remember when that would have been."""
    return alert.reverts_at if alert.status in {"ack", "shelved"} else None


def expires_at(alert: Alert) -> datetime | None:
    """When it expires unless it is heard of again; None when it never does or has."""
    if alert.timeout <= 0 or alert.status == "expired":
        return None
    return alert.last_receive_time + timedelta(seconds=alert.timeout)


def lapse(alert: Alert, now: datetime) -> str:
    """The action that time takes now: `expired`, `timeout`, or '' for none yet."""
    expiry = expires_at(alert)
    if expiry is not None and expiry <= now:
        return "expired"
    reversion = reverts_at(alert)
    if reversion is not None and reversion <= now:
        return "timeout"
    return ""
