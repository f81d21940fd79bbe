"""HTTP to the outside, for checks and channels: one exchange, redirects followed, each connection behind the policy.

Every exchange makes a connection of its own (a probe must prove that the server accepts one), reads at most
`body_limit` bytes and ends within the caller's deadline: wrap the call in `asyncio.timeout`. Failures raise
`HttpFailure`, which says what went wrong in words for people, and at which stage.
"""

import asyncio
import os
import re
import ssl
import time
from contextvars import ContextVar
from functools import lru_cache
from typing import Literal

import aiohttp
import msgspec
from aiohttp.client_reqrep import ClientRequest
from aiohttp.connector import Connection
from aiohttp.tracing import Trace
from multidict import CIMultiDictProxy
from yarl import URL

from watchbell import __version__
from watchbell.domain.errors import Invalid, Retryable
from watchbell.toolkit.egress import EgressDenied, EgressPolicy
from watchbell.toolkit.resolver import Resolver

USER_AGENT = f"Watchbell/{__version__}"
BODY_LIMIT = 1 << 20
_HEADER_LIMIT = 64 << 10
_OURS = {"User-Agent": USER_AGENT, "Accept": "*/*", "Accept-Encoding": "identity"}
"""Headers that say nothing of whoever configured the request."""

# Python knows stranger ones (escapes, punycode), which are slow or make characters that cannot be sent on.
_CHARSET = re.compile(
    r"us-ascii|utf-?(8|16|32)|utf-(16|32)[lb]e|latin-?1|iso-8859-([1-9]|1[0-1]|1[3-6])|windows-125[0-8]|cp125[0-8]"
    r"|koi8-[ru]|shift_jis|euc-(jp|kr)|gb2312|gbk|gb18030|big5"
)

Stage = Literal["request", "egress", "resolve", "connect", "tls", "protocol", "redirect"]


class HttpFailure(Retryable):
    """No usable answer came. `stage` says where it failed."""

    def __init__(self, message: str, stage: Stage) -> None:
        super().__init__(message)
        self.stage: Stage = stage


class HttpRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to send. `body_limit` is in bytes; more is not read.

    `headers` and `body` are for the server of `url`: a redirect does not take them to another origin.
    """

    url: str
    method: str = "GET"
    headers: dict[str, str] = {}
    body: bytes = b""
    verify_tls: bool = True
    max_redirects: int = 0
    body_limit: int = BODY_LIMIT


class HttpReply(msgspec.Struct, frozen=True, kw_only=True):
    """What came back. Times are in seconds. `complete` is False when the body was longer than the limit.

    `certificate` is the server's, as DER; None without TLS. `connect_seconds` is that of the last connection: name, TCP
    and TLS.
    """

    status: int
    reason: str
    headers: CIMultiDictProxy[str]
    body: bytes
    complete: bool
    url: str
    redirects: int
    connect_seconds: float
    seconds: float
    address: str
    certificate: bytes | None

    def text(self) -> str:
        """The body, decoded as the server says (UTF-8 when it does not), undecodable bytes replaced."""
        _, _, rest = self.headers.get("Content-Type", "").lower().partition("charset=")
        charset = rest.split(";")[0].strip(" \"'")
        return self.body.decode(charset if _CHARSET.fullmatch(charset) else "utf-8", "replace")


class _Link:
    """What is known of the connection that the current task made."""

    __slots__ = ("address", "certificate", "seconds")

    def __init__(self) -> None:
        self.address = ""
        self.certificate: bytes | None = None
        self.seconds = 0.0


_link: ContextVar[_Link] = ContextVar("watchbell_http_link")


class _Connector(aiohttp.TCPConnector):
    """Notes the peer and its certificate, which are gone once a short answer has been read."""

    async def connect(self, req: ClientRequest, traces: list[Trace], timeout: aiohttp.ClientTimeout) -> Connection:
        began = time.perf_counter()
        connection = await super().connect(req, traces, timeout)
        link = _link.get(None)
        if link is not None and connection.transport is not None:
            link.seconds = time.perf_counter() - began
            peer = connection.transport.get_extra_info("peername")
            link.address = str(peer[0]) if peer else ""
            tls: ssl.SSLObject | None = connection.transport.get_extra_info("ssl_object")
            link.certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        return connection


class HttpClient:
    """Makes exchanges. One for each process; safe for many tasks. Opens nothing before the first exchange.

    `ca_file` names a PEM file of authorities to trust beside the system's.
    """

    def __init__(self, policy: EgressPolicy, ca_file: str = "") -> None:
        self._policy = policy
        self._ca_file = ca_file
        self._session: aiohttp.ClientSession | None = None
        self._contexts: dict[bool, ssl.SSLContext] = {}

    async def exchange(self, request: HttpRequest) -> HttpReply:
        """Send a request, follow up to `max_redirects` redirects, return the last answer. Raises `HttpFailure`."""
        began = time.perf_counter()
        link = _Link()
        token = _link.set(link)
        try:
            return await self._follow(request, link, began)
        except (aiohttp.ClientError, OSError, ValueError, asyncio.IncompleteReadError) as error:
            raise _failure(error, request.url) from error
        finally:
            _link.reset(token)

    async def _follow(self, request: HttpRequest, link: _Link, began: float) -> HttpReply:
        url = _parse(request.url)
        method, body = request.method, request.body
        headers = {**_OURS, **request.headers}
        redirects = 0
        while True:
            context = self._context(verify=request.verify_tls) if url.scheme == "https" else True
            async with self._ready().request(
                method, url, headers=headers, data=body or None, allow_redirects=False, ssl=context
            ) as answer:
                location = answer.headers.get("Location", "")
                if not (request.max_redirects and location and answer.status in {301, 302, 303, 307, 308}):
                    content, complete = await _read(answer, request.body_limit)
                    return HttpReply(
                        status=answer.status,
                        reason=answer.reason or "",
                        headers=answer.headers,
                        body=content,
                        complete=complete,
                        url=str(url),
                        redirects=redirects,
                        connect_seconds=link.seconds,
                        seconds=time.perf_counter() - began,
                        address=link.address,
                        certificate=link.certificate,
                    )
                status = answer.status
            redirects += 1
            if redirects > request.max_redirects:
                raise HttpFailure(
                    f"more than {request.max_redirects} redirects, the last to {location[:200]}", "redirect"
                )
            target = _parse(location, base=url)
            if status == 303 or (status in {301, 302} and method == "POST"):
                method, body = ("HEAD" if method == "HEAD" else "GET"), b""
                headers = {k: v for k, v in headers.items() if k.lower() not in {"content-type", "content-length"}}
            if target.origin() != url.origin():
                # Any of them may be a token, whatever its name; so may be anything in the body.
                headers, body = dict(_OURS), b""
            url = target

    def _ready(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = _Connector(
                resolver=Resolver(self._policy),
                ttl_dns_cache=5,
                force_close=True,
                limit=0,
                socket_factory=self._policy.socket,
            )
            self._session = aiohttp.ClientSession(
                connector=connector,
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(),  # the caller's deadline is the only one
                max_line_size=_HEADER_LIMIT,
                max_field_size=_HEADER_LIMIT,
                trust_env=False,
            )
        return self._session

    def _context(self, *, verify: bool) -> ssl.SSLContext:
        context = self._contexts.get(verify)
        if context is None:
            context = ssl.create_default_context()
            if self._ca_file:
                context.load_verify_locations(self._ca_file)
            if not verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            self._contexts[verify] = context
        return context

    async def close(self) -> None:
        """Close what is open."""
        if self._session is not None:
            await self._session.close()
            self._session = None


def check_url(text: str) -> URL:
    """An absolute http or https URL, or `Invalid`."""
    try:
        url = URL(text)
    except ValueError as error:
        raise Invalid(f"{text[:200]!r} is not a URL: {error}") from error
    if url.scheme not in {"http", "https"}:
        raise Invalid(f"{text[:200]!r} must begin with http:// or https://")
    if not url.host:
        raise Invalid(f"{text[:200]!r} names no host")
    return url


@lru_cache(maxsize=4096)
def _parse(text: str, base: URL | None = None) -> URL:
    try:
        url = URL(text) if base is None else base.join(URL(text))
        return check_url(str(url)).with_fragment(None)
    except (Invalid, ValueError) as error:
        raise HttpFailure(str(error), "request" if base is None else "redirect") from error


async def _read(answer: aiohttp.ClientResponse, limit: int) -> tuple[bytes, bool]:
    chunks: list[bytes] = []
    size = 0
    while True:
        chunk = await answer.content.readany()
        if not chunk:
            return b"".join(chunks), True
        size += len(chunk)
        chunks.append(chunk)
        if size > limit:
            answer.close()
            return b"".join(chunks)[:limit], False


def _failure(error: BaseException, url: str) -> HttpFailure:
    """Say what went wrong, in words."""
    denied = _within(error, EgressDenied)
    if denied is not None:
        return HttpFailure(str(denied), "egress")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return HttpFailure(f"the certificate is not valid: {_words(error.certificate_error)}", "tls")
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return HttpFailure(f"cannot resolve {error.host}: {_words(error.os_error)}", "resolve")
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(error, aiohttp.ClientSSLError):
        return HttpFailure(f"cannot connect to {error.host}:{error.port}: {_words(error.os_error)}", "connect")
    kinds: tuple[tuple[type[BaseException], Stage, str], ...] = (
        (aiohttp.ClientSSLError, "tls", "TLS failed: {words}"),
        (aiohttp.ServerDisconnectedError, "protocol", "the server closed the connection without an answer"),
        (aiohttp.InvalidURL, "request", "{url!r} is not a usable URL: {words}"),
        (aiohttp.ClientResponseError, "protocol", "the answer is not HTTP: {words}"),
        (aiohttp.ClientPayloadError, "protocol", "the answer broke off: {words}"),
    )
    known: list[tuple[Stage, str]] = [(stage, text) for kind, stage, text in kinds if isinstance(error, kind)]
    stage, text = known[0] if known else ("protocol", "{words}")
    return HttpFailure(text.format(words=_words(error), url=url[:200]), stage)


def _within(error: BaseException | None, wanted: type[BaseException]) -> BaseException | None:
    """The wanted error in a chain of causes or in a group."""
    seen = 0
    while error is not None and seen < 10:
        if isinstance(error, wanted):
            return error
        members: tuple[BaseException, ...] = getattr(error, "exceptions", ())
        for member in members:
            found = _within(member, wanted)
            if found is not None:
                return found
        error, seen = error.__cause__ or error.__context__, seen + 1
    return None


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and not isinstance(error, ssl.SSLError) and (error.errno or 0) > 0:
        return os.strerror(error.errno or 0)
    text = getattr(error, "verify_message", "") or getattr(error, "strerror", "") or getattr(error, "message", "")
    return " ".join(str(text or error or type(error).__name__).split())[:300]
