"""Which folder a record's file stands in: a pattern of the time of receipt and of fields, such as Hive and DuckDB read.

    year={year}/month={month}/day={day}/hour={hour}
    type={eventType}/day={year}-{month}-{day}

The time is that of the event's receipt, in UTC. What a client can say never leaves the folder and never makes a long
name: letters, digits and `_.=-` stay, the rest becomes `_`. A field without a value is `__null__`.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from string import Formatter
from typing import Any

from watchbell.domain.errors import Invalid
from watchbell.domain.events.event import Event

_TIME = {"year": "%Y", "month": "%m", "day": "%d", "hour": "%H", "minute": "%M"}
_LITERAL = re.compile(r"[A-Za-z0-9_.=/-]*")
_UNSAFE = re.compile(r"[^A-Za-z0-9_.=-]")
_LONGEST = 100


class Partitions:
    """A pattern, made for one schema.

    Raises:
        Invalid: the pattern names an unknown field, or holds what a path may not hold.
    """

    def __init__(self, pattern: str, schema: Mapping[str, Any]) -> None:
        known = {field["name"] for field in schema["fields"]}
        self._parts: list[tuple[str, str]] = []
        try:
            parsed = list(Formatter().parse(pattern.strip("/")))
        except ValueError as error:
            raise Invalid(str(error), "partition") from error
        for literal, name, form, conversion in parsed:
            if not _LITERAL.fullmatch(literal) or ".." in literal or "//" in literal:
                raise Invalid(f"{literal!r} may not stand in a folder's name", "partition")
            if name is not None and (form or conversion or name not in {*_TIME, *known}):
                raise Invalid(f"{{{name}}} is neither a part of the time nor a field of the schema", "partition")
            self._parts.append((literal, name or ""))
        self._by_time = all(name in _TIME or not name for _, name in self._parts)
        # Times are cut to what the pattern can tell apart, so that few are ever written out.
        self._unit_ms = 60_000 if any(name == "minute" for _, name in self._parts) else 3_600_000

    def paths(self, records: Sequence[Mapping[str, Any]], about: Sequence[Event], now_ms: int) -> list[str]:
        """The folder of each record; for records of which no event is known, that of now."""
        unit = self._unit_ms
        times = (
            [event.received_ms // unit * unit for event in about] if about else [now_ms // unit * unit] * len(records)
        )
        if self._by_time:
            return [self._of_time(moment) for moment in times]
        return [
            "".join([literal + self._value(name, record, moment) for literal, name in self._parts])
            for record, moment in zip(records, times, strict=True)
        ]

    def _value(self, name: str, record: Mapping[str, Any], moment_ms: int) -> str:
        if not name:
            return ""
        if name in _TIME:
            return _time(name, moment_ms)
        value = record.get(name)
        if value is None:
            return "__null__"
        return _UNSAFE.sub("_", str(value))[:_LONGEST].strip(".") or "_"

    @lru_cache(maxsize=64)  # noqa: B019 - one object for each sink, as long as the process lives
    def _of_time(self, moment_ms: int) -> str:
        return "".join([literal + (_time(name, moment_ms) if name else "") for literal, name in self._parts])


@lru_cache(maxsize=1024)
def _time(name: str, moment_ms: int) -> str:
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime(_TIME[name])
