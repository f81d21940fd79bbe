"""Guessing: how often somebody may try, by account and by address, whichever process is asked."""

from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager

from watchbell.domain.access import FAILURE_WINDOW, FAILURES_ANYWHERE, FAILURES_HERE, account_of, network_of
from watchbell.domain.errors import Throttled
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.sessions import note


def here(address: str) -> str:
    """What failures of all accounts from this address of the net are counted under."""
    return f"address:{network_of(address)}"


def tries_of(login: str, address: str) -> dict[str, int]:
    """What a try to log in counts for, and how many of each there may be."""
    account = account_of(login)
    return {
        f"pair:{account}@{network_of(address)}": FAILURES_HERE,
        f"account:{account}": FAILURES_ANYWHERE,
        here(address): FAILURES_ANYWHERE,
    }


async def refuse_more(
    tx: Transaction,
    clock: Clock,
    tries: Mapping[str, int],
    under_way: Mapping[str, int] | None = None,
    what: str = "failed log-ins",
) -> None:
    """Raise `Throttled` when there were too many of any within `FAILURE_WINDOW`."""
    since = clock.now() - FAILURE_WINDOW
    for key, limit in tries.items():
        if (under_way or {}).get(key, 0) + await tx.sessions.failures(key, since) >= limit:
            message = f"Too many {what}. Try again in some minutes."
            raise Throttled(message, retry_after=FAILURE_WINDOW.total_seconds())


class Guessing:
    """Counts tries. One for each process."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._trying: Counter[str] = Counter()

    async def refuse(self, tx: Transaction, tries: Mapping[str, int]) -> None:
        """Raise `Throttled` when there were too many.

        Tries that are still being checked count too, or many at once would slip through.
        """
        await refuse_more(tx, self._clock, tries, self._trying)

    @contextmanager
    def attempt(self, tries: Iterable[str]) -> Generator[None]:
        """One try is being checked."""
        keys = list(tries)
        self._trying.update(keys)
        try:
            yield
        finally:
            self._trying.subtract(keys)
            for key in keys:
                if self._trying[key] <= 0:
                    del self._trying[key]

    async def failed(self, tries: Iterable[str], login: str, text: str) -> None:
        """Count a try that failed, and write it down."""
        now = self._clock.now()
        async with self._store.transaction() as tx:
            for key in tries:
                await tx.sessions.failed(key, now)
            shown = "".join(c if c.isprintable() else "?" for c in login[:100])
            await note(tx, now, shown, "login-failed", shown, text)
