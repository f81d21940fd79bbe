"""What pages of other origins may ask of the API: those that `server.cors_origins` names, with a key or a token.

A cookie never counts in a request from such a page. An origin that is named whole may send it along all the same, since
some clients always do; it is dropped here. An origin of any port may not.
"""

from typing import Any
from urllib.parse import urlsplit

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from watchbell.toolkit.origins import Origins

_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
_HEADERS = b"Content-Type, Authorization, X-API-Key, X-Request-ID"
_SEEN = b"X-Request-ID, Location, Retry-After"
_PREFLIGHT: list[tuple[bytes, bytes]] = [
    (b"access-control-allow-methods", _METHODS),
    (b"access-control-allow-headers", _HEADERS),
    (b"access-control-max-age", b"600"),
    (b"content-length", b"0"),
]
_VARY = (b"vary", b"Origin")
PATHS = ("/api", "/alertmanager/")
"""What begins so may be asked for; the pages may not."""


class Cors:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, origins: Origins) -> None:
        self._app = app
        self._origins = origins

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or not scope["path"].startswith(PATHS):
            await self._app(scope, receive, send)
            return
        given = dict(scope["headers"])
        origin = given.get(b"origin", b"").decode("latin-1")
        own = self._answered(origin, given.get(b"host", b"").decode("latin-1"))
        if len(own) > 1:
            if scope["method"] == "OPTIONS" and b"access-control-request-method" in given:
                await send(_start(204, [*own, *_PREFLIGHT]))
                await send({"type": "http.response.body", "body": b"", "more_body": False})
                return
            scope["headers"] = [(name, value) for name, value in scope["headers"] if name != b"cookie"]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", []), *own]
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _answered(self, origin: str, host: str) -> list[tuple[bytes, bytes]]:
        """The headers of an answer; `Vary` alone when the request is not from another origin that is named."""
        if not origin or not self._origins.has(origin) or urlsplit(origin).netloc.lower() == host.lower():
            return [_VARY]
        named = [_VARY, (b"access-control-allow-origin", origin.encode("latin-1"))]
        if self._origins.whole(origin):
            named.append((b"access-control-allow-credentials", b"true"))
        return [*named, (b"access-control-expose-headers", _SEEN)]


def _start(status: int, headers: list[tuple[bytes, bytes]]) -> Any:
    return {"type": "http.response.start", "status": status, "headers": headers}
