"""CloudEvents 1.0: structured JSON, one or a batch, or binary mode, whose headers `ce-…` say what the body is about.

Each event's data says what is wrong. `source` is the resource, `type` the event, unless `data` has `resource` and
`event`; `severity` is `data.severity` (warning), `text`, `value`, `service`, `group`, `environment` and `tags` are read
from `data` too.
"""

from typing import Any, cast

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, moment, text_of, words

MOST = 1000


class Event(msgspec.Struct, frozen=True):
    """One event."""

    specversion: str
    id: str
    source: str
    type: str
    subject: str | None = None
    time: str = ""
    data: Any = None


class CloudEvents:
    """Events in the CNCF's common format."""

    name = "cloudevents"
    title = "CloudEvents"

    def read(self, call: Call) -> list[Signal]:
        """One signal for each event."""
        if "ce-specversion" in call.headers:
            return [_signal(_binary(call), call)]
        is_batch = call.body.lstrip().startswith(b"[")
        found = decode(list[Event], call.body) if is_batch else [decode(Event, call.body)]
        if len(found) > MOST:
            raise Invalid(f"has more than {MOST} events", "body")
        return [_signal(event, call) for event in found]


def _binary(call: Call) -> Event:
    """The event of a request in binary mode, as brokers send it: its body is the data, JSON or text.

    Raises:
        Invalid: a header that every event has is missing.
    """
    said = {name: call.headers.get(f"ce-{name}", "") for name in ("specversion", "id", "source", "type")}
    for name, value in said.items():
        if not value:
            raise Invalid("is missing", f"ce-{name}")
    try:
        data: Any = msgspec.json.decode(call.body) if call.body else None
    except (msgspec.DecodeError, RecursionError):
        data = call.body.decode(errors="replace")
    subject, time = call.headers.get("ce-subject"), call.headers.get("ce-time", "")
    return Event(**said, subject=subject, time=time, data=data)


def _signal(event: Event, call: Call) -> Signal:
    if not event.specversion.startswith("1."):
        raise Invalid(f"is {event.specversion!r}; 1.0 is understood", "specversion")
    content: Any = event.data
    data = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    given: dict[str, Any] = {**call.query, **data}
    service, tags = given.get("service"), given.get("tags")
    return Signal(
        id=new_id(),
        environment=text_of(given.get("environment")) or "Production",
        resource=text_of(given.get("resource")) or event.subject or event.source,
        event=text_of(given.get("event")) or event.type,
        severity=text_of(given.get("severity")) or "warning",
        service=_texts(service) or ("CloudEvents",),
        group=text_of(given.get("group")) or "CloudEvents",
        value=text_of(given.get("value")) or None,
        text=text_of(given.get("text") or given.get("message")) or ("" if data else text_of(content)),
        tags=_texts(tags),
        attributes=attributes({"eventId": event.id, "eventSource": event.source}),
        origin=event.source,
        type="cloudEvent",
        create_time=moment(event.time, call.received),
        raw_data=msgspec.json.encode(event).decode(),
    )


def _texts(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(text_of(one) for one in cast("list[Any]", value) if text_of(one))
    return words(text_of(value))
