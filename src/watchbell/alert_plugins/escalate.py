"""escalate: an action that makes an alert one step worse.

Takes the action `escalate`: the alert gets the next worse severity that there is, by whatever alarm model.

At the worst it is refused, and so is an alert that is over. Alerta refuses wherever the numbers of SEVERITY_MAP
leave a gap, makes alerts of its model ISA 18.2 less severe, and gives closed ones the severity of a problem.
"""

from collections.abc import Mapping

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.phase import OVER
from watchbell.domain.errors import Conflict
from watchbell.ports.alert_plugin import Action, Answer, Given

ACTION = "escalate"


class Escalate:
    """An action that makes an alert one step worse."""

    def take_action(self, alert: Alert, action: Action, given: Given) -> Answer | None:
        """See `AlertPlugin`."""
        if action.word != ACTION:
            return None
        if alert.status in OVER:
            raise Conflict(f"An alert that is {alert.status} cannot be escalated.")
        worse = worse_than(alert.severity, given.severities)
        if worse is None:
            raise Conflict(f'Can not escalate alert severity beyond "{alert.severity}".')
        return Answer(severity=worse)


def worse_than(severity: str, ranks: Mapping[str, int]) -> str | None:
    """The next worse severity, the first of its rank; None when there is none."""
    present = ranks.get(severity)
    if present is None:
        return None
    worse = [(rank, name) for name, rank in ranks.items() if rank < present]
    if not worse:
        return None
    next_rank = max(rank for rank, _ in worse)
    return next(name for rank, name in worse if rank == next_rank)
