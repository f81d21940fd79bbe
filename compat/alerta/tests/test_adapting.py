"""Plug-ins, webhooks and rules of Alerta, asked as Watchbell asks its own."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest

from alerta.app import app
from alerta.exceptions import AlertaException, ApiError, InvalidAction, RateLimit, RejectException
from alerta.models.alert import Alert
from alerta.plugins import PluginBase
from alerta.webhooks import WebhookBase
from watchbell.config import Configuration
from watchbell.domain.alerts.alert import Alert as Stored
from watchbell.domain.errors import Conflict, Invalid, Missing, Refused, Throttled
from watchbell.domain.ids import AlertId
from watchbell.domain.signal import Signal
from watchbell.ports.alert_plugin import Action, Given, NoLookup
from watchbell.ports.webhook import Call
from watchbell.toolkit.alert_settings import Plugins
from watchbell.usecases.consulting import hooks_of
from watchbell_alerta import AlertaFinder, settings_of
from watchbell_alerta.adapting import AdaptedPlugin, rules_of, webhook_of

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SIGNAL = Signal(
    id="s-1",
    environment="Production",
    resource="web",
    event="Down",
    severity="major",
    service=("Shop",),
    tags=("a",),
    attributes={"x": 1},
    create_time=NOW,
    timeout=60,
    user="ann",
    source="api",
)
STORED = Stored(
    id=AlertId("a-1"),
    environment="Production",
    resource="web",
    event="Down",
    severity="major",
    status="open",
    tags=("a",),
    attributes={"x": 1},
    create_time=NOW,
    receive_time=NOW,
    last_receive_id="a-1",
    last_receive_time=NOW,
    update_time=NOW,
)


def plugin(**hooks):
    """A plug-in with these hooks besides the three that it must have."""
    usual = {
        "pre_receive": lambda self, alert, **_: alert,
        "post_receive": lambda self, alert, **_: None,
        "status_change": lambda self, alert, status, text, **_: None,
    }
    return AdaptedPlugin(type("Made", (PluginBase,), {**usual, **hooks})())


def raising(error):
    def hook(*_, **__):
        raise error

    return hook


def test_a_plug_in_has_the_hooks_that_it_overrides():
    assert hooks_of(plugin()) == {"pre_receive", "post_receive", "status_change"}
    assert "take_action" in hooks_of(plugin(take_action=lambda self, alert, *_: alert))


def test_one_that_lacks_a_hook_that_it_must_have_is_not_made():
    with pytest.raises(TypeError, match="abstract"):
        type("Half", (PluginBase,), {"pre_receive": lambda self, alert: alert})()


def test_a_signal_passes_unchanged():
    assert plugin().pre_receive(SIGNAL, Given()) == SIGNAL


def test_what_a_plug_in_writes_is_in_the_signal_and_who_sent_it_stays():
    def pre_receive(self, alert, **kwargs):
        assert alert.create_time == datetime(2026, 1, 1), "without a zone"
        alert.severity, alert.event_type, alert.raw_data = "minor", "other", {"a": 1}
        alert.tags += ["b", "a"]
        alert.attributes["y"], alert.attributes["x"] = 2, None
        alert.create_time = datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=1)))
        return alert

    signal = plugin(pre_receive=pre_receive).pre_receive(SIGNAL, Given())
    assert (signal.severity, signal.type, signal.raw_data, signal.tags) == ("minor", "other", {"a": 1}, ("a", "b"))
    assert (signal.attributes, signal.create_time) == ({"y": 2}, datetime(2026, 1, 1, 23, tzinfo=UTC))
    assert (signal.id, signal.user, signal.source) == ("s-1", "ann", "api")


@pytest.mark.parametrize("returned", [None, 7, {"resource": "web"}])
def test_one_that_returns_no_alert_fails(returned):
    with pytest.raises(TypeError, match="not the alert"):
        plugin(pre_receive=lambda self, alert, **_: returned).pre_receive(SIGNAL, Given())


def test_older_plug_ins_are_given_the_keywords_that_they_know():
    asked = []

    def take_action(self, alert, action, text):
        asked.append((action, text))
        return alert

    def post_action(self, alert, action, text, timeout=None):
        asked.append(timeout)

    def post_receive(self, alert, config):
        asked.append(config["A"])

    made = plugin(take_action=take_action, post_action=post_action, post_receive=post_receive)
    action = Action(word="ack", text="why", timeout=7)
    given = Given(config={"A": 1})
    made.take_action(STORED, action, given)
    made.post_action(STORED, action, given)
    made.post_receive(STORED, given)
    assert asked == [("ack", "why"), 7, 1]


@pytest.mark.parametrize(
    ("returned", "wanted"),
    [
        (lambda alert: alert, Action(word="ack", text="why", timeout=7)),
        (lambda alert: (alert, "close", "instead"), Action(word="close", text="instead", timeout=7)),
        (lambda alert: (alert, "close", "instead", 9), Action(word="close", text="instead", timeout=9)),
        (lambda alert: (alert, "ack", "why", None), Action(word="ack", text="why", timeout=7)),
    ],
    ids=["alert", "three", "four", "none"],
)
def test_what_an_action_may_return(returned, wanted):
    def take_action(self, alert, action, text, **kwargs):
        assert kwargs["timeout"] == 7
        alert.tag(["seen"])
        return returned(alert)

    made = plugin(take_action=take_action)
    answer = made.take_action(STORED, Action(word="ack", text="why", timeout=7), Given())
    assert (answer.action, answer.alert.tags) == (wanted, ("a", "seen"))


@pytest.mark.parametrize(
    "returned", [lambda a: (a, "b"), lambda a: ("x", a, "y"), lambda a: 7], ids=["two", "order", "no"]
)
def test_what_an_action_may_not_return(returned):
    made = plugin(take_action=lambda self, alert, *_, **__: returned(alert))
    with pytest.raises(TypeError, match="neither an alert"):
        made.take_action(STORED, Action(word="ack"), Given())


def test_what_a_change_of_status_and_a_note_may_return():
    made = plugin(
        status_change=lambda self, alert, status, text, **_: (alert, "ack", text + "!"),
        take_note=lambda self, alert, text, **_: (alert, text.upper()),
        delete=lambda self, alert, **_: False,
    )
    changed = made.status_change(STORED, "open", "why", Given())
    assert (changed.status, changed.text) == ("ack", "why!")
    assert made.take_note(STORED, "hello", Given()).text == "HELLO"
    assert made.delete(STORED, Given()) is False
    assert plugin().status_change(STORED, "open", "why", Given()) is None


def test_a_hook_that_is_not_implemented_is_passed_over():
    names = ("take_action", "post_action", "take_note", "delete", "status_change", "post_receive")
    made = plugin(**{name: raising(NotImplementedError()) for name in names})
    action = Action(word="ack")
    assert made.take_action(STORED, action, Given()) is None
    assert made.post_action(STORED, action, Given()) is None
    assert made.take_note(STORED, "x", Given()) is None
    assert made.status_change(STORED, "open", "x", Given()) is None
    assert made.post_receive(STORED, Given()) is None
    assert made.delete(STORED, Given())


@pytest.mark.parametrize(
    ("raised", "ours"),
    [
        (RejectException("no"), Refused),
        (RateLimit("no"), Throttled),
        (InvalidAction("no"), Conflict),
        (ApiError("no", 404), Missing),
        (ApiError("no", 422), Invalid),
        (AlertaException("no", 409), Conflict),
    ],
)
def test_what_plug_ins_raise_is_ours(raised, ours):
    with pytest.raises(ours, match="no"):
        plugin(pre_receive=raising(raised)).pre_receive(SIGNAL, Given())


def test_a_rate_limit_names_the_alert():
    with pytest.raises(Throttled, match="slow down") as raised:
        plugin(pre_receive=raising(RateLimit("slow down"))).pre_receive(SIGNAL, Given())
    assert raised.value.identifier == SIGNAL.id


def test_an_error_of_a_server_stays_a_fault():
    with pytest.raises(ApiError):
        plugin(pre_receive=raising(ApiError("no", 500))).pre_receive(SIGNAL, Given())


def test_a_rejected_action_is_400():
    with pytest.raises(Invalid):
        plugin(take_action=raising(RejectException("no"))).take_action(STORED, Action(word="ack"), Given())


@pytest.mark.parametrize(("received", "ours"), [(False, Invalid), (True, Refused)], ids=["operator", "signal"])
def test_a_rejected_status_is_400_for_people_and_403_for_what_comes(received, ours):
    """As the routes of Alerta answer: PUT …/status and …/action with 400, POST /alert with 403."""
    with pytest.raises(ours, match="no"):
        plugin(status_change=raising(RejectException("no"))).status_change(STORED, "ack", "", Given(received=received))


def test_settings_are_watchbells_under_alertas_names_and_those_of_this_alert(monkeypatch):
    configuration = Configuration(plugins=Plugins(alerts=["a"], settings={"ACK_TIMEOUT": 7, "MINE": 1}))
    found = settings_of(configuration)
    assert (found["ALLOWED_ENVIRONMENTS"], found["ACK_TIMEOUT"], found["MINE"]) == (["Production", "Development"], 7, 1)
    assert found["SEVERITY_MAP"]["critical"] == 1
    seen = []
    monkeypatch.setattr(Alert, "desk", Alert.desk)
    monkeypatch.setattr(app, "config", app.config)
    AlertaFinder().configure(configuration, NoLookup())
    made = plugin(post_receive=lambda self, alert, **kwargs: seen.append(kwargs["config"]))
    made.post_receive(STORED, Given(config={"MINE": 2}))
    assert (seen[0]["MINE"], seen[0]["ACK_TIMEOUT"]) == (2, 7)
    app.config.clear()


def test_rules_choose_objects_or_names():
    one, two = plugin(), plugin()
    plugins = {"one": one, "two": two}
    newer = rules_of(lambda alert, plugins, config: ([plugins["two"], "one"], {"A": config["A"] + alert.severity}))
    choice: Any = newer(SIGNAL, plugins, Given(config={"A": "x"}))
    assert (list(choice.plugins), choice.config) == (["two", "one"], {"A": "xmajor"})
    older = rules_of(lambda alert, plugins: list(plugins.values()))
    choice = older(STORED, plugins, Given())
    assert list(choice.plugins) == ["one", "two"]
    with pytest.raises(KeyError):
        rules_of(lambda alert, plugins: [object()])(STORED, plugins, Given())


class Echo(WebhookBase):
    """Gives back what it is given."""

    def incoming(self, path, query_string, payload):
        return {"path": path, "query": query_string.getlist("a"), "payload": payload}


@pytest.mark.parametrize(
    ("body", "kind", "payload"),
    [
        (b'{"a": [1]}', "application/json", {"a": [1]}),
        (b"a=1&b=2", "application/x-www-form-urlencoded", {"a": "1", "b": "2"}),
        (b"hello \xff", "text/plain", "hello \ufffd"),
    ],
    ids=["json", "form", "text"],
)
def test_a_webhook_is_given_path_query_and_body(body, kind, payload):
    call = Call(body=body, query={"a": "1"}, received=NOW, path="x/y", headers={"content-type": kind})
    reply = webhook_of(Echo)().read(call).reply([])
    assert reply.body == {"path": "x/y", "query": ["1"], "payload": payload}


def test_a_webhook_is_given_every_value_of_a_parameter():
    headers = {"content-type": "application/json"}
    call = Call(body=b"{}", query={"a": "1"}, repeated={"a": ["1", "2"]}, received=NOW, headers=headers)
    assert webhook_of(Echo)().read(call).reply([]).body["query"] == ["1", "2"]


@pytest.mark.parametrize(
    "returned", [None, 7, ({}, "ok"), ({}, 99), [7]], ids=["none", "number", "text", "code", "list"]
)
def test_a_webhook_that_returns_neither_alerts_nor_an_answer_fails(returned):
    made = webhook_of(type("Odd", (WebhookBase,), {"incoming": lambda self, path, query_string, payload: returned}))()
    with pytest.raises((TypeError, AttributeError)):
        made.read(Call(body=b"", received=NOW))


def test_an_alert_of_a_webhook_is_a_signal():
    def incoming(self, path, query_string, payload):
        return Alert("web", "Down", service=["Shop"], value=7, attributes={"when": datetime(2026, 1, 1)})

    (signal,) = (
        webhook_of(type("One", (WebhookBase,), {"incoming": incoming}))().read(Call(body=b"", received=NOW)).signals
    )
    assert (signal.resource, signal.service, signal.value) == ("web", ("Shop",), "7")
    assert signal.attributes == {"when": "2026-01-01T00:00:00"}
    assert msgspec.convert(msgspec.to_builtins(signal), Signal) == signal
