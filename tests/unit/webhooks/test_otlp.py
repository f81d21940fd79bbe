"""Log records of OpenTelemetry: both encodings say the same, and what becomes of it."""

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchbell.domain.errors import Invalid
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call, Reading
from watchbell.toolkit.otlp import FIELDS_MAX, OBJECTS_MAX, RECORDS_MAX, from_json, from_protobuf
from watchbell.webhooks.otlp import MOST, PROTOBUF, Otlp

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
NANOS = 1767225600_000_000_000


def attribute(key: str, value: Any) -> dict[str, Any]:
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    return {"key": key, "value": {"stringValue": value}}


LOG = {
    "timeUnixNano": str(NANOS),
    "severityNumber": 17,
    "severityText": "Error",
    "body": {"stringValue": "payment failed"},
    "attributes": [attribute("exception.type", "TimeoutError"), attribute("retries", -3), attribute("ratio", 0.5),
                   attribute("final", True)],
    "traceId": "5b8efff798038103d269b633813fc60c",
    "spanId": "eee19b7ec3c1b174",
}  # fmt: skip


def request(*logs: Any, **resource: Any) -> dict[str, Any]:
    """A request as the protocol's documentation shows it."""
    about = resource or {"service.name": "shop", "host.name": "web01", "cloud.region": "eu"}
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": [attribute(name, value) for name, value in about.items()]},
                "scopeLogs": [{"scope": {"name": "my.library"}, "logRecords": list(logs)}],
            }
        ]
    }


def tagged(number: int, kind: int) -> bytes:
    return varint(number << 3 | kind)


def varint(value: int) -> bytes:
    value %= 2**64
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def inside(number: int, content: bytes | str) -> bytes:
    raw = content.encode() if isinstance(content, str) else content
    return tagged(number, 2) + varint(len(raw)) + raw


def any_value(value: dict[str, Any]) -> bytes:
    """`AnyValue` on the wire, written by the book."""
    ((kind, inner),) = value.items()
    written: dict[str, Callable[[], bytes]] = {
        "stringValue": lambda: inside(1, inner),
        "boolValue": lambda: tagged(2, 0) + varint(int(inner)),
        "intValue": lambda: tagged(3, 0) + varint(int(inner)),
        "doubleValue": lambda: tagged(4, 1) + struct.pack("<d", inner),
        "arrayValue": lambda: inside(5, b"".join(inside(1, any_value(each)) for each in inner["values"])),
        "kvlistValue": lambda: inside(6, b"".join(inside(1, pair(each)) for each in inner["values"])),
    }
    return written[kind]()


def pair(entry: dict[str, Any]) -> bytes:
    return inside(1, entry["key"]) + inside(2, any_value(entry["value"]))


def wire(message: dict[str, Any]) -> bytes:
    """The same request in protocol buffers."""
    whole = b""
    for resourced in message["resourceLogs"]:
        about = b"".join(inside(1, pair(each)) for each in resourced["resource"]["attributes"])
        scopes = b""
        for scoped in resourced["scopeLogs"]:
            logs = b"".join(inside(2, wire_log(log)) for log in scoped["logRecords"])
            scopes += inside(2, inside(1, inside(1, scoped["scope"]["name"])) + logs)
        whole += inside(1, inside(1, about) + scopes)
    return whole


def wire_log(log: dict[str, Any]) -> bytes:
    found = tagged(1, 1) + struct.pack("<Q", int(log.get("timeUnixNano", 0)))
    found += tagged(2, 0) + varint(log.get("severityNumber", 0)) + inside(3, log.get("severityText", ""))
    if "body" in log:
        found += inside(5, any_value(log["body"]))
    found += b"".join(inside(6, pair(each)) for each in log.get("attributes", []))
    found += tagged(8, 5) + struct.pack("<I", 1)
    found += inside(9, bytes.fromhex(log.get("traceId", ""))) + inside(10, bytes.fromhex(log.get("spanId", "")))
    return found + inside(12, log.get("eventName", ""))


def read(message: dict[str, Any], *, binary: bool = False, **query: str) -> Reading:
    raw = wire(message) if binary else msgspec.json.encode(message)
    headers = {"content-type": PROTOBUF if binary else "application/json"}
    return Otlp().read(Call(body=raw, query=query, received=NOW, headers=headers))


