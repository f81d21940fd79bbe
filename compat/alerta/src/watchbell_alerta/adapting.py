"""Plug-ins, webhooks and rules of Alerta in the shape that Watchbell's have."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from alerta.app import app
from alerta.models.alert import Alert
from alerta.plugins import PluginBase
from watchbell.domain.alerts.alert import Alert as Stored
from watchbell.domain.signal import Signal
from watchbell.ports.alert_plugin import HOOKS, Action, Answer, Choice, Given, Rules
from watchbell.ports.webhook import Call, Reading, Reply
from watchbell.toolkit.form import form, is_form
from watchbell.toolkit.incoming import decode
from watchbell_alerta.refusing import refusals
from watchbell_alerta.translating import new_signal, of_signal, of_stored, of_subject, to_signal, to_stored


def accepted(function: Callable[..., Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Those of the keyword arguments that a function takes: older plug-ins know of none."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return dict(given)
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return dict(given)
    named = {p.name for p in parameters if p.kind in {p.KEYWORD_ONLY, p.POSITIONAL_OR_KEYWORD}}
    return {name: value for name, value in given.items() if name in named}


def settings_for(given: Given) -> dict[str, Any]:
    """What hooks find in `config`: Alerta's settings, with those of this alert over them."""
    return {**app.config, **given.config}


class AdaptedPlugin:
    """A plug-in of Alerta; `inner` is it. `hooks` are those that it overrides."""

    def __init__(self, inner: Any) -> None:
        self.inner = inner
        self.hooks = frozenset(hook for hook in HOOKS if _overrides(inner, hook))

    def pre_receive(self, signal: Signal, given: Given) -> Signal:
        """See `AlertPlugin`."""
        alert = of_signal(signal)
        with refusals(signal.id, incoming=True):
            returned = self._call(self.inner.pre_receive, alert, given=given)
        if not isinstance(returned, Alert):
            raise TypeError(f"pre_receive returned {type(returned).__name__}, not the alert")
        return to_signal(returned, signal)

    def post_receive(self, alert: Stored, given: Given) -> Stored | None:
        """See `AlertPlugin`."""
        with refusals(alert.id):
            returned = self._optional(self.inner.post_receive, of_stored(alert), given=given)
        return to_stored(returned, alert) if isinstance(returned, Alert) else None

    def status_change(self, alert: Stored, status: str, text: str, given: Given) -> Answer | None:
        """See `AlertPlugin`."""
        with refusals(alert.id, incoming=given.received):
            returned = self._optional(self.inner.status_change, of_stored(alert), status, text, given=given)
        changed, *said = _tuple(returned, 3)
        if changed is None:
            return None
        return Answer(alert=to_stored(changed, alert), status=said[0] or None, text=said[1])

    def take_action(self, alert: Stored, action: Action, given: Given) -> Answer | None:
        """See `AlertPlugin`."""
        with refusals(alert.id):
            returned = self._acting(self.inner.take_action, alert, action, given)
        changed, *said = _tuple(returned, 4, 3)
        if changed is None:
            return None
        word, text, timeout = said
        taken = Action(
            word=word or action.word,
            text=action.text if text is None else text,
            timeout=timeout if timeout is not None else action.timeout,
        )
        severity = changed.severity if changed.severity != alert.severity else None
        return Answer(alert=to_stored(changed, alert), severity=severity, action=taken)

    def post_action(self, alert: Stored, action: Action, given: Given) -> Stored | None:
        """See `AlertPlugin`."""
        with refusals(alert.id):
            changed, *_ = _tuple(self._acting(self.inner.post_action, alert, action, given), 4, 3)
        return None if changed is None else to_stored(changed, alert)

    def take_note(self, alert: Stored, text: str, given: Given) -> Answer | None:
        """See `AlertPlugin`."""
        with refusals(alert.id):
            returned = self._optional(self.inner.take_note, of_stored(alert), text, given=given)
        changed, said = _tuple(returned, 2)
        return None if changed is None else Answer(alert=to_stored(changed, alert), text=said)

    def delete(self, alert: Stored, given: Given) -> bool:
        """See `AlertPlugin`."""
        try:
            with refusals(alert.id):
                return bool(self._call(self.inner.delete, of_stored(alert), given=given))
        except NotImplementedError:
            return True

    def _acting(self, hook: Callable[..., Any], alert: Stored, action: Action, given: Given) -> Any:
        return self._optional(hook, of_stored(alert), action.word, action.text, given=given, timeout=action.timeout)

    def _optional(self, hook: Callable[..., Any], *arguments: Any, given: Given, **more: Any) -> Any:
        try:
            return self._call(hook, *arguments, given=given, **more)
        except NotImplementedError:
            return None

    def _call(self, hook: Callable[..., Any], *arguments: Any, given: Given, **more: Any) -> Any:
        return hook(*arguments, **accepted(hook, {"config": settings_for(given), **more}))


