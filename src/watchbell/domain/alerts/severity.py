"""Severities and statuses: ranks, colours, looks, what senders' words mean, and which way a change goes.

An installation may have severities of its own. The words that checks, webhooks and senders have always used keep a
meaning then: each stands for the severity of ours that is as bad.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from watchbell.domain.errors import Invalid

SEVERITIES: Mapping[str, int] = MappingProxyType(
    {
        "security": 0,
        "critical": 1,
        "major": 2,
        "minor": 3,
        "warning": 4,
        "indeterminate": 5,
        "informational": 6,
        "normal": 7,
        "ok": 7,
        "cleared": 7,
        "debug": 8,
        "trace": 9,
        "unknown": 10,
    }
)
"""Alerta's default severities; the lower the number, the worse."""

COLORS: Mapping[str, str] = MappingProxyType(
    {
        "security": "blue",
        "critical": "red",
        "major": "orange",
        "minor": "yellow",
        "warning": "dodgerblue",
        "indeterminate": "lightblue",
        "informational": "#00CC00",
        "normal": "#00CC00",
        "ok": "#00CC00",
        "cleared": "#00CC00",
        "debug": "#9D006D",
        "trace": "#7554BF",
        "unknown": "silver",
    }
)
"""Colours that clients of Alerta's `/config` expect."""

LOOKS: Mapping[str, str] = MappingProxyType(
    {
        "security": "security",
        "critical": "critical",
        "major": "major",
        "minor": "minor",
        "warning": "warning",
        "indeterminate": "unknown",
        "informational": "informational",
        "normal": "ok",
        "ok": "ok",
        "cleared": "ok",
        "debug": "informational",
        "trace": "informational",
        "unknown": "unknown",
    }
)
"""What the pages draw for each: a shape and a colour."""

_PROBLEMS = ("critical", "major", "minor", "warning")
_WORDS_OF_PROBLEMS = ("security", *_PROBLEMS)

STATUSES: Mapping[str, str] = MappingProxyType(
    {
        "open": "A",
        "assign": "B",
        "ack": "C",
        "shelved": "D",
        "blackout": "E",
        "closed": "F",
        "expired": "G",
        "unknown": "H",
    }
)
"""Alerta's statuses with their sort codes."""


class Usual(NamedTuple):
    """The severities that an alarm model has when an installation has none of its own."""

    ranks: Mapping[str, int]
    """The lower, the worse."""
    codes: Mapping[str, int]
    """The numbers that clients of Alerta's `/config` expect."""
    colors: Mapping[str, str]
    looks: Mapping[str, str]
    words: Mapping[str, str]
    """What senders say besides, where it is not told by how bad it is."""
    normal: str
    informational: str
    previous: str


ALERTA = Usual(SEVERITIES, SEVERITIES, COLORS, LOOKS, {}, "normal", "informational", "indeterminate")
_CODES = {"Critical": 5, "High": 4, "Medium": 3, "Low": 2, "Advisory": 1, "OK": 0}
ISA = Usual(
    ranks=MappingProxyType({name: 6 - code for name, code in _CODES.items()}),
    codes=MappingProxyType(_CODES),
    colors=MappingProxyType(
        {
            "Critical": "red",
            "High": "orange",
            "Medium": "yellow",
            "Low": "dodgerblue",
            "Advisory": "lightblue",
            "OK": "#00CC00",
            "Unknown": "silver",
        }
    ),
    looks=MappingProxyType(
        {
            "Critical": "critical",
            "High": "major",
            "Medium": "minor",
            "Low": "warning",
            "Advisory": "informational",
            "OK": "ok",
        }
    ),
    # What is not known is no sign of health.
    words=MappingProxyType(dict.fromkeys(("indeterminate", "informational", "debug", "trace", "unknown"), "Advisory")),
    normal="OK",
    informational="",
    previous="OK",
)


