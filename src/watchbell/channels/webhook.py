"""Webhook: posts the message as JSON to an address, signed as Standard Webhooks has it (standardwebhooks.com).

Taken by any 2xx. 408, 425, 429, 5xx and no connection may pass (`Retryable`, as long as the server asks in
Retry-After); no answer to what was posted is `Ambiguous`; a redirect, any other answer and an address that the egress
policy refuses will not pass (`Permanent`). The URL is a secret and never in an error.
"""

import asyncio
import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import ClassVar

import msgspec

from watchbell.domain.errors import Ambiguous, Invalid, Permanent, Retryable
from watchbell.domain.oncall.message import Message, Receipt
from watchbell.toolkit.http import HttpFailure, HttpReply, HttpRequest, check_url
from watchbell.toolkit.sending import SendingTools
from watchbell.toolkit.settings import Secret, Settings

_PASSING = frozenset({408, 425, 429})
_MAX_WAIT = 3600.0  # seconds; a server that asks for more is asked again after this
_ANSWER_LIMIT = 64 << 10
_PREFIX = "whsec_"
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class WebhookConfig(Settings, frozen=True, kw_only=True):
    """Settings of a webhook channel."""

    url: Secret
    """Address that messages are posted to; kept secret, for it often holds a token."""
    secret: Secret = Secret("")
    """Key that messages are signed with: `whsec_` and base64, or any text. Empty sends no signature."""
    headers: dict[str, Secret] = {}
    """Further request headers, by name; their values are kept secret."""
    verify_tls: bool = True
    """Whether the server's certificate must be valid."""


class Webhook:
    """Posts messages as signed JSON."""

    name: ClassVar[str] = "webhook"
    title: ClassVar[str] = "Webhook"
    Config: ClassVar[type[Settings]] = WebhookConfig

    def __init__(self, config: WebhookConfig, tools: SendingTools, now: Callable[[], datetime] | None = None) -> None:
        try:
            check_url(config.url.reveal())
        except Invalid:  # whose text shows the address, which is a secret here
            raise Invalid("must be an address that begins with http:// or https://", "url") from None
        for name, value in config.headers.items():
            if not _TOKEN.fullmatch(name) or _CONTROL.search(value.reveal()):
                raise Invalid("is not a usable header", f"headers.{name}")
        self._config = config
        self._tools = tools
        self._key = _key(config.secret.reveal())
        self._now = now or (lambda: datetime.now(UTC))

    async def send(self, message: Message) -> Receipt:
        body = msgspec.json.encode(payload(message))
        request = HttpRequest(
            url=self._config.url.reveal(),
            method="POST",
            headers=self._headers(message, body),
            body=body,
            verify_tls=self._config.verify_tls,
            body_limit=_ANSWER_LIMIT,
        )
        try:
            async with asyncio.timeout(self._tools.timeout):
                reply = await self._tools.http.exchange(request)
        except HttpFailure as error:
            if error.stage in {"egress", "request"}:
                raise Permanent(_without(error.message, request.url)) from None
            if error.stage == "protocol":
                raise Ambiguous(_without(error.message, request.url)) from None
            raise Retryable(_without(error.message, request.url)) from None
        except TimeoutError:
            raise Ambiguous(f"no answer within {self._tools.timeout:g} s") from None
        return self._judge(reply)

    async def close(self) -> None:
        """Nothing is held."""

    def _headers(self, message: Message, body: bytes) -> dict[str, str]:
        moment = str(int(self._now().timestamp()))
        headers = {name: value.reveal() for name, value in self._config.headers.items()}
        headers |= {
            "Content-Type": "application/json",
            "Idempotency-Key": message.id,
            "webhook-id": message.id,
            "webhook-timestamp": moment,
        }
        if self._key:
            headers["webhook-signature"] = sign(self._key, message.id, moment, body)
        return headers

    def _judge(self, reply: HttpReply) -> Receipt:
        if 200 <= reply.status < 300:
            return Receipt(reference=reply.headers.get("X-Request-Id", "")[:200], detail=f"answered {reply.status}")
        said = f"answered {reply.status} {reply.reason}"[:200]
        if reply.status in _PASSING or reply.status >= 500:
            raise Retryable(said, retry_after=_retry_after(reply.headers.get("Retry-After", ""), self._now()))
        raise Permanent(said)


def payload(message: Message) -> dict[str, object]:
    """What is posted."""
    return {
        "type": f"incident.{message.purpose}",
        "timestamp": message.created_at.isoformat(),
        "data": {
            "id": message.id,
            "incident": message.incident_id,
            "service": message.service,
            "to": message.to,
            "purpose": message.purpose,
            "severity": message.severity,
            "title": message.title,
            "text": message.text,
            "link": message.link,
            "details": message.data,
        },
    }


def sign(key: bytes, identifier: str, timestamp: str, body: bytes) -> str:
    """The signature over `id.timestamp.body`: `v1,` and the base64 of HMAC-SHA256."""
    digest = hmac.new(key, f"{identifier}.{timestamp}.".encode() + body, hashlib.sha256).digest()
    return "v1," + base64.b64encode(digest).decode()


def _key(secret: str) -> bytes:
    if not secret.startswith(_PREFIX):
        return secret.encode()
    try:
        return base64.b64decode(secret.removeprefix(_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Invalid(f"{_PREFIX} must be followed by base64", "secret") from error


def _retry_after(text: str, now: datetime) -> float:
    """Seconds to wait as the server asks, from a number or a date; 0 when it does not say."""
    text = text.strip()
    if text.isascii() and text.isdecimal():
        return min(float(text), _MAX_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return 0.0
    moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return min(max((moment - now).total_seconds(), 0.0), _MAX_WAIT)


def _without(text: str, url: str) -> str:
    return text.replace(url[:200], "the address").replace(url, "the address")
