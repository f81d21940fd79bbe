"""The RSGI application: the sources' paths, the tag, `/ping`, `/healthz`, `/metrics`.

An event is answered when the journal has it. It fails towards the client only: 503 with Retry-After when the journal is
full or cannot be written, 4xx with the place and the reason for what cannot be understood. Nothing is parsed here that
can be parsed behind the journal.
"""

from collections.abc import Callable
from math import ceil

from watchbell.collector.answers import (
    PIXEL,
    PIXEL_ETAG,
    PIXEL_HEADERS,
    PIXEL_NOT_MODIFIED_HEADERS,
    SERVER,
    TEXT_HEADERS,
    names_etag,
)
from watchbell.collector.browser import BrowserEndpoint
from watchbell.collector.cors import Cors
from watchbell.collector.json_endpoints import json_endpoint
from watchbell.collector.protocol import Answering, Scope
from watchbell.collector.receiving import Receiving, system_ms
from watchbell.collector.routing import Handler, canonical_path
from watchbell.collector.settings import CollectorSettings
from watchbell.collector.sources import AnySource, BatchSource, BrowserSource, JsonSource
from watchbell.collector.tag import Tag
from watchbell.domain.errors import Overloaded
from watchbell.domain.events.raw import RawEvent, RawKind
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.collecting import Collecting

# Looking a member up in an enumeration costs as much as making the whole event.
_BROWSER = RawKind.BROWSER


class CollectorApp:
    """The application of one acceptor. `metrics` renders the whole collector's metrics; `now_ms` is the clock."""

    def __init__(
        self,
        settings: CollectorSettings,
        collecting: Collecting,
        telemetry: Telemetry,
        metrics: Callable[[], bytes],
        now_ms: Callable[[], int] = system_ms,
    ) -> None:
        self.stopping = False
        """While set, `/ping` says so, and a load balancer looks elsewhere."""
        self._receiving = Receiving(settings, collecting, telemetry, now_ms)
        self._telemetry = telemetry
        self._metrics = metrics
        self._now_ms = now_ms
        self._accept = collecting.accept
        self._trusted = bool(self._receiving.trusted)
        self._keeps_headers = bool(settings.kept_headers)
        self._pixels: dict[str, tuple[str, BrowserEndpoint | None]] = {}
        self._routes: dict[str, Handler] = {"/ping": self.ping, "/healthz": self.health, "/metrics": self.scrape}
        self._cors: dict[str, Cors] = {}
        for name, source in settings.sources.items():
            self._add(name, source)

    def _add(self, name: str, source: AnySource) -> None:
        if isinstance(source, BrowserSource):
            endpoint = BrowserEndpoint(name, source, self._receiving)
            # No endpoint means the answer that is the same for everyone.
            self._pixels[source.event_path] = name, None if endpoint.plain else endpoint
            self._routes[source.event_path] = endpoint.otherwise
            self._cors[source.event_path] = endpoint.cors
            if source.batches:
                self._cors[source.batch_path] = endpoint.batch_cors
                self._routes[source.batch_path] = endpoint.batch
            self._routes.update(Tag(source).routes())
        elif isinstance(source, JsonSource | BatchSource):
            endpoint = json_endpoint(name, source, self._receiving)
            self._routes[source.event_path] = endpoint
            self._cors[source.event_path] = endpoint.cors

    async def __rsgi__(self, scope: Scope, proto: Answering) -> None:
        try:
            path = scope.path
            found = self._pixels.get(path)
            if found is not None and scope.method == "GET":
                # The way of nearly every request: no call more than it needs.
                source, endpoint = found
                headers = scope.headers
                known = headers.get("if-none-match")
                if known is not None and names_etag(known, PIXEL_ETAG):
                    await self._repeated(scope, proto, endpoint)
                    return
                client = self._receiving.client(scope) if self._trusted else scope.client
                kept = self._receiving.kept(scope) if self._keeps_headers else ()
                agent = headers.get("user-agent")
                event = RawEvent(_BROWSER, source, self._now_ms(), client, agent, scope.query_string, b"", kept)
                await self._accept(event)
                if endpoint is None:
                    proto.response_bytes(200, PIXEL_HEADERS, PIXEL)
                else:
                    await endpoint.pixel(scope, proto, event)
                return
            await self._otherwise(scope, proto, path)
        except Overloaded as error:
            cors = self._cors.get(scope.path)
            wait = ("retry-after", str(max(1, ceil(error.retry_after))))
            more = cors.headers(scope) if cors is not None else []
            proto.response_str(503, [*TEXT_HEADERS, wait, *more], f"{error.message}\n")

    async def _otherwise(self, scope: Scope, proto: Answering, path: str) -> None:
        handler = self._routes.get(path)
        if scope.proto != "http":
            proto.response_str(404, TEXT_HEADERS, "There is nothing here.\n")
        elif handler is not None:
            await handler(scope, proto)
        elif (canonical := canonical_path(path)) != path and (canonical in self._pixels or canonical in self._routes):
            await self.__rsgi__(_At(scope, canonical), proto)
        else:
            proto.response_str(404, TEXT_HEADERS, "There is nothing here.\n")

    async def _repeated(self, scope: Scope, proto: Answering, endpoint: BrowserEndpoint | None) -> None:
        """A browser asks again for what it has: that is no new event."""
        self._telemetry.count("events_repeated_by_browser")
        if endpoint is None:
            proto.response_empty(304, PIXEL_NOT_MODIFIED_HEADERS)
        else:
            await endpoint.pixel(scope, proto, None)

    async def ping(self, scope: Scope, proto: Answering) -> None:
        """Whether to send requests here, by any method."""
        del scope
        if self.stopping:
            proto.response_str(503, TEXT_HEADERS, "No p*ng for you, shutting down")
        else:
            proto.response_str(200, TEXT_HEADERS, "pong")

    async def health(self, scope: Scope, proto: Answering) -> None:
        """Whether the process is alive."""
        del scope
        proto.response_str(200, TEXT_HEADERS, "ok\n")

    async def scrape(self, scope: Scope, proto: Answering) -> None:
        """Prometheus metrics of the whole collector."""
        del scope
        proto.response_bytes(
            200, [("content-type", "text/plain; version=0.0.4; charset=utf-8"), SERVER], self._metrics()
        )


class _At:
    """A request at another path than it names."""

    def __init__(self, scope: Scope, path: str) -> None:
        self.path = path
        self.proto, self.method, self.query_string = scope.proto, scope.method, scope.query_string
        self.client, self.headers = scope.client, scope.headers