def signals(*logs: Any, **query: str) -> list[Signal]:
    return list(read(request(*logs), binary=False, **query).signals)


NESTED = {"body": {"kvlistValue": {"values": [{"key": "a", "value": {"arrayValue": {"values": [{"intValue": 1}]}}}]}}}


@pytest.mark.parametrize("log", [LOG, {**LOG, **NESTED}, {"severityNumber": 21, "eventName": "Down"}, {}])
def test_both_encodings_say_the_same(log: dict[str, Any]):
    message = request(log)
    assert from_protobuf(wire(message)) == from_json(msgspec.json.encode(message))


@pytest.mark.parametrize("binary", [False, True])
def test_an_error_becomes_a_signal(binary: bool):
    reading = read(request(LOG), binary=binary)
    (signal,) = reading.signals
    assert (signal.resource, signal.event, signal.severity) == ("web01", "TimeoutError", "major")
    assert (signal.service, signal.group, signal.value) == (("shop",), "Logs", "Error")
    assert (signal.text, signal.origin, signal.type) == ("payment failed", "otlp/my.library", "logRecord")
    assert signal.tags == ("cloud.region=eu",)
    assert signal.attributes == {
        "exception_type": "TimeoutError",
        "retries": -3,
        "ratio": 0.5,
        "final": True,
        "traceId": LOG["traceId"],
        "spanId": LOG["spanId"],
    }
    assert signal.create_time == datetime(2026, 1, 1, tzinfo=UTC)
    assert reading.reply is not None
    reply = reading.reply(())
    assert reply.status == 200
    assert reply.body == (b"" if binary else {"partialSuccess": {}})


@pytest.mark.parametrize(
    ("number", "severity"),
    [(13, "warning"), (16, "warning"), (17, "major"), (20, "major"), (21, "critical"), (24, "critical")],
)
def test_the_number_is_the_severity(number: int, severity: str):
    (signal,) = signals({**LOG, "severityNumber": number})
    assert signal.severity == severity


@pytest.mark.parametrize("number", [0, 1, 9, 12, 25, -1])
def test_what_is_not_grave_is_no_alert(number: int):
    assert signals({**LOG, "severityNumber": number, "severityText": ""}) == []


@pytest.mark.parametrize(
    ("word", "severity"), [("WARNING", "warning"), ("err", "major"), ("Critical", "critical"), ("warn", "warning")]
)
def test_without_a_number_the_word_counts(word: str, severity: str):
    (signal,) = signals({"severityText": word, "body": {"stringValue": "x"}})
    assert signal.severity == severity


def test_a_number_may_stand_by_its_name():
    (signal,) = signals({"severityNumber": "SEVERITY_NUMBER_ERROR2"})
    assert signal.severity == "major"
    assert signals({"severityNumber": "SEVERITY_NUMBER_OTHER"}) == []


def test_the_query_asks_for_more_or_less():
    info = {**LOG, "severityNumber": 9}
    assert [signal.severity for signal in signals(info, minimum="info")] == ["informational"]
    assert signals(LOG, minimum="fatal") == []
    assert signals(LOG, contains="refund") == []
    assert len(signals(LOG, contains="payment")) == 1
    (signal,) = signals(LOG, environment="Development", service="a,b", group="g", timeout="60")
    assert (signal.environment, signal.service, signal.group, signal.timeout) == ("Development", ("a", "b"), "g", 60)
    with pytest.raises(Invalid, match="minimum: is 'loud'"):
        signals(LOG, minimum="loud")


def test_what_names_resource_and_event():
    bare = {"severityNumber": 17}
    (named,) = read(request({**bare, "eventName": "Down"}, **{"k8s.pod.name": "p", "service.name": "s"})).signals
    assert (named.resource, named.event) == ("p", "Down")
    (logged,) = read(request(bare, **{"service.name": "s"})).signals
    assert (logged.resource, logged.event, logged.service) == ("s", "my.library", ("s",))
    (least,) = read(request(bare, x=1)).signals
    assert (least.resource, least.service) == ("otlp", ("OpenTelemetry",))


@pytest.mark.parametrize("binary", [False, True])
def test_what_is_too_many_is_told(binary: bool):
    reading = read(request(*[{"severityNumber": 17}] * (MOST + 200)), binary=binary)
    assert len(reading.signals) == MOST
    assert reading.reply is not None
    body = reading.reply(()).body
    assert body == (
        inside(1, tagged(1, 0) + varint(200)) if binary else {"partialSuccess": {"rejectedLogRecords": "200"}}
    )


