"""A signal that is one of several voices of its alert, seen as what the alert as a whole has come to."""

from collections.abc import Iterator, Sequence
from datetime import datetime

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


def without_silent(stored: Alert, signal: Signal, now: datetime) -> tuple[Alert, tuple[Member, ...]]:
    """The alert without the members that time has ended, and these, for nobody says of them that they are well.

    An alert expires as a whole when no sender says anything; what one of several stopped saying would stay while
    another goes on. The sender of the signal is not silent.
    """
    if stored.correlation is None or not stored.correlation.members:
        return stored, ()
    known = [_known(each, stored) for each in stored.correlation.members]
    itself = (signal.resource, signal.event)
    silent = tuple(each for each in known if (each.resource, each.event) != itself and each.is_silent(now))
    if not silent:
        return stored, ()
    members = tuple(each for each in known if each not in silent)
    held = msgspec.structs.replace(stored.correlation, members=members)
    return msgspec.structs.replace(stored, correlation=held), silent


def gathered(
    signal: Signal, stored: Alert | None, model: AlarmModel, now: datetime, *, muted_by: Sequence[str] = ()
) -> Signal:
    """The signal as the alert's other members leave it.

    While another member is worse, that one is what the alert shows. It has the services of all that count, and lasts as
    long as any member does. `muted_by` are the ids of the blackouts that
    cover the signal; the alert falls silent when all that stand are covered, and what is muted makes it no worse.
    """
    correlation, severities = signal.correlation, model.severities
    if correlation is None or not correlation.worst or signal.severity not in severities.ranks:
        return signal  # of the last, the model says what is wrong
    mine = Member(
        resource=signal.resource,
        event=signal.event,
        severity=signal.severity,
        text=signal.text[:LONGEST_TEXT],
        muted=bool(muted_by),
        muted_by=tuple(muted_by),
        service=signal.service,
        timeout=signal.timeout,
        heard_at=now,
    )
    itself = (mine.resource, mine.event)
    others = [each for each in _standing(stored, severities) if (each.resource, each.event) != itself]
    well = severities.is_normal(signal.severity) or signal.status in _ENDED
    members = others if well else [*others, mine][-MOST_MEMBERS:]
    signal = msgspec.structs.replace(signal, correlation=msgspec.structs.replace(correlation, members=tuple(members)))
    counting = [each for each in members if not each.muted] or members
    shown = worst(counting, severities)
    if shown is None:
        return signal
    together = msgspec.structs.replace(
        signal, service=services(counting, shown, signal.service), timeout=_longest(members, signal.timeout)
    )
    return together if shown is mine else _speaking(together, shown, stored, model)


def _standing(stored: Alert | None, severities: Severities) -> Iterator[Member]:
    """What of the stored alert has not recovered: nothing once somebody closed it, or time did."""
    if stored is None or stored.status in OVER or severities.is_normal(stored.severity):
        return
    if stored.correlation is not None:
        # A severity that is no more cannot be shown, and would hold the alert for ever.
        yield from (_known(each, stored) for each in stored.correlation.members if each.severity in severities.ranks)
    elif stored.severity in severities.ranks:
        yield Member(
            resource=stored.resource,
            event=stored.event,
            severity=stored.severity,
            text=stored.text[:LONGEST_TEXT],
            service=stored.service,
            timeout=stored.timeout,
            heard_at=stored.last_receive_time,
        )


def _known(member: Member, alert: Alert) -> Member:
    """The member with what a former release did not write of it."""
    if member.service is not None and member.timeout is not None and member.heard_at is not None:
        return member
    return msgspec.structs.replace(
        member,
        service=alert.service if member.service is None else member.service,
        timeout=alert.timeout if member.timeout is None else member.timeout,
        heard_at=alert.last_receive_time if member.heard_at is None else member.heard_at,
    )


def worst(members: Sequence[Member], severities: Severities) -> Member | None:
    """The worst, of several equally bad ones the newest."""
    return min(reversed(members), key=lambda each: severities.ranks[each.severity], default=None)


def services(members: Sequence[Member], shown: Member, unknown: tuple[str, ...]) -> tuple[str, ...]:
    """Those of the member that is shown, then those of the others by name; `unknown` where nobody remembers them."""
    own = unknown if shown.service is None else shown.service
    others = {name for each in members for name in (unknown if each.service is None else each.service)}
    return (*own, *sorted(others.difference(own)))


def _longest(members: Sequence[Member], unknown: int) -> int:
    """The longest time-out; 0 is the longest, for it means never."""
    times = [unknown if each.timeout is None else each.timeout for each in members]
    return max(times) if all(time > 0 for time in times) else min(times)


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
        status=model.muted if shown.muted else model.default_status,
    )
