"""Alerts as plug-ins know them, and what they ask of their settings."""

from datetime import UTC, datetime, timedelta

import pytest

from alerta.app import app
from alerta.models.alert import Alert
from alerta.models.history import History
from alerta.plugins import PluginBase
from alerta.utils.format import DateTime

CREATED = datetime(2026, 1, 31, 12, 0, 0, 123000)


class Desk:
    def __init__(self, *alerts, history=()):
        self.alerts = {alert.id: alert for alert in alerts}
        self.entries = list(history)
        self.asked = 0

    def find(self, name):
        return next((alert for identifier, alert in self.alerts.items() if identifier.startswith(name)), None)

    def history(self, alert_id):
        self.asked += 1
        return self.entries


@pytest.fixture
def desk(monkeypatch):
    def at(*alerts, history=()):
        desk = Desk(*alerts, history=history)
        monkeypatch.setattr(Alert, "desk", desk)
        return desk

    return at


def severity_change(ago):
    now = datetime.now(UTC).replace(tzinfo=None)
    return History(id="h", event="e", change_type="severity", update_time=now - timedelta(seconds=ago))


def test_what_is_parsed_is_what_senders_write(desk):
    desk()
    alert = Alert.parse(
        {
            "resource": "web",
            "event": "Down",
            "createTime": "2026-01-31T12:00:00.123Z",
            "correlate": ["Up"],
            "value": 7,
            "type": "myAlert",
            "rawData": "raw",
            "timeout": 5,
        }
    )
    assert (alert.create_time, alert.correlate, alert.value) == (CREATED, ["Up", "Down"], "7")
    assert (alert.event_type, alert.raw_data, alert.timeout) == ("myAlert", "raw", 5)
    assert (alert.environment, alert.status, alert.group, alert.tags, alert.attributes) == ("", "open", "Misc", [], {})
    body = alert.get_body()
    assert (body["createTime"], body["type"], body["rawData"]) == ("2026-01-31T12:00:00.123Z", "myAlert", "raw")
    assert len(body) == 29


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"resource": ""}, 'Missing mandatory value for "resource"'),
        ({"event": None}, 'Missing mandatory value for "event"'),
        ({"tags": "x"}, "tags must be a list"),
        ({"attributes": []}, None),
        ({"attributes": [1]}, "attributes must be a JSON object"),
        ({"attributes": {"a.b": 1}}, "Attribute keys must not contain"),
        ({"timeout": "5"}, "timeout must be an integer"),
        ({"timeout": -1}, "Invalid negative 'timeout' value"),
        ({"createTime": "yesterday"}, "dates must be ISO 8601"),
        ({"customer": ""}, "customer must not be an empty string"),
    ],
)
def test_what_cannot_be_parsed_says_why(wrong, why):
    sent = {"resource": "web", "event": "Down", **wrong}
    if why is None:
        assert Alert.parse(sent).attributes == {}
        return
    with pytest.raises(ValueError, match=why):
        Alert.parse(sent)


def test_the_history_is_looked_up_when_it_is_asked_for(desk):
    entries = [severity_change(ago) for ago in (4000, 300, 200, 100)]
    at = desk(history=entries)
    alert = Alert("web", "Down", id="0123456789")
    assert alert.get_body(history=False)["history"] == []
    assert at.asked == 0
    assert len(alert.get_body()["history"]) == 4
    assert alert.is_flapping()
    assert not alert.is_flapping(window=150, count=2)
    assert not alert.is_flapping(count=3)
    assert at.asked == 1
    assert alert.get_id(short=True) == "01234567"


def test_another_alert_is_found_by_the_beginning_of_its_id(desk):
    alert = Alert("web", "Down", id="abc-1", customer="ours")
    desk(alert)
    assert Alert.find_by_id("abc") is alert
    assert Alert.find_by_id("abc", customers=["ours"]) is alert
    assert Alert.find_by_id("abc", customers=["theirs"]) is None
    assert Alert.find_by_id("x") is None


def test_without_a_server_nothing_is_looked_up():
    with pytest.raises(RuntimeError, match="no server"):
        Alert.find_by_id("abc")


def test_tags_and_attributes_are_changed_in_place():
    alert = Alert("web", "Down", tags=["a"], attributes={"x": 1})
    assert alert.tag(["b", "a"]).tags == ["a", "b"]
    assert alert.untag(["a"]).tags == ["b"]
    assert alert.update_tags(["c", "c"]).tags == ["c"]
    assert alert.update_attributes({"x": None, "y": 2}) == {"y": 2}
    alert.status = "blackout"
    assert alert.is_suppressed


def test_times_are_read_and_written_as_alerta_does():
    assert DateTime.iso8601(CREATED) == "2026-01-31T12:00:00.123Z"
    assert DateTime.iso8601(CREATED.replace(tzinfo=UTC)) == "2026-01-31T12:00:00.123Z"
    assert DateTime.parse("2026-01-31T12:00:00.123Z") == CREATED
    assert DateTime.parse(None) is None


@pytest.mark.parametrize(
    ("variable", "wanted", "found"),
    [
        ("yes", bool, True),
        ("1", bool, True),
        ("no", bool, False),
        ("a,b", list, ["a", "b"]),
        ("7", int, 7),
        ("seven", int, "the default"),
        ("text", None, "text"),
    ],
)
def test_a_variable_of_the_environment_wins(monkeypatch, variable, wanted, found):
    monkeypatch.setenv("MY_SETTING", variable)
    config = {"MY_SETTING": "the file's"}
    assert PluginBase.get_config("MY_SETTING", default="the default", type=wanted, config=config) == found


def test_without_a_variable_the_settings_count_and_then_the_default(monkeypatch):
    monkeypatch.setitem(app.config, "MY_SETTING", "the server's")
    assert PluginBase.get_config("MY_SETTING", config={"MY_SETTING": "this alert's"}) == "this alert's"
    assert PluginBase.get_config("MY_SETTING") == "the server's"
    assert PluginBase.get_config("MY_OTHER", default=7, config={}) == 7
