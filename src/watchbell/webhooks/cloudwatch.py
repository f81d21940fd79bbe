"""Amazon CloudWatch alarms, sent through an SNS topic.

Subscribe `https://…/api/webhooks/cloudwatch?api-key=…` to the topic. The confirmation that SNS asks for becomes an
informational alert with the link to open. `ALARM` is major, `INSUFFICIENT_DATA` a warning, `OK` normal; the first
dimension is the resource.
"""

from typing import Any

import msgspec

from watchbell.domain.errors import Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.webhook import Call
from watchbell.toolkit.incoming import attributes, decode, moment, shaped, text_of

SEVERITIES = {"ALARM": "major", "INSUFFICIENT_DATA": "warning", "OK": "normal"}


class Envelope(msgspec.Struct, frozen=True, rename="pascal"):
    """What SNS sends."""

    type: str
    topic_arn: str = ""
    timestamp: str = ""
    message: str = ""
    message_id: str = ""
    subscribe_url: str = msgspec.field(default="", name="SubscribeURL")


class Trigger(msgspec.Struct, frozen=True, rename="pascal"):
    """What the alarm watches."""

    namespace: str = ""
    dimensions: list[dict[str, Any]] = []


class Alarm(msgspec.Struct, frozen=True):
    """The message inside."""

    name: str = msgspec.field(name="AlarmName")
    state: str = msgspec.field(name="NewStateValue")
    description: str | None = msgspec.field(default=None, name="AlarmDescription")
    account: str = msgspec.field(default="", name="AWSAccountId")
    reason: str = msgspec.field(default="", name="NewStateReason")
    region: str = msgspec.field(default="", name="Region")
    trigger: dict[str, Any] = msgspec.field(default={}, name="Trigger")


class CloudWatch:
    """Alarms of Amazon CloudWatch by SNS."""

    name = "cloudwatch"
    title = "Amazon CloudWatch"

    def read(self, call: Call) -> list[Signal]:
        """One signal for a notification or a request to confirm a subscription."""
        envelope = decode(Envelope, call.body)
        if envelope.type == "SubscriptionConfirmation":
            return [_confirmation(envelope, call)]
        if envelope.type != "Notification":
            raise Invalid(f"is {envelope.type!r}, neither Notification nor SubscriptionConfirmation", "Type")
        return [_alarm(decode(Alarm, envelope.message.encode(), "Message"), envelope, call)]


def _confirmation(envelope: Envelope, call: Call) -> Signal:
    return Signal(
        id=new_id(),
        environment=call.query.get("environment", "Production"),
        resource=_topic(envelope) or "sns",
        event=envelope.type,
        severity="informational",
        service=("Unknown",),
        group="AWS/CloudWatch",
        text=f"Open the link to confirm the subscription: {envelope.subscribe_url}",
        attributes=attributes({"subscribeUrl": envelope.subscribe_url}),
        origin=envelope.topic_arn,
        type="cloudwatchAlarm",
        create_time=moment(envelope.timestamp, call.received),
        raw_data=envelope.message,
    )


def _alarm(alarm: Alarm, envelope: Envelope, call: Call) -> Signal:
    trigger = shaped(Trigger, alarm.trigger, "Message.Trigger")
    first = next(iter(trigger.dimensions), None)
    resource = f"{text_of(first.get('name'))}:{text_of(first.get('value'))}" if first else _topic(envelope)
    return Signal(
        id=new_id(),
        environment=call.query.get("environment", "Production"),
        resource=resource or "cloudwatch",
        event=alarm.name,
        severity=SEVERITIES.get(alarm.state, "unknown"),
        service=(alarm.account or "AWS",),
        group=trigger.namespace or "AWS/CloudWatch",
        value=alarm.state,
        text=alarm.description or alarm.reason,
        tags=(alarm.region,) if alarm.region else (),
        attributes=attributes({"incidentKey": alarm.name, "thresholdInfo": alarm.trigger}),
        origin=envelope.topic_arn,
        type="cloudwatchAlarm",
        create_time=moment(envelope.timestamp, call.received),
        raw_data=envelope.message,
    )


def _topic(envelope: Envelope) -> str:
    return envelope.topic_arn.rpartition(":")[2]
