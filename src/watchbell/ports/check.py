"""A way to find out how something fares."""

from typing import ClassVar, Protocol

import msgspec

from watchbell.domain.checks.result import Outcome


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What one run is about. `timeout` is in seconds; `address` may be empty when the settings say it all.

    `host` and `check` are names, for macros and texts.
    """

    address: str = ""
    timeout: float = 10.0
    host: str = ""
    check: str = ""


class CheckType(Protocol):
    """One check type with its settings.

    `run` never raises for a target that fails, is away, or answers nonsense: that is an outcome. It keeps to
    `target.timeout` and says so in the outcome; whoever calls it enforces the same deadline from outside by cancelling,
    which must leave nothing behind. It may be called many times, also at once.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    Config: ClassVar[type[msgspec.Struct]]

    async def run(self, target: Target) -> Outcome:
        """Look once."""
        ...
