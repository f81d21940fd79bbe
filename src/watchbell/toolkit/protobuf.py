"""The wire format of protocol buffers, as far as reading a message of known fields needs it.

A message is a list of (field number, value): a whole number for varints and fixed-width fields, bytes for texts,
bytes and messages inside. Fields of unknown numbers are the reader's to leave out. Groups are not supported.
"""

from collections.abc import Iterator

from watchbell.domain.errors import Invalid

Field = tuple[int, int | bytes]
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST = 10  # bytes of a varint


def fields(data: bytes) -> Iterator[Field]:
    """The fields in their order.

    Raises:
        Invalid: it is no message, or cut off.
    """
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, kind = tag >> 3, tag & 7
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield number, value
        elif kind in {_FIXED64, _FIXED32}:
            width = 8 if kind == _FIXED64 else 4
            yield number, int.from_bytes(_taken(data, at, width), "little")
            at += width
        elif kind == _BYTES:
            length, at = _varint(data, at)
            yield number, _taken(data, at, length)
            at += length
        else:
            raise Invalid(f"has a field of the unknown wire type {kind}", "body")


def _taken(data: bytes, at: int, length: int) -> bytes:
    if at + length > len(data):
        raise Invalid("ends in the middle of a field", "body")
    return data[at : at + length]


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place in range(_LONGEST):
        if at + place >= len(data):
            raise Invalid("ends in the middle of a number", "body")
        byte = data[at + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value & 0xFFFF_FFFF_FFFF_FFFF, at + place + 1
    raise Invalid("holds a number that does not end", "body")
