"""Telegram: the buttons below a bot's message act on its alert.

A button's data is a command and the alert's id: `/open`, `/ack`, `/close`, `/watch`, `/unwatch` or `/blackout`, as
in `/ack 1a2b3c4d`. To watch puts the tag `watch:<name>` on the alert; a blackout of an hour covers the alert's
environment, resource and event (`/blackout Production|web01|Down` does without an alert).

The message is edited by the answer itself: Telegram carries out the call of its Bot API that an answer holds, so no
token is needed here. Give `setWebhook` an address with `?api-key=…`; its `secret_token`, set in `webhooks.secrets` too,
makes sure that only Telegram calls.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.deed import Deed, Mute
from watchbell.domain.errors import Invalid
from watchbell.ports.webhook import Call, Reading, Reply
from watchbell.toolkit.incoming import decode
from watchbell.toolkit.verifying import must_match

STATUSES = {"open": "open", "ack": "ack", "close": "closed"}
COMMANDS = (*STATUSES, "watch", "unwatch", "blackout")


class User(msgspec.Struct, frozen=True):
    """Who pressed."""

    id: int = 0
    first_name: str = ""
    last_name: str = ""
    username: str = ""

    @property
    def shown(self) -> str:
        """The name as people know it."""
        return " ".join(part for part in (self.first_name, self.last_name) if part) or self.username or str(self.id)


class Chat(msgspec.Struct, frozen=True):
    """Where."""

    id: int = 0


class Message(msgspec.Struct, frozen=True):
    """The message with the buttons."""

    message_id: int = 0
    chat: Chat = Chat()
    text: str = ""
    reply_markup: dict[str, Any] | None = None


class Query(msgspec.Struct, frozen=True):
    """One press."""

    sender: User = msgspec.field(name="from", default=User())
    data: str = ""
    message: Message | None = None


class Update(msgspec.Struct, frozen=True):
    """What Telegram sends."""

    callback_query: Query | None = None


class Telegram:
    """Buttons of Telegram's messages."""

    name = "telegram"
    title = "Telegram"

    def read(self, call: Call) -> Reading:
        """What one press asks for; any other update asks for nothing."""
        query = decode(Update, call.body).callback_query
        if query is None:
            nothing = Reply(body={"status": "ok", "message": "no callback_query in Telegram message"})
            return Reading(reply=lambda _: nothing)
        command, _, subject = query.data.partition(" ")
        word, subject = command.removeprefix("/"), subject.strip()
        if word not in COMMANDS:
            raise Invalid(f"is {query.data[:50]!r}; commands are {', '.join(COMMANDS)}", "callback_query.data")
        if not subject:
            raise Invalid(f"names no alert: {query.data[:50]!r}", "callback_query.data")

        def reply(alerts: Sequence[Alert]) -> Reply:
            return Reply(body={"status": "ok", **_edit(query, word, alerts)})

        if word == "blackout":
            return Reading(mutes=(_mute(subject, query.sender.shown),), reply=reply)
        return Reading(deeds=(_deed(word, subject, query.sender.shown),), reply=reply)

    def verify(self, call: Call, secret: str) -> None:
        """Telegram sends the secret itself."""
        must_match(call.headers.get("x-telegram-bot-api-secret-token", ""), expected=secret)


def _deed(word: str, alert: str, user: str) -> Deed:
    if word in STATUSES:
        return Deed(alert=alert, verb="status", word=STATUSES[word], text=f"status change via Telegram by {user}")
    return Deed(alert=alert, verb="tag" if word == "watch" else "untag", word=f"watch:{user}")


def _mute(subject: str, user: str) -> Mute:
    text = f"set in Telegram by {user}"
    if "|" not in subject:
        return Mute(alert=subject, text=text)
    environment, resource, event = [*subject.split("|", 2), ""][:3]
    return Mute(environment=environment, resource=resource, event=event, text=text)


def _edit(query: Query, word: str, alerts: Sequence[Alert]) -> dict[str, Any]:
    """The call that edits the message, if it is known."""
    if query.message is None:
        return {}
    about = f"alert {alerts[0].id[:8]}" if alerts else "these alerts"
    done = {
        "watch": f"{query.sender.shown} is watching {about}.",
        "unwatch": f"{query.sender.shown} is no longer watching {about}.",
        "blackout": f"Blackout of an hour for {about}, by {query.sender.shown}.",
    }
    line = done.get(word) or f"The status of {about} is {alerts[0].status} now, by {query.sender.shown}."
    edit: dict[str, Any] = {
        "method": "editMessageText",
        "chat_id": query.message.chat.id,
        "message_id": query.message.message_id,
        "text": f"{query.message.text}\n\n{line}"[-4096:],
    }
    if word in {"watch", "unwatch", "blackout"} and query.message.reply_markup:
        edit["reply_markup"] = query.message.reply_markup
    return edit
