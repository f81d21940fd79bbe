"""Severities and statuses: their ranks, colours, and which way a change goes."""

from collections.abc import Mapping
from types import MappingProxyType

SEVERITIES: Mapping[str, int] = MappingProxyType(
    {
        "security": 0,
        "critical": 1,
        "major": 2,
        "minor": 3,
        "warning": 4,
        "indeterminate": 5,
        "informational": 6,
        "normal": 7,
        "ok": 7,
        "cleared": 7,
        "debug": 8,
        "trace": 9,
        "unknown": 10,
    }
)
"""Alerta's default severities; the lower the number, the worse."""

COLORS: Mapping[str, str] = MappingProxyType(
    {
        "security": "blue",
        "critical": "red",
        "major": "orange",
        "minor": "yellow",
        "warning": "dodgerblue",
        "indeterminate": "lightblue",
        "informational": "#00CC00",
        "normal": "#00CC00",
        "ok": "#00CC00",
        "cleared": "#00CC00",
        "debug": "#9D006D",
        "trace": "#7554BF",
        "unknown": "silver",
    }
)
"""Colours that clients of Alerta's `/config` expect."""

STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "open": "A",
        "assign": "B",
        "ack": "C",
        "shelved": "D",
        "blackout": "E",
        "closed": "F",
        "expired": "G",
        "unknown": "H",
    }
)
"""Alerta's statuses with their sort codes."""


def trend(severities: Mapping[str, int], previous: str, current: str) -> str:
    """`moreSevere`, `lessSevere` or `noChange`; a severity that is not in the map counts as no change."""
    before, after = severities.get(previous), severities.get(current)
    if before is None or after is None or before == after:
        return "noChange"
    return "moreSevere" if after < before else "lessSevere"
