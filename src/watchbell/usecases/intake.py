"""The one way in: every signal, whatever its source, becomes alerts here, in one transaction with its consequences.

Lock, load, fold in memory, write. Signals of the same alert in one batch fold in order. A signal that the alarm model
refuses is reported for itself and changes nothing; losing the database fails the batch, and nothing of it is written.
Plug-ins, when there are any, are asked before about each signal from outside, and only its sender waits for them.
"""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.amend import Unforeseen
from watchbell.domain.alerts.policy import admit
from watchbell.domain.alerts.receive import Received
from watchbell.domain.errors import WatchbellError
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
from watchbell.usecases.receiving import Fold, Receiving, apply_signals, completed, identities_of
from watchbell.usecases.waking import Wake, no_wake


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
    ) -> None:
        self._store = store
        self._clock = clock
        self._configured = configured or Configured(store, clock, telemetry)
        self._receiving = receiving
        self._telemetry = telemetry
        self._wake = wake
        self._in_force = Deciding()
        self._asking = Asking(consulting or Consulting(), receiving.limits)
        self._commit: GroupCommit[_Waiting, Received] = GroupCommit(self._apply)

    async def receive(self, signal: Signal) -> Received:
        """Receive one signal.

        Raises `Refused` or `Invalid` by policy, `Overloaded` and `Retryable` when it may come again, and what plug-ins
        refuse with, or `Permanent` when one fails.
        """
        self._receiving.forwarding.refuse_loop("Alert")
        signal = _assigned(signal)
        if self._asking.asks:
            since = self._clock.now()
            shown = await self._asking.shown(completed(signal, self._receiving, since))
            return (await self._consulted([shown], since, together=False))[0]
        admit(signal, self._receiving.limits)
        return await self._commit.submit(_Waiting(signal, self._clock.now()))

    async def receive_many(self, signals: Sequence[Signal]) -> list[Received]:
        """Receive a list in one transaction: all of it, or nothing.

        What plug-ins divert is left out; when nothing is left, raises `Diverted`.
        """
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

    async def close(self) -> None:
        """Apply what was taken, and take no more."""
        await self._commit.close()

    async def _consulted(self, signals: Sequence[Signal], since: datetime, *, together: bool) -> list[Received]:
        """Foresee what becomes of the signals' statuses, ask plug-ins about it, and apply the signals so."""
        for _ in range(TRIES):
            settles = await self._settles(signals)
            waiting = [_Waiting(one, since, settle) for one, settle in zip(signals, settles, strict=True)]
            try:
                if together:
                    return await self._applied_together(waiting)
                return [await self._commit.submit(one) for one in waiting]
            except Unforeseen:
                continue
        raise Unforeseen

    async def _settles(self, signals: Sequence[Signal]) -> list[Settle | None]:
        if not self._asking.settles:
            return [None] * len(signals)
        now = self._clock.now()
        config = await self._configured.current()
        rules = self._in_force.at(config, now)
        signals = [completed(signal, self._receiving, now, rules.correlator) for signal in signals]
        async with self._store.reading() as tx:
            stored = await tx.alerts.related(identities_of(signals))
        fold = Fold(stored, rules)
        seen: list[tuple[Alert | None, Received]] = []

        def see(before: Alert | None, received: Received) -> Received:
            seen.append((before, received))
            return received

        settles: list[Settle | None] = []
        for signal in signals:
            foreseen = fold.take(signal, now, self._receiving, see)
            if isinstance(foreseen, WatchbellError):
                raise foreseen
            settles.append(await self._asking.settle(*seen.pop(), signal.text, now))
        return settles

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
