"""A check and a channel for tests of the HTTP API."""

from watchbell.toolkit.settings import Secret, Settings


class ProbeConfig(Settings, frozen=True):
    """Settings of a check for tests."""

    url: str
    """Where to look."""
    retries: int = 0
    """How often again."""
    password: Secret = Secret("")
    """Shown to nobody."""
    headers: dict[str, Secret] = {}
    """Sent along."""


class Probe:
    """A check for tests."""

    name = "probe"
    title = "Probe"
    Config = ProbeConfig


class CallConfig(Settings, frozen=True):
    """Settings of a channel for tests."""

    url: str
    """Whom to call."""
    token: Secret
    """Shown to nobody."""


class Call:
    """A channel for tests."""

    name = "call"
    title = "Call"
    Config = CallConfig
