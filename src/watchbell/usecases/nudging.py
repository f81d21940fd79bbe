"""Nudging: what happens to alerts, written down for a keeper who mails it to the people whom it concerns.

It is written in the transaction of what happened. Who may see the alert, and who wants a mail, is asked when the mail
leaves: rights and wishes may have changed by then.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

import msgspec

from watchbell.domain.accounts import User
from watchbell.domain.alerts.act import ASSIGNEE, Acted
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.nudges import MOST_PEOPLE, Concern, Nudge, watchers_of
from watchbell.ports.store import OutboxRow, Transaction

NUDGE = "nudge"
"""Kind of the outbox row that says that a person is to hear of an alert; its subject is the user's id."""


async def nudge_noted(
    tx: Transaction, alert: Alert, text: str, mentioned: Sequence[str], now: datetime, *, user: str | None
) -> None:
    """A note was written: who is mentioned hears of it, and whoever watches the alert or has it; not its author."""
    first = {login.lower() for login in mentioned}
    told: dict[str, tuple[User, Concern]] = {}
    for login in dict.fromkeys((*mentioned, *watchers_of(alert))):
        found = await _by_login(tx, login)
        if found is not None:
            told.setdefault(found.id, (found, Concern.MENTION if login.lower() in first else Concern.NOTE))
    for found in await _holders(tx, alert):
        told.setdefault(found.id, (found, Concern.NOTE))
    await _write(tx, alert.id, list(told.values())[:MOST_PEOPLE], text, now, user)


async def nudge_assigned(tx: Transaction, changes: Sequence[Acted], now: datetime) -> None:
    """Alerts were made somebody's: they hear of it, of a group each member; not whoever did it."""
    holders: dict[str, list[User]] = {}
    for change in changes:
        performed = change.performed
        name = str(change.alert.attributes.get(ASSIGNEE) or "")
        if performed is None or performed.action != "assign" or not name:
            continue
        if name not in holders:
            holders[name] = await _holders(tx, change.alert)
        told = [(user, Concern.ASSIGN) for user in holders[name]]
        # What is said begins with whose it is, which they know.
        _, _, said = performed.text.partition(f"assigned to {name}: ")
        await _write(tx, change.alert.id, told, said, now, performed.user)


async def _holders(tx: Transaction, alert: Alert) -> list[User]:
    """Whose the alert is: a person, or the members of a group."""
    name = alert.attributes.get(ASSIGNEE)
    if not isinstance(name, str) or not name:
        return []
    person = await _by_login(tx, name)
    if person is not None:
        return [person]
    members = next((group.members for group in await tx.people.groups() if group.name == name), ())
    found = [await tx.users.get(each) for each in members]
    return [user for user in found if user is not None]


async def _by_login(tx: Transaction, login: str) -> User | None:
    found = await tx.users.get(login)
    # Users are found by id, too, which nobody writes.
    return found if found is not None and found.login.lower() == login.lower() else None


async def _write(
    tx: Transaction, alert: str, told: Iterable[tuple[User, Concern]], text: str, now: datetime, by: str | None
) -> None:
    rows = [
        _row(user, Nudge(alert=alert, concern=concern, by=by or "", text=text, at=now), now)
        for user, concern in told
        if user.login.lower() != (by or "").lower()
    ]
    if rows:
        await tx.outbox.add(rows)


def _row(user: User, nudge: Nudge, now: datetime) -> OutboxRow:
    return OutboxRow(
        id=new_id(),
        kind=NUDGE,
        subject=user.id,
        shard=shard_of(user.id),
        created_at=now,
        available_at=now,
        body=msgspec.json.encode(nudge).decode(),
    )
