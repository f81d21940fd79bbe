"""How a batch stands in a segment: a header, then the payload.

The header has a mark, the payload's length, a CRC-32 of everything that follows it and of the length, and how many
events the stream had before. So it is known of a batch that is lost how many events were in it, as soon as there is
another behind it. Batches of a former release have no number.
"""

import struct
import zlib
from typing import NamedTuple

HEADER = struct.Struct("<4sIIQ")
MARK = b"WBJ2"
MAX_BATCH = 64 * 1024 * 1024

_FORMER = struct.Struct("<4sII")
_FORMER_MARK = b"WBJ1"
_LENGTH = struct.Struct("<I")
_NUMBERED = struct.Struct("<IQ")


class Frame(NamedTuple):
    """What a header says."""

    header: int
    """Its own size."""
    length: int
    crc: int
    first: int | None
    """The number of the first event in its stream; None: a former release wrote it."""

    @property
    def size(self) -> int:
        """Header and payload."""
        return self.header + self.length


def crc_of(payload: bytes, first: int | None) -> int:
    """The checksum of a batch."""
    length = len(payload)
    return zlib.crc32(payload, zlib.crc32(_LENGTH.pack(length) if first is None else _NUMBERED.pack(length, first)))


def header_of(payload: bytes, first: int | None) -> bytes:
    """The header of a batch."""
    if first is None:
        return _FORMER.pack(_FORMER_MARK, len(payload), crc_of(payload, None))
    return HEADER.pack(MARK, len(payload), crc_of(payload, first), first)


def frame_at(data: bytes, at: int = 0) -> Frame | None:
    """The header there; None when there is none, or not the whole of it."""
    if at + _FORMER.size > len(data):
        return None
    mark, length, crc = _FORMER.unpack_from(data, at)
    if length > MAX_BATCH:
        return None
    if mark == _FORMER_MARK:
        return Frame(_FORMER.size, length, crc, None)
    if mark == MARK and at + HEADER.size <= len(data):
        return Frame(HEADER.size, length, crc, HEADER.unpack_from(data, at)[3])
    return None
