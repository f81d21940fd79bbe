"""CAS: browsers are sent there with the address of a page of ours, the service, and bring a ticket back to it.

A ticket is for one service, which CAS compares. So the service is never taken from what a request says of its host: to
our own page it is made of the settings, and a page that brings a ticket itself must be of an origin of the settings.
Otherwise whoever runs another service there could log in here with the tickets that people bring them.
"""

import asyncio
import re
from urllib.parse import quote, urlencode, urlsplit

from watchbell.adapters.login.cas_answers import Failure, Malformed, Success, read_json, read_xml
from watchbell.domain.admission import Identity
from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.ports.login import Challenge
from watchbell.toolkit.http import HttpClient, HttpReply, HttpRequest
from watchbell.toolkit.login_cas import Cas
from watchbell.toolkit.origins import Origins

BODY_LIMIT = 256 << 10
_TICKET = re.compile(r"ST-[A-Za-z0-9._~-]{1,509}")
_THEIR_FAULT = frozenset({"INTERNAL_ERROR"})


class CasProvider:
    """One server. `base_url` is where people reach our pages; `pages` are origins of others that bring tickets."""

    def __init__(self, settings: Cas, http: HttpClient, base_url: str, pages: Origins) -> None:
        self._settings = settings
        self._http = http
        self._base_url = base_url.rstrip("/")
        self._pages = pages
        self._url = settings.url.rstrip("/")

    async def authorization_endpoint(self) -> str:
        return f"{self._url}/login"

    async def address(self, challenge: Challenge) -> str:
        return f"{self._url}/login?{urlencode({'service': self._service(challenge)})}"

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        service = self._service(challenge)
        if not _TICKET.fullmatch(code):
            raise Unauthenticated(f"{self._settings.heading} gives other tickets.")
        found = self._read(await self._asked(code, service))
        if isinstance(found, Success):
            return self._identity(found)
        if found.code in _THEIR_FAULT:
            raise Retryable(f"{self._settings.heading} cannot check tickets now.")
        raise Unauthenticated(f"{self._settings.heading} refuses the ticket: {found.code}")

    def _service(self, challenge: Challenge) -> str:
        """The page that the ticket is for. A log-in that began here is known by its state."""
        if challenge.state:
            callback = f"{self._base_url}/api/session/callback/{quote(self._settings.name)}"
            return f"{callback}?{urlencode({'state': challenge.state})}"
        service = challenge.redirect
        origin = _origin(service)
        if origin != _origin(self._base_url) and not self._pages.whole(origin):
            raise Unauthenticated("The service is no page that may bring tickets.")
        return service

    async def _asked(self, ticket: str, service: str) -> HttpReply:
        asked = {"service": service, "ticket": ticket}
        if self._settings.answer == "json":
            asked["format"] = "JSON"
        url = f"{self._url}{self._settings.validate_path}?{urlencode(asked)}"
        title = self._settings.heading
        try:
            async with asyncio.timeout(self._settings.timeout):
                reply = await self._http.exchange(HttpRequest(url=url, body_limit=BODY_LIMIT))
        except TimeoutError:
            raise Retryable(f"{title} does not answer.") from None
        except Retryable as error:  # its message may have the address, and so the ticket
            raise Retryable(f"{title} cannot be asked: {_without(error.message, url, ticket)}") from None
        if reply.status != 200 or not reply.complete:
            raise Retryable(f"{title} answers {reply.status}, or too much, when it is asked about a ticket.")
        return reply

    def _read(self, reply: HttpReply) -> Success | Failure:
        kind = reply.headers.get("Content-Type", "").partition(";")[0].strip().lower()
        by_json = kind.endswith("json")
        wanted = self._settings.answer
        cannot = f"{self._settings.heading}'s answer cannot be read"
        if wanted != "auto" and by_json != (wanted == "json"):
            raise Retryable(f"{cannot}: it is of the type {kind[:60]!r}.")
        try:
            return (read_json if by_json else read_xml)(reply.body)
        except Malformed as error:
            raise Retryable(f"{cannot}: {error}.") from None

    def _identity(self, found: Success) -> Identity:
        settings = self._settings

        def first(names: list[str]) -> str:
            return next((value for name in names for value in found.attributes.get(name, [])[:1] if value), "")

        groups = [group for name in settings.group_attributes for group in found.attributes.get(name, []) if group]
        return Identity(
            issuer=settings.issuer,
            subject=first([settings.id_attribute]) if settings.id_attribute else found.user,
            login=first(settings.login_attributes) or found.user,
            name=first(settings.name_attributes),
            email=first(settings.email_attributes),
            groups=tuple(dict.fromkeys(groups)),
        )


def _origin(url: str) -> str:
    """The origin of an address; empty when it is none that a page can have."""
    if not url.isascii() or not url.isprintable() or set("\\ #@") & set(url):
        return ""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc}".lower() if known else ""


def _without(message: str, url: str, ticket: str) -> str:
    return message.replace(url, "its address").replace(ticket, "…").replace(quote(ticket), "…")
