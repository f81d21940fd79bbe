"""Entering: what is asked of signals from outside before all else: whether any are taken, and which are heartbeats."""

from collections.abc import Awaitable, Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from watchbell.domain.alerts.policy import admit
from watchbell.domain.alerts.receive import Received
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.errors import Diverted, Retryable, WatchbellError
from watchbell.domain.signal import Signal
from watchbell.usecases.asking import admit_one_of_many
from watchbell.usecases.heartbeating import Sent
from watchbell.usecases.intake import Intake
from watchbell.usecases.switching import Switching

TakeHeartbeat = Callable[[Sent], Awaitable[OriginHeartbeat]]


class Entrance(Intake):
    """Receives signals from outside; those of `heartbeats`, which are events, become heartbeats of their origin.

    Policy is asked about those as about any other: who may not send alerts may not send them by another name either.
    """

    def __init__(
        self,
        *given: Any,
        switching: Switching,
        take: TakeHeartbeat,
        heartbeats: AbstractSet[str] = frozenset(),
        **more: Any,
    ) -> None:
        super().__init__(*given, **more)
        self._switching = switching
        self._take = take
        self._heartbeats = heartbeats

    async def _one(self, signal: Signal) -> Received:
        """As `Intake`. Raises `Diverted` with the heartbeat's id for what is one, `Overloaded` while none are taken."""
        await self._switching.require_intake()
        if signal.event in self._heartbeats:
            self._receiving.forwarding.refuse_loop("Alert")
            admit(signal, self._receiving.limits)
            raise await self._taken(signal)
        return await super()._one(signal)

    async def _together(self, signals: Sequence[Signal]) -> list[Received]:
        """As `Intake`; what are heartbeats are left out, and when nothing is left, raises `Diverted`.

        The alerts among them are received first: when one is refused, no heartbeat counts either, nor any
        alert when policy refuses a heartbeat.
        """
        await self._switching.require_intake()
        self._receiving.forwarding.refuse_loop("Alert")
        beats: list[Signal] = []
        for index, signal in enumerate(signals):
            if signal.event in self._heartbeats:
                admit_one_of_many(index, signal, self._receiving.limits)
                beats.append(signal)
        others = [signal for signal in signals if signal.event not in self._heartbeats]
        received = await super()._together(others)
        taken = [await self._taken(signal) for signal in beats]
        if taken and not others:
            raise taken[0]
        return received

    async def _each(self, signals: Sequence[Signal]) -> list[Received | WatchbellError]:
        """As `Intake`; what are heartbeats come to `Diverted`, after the alerts."""
        await self._switching.require_intake()
        self._receiving.forwarding.refuse_loop("Alert")
        others = iter(await super()._each([signal for signal in signals if signal.event not in self._heartbeats]))
        return [await self._beat(each) if each.event in self._heartbeats else next(others) for each in signals]

    async def _beat(self, signal: Signal) -> WatchbellError:
        try:
            admit(signal, self._receiving.limits)
            return await self._taken(signal)
        except Retryable:
            raise
        except WatchbellError as error:
            return error

    async def _taken(self, signal: Signal) -> Diverted:
        attributes: dict[str, Any] = {
            "environment": signal.environment,
            "severity": signal.severity,
            "service": list(signal.service),
            "group": signal.group,
        }
        # A sign of life says that all is well. What its silence is, it says only when it speaks of a problem.
        if self._receiving.model.severities.is_harmless(signal.severity):
            del attributes["severity"]
        heartbeat = await self._take(
            Sent(
                origin=signal.origin,
                tags=signal.tags,
                attributes=attributes,
                create_time=signal.create_time,
                timeout=signal.timeout,
                customer=signal.customer,
            )
        )
        return Diverted("Alert converted to Heartbeat", heartbeat.id)
