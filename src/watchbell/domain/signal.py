"""One observation that may open, change or close an alert, whatever its source."""

from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.correlated import Correlated

UNSAID = -1
"""The time-out of a signal whose sender does not say: the installation's own."""


class Signal(msgspec.Struct, frozen=True, kw_only=True):
    """A message about (environment, resource, event, customer), already validated.

    `id` is the sender's, or empty: then one is drawn when it is received. `value` is what was measured, as JSON.
    `create_time` is the sender's clock. `timeout` is in seconds; 0 means never, `UNSAID` what the installation says.
    `user` is the login of who sent it, for the history; None for signals of Watchbell's own. `source` is the way that
    it came, as `webhook/grafana` or `check/Shop`; empty when nobody said.
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
    correlation: Correlated | None = None
