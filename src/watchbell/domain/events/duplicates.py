"""Short-term memory of events that were seen: a direct-mapped table, so its size is fixed and a look-up is one slot.

It may forget (another event took the slot); it says "seen" wrongly once in 2^64. Flags only: nothing is dropped here.
"""

from array import array
from struct import Struct

import mmh3

_PLACE_AND_SIGNATURE = Struct(">i4xq")

DEFAULT_SLOTS = 1_000_000


class DuplicateMemory:
    """Remembers (party, session, event) in `slots` places of eight bytes."""

    def __init__(self, slots: int = DEFAULT_SLOTS) -> None:
        self._slots = slots
        self._table = array("q", bytes(8 * slots))

    def seen(self, party_id: str, session_id: str, event_id: str) -> bool:
        """Whether this event is remembered. It is from now on."""
        key = f"{party_id}{session_id}{event_id}".encode("utf-16-le", "surrogatepass")
        place, signature = _PLACE_AND_SIGNATURE.unpack(mmh3.hash_bytes(key, 0, x64arch=True))
        slot = (place & 0x7FFFFFFF) % self._slots
        if self._table[slot] == signature:
            return True
        self._table[slot] = signature
        return False
