"""Plug-ins that take part in what becomes of alerts, and the rules that say which of them an alert concerns.

Every hook is optional: what a plug-in does not have, it is not asked. Hooks are plain functions, run in a thread of
their own, outside of any transaction, and may block up to `plugins.timeout`. Several may run at the same time.

A hook that decides (`pre_receive`, `status_change`, `take_action`, `take_note`, `delete`) may refuse by raising
`Refused` (403), `Invalid` (400), `Conflict` (409), `Throttled` (429), or `Diverted` (202: it has taken care of it).
Whatever else it raises is a fault of the plug-in, and so is a deadline that passes.

`post_receive` and `post_action` run after the commit, in the keeper, at least once, in order for each alert. Raising
has them tried again some times; a deadline that passes does not.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from watchbell.domain.alerts.alert import Alert, HistoryEntry
from watchbell.domain.alerts.severity import SEVERITIES
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.signal import Signal

DECIDING = ("pre_receive", "status_change", "take_action", "take_note", "delete")
INFORMED = ("post_receive", "post_action")
HOOKS = (*DECIDING, *INFORMED)


class AlertLookup(Protocol):
    """What a plug-in may look up. Blocks; only for the thread of a hook. Sees the alerts of all customers."""

    def alert(self, name: str) -> Alert | None:
        """An alert by its id or the beginning of it, as it stands. Raises `Retryable` when the store is away."""
        ...

    def history(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        """The newest entries of an alert's history, oldest first."""
        ...


class NoLookup:
    """Finds nothing."""

    def alert(self, name: str) -> Alert | None:
        """Nothing."""
        del name
        return None

    def history(self, alert_id: str, limit: int = 100) -> list[HistoryEntry]:
        """Nothing."""
        del alert_id, limit
        return []


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """What every hook is given besides what it is about."""

    config: Mapping[str, Any] = {}
    """`plugins.settings`, with what the rules put in their place for this alert."""
    user: str | None = None
    """The login of who caused it; None when time or Watchbell itself did."""
    received: bool = False
    """Whether a signal that came caused it; else a person or time did."""
    address: str = ""
    """The address of who caused it, as far as proxies are believed; empty when no request did."""
    alerts: AlertLookup = NoLookup()
    severities: Mapping[str, int] = SEVERITIES
    """The severities of this installation, each with its rank: the lower, the worse."""
    timeouts: Timeouts = Timeouts()
    """How long things last here when nobody says."""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """What is done to an alert. `timeout` is in seconds; None takes the usual."""

    word: str
    text: str = ""
    timeout: int | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a hook that decides wants otherwise; None leaves it as it is.

    Of `alert` only tags and attributes count; `severity` is for `take_action` only.
    """

    alert: Alert | None = None
    severity: str | None = None
    status: str | None = None
    text: str | None = None
    action: Action | None = None


class AlertPlugin(Protocol):
    """All hooks; a plug-in has those that it wants. They are called in the order of the setting `plugins.alerts`."""

    def pre_receive(self, signal: Signal, given: Given) -> Signal:
        """Before a signal that came from outside is received: it, or another in its place.

        One with the status `blackout` is shown to no further plug-in.
        """
        ...

    def post_receive(self, alert: Alert, given: Given) -> Alert | None:
        """After a signal was received, whatever its source; the alert is as the signal left it.

        What is returned has its tags and attributes stored.
        """
        ...

    def status_change(self, alert: Alert, status: str, text: str, given: Given) -> Answer | None:
        """Before a signal or a person changes the alert's status to `status`; `alert` is as it stands before."""
        ...

    def take_action(self, alert: Alert, action: Action, given: Given) -> Answer | None:
        """Before a person acts on an alert. An action that nobody else knows is the plug-in's own."""
        ...

    def post_action(self, alert: Alert, action: Action, given: Given) -> Alert | None:
        """After an action, whether a person did it, an incident or time; the alert is as the action left it."""
        ...

    def take_note(self, alert: Alert, text: str, given: Given) -> Answer | None:
        """Before a note is written."""
        ...

    def delete(self, alert: Alert, given: Given) -> bool:
        """Before a person deletes an alert: whether it may go."""
        ...


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """Which plug-ins an alert concerns, by name, and what counts for them instead of settings of the same names."""

    plugins: Sequence[str]
    config: Mapping[str, Any] = {}


Rules = Callable[[Signal | Alert, Mapping[str, Any], Given], Choice | Sequence[str]]
"""(what it is about, the plug-ins by name in their order, what hooks are given): the choice.

Runs in a thread, as hooks do. Whatever it raises, and a deadline that passes, is logged, and all plug-ins are asked.
"""


def every_plugin(subject: Signal | Alert, plugins: Mapping[str, Any], given: Given) -> Choice:
    """All of them: the rules where there are none."""
    del subject, given
    return Choice(plugins=tuple(plugins))
