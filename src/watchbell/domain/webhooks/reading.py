"""An inbound format made ready: what is wrong with it, and the signals that a message becomes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from watchbell.domain.alerts.severity import DEFAULT, Severities
from watchbell.domain.effort import Effort, TooMuch
from watchbell.domain.errors import Fault, Faulty, Invalid
from watchbell.domain.events.mapping.jsonpath import JsonPath
from watchbell.domain.ids import new_id
from watchbell.domain.signal import UNSAID, Signal
from watchbell.domain.webhooks.expressions import Get, Message, Reader
from watchbell.domain.webhooks.model import ITEMS_MAX, LISTS, REQUIRED, TEXTS, Format

TIMEOUT_MAX = 10**9
_BYTES = 100  # of an item that are as much work as a node
_KNOWN = (*TEXTS, *LISTS, "attributes")


class Compiled:
    """A format as functions. Pure: the same message gives the same signals but for their ids.

    One that is `lenient` leaves a severity that nobody knows as it is, for whoever takes the signals to interpret.
    While a format is written its author wants to hear of it; when a message comes, it must not be lost for it.

    Raises:
        Faulty: the format is wrong, with everything that is.
    """

    def __init__(self, given: Format, severities: Severities = DEFAULT, *, lenient: bool = False) -> None:
        reader = Reader()
        self._lenient = lenient
        self._severities = severities
        self._name = given.name
        self._each: JsonPath | None = reader.path(given.for_each, "for_each") if given.for_each else None
        self._skip = reader.expression(given.skip_when, "skip_when")
        self._close = reader.expression(given.close_when, "close_when")
        self._fields: dict[str, Get] = {}
        self._attributes: dict[str, Get] = {}
        for name, value in given.alert.items():
            place = f"alert.{name}"
            if name not in _KNOWN:
                reader.wrong(place, f"unknown; there are {', '.join(_KNOWN)}")
            elif name == "attributes":
                self._attributes = _attributes(reader, value, place)
            else:
                self._fields[name] = reader.expression(value, place)
        for name in REQUIRED:
            if name not in given.alert:
                reader.wrong(f"alert.{name}", "is required")
        self.problems = list(dict.fromkeys(reader.problems))

    def read(self, body: Any, query: Mapping[str, str], now: datetime) -> list[Signal]:
        """The signals of a message, in its order, perhaps none.

        Raises:
            Faulty: what some of its problems say makes no alert; `items[2].severity` and the reason of each. Or that
            reading it is too much work.
        """
        try:
            return self._signals(body, query, now)
        except RecursionError:
            raise Faulty([Fault(field="body", reason="is nested too deeply")]) from None
        except TooMuch as error:
            raise Faulty([Fault(field="body", reason=error.message)]) from None

    def _signals(self, body: Any, query: Mapping[str, str], now: datetime) -> list[Signal]:
        effort = Effort()
        items: Any = [body] if self._each is None else self._each.find(body, effort)
        if self._each is not None and self._each.definite:
            items = cast("list[Any]", items) if isinstance(items, list) else [items] if items is not None else []
        if len(items) > ITEMS_MAX:
            raise Faulty([Fault(field="for_each", reason=f"finds more than {ITEMS_MAX} in this message")])
        signals: list[Signal] = []
        faults: list[Fault] = []
        found: dict[int, Any] = {}
        for number, item in enumerate(items):
            message = Message(item, body, query, found, effort)
            try:
                if self._skip(message) is not True:
                    signals.append(self._signal(message, now, effort))
            except Invalid as error:
                place = f"items[{number}].{error.field}" if self._each is not None else error.field
                faults.append(Fault(field=place, reason=error.reason))
        if faults:
            raise Faulty(faults[:20])
        return signals

    def _signal(self, message: Message, now: datetime, effort: Effort) -> Signal:
        found = {name: get(message) for name, get in self._fields.items()}
        text = {name: message.text(found.get(name)).strip() for name in TEXTS}
        for name in REQUIRED:
            if not text[name]:
                raise Invalid("is absent in this message", name)
        severity = "normal" if self._close(message) is True else text["severity"] or "warning"
        if severity not in self._severities.known and not self._lenient:
            severity = self._in_small_letters(severity)
        listed = {name: _list(message, found.get(name)) for name in LISTS}
        value: Any = found.get("value")
        return Signal(
            id=new_id(),
            environment=text["environment"] or message.query.get("environment") or "Production",
            resource=text["resource"],
            event=text["event"],
            severity=severity,
            correlate=listed["correlate"],
            service=listed["service"] or (self._name,),
            group=text["group"] or "Misc",
            value=None if value is None else text["value"],
            text=text["text"],
            tags=listed["tags"],
            attributes={
                name: message.text(each) for name, get in self._attributes.items() if (each := get(message)) is not None
            },
            origin=text["origin"] or self._name,
            type=text["type"] or "webhookAlert",
            create_time=_moment(found.get("create_time"), now),
            timeout=_timeout(text["timeout"]),
            customer=text["customer"] or None,
            raw_data=_raw(message, effort),
        )

    def _in_small_letters(self, severity: str) -> str:
        small = severity.lower()
        if small not in self._severities.known:
            there_are = ", ".join(self._severities.ordered)
            raise Invalid(f"is {small[:50]!r}, none of {there_are}; use `map`", "severity")
        return small


def _raw(message: Message, effort: Effort) -> str:
    found = msgspec.json.encode(message.item)
    effort.spend(len(found) // _BYTES)  # items may lie in one another
    return found.decode()[:200_000]


def format_problems(given: Format) -> list[tuple[str, str]]:
    """Everything wrong with a format, as (field, reason)."""
    found = Compiled(given).problems
    if "/" in given.name or given.name.strip(".") == "":
        found.append(("name", "is part of an address: it must not hold slashes, nor be dots only"))
    return found


def _attributes(reader: Reader, data: Any, place: str) -> dict[str, Get]:
    if not isinstance(data, dict):
        reader.wrong(place, "must be an object with an expression for each name")
        return {}
    found: dict[str, Get] = {}
    for name, value in cast("dict[str, Any]", data).items():
        if "." in name or "$" in name:
            reader.wrong(f"{place}.{name}", "an attribute's name must not hold '.' or '$'")
        found[name] = reader.expression(value, f"{place}.{name}")
    return found


def _list(message: Message, value: Any) -> tuple[str, ...]:
    entries: list[Any] = cast("list[Any]", value) if isinstance(value, list) else [value]
    return tuple(text for entry in entries if (text := message.text(entry).strip()))


def _timeout(text: str) -> int:
    if not text:
        return UNSAID
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise Invalid(f"is {text[:50]!r}, no number of seconds", "timeout")
    return min(int(text), TIMEOUT_MAX)


def _moment(value: Any, now: datetime) -> datetime:
    """A wrong clock is no reason to lose an alert: what cannot be read is now."""
    try:
        if isinstance(value, str) and not value.isdigit():
            found = datetime.fromisoformat(value)
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found
        seconds = float(value)
        return datetime.fromtimestamp(seconds / 1000 if seconds > 10_000_000_000 else seconds, UTC)
    except (TypeError, ValueError, OverflowError, OSError):
        return now
