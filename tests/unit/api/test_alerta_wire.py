from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from watchbell.api.alerta_wire import (
    DATE_FORMAT,
    Defaults,
    alert_body,
    decode,
    decode_many,
    history_body,
    rich_history_body,
    signal_of,
)
from watchbell.api.times import moment
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.receive import receive
from watchbell.domain.errors import Invalid
from watchbell.domain.signal import UNSAID

NOW = datetime(2026, 1, 1, 12, 30, 15, 123999, tzinfo=UTC)
BASE = "http://host/api"
LEAST = {"resource": "web", "event": "Down"}


def signal(**more):
    return signal_of(decode(msgspec.json.encode(LEAST | more)), NOW, Defaults())


def test_what_is_not_said_has_a_default():
    read = signal()
    assert (read.environment, read.severity, read.status, read.group) == ("", "normal", "open", "Misc")
    assert (read.value, read.text, read.type, read.timeout) == (None, "", "exceptionAlert", UNSAID)
    assert (read.correlate, read.service, read.tags, read.attributes) == ((), (), (), {})
    assert (read.create_time, read.raw_data, read.customer, read.id) == (NOW, None, None, "")


def test_everything_that_is_said():
    read = signal(
        id="mine",
        environment="Production",
        severity="major",
        correlate=["Down", "Up"],
        status="ack",
        service=["Shop"],
        group="Web",
        value=5,
        text="t",
        tags=["a"],
        attributes={"k": [1]},
        origin="o",
        type="t",
        createTime="2026-01-02T03:04:05.678Z",
        timeout=0,
        rawData={"x": 1},
        customer="Acme",
    )
    assert (read.id, read.value, read.timeout, read.raw_data) == ("mine", "5", 0, {"x": 1})
    assert (read.correlate, read.service, read.tags) == (("Down", "Up"), ("Shop",), ("a",))
    assert (read.attributes, read.customer, read.status) == ({"k": [1]}, "Acme", "ack")
    assert read.create_time == datetime(2026, 1, 2, 3, 4, 5, 678000, tzinfo=UTC)


def test_unknown_fields_are_ignored():
    assert signal(href="x", duplicateCount=5, history=[]).resource == "web"


@pytest.mark.parametrize("value", ["text", 1.5, True, None, [1], {"a": 1}])
def test_only_a_whole_number_is_turned_into_text(value):
    assert signal(value=value).value == value


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"resource": ""}, 'Missing mandatory value for "resource"'),
        ({"resource": None}, 'Missing mandatory value for "resource"'),
        ({"event": ""}, 'Missing mandatory value for "event"'),
        ({"correlate": "Up"}, "correlate must be a list"),
        ({"service": "Shop"}, "service must be a list"),
        ({"service": {}}, "service must be a list"),
        ({"tags": "a"}, "tags must be a list"),
        ({"tags": 0}, "tags must be a list"),
        ({"attributes": []}, "attributes must be a JSON object"),
        ({"timeout": "60"}, "timeout must be an integer"),
        ({"timeout": 1.5}, "timeout must be an integer"),
        ({"timeout": True}, "timeout must be an integer"),
        ({"timeout": -1}, "Invalid negative 'timeout' value (-1)"),
        ({"customer": ""}, "customer must not be an empty string"),
        ({"createTime": "2026-01-01"}, DATE_FORMAT),
        ({"createTime": "2026-01-01T00:00:00Z"}, DATE_FORMAT),
        ({"createTime": "2026-01-01T00:00:00.000+00:00"}, DATE_FORMAT),
        ({"createTime": "2026-13-01T00:00:00.000Z"}, DATE_FORMAT),
        ({"createTime": 5}, DATE_FORMAT),
    ],
)
def test_alertas_own_messages(sent, message):
    with pytest.raises(Invalid) as refusal:
        signal(**sent)
    assert refusal.value.message == message


