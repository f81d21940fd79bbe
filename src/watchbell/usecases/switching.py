"""Switching: what administrators turn off and on for the whole installation while it runs.

Switches are kept in the database, so that all nodes have the same, also after a restart. Each process looks again after
`FRESH`; what cannot be read stays as it was.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import NamedTuple

from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Invalid, Overloaded, Retryable
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.auditing import entry

FRESH = timedelta(seconds=2)
REFRESHES = "auto-refresh-allow"
TAKES_ALERTS = "sender-api-allow"
_FACT = "switch/"
_OFF = "OFF"
_WAIT = 60.0


class Switch(NamedTuple):
    """What a switch is for."""

    title: str
    about: str


SWITCHES: Mapping[str, Switch] = MappingProxyType(
    {
        REFRESHES: Switch("Alerta console auto-refresh", "Allow consoles to auto-refresh alerts"),
        TAKES_ALERTS: Switch("API alert submission", "Allow alerts to be submitted via the API"),
    }
)
"""All are on unless somebody turns them off."""


class Switching:
    """Reads and turns switches. One for each process."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._known: Mapping[str, bool] = dict.fromkeys(SWITCHES, True)
        self._until: datetime | None = None

    async def all(self) -> Mapping[str, bool]:
        """Every switch, and whether it is on: as somebody left it, at most `FRESH` ago."""
        now = self._clock.now()
        if self._until is None or self._until <= now:
            self._until = now + FRESH
            try:
                async with self._store.reading() as tx:
                    self._known = {name: await tx.facts.get(_FACT + name) != _OFF for name in SWITCHES}
            except Retryable:
                return self._known
        return self._known

    async def turn(self, wanted: Mapping[str, bool], by: Principal) -> Mapping[str, bool]:
        """Turn some of them; returns all. Raises `Invalid` when there is no such switch: then none is turned."""
        for name in wanted:
            if name not in SWITCHES:
                raise Invalid(f"there is no such switch; there are {', '.join(SWITCHES)}", name[:100])
        now = self._clock.now()
        async with self._store.transaction() as tx:
            for name, on in wanted.items():
                before = await tx.facts.get(_FACT + name) != _OFF
                if on:
                    await tx.facts.remove(_FACT + name)
                else:
                    await tx.facts.put(_FACT + name, _OFF)
                if on != before:
                    change = ({"on": before}, {"on": on})
                    await tx.audit.add([entry(now, by, ("switch", "change"), name, change=change)])
        self._until = None
        return await self.all()

    async def require_intake(self) -> None:
        """Nothing, while alerts are taken.

        Raises:
            Overloaded: somebody has turned that off; senders may come again.
        """
        if not (await self.all())[TAKES_ALERTS]:
            raise Overloaded("API not accepting alerts. Try again later.", retry_after=_WAIT)
