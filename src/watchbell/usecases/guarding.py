"""Guarding: the store as the caller of the API may see it.

For a caller with customers every read leaves out what belongs to others, and every write of it is refused, whatever
the route. All other callers, and Watchbell's own work, have the store as it is. Look-ups of what is nobody's (checks,
services, users) are passed on; so is what intake needs to receive a signal.
"""

from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from watchbell.domain.customers import Customers
from watchbell.ports import store as ports
from watchbell.ports.calls import ReceivedCalls
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.calling import customers_now
from watchbell.usecases.guarding_alerts import GuardedAlerts, GuardedHistory, GuardedNotes, GuardedReports
from watchbell.usecases.guarding_objects import (
    GuardedCalls,
    GuardedCatalogue,
    GuardedHeartbeats,
    GuardedIncidents,
    GuardedNotifications,
    visible_items,
)
from watchbell.usecases.guarding_past import GuardedEpisodes, GuardedPast

__all__ = ["GuardedStore", "visible_items"]


class GuardedTransaction:
    """One transaction, as whoever has these customers may see it."""

    def __init__(self, tx: Transaction, customers: Customers) -> None:
        self._tx = tx
        self.alerts: ports.Alerts = GuardedAlerts(tx, customers)
        self.reports: ports.AlertReports = GuardedReports(tx, customers)
        self.history: ports.AlertHistory = GuardedHistory(tx, customers)
        self.notes: ports.Notes = GuardedNotes(tx, customers)
        self.origin_heartbeats: ports.OriginHeartbeats = GuardedHeartbeats(tx, customers)
        self.incidents: ports.Incidents = GuardedIncidents(tx, customers)
        self.notifications: ports.Notifications = GuardedNotifications(tx, customers)
        self.catalogue: ports.Catalogue = GuardedCatalogue(tx, customers)
        self.checks = tx.checks
        self.pulses = tx.pulses
        self.outbox = tx.outbox
        self.timers = tx.timers
        self.leases = tx.leases
        self.users = tx.users
        self.sessions = tx.sessions
        self.keys = tx.keys
        self.facts = tx.facts
        self.audit = tx.audit
        self.changes = tx.changes
        self.tallies = tx.tallies
        self.rule_history = tx.rule_history
        self.people = tx.people
        self.customer_lookups = tx.customer_lookups
        self.permissions = tx.permissions
        self.identities = tx.identities
        self.views = tx.views
        self.letters = tx.letters
        self.second_factors = tx.second_factors
        self.spent = tx.spent
        self.passkeys = tx.passkeys
        self.past: ports.PastAlerts = GuardedPast(tx, customers)
        self.episodes: ports.Episodes = GuardedEpisodes(tx, customers)
        self.received_calls: ReceivedCalls = GuardedCalls(tx)

    def changed(self, topic: str, *identifiers: str) -> None:
        """Note that these were changed."""
        self._tx.changed(topic, *identifiers)


class GuardedStore:
    """A store for what the API does."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A writing transaction."""
        return _guarded(self._store.transaction())

    def reading(self) -> AbstractAsyncContextManager[Transaction]:
        """A view for reading."""
        return _guarded(self._store.reading())

    async def ping(self) -> None:
        """Ask the store for an answer."""
        await self._store.ping()

    async def close(self) -> None:
        """Close the store."""
        await self._store.close()


def _guarded(opened: AbstractAsyncContextManager[Transaction]) -> AbstractAsyncContextManager[Transaction]:
    customers = customers_now()
    return opened if customers is None else _narrow(opened, customers)


@asynccontextmanager
async def _narrow(
    opened: AbstractAsyncContextManager[Transaction], customers: Customers
) -> AsyncGenerator[Transaction]:
    async with opened as tx:
        yield GuardedTransaction(tx, customers)
