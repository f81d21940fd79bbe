"""Asking plug-ins about signals before they are received: what they want them to be, and to become of a status."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.amend import Verdict, asks_about, settled
from watchbell.domain.alerts.policy import Limits, admit, well_formed
from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import Diverted, Invalid, Refused
from watchbell.domain.signal import Signal
from watchbell.usecases.consulting import Consulting

TRIES = 3
"""How often plug-ins are asked about an alert that changes again and again meanwhile."""

Settle = Callable[[Alert | None, Received], Received]
"""(the alert before, what a signal came to): the same as plug-ins want it; raises `Unforeseen`."""


class Asking:
    """Asks. `asks` is whether there is anything to ask at all, `settles` whether about changes of status."""

    def __init__(self, consulting: Consulting, limits: Limits) -> None:
        self._consulting = consulting
        self._limits = limits
        self.settles = consulting.asks("status_change")
        self.asks = self.settles or consulting.asks("pre_receive")

    async def shown(self, signal: Signal) -> Signal:
        """The signal as plug-ins want it received; what policy asks for they may have added.

        Raises `Invalid` or `Refused`, and what plug-ins refuse with.
        """
        well_formed(signal, self._limits)
        signal = await self._consulting.pre_receive(signal)
        admit(signal, self._limits)
        return signal

    async def all_shown(self, signals: Sequence[Signal]) -> list[Signal]:
        """All but those that are diverted. One after another, so that a long list does not take all the threads.

        Raises `Diverted` when nothing is left.
        """
        shown: list[Signal] = []
        diverted: Diverted | None = None
        for signal in signals:
            try:
                shown.append(await self.shown(signal))
            except Diverted as error:
                diverted = diverted or error
        if diverted is not None and not shown:
            raise diverted
        return shown

    async def settle(self, before: Alert | None, received: Received, text: str, now: datetime) -> Settle:
        """What is to become of a signal that was foreseen to come to this."""
        verdict: Verdict | None = None
        if before is not None and asks_about(before, received.alert):
            verdict = await self._consulting.status_change(before, received.alert.status, text, received=True)
        return partial(_settled, verdict, now)


def admit_one_of_many(index: int, signal: Signal, limits: Limits) -> None:
    """As `admit`; the error says which of the list it is about."""
    try:
        admit(signal, limits)
    except Invalid as error:
        raise Invalid(error.reason, f"[{index}].{error.field}" if error.field else f"[{index}]") from error
    except Refused as error:
        raise Refused(f"[{index}]: {error.message}") from error


def _settled(verdict: Verdict | None, now: datetime, before: Alert | None, received: Received) -> Received:
    return settled(received, before, verdict, now)
