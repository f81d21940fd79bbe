"""The RSGI application: `/csc-event`, the JSON source, `/events`, `/ping`, `/healthz`, `/metrics`.

An event is answered when the journal has it. It fails towards the client only: 503 with Retry-After when the journal is
full or cannot be written, 4xx with the place and the reason for what cannot be understood. Nothing is parsed here that
can be parsed behind the journal.
"""

import secrets
import time
from collections.abc import Awaitable, Callable
from math import ceil
from urllib.parse import quote_plus

from watchbell.collector.answers import (
    EMPTY_HEADERS,
    PIXEL,
    PIXEL_ETAG,
    PIXEL_HEADERS,
    PIXEL_NOT_MODIFIED_HEADERS,
    SERVER,
    TEXT,
    TEXT_HEADERS,
    names_etag,
)
from watchbell.collector.client import client_address, parse_networks
from watchbell.collector.protocol import Answering, BodyTooLarge, Scope, read_body
from watchbell.collector.settings import CollectorSettings
from watchbell.domain.errors import Invalid, Overloaded
from watchbell.domain.events.batch import split_batch
from watchbell.domain.events.identifiers import parse_identifier
from watchbell.domain.events.query import parse_query
from watchbell.domain.events.raw import RawEvent, RawKind, peer_address
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.collecting import Collecting

Handler = Callable[[Scope, Answering], Awaitable[None]]

# `text/plain` is what sendBeacon says, the form type is what curl says unless told otherwise. It must be JSON anyway.
_BATCH_TYPES = frozenset({"application/json", "text/plain", "application/x-www-form-urlencoded", ""})
_CHUNK = 4096
# Looking a member up in an enumeration costs as much as making the whole event.
_BROWSER = RawKind.BROWSER


def _random_text() -> str:
    return secrets.token_urlsafe(24)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


