"""HTTP: asks a web server and judges code, text, time and certificate.

The verdict is the worst of what was found. Nothing answered: critical. What the settings or the egress policy make
impossible: unknown. Regular expressions are RE2's (as Prometheus has them): their time grows with the body's length
only, whatever the pattern.
"""

import asyncio
import base64
import re
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import ClassVar, Literal

import msgspec
from cryptography import x509

from watchbell.domain.checks.result import Outcome, Reading, Status
from watchbell.domain.errors import Invalid
from watchbell.ports.check import Target
from watchbell.toolkit.http import BODY_LIMIT, HttpFailure, HttpReply, HttpRequest, check_url
from watchbell.toolkit.pattern import Pattern
from watchbell.toolkit.probe import ProbeTools
from watchbell.toolkit.settings import InvalidSettings, Problem, Secret, Settings

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CODES = re.compile(r"([1-5]\d\d)(?:\s*-\s*([1-5]\d\d))?|([1-5])xx")
_RANK = {Status.OK: 0, Status.WARNING: 1, Status.UNKNOWN: 2, Status.CRITICAL: 3}
_EXCERPT = 1000


class HttpConfig(Settings, frozen=True, kw_only=True):
    """Settings of an HTTP check."""

    url: str
    """Address of the page, such as `https://shop.example/health`. `$HOSTADDRESS$` stands for the host's address."""
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    """Request method."""
    headers: dict[str, Secret] = {}
    """Request headers, by name; their values are kept secret, and are not sent on to another server by a redirect."""
    body: str = ""
    """Request body. A redirect to another server does not take it along."""
    expected_codes: str = "200-299"
    """Status codes that are right: numbers, ranges and classes, such as `200-299, 301, 4xx`."""
    text: str = ""
    """Text that the answer must contain; empty means any. The first MiB of the answer is looked at."""
    text_mode: Literal["plain", "regex"] = "plain"
    """Whether the text is plain or a regular expression (RE2)."""
    text_absent: bool = False
    """Turns the text round: the answer must not contain it."""
    verify_tls: bool = True
    """Whether the server's certificate must be valid."""
    max_redirects: int = 5
    """How many redirects are followed; 0 judges the redirect itself."""
    username: str = ""
    """User name for basic authentication."""
    password: Secret = Secret("")
    """Password for basic authentication."""
    bearer: Secret = Secret("")
    """Token sent as `Authorization: Bearer`."""
    warning_seconds: float = 0.0
    """Slower answers are a warning; 0 means never."""
    critical_seconds: float = 0.0
    """Slower answers are critical; 0 means never."""
    certificate_days: int = 0
    """A certificate that runs out in fewer days is a warning; 0 means never."""


class Http:
    """See the module. Raises `InvalidSettings` when made with settings that cannot work."""

    name: ClassVar[str] = "http"
    title: ClassVar[str] = "HTTP"
    Config: ClassVar[type[msgspec.Struct]] = HttpConfig

    def __init__(self, config: HttpConfig, tools: ProbeTools) -> None:
        found = problems(config)
        if found:
            raise InvalidSettings(found)
        self._config = config
        self._tools = tools
        self._pattern = Pattern(config.text) if config.text and config.text_mode == "regex" else None
        self._request = HttpRequest(
            url=config.url,
            method=config.method,
            headers=_headers(config),
            body=config.body.encode(),
            verify_tls=config.verify_tls,
            max_redirects=config.max_redirects,
        )

    async def run(self, target: Target) -> Outcome:
        request = self._request
        if "$HOSTADDRESS$" in request.url:
            address = f"[{target.address}]" if ":" in target.address else target.address
            request = msgspec.structs.replace(request, url=request.url.replace("$HOSTADDRESS$", address))
        try:
            async with asyncio.timeout(target.timeout):
                reply = await self._tools.http.exchange(request)
        except TimeoutError:
            return Outcome(
                status=Status.CRITICAL, summary=f"No answer within {target.timeout:g} s", details=request.url
            )
        except HttpFailure as failure:
            status = Status.UNKNOWN if failure.stage in {"egress", "request"} else Status.CRITICAL
            return Outcome(status=status, summary=_capitalised(failure.message), details=request.url)
        return self._judge(reply, datetime.now(UTC))

    def _judge(self, reply: HttpReply, now: datetime) -> Outcome:
        left = _days_left(reply.certificate, now)
        faults = [
            *self._code(reply),
            *self._text(reply),
            *self._time(reply),
            *self._certificate(left),
        ]
        status = max((s for s, _ in faults), key=_RANK.__getitem__, default=Status.OK)
        facts = f"HTTP {reply.status} {reply.reason}".rstrip()
        measured = f"{_size(reply)} in {reply.seconds:.3f} s"
        summary = f"{facts}, {measured}"
        details = ""
        if faults:
            summary = f"{'; '.join(text for _, text in faults)} ({facts}, {measured})"
            details = f"{reply.url} at {reply.address}\n\n{reply.text()[:_EXCERPT]}".rstrip()
        return Outcome(status=status, summary=summary, details=details, readings=self._readings(reply, left))

    def _code(self, reply: HttpReply) -> list[tuple[Status, str]]:
        if reply.status in expected(self._config.expected_codes):
            return []
        return [(Status.CRITICAL, f"Got {reply.status}, expected {self._config.expected_codes}")]

    def _text(self, reply: HttpReply) -> list[tuple[Status, str]]:
        wanted = self._config.text
        if not wanted:
            return []
        text = reply.text()
        found = self._pattern.found_in(text) if self._pattern is not None else wanted in text
        if found != self._config.text_absent:
            return []
        shown = f"/{wanted[:100]}/" if self._pattern is not None else repr(wanted[:100])
        if found:
            return [(Status.CRITICAL, f"The answer contains {shown}")]
        within = "" if reply.complete else f" in its first {BODY_LIMIT} bytes"
        return [(Status.CRITICAL, f"The answer does not contain {shown}{within}")]

    def _time(self, reply: HttpReply) -> list[tuple[Status, str]]:
        limits = ((self._config.critical_seconds, Status.CRITICAL), (self._config.warning_seconds, Status.WARNING))
        for limit, status in limits:
            if limit and reply.seconds > limit:
                return [(status, f"Took {reply.seconds:.3f} s, more than {limit:g} s")]
        return []

    def _certificate(self, left: float | None) -> list[tuple[Status, str]]:
        if not self._config.certificate_days or left is None:
            return []
        if left < 0:
            return [(Status.CRITICAL, f"The certificate ran out {-left:.0f} days ago")]
        if left < self._config.certificate_days:
            return [(Status.WARNING, f"The certificate runs out in {left:.0f} days")]
        return []

    def _readings(self, reply: HttpReply, left: float | None) -> tuple[Reading, ...]:
        config = self._config
        readings = [
            Reading(
                name="time",
                value=round(reply.seconds, 6),
                unit="s",
                warning=f"{config.warning_seconds:g}" if config.warning_seconds else "",
                critical=f"{config.critical_seconds:g}" if config.critical_seconds else "",
                minimum=0.0,
            ),
            Reading(name="connect", value=round(reply.connect_seconds, 6), unit="s", minimum=0.0),
            Reading(name="size", value=len(reply.body), unit="B", minimum=0.0),
            Reading(name="status", value=reply.status),
        ]
        if left is not None:
            readings.append(Reading(name="certificate_days", value=round(left, 2)))
        return tuple(readings)


