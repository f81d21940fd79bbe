"""What an alarm model is: the state machine that says which status an alert has after a signal or an action."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from watchbell.domain.alerts.severity import Severities
from watchbell.domain.errors import Invalid

ACTIONS = frozenset({"open", "assign", "ack", "unack", "shelve", "unshelve", "close", "expired", "timeout"})
"""Alerta's; every other word is an installation's own."""


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
    words: Mapping[str, str]
    """What else statuses are called, by senders and by other models, and which of these each word stands for."""
    default_status: str
    """What a signal has that leaves it to the model."""
    opened: str
    """The status of an alert that needs somebody."""
    closed: str
    """The status of one that is over."""
    muted: str
    """The status of one under a blackout."""
    shown: tuple[str, ...]
    """The statuses that people look at first."""
    actions: frozenset[str]
    """The actions that it decides about; any other leaves the alert where it is."""
    colors: Mapping[str, str]
    """Colours of statuses, as clients of Alerta's `/config` expect."""

    def signalled(self, standing: Standing, incoming_status: str) -> Transition:
        """After a signal. Raises `Invalid` for a severity that is not in the map."""
        ...

    def acted(self, standing: Standing, action: str) -> Transition:
        """After an operator's action. Raises `Conflict` when it makes no sense in the present status."""
        ...

    def stands(self, status: str, severity: str) -> bool:
        """Whether an alert in this status is a problem that someone should know of."""
        ...


def named_status(model: AlarmModel, word: str) -> str:
    """Which status the word stands for.

    Raises `Invalid` when it is not understood.
    """
    status = model.words.get(word, word)
    if status not in model.statuses:
        raise Invalid(f"must be one of {', '.join(model.statuses)}", "status")
    return status


def translated(model: AlarmModel, standing: Standing) -> Standing:
    """The same in the model's words, for an alert that was there before the installation had this model."""
    if standing.status in model.statuses:
        return standing
    status = model.words.get(standing.status, standing.status)
    before = standing.previous_status
    return standing._replace(status=status, previous_status=model.words.get(before, before))
