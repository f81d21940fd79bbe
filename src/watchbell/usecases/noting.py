"""Noting: what people write about alerts. Every note, and its end, is also a line in the alert's history.

A note is reached through its alert: one of another alert is as good as missing. Plug-ins are asked before one is added.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from watchbell.domain.alerts import act
from watchbell.domain.alerts.amend import changed_quietly
from watchbell.domain.alerts.note import Note, mentions, note_on
from watchbell.domain.alerts.policy import Limits, admit_attributes, admit_words
from watchbell.domain.errors import Missing
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.advising import Advising
from watchbell.usecases.auditing_alerts import audited
from watchbell.usecases.consulting import Consulting
from watchbell.usecases.nudging import nudge_noted
from watchbell.usecases.operating import named, record


class Noting:
    """Writing, changing and dismissing notes. An alert is named by its id or the beginning of it."""

    def __init__(
        self, store: Store, clock: Clock, *, limits: Limits | None = None, consulting: Consulting | None = None
    ) -> None:
        self._store = store
        self._advising = Advising(consulting or Consulting(), store)
        self._clock = clock
        self._limits = limits or Limits()

    async def add(self, alert_name: str, text: str, *, user: str | None) -> Note:
        """Write a note. Whom it mentions as `@login` watches the alert from now on; whoever watches it gets a mail.

        Raises `Missing`, or `Invalid` for a text that is no text.
        """
        admit_words(self._limits, text=text)
        amendment, text = await self._advising.note(alert_name, text)
        now = self._clock.now()
        async with self._store.transaction() as tx:
            alert = await named(tx, alert_name)
            present = changed_quietly(alert, amendment).alert if amendment else alert
            mentioned = await _mentioned(tx, text)
            noted = act.noted(present, text, now, user=user, watchers=mentioned)
            note = note_on(alert, noted.entries[0].id, text, user, now)
            await tx.notes.save(note)
            await record(tx, [noted], now)
            await nudge_noted(tx, noted.alert, text, mentioned, now, user=user)
            await audited(tx, now, "note-add", [alert], [noted.alert], text)
        return note

    async def of(self, alert_name: str) -> list[Note]:
        """All notes on an alert, oldest first."""
        async with self._store.reading() as tx:
            alert = await tx.alerts.get(alert_name)
            if alert is None:
                raise Missing("not found")
            return await tx.notes.of(alert.id)

    async def change(self, alert_name: str, note_id: str, text: str | None, attributes: Mapping[str, Any]) -> Note:
        """Put another text in place of the present one (None leaves it), and merge attributes."""
        admit_words(self._limits, text=text or "")
        admit_attributes(attributes, self._limits)
        async with self._store.transaction() as tx:
            alert = await named(tx, alert_name)
            note = await _of_alert(tx, alert.id, note_id)
            merged = {**note.attributes, **attributes}
            after = msgspec.structs.replace(
                note,
                text=note.text if text is None else text,
                attributes={name: value for name, value in merged.items() if value is not None},
                update_time=self._clock.now(),
            )
            await tx.notes.save(after)
            tx.changed("alert", alert.id)
            await audited(tx, self._clock.now(), "note-change", [alert], [alert], f"{note.text} → {after.text}")
        return after

    async def dismiss(self, alert_name: str, note_id: str, *, user: str | None) -> None:
        """Delete a note; its text stays in the history."""
        now = self._clock.now()
        async with self._store.transaction() as tx:
            alert = await named(tx, alert_name)
            note = await _of_alert(tx, alert.id, note_id)
            await tx.notes.delete(note.id)
            await record(tx, [act.dismissed(alert, note.text, now, user=user)], now)
            await audited(tx, now, "note-delete", [alert], [alert], note.text)


async def _mentioned(tx: Transaction, text: str) -> list[str]:
    """The logins of the people that a text mentions; what is nobody's login is only a word."""
    found: dict[str, None] = {}
    for written in mentions(text):
        for login in dict.fromkeys((written, written.rstrip("."))):
            user = await tx.users.get(login)
            if user is not None and user.login.lower() == login.lower():
                found[user.login] = None
                break
    return list(found)


async def _of_alert(tx: Transaction, alert_id: str, note_id: str) -> Note:
    note = await tx.notes.get(note_id)
    if note is None or note.alert_id != alert_id:
        raise Missing("not found")
    return note
