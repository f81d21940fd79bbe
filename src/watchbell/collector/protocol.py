"""The part of RSGI that the collector uses, and reading a body up to a limit."""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from watchbell.collector.answers import Headers
from watchbell.domain.errors import Overloaded


class RequestHeaders(Protocol):
    """The headers of a request; names in lower case."""

    def get(self, key: str, default: str | None = None) -> str | None:
        """The first value of a header."""
        ...

    def get_all(self, key: str) -> list[str]:
        """All values of a header, in the order in which they came."""
        ...

    def __contains__(self, key: str) -> bool: ...

    def items(self) -> list[tuple[str, str]]:
        """All of them."""
        ...


class Scope(Protocol):
    """One request."""

    @property
    def proto(self) -> str:
        """`http`, or another protocol."""
        ...

    @property
    def method(self) -> str:
        """In capitals."""
        ...

    @property
    def path(self) -> str:
        """Without the query string."""
        ...

    @property
    def query_string(self) -> str:
        """Not decoded; empty when there is none."""
        ...

    @property
    def client(self) -> str:
        """`address:port`, IPv6 in brackets."""
        ...

    @property
    def headers(self) -> RequestHeaders:
        """The headers."""
        ...


class Answering(Protocol):
    """The way back to the client."""

    def __aiter__(self) -> AsyncIterator[bytes]:
        """The body, in pieces."""
        ...

    def response_empty(self, status: int, headers: Headers) -> None:
        """Answer without a body."""
        ...

    def response_str(self, status: int, headers: Headers, body: str) -> None:
        """Answer with text."""
        ...

    def response_bytes(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer with bytes."""
        ...


class BodyTooLarge(Exception):
    """The body is larger than the limit; the rest was not read."""


class Reading:
    """The bytes of bodies that are not complete yet, over all requests; at most `limit`."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = 0

    def take(self, size: int) -> None:
        """So many more have come.

        Raises:
            Overloaded: they are too many; they are not held.
        """
        if self._held + size > self._limit:
            raise Overloaded("too many bodies are being read", 1.0)
        self._held += size

    def release(self, size: int) -> None:
        """So many are no more held."""
        self._held -= size


async def read_body(scope: Scope, proto: Answering, limit: int, timeout: float, reading: Reading) -> bytes:
    """The whole body; until it is complete its bytes are held in `reading`.

    Raises:
        BodyTooLarge: it is declared, or turns out, to be longer than `limit` bytes.
        Overloaded: other bodies fill the memory.
        TimeoutError: it did not come within `timeout` seconds.
    """
    declared = scope.headers.get("content-length")
    if declared is not None and declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge
    pieces: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout):
            async for piece in proto:
                if size + len(piece) > limit:
                    raise BodyTooLarge
                reading.take(len(piece))
                size += len(piece)
                pieces.append(piece)
    finally:
        reading.release(size)
    return b"".join(pieces)
