"""What the worker and its helper processes say to each other.

Frames: a length of 4 bytes, big-endian, then a msgpack array.
"""

import struct

import msgspec

_LENGTH = struct.Struct(">I")
MAX_FRAME = 64 << 20


class Start(msgspec.Struct, frozen=True, array_like=True, tag=1):
    """Run a program. `argv[0]` is its path; `timeout` is in seconds; `limit` in bytes for each output."""

    number: int
    argv: list[str]
    env: dict[str, str]
    timeout: float
    limit: int


class Cancel(msgspec.Struct, frozen=True, array_like=True, tag=2):
    """Nobody waits for this one any more: kill it and say nothing."""

    number: int


class Finished(msgspec.Struct, frozen=True, array_like=True):
    """How a program ended; the fields are those of `ports.process.Ended`."""

    number: int
    exit_code: int
    stdout: bytes
    stderr: bytes
    duration: float
    timed_out: bool
    flooded: bool
    truncated: bool
    error: str


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """What a helper process does to itself before it runs anything, so that every program inherits it."""

    token: str
    uid: int = -1
    gid: int = -1
    groups: list[int] = []
    directory: str = "/"
    memory_bytes: int = 0


class Frames:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        """Whole frames, in order. Raises `ValueError` on a length that cannot be."""
        buffer = self._buffer
        buffer += data
        found: list[bytes] = []
        position = 0
        while len(buffer) - position >= 4:
            (length,) = _LENGTH.unpack_from(buffer, position)
            if length > MAX_FRAME:
                raise ValueError(f"a frame of {length} bytes")
            if len(buffer) - position - 4 < length:
                break
            found.append(bytes(buffer[position + 4 : position + 4 + length]))
            position += 4 + length
        del buffer[:position]
        return found


def frame(message: object) -> bytes:
    """One message as a frame."""
    body = msgspec.msgpack.encode(message)
    return _LENGTH.pack(len(body)) + body
