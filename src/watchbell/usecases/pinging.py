"""Pinging by key and slug: finds the heartbeat that `/ping/<key>/<slug>` means.

A key that is no ping key and a slug that nobody has are the same to the caller. An address that was wrong too often
must wait, and its keys are not looked at; but a key that was right before stays good there, so that no stranger behind
the same proxy can silence jobs and so page people.
"""

from collections import deque
from datetime import datetime

from watchbell.domain.access import FAILURE_WINDOW, FAILURES_ANYWHERE, PING_SCOPES, network_of
from watchbell.domain.errors import Missing, Throttled, Unauthenticated
from watchbell.ports.clock import Clock
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.configuration import Configured
from watchbell.usecases.sessions import digest

REMEMBERED = 10_000  # addresses, and keys


class Pinging:
    """Knows ping keys and slugs. One for each process."""

    def __init__(self, authenticating: Authenticating, configured: Configured, clock: Clock) -> None:
        self._authenticating = authenticating
        self._configured = configured
        self._clock = clock
        self._right: set[str] = set()
        self._wrong: dict[str, deque[datetime]] = {}

    async def find(self, key: str, slug: str, address: str) -> str:
        """The id of the heartbeat.

        Raises:
            Missing: there is no such key, it may do more or less than ping, or no heartbeat has the slug.
            Throttled: the address was wrong too often, and this key was not right before.
            Retryable: the database is away.
        """
        hashed, now, address = digest(key), self._clock.now(), network_of(address)
        if hashed not in self._right:
            self._refuse_guessing(address, now)
        found = await self._heartbeat(slug) if await self._is_ping_key(key) else ""
        if not found:
            self._note(address, now)
            raise Missing("not found")
        if len(self._right) >= REMEMBERED:
            self._right.clear()
        self._right.add(hashed)
        return found

    async def _is_ping_key(self, key: str) -> bool:
        try:
            return (await self._authenticating.by_key(key)).scopes == PING_SCOPES
        except Unauthenticated:
            self._right.discard(digest(key))
            return False

    async def _heartbeat(self, slug: str) -> str:
        for attempt in range(2):
            if attempt:
                self._configured.expire()  # it may have been made a moment ago, by another process
            beats = (await self._configured.current()).heartbeats.values()
            for heartbeat in beats:
                if slug and heartbeat.slug == slug:
                    return heartbeat.id
        return ""

    def _refuse_guessing(self, address: str, now: datetime) -> None:
        times = self._wrong.get(address)
        while times and now - times[0] >= FAILURE_WINDOW:
            times.popleft()
        if times and len(times) >= FAILURES_ANYWHERE:
            wait = (times[0] + FAILURE_WINDOW - now).total_seconds()
            raise Throttled("Too many pings that nothing belongs to. Try again in some minutes.", retry_after=wait)

    def _note(self, address: str, now: datetime) -> None:
        if address not in self._wrong and len(self._wrong) >= REMEMBERED:
            self._wrong.clear()
        self._wrong.setdefault(address, deque(maxlen=FAILURES_ANYWHERE)).append(now)
