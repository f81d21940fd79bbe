"""Interpreting: severities and environments of vendors' messages, in words of this installation.

The vendor's own word stays with the alert, as the attribute `vendorSeverity` and in its history. A word that nobody
knows is told to the log once, for whoever may want to say what it stands for.
"""

from collections.abc import Iterable

import msgspec
import structlog

from watchbell.domain.alerts.foreign_severity import ATTRIBUTE, ForeignWords
from watchbell.domain.alerts.policy import Limits, meant_environment
from watchbell.domain.alerts.severity import DEFAULT, Severities
from watchbell.domain.signal import Signal

MOST_TOLD = 1000
"""Words that the log is told of; senders may invent as many as they like."""

_log = structlog.get_logger("webhooks")


class Interpreting:
    """Translates. One for each process."""

    def __init__(self, severities: Severities = DEFAULT, limits: Limits | None = None) -> None:
        self._words = ForeignWords(severities)
        self._limits = limits or Limits()
        self._told: set[str] = set()

    def all(self, signals: Iterable[Signal]) -> list[Signal]:
        """The signals, each with a severity that is understood."""
        return [self.one(signal) for signal in signals]

    def one(self, signal: Signal) -> Signal:
        """The signal with words that are understood; `said` and an attribute keep a severity that is not ours."""
        environment = meant_environment(signal.environment, self._limits)
        if environment != signal.environment:
            signal = _with(signal, environment=environment)
        meant = self._words.meant(signal.severity)
        if meant.guessed:
            self._tell(meant.word, meant.severity, signal.source)
        if not meant.word:
            return signal if meant.severity == signal.severity else _with(signal, severity=meant.severity)
        attributes = {**signal.attributes, ATTRIBUTE: meant.word}
        return _with(signal, severity=meant.severity, said=meant.word, attributes=attributes)

    def _tell(self, word: str, severity: str, source: str) -> None:
        if word in self._told or len(self._told) >= MOST_TOLD:
            return
        self._told.add(word)
        hint = "name the word in alerts.severity_words to say otherwise"
        _log.warning("severity_unknown", word=word, taken_as=severity, source=source, hint=hint)


def _with(signal: Signal, **fields: object) -> Signal:
    return msgspec.structs.replace(signal, **fields)
