"""What becomes of an alert from before a correlation when its next message goes to another alert."""

from datetime import datetime

import msgspec

from watchbell.domain.alerts.act import Acted, set_status
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import DONE


def joined(plain: Alert, into: Alert, model: AlarmModel, now: datetime, config_version: int = 0) -> Acted | None:
    """The alert is over, for another has its problem and its messages from now on; None when it was over before."""
    if plain.status in DONE or into.correlation is None:
        return None
    why = f"it is part of the alert {into.id} now, by the correlation {into.correlation.rule!r}"
    done = set_status(plain, model.closed, model, now, text=why, config_version=config_version)
    entries = tuple(msgspec.structs.replace(entry, reason=why) for entry in done.entries)
    return msgspec.structs.replace(done, entries=entries)
