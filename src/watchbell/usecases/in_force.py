"""The rules about alerts that a configuration has in force at a time, worked out once for each of its versions."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.blackout import Blackout, Judge
from watchbell.domain.alerts.correlation import Correlator
from watchbell.domain.alerts.inhibition import Inhibition, enabled
from watchbell.usecases.configuration import Configuration


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """What a signal meets. `version` is that of the configuration."""

    version: int = 0
    blackouts: Sequence[Blackout] = ()
    inhibitions: Sequence[Inhibition] = ()
    correlator: Correlator = msgspec.field(default_factory=Correlator)


NO_RULES = InForce()


class Deciding:
    """Remembers what was in force until the configuration or the hour of a blackout changes it."""

    def __init__(self) -> None:
        self._judge = Judge()
        self._found = NO_RULES

    def at(self, config: Configuration, now: datetime) -> InForce:
        """The rules in force."""
        blackouts = self._judge.at(config.version, config.blackouts.values(), now)
        if config.version != self._found.version:
            self._found = InForce(
                version=config.version,
                inhibitions=enabled(config.inhibitions),
                correlator=Correlator(config.correlations.values()),
            )
        if blackouts is not self._found.blackouts:
            self._found = msgspec.structs.replace(self._found, blackouts=blackouts)
        return self._found
