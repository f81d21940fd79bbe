"""What becomes of alerts: the sections `alerts`, `flapping` and `plugins` of the settings."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.isa_model import IsaModel
from watchbell.domain.alerts.model import ACTIONS, AlarmModel
from watchbell.domain.alerts.severity import ALERTA, ISA, Severities, Usual
from watchbell.domain.alerts.timeouts import LONGEST_TIMEOUT, Timeouts
from watchbell.toolkit.settings import Settings

LONGEST_CALL = 60
MOST_CALLS = 256
LOWEST = 1000
"""The largest rank."""
NAME = re.compile(r"(?=.{1,40}$)[\w.-]+(?: [\w.-]+)*")
"""What severities and actions may be called."""
COLOR = re.compile(r"[A-Za-z]{3,30}|#(?:[0-9A-Fa-f]{3}|[0-9A-Fa-f]{6})")
"""A colour's name, or its red, green and blue in hexadecimal digits."""


class Alerts(Settings, frozen=True):
    """What alerts have when their senders do not say, and what is let in."""

    model: Literal["ALERTA", "ISA_18_2"] = "ALERTA"
    """The alarm model: the severities and statuses that there are, and what follows from what.

    `ALERTA` is Alerta's own. `ISA_18_2` is that of ANSI/ISA 18.2: severities from `Critical` to `OK`, and the statuses
    `NORM`, `UNACK`, `ACKED`, `RTNUN`, `SHLVD`, `DSUPR` and `OOSRV`.
    """
    timeout: int = 86400
    """Seconds after its last message that an alert expires; 0 is never."""
    ack_timeout: int = 0
    """Seconds that an acknowledgement lasts; 0 is for ever."""
    shelve_timeout: int = 7200
    """Seconds that an alert stays shelved; 0 is for ever."""
    heartbeat_timeout: int = 86400
    """Seconds without a word after which an origin's heartbeat has failed; 0 is never."""
    heartbeat_events: list[str] = msgspec.field(default_factory=lambda: ["Heartbeat"])
    """Events whose alerts are heartbeats of their origin instead. Empty: none are."""
    heartbeat_latency: int = 2000
    """Milliseconds that a heartbeat may take to arrive; beyond it its origin counts as slow."""
    blackout_duration: int = 3600
    """Seconds that a blackout lasts."""
    history_limit: int = 100
    """How many entries of its history an alert keeps: the newest."""
    value_history: bool = True
    """Whether the history says when the value changed, and nothing else."""
    actions: list[str] = []
    """Words of one's own for what people do to alerts, such as `createIssue`.

    The pages and Alerta's have a button for each, and the history says who pressed it. No status changes.
    """
    action_timeouts: dict[str, int] = {}
    """Seconds that the history says of these actions, unless the caller gives a time-out.

    For `ack` and `shelve`, set `ack_timeout` and `shelve_timeout`. Of actions that are not named it says the alert's.
    """
    refused_origins: list[str] = []
    """Regular expressions; an alert whose origin begins with a match of one is refused."""
    severities: dict[str, int] = {}
    """The severities, each with its rank: the lower, the worse. Empty are those of the alarm model."""
    severity_colors: dict[str, str] = {}
    """Colours of severities, such as `"#b00020"` or `"orange"`, instead of those that they have by their rank."""
    severity_words: dict[str, str] = {}
    """What senders call severities, and which of ours each word stands for.

    Words of Alerta's that are no severities here, such as `critical`, stand for the one that is as bad; say another.
    Vendors' webhooks may say any word; one that is here means what it says.
    """
    normal_severity: str = ""
    """The severity that means all is well; all others of its rank mean it, too.

    Empty is `normal`, and `OK` by `ISA_18_2`.
    """
    informational_severity: str = ""
    """The severity whose alerts go after `retention.informational_alerts`; empty is `informational` if there is one."""
    previous_severity: str = ""
    """The severity that an alert is thought to have had before its first message.

    Empty is `indeterminate` if there is one, otherwise the one that means all is well.
    """

    def alarm_model(self) -> AlarmModel:
        """The model, with the severities of this installation. They must be sound: see `severity_faults`."""
        return IsaModel(self.scale()) if self.model == "ISA_18_2" else AlertaModel(self.scale())

    def scale(self) -> Severities:
        """The severities of this installation. They must be sound: see `severity_faults`."""
        usual = self._usual()
        ranks = self.severities or usual.ranks
        return Severities(
            ranks,
            colors=self.severity_colors,
            words=self.severity_words,
            normal=self._normal(),
            informational=self.informational_severity or (usual.informational if usual.informational in ranks else ""),
            previous=self.previous_severity or (usual.previous if usual.previous in ranks else self._normal()),
            usual=usual,
        )

    def _usual(self) -> Usual:
        return ISA if self.model == "ISA_18_2" else ALERTA

    def _normal(self) -> str:
        return self.normal_severity or self._usual().normal

    def severity_faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the severities: the setting's key and the reason."""
        ranks = self.severities or self._usual().ranks
        yield from _rank_faults(self.severities)
        given = {
            "normal_severity": self._normal(),
            "informational_severity": self.informational_severity,
            "previous_severity": self.previous_severity,
        }
        for key, name in given.items():
            if name and name not in ranks:
                yield f"alerts.{key}", _no_severity(name, ranks)
        normal = ranks.get(self._normal())
        if normal is not None and min(ranks.values()) >= normal:
            yield "alerts.severities", f"none is worse than {self._normal()!r}. Give that a higher number."
        for name, color in self.severity_colors.items():
            key = f"alerts.severity_colors.{name[:40]}"
            if name not in ranks:
                yield key, _no_severity(name, ranks)
            if not COLOR.fullmatch(color):
                yield key, f"{color[:40]!r} is no colour. Write orange, or #b00020."
        yield from _word_faults(self.severity_words, ranks)

    def action_faults(self) -> Iterator[tuple[str, str]]:
        """What is wrong with the actions: the setting's key and the reason."""
        for number, action in enumerate(self.actions):
            key = f"alerts.actions[{number}]"
            if not NAME.fullmatch(action):
                yield key, "is no name. Use letters, digits, spaces and _ . - in up to 40 characters."
            elif action in ACTIONS:
                yield key, f"is an action of the alarm model. Leave {action!r} out."
            elif action in self.actions[:number]:
                yield key, f"names {action!r} twice."
        for action, seconds in self.action_timeouts.items():
            key = f"alerts.action_timeouts.{action[:40]}"
            if action not in self.actions:
                yield key, "is none of alerts.actions."
            if not 0 <= seconds <= LONGEST_TIMEOUT:
                yield key, f"must be from 0 to {LONGEST_TIMEOUT} seconds."

    def timeouts(self) -> Timeouts:
        """How long things last."""
        return Timeouts(
            alert=self.timeout,
            ack=self.ack_timeout,
            shelve=self.shelve_timeout,
            heartbeat=self.heartbeat_timeout,
            blackout=self.blackout_duration,
            actions=self.action_timeouts,
        )


def _rank_faults(ranks: Mapping[str, int]) -> Iterator[tuple[str, str]]:
    for name, rank in ranks.items():
        key = f"alerts.severities.{name[:40]}"
        if not NAME.fullmatch(name):
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
    """Plug-ins that take part in what becomes of alerts, and other installations that are told of them.

    The api and the keepers use them: in a cluster these need the same distributions and the same settings.
    """

    alerts: list[str] = []
    """Names of the alert plug-ins, in the order in which they are asked. Each must be built in or installed."""
    routing: str = ""
    """Name of the rules that choose, for each alert, which of the plug-ins it concerns. Empty: all of them."""
    forward: list[dict[str, Any]] = []
    """Other installations, of Watchbell or Alerta, that are told of alerts: tables `[[plugins.forward]]`.

    The page on forwarding has their settings. Needs `server.base_url`, by which loops are recognised.
    """
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
