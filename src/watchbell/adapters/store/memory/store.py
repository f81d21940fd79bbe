"""The memory store: transactions one after another, each all or nothing, and readers that see what was last committed.

Loses everything with the process. A writer that waits longer than `patience` seconds for another gets `Retryable`.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from watchbell.adapters.store.feed import Noted
from watchbell.adapters.store.memory.accounts import MemoryApiKeys, MemoryAudit, MemorySessions, MemoryUsers
from watchbell.adapters.store.memory.alerta import (
    MemoryCustomerLookups,
    MemoryNotes,
    MemoryOriginHeartbeats,
    MemoryPeople,
    MemoryPermissions,
)
from watchbell.adapters.store.memory.alerts import MemoryAlertHistory, MemoryAlertReports, MemoryAlerts
from watchbell.adapters.store.memory.calls import MemoryReceivedCalls
from watchbell.adapters.store.memory.catalogue import MemoryCatalogue, MemoryChanges, MemoryFacts, MemoryTallies
from watchbell.adapters.store.memory.checks import MemoryCheckStates, MemoryPulses
from watchbell.adapters.store.memory.identities import MemoryIdentities
from watchbell.adapters.store.memory.oncall import MemoryIncidents, MemoryNotifications
from watchbell.adapters.store.memory.past import MemoryEpisodes, MemoryPastAlerts
from watchbell.adapters.store.memory.proofs import MemoryLetters, MemoryPasskeys, MemorySecondFactors, MemorySpent
from watchbell.adapters.store.memory.rules import MemoryRuleHistory
from watchbell.adapters.store.memory.tables import State, Tables
from watchbell.adapters.store.memory.views import MemoryViews
from watchbell.adapters.store.memory.work import MemoryLeases, MemoryOutbox, MemoryTimers
from watchbell.domain.errors import Retryable
from watchbell.ports import store as ports
from watchbell.ports.calls import ReceivedCalls
from watchbell.ports.login import Identities
from watchbell.ports.proofs import Letters, Passkeys, SecondFactors, Spent
from watchbell.ports.tally import Tallies


def _now() -> datetime:
    return datetime.now(UTC)


class MemoryTransaction:
    """One transaction over the tables."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self._noted = Noted()
        self.alerts: ports.Alerts = MemoryAlerts(tables)
        self.reports: ports.AlertReports = MemoryAlertReports(tables)
        self.history: ports.AlertHistory = MemoryAlertHistory(tables)
        self.catalogue: ports.Catalogue = MemoryCatalogue(tables)
        self.checks: ports.CheckStates = MemoryCheckStates(tables)
        self.pulses: ports.Pulses = MemoryPulses(tables)
        self.incidents: ports.Incidents = MemoryIncidents(tables)
        self.notifications: ports.Notifications = MemoryNotifications(tables)
        self.outbox: ports.Outbox = MemoryOutbox(tables)
        self.timers: ports.Timers = MemoryTimers(tables)
        self.leases: ports.Leases = MemoryLeases(tables)
        self.users: ports.Users = MemoryUsers(tables)
        self.sessions: ports.Sessions = MemorySessions(tables)
        self.keys: ports.ApiKeys = MemoryApiKeys(tables)
        self.facts: ports.Facts = MemoryFacts(tables)
        self.audit: ports.Audit = MemoryAudit(tables)
        self.changes: ports.Changes = MemoryChanges(tables)
        self.tallies: Tallies = MemoryTallies(tables)
        self.rule_history: ports.RuleHistory = MemoryRuleHistory(tables)
        self.notes: ports.Notes = MemoryNotes(tables)
        self.origin_heartbeats: ports.OriginHeartbeats = MemoryOriginHeartbeats(tables)
        self.people: ports.People = MemoryPeople(tables)
        self.customer_lookups: ports.CustomerLookups = MemoryCustomerLookups(tables)
        self.received_calls: ReceivedCalls = MemoryReceivedCalls(tables)
        self.permissions: ports.Permissions = MemoryPermissions(tables)
        self.identities: Identities = MemoryIdentities(tables)
        self.views: ports.Views = MemoryViews(tables)
        self.letters: Letters = MemoryLetters(tables)
        self.second_factors: SecondFactors = MemorySecondFactors(tables)
        self.spent: Spent = MemorySpent(tables)
        self.passkeys: Passkeys = MemoryPasskeys(tables)
        self.past: ports.PastAlerts = MemoryPastAlerts(tables)
        self.episodes: ports.Episodes = MemoryEpisodes(tables)

    def changed(self, topic: str, *identifiers: str) -> None:
        """Note that these were changed."""
        self._tables.must_write()
        self._noted.add(topic, identifiers)

    def finish(self, at: datetime) -> State:
        """The state to commit, with the row in the feed.

        Raises:
            WatchbellError: a method of the transaction had failed, and its error was swallowed.
        """
        if self._tables.failure is not None:
            raise self._tables.failure
        items = self._noted.items()
        if items:
            number = self._tables.next_number("changes")
            self._tables.edit("changes")[number] = ports.Change(id=number, at=at, items=items)
        return self._tables.committed()


class MemoryStore:
    """A store for tests and simulations. `now` is asked for the time of a change."""

    def __init__(self, now: Callable[[], datetime] = _now, patience: float = 30.0) -> None:
        self._now = now
        self._patience = patience
        self._state: State = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[MemoryTransaction]:
        """A writing transaction."""
        try:
            async with asyncio.timeout(self._patience):
                await self._lock.acquire()
        except TimeoutError:
            raise Retryable("Another transaction did not end in time.") from None
        try:
            transaction = MemoryTransaction(Tables(self._state, writable=True))
            yield transaction
            self._state = transaction.finish(self._now())
        finally:
            self._lock.release()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[MemoryTransaction]:
        """A view for reading."""
        yield MemoryTransaction(Tables(self._state, writable=False))

    async def ping(self) -> None:
        """Memory always answers."""

    async def close(self) -> None:
        """There is nothing to give back."""
