"""What a blackout hides of an alert: where it goes back to when it is heard of again."""

from watchbell.domain.alerts.model import AlarmModel, Standing
from watchbell.domain.alerts.phase import MUTED, TAKEN


def beneath(standing: Standing, model: AlarmModel) -> str:
    """Where a message leaves what somebody had taken, were there no blackout; '' when nobody had, or still has it.

    An acknowledgement is of what was there then: of a problem that became worse, or went and came back, nobody knows.
    """
    status = standing.previous_status if standing.status in MUTED else standing.status
    if status not in TAKEN:
        return ""
    decided = model.signalled(standing._replace(status=status), model.default_status)
    return "" if decided.status in TAKEN else decided.status
