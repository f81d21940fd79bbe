"""The raw event: what the collector writes into its journal before it has thought about anything.

It holds the request as it came, so that everything behind the journal can be done again. It fails never: there is
nothing to check here.
"""

from enum import StrEnum

import msgspec


class RawKind(StrEnum):
    """How a raw event is to be read."""

    BROWSER = "b"
    """A request of the tag: all of it is in `query`."""
    JSON = "j"
    """A request to a JSON source: `query` carries the party, `body` the event."""
    BATCH = "e"
    """One event of a batch that was checked when it came: `body` is that event."""


class RawEvent(msgspec.Struct, frozen=True, array_like=True):
    """One request (or one event of a batch), as it was received.

    The fields are written as an array in this order; later fields may be appended with a default, none may move.
    """

    kind: RawKind
    source: str
    """Name of the source that received it."""
    received_ms: int
    """Server clock, milliseconds since 1970 UTC."""
    remote: str
    """The client as `address:port`, IPv6 in brackets; port 0 when a proxy told the address."""
    user_agent: str | None
    query: str
    """The query string, not decoded."""
    body: bytes = b""
    """JSON; empty for the tag."""
    headers: tuple[tuple[str, str], ...] = ()
    """Further request headers that the configuration asks to keep."""


def peer_address(client: str) -> str:
    """The address in `address:port`, without the brackets of IPv6."""
    return client.rpartition(":")[0].strip("[]")


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(list[RawEvent])


def encode_batch(events: list[RawEvent]) -> bytes:
    """A batch as the journal keeps it (MessagePack)."""
    return _encoder.encode(events)


def batch_size(payload: bytes) -> int:
    """How many events a batch has, as its first five bytes say; 0 when it is none."""
    kind = payload[0] if payload else 0
    if 0x90 <= kind <= 0x9F:
        return kind & 0x0F
    width = {0xDC: 2, 0xDD: 4}.get(kind, 0)
    return int.from_bytes(payload[1 : 1 + width], "big")


def decode_batch(payload: bytes) -> list[RawEvent]:
    """The events of `encode_batch`.

    Raises:
        msgspec.DecodeError: when `payload` is not such a batch.
    """
    return _decoder.decode(payload)
