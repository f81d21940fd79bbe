"""The outermost layer of the API: request ids, the caller's real address, security headers, and how long answers took.

It wraps the whole application, so answers to requests that no route knows carry the same headers.
"""

import ipaddress
import re
import time
from collections.abc import Sequence

from litestar.types import ASGIApp, Message, Receive, Scope, Send

from watchbell.domain.ids import new_id
from watchbell.ports.telemetry import Telemetry

CSP = (
    "default-src 'self'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
HEADERS: list[tuple[bytes, bytes]] = [
    (b"content-security-policy", CSP.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"same-origin"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), geolocation=(), microphone=()"),
]
OPENER = b"cross-origin-opener-policy"
"""The one of them that a route may set otherwise: the pop-up by which Alerta's pages log in answers to its opener."""
HSTS = (b"strict-transport-security", b"max-age=31536000")
_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:=+/-]{1,128}")

BY_PROXY = "by_proxy"
"""In the state of a request: whether it came through a proxy that is trusted."""

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def networks(cidrs: Sequence[str]) -> tuple[Network, ...]:
    """Parse networks; raises `ValueError` for one that is none."""
    return tuple(ipaddress.ip_network(cidr, strict=False) for cidr in cidrs)


class Edge:
    """Wraps an ASGI application."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry, trusted: Sequence[Network]) -> None:
        self._app = app
        self._telemetry = telemetry
        self._trusted = trusted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.perf_counter()
        given = dict(scope["headers"])
        wanted = given.get(b"x-request-id") or given.get(b"x-amzn-trace-id") or b""
        request_id = wanted if _REQUEST_ID.fullmatch(wanted) else new_id().encode()
        scope["state"]["request_id"] = request_id.decode()
        self._believe_proxy(scope, given)
        own = [*HEADERS, (b"x-request-id", request_id)]
        if scope["scheme"] == "https":
            own.append(HSTS)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = list(message.get("headers", []))
                ours = [each for each in own if each[0] != OPENER] if any(name == OPENER for name, _ in given) else own
                message["headers"] = [*given, *ours]
                status = f"{message['status'] // 100}xx"
                self._telemetry.observe("http_answer_seconds", time.perf_counter() - began, status=status)
            await send(message)

        await self._app(scope, receive, send_with_headers)

    def _believe_proxy(self, scope: Scope, given: dict[bytes, bytes]) -> None:
        """Take the caller's address and scheme from a proxy's headers, if the peer is one that is trusted.

        The chain is read from the right: the first address that is no trusted proxy is the caller.
        """
        peer = scope["client"]
        scope["state"][BY_PROXY] = believed = peer is not None and bool(self._trusted) and self._is_trusted(peer[0])
        if not believed:
            return
        hops = [hop.strip() for hop in given.get(b"x-forwarded-for", b"").decode("latin-1").split(",") if hop.strip()]
        caller = next((hop for hop in reversed(hops) if not self._is_trusted(hop)), None)
        if caller is not None and _is_address(caller):
            scope["client"] = (caller, 0)
        if given.get(b"x-forwarded-proto") in {b"http", b"https"}:
            scope["scheme"] = given[b"x-forwarded-proto"].decode()

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._trusted)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
