"""Logs of OpenTelemetry (OTLP 1), from JSON and from protocol buffers, as the same records.

Values of attributes are JSON-compatible: bytes are base64, times nanoseconds since 1970. A body that is small on the
wire may be huge inside: of one, only so many records, objects and fields are read.
"""

import base64
import struct
from collections.abc import Callable, Iterator
from typing import Any, Final, NamedTuple, cast

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.protobuf import Field, fields

DEPTH_MAX = 20
RECORDS_MAX: Final = 20_000
"""Records of one body that are read."""
OBJECTS_MAX: Final = 1_000_000
"""Objects and lists in JSON."""
FIELDS_MAX: Final = 1_000_000
"""Fields in protocol buffers: reading one takes a microsecond."""
_FIELDS_ENOUGH: Final = 500_000  # after them no further record is read
_RESOURCE_MAX: Final = 32_768  # bytes of a resource's attributes: each of its records has them
_RESOURCE_ATTRIBUTES_MAX: Final = 200
_SCOPE_MAX: Final = 1000  # characters


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


class Batch(NamedTuple):
    """What a body holds: the records that were read, and how many more there are."""

    records: list[LogRecord]
    beyond: int


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
    log_records: list[msgspec.Raw] = []
    """Not read yet: there may be more than are wanted."""


class _ResourceLogs(msgspec.Struct, frozen=True, rename="camel"):
    resource: _Resource = _Resource()
    scope_logs: list[_ScopeLogs] = []


class _Request(msgspec.Struct, frozen=True, rename="camel"):
    resource_logs: list[_ResourceLogs] = []


def from_json(body: bytes) -> Batch:
    """The records of an `ExportLogsServiceRequest` in JSON.

    Raises:
        Invalid: it is none, or holds too much.
    """
    if body.count(b"{") + body.count(b"[") > OBJECTS_MAX:
        raise Invalid(f"holds more than {OBJECTS_MAX} objects; send smaller batches", "body")
    found: list[LogRecord] = []
    beyond = 0
    for resourced in decode(_Request, body).resource_logs:
        filled = [scoped for scoped in resourced.scope_logs if scoped.log_records]
        if not filled:
            continue
        resource = _bounded(_json_attributes(resourced.resource.attributes[:_RESOURCE_ATTRIBUTES_MAX]))
        for scoped in filled:
            wanted = scoped.log_records[: RECORDS_MAX - len(found)]
            beyond += len(scoped.log_records) - len(wanted)
            found += [
                _from_json(decode(_Log, raw, f"logRecords[{number}]"), resource, scoped.scope.name[:_SCOPE_MAX])
                for number, raw in enumerate(wanted)
            ]
    return Batch(found, beyond)


def _from_json(log: _Log, resource: dict[str, Any], scope: str) -> LogRecord:
    return LogRecord(
        severity=_severity(log.severity_number),
        severity_text=log.severity_text,
        body=_json_value(log.body),
        time=_whole(log.time_unix_nano) or _whole(log.observed_time_unix_nano),
        event=log.event_name,
        scope=scope,
        attributes=_json_attributes(log.attributes),
        resource=resource,
        trace=log.trace_id,
        span=log.span_id,
    )


def _bounded(resource: dict[str, Any]) -> dict[str, Any]:
    """The attributes of a resource, up to the one that makes them too long."""
    left = _RESOURCE_MAX
    found: dict[str, Any] = {}
    for name, value in resource.items():
        left -= len(name) + len(msgspec.json.encode(value))
        if left < 0:
            break
        found[name] = value
    return found


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


def from_protobuf(body: bytes) -> Batch:
    """The records of an `ExportLogsServiceRequest` in protocol buffers.

    Raises:
        Invalid: it is none, or holds too much.
    """
    return _Wire().batch(body)


class _Wire:
    """Reads one body and counts the fields in it."""

    def __init__(self) -> None:
        self._left = FIELDS_MAX

    def batch(self, body: bytes) -> Batch:
        """Its records."""
        found: list[LogRecord] = []
        beyond = 0
        for resource_logs in self.inside(body, 1):
            resource: dict[str, Any] = {}
            for each in self.inside(resource_logs, 1):
                resource |= self.attributes(each, 1, most=_RESOURCE_ATTRIBUTES_MAX)
            resource = _bounded(resource)
            for scope_logs in self.inside(resource_logs, 2):
                scope = next((_text(name) for each in self.inside(scope_logs, 1) for name in self.inside(each, 1)), "")
                for log in self.inside(scope_logs, 2):
                    if len(found) < RECORDS_MAX and self._left > FIELDS_MAX - _FIELDS_ENOUGH:
                        found.append(self._record(log, resource, scope[:_SCOPE_MAX]))
                    else:
                        beyond += 1
        return Batch(found, beyond)

    def _fields(self, data: bytes) -> Iterator[Field]:
        for field in fields(data):
            self._left -= 1
            if self._left < 0:
                raise Invalid(f"holds more than {FIELDS_MAX} fields; send smaller batches", "body")
            yield field

    def inside(self, data: bytes, number: int) -> Iterator[bytes]:
        """The messages, texts or bytes of one number."""
        return (value for field, value in self._fields(data) if field == number and isinstance(value, bytes))

    def _record(self, data: bytes, resource: dict[str, Any], scope: str) -> LogRecord:
        values: dict[int, int | bytes] = {}
        attributes: dict[str, Any] = {}
        for number, value in self._fields(data):
            if number == _ATTRIBUTES and isinstance(value, bytes):
                self._add(attributes, value, 0)
            values[number] = value
        return LogRecord(
            severity=_number(values.get(2)),
            severity_text=_text(values.get(3)),
            body=self.any_value(_bytes(values.get(5))),
            time=_number(values.get(1)) or _number(values.get(11)),
            event=_text(values.get(12)),
            scope=scope,
            attributes=attributes,
            resource=resource,
            trace=_bytes(values.get(9)).hex(),
            span=_bytes(values.get(10)).hex(),
        )

    def attributes(self, data: bytes, number: int, depth: int = 0, most: int = OBJECTS_MAX) -> dict[str, Any]:
        """The values by their names, of at most so many."""
        found: dict[str, Any] = {}
        for entry in self.inside(data, number):
            if len(found) >= most:
                break
            self._add(found, entry, depth)
        return found

    def _add(self, found: dict[str, Any], entry: bytes, depth: int) -> None:
        pair = dict(self._fields(entry))
        found[_text(pair.get(1))] = self.any_value(_bytes(pair.get(2)), depth)

    def any_value(self, data: bytes, depth: int = 0) -> Any:
        """The first value of a kind that is known."""
        if depth > DEPTH_MAX:
            return None
        for number, value in self._fields(data):
            if number == _ARRAY:
                return [self.any_value(each, depth + 1) for each in self.inside(_bytes(value), 1)]
            if number == _PAIRS:
                return self.attributes(_bytes(value), 1, depth + 1)
            read = _KINDS.get(number)
            if read is not None:
                return read(value)
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


_ATTRIBUTES, _ARRAY, _PAIRS = 6, 5, 6
_KINDS: dict[int, Callable[[int | bytes], Any]] = {
    1: _text,
    2: lambda value: bool(_number(value)),
    3: _signed,
    4: _double,
    7: lambda value: base64.b64encode(_bytes(value)).decode(),
}
