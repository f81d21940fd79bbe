"""Sifting: of a message of several alerts, what was taken, what was refused, and what its sender is to hear."""

from collections.abc import Sequence

import msgspec

from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import Diverted, Fault, Faulty, Invalid, Permanent, Refused, WatchbellError
from watchbell.domain.signal import Signal

MOST_NAMED = 20
"""Refused alerts that one answer names."""


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """An alert that was not taken: the how many-th of its message, from 0, and why."""

    index: int
    signal: Signal
    error: WatchbellError


class Sifted(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message, in its order; what plug-ins took care of is in neither list."""

    received: Sequence[Received]
    refused: Sequence[Refusal]


def sifted(signals: Sequence[Signal], outcomes: Sequence[Received | WatchbellError]) -> Sifted:
    """Tell apart what each signal came to.

    Raises:
        Permanent: a plug-in failed at one. The others are taken; whoever sends the message again loses none.
        Diverted: plug-ins took care of everything.
        WatchbellError: nothing was taken, and why.
    """
    received = [each for each in outcomes if isinstance(each, Received)]
    errors = [(index, each) for index, each in enumerate(outcomes) if isinstance(each, WatchbellError)]
    refused = [Refusal(index=i, signal=signals[i], error=e) for i, e in errors if not isinstance(e, Diverted)]
    for each in refused:
        if isinstance(each.error, Permanent):
            raise each.error
    if refused and not received:
        raise refusal(refused, len(signals))
    if errors and not received:
        raise errors[0][1]
    return Sifted(received=received, refused=refused)


def refusal(refused: Sequence[Refusal], sent: int) -> WatchbellError:
    """One error for all that were refused of so many: that of the only one as it is, else with the place of each."""
    if sent == 1:
        return refused[0].error
    named = refused[:MOST_NAMED]
    invalid = [(each.index, each.error) for each in named if isinstance(each.error, Invalid)]
    if len(invalid) == len(named):
        return Faulty(Fault(field=_place(index, error.field), reason=error.reason) for index, error in invalid)
    more = len(refused) - len(named)
    texts = [f"[{each.index}]: {each.error.message}" for each in named] + ([f"and {more} more"] if more else [])
    return Refused("; ".join(texts))


def _place(index: int, field: str) -> str:
    return f"[{index}].{field}" if field else f"[{index}]"
