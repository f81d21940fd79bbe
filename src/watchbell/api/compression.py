"""Answers are compressed by gzip when the caller asks for it: JSON and text, whole, longer than `LEAST`.

An answer that is not to be stored is never compressed. Those hold secrets, the session's CSRF token among them, and the
length of a compressed answer that also holds what a foreign page chose would give a secret away bit by bit (BREACH).
What sets a cookie is left alone for the same reason, and what comes in pieces because the pieces must not wait.
"""

import asyncio
import gzip
from typing import Any

from litestar.types import ASGIApp, Message, Receive, Scope, Send

LEAST = 1024  # bytes
LEVEL = 4
AT_ONCE = 64 * 1024
"""Bytes that are compressed on the spot; more would keep others waiting."""
_VARY = (b"vary", b"Accept-Encoding")


class Compression:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding")
        await self._app(scope, receive, _Answer(send, wanted=accepts_gzip(accepted.decode("latin-1"))).send)


class _Answer:
    """Holds the head of an answer back until its body is there."""

    def __init__(self, send: Send, *, wanted: bool) -> None:
        self._send, self._wanted = send, wanted
        self._head: Any = None

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _may_be_compressed(message):
            self._head = message
            return
        head, self._head = self._head, None
        if head is not None and message["type"] == "http.response.body":
            head, message = await self._compressed(head, message)
        if head is not None:
            await self._send(head)
        await self._send(message)

    async def _compressed(self, head: Any, message: Any) -> tuple[Any, Any]:
        body: bytes = message.get("body", b"")
        if message.get("more_body") or len(body) <= LEAST:
            return head, message
        headers = list(head["headers"])
        if not any(name.lower() == b"vary" and b"encoding" in value.lower() for name, value in headers):
            headers.append(_VARY)
        if self._wanted:
            if len(body) <= AT_ONCE:
                body = gzip.compress(body, LEVEL, mtime=0)
            else:
                body = await asyncio.to_thread(gzip.compress, body, LEVEL, mtime=0)
            headers = [(name, value) for name, value in headers if name.lower() != b"content-length"]
            headers += [(b"content-encoding", b"gzip"), (b"content-length", str(len(body)).encode())]
        return {**head, "headers": headers}, {**message, "body": body}


def _may_be_compressed(head: Any) -> bool:
    headers = {name.lower(): value.lower() for name, value in head["headers"]}
    if b"content-encoding" in headers or b"set-cookie" in headers or b"no-store" in headers.get(b"cache-control", b""):
        return False
    media = headers.get(b"content-type", b"").partition(b";")[0].strip()
    if media == b"text/event-stream":
        return False
    return media.startswith(b"text/") or media in {b"application/json", b"application/openmetrics-text"}


def accepts_gzip(accepted: str) -> bool:
    """Whether an `Accept-Encoding` has gzip, and not with a weight of nothing."""
    weights: dict[str, bool] = {}
    for part in accepted.lower().split(","):
        coding, _, parameters = part.partition(";")
        weight = parameters.replace(" ", "").partition("q=")[2]
        weights[coding.strip()] = weight.rstrip("0").rstrip(".") not in {"", "0"} or not weight
    return weights.get("gzip", weights.get("*", False))
