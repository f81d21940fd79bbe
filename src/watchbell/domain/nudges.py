"""Nudges: mails to people about alerts that concern them, because somebody mentioned them, wrote, or handed one over.

People choose which they want. About the same alert nobody gets a second one within `QUIET`; what happens meanwhile is
told together when that is over.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec

from watchbell.domain.accounts import Profile, User
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.note import WATCH

QUIET = timedelta(minutes=10)
"""So long after a mail about an alert no other one about it goes to the same person."""
MOST_PEOPLE = 100
"""So many people hear of one note."""
MOST_TOLD = 20
"""So many happenings are told in one mail; of the rest, only the number."""
PREFERENCE = "alertMails"
"""The attribute of a profile that says which a person wants."""
_LONGEST_TEXT = 2_000
_LONGEST_LINE = 200


class Concern(StrEnum):
    """Why an alert concerns somebody."""

    MENTION = "mention"
    """A note mentions them."""
    ASSIGN = "assign"
    """It was made theirs, or their group's."""
    NOTE = "note"
    """Somebody wrote a note on an alert that they watch."""


class Wish(StrEnum):
    """Which mails a person wants."""

    NONE = "none"
    """None."""
    MENTIONS = "mentions"
    """When they are mentioned, and when an alert is made theirs."""
    ALL = "all"
    """Besides, when somebody writes a note on an alert that they watch."""


class Nudge(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to an alert, told to one person. `by` is the login of who did it, empty when nobody is known.

    `text` is the note, or what was said with the assignment. It may be hostile.
    """

    alert: str
    concern: Concern
    by: str = ""
    text: str = ""
    at: datetime


def wish_of(profile: Profile | None) -> Wish:
    """Which mails a person wants; what cannot be read counts as nothing said: all."""
    said: Any = profile.attributes.get(PREFERENCE) if profile is not None else None
    return Wish(said) if said in list(Wish) else Wish.ALL


def wanted(wish: Wish, concern: Concern) -> bool:
    """Whether somebody with this wish hears of it."""
    return wish is Wish.ALL or (wish is Wish.MENTIONS and concern is not Concern.NOTE)


def mailable(user: User, profile: Profile | None) -> bool:
    """Whether mails may go to the user: they may log in, and it is known that they read their address."""
    return user.active and bool(user.email) and profile is not None and profile.email_verified


def watchers_of(alert: Alert) -> list[str]:
    """The logins that the tags of an alert name as watching it; nobody knows yet whether they are anybody's."""
    named = (tag.removeprefix(WATCH) for tag in alert.tags if tag.startswith(WATCH))
    return list(dict.fromkeys(login for login in named if login))[:MOST_PEOPLE]


def after_quiet(last: Mapping[str, datetime], nudge: Nudge, now: datetime) -> datetime | None:
    """When the person may hear of the alert again, by when they last did; None is now."""
    told = last.get(nudge.alert)
    return told + QUIET if told is not None and now < told + QUIET else None


def remembered(last: Mapping[str, datetime], told: Iterable[str], now: datetime) -> dict[str, datetime]:
    """When the person last heard of which alert, once they have heard of these; what no longer counts is left out."""
    kept = {alert: at for alert, at in last.items() if now < at + QUIET}
    return kept | dict.fromkeys(told, now)


def subject_of(nudges: Sequence[Nudge], alerts: Mapping[str, Alert]) -> str:
    """The first line of a mail."""
    concerned = dict.fromkeys(nudge.alert for nudge in nudges)
    if len(concerned) > 1:
        return f"{len(concerned)} alerts that concern you"
    alert = alerts[nudges[0].alert]
    what = _said(nudges[0]) if len(nudges) == 1 else f"{len(nudges)} times news"
    return _line(f"{alert.event} on {alert.resource}: {what}")


def wording(user: User, nudges: Sequence[Nudge], alerts: Mapping[str, Alert], base_url: str) -> str:
    """The text of a mail: each alert with what happened to it, and where it is."""
    told = nudges[:MOST_TOLD]
    parts: list[str] = []
    for alert_id in dict.fromkeys(nudge.alert for nudge in told):
        alert = alerts[alert_id]
        where = f"{alert.event} on {alert.resource} ({alert.environment})"
        parts.append(_line(f"{alert.severity}, {alert.status}: {where}"))
        parts += [_block(nudge) for nudge in told if nudge.alert == alert_id]
        parts.append(f"{base_url}/alerts/{alert_id}")
    if len(nudges) > len(told):
        parts.append(f"And {len(nudges) - len(told)} more.")
    parts.append(f"This goes to {user.login}. Choose which of these mails you want:\n{base_url}/settings/profile")
    return "\n\n".join(parts) + "\n"


def _block(nudge: Nudge) -> str:
    text = nudge.text[:_LONGEST_TEXT] + (" …" if len(nudge.text) > _LONGEST_TEXT else "")
    quoted = "".join(f"\n> {_line(line, _LONGEST_TEXT)}" for line in text.splitlines())
    return f"{_said(nudge)}, {nudge.at:%Y-%m-%d %H:%M} UTC{':' if quoted else ''}{quoted}"


def _said(nudge: Nudge) -> str:
    who = _line(nudge.by) or "somebody"
    return {
        Concern.MENTION: f"{who} mentioned you",
        Concern.ASSIGN: f"{who} made it yours",
        Concern.NOTE: f"{who} wrote a note",
    }[nudge.concern]


def _line(text: str, most: int = _LONGEST_LINE) -> str:
    plain = "".join(character if character.isprintable() else " " for character in text).strip()
    return plain if len(plain) <= most else f"{plain[:most]}…"
