"""Structs to rows and back.

A column has the name of the struct's field; fields that need more have a codec of their own.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Column, Table

from watchbell.adapters.store.alert_filter import text_of
from watchbell.adapters.store.sql import tables
from watchbell.domain.alerts.alert import Alert, HistoryEntry, Identity

Struct = TypeVar("Struct", bound=msgspec.Struct)
Row = dict[str, Any]


class Codec(Generic[Struct]):
    """Rows of `table` for structs of `kind`; columns that are not fields are left out when reading."""

    def __init__(self, kind: type[Struct], table: Table) -> None:
        self.kind = kind
        self.table = table
        self.names: tuple[str, ...] = kind.__struct_fields__
        self.columns: list[Column[Any]] = [table.c[name] for name in self.names]

    def row(self, item: Struct) -> Row:
        """The row to be written."""
        return msgspec.structs.asdict(item)

    def rows(self, items: Iterable[Struct]) -> list[Row]:
        """The rows to be written."""
        return [self.row(item) for item in items]

    def struct(self, values: Sequence[Any]) -> Struct:
        """The struct from the values of `columns`."""
        return self.kind(**dict(zip(self.names, values, strict=True)))

    def structs(self, rows: Iterable[Sequence[Any]]) -> list[Struct]:
        """The structs from rows of `columns`."""
        return [self.struct(row) for row in rows]


def pack(value: Any) -> tuple[str | None, bool]:
    """A value of any type as (its text, whether the text is JSON)."""
    return text_of(value), not (value is None or isinstance(value, str))


def unpack(text: str | None, is_json: Any) -> Any:
    """The value that was packed."""
    return msgspec.json.decode(text) if is_json and text is not None else text


def identity_key(identity: Identity) -> str:
    """A short text that is different for each identity."""
    return hashlib.blake2b(_joined(identity), digest_size=20).hexdigest()


def subject_key(identity: Identity) -> int:
    """A signed 64-bit number for (environment, resource, customer). Others may have the same."""
    return lock_key("subject", identity.environment, identity.resource, identity.customer)


def lock_key(*parts: str) -> int:
    """A signed 64-bit number for the parts."""
    return int.from_bytes(hashlib.blake2b(_joined(parts), digest_size=8).digest(), signed=True)


def _joined(parts: Iterable[str]) -> bytes:
    # JSON keeps apart what a separator could not.
    return msgspec.json.encode(tuple(parts))


class AlertCodec(Codec[Alert]):
    """Alerts: values of any type get their text beside the mark that it is JSON."""

    def __init__(self) -> None:
        super().__init__(Alert, tables.alerts)
        self.columns += [tables.alerts.c.value_is_json, tables.alerts.c.raw_data_is_json]

    def row(self, item: Alert) -> Row:
        row = msgspec.structs.asdict(item)
        row["customer"] = item.customer or ""
        row["value"], row["value_is_json"] = pack(item.value)
        row["raw_data"], row["raw_data_is_json"] = pack(item.raw_data)
        row["attribute_texts"] = _texts(item.attributes)
        row["flapping"] = item.flapping
        row["inhibited"] = item.inhibited
        identity = item.identity
        row["identity_key"] = identity_key(identity)
        row["subject_key"] = subject_key(identity)
        return row

    def struct(self, values: Sequence[Any]) -> Alert:
        *plain, value_is_json, raw_data_is_json = values
        fields = dict(zip(self.names, plain, strict=True))
        fields["customer"] = fields["customer"] or None
        fields["value"] = unpack(fields["value"], value_is_json)
        fields["raw_data"] = unpack(fields["raw_data"], raw_data_is_json)
        return Alert(**fields)


def _texts(attributes: dict[str, Any]) -> dict[str, str | None] | None:
    if all(isinstance(value, str) for value in attributes.values()):
        return None
    return {key: text_of(value) for key, value in attributes.items()}


class HistoryCodec(Codec[HistoryEntry]):
    """History: as for alerts."""

    def __init__(self) -> None:
        super().__init__(HistoryEntry, tables.alert_history)
        self.columns.append(tables.alert_history.c.value_is_json)

    def row(self, item: HistoryEntry) -> Row:
        row = msgspec.structs.asdict(item)
        row["value"], row["value_is_json"] = pack(item.value)
        return row

    def struct(self, values: Sequence[Any]) -> HistoryEntry:
        *plain, value_is_json = values
        fields = dict(zip(self.names, plain, strict=True))
        fields["value"] = unpack(fields["value"], value_is_json)
        return HistoryEntry(**fields)