class CollectorApp:
    """The application of one acceptor. `metrics` renders the whole collector's metrics; `now_ms` is the clock."""

    def __init__(
        self,
        settings: CollectorSettings,
        collecting: Collecting,
        telemetry: Telemetry,
        metrics: Callable[[], bytes],
        now_ms: Callable[[], int] = _now_ms,
    ) -> None:
        self.stopping = False
        """While set, `/ping` says so, and a load balancer looks elsewhere."""
        self._settings = settings
        self._collecting = collecting
        self._telemetry = telemetry
        self._metrics = metrics
        self._now_ms = now_ms
        self._trusted = parse_networks(settings.trusted_proxies)
        self._json_limit = ceil(max(1, settings.json_max_body) / _CHUNK) * _CHUNK
        prefix = settings.browser_prefix if settings.browser_prefix.endswith("/") else f"{settings.browser_prefix}/"
        self._pixel_path = prefix + settings.event_suffix
        self._keeps_headers = bool(settings.kept_headers)
        self._accept = collecting.accept
        self._routes: dict[str, Handler] = {
            self._pixel_path: self.pixel_otherwise,
            settings.json_path: self.json_event,
            settings.batch_path: self.batch,
            "/ping": self.ping,
            "/healthz": self.health,
            "/metrics": self.scrape,
        }

    async def __rsgi__(self, scope: Scope, proto: Answering) -> None:
        try:
            if scope.path == self._pixel_path and scope.method == "GET":
                # The way of nearly every request: no call more than it needs.
                headers = scope.headers
                known = headers.get("if-none-match")
                if known is not None and names_etag(known, PIXEL_ETAG):
                    self._telemetry.count("events_repeated_by_browser")
                    proto.response_empty(304, PIXEL_NOT_MODIFIED_HEADERS)
                    return
                client = self._client(scope) if self._trusted else scope.client
                kept = self._kept(scope) if self._keeps_headers else ()
                agent = headers.get("user-agent")
                event = RawEvent(_BROWSER, "browser", self._now_ms(), client, agent, scope.query_string, b"", kept)
                await self._accept(event)
                proto.response_bytes(200, PIXEL_HEADERS, PIXEL)
                return
            handler = self._routes.get(scope.path)
            if handler is None or scope.proto != "http":
                proto.response_str(404, TEXT_HEADERS, "There is nothing here.\n")
                return
            await handler(scope, proto)
        except Overloaded as error:
            wait = ("retry-after", str(max(1, ceil(error.retry_after))))
            proto.response_str(503, [*TEXT_HEADERS, wait], f"{error.message}\n")

    async def pixel_otherwise(self, scope: Scope, proto: Answering) -> None:
        """A request at the tag's path by another method."""
        self._not_allowed(scope, proto, "GET")

    async def json_event(self, scope: Scope, proto: Answering) -> None:
        """One event as JSON; the checks are made in Divolte's order."""
        if scope.method != "POST":
            self._not_allowed(scope, proto, "POST")
            return
        types = [value for name, value in scope.headers.items() if name == "content-type"]
        if len(types) != 1 or types[0].lower() != "application/json":
            proto.response_str(415, TEXT_HEADERS, "The content type must be application/json, without parameters.\n")
            return
        body = await self._body(scope, proto, self._json_limit)
        if body is None:
            return
        party = parse_query(scope.query_string)[0].get(self._settings.json_party_parameter)
        if not body or parse_identifier(party) is None:
            reason = "missing or not an identifier" if body else "the body is empty"
            name = self._settings.json_party_parameter if body else "body"
            proto.response_str(400, TEXT_HEADERS, f"{name}: {reason}\n")
            return
        await self._collecting.accept(self._json_raw(scope, RawKind.JSON, "json", body, f"p={quote_plus(party or '')}"))
        proto.response_empty(204, EMPTY_HEADERS)

    async def batch(self, scope: Scope, proto: Answering) -> None:
        """Many events: all are taken, or none."""
        cors = self._cors(scope.headers.get("origin"))
        if scope.method == "OPTIONS" and cors:
            allowed = [("access-control-allow-methods", "POST"), ("access-control-allow-headers", "content-type")]
            proto.response_empty(204, [SERVER, *cors, *allowed, ("access-control-max-age", "86400")])
            return
        if scope.method != "POST":
            self._not_allowed(scope, proto, "POST")
            return
        media = (scope.headers.get("content-type") or "").partition(";")[0].strip().lower()
        if media not in _BATCH_TYPES:
            proto.response_str(
                415, [*TEXT_HEADERS, *cors], "The content type must be application/json or text/plain.\n"
            )
            return
        body = await self._body(scope, proto, self._settings.batch_max_body)
        if body is None:
            return
        try:
            elements = split_batch(body, _random_text, self._now_ms(), self._settings.batch_max_events)
        except Invalid as error:
            self._telemetry.count("event_batches_refused")
            proto.response_str(400, [*TEXT_HEADERS, *cors], f"{error.message}\n")
            return
        raws = [self._json_raw(scope, RawKind.BATCH, "events", element, "") for element in elements]
        await self._collecting.accept_all(raws)
        proto.response_empty(204, [SERVER, *cors])

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

    def _json_raw(self, scope: Scope, kind: RawKind, source: str, body: bytes, query: str) -> RawEvent:
        agent = scope.headers.get("user-agent")
        return RawEvent(kind, source, self._now_ms(), self._client(scope), agent, query, body, self._kept(scope))

    async def _body(self, scope: Scope, proto: Answering, limit: int) -> bytes | None:
        try:
            return await read_body(scope, proto, limit)
        except BodyTooLarge:
            self._telemetry.count("event_bodies_too_large")
            headers = [TEXT, SERVER, ("connection", "close")]
            proto.response_str(413, headers, f"The body is larger than {limit} bytes.\n")
            return None

    def _client(self, scope: Scope) -> str:
        """The client as `address:port`; port 0 when a proxy told the address."""
        peer = scope.client
        if not self._trusted:
            return peer
        headers = scope.headers
        forwarded, forwarded_for = headers.get("forwarded"), headers.get("x-forwarded-for")
        address = client_address(peer_address(peer), forwarded, forwarded_for, self._trusted)
        return f"[{address}]:0" if ":" in address else f"{address}:0"

    def _kept(self, scope: Scope) -> tuple[tuple[str, str], ...]:
        names = self._settings.kept_headers
        return tuple((name, value) for name, value in scope.headers.items() if name in names)

    def _cors(self, origin: str | None) -> list[tuple[str, str]]:
        allowed = self._settings.origins
        if origin is None or not ("*" in allowed or origin in allowed):
            return []
        return [("access-control-allow-origin", origin), ("vary", "Origin")]

    @staticmethod
    def _not_allowed(scope: Scope, proto: Answering, allowed: str) -> None:
        proto.response_str(405, [("allow", allowed), TEXT, SERVER], f"HTTP method {scope.method} not allowed.")
