"""Short-term memory of events that were seen: a direct-mapped table, so its size is fixed and a look-up is one slot.

It may forget (another event took the slot); it says "seen" wrongly once in 2^64. Flags only: nothing is dropped here.
What was seen since the last `settle` stands beside the table. So a table that outlives the process never knows more
than the checkpoint that was made durable before: an event that is read again after a crash is not its own duplicate.
"""

from array import array
from collections.abc import MutableSequence
from struct import Struct

import mmh3

_PLACE_AND_SIGNATURE = Struct(">i4xq")

DEFAULT_SLOTS = 1_000_000
SLOT_BYTES = 8

Table = MutableSequence[int]
"""Signed 64-bit integers, zero where nothing was seen."""


class DuplicateMemory:
    """Remembers (party, session, event) in the places of `table`; without one, in `slots` places of its own."""

    def __init__(self, slots: int = DEFAULT_SLOTS, table: Table | None = None) -> None:
        self._table: Table = array("q", bytes(SLOT_BYTES * slots)) if table is None else table
        self._slots = len(self._table)
        self._fresh: dict[int, int] = {}

    def seen(self, party_id: str, session_id: str, event_id: str) -> bool:
        """Whether this event is remembered. It is from now on."""
        key = f"{party_id}{session_id}{event_id}".encode("utf-16-le", "surrogatepass")
        place, signature = _PLACE_AND_SIGNATURE.unpack(mmh3.hash_bytes(key, 0, x64arch=True))
        slot: int = (place & 0x7FFFFFFF) % self._slots
        fresh = self._fresh
        known: int = fresh[slot] if slot in fresh else self._table[slot]
        if known == signature:
            return True
        fresh[slot] = signature
        return False

    def fresh(self) -> dict[int, int]:
        """What was seen since the last `settle`, for the checkpoint that goes before it: slot → signature."""
        return dict(self._fresh)

    def restore(self, fresh: dict[int, int]) -> None:
        """Puts into the table what was kept with the checkpoint: a crash may have come between that and `settle`."""
        for slot, signature in fresh.items():
            if slot < self._slots:
                self._table[slot] = signature

    def settle(self) -> None:
        """Puts what was seen into the table: the checkpoint has it now."""
        table = self._table
        for slot, signature in self._fresh.items():
            table[slot] = signature
        self._fresh = {}
