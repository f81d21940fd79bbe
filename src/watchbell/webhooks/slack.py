"""Slack: the buttons of an interactive message act on its alert.

Slack posts a form with the field `payload`. The message's `callback_id` is the alert's id, the button's value is
`open`, `ack`, `close`, `watch` or `unwatch`; to watch puts the tag `watch:<user>` on the alert. The answer replaces the
message: the buttons go and a line says what was done, or the button turns into its opposite.

Set Slack's signing secret in `webhooks.secrets`, so that only Slack's own calls are taken; the address carries the key
(`?api-key=…`), because Slack sends no headers of yours.
"""

from collections.abc import Sequence
from typing import Any, cast

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.deed import Deed
from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call, Reading, Reply
from watchbell.toolkit.form import form
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.verifying import fresh, hex_digest, must_match

ACTIONS = ("open", "ack", "close")
OPPOSITES = {"watch": "unwatch", "unwatch": "watch"}


class User(msgspec.Struct, frozen=True):
    """Who pressed."""

    name: str = ""


class Button(msgspec.Struct, frozen=True):
    """What was pressed."""

    value: str = ""


class Payload(msgspec.Struct, frozen=True):
    """The field `payload`."""

    callback_id: str = ""
    user: User = User()
    actions: list[Button] = []
    original_message: dict[str, Any] = {}


class Slack:
    """Buttons of Slack's messages."""

    name = "slack"
    title = "Slack"

    def read(self, call: Call) -> Reading:
        """One deed."""
        sent = form(call).get("payload", "")
        if not sent:
            raise Invalid("is missing", "payload")
        payload = decode(Payload, sent.encode(), "payload")
        word = payload.actions[0].value if payload.actions else ""
        for field, value in (("callback_id", payload.callback_id), ("user.name", payload.user.name)):
            if not value:
                raise Invalid("is missing", f"payload.{field}")
        if word in ACTIONS:
            text = f"status change via #slack by {payload.user.name}"
            deed = Deed(alert=payload.callback_id, verb="action", word=word, text=text)
        elif word in OPPOSITES:
            verb = "tag" if word == "watch" else "untag"
            deed = Deed(alert=payload.callback_id, verb=verb, word=f"watch:{payload.user.name}")
        else:
            raise Invalid(f"Unsupported #slack action {word!r}", "payload.actions")
        return Reading(deeds=(deed,), reply=lambda alerts: _reply(alerts, word, payload))

    def verify(self, call: Call, secret: str) -> None:
        """Slack signs the time and the body."""
        timestamp = call.headers.get("x-slack-request-timestamp", "")
        fresh(timestamp, call)
        expected = "v0=" + hex_digest(secret, f"v0:{timestamp}:".encode() + call.body)
        must_match(call.headers.get("x-slack-signature", ""), expected=expected)


def _reply(alerts: Sequence[Alert], word: str, payload: Payload) -> Reply:
    message, alert = payload.original_message, alerts[0]
    attachments = [dict(each) for each in _dicts(message.get("attachments"))]
    if word in OPPOSITES:
        for attachment in attachments:
            attachment["actions"] = [_turned(each, word) for each in _dicts(attachment.get("actions"))]
        return Reply(body={**message, "attachments": attachments}, status=201)
    for attachment in attachments:
        attachment.pop("actions", None)
    done = f"The status of alert {alert.id[:8]} is {alert.status.capitalize()} now!"
    line = {"fallback": done, "pretext": "Action done!", "color": "#808080", "title": done}
    return Reply(body={**message, "attachments": [*attachments, line]}, status=201)


def _turned(button: dict[str, Any], word: str) -> dict[str, Any]:
    if button.get("value") != word:
        return button
    other = OPPOSITES[word]
    return {**button, "name": other, "value": other, "text": other.capitalize()}


def _dicts(value: Any) -> list[dict[str, Any]]:
    entries = cast("list[Any]", value) if isinstance(value, list) else []
    return [cast("dict[str, Any]", entry) for entry in entries if isinstance(entry, dict)]
