"""Plug-ins for tests, and the use cases that ask them, over the memory store."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import msgspec

from watchbell.adapters.threads import LaneThreads
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.ids import SHARDS, new_id
from watchbell.domain.signal import Signal
from watchbell.ports.alert_plugin import HOOKS, Given, Rules, every_plugin
from watchbell.ports.store import Lease
from watchbell.ports.telemetry import NullTelemetry
from watchbell.testing import HandClock, MemoryStore
from watchbell.usecases.consulting import Consulting, Plugged, Terms, hooks_of
from watchbell.usecases.informing import Informing
from watchbell.usecases.intake import Intake
from watchbell.usecases.looking import StoreLookup
from watchbell.usecases.noting import Noting
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AMPLE = 30.0
T = TypeVar("T")


def signal(event: str = "Down", severity: str = "major", **more: Any) -> Signal:
    """One about `web`."""
    fields: dict[str, Any] = {"environment": "Production", "resource": "web", "service": ("Shop",), **more}
    return Signal(id=new_id(), event=event, severity=severity, create_time=NOW, **fields)


class Hooks:
    """A plug-in with the hooks that it is made of, which remembers what it was asked."""

    def __init__(self, **hooks: Callable[..., Any]) -> None:
        assert hooks.keys() <= set(HOOKS)
        self.hooks = frozenset(hooks)
        self.asked: list[tuple[str, Any, Given]] = []
        for name, hook in hooks.items():
            setattr(self, name, self._remembering(name, hook))

    def _remembering(self, name: str, hook: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self.asked.append((name, arguments[0], arguments[-1]))
            return hook(*arguments)

        return call

    def heard(self, hook: str) -> list[Any]:
        """What it was asked about by this hook."""
        return [subject for name, subject, _ in self.asked if name == hook]


class Counted(NullTelemetry):
    """Keeps counts by name."""

    def __init__(self) -> None:
        self.counts: dict[str, float] = {}

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        """Add."""
        self.counts[name] = self.counts.get(name, 0) + amount


class PatientThreads(LaneThreads):
    """Threads whose calls may take so many seconds, by their lane and in turn, whatever the settings say.

    So a test has one call that is late and others that never are, however slow the machine is.
    """

    def __init__(self, at_once: int, patience: Callable[[str], float]) -> None:
        super().__init__(at_once)
        self._patience = patience

    async def run(self, lane: str, work: Callable[[], T], timeout: float) -> T:
        """Do it."""
        del timeout
        return await super().run(lane, work, self._patience(lane))


class PluginBench:
    """Intake, operating, noting and informing with plug-ins. To be made in a running loop."""

    def __init__(
        self,
        *plugins: Any,
        rules: Rules = every_plugin,
        patience: Callable[[str], float] = lambda _: AMPLE,
        at_once: int = 4,
        **terms: Any,
    ) -> None:
        self.clock = HandClock(NOW)
        self.store = MemoryStore(self.clock.now)
        self.telemetry = Counted()
        model, limits = AlertaModel(), Limits()
        self.consulting = Consulting(
            [Plugged(f"p{number}", one, hooks_of(one)) for number, one in enumerate(plugins, 1)],
            rules=rules,
            threads=PatientThreads(at_once, patience),
            lookup=StoreLookup(self.store, asyncio.get_running_loop(), AMPLE),
            telemetry=self.telemetry,
            terms=Terms(timeout=AMPLE, statuses=frozenset(model.statuses), limits=limits, **terms),
        )
        asks = self.consulting.asks
        receiving = Receiving(model, limits, informs=asks("post_receive"))
        self.intake = Intake(self.store, self.clock, receiving, self.telemetry, consulting=self.consulting)
        self.operating = Operating(self.store, self.clock, model, consulting=self.consulting)
        self.noting = Noting(self.store, self.clock, consulting=self.consulting)
        self.held: dict[int, Lease] = {}
        self.informing = self.new_informing()

    def new_informing(self) -> Informing:
        """What the next process of a keeper would have."""
        return Informing(self.store, self.consulting, self.clock, self.telemetry, held=self.held)

    async def receive(self, **fields: Any) -> Alert:
        """Receive a signal."""
        return (await self.intake.receive(signal(**fields))).alert

    async def alert(self, alert_id: str) -> Alert | None:
        """The alert as it is stored."""
        async with self.store.reading() as tx:
            return await tx.alerts.get(alert_id)

    async def lease(self, holder: str = "keeper") -> None:
        """Hold all shards."""
        async with self.store.transaction() as tx:
            for shard in range(SHARDS):
                until = self.clock.now() + timedelta(days=1)
                lease = await tx.leases.acquire(f"shard/{shard}", holder, self.clock.now(), until)
                assert lease is not None
                self.held[shard] = lease

    async def inform(self, informing: Informing | None = None) -> int:
        """Tell what is due, and wait until it is told; how many rows there were."""
        if not self.held:
            await self.lease()
        told = informing or self.informing
        rows = await told.run(list(self.held.values()))
        while told._tasks:
            await asyncio.gather(*told._tasks)
        return rows

    async def waiting(self) -> int:
        """Rows that are to be told, due or not."""
        async with self.store.reading() as tx:
            backlog = await tx.outbox.backlog(self.clock.now() + timedelta(days=365))
        return backlog.get("plugin", (0, 0))[0]


def tagged(alert: Alert, *tags: str, **attributes: Any) -> Alert:
    """The alert with more tags and attributes."""
    return msgspec.structs.replace(alert, tags=(*alert.tags, *tags), attributes={**alert.attributes, **attributes})