def problems(config: HttpConfig) -> list[Problem]:
    """What the types alone cannot tell."""
    found = [
        *_complaint(
            "url", check_url, config.url.replace("$HOSTADDRESS$", "host.invalid"), "such as https://shop.example/"
        ),
        *_complaint("expected_codes", expected, config.expected_codes, "such as 200-299, 301, 4xx"),
        *_header_problems(config.headers),
    ]
    if config.text_mode == "regex":
        found += _complaint("text", Pattern, config.text, "RE2 has no look-around and no back-references")
    if not 0 <= config.max_redirects <= 20:
        found.append(Problem(field="max_redirects", reason=f"must be between 0 and 20, not {config.max_redirects}"))
    found += [
        Problem(field=field, reason="must not be negative")
        for field in ("warning_seconds", "critical_seconds", "certificate_days")
        if not getattr(config, field) >= 0
    ]
    if config.bearer and config.username:
        found.append(Problem(field="bearer", reason="cannot be used together with a user name"))
    return found


def _complaint(field: str, parse: Callable[[str], object], text: str, fix: str) -> list[Problem]:
    try:
        parse(text)
    except Invalid as error:
        return [Problem(field=field, reason=error.reason, fix=fix)]
    return []


def _header_problems(headers: dict[str, Secret]) -> list[Problem]:
    found: list[Problem] = []
    for name, value in headers.items():
        if not _TOKEN.fullmatch(name):
            found.append(Problem(field="headers", reason=f"{name[:50]!r} is not a header name"))
        if any(ord(c) < 32 and c != "\t" for c in value.reveal()):
            found.append(Problem(field="headers", reason=f"the value of {name[:50]!r} contains control characters"))
    return found


@lru_cache(maxsize=256)
def expected(text: str) -> frozenset[int]:
    """The codes that a text such as `200-299, 301, 4xx` names; `Invalid` when it cannot be read."""
    codes: set[int] = set()
    for part in text.split(","):
        match = _CODES.fullmatch(part.strip())
        if match is None:
            raise Invalid(f"{part.strip()!r} is not a status code, range or class")
        if match[3]:
            codes.update(range(int(match[3]) * 100, int(match[3]) * 100 + 100))
        else:
            codes.update(range(int(match[1]), int(match[2] or match[1]) + 1))
    if not codes:
        raise Invalid(f"{text!r} names no status code")
    return frozenset(codes)


def _headers(config: HttpConfig) -> dict[str, str]:
    headers = {name: value.reveal() for name, value in config.headers.items()}
    if config.username:
        pair = f"{config.username}:{config.password.reveal()}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
    elif config.bearer:
        headers["Authorization"] = f"Bearer {config.bearer.reveal()}"
    return headers


def _days_left(certificate: bytes | None, now: datetime) -> float | None:
    if certificate is None:
        return None
    try:
        return (x509.load_der_x509_certificate(certificate).not_valid_after_utc - now).total_seconds() / 86400
    except ValueError:
        return None


def _size(reply: HttpReply) -> str:
    return f"{len(reply.body)} bytes" if reply.complete else f"more than {len(reply.body)} bytes"


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]
