"""Which pages may read an answer: the headers that a browser asks for when a page of another site sends an event.

An origin that is listed by name may send cookies, too; with `*` any page may read the answer, but none with cookies.
An origin that is not listed gets no header, and the browser keeps the answer from it. The event itself is taken:
that a page may send it was never for us to say.
"""

from collections.abc import Sequence

from watchbell.collector.answers import SERVER, Headers
from watchbell.collector.protocol import Answering, Scope

MAX_AGE = "86400"
"""Seconds that a browser may remember the answer to a preflight request."""

_EXPOSED = ("access-control-expose-headers", "retry-after")


class Cors:
    """The origins of one source and the methods of one path (`GET`, `POST`)."""

    def __init__(self, origins: Sequence[str], methods: str) -> None:
        self._named = frozenset(origins) - {"*"}
        self._all = "*" in origins
        self._methods = methods
        self.active = bool(origins)
        """Whether any origin is listed."""

    def headers(self, scope: Scope) -> Headers:
        """What an answer to this request must carry; nothing when no page of another site may read it."""
        origin = scope.headers.get("origin") if self.active else None
        if origin is None:
            # A cache must not hand an answer without these headers to a page that needs them.
            return [("vary", "Origin")] if self._named else []
        if origin in self._named:
            allowed = ("access-control-allow-origin", origin)
            return [allowed, ("access-control-allow-credentials", "true"), _EXPOSED, ("vary", "Origin")]
        if self._all:
            return [("access-control-allow-origin", "*"), _EXPOSED, *([("vary", "Origin")] if self._named else [])]
        return [("vary", "Origin")]

    def preflight(self, scope: Scope, proto: Answering) -> bool:
        """Answers a preflight request of a listed origin; whether it was one."""
        if scope.method != "OPTIONS" or not self.active:
            return False
        headers = self.headers(scope)
        if not any(name == "access-control-allow-origin" for name, _ in headers):
            return False
        wanted = scope.headers.get("access-control-request-headers")
        known = [name for name in ("content-type", "authorization", "x-watchbell-signature") if name in _names(wanted)]
        headers += [("access-control-allow-methods", self._methods), ("access-control-max-age", MAX_AGE)]
        headers += [("access-control-allow-headers", ", ".join(known))] if known else []
        proto.response_empty(204, [SERVER, *headers])
        return True


def _names(header: str | None) -> set[str]:
    return {name.strip().lower() for name in (header or "").split(",")}
