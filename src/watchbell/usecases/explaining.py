"""Explaining: why there is an alert, and what became of it, from what is stored.

Everything is read in one view of the store. Losing the database raises `Retryable`.
"""

from collections.abc import Sequence

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.errors import Missing
from watchbell.domain.oncall.incident import Attempt, Incident
from watchbell.domain.oncall.path import Part, Path, path_of
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.configuration import Configured
from watchbell.usecases.recording import Rulebook, circumstances

ENTRIES = 100
INCIDENTS = 10


class Explaining:
    """Says why."""

    def __init__(self, store: Store, configured: Configured, rules: Rulebook, clock: Clock) -> None:
        self._store = store
        self._configured = configured
        self._rules = rules
        self._clock = clock

    async def explain(self, name: str) -> tuple[Alert, Path]:
        """The path of the alert with this id, or the beginning of it: of its last entries and incidents.

        Raises `Missing`.
        """
        config = await self._configured.current()
        async with self._store.reading() as tx:
            alert = await tx.alerts.get(name)
            if alert is None:
                raise Missing("not found")
            history = await tx.history.of(alert.id, ENTRIES)
            incidents = (await tx.incidents.of_alert(alert.id))[:INCIDENTS]
            parts = [await _part(tx, incident) for incident in reversed(incidents)]
        now = self._clock.now()
        services = {
            service: circumstances(config, service, None, self._rules, now) if service in config.services else None
            for service in dict.fromkeys(alert.service)
        }
        return alert, path_of(alert, history, parts, services)


async def _part(tx: Transaction, incident: Incident) -> Part:
    notifications = await tx.notifications.of_incident(incident.id)
    attempts: dict[str, Sequence[Attempt]] = {}
    for attempt in await tx.notifications.attempts([each.id for each in notifications]):
        attempts[attempt.notification_id] = (*attempts.get(attempt.notification_id, ()), attempt)
    timeline = await tx.incidents.timeline(incident.id)
    return Part(incident=incident, timeline=timeline, notifications=notifications, attempts=attempts)
