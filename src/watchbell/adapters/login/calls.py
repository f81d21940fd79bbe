"""What log-in providers are asked over HTTP: JSON, with a deadline, and never a redirect."""

import asyncio
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import urlencode

import msgspec

from watchbell.domain.errors import Retryable, Unauthenticated
from watchbell.toolkit.http import HttpClient, HttpReply, HttpRequest

DEADLINE = 15.0  # seconds for one exchange
BODY_LIMIT = 1 << 20


class ProviderCalls:
    """Asks a provider."""

    def __init__(self, http: HttpClient, title: str) -> None:
        self._http = http
        self._title = title

    async def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> Any:
        """A JSON document. Raises `Retryable` when it does not come."""
        reply = await self._exchange(HttpRequest(url=url, headers={"Accept": "application/json", **(headers or {})}))
        if reply.status != 200:
            raise Retryable(f"{self._title} answers {reply.status} to {url}.")
        return self._json(reply)

    async def post(self, url: str, form: Mapping[str, str], headers: Mapping[str, str] | None = None) -> dict[str, Any]:
        """What a provider answers to a form. Raises `Unauthenticated` when it refuses."""
        sent = {"Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded", **(headers or {})}
        reply = await self._exchange(
            HttpRequest(url=url, method="POST", headers=sent, body=urlencode(form).encode("ascii"))
        )
        if reply.status >= 500:
            raise Retryable(f"{self._title} answers {reply.status}.")
        answer = self._json(reply)
        if reply.status != 200 or not isinstance(answer, dict) or "error" in answer:
            code = cast("dict[str, Any]", answer).get("error") if isinstance(answer, dict) else ""
            raise Unauthenticated(f"{self._title} refuses the code: {str(code or reply.status)[:100]}")
        return cast("dict[str, Any]", answer)

    async def _exchange(self, request: HttpRequest) -> HttpReply:
        try:
            async with asyncio.timeout(DEADLINE):
                return await self._http.exchange(msgspec.structs.replace(request, body_limit=BODY_LIMIT))
        except TimeoutError:
            raise Retryable(f"{self._title} does not answer.") from None

    def _json(self, reply: HttpReply) -> Any:
        try:
            return msgspec.json.decode(reply.body)
        except msgspec.DecodeError:
            raise Retryable(f"{self._title} does not answer with JSON.") from None
