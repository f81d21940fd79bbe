"""`OPTIONS` names all methods of a path: the framework names those of whichever route of it was there first."""

from litestar.types import ASGIApp, Message, Receive, Scope, Send


class Allowing:
    """Wraps an ASGI application that is one of the framework, or passes requests on to one."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "OPTIONS":
            await self._app(scope, receive, send)
            return

        async def send_with_all(message: Message) -> None:
            if message["type"] == "http.response.start" and "path_template" in scope:
                kept = [(name, value) for name, value in message.get("headers", []) if name.lower() != b"allow"]
                message["headers"] = [*kept, (b"allow", _allowed(scope))]
            await send(message)

        await self._app(scope, receive, send_with_all)


def _allowed(scope: Scope) -> bytes:
    same = [route for route in scope["litestar_app"].routes if route.path_format == scope["path_template"]]
    methods = {str(method) for route in same for method in route.methods}
    if "GET" in methods:
        methods.add("HEAD")
    return ", ".join(sorted(methods)).encode()
