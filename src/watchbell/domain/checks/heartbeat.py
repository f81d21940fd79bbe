"""Heartbeats: jobs that must ping, and what is known of each."""

from datetime import datetime

import msgspec

from watchbell.domain.checks.said import Said
from watchbell.domain.managed import Managed

ANY_HEARTBEAT = "*"
"""Stands for the heartbeats that changed where readers are told of it: whoever knows an id may ping."""


class Heartbeat(Managed, frozen=True, kw_only=True):
    """A job that must ping `/ping/<id>`, or `/ping/<key>/<slug>`; its silence opens an alert."""

    slug: str = ""
    """A short name for the address `/ping/<key>/<slug>`: 1 to 100 small letters, digits, `-` and `_`, unlike any other
    heartbeat's. `<key>` is an API key whose only scope is `write:pings`. Without a slug the job pings by id only."""

    every: float = 3600.0
    """Seconds from one ping to the next."""
    grace: float = 300.0
    """Seconds that a ping may be late."""
    environment: str = "Production"
    """Environment of the alert."""
    severity: str = "major"
    """Severity of the alert."""
    services: list[str] = []
    """Names of the services that the alert belongs to."""
    description: str = ""
    """What it is for, in words."""
    enabled: bool = True
    """Whether silence opens an alert."""


class Pulse(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one heartbeat. `failing` says that an alert stands for it, and `said` which."""

    heartbeat_id: str
    last_ping: datetime | None = None
    started: datetime | None = None
    last_exit: int = 0
    failing: bool = False
    said: Said | None = None
    version: int = 0