class Severities:
    """The severities of an installation.

    `ranks`: the lower, the worse. `colors` of CSS, for those that have one of their own. `words`: what else senders
    say, and for which of these it stands. `normal` is the one that means that all is well (others of its rank do, too),
    `informational` the one whose alerts are deleted early ('' for none), `previous` the one that an alert is thought to
    have had before its first signal. `usual` are those that the alarm model has by itself.
    """

    def __init__(
        self,
        ranks: Mapping[str, int] = SEVERITIES,
        *,
        colors: Mapping[str, str] | None = None,
        words: Mapping[str, str] | None = None,
        normal: str = "normal",
        informational: str = "informational",
        previous: str = "indeterminate",
        usual: Usual = ALERTA,
    ) -> None:
        self.ranks = ranks
        self._usual = usual
        self.codes: Mapping[str, int] = usual.codes if ranks is usual.ranks else ranks
        """The number of each, as clients of Alerta's `/config` expect."""
        self.own_colors = colors or {}
        self.normal = normal
        self.informational = informational
        self.previous = previous
        self.ordered: Sequence[str] = sorted(ranks, key=ranks.__getitem__)
        """The worst first."""
        self._problems = [name for name in self.ordered if ranks[name] < ranks[normal] and name != informational]
        derived = {word: self._meant(word) for word in SEVERITIES if word not in ranks}
        usually: Mapping[str, str] = usual.words if ranks is usual.ranks else {}
        self._words: Mapping[str, str] = {**derived, **usually, **(words or {})}
        self.known: Mapping[str, int] = {**ranks, **{word: ranks[name] for word, name in self._words.items()}}
        """The rank of every word that is understood."""
        self.looks: Mapping[str, str] = {name: self._look(name) for name in self.ordered}
        """What the pages draw for each, the worst first."""

    @property
    def colors(self) -> Mapping[str, str]:
        """A colour for each, as clients of Alerta's `/config` expect."""
        names = dict(self._usual.colors) if self.ranks is self._usual.ranks else {}
        known = {name: self._usual.colors.get(name) or _BY_LOOK[look] for name, look in self.looks.items()}
        return {**known, **names, **self.own_colors}

    def meaning(self, word: str) -> str:
        """Which severity the word stands for; one that is not understood stays as it is."""
        return word if word in self.ranks else self._words.get(word, word)

    def named(self, word: str) -> str:
        """Which severity the word stands for.

        Raises `Invalid` when it is not understood.
        """
        if word not in self.known:
            raise Invalid(f"Severity ({word}) is not one of {', '.join(self.ordered)}")
        return self.meaning(word)

    def is_normal(self, severity: str) -> bool:
        """Whether this severity means that all is well."""
        return self.ranks.get(severity) == self.ranks[self.normal]

    def is_harmless(self, word: str) -> bool:
        """Whether the word is understood, and stands for nothing worse than normal, or what is informational."""
        return word in self.known and self.meaning(word) not in self._problems

    def _meant(self, word: str) -> str:
        """Alerta's word among severities of our own: of problems the one that is as far down."""
        look = LOOKS[word]
        if look == "ok" or not self._problems:
            return self.normal
        if word in _WORDS_OF_PROBLEMS:
            at = max(0, _WORDS_OF_PROBLEMS.index(word) - 1)
            return self._problems[at * len(self._problems) // len(_PROBLEMS)]
        return self.previous if look == "unknown" else self.informational or self.normal

    def _look(self, name: str) -> str:
        if name in self._usual.looks:
            return self._usual.looks[name]
        if name in self._problems:
            return _PROBLEMS[self._problems.index(name) * len(_PROBLEMS) // len(self._problems)]
        return "ok" if self.is_normal(name) else "informational"


_BY_LOOK: Mapping[str, str] = MappingProxyType({look: COLORS[word] for word, look in reversed(list(LOOKS.items()))})


def trend(severities: Mapping[str, int], previous: str, current: str) -> str:
    """`moreSevere`, `lessSevere` or `noChange`; a severity that is not in the map counts as no change."""
    before, after = severities.get(previous), severities.get(current)
    if before is None or after is None or before == after:
        return "noChange"
    return "moreSevere" if after < before else "lessSevere"


DEFAULT = Severities()
"""Alerta's."""
