"""The API as one ASGI application: routes, what they need, errors, limits, description."""

from collections.abc import Mapping, Sequence
from typing import Any

from litestar import Litestar
from litestar.di import Provide
from litestar.exceptions import HTTPException
from litestar.types import ASGIApp, ControllerRouterHandler, Middleware

from watchbell.api import errors
from watchbell.api.allowing import Allowing
from watchbell.api.bodiless import Bodiless
from watchbell.api.compression import Compression
from watchbell.api.cors import Cors
from watchbell.api.edge import Edge, Network
from watchbell.domain.errors import WatchbellError
from watchbell.ports.telemetry import Telemetry
from watchbell.toolkit.origins import Origins

MAX_BODY = 2 * 1024 * 1024  # bytes; a batch of a hundred alerts with raw data fits


def create_app(
    routes: Sequence[ControllerRouterHandler],
    needs: Mapping[str, Any],
    middleware: Sequence[Middleware] = (),
) -> Litestar:
    """Build the application. `needs` are handed to handlers that name them as parameters."""
    return Litestar(
        route_handlers=list(routes),
        dependencies={name: _provide(value) for name, value in needs.items()},
        middleware=list(middleware),
        exception_handlers={
            WatchbellError: errors.on_watchbell_error,
            HTTPException: errors.on_http_error,
            Exception: errors.on_unexpected,
        },
        request_max_body_size=MAX_BODY,
        # `api.description` describes the API: the framework's own pages would load scripts from elsewhere.
        openapi_config=None,
        debug=False,
        logging_config=None,
    )


def at_the_edge(app: ASGIApp, telemetry: Telemetry, trusted: Sequence[Network], origins: Origins | None = None) -> Edge:
    """The application with request ids, security headers and the proxy's word; HEAD, OPTIONS, gzip, other origins."""
    inner: ASGIApp = Bodiless(Compression(Allowing(app)))
    return Edge(Cors(inner, origins) if origins else inner, telemetry, trusted)


def _provide(value: Any) -> Provide:
    def provided() -> Any:
        return value

    return Provide(provided, sync_to_thread=False, use_cache=False)