@pytest.mark.parametrize("field", ["id", "resource", "event", "environment", "severity", "status", "text", "customer"])
@pytest.mark.parametrize("value", [5, ["a"], {"a": 1}, True])
def test_texts_are_texts(field, value):
    with pytest.raises(Invalid, match=f"^{field}: must be a string"):
        signal(**{field: value})


@pytest.mark.parametrize("field", ["correlate", "service", "tags"])
def test_lists_hold_texts(field):
    with pytest.raises(Invalid, match=f"^{field}: must hold strings only"):
        signal(**{field: ["a", 1]})


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"x"',
        b"5",
        b'{"a":}',
        b"\xff",
        b'{"text":"\\ud800"}',
        b'{"value":NaN}',
        b'{"value":' + b"9" * 5000 + b"}",
        b'{"value":' + b"[" * 100_000,
    ],
)
def test_what_is_no_json_object_is_refused(body):
    with pytest.raises(Invalid, match="the body is not a JSON object"):
        decode(body)


def test_a_list_of_alerts():
    assert [sent.event for sent in decode_many(b'[{"event":"A"},{"event":"B"}]')] == ["A", "B"]
    with pytest.raises(Invalid, match="the body is not a JSON array of objects"):
        decode_many(b'{"event":"A"}')


@pytest.mark.parametrize(
    ("time", "text"),
    [
        (NOW, "2026-01-01T12:30:15.123Z"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
        (datetime.fromisoformat("2026-01-01T01:00:00+01:00"), "2026-01-01T00:00:00.000Z"),
    ],
)
def test_times_have_milliseconds_that_are_cut(time, text):
    assert moment(time) == text


def test_an_alert_on_the_wire():
    sent = signal(
        id="m1", severity="major", environment="Production", service=["Shop"], rawData="raw", value=1, timeout=86400
    )
    received = receive(sent, [], AlertaModel(), NOW)
    body = alert_body(received.alert, BASE, received.entries)
    time = "2026-01-01T12:30:15.123Z"
    (entry,) = cast("list[Any]", body.pop("history"))
    assert list(body) == sorted(body)
    assert msgspec.json.decode(msgspec.json.encode(body)) == {
        "attributes": {},
        "correlate": [],
        "correlation": None,
        "createTime": time,
        "customer": None,
        "duplicateCount": 0,
        "environment": "Production",
        "event": "Down",
        "flapping": False,
        "flappingChanges": 0,
        "flappingSince": None,
        "group": "Misc",
        "href": "http://host/api/alert/m1",
        "id": "m1",
        "inhibited": False,
        "inhibitedBy": None,
        "inhibitedUntil": None,
        "inhibition": None,
        "inhibits": None,
        "lastReceiveId": "m1",
        "lastReceiveTime": time,
        "origin": "watchbell",
        "previousSeverity": "indeterminate",
        "rawData": "raw",
        "receiveTime": time,
        "repeat": False,
        "resource": "web",
        "service": ["Shop"],
        "severity": "major",
        "status": "open",
        "tags": [],
        "text": "",
        "timeout": 86400,
        "trendIndication": "moreSevere",
        "type": "exceptionAlert",
        "updateTime": time,
        "value": "1",
    }
    assert list(entry) == sorted(entry)
    assert {name: entry[name] for name in ("id", "href", "type", "updateTime", "user", "timeout", "value")} == {
        "id": "m1",
        "href": "http://host/api/alert/m1",
        "type": "new",
        "updateTime": time,
        "user": None,
        "timeout": 86400,
        "value": "1",
    }


def test_lists_hide_the_raw_data():
    received = receive(signal(severity="major", rawData="raw"), [], AlertaModel(), NOW)
    assert alert_body(received.alert, BASE, raw=False)["rawData"] is None


def test_a_row_of_the_history_leaves_out_what_is_empty():
    received = receive(signal(severity="major"), [], AlertaModel(), NOW)
    row = rich_history_body(received.alert, received.entries[0], BASE)
    assert "value" not in row
    assert (row["resource"], row.get("severity"), row.get("status"), row["type"]) == ("web", "major", "open", "new")
    assert history_body(received.entries[0], BASE)["value"] is None
