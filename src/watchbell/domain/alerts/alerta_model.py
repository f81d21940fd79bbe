"""Alerta's default alarm model, rule by rule.

Each transition carries the name of its rule.
"""

from collections.abc import Mapping
from types import MappingProxyType

from watchbell.domain.alerts.model import ACTIONS, Standing, Transition, translated
from watchbell.domain.alerts.phase import is_standing
from watchbell.domain.alerts.severity import DEFAULT, STATUSES, Severities, trend
from watchbell.domain.errors import Conflict


class AlertaModel:
    """Severities are the installation's; statuses open, ack, shelved, blackout, closed, expired."""

    name = "ALERTA"
    statuses = STATUSES
    words: Mapping[str, str] = MappingProxyType(
        {
            "NORM": "closed",
            "UNACK": "open",
            "ACKED": "ack",
            "RTNUN": "closed",
            "SHLVD": "shelved",
            "DSUPR": "blackout",
            "OOSRV": "blackout",
        }
    )
    default_status = "open"
    opened = "open"
    closed = "closed"
    muted = "blackout"
    shown: tuple[str, ...] = ("open", "ack")
    actions = ACTIONS
    colors: Mapping[str, str] = MappingProxyType({"ack": "skyblue", "shelved": "skyblue"})

    def __init__(self, severities: Severities = DEFAULT) -> None:
        self.severities = severities

    def stands(self, status: str, severity: str) -> bool:
        return is_standing(status) and not self.severities.is_normal(severity)

    def signalled(self, standing: Standing, incoming_status: str) -> Transition:
        self.severities.named(standing.severity)
        standing = translated(self, standing)
        normal = self.severities.is_normal(standing.severity)
        if incoming_status != self.default_status:
            if normal:
                return Transition(self.severities.normal, "closed", "SET-1")
            return Transition(standing.severity, incoming_status, "SET-*")
        return self._without_action(standing, normal=normal)

    def acted(self, standing: Standing, action: str) -> Transition:
        if action not in ACTIONS:
            return Transition(standing.severity, standing.status, "ACT-1")
        standing = translated(self, standing)
        immediate = self._immediate(standing, action)
        return immediate or self._by_status(standing, action)

    def _immediate(self, standing: Standing, action: str) -> Transition | None:
        """Actions that mean the same whatever the alert's severity."""
        severity, status = standing.severity, standing.status
        if action == "unack":
            if status != "ack":
                raise Conflict("alert is not in ack status")
            return Transition(severity, standing.status_before_ack, "UNACK-1")
        if action == "unshelve":
            if status != "shelved":
                raise Conflict("alert is not in shelved status")
            return Transition(severity, standing.status_before_shelve, "UNSHL-1")
        if action == "expired":
            return Transition(severity, "expired", "EXP-0")
        if action == "timeout":
            if _before(standing) == "ack":
                return Transition(severity, "ack", "ACK-0")
            return Transition(severity, "open", "OPEN-0")
        return None

    def _by_status(self, standing: Standing, action: str) -> Transition:
        """Open, ack, shelve, close and assign, which depend on where the alert stands."""
        severity, status = standing.severity, standing.status
        if status == "blackout":
            return self._blackout(standing, action)
        if status == "expired":
            if action != "open" and not self.severities.is_normal(severity):
                raise Conflict(f"alert is in expired status, so {action} makes no sense")
            return self._settled(standing)
        if action == "assign":
            return self._settled(standing)
        if action not in _ALLOWED.get(status, _ALLOWED["open"]):
            raise Conflict(_refusal(action, status))
        if action == "close":
            return Transition(self.severities.normal, "closed", f"{status.upper()}-CLOSE")
        if status == "closed":
            return Transition(standing.previous_severity or severity, "open", "CLS-1")
        return Transition(severity, _TARGETS[action], f"{status.upper()}-{action.upper()}")

    def _without_action(self, standing: Standing, *, normal: bool) -> Transition:
        severity, status = standing.severity, standing.status
        if status == "ack" and self._worsened(standing):
            return Transition(severity, "open", "ACK-4")
        if status == "blackout":
            return self._blackout(standing, "")
        if status == "closed" and not normal:
            if standing.previous_status == "shelved":
                return Transition(severity, "shelved", "CLS-2")
            return Transition(severity, "open", "CLS-3")
        return self._settled(standing)

    def _worsened(self, standing: Standing) -> bool:
        previous = standing.previous_severity
        if previous in {"", self.severities.previous}:
            return False
        return trend(self.severities.ranks, previous, standing.severity) == "moreSevere"

    def _blackout(self, standing: Standing, action: str) -> Transition:
        if action == "close":
            return Transition(self.severities.normal, "closed", "BLACKOUT-CLOSE")
        # Alerta goes back even to `closed`: a problem that began inside would be lost, and a recovery left open.
        if self.severities.is_normal(standing.severity):
            return Transition(self.severities.normal, "closed", "BLK-1")
        if standing.previous_status in {"closed", "expired"}:
            return Transition(standing.severity, "open", "BLK-3")
        if standing.previous_status != "blackout":
            return Transition(standing.severity, standing.previous_status, "BLK-2")
        return Transition(standing.severity, standing.status, "BLK-*")

    def _settled(self, standing: Standing) -> Transition:
        severity, status = standing.severity, standing.status
        if self.severities.is_normal(severity):
            return Transition(self.severities.normal, "closed", "CLS-*")
        if status == "expired":
            return Transition(severity, "open", "EXP-1")
        return Transition(severity, status, "ALL-*")


def _before(standing: Standing) -> str:
    """The status before the present one; of a shelving that a blackout interrupted, the one before both."""
    if standing.status == "shelved" and standing.previous_status == "blackout":
        return standing.status_before_shelve
    return standing.previous_status


_ALLOWED = {
    "open": {"ack", "shelve", "close"},
    "ack": {"open", "shelve", "close"},
    "shelved": {"open", "close"},
    "closed": {"open"},
}
_TARGETS = {"open": "open", "ack": "ack", "shelve": "shelved"}
_SAME = {"open": "open", "ack": "ack", "shelved": "shelve", "closed": "close"}


def _refusal(action: str, status: str) -> str:
    if action == _SAME.get(status):
        return f"alert is already in {status} status"
    return f"alert is in {status} status, so {action} makes no sense"
