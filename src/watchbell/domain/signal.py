"""One observation that may open, change or close an alert, whatever its source."""

from datetime import UTC, datetime
from typing import Any

import msgspec

from watchbell.domain.correlated import Correlated

UNSAID = -1
"""The time-out of a signal whose sender does not say: the installation's own."""

EARLIEST, LATEST = 1970, 8999
"""The years of a sender's clock that are believed; beyond them neither clients nor databases can reckon with a time."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A message about (environment, resource, event, customer), already validated.

    `id` is the sender's, or empty: then one is drawn when it is received. `value` is what was measured, as JSON.
    `create_time` is the sender's clock. `timeout` is in seconds; 0 means never, `UNSAID` what the installation says.
    `user` is the login of who sent it, for the history; None for signals of Watchbell's own. `source` is the way that
    it came, as `webhook/grafana` or `check/Shop`; empty when nobody said.
    `said` is what its vendor calls the severity, where that is no word of ours.
    `via` are the installations that forwarded it, by their addresses.
    `correlation` is the rule that makes one alert of it and others, known once it is taken in.
    """

    id: str
    environment: str
    resource: str
    event: str
    severity: str
    status: str = "open"
    correlate: tuple[str, ...] = ()
    service: tuple[str, ...] = ()
    group: str = "Misc"
    value: Any = None
    text: str = ""
    tags: tuple[str, ...] = ()
    attributes: dict[str, Any] = {}
    origin: str = ""
    type: str = "exceptionAlert"
    create_time: datetime
    timeout: int = UNSAID
    raw_data: Any = None
    customer: str | None = None
    user: str | None = None
    source: str = ""
    said: str = ""
    via: tuple[str, ...] = ()
    correlation: Correlated | None = None


def sent_at(said: datetime, received: datetime) -> datetime:
    """When a message was sent, in UTC; what its sender says without an offset is in UTC.

    A time that no clock shows is that of receipt: a wrong clock is no reason to lose a message.
    """
    try:
        at = said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except OverflowError:
        return received
    return at if EARLIEST <= at.year <= LATEST else received
