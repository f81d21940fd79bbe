"""The alarm model of ANSI/ISA 18.2, as Alerta has it, as a table: the first rule that fits decides.

Where Alerta leaves an alert for ever, time goes on here: an acknowledgement or a shelving runs out, an alert that is
not heard of any more returns to normal, and what a blackout has put out of service goes back to where it was. An
operator's action never alarms anew, and one that the model does not know changes nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from watchbell.domain.alerts.model import ACTIONS, Standing, Transition, translated
from watchbell.domain.alerts.phase import is_standing
from watchbell.domain.alerts.severity import ISA, Severities, trend

NORM, UNACK, ACKED, RTNUN, SHLVD, DSUPR, OOSRV = "NORM", "UNACK", "ACKED", "RTNUN", "SHLVD", "DSUPR", "OOSRV"
DECIDING = frozenset({"ack", "unack", "shelve", "unshelve", "open", "expired", "timeout"})
SIGNAL = ""
"""As an action: a message."""
_SUPPRESSED = frozenset({DSUPR, OOSRV})


class Rule(NamedTuple):
    """One row: when all of it holds, the alert goes to `to`. What is None holds always."""

    name: str
    to: str
    states: frozenset[str] | None = None
    actions: frozenset[str] | None = None
    """Any of these."""
    well: bool | None = None
    """Whether the severity is the normal one."""
    worse: bool = False
    """Only when the severity rose from one that was not normal."""
    before: str | None = None
    """The state before the present one."""


def _row(name: str, to: str, *states: str, actions: tuple[str, ...] = (), **more: bool | str) -> Rule:
    return Rule(name, to, frozenset(states) or None, frozenset(actions) or None)._replace(**more)


RULES: tuple[Rule, ...] = (
    _row("EXPIRED", NORM, actions=("expired",)),
    _row("2 operator shelve", SHLVD, actions=("shelve",)),
    _row("3 operator unshelve", NORM, actions=("unshelve",), well=True),
    _row("3 operator unshelve", UNACK, actions=("unshelve",), well=False),
    _row("3 shelving ran out", NORM, SHLVD, actions=("timeout",), well=True),
    _row("3 shelving ran out", UNACK, SHLVD, actions=("timeout",), well=False),
    _row("4 alarm occurs", UNACK, NORM, actions=(SIGNAL, "open"), well=False),
    _row("5 operator ack", ACKED, UNACK, actions=("ack",)),
    _row("6 operator unack", UNACK, ACKED, actions=("unack",)),
    _row("6 acknowledgement ran out", UNACK, ACKED, actions=("timeout",), well=False),
    _row("7 re-alarm", UNACK, ACKED, actions=(SIGNAL,), worse=True),
    _row("8 alarm clears", NORM, ACKED, well=True),
    _row("9 alarm clears, unacknowledged", RTNUN, UNACK, well=True),
    _row("10 operator ack", NORM, RTNUN, actions=("ack",)),
    _row("11 re-alarm, unacknowledged", UNACK, RTNUN, well=False),
    _row("12 back to normal", NORM, *_SUPPRESSED, well=True),
    _row("12 back, worse", UNACK, *_SUPPRESSED, actions=(SIGNAL,), worse=True),
    _row("12 back to acknowledged", ACKED, *_SUPPRESSED, before=ACKED),
    _row("12 back to shelved", SHLVD, *_SUPPRESSED, before=SHLVD),
    _row("12 back", UNACK, *_SUPPRESSED, well=False),
)
"""The numbers are those of the specification; rule 1 is about what a message says, and 13 is that nothing changes."""


class IsaModel:
    """Severities from Critical to OK; states NORM, UNACK, ACKED, RTNUN, SHLVD, DSUPR, OOSRV. No severity is changed."""

    name = "ANSI/ISA 18.2"
    statuses: Mapping[str, str] = MappingProxyType(
        {NORM: "A", UNACK: "B", ACKED: "C", RTNUN: "D", SHLVD: "E", DSUPR: "F", OOSRV: "G"}
    )
    words: Mapping[str, str] = MappingProxyType(
        {
            "open": UNACK,
            "assign": UNACK,
            "unknown": UNACK,
            "ack": ACKED,
            "shelved": SHLVD,
            "blackout": OOSRV,
            "closed": NORM,
            "expired": NORM,
        }
    )
    default_status = NORM
    opened = UNACK
    closed = NORM
    muted = OOSRV
    shown: tuple[str, ...] = (UNACK, ACKED, RTNUN)
    actions = DECIDING
    colors: Mapping[str, str] = MappingProxyType({ACKED: "skyblue", SHLVD: "skyblue"})

    def __init__(self, severities: Severities | None = None) -> None:
        self.severities = severities or usual_severities()

    def stands(self, status: str, severity: str) -> bool:
        return is_standing(status) and not self.severities.is_normal(severity)

    def signalled(self, standing: Standing, incoming_status: str) -> Transition:
        self.severities.named(standing.severity)
        told = self.words.get(incoming_status, incoming_status)
        # Senders of any system say `open` for a problem, and that it is over by its severity.
        if told not in {NORM, UNACK} or incoming_status == UNACK:
            return Transition(standing.severity, told, "1 told by the sender")
        return self._decided(translated(self, standing), SIGNAL)

    def acted(self, standing: Standing, action: str) -> Transition:
        if action not in ACTIONS:
            return Transition(standing.severity, standing.status, "ACT-1")
        before = translated(self, standing)
        if action not in DECIDING and before.status not in _SUPPRESSED:
            return Transition(before.severity, before.status, "13 no change")
        return self._decided(before, action)

    def _decided(self, standing: Standing, action: str) -> Transition:
        severity, state = standing.severity, standing.status
        well, worse = self.severities.is_normal(severity), self._worsened(standing)
        for rule in RULES:
            if (
                (rule.states is None or state in rule.states)
                and (rule.actions is None or action in rule.actions)
                and (rule.well is None or rule.well is well)
                and (worse or not rule.worse)
                and rule.before in {None, standing.previous_status}
            ):
                return Transition(severity, rule.to, rule.name)
        return Transition(severity, state, "13 no change")

    def _worsened(self, standing: Standing) -> bool:
        previous = standing.previous_severity
        if not previous or self.severities.is_normal(previous):
            return False
        return trend(self.severities.ranks, previous, standing.severity) == "moreSevere"


def usual_severities() -> Severities:
    """Critical, High, Medium, Low, Advisory, OK."""
    return Severities(ISA.ranks, normal=ISA.normal, informational=ISA.informational, previous=ISA.previous, usual=ISA)
