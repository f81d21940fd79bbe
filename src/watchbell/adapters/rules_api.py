"""The rules and mappings, asked of the API, and kept on disk for when the API is away.

The file is replaced by rename, so a crash leaves the former one. Without an answer and without a file there are none:
events are collected all the same. An object that cannot be read (written by a newer release) is left out and logged.
"""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, TypeVar

import aiohttp
import msgspec
import structlog

from watchbell.domain.errors import Retryable
from watchbell.domain.events.mapping.model import Mapping
from watchbell.domain.events.rules.rule import Rule
from watchbell.domain.managed import Managed
from watchbell.toolkit.kept import replace_file

TIMEOUT = aiohttp.ClientTimeout(total=5)
EVERY = 5.0  # seconds from one question to the next

_log = structlog.get_logger("rules")

M = TypeVar("M", bound=Managed)


class _Object(msgspec.Struct, frozen=True):
    id: str
    name: str
    body: dict[str, msgspec.Raw]


class _Answer(msgspec.Struct, frozen=True):
    objects: list[_Object]


class _ApiObjects(Generic[M]):
    """Asks `GET <url>/api/objects/<kind>` with a key."""

    def __init__(self, url: str, key: str, kept: Path, kind: str, cls: type[M]) -> None:
        self._url = f"{url.rstrip('/')}/api/objects/{kind}"
        self._key = key
        self._kept = kept
        self._cls = cls
        self._found: Sequence[M] | None = None
        self._asked = float("-inf")
        self._answered = False

    async def current(self) -> Sequence[M]:
        """The newest that are known."""
        if time.monotonic() - self._asked >= EVERY:
            self._asked = time.monotonic()
            try:
                body = await self._ask()
                self._found = self._read(body)
                replace_file(self._kept, body)
                self._answered = True
            except (aiohttp.ClientError, TimeoutError, msgspec.MsgspecError) as error:
                _log.warning("objects_not_read", url=self._url, error=str(error) or type(error).__name__)
        if self._found is None:
            self._found = self._read(self._kept.read_bytes()) if self._kept.is_file() else ()
        return self._found

    async def _ask(self) -> bytes:
        headers = {"Authorization": f"Key {self._key}"}
        async with (
            aiohttp.ClientSession(timeout=TIMEOUT, headers=headers) as session,
            session.get(self._url, raise_for_status=True) as answer,
        ):
            return await answer.read()

    def _read(self, body: bytes) -> list[M]:
        found: list[M] = []
        for stored in msgspec.json.decode(body, type=_Answer).objects:
            data = {name: msgspec.json.decode(raw) for name, raw in stored.body.items()}
            try:
                found.append(msgspec.convert({**data, "id": stored.id, "name": stored.name}, self._cls))
            except msgspec.ValidationError as error:
                _log.warning("object_not_read", url=self._url, name=stored.name, error=str(error))
        return found


class ApiRules(_ApiObjects[Rule]):
    """The rules."""

    def __init__(self, url: str, key: str, kept: Path) -> None:
        super().__init__(url, key, kept, "rule", Rule)


class ApiMappings(_ApiObjects[Mapping]):
    """The mappings."""

    def __init__(self, url: str, key: str, kept: Path) -> None:
        super().__init__(url, key, kept, "mapping", Mapping)

    async def current(self) -> Sequence[Mapping]:
        """The newest that are known.

        Raises:
            Retryable: none were ever known: there may be some, and events must wait for them.
        """
        found = await super().current()
        if self._answered or self._kept.is_file():
            return found
        raise Retryable(f"{self._url} does not answer, and no mappings are kept from before")
