"""What becomes of alerts: the sections `alerts`, `flapping` and `plugins` of the settings."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from watchbell.domain.alerts import severity
from watchbell.domain.alerts.severity import Severities
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.toolkit.settings import Settings

LONGEST_CALL = 60
MOST_CALLS = 256
LOWEST = 1000
"""The largest rank."""
_NAME = re.compile(r"(?=.{1,40}$)[\w.-]+(?: [\w.-]+)*")
COLOR = re.compile(r"[A-Za-z]{3,30}|#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
"""A colour's name, or its red, green and blue in hexadecimal digits."""


class Alerts(Settings, frozen=True):
    """What alerts have when their senders do not say, and what is let in."""

    timeout: int = 86400
    """Seconds after its last message that an alert expires; 0 is never."""
    ack_timeout: int = 0
    """Seconds that an acknowledgement lasts; 0 is for ever."""
    shelve_timeout: int = 7200
    """Seconds that an alert stays shelved; 0 is for ever."""
    heartbeat_timeout: int = 86400
    """Seconds without a word after which an origin's heartbeat has failed; 0 is never."""
    heartbeat_latency: int = 2000
    """Milliseconds that a heartbeat may take to arrive; beyond it its origin counts as slow."""
    blackout_duration: int = 3600
    """Seconds that a blackout lasts."""
    value_history: bool = True
    """Whether the history says when the value changed, and nothing else."""
    refused_origins: list[str] = []
    """Regular expressions; an alert whose origin begins with a match of one is refused."""
    severities: dict[str, int] = {}
    """The severities, each with its rank: the lower, the worse. Empty is Alerta's, from `security` to `unknown`."""
    severity_colors: dict[str, str] = {}
    """Colours of severities, such as `"#b00020"` or `"orange"`, instead of those that they have by their rank."""
    severity_words: dict[str, str] = {}
    """What senders call severities, and which of ours each word stands for.

    Words of Alerta's that are no severities here, such as `critical`, stand for the one that is as bad; say another.
    """
    normal_severity: str = "normal"
    """The severity that means all is well; all others of its rank mean it, too."""
    informational_severity: str = ""
    """The severity whose alerts go after `retention.informational_alerts`; empty is `informational` if there is one."""
    previous_severity: str = ""
    """The severity that an alert is thought to have had before its first message.

    Empty is `indeterminate` if there is one, otherwise the one that means all is well.
    """

    def scale(self) -> Severities:
        """The severities of this installation. They must be sound: see `severity_faults`."""
        ranks = self.severities or severity.SEVERITIES
        return Severities(
            ranks,
            colors=self.severity_colors,
            words=self.severity_words,
            normal=self.normal_severity,
            informational=self.informational_severity or ("informational" if "informational" in ranks else ""),
            previous=self.previous_severity or ("indeterminate" if "indeterminate" in ranks else self.normal_severity),
        )

    def severity_faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the severities: the setting's key and the reason."""
        ranks = self.severities or severity.SEVERITIES
        yield from _rank_faults(self.severities)
        for key in ("normal_severity", "informational_severity", "previous_severity"):
            name = getattr(self, key)
            if name not in ranks and (name or key == "normal_severity"):
                yield f"alerts.{key}", _no_severity(name, ranks)
        normal = ranks.get(self.normal_severity)
        if normal is not None and min(ranks.values()) >= normal:
            yield "alerts.severities", f"none is worse than {self.normal_severity!r}. Give that a higher number."
        for name, color in self.severity_colors.items():
            key = f"alerts.severity_colors.{name[:40]}"
            if name not in ranks:
                yield key, _no_severity(name, ranks)
            if not COLOR.fullmatch(color):
                yield key, f"{color[:40]!r} is no colour. Write orange, or #b00020."
        yield from _word_faults(self.severity_words, ranks)

    def timeouts(self) -> Timeouts:
        """How long things last."""
        return Timeouts(
            alert=self.timeout,
            ack=self.ack_timeout,
            shelve=self.shelve_timeout,
            heartbeat=self.heartbeat_timeout,
            blackout=self.blackout_duration,
        )


def _rank_faults(ranks: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for name, rank in ranks.items():
        key = f"alerts.severities.{name[:40]}"
        if not _NAME.fullmatch(name):
            yield key, "is no name. Use letters, digits, spaces and _ . - in up to 40 characters."
        if not 0 <= rank <= LOWEST:
            yield key, f"must be from 0 to {LOWEST}."


def _word_faults(words: Mapping[str, str], ranks: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for word, name in words.items():
        key = f"alerts.severity_words.{word[:40]}"
        if word in ranks:
            yield key, "is a severity itself."
        elif name not in ranks:
            yield key, _no_severity(name, ranks)


def _no_severity(name: str, ranks: Mapping[str, int]) -> str:
    return f"there is no severity {name[:40]!r}; there are {', '.join(ranks)}."


class Flapping(Settings, frozen=True):
    """When an alert counts as flapping, and how often people hear of one. On-call tells once, then by digest."""

    changes: int = 5
    """Changes of severity within `window` that make an alert flap; 0 recognises none."""
    window: float = 1800
    """Seconds in which the changes are counted."""
    calm: float = 900
    """Seconds without a change after which an alert flaps no more."""
    digest: float = 3600
    """Seconds after which people hear again of an alert that goes on flapping; 0 is never."""


class Plugins(Settings, frozen=True):
    """Plug-ins of other distributions that take part in what becomes of alerts.

    The api and the keepers use them: in a cluster these need the same distributions and the same settings.
    """

    alerts: list[str] = []
    """Names of the alert plug-ins, in the order in which they are asked. Each must be installed."""
    routing: str = ""
    """Name of the rules that choose, for each alert, which of the plug-ins it concerns. Empty: all of them."""
    settings: dict[str, Any] = {}
    """Settings for the plug-ins, under the names that these give them; the values are shown nowhere."""
    timeout: float = 5
    """Seconds that a call of a plug-in may take, after as many in which it may wait for its turn."""
    concurrency: int = 8
    """Calls of one plug-in at the same time, in each process."""
    raise_on_error: bool = True
    """Whether a plug-in that fails, or is late, fails the request that it is asked for (502, 503).

    Otherwise it is logged and passed over.
    """

    def faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong with them: the setting's key and the reason."""
        if not 0 < self.timeout <= LONGEST_CALL:
            yield "plugins.timeout", f"must be more than 0 and at most {LONGEST_CALL} seconds."
        if not 1 <= self.concurrency <= MOST_CALLS:
            yield "plugins.concurrency", f"must be from 1 to {MOST_CALLS}."
        if len(set(self.alerts)) < len(self.alerts):
            yield "plugins.alerts", "names one twice."
        if self.routing and not self.alerts:
            yield "plugins.routing", "has nothing to choose from. Set plugins.alerts."
