"""A signal that is one of several voices of its alert, seen as what the alert as a whole has come to."""

from collections.abc import Iterator, Sequence

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.model import AlarmModel
from watchbell.domain.alerts.phase import OVER
from watchbell.domain.alerts.severity import Severities
from watchbell.domain.correlated import Member
from watchbell.domain.signal import Signal

MOST_MEMBERS = 100
"""Problems that an alert remembers; beyond these the one that was silent longest is forgotten."""
LONGEST_TEXT = 200
"""Characters of a member's text."""
_ENDED = frozenset({"closed", "expired"})
"""What senders say of a problem that is over, whatever its severity."""


def gathered(signal: Signal, stored: Alert | None, model: AlarmModel, *, muted: bool = False) -> Signal:
    """The signal as the alert's other members leave it.

    While another member is worse, that one is what the alert shows. `muted` is whether a blackout covers the signal;
    the alert falls silent when that is so for all its members, and what is muted makes it no worse.
    """
    correlation, severities = signal.correlation, model.severities
    if correlation is None or not correlation.worst or signal.severity not in severities.ranks:
        return signal  # of the last, the model says what is wrong
    mine = Member(
        resource=signal.resource,
        event=signal.event,
        severity=signal.severity,
        text=signal.text[:LONGEST_TEXT],
        muted=muted,
    )
    itself = (mine.resource, mine.event)
    others = [each for each in _standing(stored, severities) if (each.resource, each.event) != itself]
    well = severities.is_normal(signal.severity) or signal.status in _ENDED
    members = others if well else [*others, mine][-MOST_MEMBERS:]
    signal = msgspec.structs.replace(signal, correlation=msgspec.structs.replace(correlation, members=tuple(members)))
    shown = _worst([each for each in members if not each.muted] or members, severities)
    return signal if shown is None or shown is mine else _speaking(signal, shown, stored, model)


def _standing(stored: Alert | None, severities: Severities) -> Iterator[Member]:
    """What of the stored alert has not recovered: nothing once somebody closed it, or time did."""
    if stored is None or stored.status in OVER or severities.is_normal(stored.severity):
        return
    if stored.correlation is not None:
        # A severity that is no more cannot be shown, and would hold the alert for ever.
        yield from (each for each in stored.correlation.members if each.severity in severities.ranks)
    elif stored.severity in severities.ranks:
        yield Member(
            resource=stored.resource, event=stored.event, severity=stored.severity, text=stored.text[:LONGEST_TEXT]
        )


def _worst(members: Sequence[Member], severities: Severities) -> Member | None:
    """The worst, of several equally bad ones the newest."""
    return min(reversed(members), key=lambda each: severities.ranks[each.severity], default=None)


def _speaking(signal: Signal, shown: Member, stored: Alert | None, model: AlarmModel) -> Signal:
    """The signal with the words of another member."""
    kept = stored is not None and (stored.resource, stored.event) == (shown.resource, shown.event)
    return msgspec.structs.replace(
        signal,
        resource=shown.resource,
        event=shown.event,
        severity=shown.severity,
        text=stored.text if stored is not None and kept else shown.text,
        value=stored.value if stored is not None and kept else None,
        raw_data=stored.raw_data if stored is not None and kept else None,
        status=signal.status if shown.muted else model.default_status,
    )
