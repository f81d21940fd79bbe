"""The SQL store: `open_store(url)` for `sqlite:///path`, `postgresql://…` and `postgresql+asyncpg://…`.

Fails with `Retryable` while the database does not answer; connections come back by themselves when it does. The tables
must be there: `migrations.migrate` makes them.
"""

from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from sqlalchemy import literal, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncConnection

from watchbell.adapters.store.feed import Noted
from watchbell.adapters.store.sql.accounts import SqlApiKeys, SqlAudit, SqlSessions, SqlUsers
from watchbell.adapters.store.sql.alerta import (
    SqlCustomerLookups,
    SqlNotes,
    SqlOriginHeartbeats,
    SqlPeople,
    SqlPermissions,
)
from watchbell.adapters.store.sql.alerts import SqlAlertHistory, SqlAlertReports, SqlAlerts
from watchbell.adapters.store.sql.calls import SqlReceivedCalls
from watchbell.adapters.store.sql.catalogue import SqlCatalogue, SqlChanges, SqlFacts
from watchbell.adapters.store.sql.checks import SqlCheckStates, SqlPulses
from watchbell.adapters.store.sql.dialect import Connections, Dialect
from watchbell.adapters.store.sql.dialect_postgres import PostgresConnections, PostgresDialect
from watchbell.adapters.store.sql.dialect_sqlite import SqliteConnections, SqliteDialect
from watchbell.adapters.store.sql.duties import SqlLeases, SqlOutbox, SqlTimers
from watchbell.adapters.store.sql.episodes import SqlEpisodes
from watchbell.adapters.store.sql.identities import SqlIdentities
from watchbell.adapters.store.sql.oncall import SqlIncidents, SqlNotifications
from watchbell.adapters.store.sql.past import SqlPastAlerts
from watchbell.adapters.store.sql.proofs import SqlLetters, SqlPasskeys, SqlSecondFactors, SqlSpent
from watchbell.adapters.store.sql.rules import SqlRuleHistory
from watchbell.adapters.store.sql.tallies import SqlTallies
from watchbell.adapters.store.sql.views import SqlViews
from watchbell.adapters.store.sql.work import Work, translated
from watchbell.domain.errors import Invalid
from watchbell.ports import store as ports
from watchbell.ports.calls import ReceivedCalls
from watchbell.ports.login import Identities
from watchbell.ports.proofs import Letters, Passkeys, SecondFactors, Spent
from watchbell.ports.tally import Tallies


def _now() -> datetime:
    return datetime.now(UTC)


class SqlTransaction:
    """One transaction."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._noted = Noted()
        self.alerts: ports.Alerts = SqlAlerts(work)
        self.reports: ports.AlertReports = SqlAlertReports(work)
        self.history: ports.AlertHistory = SqlAlertHistory(work)
        self.catalogue: ports.Catalogue = SqlCatalogue(work)
        self.checks: ports.CheckStates = SqlCheckStates(work)
        self.pulses: ports.Pulses = SqlPulses(work)
        self.incidents: ports.Incidents = SqlIncidents(work)
        self.notifications: ports.Notifications = SqlNotifications(work)
        self.outbox: ports.Outbox = SqlOutbox(work)
        self.timers: ports.Timers = SqlTimers(work)
        self.leases: ports.Leases = SqlLeases(work)
        self.users: ports.Users = SqlUsers(work)
        self.sessions: ports.Sessions = SqlSessions(work)
        self.keys: ports.ApiKeys = SqlApiKeys(work)
        self.facts: ports.Facts = SqlFacts(work)
        self.audit: ports.Audit = SqlAudit(work)
        self.changes: ports.Changes = SqlChanges(work)
        self.tallies: Tallies = SqlTallies(work)
        self.rule_history: ports.RuleHistory = SqlRuleHistory(work)
        self.notes: ports.Notes = SqlNotes(work)
        self.origin_heartbeats: ports.OriginHeartbeats = SqlOriginHeartbeats(work)
        self.people: ports.People = SqlPeople(work)
        self.customer_lookups: ports.CustomerLookups = SqlCustomerLookups(work)
        self.received_calls: ReceivedCalls = SqlReceivedCalls(work)
        self.permissions: ports.Permissions = SqlPermissions(work)
        self.identities: Identities = SqlIdentities(work)
        self.views: ports.Views = SqlViews(work)
        self.letters: Letters = SqlLetters(work)
        self.second_factors: SecondFactors = SqlSecondFactors(work)
        self.spent: Spent = SqlSpent(work)
        self.passkeys: Passkeys = SqlPasskeys(work)
        self.past: ports.PastAlerts = SqlPastAlerts(work)
        self.episodes: ports.Episodes = SqlEpisodes(work)

    def changed(self, topic: str, *identifiers: str) -> None:
        """Note that these were changed."""
        self._work.must_write()
        self._noted.add(topic, identifiers)

    async def finish(self, at: datetime) -> None:
        """Write the row of the feed.

        Raises:
            WatchbellError: a method of the transaction had failed, and its error was swallowed.
        """
        if self._work.failure is not None:
            raise self._work.failure
        items = self._noted.items()
        await self._work.finish({"at": at, "items": items} if items else None)


class SqlStore:
    """Transactions over one database. `now` is asked for the time of a change."""

    def __init__(self, dialect: Dialect, connections: Connections, now: Callable[[], datetime] = _now) -> None:
        self._dialect = dialect
        self._connections = connections
        self._now = now

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[SqlTransaction]:
        """A writing transaction."""
        async with self._opened(writing=True) as connection:
            transaction = SqlTransaction(Work(connection, self._dialect, writable=True))
            yield transaction
            await transaction.finish(self._now())
            with translated(self._dialect):
                await connection.commit()

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[SqlTransaction]:
        """A view for reading."""
        async with self._opened(writing=False) as connection:
            yield SqlTransaction(Work(connection, self._dialect, writable=False))

    async def ping(self) -> None:
        """Ask the database for an answer."""
        async with self._opened(writing=False) as connection:
            await Work(connection, self._dialect, writable=False).rows(select(literal(1)))

    async def close(self) -> None:
        """Give back all connections."""
        await self._connections.close()

    @asynccontextmanager
    async def _opened(self, *, writing: bool) -> AsyncGenerator[AsyncConnection]:
        opening = self._connections.writer() if writing else self._connections.reader()
        with translated(self._dialect):
            connection = await opening.__aenter__()
        try:
            yield connection
        except BaseException as error:
            await opening.__aexit__(type(error), error, error.__traceback__)
            raise
        else:
            await opening.__aexit__(None, None, None)


def parse_url(url: str) -> URL:
    """The parts of a store's URL.

    Raises:
        Invalid: it is not one, or of another database.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise Invalid("is not a URL such as sqlite:///path or postgresql://user@host/name", "store.url") from None
    if parsed.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise Invalid(f"speaks of {parsed.drivername}; there are sqlite and postgresql", "store.url")
    return parsed


def open_store(url: str, *, pool_size: int = 10, now: Callable[[], datetime] = _now) -> SqlStore:
    """A store on the database at `url`. Connects when it is first used. `pool_size` is for PostgreSQL."""
    parsed = parse_url(url)
    if parsed.get_backend_name() == "sqlite":
        return SqlStore(SqliteDialect(), SqliteConnections(parsed), now)
    return SqlStore(PostgresDialect(), PostgresConnections(parsed, pool_size), now)
