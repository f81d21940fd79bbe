"""What another system asks to be done to alerts that are there, such as a button in a chat."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal

import msgspec

from watchbell.domain.alerts import act
from watchbell.domain.alerts.act import Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.timeouts import Timeouts


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to do to one alert, which is named by its id or the beginning of it.

    `word` is the action, the status or the tag.
    """

    alert: str
    verb: Literal["action", "status", "tag", "untag"]
    word: str
    text: str = ""


class Mute(msgspec.Struct, frozen=True, kw_only=True):
    """A blackout from now on: of what an alert is about, or of an environment, a resource and an event."""

    alert: str = ""
    environment: str = ""
    resource: str = ""
    event: str = ""
    duration: float = 3600
    """Seconds."""
    text: str = ""


class Recovery(msgspec.Struct, frozen=True, kw_only=True):
    """The end of every problem of a type whose attribute has a value, for senders that name only what is over.

    Of an alert that a rule makes of several problems, those of the `event` are over, without one all: nobody remembers
    the attributes of each.
    """

    type: str
    attribute: str
    value: str
    event: str = ""


def change_of(
    deed: Deed, model: AlarmModel, now: datetime, user: str | None, timeouts: Timeouts
) -> Callable[[Alert], Acted]:
    """What the deed does to its alert.

    The change raises `Invalid` for an unknown word, `Conflict` when it makes no sense now.
    """
    match deed.verb:
        case "action" if deed.word == "close":
            return lambda alert: act.settled(alert, model, now, user=user, text=deed.text, timeouts=timeouts)
        case "action":
            return lambda alert: act.act(alert, deed.word, model, now, user=user, text=deed.text, timeouts=timeouts)
        case "status":
            return lambda alert: act.set_status(alert, deed.word, model, now, user=user, text=deed.text)
        case "tag":
            return lambda alert: act.tag(alert, (deed.word,))
        case "untag":
            return lambda alert: act.untag(alert, (deed.word,))
