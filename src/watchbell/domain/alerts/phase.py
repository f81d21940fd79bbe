"""What a status means, whatever the alarm model calls it.

The models have no word in common, so a word says by itself what it means. Alerts of an installation that has changed
its model are understood, too: until the next message they have the words of the former one.
"""

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class Phase(Enum):
    """Where in its life an alert stands."""

    OPEN = "open"
    """It needs somebody."""
    TAKEN = "taken"
    """It stands, and somebody looks after it."""
    SHELVED = "shelved"
    """Somebody does not want to hear of it for a while."""
    MUTED = "muted"
    """It is recorded and tells nobody, because of a blackout or by design."""
    CLEARED = "cleared"
    """It is well again, and nobody has acknowledged it."""
    CLOSED = "closed"
    """It is over."""
    EXPIRED = "expired"
    """It is over because it was not heard of any more."""


PHASES: Mapping[str, Phase] = MappingProxyType(
    {
        "open": Phase.OPEN,
        "assign": Phase.OPEN,
        "unknown": Phase.OPEN,
        "ack": Phase.TAKEN,
        "shelved": Phase.SHELVED,
        "blackout": Phase.MUTED,
        "closed": Phase.CLOSED,
        "expired": Phase.EXPIRED,
        "UNACK": Phase.OPEN,
        "ACKED": Phase.TAKEN,
        "SHLVD": Phase.SHELVED,
        "DSUPR": Phase.MUTED,
        "OOSRV": Phase.MUTED,
        "RTNUN": Phase.CLEARED,
        "NORM": Phase.CLOSED,
    }
)
"""Every status of both models; one that is in neither counts as open."""


def _words(*phases: Phase) -> tuple[str, ...]:
    return tuple(word for word, phase in PHASES.items() if phase in phases)


OVER = _words(Phase.CLOSED, Phase.EXPIRED, Phase.CLEARED)
"""Statuses of alerts that do not stand."""
SILENT = frozenset(_words(Phase.SHELVED, Phase.MUTED))
"""Statuses of alerts that tell nobody anyway."""
TAKEN = frozenset(_words(Phase.TAKEN))
"""Statuses of alerts that somebody looks after."""
MUTED = frozenset(_words(Phase.MUTED))
"""Statuses of alerts that a blackout, or the sender, keeps silent."""
SHELVED = frozenset(_words(Phase.SHELVED))
"""Statuses of alerts that are shelved."""
LASTING = TAKEN | SHELVED
"""Statuses that may run out."""
DONE = _words(Phase.CLOSED, Phase.EXPIRED)
"""Statuses of alerts that nobody needs to see, and that are deleted in time."""
AT_REST = frozenset({"expired", "NORM"})
"""Statuses in which an alert is not missed when it is not heard of."""
WAITING = ("open", "UNACK")
"""Statuses of alerts that nobody has taken: a blackout that begins silences these."""
UNDER_BLACKOUT = ("blackout", "OOSRV")
"""Statuses that a blackout gives, and its end takes away."""
RETURNING = frozenset({"closed", *_words(Phase.MUTED)})
"""Statuses out of which an alert may go back to where it was."""


def is_standing(status: str) -> bool:
    """Whether an alert of this status is a problem that someone should know of, unless it is well."""
    return status not in OVER and status not in SILENT
