"""A shorter way for what programs send by the thousand: one path, a key, a JSON body, and nothing out of the ordinary.

What a framework does for any request takes a third of the time of receiving an alert. Whatever is different about a
request goes the usual way; both ways call the same function, and answer the same.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple

from litestar import Request, Response
from litestar.types import ASGIApp, Receive, Scope, Send

from watchbell.api.auth import MAX_CREDENTIAL, admit
from watchbell.api.errors import on_unexpected, on_watchbell_error
from watchbell.domain.errors import WatchbellError
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.calling import Caller, called_by

Headers = list[tuple[bytes, bytes]]

_KEY = b"Key "
_JSON = b"application/json"
_HOST = re.compile(rb"[A-Za-z0-9.-]+(:[0-9]{1,5})?")
_ORDINARY = frozenset(
    {
        b"accept",
        b"accept-encoding",  # compression comes after
        b"accept-language",
        b"authorization",
        b"connection",
        b"content-length",
        b"content-type",
        b"host",
        b"user-agent",
        # The edge has seen to these.
        b"x-amzn-trace-id",
        b"x-forwarded-for",
        b"x-forwarded-proto",
        b"x-real-ip",
        b"x-request-id",
    }
)
"""Headers that mean nothing here but what is looked at; any other one may."""


class Lane(NamedTuple):
    """One path: the scope that callers need, and what answers with 201.

    `take` is given the body, the caller's login, and the API's address for links.
    """

    scope: str
    take: Callable[[bytes, str, str], Awaitable[bytes]]


class Express:
    """Wraps the application. `lanes` are by path, all of them `POST`; a body has at most `most` bytes."""

    def __init__(self, app: ASGIApp, authenticating: Authenticating, lanes: Mapping[str, Lane], most: int) -> None:
        self._app = app
        self._authenticating = authenticating
        self._lanes = lanes
        self._most = most

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        lane = self._lanes.get(scope["path"]) if scope["type"] == "http" and scope["method"] == "POST" else None
        given = dict(scope["headers"]) if lane is not None else {}
        if lane is None or not self._is_ordinary(scope, given):
            await self._app(scope, receive, send)
            return
        try:
            status, headers, body = 201, [(b"content-type", _JSON)], await self._taken(lane, scope, receive, given)
        except _GoneError:
            return
        except WatchbellError as error:
            status, headers, body = _told(on_watchbell_error(Request(scope), error))
        except Exception as error:  # task edge: one request must not end the server; as the application does
            status, headers, body = _told(on_unexpected(Request(scope), error))
        headers.append((b"content-length", str(len(body)).encode()))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body, "more_body": False})

    def _is_ordinary(self, scope: Any, given: Mapping[bytes, bytes]) -> bool:
        authorization, length = given.get(b"authorization", b""), given.get(b"content-length", b"")
        return (
            authorization.startswith(_KEY)
            and len(authorization) <= MAX_CREDENTIAL
            and given.get(b"content-type") == _JSON
            and length.isdigit()
            and len(length) < 10
            and int(length) <= self._most
            and not scope["query_string"]
            and not scope.get("root_path")
            and bool(scope.get("server"))
            and _HOST.fullmatch(given.get(b"host", b"")) is not None
            and len(given) == len(list(scope["headers"]))  # none of them twice
            and _ORDINARY.issuperset(given)
        )

    async def _taken(self, lane: Lane, scope: Scope, receive: Receive, given: Mapping[bytes, bytes]) -> bytes:
        key = given[b"authorization"][len(_KEY) :].decode("latin-1").strip()
        principal = await self._authenticating.by_key(key)
        admit(principal, lane.scope)
        peer = scope["client"]
        caller = Caller(
            principal=principal,
            address=peer[0] if peer else "unknown",
            request_id=scope["state"].get("request_id", ""),
            user_agent=given.get(b"user-agent", b"").decode("latin-1")[:300],
        )
        body = await _body(receive)
        with called_by(caller):
            return await lane.take(body, principal.login, f"{scope['scheme']}://{given[b'host'].decode()}/api")


class _GoneError(Exception):
    """The caller has gone before all of the body was there."""


async def _body(receive: Receive) -> bytes:
    parts: list[bytes] = []
    while True:
        message: Any = await receive()
        if message["type"] == "http.disconnect":
            raise _GoneError
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _told(response: Response[bytes]) -> tuple[int, Headers, bytes]:
    headers = [(name.lower().encode(), value.encode()) for name, value in response.headers.items()]
    return response.status_code or 500, [(b"content-type", _JSON), *headers], response.content
