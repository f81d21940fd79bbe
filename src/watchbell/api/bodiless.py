"""`HEAD` answers as `GET` does, without the body."""

import asyncio

from litestar.types import ASGIApp, Message, Receive, Scope, Send


class Bodiless:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return
        scope["method"] = "GET"
        headers = _Headers(receive, send)
        await self._app(scope, headers.receive, headers.send)


class _Headers:
    """Lets the head of an answer pass, then ends it; one that would not end by itself is told that nobody listens."""

    def __init__(self, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        self._ended = asyncio.Event()

    async def receive(self) -> Message:
        coming = asyncio.ensure_future(self._receive())
        ending = asyncio.ensure_future(self._ended.wait())
        try:
            await asyncio.wait({coming, ending}, return_when=asyncio.FIRST_COMPLETED)
            return coming.result() if coming.done() else {"type": "http.disconnect"}  # pyright: ignore[reportReturnType]
        finally:
            coming.cancel()
            ending.cancel()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            await self._send(message)
        elif not self._ended.is_set():
            self._ended.set()
            await self._send({"type": "http.response.body", "body": b"", "more_body": False})
