"""A browser source beside its fast path (`app.py`): other methods, batches of requests, the server's cookie.

Batches are answered with 204 when the journal has them; what is wrong with one of their requests is found behind the
journal, as it is for a request that comes alone.
"""

import re
from math import floor

from watchbell.collector.answers import EMPTY_HEADERS, PIXEL, PIXEL_HEADERS, TEXT_HEADERS, Headers
from watchbell.collector.cors import Cors
from watchbell.collector.protocol import Answering, Scope
from watchbell.collector.receiving import Receiving
from watchbell.collector.routing import not_allowed
from watchbell.collector.sources import BrowserSource
from watchbell.domain.events.identifiers import parse_identifier
from watchbell.domain.events.query import parse_query
from watchbell.domain.events.raw import RawEvent, RawKind

MAX_BATCH_BYTES = 256 * 1024
MAX_BATCH_LINES = 1000

_MAX_COOKIE_AGE = 400 * 86_400
"""Seconds; browsers keep no cookie longer."""

_ASKS = "ck=1"
_PLAIN = re.compile(r"[A-Za-z0-9_~.!:-]{3,120}")
"""What may stand in a cookie without being quoted: every identifier that a tag makes."""


class BrowserEndpoint:
    """One browser source of one acceptor."""

    def __init__(self, name: str, source: BrowserSource, receiving: Receiving) -> None:
        origins = [*receiving.settings.origins, *source.origins]
        self._name = name
        self._source = source
        self._receiving = receiving
        self.cors = Cors(origins, "GET")
        self.batch_cors = Cors(origins, "POST")
        self.plain = not self.cors.active and not source.server_cookie
        """Whether every answer of the pixel is the same, so that the fast path may give it."""

    async def pixel(self, scope: Scope, proto: Answering, event: RawEvent | None) -> None:
        """Answers a request of the tag whose event the journal has; None: the browser repeated it."""
        more = self.cors.headers(scope)
        if event is None:
            headers = [header for header in PIXEL_HEADERS if header[0] != "content-type"]
            proto.response_empty(304, [*headers, *more])
            return
        more += self._cookie(scope.query_string, scope.query_string)
        proto.response_bytes(200, [*PIXEL_HEADERS, *more], PIXEL)

    async def otherwise(self, scope: Scope, proto: Answering) -> None:
        """A request at the events' path by another method than GET."""
        if not self.cors.preflight(scope, proto):
            not_allowed(scope, proto, "GET", self.cors.headers(scope))

    async def batch(self, scope: Scope, proto: Answering) -> None:
        """Many requests of the tag in one body, a query string on each line: all are taken, or none."""
        if self.batch_cors.preflight(scope, proto):
            return
        more = self.batch_cors.headers(scope)
        if scope.method != "POST":
            not_allowed(scope, proto, "POST", more)
            return
        media = (scope.headers.get("content-type") or "").partition(";")[0].strip().lower()
        if media not in {"text/plain", ""}:
            proto.response_str(415, [*TEXT_HEADERS, *more], "The content type must be text/plain.\n")
            return
        body = await self._receiving.body(scope, proto, MAX_BATCH_BYTES, more)
        if body is None:
            return
        lines = body.decode("utf-8", "replace").split()
        if not 0 < len(lines) <= MAX_BATCH_LINES:
            self._receiving.telemetry.count("event_batches_refused")
            reason = f"holds {len(lines)} requests; 1 to {MAX_BATCH_LINES} are accepted\n"
            proto.response_str(400, [*TEXT_HEADERS, *more], reason)
            return
        raws = self._receiving.raws(scope, RawKind.BROWSER, self._name, [(line, b"") for line in lines])
        await self._receiving.accept_all(raws)
        proto.response_empty(204, [*EMPTY_HEADERS, *more, *self._cookie(scope.query_string, lines[-1])])

    def _cookie(self, asking: str, query: str) -> Headers:
        """The header that sets the party's cookie, when the query `asking` asks for it and the source allows it."""
        if not self._source.server_cookie or _ASKS not in asking.split("&"):
            return []
        party = parse_identifier(parse_query(query)[0].get("p"))
        if party is None or not _PLAIN.fullmatch(party):
            return []
        return [("set-cookie", cookie_of(self._source, party))]


def cookie_of(source: BrowserSource, party: str) -> str:
    """The value of `Set-Cookie` for a party. Readable by scripts, because the tag sends it with each event."""
    age = floor(min(source.party_timeout, _MAX_COOKIE_AGE))
    domain = f"; Domain={source.cookie_domain}" if source.cookie_domain else ""
    site = source.cookie_same_site.capitalize()
    return f"{source.party_cookie}={party}; Path=/; Max-Age={age}{domain}; Secure; SameSite={site}"
