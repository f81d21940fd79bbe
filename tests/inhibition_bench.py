"""The bench of on-call with the way in, and one who inhibits; `restart` forgets all that is not in the store."""

from collections import Counter
from typing import Any

from oncall_bench import Bench
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.alerta_model import AlertaModel
from watchbell.domain.alerts.flapping import NEVER
from watchbell.domain.alerts.inhibition import Inhibition, Selection
from watchbell.domain.alerts.policy import Limits
from watchbell.domain.ids import new_id
from watchbell.domain.signal import Signal
from watchbell.ports.telemetry import NullTelemetry
from watchbell.usecases.inhibiting import Inhibiting
from watchbell.usecases.intake import Intake
from watchbell.usecases.operating import Operating
from watchbell.usecases.receiving import Receiving

SWITCH = Inhibition(
    name="switch",
    id="i1",
    source=Selection(event="SwitchDown"),
    target=Selection(event="Unreachable"),
    equal=("environment", "attributes.site"),
    grace=60,
)


class Inhibited(Bench):
    """No alert flaps here: the recoveries of those that do are told by digest, later."""

    def __init__(self) -> None:
        super().__init__()
        self.restart()

    def restart(self) -> None:
        """What a process has in memory is gone."""
        model = AlertaModel()
        telemetry = NullTelemetry()
        self.configured.expire()
        self.intake = Intake(
            self.store, self.clock, Receiving(model, Limits(), NEVER), telemetry, configured=self.configured
        )
        self.operating = Operating(self.store, self.clock, model)
        self.inhibiting = Inhibiting(self.store, self.configured, self.clock)

    async def receive(self, resource: str, event: str = "Unreachable", severity: str = "critical", **more: Any) -> str:
        """A message comes in; nothing is routed. Returns the id of its alert."""
        fields: dict[str, Any] = {
            "id": new_id(),
            "environment": "Production",
            "service": ("checkout",),
            "attributes": {"site": "berlin"},
            "create_time": self.clock.now(),
            **more,
        }
        sent = Signal(resource=resource, event=event, severity=severity, **fields)
        return (await self.intake.receive(sent)).alert.id

    async def push(self, resource: str, event: str = "Unreachable", severity: str = "critical", **more: Any) -> str:
        """The same, and it is routed."""
        found = await self.receive(resource, event, severity, **more)
        await self.routing.run(self.leases)
        return found

    async def act(self, alert_id: str, action: str) -> None:
        """What an operator does, routed."""
        await self.operating.act(alert_id, action, user="ann")
        await self.routing.run(self.leases)

    async def tick(self, seconds: float = 0) -> None:
        """Time passes, and the keeper looks."""
        self.clock.advance(seconds)
        await self.inhibiting.run([])
        await self.routing.run(self.leases)

    async def one(self, alert_id: str) -> Alert:
        """The alert."""
        async with self.store.reading() as tx:
            (found,) = await tx.alerts.many([alert_id])
        return found

    async def marks(self, *ids: str) -> list[str | None]:
        """Who inhibits each."""
        return [(await self.one(alert_id)).inhibited_by for alert_id in ids]

    async def heard(self) -> set[str]:
        """Ids of the alerts that joined an incident."""
        return {alert_id for incident in await self.incidents() for alert_id in incident.alerts}

    async def told(self) -> Counter[str]:
        """How many messages people were sent, by what they are for."""
        return Counter(each.purpose.value for each in await self.notifications())
