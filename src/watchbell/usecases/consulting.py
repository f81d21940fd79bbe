"""Consulting: asking plug-ins about signals and alerts, one after another, each in a thread, with a deadline.

Nothing is written here. A plug-in that fails, or is late, fails the request that it is asked for (`Permanent`,
`Retryable`, `Overloaded`), or with `strict=False` is logged and passed over. What it refuses on purpose it refuses.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, TypeVar

import msgspec
import structlog

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.amend import Amendment, Verdict, amended, amendment_of
from watchbell.domain.alerts.phase import UNDER_BLACKOUT
from watchbell.domain.alerts.policy import Limits, admit_attributes, admit_tags, admit_words
from watchbell.domain.alerts.severity import SEVERITIES
from watchbell.domain.alerts.timeouts import Timeouts
from watchbell.domain.errors import (
    Conflict,
    Diverted,
    Forbidden,
    Invalid,
    Missing,
    Overloaded,
    Permanent,
    Refused,
    Retryable,
    Throttled,
    WatchbellError,
)
from watchbell.domain.signal import Signal
from watchbell.ports.alert_plugin import (
    HOOKS,
    Action,
    AlertLookup,
    Answer,
    Choice,
    Given,
    NoLookup,
    Rules,
    every_plugin,
)
from watchbell.ports.telemetry import NullTelemetry, Telemetry
from watchbell.ports.threads import Late, NoThreads, Threads
from watchbell.usecases.calling import caller_now

REFUSALS = (Refused, Forbidden, Invalid, Missing, Conflict, Throttled, Diverted)
"""What a plug-in raises when it refuses on purpose."""
_OF_SIGNALS = frozenset({"pre_receive", "post_receive"})
RULES = "rules"
"""What the metrics call the rules, which are no plug-in."""

T = TypeVar("T")
_log = structlog.get_logger("plugins")


class Plugged(NamedTuple):
    """A plug-in, by the name that the settings have it under, and the hooks that it has."""

    name: str
    plugin: Any
    hooks: frozenset[str]


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """How plug-ins are asked. `timeout` is in seconds; `statuses` are those that an alert may have."""

    timeout: float = 5.0
    strict: bool = True
    config: Mapping[str, Any] = {}
    statuses: frozenset[str] = frozenset()
    severities: Mapping[str, int] = SEVERITIES
    timeouts: Timeouts = Timeouts()
    limits: Limits = Limits()


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """What plug-ins make of an action: what is to be done instead, and what changes besides.

    `severity` is None when they leave it as it is.
    """

    action: Action
    amendment: Amendment = Amendment()
    severity: str | None = None


class Failed(Exception):
    """A plug-in did not do what it must; `error` is what the caller hears, `again` whether to try once more."""

    def __init__(self, error: WatchbellError, *, again: bool) -> None:
        super().__init__(error.message)
        self.error = error
        self.again = again


class Rubbish(TypeError):
    """A plug-in returned what its hook cannot return."""


def hooks_of(plugin: Any) -> frozenset[str]:
    """The hooks that a plug-in has. One that says so itself has an attribute `hooks`."""
    said = getattr(plugin, "hooks", None)
    return frozenset(said) if said is not None else frozenset(h for h in HOOKS if callable(getattr(plugin, h, None)))


class Consulting:
    """Asks the plug-ins of this process; without any it is silent."""

    def __init__(
        self,
        plugins: Sequence[Plugged] = (),
        *,
        rules: Rules = every_plugin,
        threads: Threads | None = None,
        lookup: AlertLookup | None = None,
        telemetry: Telemetry | None = None,
        terms: Terms | None = None,
    ) -> None:
        self._plugins = {one.name: one for one in plugins}
        self._rules = rules
        self._threads: Threads = threads or NoThreads()
        self._lookup: AlertLookup = lookup or NoLookup()
        self._telemetry: Telemetry = telemetry or NullTelemetry()
        self._terms = terms or Terms()
        self._hooks = frozenset[str]().union(*(one.hooks for one in plugins))

    def asks(self, *hooks: str) -> bool:
        """Whether any plug-in has one of the hooks."""
        return not self._hooks.isdisjoint(hooks)

    async def pre_receive(self, signal: Signal) -> Signal:
        """The signal as plug-ins want it received. Raises what they refuse with."""
        for one, given in await self.wanted("pre_receive", signal):
            if signal.status in UNDER_BLACKOUT:
                break
            ask = partial(_signal, one.plugin, signal, given)
            signal = await self._decided(one, "pre_receive", ask, signal)
        return signal

    async def status_change(self, alert: Alert, status: str, text: str, *, received: bool = False) -> Verdict:
        """What becomes of a change of the alert's status; `received` is whether a signal is to change it.

        Raises what plug-ins refuse with.
        """
        shown, wanted, said = alert, status, text
        for one, given in await self.wanted("status_change", alert, received=received):
            ask = partial(self._answer, partial(one.plugin.status_change, shown, wanted, said, given))
            answer = await self._decided(one, "status_change", ask, Answer())
            shown = answer.alert or shown
            wanted = answer.status or wanted
            said = said if answer.text is None else answer.text
        return Verdict(
            was=alert.status,
            asked=status,
            status=wanted,
            text=None if said == text else said,
            amendment=amendment_of(alert, shown),
        )

    async def take_action(self, alert: Alert, action: Action) -> Taken:
        """What is to be done instead, and what changes besides. Raises what plug-ins refuse with."""
        shown = alert
        for one, given in await self.wanted("take_action", alert):
            ask = partial(self._answer, partial(one.plugin.take_action, shown, action, given))
            answer = await self._decided(one, "take_action", ask, Answer())
            shown, action = answer.alert or shown, answer.action or action
            if answer.severity is not None:
                shown = msgspec.structs.replace(shown, severity=answer.severity)
        severity = shown.severity if shown.severity != alert.severity else None
        return Taken(action=action, amendment=amendment_of(alert, shown), severity=severity)

    async def take_note(self, alert: Alert, text: str) -> tuple[Amendment, str]:
        """The note as plug-ins want it, and what changes besides. Raises what they refuse with."""
        shown = alert
        for one, given in await self.wanted("take_note", alert):
            ask = partial(self._answer, partial(one.plugin.take_note, shown, text, given))
            answer = await self._decided(one, "take_note", ask, Answer())
            shown, text = answer.alert or shown, text if answer.text is None else answer.text
        return amendment_of(alert, shown), text

    async def delete(self, alert: Alert) -> None:
        """Raises `Refused` when a plug-in does not want the alert to go, and what it refuses with."""
        for one, given in await self.wanted("delete", alert):
            ask = partial(one.plugin.delete, alert, given)
            if not await self._decided(one, "delete", ask, default=True):
                raise Refused(f"The plug-in {one.name!r} does not let this alert go.")

    async def inform(self, one: Plugged, hook: str, alert: Alert, action: Action, given: Given) -> Alert:
        """Tell one plug-in what has happened; the alert as it wants it.

        Raises:
            Failed: it failed.
        """
        work = one.plugin.post_receive if hook == "post_receive" else one.plugin.post_action
        ask = partial(work, alert, given) if hook == "post_receive" else partial(work, alert, action, given)

        def told() -> Alert:
            returned = ask()
            return alert if returned is None else self._amended(alert, returned)

        return await self._called(one, hook, told)

    async def wanted(
        self, hook: str, subject: Signal | Alert, user: str | None = None, *, received: bool = False
    ) -> list[tuple[Plugged, Given]]:
        """The plug-ins with this hook that the subject concerns, in their order, and what each is given."""
        if hook not in self._hooks or subject.status in UNDER_BLACKOUT:
            return []
        given = Given(
            config=self._terms.config,
            user=user or self._user(subject),
            received=received or hook in _OF_SIGNALS,
            address=caller_now().address,
            alerts=self._lookup,
            severities=self._terms.severities,
            timeouts=self._terms.timeouts,
        )
        choice = await self._chosen(subject, given)
        if choice.config:
            given = msgspec.structs.replace(given, config={**given.config, **choice.config})
        chosen = [self._plugins[name] for name in choice.plugins if name in self._plugins]
        return [(one, given) for one in chosen if hook in one.hooks]

    def _user(self, subject: Signal | Alert) -> str | None:
        principal = caller_now().principal
        if principal is not None:
            return principal.login
        return subject.user if isinstance(subject, Signal) else None

    async def _chosen(self, subject: Signal | Alert, given: Given) -> Choice:
        everyone = Choice(plugins=tuple(self._plugins))
        if self._rules is every_plugin:
            return everyone
        plugins = {name: one.plugin for name, one in self._plugins.items()}

        def choose() -> Choice:
            found = self._rules(subject, plugins, given)
            made = found if isinstance(found, Choice) else Choice(plugins=found)
            names = msgspec.convert(list(made.plugins), list[str])
            return Choice(plugins=names, config=dict(made.config))

        try:
            return await self._threads.run(RULES, choose, self._terms.timeout)
        except Exception as error:  # task edge: rules that fail must not leave an alert without its plug-ins
            self._telemetry.count("plugin_faults", plugin=RULES, hook="choose")
            _log.error("plugin_rules_failed", hint="all plug-ins are asked", exc_info=error)
            return everyone

    async def _decided(self, one: Plugged, hook: str, ask: Callable[[], T], default: T) -> T:
        try:
            return await self._called(one, hook, ask)
        except Failed as fault:
            if self._terms.strict:
                raise fault.error from fault
            return default

    async def _called(self, one: Plugged, hook: str, ask: Callable[[], T]) -> T:
        """Call; refusals come out as they are, all else as `Failed`."""
        started = time.perf_counter()
        where = f"The plug-in {one.name!r}"
        try:
            return await self._threads.run(where, ask, self._terms.timeout)
        except REFUSALS:
            raise
        except Late as error:
            fault = Failed(Retryable(error.message, self._terms.timeout), again=False)
            _log.error("plugin_late", plugin=one.name, hook=hook, seconds=self._terms.timeout)
        except Overloaded as error:
            fault = Failed(error, again=True)
            _log.error("plugin_busy", plugin=one.name, hook=hook, error=error.message)
        except Exception as error:  # task edge: whatever a plug-in does is its own fault, not the server's
            why = f"{where} failed in {hook}: {type(error).__name__}. The log says more."
            fault = Failed(Permanent(why), again=True)
            _log.error("plugin_failed", plugin=one.name, hook=hook, exc_info=error)
        finally:
            took = time.perf_counter() - started
            self._telemetry.observe("plugin_seconds", took, plugin=one.name, hook=hook)
        self._telemetry.count("plugin_faults", plugin=one.name, hook=hook)
        raise fault

    def _answer(self, ask: Callable[[], Any]) -> Answer:
        """What a hook returned, fit to be used. Runs in the hook's thread."""
        returned = ask()
        if returned is None:
            return Answer()
        if not isinstance(returned, Answer):
            raise Rubbish(f"returned {type(returned).__name__}, not an Answer")
        if returned.status is not None and returned.status not in self._terms.statuses:
            raise Rubbish(f"there is no status {returned.status!r}")
        if returned.severity is not None and returned.severity not in self._terms.severities:
            raise Rubbish(f"there is no severity {returned.severity!r}")
        if returned.action is not None:
            action = msgspec.convert(msgspec.to_builtins(returned.action), Action)
            if not action.word or (action.timeout or 0) < 0:
                raise Rubbish("returned an action without a word, or with a negative time-out")
            admit(self._terms.limits, action.text, action=action.word)
        admit(self._terms.limits, returned.text or "")
        shown = returned.alert
        return returned if shown is None else msgspec.structs.replace(returned, alert=fit(shown, self._terms.limits))

    def _amended(self, alert: Alert, returned: Any) -> Alert:
        """The alert with tags and attributes of the one that was returned."""
        if not isinstance(returned, Alert):
            raise Rubbish(f"returned {type(returned).__name__}, not an alert")
        return amended(alert, amendment_of(alert, fit(returned, self._terms.limits)))


def admit(limits: Limits, text: str, **words: str) -> None:
    """Check what a plug-in wrote; a fault of its own, not of the caller's."""
    try:
        admit_words(limits, text=text, **words)
    except Invalid as error:
        raise Rubbish(error.message) from error


def fit(alert: Alert, limits: Limits) -> Alert:
    """The alert with tags and attributes that can be stored."""
    tags = msgspec.convert(list(alert.tags), tuple[str, ...])
    attributes = msgspec.convert(msgspec.to_builtins(alert.attributes), dict[str, Any])
    try:
        admit_tags(tags, limits)
        admit_attributes(attributes, limits)
    except Invalid as error:
        raise Rubbish(error.message) from error
    return msgspec.structs.replace(alert, tags=tags, attributes=attributes)


def _signal(plugin: Any, signal: Signal, given: Given) -> Signal:
    """What `pre_receive` returned, with values that JSON has. Runs in the hook's thread."""
    returned = plugin.pre_receive(signal, given)
    if not isinstance(returned, Signal):
        raise Rubbish(f"returned {type(returned).__name__}, not a signal")
    return msgspec.convert(msgspec.to_builtins(returned), Signal)
