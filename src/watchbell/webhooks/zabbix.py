"""Zabbix: a webhook media type that posts these parameters as JSON.

    {"host": "{HOST.NAME}", "event": "{EVENT.NAME}", "severity": "{EVENT.SEVERITY}", "value": "{EVENT.VALUE}",
     "item_value": "{ITEM.LASTVALUE}", "event_id": "{EVENT.ID}", "trigger_id": "{TRIGGER.ID}", "tags": "{EVENT.TAGS}",
     "text": "{ALERT.MESSAGE}", "acknowledged": "{EVENT.ACK.STATUS}"}

`value` 0 is a recovery. Tags `environment:` and `service:` name both.
"""

import msgspec

from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, text_of, words

SEVERITIES = {
    "disaster": "critical",
    "high": "major",
    "average": "minor",
    "warning": "warning",
    "information": "informational",
    "not classified": "indeterminate",
}


class Message(msgspec.Struct, frozen=True):
    """The parameters of the docstring."""

    host: str
    event: str
    severity: str = ""
    value: str | int = "1"
    item_value: str | int | float | None = None
    event_id: str | int = ""
    trigger_id: str | int = ""
    tags: str = ""
    text: str = ""
    acknowledged: str = ""


class Zabbix:
    """Problems of Zabbix."""

    name = "zabbix"
    title = "Zabbix"

    def read(self, call: Call) -> list[Signal]:
        """One signal."""
        message = decode(Message, call.body)
        tags = words(message.tags)
        given = {**dict(tag.split(":", 1) for tag in tags if ":" in tag), **call.query}
        recovered = text_of(message.value) == "0"
        return [
            Signal(
                id=new_id(),
                environment=given.get("environment", "Production"),
                resource=message.host,
                event=message.event,
                severity="normal" if recovered else SEVERITIES.get(message.severity.lower(), "major"),
                status="ack" if message.acknowledged.lower() == "yes" and not recovered else "open",
                service=words(given.get("service", "")) or ("Zabbix",),
                group=given.get("group", "Zabbix"),
                value=text_of(message.item_value) or None,
                text=message.text or message.event,
                tags=tags,
                attributes=attributes({"eventId": text_of(message.event_id), "triggerId": text_of(message.trigger_id)}),
                origin="Zabbix",
                type="zabbixAlert",
                create_time=call.received,
                raw_data=call.body.decode(errors="replace"),
            )
        ]
