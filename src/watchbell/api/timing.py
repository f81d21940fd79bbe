"""How long requests about alerts take: each route tells which of Alerta's timers counts it, by `told(timer=…)`.

What fails is not counted, as Alerta does not. Receiving is counted further in, where all ways of it meet.
"""

from time import perf_counter
from typing import cast

from litestar.handlers.base import BaseRouteHandler
from litestar.middleware import DefineMiddleware
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from watchbell.api.contract import TOLD, Told
from watchbell.usecases.metering import Metering


def timing(metering: Metering) -> DefineMiddleware:
    """The middleware that counts them."""
    return DefineMiddleware(Timing, metering=metering)


class Timing:
    """Takes the time of routes that have a timer; all others pass."""

    def __init__(self, app: ASGIApp, metering: Metering) -> None:
        self._app = app
        self._metering = metering

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        said: Told | None = cast("BaseRouteHandler", scope["route_handler"]).opt.get(TOLD)
        timer = said.timer if said is not None else None
        if timer is None:
            await self._app(scope, receive, send)
            return
        began = perf_counter()
        good = False

        async def seen(message: Message) -> None:
            nonlocal good
            if message["type"] == "http.response.start":
                good = message["status"] < 400
            await send(message)

        await self._app(scope, receive, seen)
        if good:
            self._metering.took(timer, began)
