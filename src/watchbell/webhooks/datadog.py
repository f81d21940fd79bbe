"""Datadog: a webhook integration with the payload below.

    {"id": "$ID", "title": "$EVENT_TITLE", "text": "$TEXT_ONLY_MSG", "transition": "$ALERT_TRANSITION",
     "priority": "$ALERT_PRIORITY", "host": "$HOSTNAME", "metric": "$ALERT_METRIC", "scope": "$ALERT_SCOPE",
     "alert": "$ALERT_TITLE", "alert_id": "$ALERT_ID", "tags": "$TAGS", "link": "$LINK", "date": "$DATE"}

`Recovered` is normal; a warning is a warning; every other transition has the severity of its priority (P1 critical, P2
major, P3 minor, P4 warning, P5 informational), major without one. Tags `env:`, `service:` name environment and service.
"""

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, epoch, text_of, words

PRIORITIES = {"P1": "critical", "P2": "major", "P3": "minor", "P4": "warning", "P5": "informational"}


class Message(msgspec.Struct, frozen=True):
    """The payload of the docstring."""

    title: str
    transition: str = ""
    id: str | int = ""
    text: str = ""
    priority: str | None = ""
    host: str = ""
    metric: str = ""
    scope: str = ""
    alert: str = ""
    alert_id: str | int = ""
    tags: str = ""
    link: str = ""
    date: str | float | None = None


class Datadog:
    """Monitors of Datadog."""

    name = "datadog"
    title = "Datadog"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message = decode(Message, call.body)
        tags = words(message.tags)
        said = dict(tag.split(":", 1) for tag in tags if ":" in tag)
        given = {**said, **call.query}
        date = text_of(message.date)
        return [
            Signal(
                id=new_id(),
                environment=given.get("environment") or given.get("env") or "Production",
                resource=message.host or message.scope or "datadog",
                event=message.alert or message.title,
                severity=_severity(message),
                service=words(given.get("service", "")) or ("Datadog",),
                group=given.get("group", "Datadog"),
                value=message.metric or None,
                text=message.text or message.title,
                tags=tags,
                attributes=attributes({"alertId": text_of(message.alert_id), "moreInfo": message.link}),
                origin="Datadog",
                type="datadogAlert",
                create_time=epoch(float(date) if date.isdigit() else None, call.received),
                raw_data=call.body.decode(errors="replace"),
            )
        ]


def _severity(message: Message) -> str:
    transition = message.transition.lower()
    if transition == "recovered":
        return "normal"
    if transition.startswith("warn") or transition == "re-warn":
        return "warning"
    return PRIORITIES.get((message.priority or "").upper(), "major")
