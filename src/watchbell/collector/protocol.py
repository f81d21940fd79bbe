"""The part of RSGI that the collector uses, and reading a body up to a limit."""

from collections.abc import AsyncIterator
from typing import Protocol

from watchbell.collector.answers import Headers


class RequestHeaders(Protocol):
    """The headers of a request; names in lower case."""

    def get(self, key: str, default: str | None = None) -> str | None:
        """The first value of a header."""
        ...

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


async def read_body(scope: Scope, proto: Answering, limit: int) -> bytes:
    """The whole body.

    Raises:
        BodyTooLarge: it is declared, or turns out, to be longer than `limit` bytes.
    """
    declared = scope.headers.get("content-length")
    if declared is not None and declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge
    pieces: list[bytes] = []
    size = 0
    async for piece in proto:
        size += len(piece)
        if size > limit:
            raise BodyTooLarge
        pieces.append(piece)
    return b"".join(pieces)
