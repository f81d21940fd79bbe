"""What a blackout's beginning and end do to an alert that stands."""

from datetime import datetime

import msgspec

from watchbell.domain.alerts.act import Acted, set_status
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.blackout import Blackout
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import OVER, UNDER_BLACKOUT

_NOWHERE = frozenset({*OVER, *UNDER_BLACKOUT})


def muted(alert: Alert, blackout: Blackout, model: AlarmModel, now: datetime, config_version: int = 0) -> Acted:
    """An open alert falls silent because a blackout began."""
    return _set(alert, model.muted, f"the blackout {blackout.name!r} began", model, now, config_version)


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


def _set(alert: Alert, status: str, why: str, model: AlarmModel, now: datetime, config_version: int) -> Acted:
    done = set_status(alert, status, model, now, text=why, config_version=config_version)
    entries = tuple(msgspec.structs.replace(entry, reason=why) for entry in done.entries)
    return msgspec.structs.replace(done, entries=entries)
