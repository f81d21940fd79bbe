"""Avro binary encoding of records, made for one schema.

Flat records (scalars, and unions of null with a scalar) are encoded by look-up: each field has a table from value to
bytes, filled as values come and emptied when it is full. Most fields of an event repeat (sizes, user agents, types), so
most of a record is a join of bytes that exist already. Other schemas are left to fastavro. A value that does not fit
raises; nothing is changed by it.
"""

import io
import struct
from base64 import urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from operator import itemgetter
from typing import Any, cast

import fastavro

Encode = Callable[[dict[str, Any]], bytes]

DOES_NOT_FIT = (ValueError, TypeError, KeyError, AttributeError, OverflowError, struct.error)
"""What encoding raises for a record that does not fit the schema."""

_KEPT = 4096
_KEPT_TEXT = 256
_NULL = b"\x00"
_SECOND = b"\x02"
_FLOAT = struct.Struct("<f")
_DOUBLE = struct.Struct("<d")

# What fastavro says of its arguments is not complete.
_fastavro: Any = cast("Any", fastavro)
_schemas: Any = import_module("fastavro.schema")


def encode_long(number: int) -> bytes:
    """A long as Avro writes it: zig-zag, then seven bits to a byte, the lowest first."""
    number = (number << 1) ^ (number >> 63)
    if number <= 0x7F:
        return bytes((number,))
    out = bytearray()
    while number > 0x7F:
        out.append((number & 0x7F) | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def encode_bytes(data: bytes) -> bytes:
    """Bytes, or the UTF-8 of a string, as Avro writes them: the length, then the bytes."""
    return encode_long(len(data)) + data


def fingerprint(schema: dict[str, Any]) -> str:
    """Names a schema whatever its spelling: SHA-256 of its parsing canonical form, as base64url without padding."""
    canonical: str = _schemas.to_parsing_canonical_form(schema)
    return urlsafe_b64encode(sha256(canonical.encode()).digest()).decode().rstrip("=")


class _Table(dict[Any, bytes]):
    """Value → bytes for one field. Missing values are encoded, and kept while there is room.

    Values that are equal are one key (1, 1.0 and True), so the encoders take all of them or none.
    """

    def __init__(self, encode: Callable[[Any], bytes]) -> None:
        super().__init__()
        self._encode = encode

    def __missing__(self, value: Any) -> bytes:
        found = self._encode(value)
        if len(found) <= _KEPT_TEXT:
            if len(self) >= _KEPT:
                self.clear()
            self[value] = found
        return found


class _Unkept(_Table):
    """Keeps nothing: for floats, among which 0.0 and -0.0 are the same key."""

    def __missing__(self, value: Any) -> bytes:
        return self._encode(value)


def record_encoder(schema: dict[str, Any]) -> Encode:
    """What turns a record (field name → value; every field present) into Avro binary.

    The encoder raises one of `DOES_NOT_FIT` for a record that does not fit.
    """
    names = [field["name"] for field in schema["fields"]]
    tables = [table for field in schema["fields"] if (table := _table(field["type"])) is not None]
    if len(names) < 2 or len(tables) < len(names):
        return _any_schema(schema)
    values_of = itemgetter(*names)
    join = b"".join

    def encode(record: dict[str, Any]) -> bytes:
        return join([table[value] for table, value in zip(tables, values_of(record), strict=True)])

    return encode


def _any_schema(schema: dict[str, Any]) -> Encode:
    parsed = fastavro.parse_schema(schema)

    def encode(record: dict[str, Any]) -> bytes:
        out = io.BytesIO()
        _fastavro.schemaless_writer(out, parsed, record)
        return out.getvalue()

    return encode


def _table(kind: Any) -> _Table | None:
    """The table of a scalar type, or of its union with null in that order; None for other types."""
    nullable = isinstance(kind, list)
    if nullable:
        branches = cast("list[Any]", kind)
        if len(branches) != 2 or branches[0] != "null":
            return None
        kind = branches[1]
    encoder = _SCALARS.get(kind) if isinstance(kind, str) else None
    if encoder is None:
        return None
    make = _Unkept if kind in {"float", "double"} else _Table
    return make(_or_null(encoder) if nullable else encoder)


def _or_null(encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    def encode_nullable(value: Any) -> bytes:
        return _NULL if value is None else _SECOND + encode(value)

    return encode_nullable


def _boolean(value: Any) -> bytes:
    if value not in {0, 1}:
        raise TypeError(f"{value!r:.80} is not a boolean")
    return b"\x01" if value else b"\x00"


def _integer(bits: int) -> Callable[[Any], bytes]:
    least, most = -(1 << (bits - 1)), (1 << (bits - 1)) - 1

    def encode(value: Any) -> bytes:
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if not isinstance(value, int):
            raise TypeError(f"{value!r:.80} is not an integer")
        if not least <= value <= most:
            raise ValueError(f"{value} does not fit into {bits} bits")
        return encode_long(value)

    return encode


def _text(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"{value!r:.80} is not a string")
    return encode_bytes(value.encode())


def _binary(value: Any) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError(f"{value!r:.80} is not bytes")
    return encode_bytes(value)


_SCALARS: dict[str, Callable[[Any], bytes]] = {
    "boolean": _boolean,
    "int": _integer(32),
    "long": _integer(64),
    "float": _FLOAT.pack,
    "double": _DOUBLE.pack,
    "string": _text,
    "bytes": _binary,
}
