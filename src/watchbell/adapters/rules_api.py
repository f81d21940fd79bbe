"""The rules, asked of the API, and kept on disk for when the API is away.

The file is replaced by rename, so a crash leaves the former one. Without an answer and without a file there are no
rules: events are collected all the same.
"""

import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp
import msgspec
import structlog

from watchbell.domain.events.rule import Rule

TIMEOUT = aiohttp.ClientTimeout(total=5)
EVERY = 5.0  # seconds from one question to the next

_log = structlog.get_logger("rules")


class _Object(msgspec.Struct, frozen=True):
    id: str
    name: str
    body: dict[str, msgspec.Raw]


class _Answer(msgspec.Struct, frozen=True):
    objects: list[_Object]


class ApiRules:
    """Asks `GET <url>/api/objects/rule` with a key."""

    def __init__(self, url: str, key: str, kept: Path) -> None:
        self._url = f"{url.rstrip('/')}/api/objects/rule"
        self._key = key
        self._kept = kept
        self._rules: Sequence[Rule] | None = None
        self._asked = float("-inf")

    async def current(self) -> Sequence[Rule]:
        """The newest rules that are known."""
        if time.monotonic() - self._asked >= EVERY:
            self._asked = time.monotonic()
            try:
                body = await self._ask()
                self._rules = _rules(body)
                self._keep(body)
            except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
                _log.warning("rules_not_read", url=self._url, error=str(error) or type(error).__name__)
        if self._rules is None:
            self._rules = _rules(self._kept.read_bytes()) if self._kept.is_file() else ()
        return self._rules

    async def _ask(self) -> bytes:
        headers = {"Authorization": f"Key {self._key}"}
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, headers=headers) as session,
            session.get(self._url, raise_for_status=True) as answer,
        ):
            return await answer.read()

    def _keep(self, body: bytes) -> None:
        partial = self._kept.with_suffix(".partial")
        partial.write_bytes(body)
        partial.replace(self._kept)


def _rules(body: bytes) -> list[Rule]:
    found: list[Rule] = []
    for stored in msgspec.json.decode(body, type=_Answer).objects:
        data = {
            **{name: msgspec.json.decode(raw) for name, raw in stored.body.items()},
            "id": stored.id,
            "name": stored.name,
        }
        found.append(msgspec.convert(data, Rule))
    return found
