"""The use cases that several roles share, built over store and bus."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import msgspec

from watchbell.bootstrap.forwarding import forwarding_of
from watchbell.bootstrap.parts import Parts
from watchbell.bootstrap.plugging import make_consulting
from watchbell.domain.alerts.flapping import FlapRule
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.signal import Signal
from watchbell.ports.bus import Bus
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.configuration import Configured
from watchbell.usecases.entering import Entrance
from watchbell.usecases.escalating import Escalating, acting
from watchbell.usecases.heartbeating import Heartbeating
from watchbell.usecases.in_force import Deciding
from watchbell.usecases.intake import Intake
from watchbell.usecases.interpreting import Interpreting
from watchbell.usecases.metering import Metering
from watchbell.usecases.operating import Operating
from watchbell.usecases.pulsing import Pulsing
from watchbell.usecases.receiving import Receiving, apply_signals
from watchbell.usecases.recording import Rulebook
from watchbell.usecases.switching import Switching
from watchbell.usecases.waking import BusWake


class Core:
    """One set of use cases for each process, however many roles it runs."""

    def __init__(self, parts: Parts, store: Store, bus: Bus) -> None:
        settings = parts.settings
        wake = BusWake(bus)
        self.store = store
        self.bus = bus
        self.model = settings.alerts.alarm_model()
        self.timeouts = settings.alerts.timeouts()
        self._clock = parts.clock
        self._telemetry = parts.telemetry
        self._max_latency = settings.alerts.heartbeat_latency
        self.configured = Configured(store, parts.clock, parts.telemetry)
        limits = Limits(
            environments=tuple(settings.allowed_environments),
            refused_origins=tuple(settings.alerts.refused_origins),
        )
        self.forwarding = forwarding_of(settings)
        self.consulting = make_consulting(parts, store, self.model, limits)
        self.receiving = Receiving(
            self.model,
            limits,
            FlapRule(**msgspec.structs.asdict(settings.flapping)),
            self.timeouts,
            settings.alerts.value_history,
            informs=self.consulting.asks("post_receive"),
            forwarding=self.forwarding,
        )
        self._in_force = Deciding()
        self.rules = Rulebook(self.model.severities.known, settings.base_url)
        self.operating = self.operating_on(store)
        self.escalating = self.escalating_on(store)
        self.pulsing = Pulsing(store, self.configured, self.take, parts.clock, wake=wake)
        self.heartbeating = self.heartbeating_on(store)
        self.switching = Switching(store, parts.clock)
        self.metering = Metering()
        self.interpreting = Interpreting(self.model.severities, limits)
        self.intake = self._make_intake(settings.alerts.heartbeat_events)
        parts.stack.push_async_callback(self.intake.close)
        parts.stack.push_async_callback(self.pulsing.close)

    def _make_intake(self, heartbeats: Sequence[str]) -> Intake:
        given = (self.store, self._clock, self.receiving, self._telemetry)
        more: dict[str, Any] = {
            "configured": self.configured,
            "wake": BusWake(self.bus),
            "consulting": self.consulting,
            "metering": self.metering,
        }
        events = frozenset(heartbeats)
        return Entrance(*given, **more, switching=self.switching, take=self.heartbeating.take, heartbeats=events)

    @property
    def informs(self) -> bool:
        """Whether plug-ins are told of actions."""
        return self.consulting.asks("post_action")

    def operating_on(self, store: Store) -> Operating:
        """Operators' verbs over a store; the API's is guarded."""
        return Operating(
            store,
            self._clock,
            self.model,
            timeouts=self.timeouts,
            wake=BusWake(self.bus),
            consulting=self.consulting,
            forwarding=self.forwarding,
        )

    def escalating_on(self, store: Store) -> Escalating:
        """What moves incidents on."""
        act = acting(self.model, self.timeouts, informs=self.informs, forwarding=self.forwarding)
        return Escalating(store, self.configured, self.rules, self._clock, act)

    def heartbeating_on(self, store: Store) -> Heartbeating:
        """What takes Alerta's heartbeats."""
        return Heartbeating(
            store,
            self.take,
            self._clock,
            self.model,
            limits=self.receiving.limits,
            timeouts=self.timeouts,
            max_latency=self._max_latency,
            wake=BusWake(self.bus),
        )

    async def take(self, tx: Transaction, signals: Sequence[Signal], now: datetime) -> Iterable[int]:
        """Apply signals in the transaction of somebody else; returns the shards that have something to route."""
        config = await self.configured.current()
        batch = await apply_signals(tx, signals, now, self.receiving, self._in_force.at(config, now))
        return batch.shards


async def core(parts: Parts) -> Core:
    """Open what the use cases need, and build them."""
    return Core(parts, await parts.store(), await parts.bus())
