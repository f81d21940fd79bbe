"""Forwarding: what other installations are told of alerts, and how they know that a message has been with them already.

Each message carries the addresses of the installations that it came through, as Alerta's header `X-Alerta-Loop` does.
"""

from collections.abc import Set as AbstractSet
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.model import ACTIONS
from watchbell.domain.errors import Invalid

LOOP_HEADER = "X-Alerta-Loop"
MOST_HOPS = 20
LONGEST_HOP = 300
TIMED = frozenset({"expired", "timeout"})
"""What time does to alerts, which it does everywhere by itself."""
WORDS = ("*", "alerts", "actions", *sorted(ACTIONS - TIMED), "delete")
"""What a destination may ask for; words of an installation's own actions, too."""


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """Another installation: what it is called here, its API's address, and what it is told: see `WORDS`."""

    name: str
    url: str
    wants: AbstractSet[str] = frozenset({"*"})

    def takes(self, verb: Literal["alert", "action", "delete"], action: str = "") -> bool:
        """Whether it is told of this."""
        if verb == "alert":
            return not self.wants.isdisjoint({"*", "alerts"})
        if verb == "delete":
            return not self.wants.isdisjoint({"*", "delete"})
        return action not in TIMED and not self.wants.isdisjoint({"*", "actions", action})


class Forward(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message to one destination: an alert as it was, what somebody did to it, or that it was deleted.

    `timeout` is in seconds. `via` are the installations that it came through, the last of which is this one.
    """

    verb: Literal["alert", "action", "delete"]
    alert: Alert
    action: str = ""
    text: str = ""
    timeout: int | None = None
    via: tuple[str, ...] = ()


def hops(header: str) -> tuple[str, ...]:
    """The installations that a request came through.

    Raises:
        Invalid: nobody has that many.
    """
    found = tuple(hop for part in header.split(",") if (hop := place(part)))
    if len(found) > MOST_HOPS or any(len(hop) > LONGEST_HOP for hop in found):
        raise Invalid(f"names more than {MOST_HOPS} installations, or one by more than {LONGEST_HOP} characters")
    return found


def place(url: str) -> str:
    """An address as it is compared: host in small letters, no slash at the end."""
    text = url.strip().rstrip("/")
    try:
        parts = urlsplit(text)
    except ValueError:
        return text
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl()
