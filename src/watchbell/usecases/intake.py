"""The one way in: every signal, whatever its source, becomes alerts here, in one transaction with its consequences.

Lock, load, fold in memory, write. Signals of the same alert in one batch fold in order. A signal that the alarm model
refuses is reported for itself and changes nothing; losing the database fails the batch, and nothing of it is written.
Plug-ins, when there are any, are asked before about each signal from outside, and only its sender waits for them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from time import perf_counter

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.amend import Unforeseen
from watchbell.domain.alerts.policy import admit
from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import Overloaded, Retryable, WatchbellError
from watchbell.domain.signal import Signal
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.asking import TRIES, Asking, Settle, admit_one_of_many
from watchbell.usecases.calling import assigned_now, caller_now
from watchbell.usecases.configuration import Configured
from watchbell.usecases.consulting import Consulting
from watchbell.usecases.group_commit import GroupCommit
from watchbell.usecases.in_force import Deciding
from watchbell.usecases.metering import Metering
from watchbell.usecases.receiving import Fold, Receiving, apply_signals, completed, identities_of
from watchbell.usecases.waking import Wake, no_wake

_AGAIN = (Overloaded, Retryable)
"""What is no fault of one signal, and passes."""


def _assigned(signal: Signal) -> Signal:
    """The signal for the customer that its sender may write for, and with the way that it came."""
    customer, via = assigned_now(signal.customer, "alerts"), caller_now().via
    if customer == signal.customer and via == signal.via:
        return signal
    return msgspec.structs.replace(signal, customer=customer, via=via)


class _Waiting(msgspec.Struct, frozen=True):
    """A signal, when it was received, and what plug-ins said of it."""

    signal: Signal
    since: datetime
    settle: Settle | None = None


class Intake:
    """Receives signals for callers that wait for the outcome, many in one commit."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        receiving: Receiving,
        telemetry: Telemetry,
        *,
        configured: Configured | None = None,
        wake: Wake = no_wake,
        consulting: Consulting | None = None,
        metering: Metering | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._configured = configured or Configured(store, clock, telemetry)
        self._receiving = receiving
        self._telemetry = telemetry
        self._wake = wake
        self._metering = metering or Metering()
        self._in_force = Deciding()
        self._asking = Asking(consulting or Consulting(), receiving.limits)
        self._commit: GroupCommit[_Waiting, Received] = GroupCommit(self._apply)

    async def receive(self, signal: Signal) -> Received:
        """Receive one signal.

        Raises `Refused` or `Invalid` by policy, `Overloaded` and `Retryable` when it may come again, and what plug-ins
        refuse with, or `Permanent` when one fails.
        """
        began = perf_counter()
        try:
            received = await self._one(signal)
        except WatchbellError as error:
            self._metering.refused(error)
            raise
        self._metering.received((received,), began)
        return received

    async def receive_many(self, signals: Sequence[Signal]) -> list[Received]:
        """Receive a list in one transaction: all of it, or nothing.

        What plug-ins divert is left out; when nothing is left, raises `Diverted`.
        """
        began = perf_counter()
        try:
            received = await self._together(signals)
        except WatchbellError as error:
            self._metering.refused(error)
            raise
        self._metering.received(received, began)
        return received

    async def receive_each(self, signals: Sequence[Signal]) -> list[Received | WatchbellError]:
        """Receive a list, in one transaction, without those that are refused: what became of each, in order.

        An error is `Diverted`, a refusal, or `Permanent` when a plug-in failed. Raises `Overloaded` and `Retryable`
        when the whole list may come again; what was taken of it already is a duplicate then.
        """
        began = perf_counter()
        outcomes = await self._each(signals)
        self._metering.received([each for each in outcomes if isinstance(each, Received)], began)
        for each in outcomes:
            if isinstance(each, WatchbellError):
                self._metering.refused(each)
        return outcomes

    async def close(self) -> None:
        """Apply what was taken, and take no more."""
        await self._commit.close()

    async def _one(self, signal: Signal) -> Received:
        self._receiving.forwarding.refuse_loop("Alert")
        since = self._clock.now()
        ready = await self._ready(_assigned(signal), since)
        if self._asking.asks:
            return (await self._consulted([ready], since, together=False))[0]
        return await self._commit.submit(_Waiting(ready, since))

    async def _together(self, signals: Sequence[Signal]) -> list[Received]:
        self._receiving.forwarding.refuse_loop("Alert")
        signals = [_assigned(signal) for signal in signals]
        since = self._clock.now()
        if self._asking.asks and signals:
            shown = await self._asking.all_shown([completed(signal, self._receiving, since) for signal in signals])
            return await self._consulted(shown, since, together=True)
        for index, signal in enumerate(signals):
            admit_one_of_many(index, signal, self._receiving.limits)
        if not signals:
            return []
        return await self._applied_together([_Waiting(signal, since) for signal in signals])

    async def _each(self, signals: Sequence[Signal]) -> list[Received | WatchbellError]:
        self._receiving.forwarding.refuse_loop("Alert")
        since = self._clock.now()
        outcomes: dict[int, Received | WatchbellError] = {}
        ready: dict[int, Signal] = {}
        for index, signal in enumerate(signals):
            try:
                ready[index] = await self._ready(_assigned(signal), since)
            except _AGAIN:
                raise
            except WatchbellError as error:
                outcomes[index] = error
        for _ in range(TRIES):
            outcomes.update(await self._tried(ready, since))
            ready = {index: ready[index] for index in ready if isinstance(outcomes[index], Unforeseen)}
        if ready:
            raise Unforeseen
        return [outcomes[index] for index in range(len(signals))]

    async def _ready(self, signal: Signal, since: datetime) -> Signal:
        """The signal as plug-ins want it received, let in by policy."""
        if self._asking.asks:
            return await self._asking.shown(completed(signal, self._receiving, since))
        admit(signal, self._receiving.limits)
        return signal

    async def _tried(self, ready: Mapping[int, Signal], since: datetime) -> dict[int, Received | WatchbellError]:
        """What each signal came to by itself; `Unforeseen` for those to try again."""
        if not ready:
            return {}
        settles = dict(zip(ready, await self._settles(list(ready.values())), strict=True))
        found: dict[int, Received | WatchbellError] = {}
        waiting: dict[int, _Waiting] = {}
        for index, settle in settles.items():
            if isinstance(settle, WatchbellError):
                found[index] = settle
            else:
                waiting[index] = _Waiting(ready[index], since, settle)
        if waiting:
            found.update(zip(waiting, await self._apply(list(waiting.values())), strict=True))
        return found

    async def _consulted(self, signals: Sequence[Signal], since: datetime, *, together: bool) -> list[Received]:
        """Foresee what becomes of the signals' statuses, ask plug-ins about it, and apply the signals so."""
        for _ in range(TRIES):
            waiting: list[_Waiting] = []
            for one, settle in zip(signals, await self._settles(signals), strict=True):
                if isinstance(settle, WatchbellError):
                    raise settle
                waiting.append(_Waiting(one, since, settle))
            try:
                if together:
                    return await self._applied_together(waiting)
                return [await self._commit.submit(one) for one in waiting]
            except Unforeseen:
                continue
        raise Unforeseen

    async def _settles(self, signals: Sequence[Signal]) -> list[Settle | WatchbellError | None]:
        """What plug-ins say of each signal, or why it is refused."""
        if not self._asking.settles:
            return [None] * len(signals)
        now = self._clock.now()
        config = await self._configured.current()
        rules = self._in_force.at(config, now)
        signals = [completed(signal, self._receiving, now, rules.correlator) for signal in signals]
        async with self._store.reading() as tx:
            stored = await tx.alerts.related(identities_of(signals))
        fold = Fold(stored, rules)
        return [await self._settle(fold, signal, now) for signal in signals]

    async def _settle(self, fold: Fold, signal: Signal, now: datetime) -> Settle | WatchbellError:
        seen: list[tuple[Alert | None, Received]] = []

        def see(before: Alert | None, received: Received) -> Received:
            seen.append((before, received))
            return received

        foreseen = fold.take(signal, now, self._receiving, see)
        if isinstance(foreseen, WatchbellError):
            return foreseen
        try:
            return await self._asking.settle(*seen.pop(), signal.text, now)
        except _AGAIN:
            raise
        except WatchbellError as error:
            return error

    async def _applied_together(self, waiting: Sequence[_Waiting]) -> list[Received]:
        outcomes = await self._apply(waiting, together=True)
        return [outcome for outcome in outcomes if isinstance(outcome, Received)]

    async def _apply(
        self, waiting: Sequence["_Waiting"], *, together: bool = False
    ) -> Sequence[Received | WatchbellError]:
        signals = [one.signal for one in waiting]
        settles = [one.settle for one in waiting] if self._asking.asks else ()
        config = await self._configured.current()
        now = self._clock.now()
        rules = self._in_force.at(config, now)
        async with self._store.transaction() as tx:
            batch = await apply_signals(tx, signals, now, self._receiving, rules, settles)
            if together:
                for outcome in batch.outcomes:
                    if isinstance(outcome, WatchbellError):
                        raise outcome
        recorded = self._clock.now()
        for one in waiting:
            # From the receipt: what waited for the commit before it waited, too.
            self._telemetry.observe("stage_seconds", (recorded - one.since).total_seconds(), stage="record")
        self._telemetry.count("signals_received", len(signals))
        if batch.shards:
            await self._wake(sorted(batch.shards))
        return batch.outcomes
