"""What every source does with a request that brings events: read the body, say who sent it, hand it to the journal."""

import time
from collections.abc import Awaitable, Callable, Sequence
from math import ceil

from watchbell.collector.answers import SERVER, TEXT, TEXT_HEADERS, Headers
from watchbell.collector.client import Networks, client_address, forwarded_hops, listed_hops, parse_networks
from watchbell.collector.protocol import Answering, BodyTooLarge, Reading, Scope, read_body
from watchbell.collector.settings import CollectorSettings
from watchbell.domain.errors import Overloaded
from watchbell.domain.events.raw import RawEvent, RawKind, peer_address
from watchbell.ports.telemetry import Telemetry
from watchbell.usecases.collecting import Collecting

_HINT = "sec-ch-ua"


def system_ms() -> int:
    """The system's clock, in milliseconds since 1970."""
    return time.time_ns() // 1_000_000


class Receiving:
    """The parts that the sources of one acceptor share. `now_ms` is the clock."""

    def __init__(
        self,
        settings: CollectorSettings,
        collecting: Collecting,
        telemetry: Telemetry,
        now_ms: Callable[[], int] = system_ms,
    ) -> None:
        self.settings = settings
        self.telemetry = telemetry
        self.now_ms = now_ms
        self.accept: Callable[[RawEvent], Awaitable[None]] = collecting.accept
        self.accept_all: Callable[[Sequence[RawEvent]], Awaitable[None]] = collecting.accept_all
        self._reading = Reading(settings.reading_max_bytes)
        self.trusted: Networks = parse_networks(settings.trusted_proxies)
        names = tuple(dict.fromkeys(name.lower() for name in settings.kept_headers))
        self._hints = tuple([name for name in names if name.startswith(f"{_HINT}-")])
        self._names = tuple([name for name in names if name not in self._hints])
        self._only_hints = self._names == (_HINT,)

    def client(self, scope: Scope) -> str:
        """The client as `address:port`; port 0 when a proxy told the address."""
        peer = scope.client
        if not self.trusted:
            return peer
        wanted = self.settings.proxy_header
        told = ",".join([value for name, value in scope.headers.items() if name == wanted])
        hops = forwarded_hops(told) if wanted == "forwarded" else listed_hops(told)
        address = client_address(peer_address(peer), hops, self.trusted)
        return f"[{address}]:0" if ":" in address else f"{address}:0"

    def kept(self, scope: Scope) -> tuple[tuple[str, str], ...]:
        """The headers that are kept with the event; several of one name in the order in which they came."""
        headers = scope.headers
        if self._only_hints and _HINT not in headers:
            return ()  # most requests that are no browser's, and all of some browsers
        found: list[tuple[str, str]] = []
        # Asking for each is several times cheaper than taking all of them over from the server.
        for name in self._names:
            if name in headers:
                found += [(name, value) for value in headers.get_all(name)]
        if self._hints and _HINT in headers:
            # A browser that sends any hint sends this one.
            found += [(name, value) for name in self._hints for value in headers.get_all(name)]
        return tuple(found)

    def raws(self, scope: Scope, kind: RawKind, source: str, requests: Sequence[tuple[str, bytes]]) -> list[RawEvent]:
        """A raw event for each query and body that one HTTP request brought."""
        agent, client, kept = scope.headers.get("user-agent"), self.client(scope), self.kept(scope)
        now_ms = self.now_ms()
        return [RawEvent(kind, source, now_ms, client, agent, query, body, kept) for query, body in requests]

    async def body(self, scope: Scope, proto: Answering, limit: int, headers: Headers) -> bytes | None:
        """The whole body; None when it was too large, came too slowly, or too many are read: answered here."""
        try:
            return await read_body(scope, proto, limit, self.settings.body_timeout_s, self._reading)
        except BodyTooLarge:
            self.telemetry.count("event_bodies_too_large")
            closing = [TEXT, SERVER, ("connection", "close"), *headers]
            proto.response_str(413, closing, f"The body is larger than {limit} bytes.\n")
        except TimeoutError:
            self.telemetry.count("event_bodies_too_slow")
            proto.response_str(408, [*TEXT_HEADERS, ("connection", "close"), *headers], "The body came too slowly.\n")
        except Overloaded as error:
            self.telemetry.count("event_bodies_refused")
            closing = [*TEXT_HEADERS, ("retry-after", str(ceil(error.retry_after))), ("connection", "close"), *headers]
            proto.response_str(503, closing, f"{error.message}\n")
        return None
