"""Graylog: HTTP notifications, of the old alarm callbacks and of event definitions.

The query string may give `event`, `environment`, `service` (comma-separated), `severity` and `event_type`.
"""

from typing import Any

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, moment, text_of, words


class Condition(msgspec.Struct, frozen=True):
    """The condition of an alarm callback."""

    id: str = ""
    type: str = ""
    title: str = ""


class CheckResult(msgspec.Struct, frozen=True):
    """What an alarm callback found."""

    result_description: str = ""
    triggered_at: str = ""
    triggered_condition: Condition = Condition()


class Event(msgspec.Struct, frozen=True):
    """What an event definition found."""

    id: str = ""
    message: str = ""
    source: str = ""
    timestamp: str = ""
    key: str | None = None
    priority: int | None = None


class Message(msgspec.Struct, frozen=True):
    """Either notification."""

    stream: dict[str, Any] | None = None
    check_result: CheckResult | None = None
    event: Event | None = None
    event_definition_title: str = ""
    event_definition_id: str = ""


class Graylog:
    """Notifications of Graylog."""

    name = "graylog"
    title = "Graylog"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message, given = decode(Message, call.body), call.query
        result, event = message.check_result or CheckResult(), message.event or Event()
        stream = text_of((message.stream or {}).get("title"))
        found = {"checkId": result.triggered_condition.id, "eventId": event.id, "source": event.source}
        return [
            Signal(
                id=new_id(),
                environment=given.get("environment", "Development"),
                resource=event.key or stream or message.event_definition_title or "graylog",
                event=given.get("event") or message.event_definition_title or "Alert",
                severity=given.get("severity", "critical"),
                service=words(given.get("service", "")) or ("test",),
                group="Graylog",
                text=result.result_description or event.message,
                attributes=attributes(found),
                origin="Graylog",
                type=given.get("event_type", "alarmCallback"),
                create_time=moment(event.timestamp or result.triggered_at, call.received),
                raw_data=call.body.decode(errors="replace"),
            )
        ]