def test_they_are_read_off_the_event_loop():
    assert Otlp.blocks


@pytest.mark.parametrize("binary", [False, True])
def test_of_very_many_records_the_first_are_looked_at(binary: bool):
    reading = read(request(*[{"severityNumber": 9}] * RECORDS_MAX, *[LOG] * 100), binary=binary)
    assert reading.signals == []
    assert reading.reply is not None
    body = reading.reply(()).body
    assert body == (
        inside(1, tagged(1, 0) + varint(100)) if binary else {"partialSuccess": {"rejectedLogRecords": "100"}}
    )


@pytest.mark.parametrize("piece", [b"{},", b"[],", b'{"logRecords":[]},'])
def test_what_is_small_on_the_wire_and_huge_inside_is_refused_in_json(piece: bytes):
    many = b'{"resourceLogs":[{"scopeLogs":[%s{}]}]}' % (piece * OBJECTS_MAX)
    with pytest.raises(Invalid, match="more than 1000000 objects"):
        from_json(many)


def test_what_is_small_on_the_wire_and_huge_inside_is_refused_in_protocol_buffers():
    with pytest.raises(Invalid, match="more than 1000000 fields"):
        from_protobuf(inside(1, inside(2, inside(2, tagged(99, 0) + b"\x01")) * 2) * FIELDS_MAX)


def test_records_in_protocol_buffers_are_looked_at_while_they_do_not_take_long():
    record = inside(2, b"\x10\x11" * 1000)
    batch = from_protobuf(inside(1, inside(2, record * 1000)))
    assert len(batch.records) + batch.beyond == 1000
    assert 400 < len(batch.records) < 600


@pytest.mark.parametrize("binary", [False, True])
def test_a_resource_that_is_huge_is_not_repeated_in_each_of_its_records(binary: bool):
    about = {"service.name": "shop", **{f"a{number}": "x" * 10_000 for number in range(1000)}}
    reading = read(request(*[{"severityNumber": 17}] * MOST, **about), binary=binary)
    assert reading.signals[0].service == ("shop",)
    assert sum(len(signal.raw_data) for signal in reading.signals) < 40_000 * MOST
    many = read(request({"severityNumber": 17}, **{f"a{number}": "x" for number in range(1000)}), binary=binary)
    assert msgspec.json.encode(many.signals[0].raw_data).count(b":") < 300


@pytest.mark.parametrize("cut", [1, 5, 30])
def test_a_message_that_is_cut_off_is_refused(cut: int):
    with pytest.raises(Invalid, match="ends in the middle"):
        from_protobuf(wire(request(LOG))[:-cut])


@pytest.mark.parametrize(
    ("raw", "why"), [(b"\x0b", "wire type 3"), (b"\x80" * 11, "does not end"), (inside(1, b"\x80"), "in the middle")]
)
def test_what_is_no_message(raw: bytes, why: str):
    with pytest.raises(Invalid, match=why):
        from_protobuf(raw)


def test_values_that_json_cannot_say():
    values = [tagged(4, 1) + struct.pack("<d", float("nan")), inside(7, b"\x00\xff"), b"", tagged(9, 0) + b"\x01"]
    pairs = b"".join(inside(6, inside(1, f"k{number}") + inside(2, value)) for number, value in enumerate(values))
    (record,) = from_protobuf(inside(1, inside(2, inside(2, pairs)))).records
    assert record.attributes == {"k0": None, "k1": "AP8=", "k2": None, "k3": None}
    with pytest.raises(Invalid, match="not UTF-8"):
        from_protobuf(inside(1, inside(2, inside(2, inside(3, b"\xff")))))


def test_nesting_has_an_end():
    deep: bytes = inside(1, "x")
    for _ in range(200):
        deep = inside(5, inside(1, deep))
    (record,) = from_protobuf(inside(1, inside(2, inside(2, inside(5, deep))))).records
    assert msgspec.json.encode(record.body).count(b"[") < 30


@given(st.binary(max_size=200))
def test_any_bytes_are_refused_or_read(raw: bytes):
    try:
        from_protobuf(raw)
    except Invalid as refusal:
        assert refusal.field == "body"  # noqa: PT017 - either is right, an unexpected error is not
