"""What an alarm model is: the state machine that says which status an alert has after a signal or an action."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from watchbell.domain.alerts.severity import Severities


class Standing(NamedTuple):
    """What a model decides from. `previous_severity` is '' when the signal is a duplicate, which has no trend."""

    severity: str
    previous_severity: str
    status: str
    previous_status: str
    status_before_ack: str
    status_before_shelve: str


class Transition(NamedTuple):
    """What it decides, and the name of the rule that did."""

    severity: str
    status: str
    rule: str


class AlarmModel(Protocol):
    """A state machine over severities and statuses. Pure."""

    name: str
    severities: Severities
    statuses: Mapping[str, str]
    """Sort code of each status."""
    default_status: str

    def signalled(self, standing: Standing, incoming_status: str) -> Transition:
        """After a signal. Raises `Invalid` for a severity that is not in the map."""
        ...

    def acted(self, standing: Standing, action: str) -> Transition:
        """After an operator's action. Raises `Conflict` when it makes no sense in the present status."""
        ...

    def stands(self, status: str, severity: str) -> bool:
        """Whether an alert in this status is a problem that someone should know of."""
        ...
