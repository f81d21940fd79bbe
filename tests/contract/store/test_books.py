"""The books of collectors, as they told them."""

import msgspec

from watchbell.domain.events.accounts import Account, NodeBooks
from watchbell.ports.store import Store

ONE = NodeBooks(node="one_%", at_ms=5, sources={"w\u00fcb": Account(3, 2, 1)}, accepted=5, lost=1, refused=7, damaged=1)
OTHER = NodeBooks(node="another", at_ms=5)


async def test_books_are_kept_by_node_and_later_ones_replace_them(store: Store):
    async with store.transaction() as tx:
        assert await tx.tallies.nodes() == []
        await tx.facts.put("events", "something else")
        await tx.tallies.books(ONE)
        await tx.tallies.books(OTHER)
    later = msgspec.structs.replace(ONE, at_ms=6, accepted=8)
    async with store.transaction() as tx:
        await tx.tallies.books(later)
        await tx.tallies.books(msgspec.structs.replace(ONE, at_ms=4, accepted=2))  # it was overtaken on its way
    async with store.reading() as tx:
        assert await tx.tallies.nodes() == [OTHER, later]
        assert later.waiting == 4
