"""The configuration as one value: every managed object, at one version. Decisions take it as an input.

`Configured` keeps the newest snapshot in memory and reads it again when the version in the store has moved, at most
once in
`FRESH_FOR` seconds unless told by `expire`. An object that does not decode (written by a newer release) is left out,
counted and logged.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

import msgspec

from watchbell.domain.alerts.blackout import Blackout
from watchbell.domain.alerts.correlation import Correlation
from watchbell.domain.alerts.inhibition import Inhibition
from watchbell.domain.checks.check import Check, Host
from watchbell.domain.checks.heartbeat import Heartbeat
from watchbell.domain.events.mapping.model import Mapping as EventMapping
from watchbell.domain.events.rules.rule import Rule
from watchbell.domain.managed import Managed, Stored
from watchbell.domain.oncall.service import Channel, Policy, Service
from watchbell.domain.webhooks.model import Format
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.ports.telemetry import Telemetry

FRESH_FOR = timedelta(seconds=2)

M = TypeVar("M", bound=Managed)


class Configuration(msgspec.Struct, frozen=True, kw_only=True):
    """A snapshot. Each mapping is by name; secrets inside are sealed."""

    version: int = 0
    hosts: Mapping[str, Host] = {}
    checks: Mapping[str, Check] = {}
    services: Mapping[str, Service] = {}
    channels: Mapping[str, Channel] = {}
    policies: Mapping[str, Policy] = {}
    heartbeats: Mapping[str, Heartbeat] = {}
    mappings: Mapping[str, EventMapping] = {}
    rules: Mapping[str, Rule] = {}
    blackouts: Mapping[str, Blackout] = {}
    inhibitions: Mapping[str, Inhibition] = {}
    correlations: Mapping[str, Correlation] = {}
    formats: Mapping[str, Format] = {}


_KINDS: dict[str, tuple[str, type[Managed]]] = {
    "host": ("hosts", Host),
    "check": ("checks", Check),
    "service": ("services", Service),
    "channel": ("channels", Channel),
    "policy": ("policies", Policy),
    "heartbeat": ("heartbeats", Heartbeat),
    "mapping": ("mappings", EventMapping),
    "rule": ("rules", Rule),
    "blackout": ("blackouts", Blackout),
    "inhibition": ("inhibitions", Inhibition),
    "correlation": ("correlations", Correlation),
    "webhook": ("formats", Format),
}


def snapshot(version: int, stored: list[Stored]) -> tuple[Configuration, list[str]]:
    """Decode what the catalogue holds; also returns `kind/name: why` for each object that could not be read."""
    found: dict[str, dict[str, Any]] = {attribute: {} for attribute, _ in _KINDS.values()}
    unreadable: list[str] = []
    for row in stored:
        if row.kind not in _KINDS:
            continue
        attribute, cls = _KINDS[row.kind]
        try:
            found[attribute][row.name] = msgspec.convert({**row.body, "id": row.id, "name": row.name}, cls)
        except msgspec.ValidationError as error:
            unreadable.append(f"{row.kind}/{row.name}: {error}")
    return Configuration(version=version, **found), unreadable


class Configured:
    """The newest configuration, cached."""

    def __init__(self, store: Store, clock: Clock, telemetry: Telemetry) -> None:
        self._store = store
        self._clock = clock
        self._telemetry = telemetry
        self._snapshot = Configuration()
        self._checked: datetime | None = None

    async def current(self) -> Configuration:
        """The snapshot, at most `FRESH_FOR` old.

        Raises `Retryable` when it must be read and the database is away.
        """
        now = self._clock.now()
        if self._checked is not None and now - self._checked < FRESH_FOR:
            return self._snapshot
        async with self._store.reading() as tx:
            return await self.within(tx)

    async def within(self, tx: Transaction) -> Configuration:
        """The snapshot as this transaction sees it: for what is decided once and never looked at again."""
        version = await tx.catalogue.version()
        found = self._snapshot
        if self._checked is None or version != found.version:
            found, unreadable = snapshot(version, await tx.catalogue.all())
            self._telemetry.gauge("configuration_version", version)
            self._telemetry.gauge("configuration_unreadable_objects", len(unreadable))
        self._snapshot, self._checked = found, self._clock.now()
        return found

    def expire(self) -> None:
        """Look at the store again at the next call."""
        self._checked = None if self._checked is None else datetime.min.replace(tzinfo=self._checked.tzinfo)
