"""Hosts and checks as people define them, and the message that sends a check to a worker."""

from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.managed import Managed


class Host(Managed, frozen=True, kw_only=True):
    """A machine or device that checks run against."""

    address: str = ""
    """Name or address that checks connect to; empty means the host's name."""
    site: str = "default"
    """Where it stands; checks of the host run there unless they say otherwise."""
    tags: list[str] = []
    """Words to find it by."""


class Check(Managed, frozen=True, kw_only=True):
    """What is watched, how, how often and from where."""

    type: str
    """Check type, as in the table of plug-ins: `http`, `command`, ..."""
    config: dict[str, Any] = {}
    """Settings of the check type."""
    host: str = ""
    """Name of the host that it runs against; empty means that the settings say it all."""
    interval: float = 60.0
    """Seconds from one run to the next; at least 1."""
    retry_interval: float = 0.0
    """Seconds to the next run while the state is soft; 0 means as `interval`."""
    timeout: float = 10.0
    """Seconds after which a run is ended and counts as failed."""
    fail_after: int = 1
    """So many bad results in a row make the problem hard, and an alert."""
    recover_after: int = 1
    """So many good results in a row make the recovery hard, and close the alert."""
    severity: str = "critical"
    """Severity of the alert when the check is critical."""
    warning_severity: str = "warning"
    """Severity of the alert when the check is in the warning state."""
    unknown_severity: str = "major"
    """Severity of the alert when the check could not tell."""
    environment: str = "Production"
    """Environment of the alert."""
    services: list[str] = []
    """Names of the services that the alert belongs to."""
    site: str = ""
    """Site whose workers run it; empty means the host's site."""
    pool: str = "default"
    """Pool of workers at the site."""
    enabled: bool = True
    """Whether it runs."""
    description: str = ""
    """What it is for, in words."""


class CheckRun(msgspec.Struct, frozen=True, kw_only=True):
    """All that a worker needs for one run. Secrets in `config` are sealed with the key of the installation.

    `name` is the check's, `host` the host's. `due` is when the run was to start; a result is judged by it, so that a
    late or repeated one is refused. `deadline` is when nobody waits for it any more.
    """

    run_id: str
    check_id: str
    name: str
    type: str
    config: dict[str, Any]
    address: str
    host: str = ""
    timeout: float
    shard: int
    due: datetime
    deadline: datetime
    manual: bool = False
