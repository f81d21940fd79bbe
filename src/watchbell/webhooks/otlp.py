"""OpenTelemetry: log records by OTLP over HTTP, in JSON or protocol buffers; also on its standard path, `/v1/logs`.

Records of the level WARN and above become alerts: TRACE trace, DEBUG debug, INFO informational, WARN warning, ERROR
major, FATAL critical; without a number the level's text counts. `?minimum=error` asks for more (trace, debug, info,
warn, error, fatal), `?contains=<text>` takes only records whose body has the text. Nothing ever says that a problem is
over: such alerts expire (`?timeout=<seconds>`, `alerts.timeout` unless said).

The resource is the attribute `host.name`, else `k8s.pod.name`, `service.instance.id` or `service.name`; the service is
`service.name`. The event is the record's event name, the type of its exception, or the logger, so that the same trouble
is one alert however often it is logged. `?environment=` names the environment, whose names are Watchbell's, not those
of `deployment.environment.name`. Other attributes of the record become attributes, others of the resource tags.

An exporter needs a key in its headers: `x-api-key`, or `Authorization: Bearer …`. Of one call at most 1,000 records
become alerts, and the first 20,000 are looked at; the answer says how many were left out.
"""

from collections.abc import Iterable
from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call, Reading, Reply
from watchbell.toolkit.incoming import attributes, epoch, seconds, text_of, words
from watchbell.toolkit.otlp import LogRecord, from_json, from_protobuf

PROTOBUF = "application/x-protobuf"
MOST = 1000
TAGS_MAX = 100
LEVELS = {"trace": 1, "debug": 5, "info": 9, "warn": 13, "error": 17, "fatal": 21}
SEVERITIES = ("trace", "debug", "informational", "warning", "major", "critical")
WORDS = {"warning": "warn", "err": "error", "critical": "fatal", "emergency": "fatal", "alert": "fatal",
         "notice": "info", "information": "info"}  # fmt: skip
_RESOURCES = ("host.name", "k8s.pod.name", "service.instance.id", "service.name")


class Otlp:
    """Log records of OpenTelemetry."""

    name = "otlp"
    title = "OpenTelemetry logs"
    blocks = True
    """A batch takes a while to read: others are not to wait for it."""

    def read(self, call: Call) -> Reading:
        """A signal for each record that is grave enough."""
        binary = call.content_type == PROTOBUF
        batch = from_protobuf(call.body) if binary else from_json(call.body)
        grave = list(_grave(batch.records, call))
        signals = [_signal(record, level, call) for record, level in grave[:MOST]]
        left_out = len(grave) - len(signals) + batch.beyond
        return Reading(signals=signals, reply=lambda _: _reply(left_out, binary=binary))


def _grave(records: Iterable[LogRecord], call: Call) -> Iterable[tuple[LogRecord, int]]:
    minimum = call.query.get("minimum", "warn").lower()
    if minimum not in LEVELS:
        raise Invalid(f"is {minimum[:50]!r}, none of {', '.join(LEVELS)}", "minimum")
    part = call.query.get("contains", "")
    for record in records:
        level = _level(record)
        if level >= LEVELS[minimum] and part in text_of(record.body):
            yield record, level


def _level(record: LogRecord) -> int:
    if 1 <= record.severity <= 24:
        return record.severity
    word = record.severity_text.strip().lower()
    return LEVELS.get(WORDS.get(word, word), 0)


def _signal(record: LogRecord, level: int, call: Call) -> Signal:
    about = record.resource
    exception = text_of(record.attributes.get("exception.type"))
    named = text_of(record.attributes.get("event.name"))
    service = text_of(about.get("service.name"))
    body = text_of(record.body)
    traced = {"traceId": record.trace, "spanId": record.span}
    rest = {name: value for name, value in about.items() if name not in {*_RESOURCES} and text_of(value)}
    return Signal(
        id=new_id(),
        environment=call.query.get("environment", "Production"),
        resource=next((found for name in _RESOURCES if (found := text_of(about.get(name)))), "otlp")[:1000],
        event=(record.event or named or exception or record.scope or "Log")[:1000],
        severity=SEVERITIES[(level - 1) // 4],
        service=words(call.query.get("service", "")) or (service or "OpenTelemetry",),
        group=call.query.get("group", "Logs"),
        value=record.severity_text or None,
        text=(body or text_of(record.attributes.get("exception.message")))[:60_000],
        tags=tuple(_tag(name, value) for name, value in list(rest.items())[:TAGS_MAX]),
        attributes={**_readable(record.attributes), **attributes(traced)},
        origin=f"otlp/{record.scope}"[:1000] if record.scope else "otlp",
        type="logRecord",
        create_time=epoch(record.time / 1_000_000 if record.time else None, call.received),
        timeout=seconds(call.query.get("timeout", ""), "timeout"),
        raw_data=msgspec.json.encode(record).decode()[:200_000],
    )


def _tag(name: str, value: Any) -> str:
    line = " ".join(f"{name}={text_of(value)}".split())
    return line[:1000]


def _readable(given: dict[str, Any]) -> dict[str, Any]:
    """Attributes, with what is nested as text: names inside may have dots."""
    plain = {name: text_of(value) if isinstance(value, dict | list) else value for name, value in given.items()}
    return attributes(dict(list(plain.items())[:TAGS_MAX]))


def _reply(left_out: int, *, binary: bool) -> Reply:
    """`ExportLogsServiceResponse`, in the encoding of the request."""
    if binary:
        # partial_success (field 1), in it rejected_log_records (field 1).
        inner = b"" if not left_out else b"\x08" + _varint(left_out)
        body = b"" if not left_out else b"\x0a" + _varint(len(inner)) + inner
        return Reply(body=body, media_type=PROTOBUF)
    partial: dict[str, Any] = {"rejectedLogRecords": str(left_out)} if left_out else {}
    return Reply(body={"partialSuccess": partial})


def _varint(number: int) -> bytes:
    found = bytearray()
    while number > 0x7F:
        found.append(number & 0x7F | 0x80)
        number >>= 7
    found.append(number)
    return bytes(found)
