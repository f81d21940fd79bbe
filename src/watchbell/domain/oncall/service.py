"""Services, channels and policies as people define them."""

from typing import Any

import msgspec

from watchbell.domain.managed import Managed


class Service(Managed, frozen=True, kw_only=True):
    """What the business calls it. Alerts attach to it by its name."""

    description: str = ""
    """What it does, in words."""
    policy: str = ""
    """Name of the policy that says whom to tell; empty means nobody, and the incident says so."""
    environments: list[str] = msgspec.field(default_factory=lambda: ["Production"])
    """Environments whose alerts open incidents; empty means all."""
    minimum_severity: str = "warning"
    """Alerts less severe than this open no incident."""
    runbook: str = ""
    """Address of the page that says what to do."""
    enabled: bool = True
    """Whether alerts open incidents."""


class Channel(Managed, frozen=True, kw_only=True):
    """One way to reach a person or a room."""

    type: str
    """Channel type, as in the table of plug-ins: `email`, `webhook`, ..."""
    config: dict[str, Any] = {}
    """Settings of the channel type."""
    enabled: bool = True
    """Whether it may be used."""


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """Whom to tell by which channel."""

    channel: str
    """Name of the channel."""
    to: str = ""
    """A user's login, or an address that the channel understands; empty means the channel's own."""


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One rung of the ladder."""

    after: float = 0.0
    """Seconds after the incident opened."""
    targets: list[Target] = []
    """Who is told at this step."""


class Policy(Managed, frozen=True, kw_only=True):
    """Whom to tell, by which means, after how long, until someone takes it."""

    steps: list[Step] = []
    """The rungs, in order of `after`."""
    tell_recovery: bool = True
    """Whether everyone who was told also hears of the recovery."""
    tell_acknowledgement: bool = False
    """Whether everyone who was told also hears who took it."""
