"""The history of a past alert as one short text: JSON, a list for each line, without the names of the fields."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import HistoryEntry
from watchbell.domain.ids import AlertId


class _Line(msgspec.Struct, frozen=True, array_like=True):
    """Fields may be added at the end only, each with a value that lines of before have."""

    id: str
    at: datetime
    sent_at: datetime
    type: str
    event: str
    severity: str
    status: str
    value: Any
    text: str
    user: str | None
    timeout: int
    reason: str
    config_version: int
    source: str


_DECODER = msgspec.json.Decoder(list[_Line])


def encode(history: Sequence[HistoryEntry]) -> str:
    """The lines as one text."""
    names = _Line.__struct_fields__
    return msgspec.json.encode([_Line(*(getattr(entry, name) for name in names)) for entry in history]).decode()


def decode(text: str, alert_id: AlertId) -> list[HistoryEntry]:
    """The lines again."""
    return [HistoryEntry(alert_id=alert_id, **msgspec.structs.asdict(line)) for line in _DECODER.decode(text)]
