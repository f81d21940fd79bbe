"""Pruning: an alert keeps the newest entries of its history, and the oldest go.

Whoever adds an entry does not look how many there are. One keeper follows the entries in the order in which they were
added, and looks at the alerts that have new ones: what it costs grows with what happens, never with what is stored. How
far it came is a fact in the store. An entry that was committed late may be passed over; its alert is looked at again
with its next one.
"""

from collections.abc import Sequence

from watchbell.ports.store import Lease, Store, Transaction

FACT = "history/pruned"
BATCH = 2000
"""Entries that are followed in one transaction, and at most so many are deleted."""


class Pruning:
    """Keeps histories short. `keep` is how many entries an alert keeps."""

    def __init__(self, store: Store, keep: int) -> None:
        self._store = store
        self._keep = keep

    async def run(self, leases: Sequence[Lease]) -> bool:
        """Do some of it; returns whether there is more.

        Raises `Fenced` when a lease is lost; nothing is deleted then.
        """
        async with self._store.reading() as tx:
            after = await self._position(tx)
            last, long = await tx.history.grown(after, BATCH, self._keep)
        if last == after:
            return False
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            if long and await tx.history.cut(long, self._keep, BATCH) >= BATCH:
                return True
            await tx.facts.put(FACT, f"{self._keep} {last}")
        return last - after >= BATCH

    async def _position(self, tx: Transaction) -> int:
        """Behind which entry to go on: from the first one, when less is kept than before."""
        kept, _, position = (await tx.facts.get(FACT) or "").partition(" ")
        if not (kept.isdecimal() and position.isdecimal()) or int(kept) > self._keep:
            return 0
        return int(position)
