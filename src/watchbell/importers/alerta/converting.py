"""Rows of Alerta become rows of ours, or are refused with the reason: one after the other, none stops the rest."""

from collections.abc import Callable, Iterator
from typing import Any

from watchbell.domain.alerts.note import Note
from watchbell.domain.errors import Invalid
from watchbell.importers.alerta import taken_alerts, taken_people, taken_quiet
from watchbell.importers.alerta.records import identified
from watchbell.ports.data_source import Kind, MovedAlert, Refused, Row, Terms, Thing


class Converting:
    """What becomes of rows under the terms of an installation."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._people: dict[Kind, Callable[[Any], Thing]] = {
            "role": lambda given: taken_people.role_of(given, terms),
            "customer": taken_people.customer_of,
            "user": lambda given: taken_people.user_of(given, terms),
            "group": taken_people.group_of,
            "key": lambda given: taken_people.key_of(given, terms),
            "heartbeat": lambda given: taken_quiet.heartbeat_of(given, terms),
            "note": lambda given: taken_alerts.note_of(given, terms),
        }

    def row(self, kind: Kind, given: Any, notes: list[Any] | None = None) -> Iterator[Row | Refused]:
        """A row, and what of an alert's history and `notes` is refused."""
        try:
            if kind == "alert":
                yield from self._alert(given, notes or [])
            elif kind == "blackout":
                yield self._blackout(given)
            else:
                yield Row(kind=kind, id=identified(given), thing=self._people[kind](given))
        except Invalid as error:
            yield Refused(kind=kind, id=identified(given), reason=error.message)

    def _alert(self, given: Any, notes: list[Any]) -> Iterator[Row | Refused]:
        alert, raw = taken_alerts.alert_of(given, self._terms)
        alert, history, refused = taken_alerts.with_history(alert, raw.history or (), self._terms)
        written = [each for note in notes for each in self.row("note", note)]
        mine = tuple(each.thing for each in written if isinstance(each, Row) and isinstance(each.thing, Note))
        yield Row(kind="alert", id=alert.id, thing=MovedAlert(alert=alert, history=history, notes=mine))
        yield from refused
        yield from (each for each in written if isinstance(each, Refused))

    def _blackout(self, given: Any) -> Row | Refused:
        blackout, raw = taken_quiet.blackout_of(given)
        if taken_quiet.moment(raw.end_time, "endTime") <= self._terms.now:
            reason = f"was over at {raw.end_time}"
            return Refused(kind="blackout", id=identified(given), reason=reason, lost=False)
        return Row(kind="blackout", id=identified(given), thing=blackout)