def _overrides(plugin: Any, hook: str) -> bool:
    own = getattr(plugin.__class__, hook, None)
    return callable(own) and own is not getattr(PluginBase, hook)


def _tuple(returned: Any, *lengths: int) -> tuple[Any, ...]:
    """What a hook returned as (alert, …) of the first length, filled up with None; all None for nothing."""
    whole = lengths[0]
    if not returned:
        return (None,) * whole
    parts = cast("tuple[Any, ...]", returned) if isinstance(returned, tuple) else (returned,)
    if not isinstance(parts[0], Alert) or len(parts) not in {1, *lengths}:
        raise TypeError(f"returned {returned!r:.200}, neither an alert nor a tuple that begins with one")
    return parts + (None,) * (whole - len(parts))


def plugin_of(cls: Callable[[], Any]) -> Callable[[], AdaptedPlugin]:
    """What makes the plug-in of a class."""
    return lambda: AdaptedPlugin(cls())


def rules_of(rules: Callable[..., Any]) -> Rules:
    """Routing rules."""

    def choose(subject: Signal | Stored, plugins: Mapping[str, Any], given: Given) -> Choice:
        theirs = {
            name: plugin.inner if isinstance(plugin, AdaptedPlugin) else plugin for name, plugin in plugins.items()
        }
        found = rules(of_subject(subject), theirs, **accepted(rules, {"config": settings_for(given)}))
        chosen, config = cast(
            "tuple[Sequence[Any], Mapping[str, Any]]", found if isinstance(found, tuple) else (found, {})
        )
        names = {id(plugin): name for name, plugin in theirs.items()}
        wanted = [one if isinstance(one, str) else names[id(one)] for one in chosen]
        return Choice(plugins=wanted, config=dict(config))

    return choose


class Query(dict[str, str]):
    """The query, with what Alerta's webhooks ask of one."""

    def __init__(self, first: Mapping[str, str], repeated: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(first)
        self._repeated = repeated or {}

    def getlist(self, name: str) -> list[str]:
        """All values of a parameter."""
        return list(self._repeated.get(name) or ([self[name]] if name in self else []))

    def to_dict(self) -> dict[str, str]:
        """A plain dictionary."""
        return dict(self)


def webhook_of(cls: Callable[[], Any]) -> type:
    """A class of Watchbell's webhooks that reads by one of Alerta's."""

    class AdaptedWebhook:
        """Reads by a webhook of Alerta."""

        blocks = True

        def __init__(self) -> None:
            self.inner = cls()

        def read(self, call: Call) -> Reading:
            """See `Webhook`."""
            arguments = {
                "path": call.path,
                "query_string": Query(call.query, call.repeated),
                "payload": payload_of(call),
            }
            with refusals(incoming=True):
                return reading_of(self.inner.incoming(**accepted(self.inner.incoming, arguments)))

    return AdaptedWebhook


def payload_of(call: Call) -> Any:
    """The body: JSON, a form, or a text."""
    if call.content_type.endswith("json"):
        return decode(object, call.body)
    if is_form(call):
        return Query(form(call))
    return call.body.decode("utf-8", "replace")


def reading_of(returned: Any) -> Reading:
    """What a webhook returned: an alert, several, or an answer of its own, with a status code or without."""
    if isinstance(returned, Alert):
        return Reading(signals=[new_signal(returned)])
    if isinstance(returned, list):
        return Reading(signals=[new_signal(one) for one in cast("list[Alert]", returned)])
    body, status = cast("tuple[Any, Any]", returned if isinstance(returned, tuple) else (returned, 200))
    if not isinstance(body, dict | str | bytes) or not isinstance(status, int) or not 200 <= status < 600:
        raise TypeError(f"the webhook returned {returned!r:.200}, which is no alert and no answer")
    kind = "application/json" if isinstance(body, dict) else "text/plain; charset=utf-8"
    sent = body.encode() if isinstance(body, str) else msgspec.to_builtins(body)
    reply = Reply(body=sent, status=status, media_type=kind)
    return Reading(reply=lambda _: reply)
