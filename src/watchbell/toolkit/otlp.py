"""Logs of OpenTelemetry (OTLP 1), from JSON and from protocol buffers, as the same records.

Values of attributes are JSON-compatible: bytes are base64, times nanoseconds since 1970.
"""

import base64
import struct
from collections.abc import Callable
from typing import Any, cast

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.protobuf import fields

DEPTH_MAX = 20


class LogRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One record with where it comes from."""

    severity: int = 0
    """1 to 24; 0 was not said."""
    severity_text: str = ""
    body: Any = None
    time: int = 0
    event: str = ""
    scope: str = ""
    attributes: dict[str, Any] = {}
    resource: dict[str, Any] = {}
    trace: str = ""
    span: str = ""


class _Attribute(msgspec.Struct, frozen=True):
    key: str
    value: dict[str, Any] | None = None


class _Resource(msgspec.Struct, frozen=True):
    attributes: list[_Attribute] = []


class _Scope(msgspec.Struct, frozen=True):
    name: str = ""


class _Log(msgspec.Struct, frozen=True, rename="camel"):
    time_unix_nano: str | int = 0
    observed_time_unix_nano: str | int = 0
    severity_number: int | str = 0
    severity_text: str = ""
    body: dict[str, Any] | None = None
    attributes: list[_Attribute] = []
    event_name: str = ""
    trace_id: str = ""
    span_id: str = ""


class _ScopeLogs(msgspec.Struct, frozen=True, rename="camel"):
    scope: _Scope = _Scope()
    log_records: list[_Log] = []


class _ResourceLogs(msgspec.Struct, frozen=True, rename="camel"):
    resource: _Resource = _Resource()
    scope_logs: list[_ScopeLogs] = []


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    resource_logs: list[_ResourceLogs] = []


def from_json(body: bytes) -> list[LogRecord]:
    """The records of an `ExportLogsServiceRequest` in JSON.

    Raises:
        Invalid: it is none.
    """
    return [
        LogRecord(
            severity=_severity(log.severity_number),
            severity_text=log.severity_text,
            body=_json_value(log.body),
            time=_whole(log.time_unix_nano) or _whole(log.observed_time_unix_nano),
            event=log.event_name,
            scope=scoped.scope.name,
            attributes=_json_attributes(log.attributes),
            resource=_json_attributes(resourced.resource.attributes),
            trace=log.trace_id,
            span=log.span_id,
        )
        for resourced in decode(_Request, body).resource_logs
        for scoped in resourced.scope_logs
        for log in scoped.log_records
    ]


def _severity(said: int | str) -> int:
    if isinstance(said, int):
        return said
    # Enumerations may stand by their name: SEVERITY_NUMBER_ERROR2.
    name = said.removeprefix("SEVERITY_NUMBER_")
    level = name.rstrip("234")
    first = {"TRACE": 1, "DEBUG": 5, "INFO": 9, "WARN": 13, "ERROR": 17, "FATAL": 21}.get(level, 0)
    return first + int(name.removeprefix(level) or 1) - 1 if first else 0


def _whole(said: str | int) -> int:
    if isinstance(said, int):
        return said
    return int(said) if said.isascii() and said.isdigit() and len(said) < 21 else 0


def _json_attributes(attributes: list[_Attribute]) -> dict[str, Any]:
    return {attribute.key: _json_value(attribute.value) for attribute in attributes}


def _json_value(value: dict[str, Any] | None, depth: int = 0) -> Any:
    if not value or depth > DEPTH_MAX:
        return None
    kind, inner = next(iter(value.items()))
    if kind == "intValue":
        return int(inner) if isinstance(inner, int | str) and str(inner).lstrip("-").isdigit() else None
    if kind not in {"arrayValue", "kvlistValue"}:
        return inner
    entries = cast("dict[str, Any]", inner).get("values") if isinstance(inner, dict) else None
    known = [cast("dict[str, Any]", entry) for entry in cast("list[Any]", entries or []) if isinstance(entry, dict)]
    if kind == "arrayValue":
        return [_json_value(entry, depth + 1) for entry in known]
    return {str(entry.get("key", "")): _json_value(entry.get("value"), depth + 1) for entry in known}


def from_protobuf(body: bytes) -> list[LogRecord]:
    """The records of an `ExportLogsServiceRequest` in protocol buffers.

    Raises:
        Invalid: it is none.
    """
    found: list[LogRecord] = []
    for resource_logs in _inside(body, 1):
        resource: dict[str, Any] = {}
        for each in _inside(resource_logs, 1):
            resource |= _attributes(each, 1)
        for scope_logs in _inside(resource_logs, 2):
            scope = next((_text(name) for each in _inside(scope_logs, 1) for name in _inside(each, 1)), "")
            found += [_record(log, resource, scope) for log in _inside(scope_logs, 2)]
    return found


def _inside(data: bytes, number: int) -> list[bytes]:
    return [value for field, value in fields(data) if field == number and isinstance(value, bytes)]


def _record(data: bytes, resource: dict[str, Any], scope: str) -> LogRecord:
    values = dict(fields(data))
    return LogRecord(
        severity=_number(values.get(2)),
        severity_text=_text(values.get(3)),
        body=_any_value(_bytes(values.get(5))),
        time=_number(values.get(1)) or _number(values.get(11)),
        event=_text(values.get(12)),
        scope=scope,
        attributes=_attributes(data, 6),
        resource=resource,
        trace=_bytes(values.get(9)).hex(),
        span=_bytes(values.get(10)).hex(),
    )


def _attributes(data: bytes, number: int, depth: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for entry in _inside(data, number):
        pair = dict(fields(entry))
        found[_text(pair.get(1))] = _any_value(_bytes(pair.get(2)), depth)
    return found


def _any_value(data: bytes, depth: int = 0) -> Any:
    if depth > DEPTH_MAX:
        return None
    for number, value in fields(data):
        read = _KINDS.get(number)
        if read is not None:
            return read(value, depth)
    return None


def _number(value: int | bytes | None) -> int:
    return value if isinstance(value, int) else 0


def _bytes(value: int | bytes | None) -> bytes:
    return value if isinstance(value, bytes) else b""


def _text(value: int | bytes | None) -> str:
    try:
        return _bytes(value).decode()
    except UnicodeDecodeError:
        raise Invalid("holds a text that is not UTF-8", "body") from None


def _signed(value: int | bytes) -> int:
    number = _number(value)
    return number - 2**64 if number >= 2**63 else number


def _double(value: int | bytes) -> float | None:
    found: float = struct.unpack("<d", _number(value).to_bytes(8, "little"))[0]
    return found if found - found == 0 else None  # JSON knows neither infinity nor NaN


_KINDS: dict[int, Callable[[int | bytes, int], Any]] = {
    1: lambda value, _: _text(value),
    2: lambda value, _: bool(_number(value)),
    3: lambda value, _: _signed(value),
    4: lambda value, _: _double(value),
    5: lambda value, depth: [_any_value(each, depth + 1) for each in _inside(_bytes(value), 1)],
    6: lambda value, depth: _attributes(_bytes(value), 1, depth + 1),
    7: lambda value, _: base64.b64encode(_bytes(value)).decode(),
}
