"""What other systems call severities, and which of an installation's each such word stands for.

A vendor's message comes once, and nobody is there to mend a word in it. So every word stands for something: one of the
installation's in any case of letters, a synonym for what is as bad, and any other for what is as bad as `major`.
Whoever gave an alert a severity of their own meant somebody to hear of it; what was too loud is mended in the morning.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from watchbell.domain.alerts.severity import Severities

ATTRIBUTE = "vendorSeverity"
"""The attribute of an alert that keeps a vendor's own word."""
OTHERWISE = "major"
"""What a word is as bad as that nobody knows."""
LONGEST = 100
"""Characters that are kept of a word."""

SYNONYMS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "critical": (
            "alert",
            "crit",
            "disaster",
            "emerg",
            "emergency",
            "fatal",
            "p0",
            "p1",
            "page",
            "panic",
            "sev0",
            "sev1",
            "severe",
            "urgent",
        ),
        "major": ("err", "error", "expired", "fail", "failed", "failure", "high", "p2", "sev2"),
        "minor": ("average", "medium", "moderate", "p3", "sev3"),
        "warning": ("low", "p4", "sev4", "ticket", "warn"),
        # `none` is what Prometheus' alerts are that always fire, to show that somebody listens (`Watchdog`).
        "informational": ("info", "information", "none", "note", "notice", "p5", "sev5"),
        "normal": ("clear", "healthy", "okay", "recovered", "resolved", "success", "up"),
        "debug": ("verbose",),
    }
)
"""By what they are as bad as, in small letters, without spaces, hyphens and underscores."""

_AS_BAD_AS = {word: severity for severity, words in SYNONYMS.items() for word in words}
_BETWEEN = re.compile(r"[\s_-]+")


class Meant(NamedTuple):
    """What a word stands for.

    `word` is the vendor's own, fit to be shown; empty when it is one of the installation's. `guessed` is whether nobody
    knows the word.
    """

    severity: str
    word: str = ""
    guessed: bool = False


class ForeignWords:
    """Vendors' words, as an installation with these severities understands them."""

    def __init__(self, severities: Severities) -> None:
        self._severities = severities
        # Of two that differ in their letters' case only, the installation's own severities come before mere words.
        both = (*severities.known, *severities.ranks)
        self._any_case = {name.casefold(): name for name in both}

    def meant(self, word: str) -> Meant:
        """Which severity of the installation a word stands for; there always is one."""
        if word in self._severities.known:
            return Meant(word)
        plain = word.strip().casefold()
        if plain in self._any_case:
            return Meant(self._any_case[plain])
        as_bad_as = _AS_BAD_AS.get(_BETWEEN.sub("", plain))
        severity = self._severities.meaning(as_bad_as or OTHERWISE)
        return Meant(severity, shown(word), as_bad_as is None)


def shown(word: str) -> str:
    """A vendor's word as it may be stored: of characters that can be printed, and short."""
    return "".join(c for c in word.strip()[: 4 * LONGEST] if c.isprintable())[:LONGEST]
