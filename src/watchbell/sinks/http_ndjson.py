"""NDJSON by HTTP: each request carries records as JSON, one to a line.

A request is `POST` with `Content-Type: application/x-ndjson` and an `Idempotency-Key`: when it is sent again because
nobody knows whether it arrived, also after a crash, it has the same lines and the same key, so that a receiver that
remembers keys takes it once. 400, 413 and 422 refuse records: the request is halved until those are found that are
refused, and they are rejected with the answer. Every other answer, and none, means that the receiver is away: records
wait in the journal. Where requests may go is bound by the same rules as those of checks.
"""

import asyncio
import gzip
import hashlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

import msgspec

from watchbell.domain.errors import Invalid, Permanent, Retryable
from watchbell.domain.events.event import Event
from watchbell.ports.journal import Positions
from watchbell.toolkit import kept
from watchbell.toolkit.avro import DOES_NOT_FIT, record_encoder
from watchbell.toolkit.egress import Egress, EgressPolicy
from watchbell.toolkit.http import HttpClient, HttpRequest, check_url
from watchbell.toolkit.resending import Resending
from watchbell.toolkit.settings import Secret, Settings

Record = dict[str, Any]

_REFUSED = frozenset({400, 413, 422})
_ANSWER_BYTES = 2000


class HttpNdjsonConfig(Settings, frozen=True, kw_only=True):
    """Settings of a sink that posts records."""

    url: str
    """Where to post."""
    token: Secret = Secret("")
    """Sent as `Authorization: Bearer …`. Empty: no such header."""
    headers: dict[str, str] = {}
    """Further request headers."""
    batch_records: int = 1000
    """Most records in one request."""
    batch_bytes: int = 1_000_000
    """Most bytes of records in one request, before compression."""
    gzip: bool = True
    """Whether bodies are compressed (`Content-Encoding: gzip`)."""
    timeout_s: float = 10.0
    """How many seconds one request may take."""
    ca_file: str = ""
    """PEM file of authorities to trust beside the system's."""
    allow_loopback: bool = False
    """Whether the receiver may be on this machine."""
    allow: list[str] = []
    """Networks that may be reached although the built-in rules refuse them, such as `169.254.7.0/24`."""


class _State(msgspec.Struct, frozen=True):
    positions: dict[str, int] = {}
    planned: dict[str, int] = {}
    """Up to where requests were begun. What lies before goes in the same requests again."""


class HttpNdjson:
    """The sink of kind `http_ndjson`."""

    name: ClassVar[str] = "http_ndjson"
    title: ClassVar[str] = "NDJSON by HTTP"
    Config: ClassVar[type[Settings]] = HttpNdjsonConfig

    def __init__(
        self, config: HttpNdjsonConfig, *, schema: dict[str, Any], folder: Path, node: str, now_ms: Callable[[], int]
    ) -> None:
        self.check(config)
        self._config = config
        self._node = node
        self._now_ms = now_ms
        self._policy = EgressPolicy(Egress(allow_loopback=config.allow_loopback, allow=config.allow))
        self._fits = record_encoder(schema)
        self._json = msgspec.json.Encoder(decimal_format="string", uuid_format="canonical")
        place = re.sub(r"[^A-Za-z0-9_-]", "_", node), hashlib.sha256(config.url.encode()).hexdigest()[:12]
        self._state_path = folder / f".{place[0]}.{place[1]}.ndjson.state"
        self._state = _State()
        self._upto: dict[str, int] = {}
        self._waiting: list[tuple[dict[str, int], list[bytes]]] = []
        """Positions and lines of each write, those without a position before the one that has theirs."""
        self._resending: Resending[bytes] = Resending()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._client: HttpClient | None = None

    @staticmethod
    def check(config: HttpNdjsonConfig) -> None:
        """Tells at the start what cannot be used.

        Raises:
            Invalid: with the field and the reason.
        """
        check_url(config.url)
        EgressPolicy(Egress(allow=config.allow))
        if config.batch_records < 1:
            raise Invalid("must be at least 1", "batch_records")

    def open(self) -> Positions:
        """See Sink."""
        try:
            self._state_path.parent.mkdir(parents=True, exist_ok=True)
            self._state = kept.load(self._state_path, _State) or _State()
        except OSError as error:
            raise Retryable(f"{self._state_path}: {error}") from error
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._client = HttpClient(self._policy, self._config.ca_file)
        self._waiting = []
        self._resending.begin_again([])
        self._upto = dict(self._state.positions)
        return dict(self._state.positions)

    def write(self, records: Sequence[Record], upto: Positions, about: Sequence[Event] = ()) -> None:
        """See Sink."""
        del about
        try:
            for record in records:
                self._fits(record)
            lines = [self._json.encode(record) for record in records]
        except (*DOES_NOT_FIT, msgspec.MsgspecError) as error:
            raise Permanent(f"a record does not fit the schema: {error}") from error
        fresh = [lines[index] for index in self._resending.fresh(lines)]
        if self._waiting and not self._waiting[-1][0]:
            fresh = [*self._waiting.pop()[1], *fresh]
        self._waiting.append((dict(upto), fresh))
        self._upto.update(upto)

    def sync(self) -> Positions:
        """See Sink."""
        if self._loop is None:
            raise Retryable(f"{self._config.url}: not open")
        if not self._state.planned and self._upto != self._state.positions:
            self._save(_State(self._state.positions, dict(self._upto)))
        planned = self._state.planned
        # What was begun before a crash goes alone, and only when all of it has come again.
        if planned and all(self._upto.get(stream, 0) >= end for stream, end in planned.items()):
            self._loop.run_until_complete(self._post_all(planned))
            self._resending.durable()
            self._save(_State({**self._state.positions, **planned}))
            if self._upto != self._state.positions:
                return self.sync()
        return dict(self._state.positions)

    def tend(self) -> list[str]:
        """See Sink. Nothing is published later than it is durable."""
        return []

    def close(self) -> list[str]:
        """See Sink."""
        try:
            if self._loop is not None:
                self.sync()
        finally:
            self.abandon()
        return []

    def abandon(self) -> None:
        """Releases the connection, as a crash would: what was not answered is sent again after `open`."""
        loop, self._loop = self._loop, None
        client, self._client = self._client, None
        if loop is not None:
            if client is not None:
                loop.run_until_complete(client.close())
            loop.close()

    def _save(self, state: _State) -> None:
        try:
            kept.save(self._state_path, state)
        except OSError as error:
            raise Retryable(f"{self._state_path}: {error}") from error
        self._state = state

    async def _post_all(self, planned: dict[str, int]) -> None:
        """Posts what lies before these positions, in an order that does not depend on how the streams came mixed."""
        mine: list[tuple[dict[str, int], list[bytes]]] = []
        later: list[tuple[dict[str, int], list[bytes]]] = []
        for each in self._waiting:
            within = all(planned.get(stream, 0) >= end for stream, end in each[0].items())
            (mine if within else later).append(each)
        mine.sort(key=lambda each: sorted(each[0]))
        lines = [line for _, written in mine for line in written]
        refused = 0
        while lines:
            chunk = self._chunk(lines)
            refused += await self._post(chunk)
            lines = lines[len(chunk) :]
        if refused:
            raise Retryable(f"{self._config.url} refused {refused} records; they are rejected next")
        self._waiting = later

    def _chunk(self, lines: Sequence[bytes]) -> Sequence[bytes]:
        size = 0
        for count, line in enumerate(lines[: self._config.batch_records]):
            size += len(line) + 1
            if size > self._config.batch_bytes and count:
                return lines[:count]
        return lines[: self._config.batch_records]

    async def _post(self, lines: Sequence[bytes]) -> int:
        """Posts lines, in halves if they are refused; how many were refused for good."""
        reason = await self._exchange(b"\n".join(lines) + b"\n")
        if not reason:
            for line in lines:
                self._resending.sent(line)
            return 0
        if len(lines) == 1:
            self._resending.refuse(lines[0], reason)
            return 1
        half = len(lines) // 2
        return await self._post(lines[:half]) + await self._post(lines[half:])

    async def _exchange(self, body: bytes) -> str:
        """Makes one request; why the receiver refuses what stands in it, empty when it takes it.

        Raises:
            Retryable: it says nothing of the records.
        """
        config, client = self._config, self._client
        if client is None:
            raise Retryable(f"{config.url}: not open")
        request = HttpRequest(
            url=config.url,
            method="POST",
            headers=self._headers(body),
            body=gzip.compress(body, 6, mtime=0) if config.gzip else body,
            body_limit=_ANSWER_BYTES,
        )
        try:
            async with asyncio.timeout(config.timeout_s):
                reply = await client.exchange(request)
        except TimeoutError as error:
            raise Retryable(f"{config.url} did not answer within {config.timeout_s:g} s") from error
        if 200 <= reply.status < 300:
            return ""
        answer = " ".join(reply.body.decode(errors="replace").split())[:300]
        reason = f"{config.url} answered {reply.status} {answer}".rstrip()
        if reply.status in _REFUSED:
            return reason
        asked = reply.headers.get("Retry-After", "")
        raise Retryable(reason, retry_after=float(asked) if asked.isdecimal() else 0.0)

    def _headers(self, body: bytes) -> dict[str, str]:
        config = self._config
        where = msgspec.json.encode((self._node, self._state.positions, self._state.planned), order="sorted")
        headers = {
            **config.headers,
            "Content-Type": "application/x-ndjson",
            "Idempotency-Key": hashlib.sha256(where + body).hexdigest()[:32],
        }
        if config.gzip:
            headers["Content-Encoding"] = "gzip"
        if config.token:
            headers["Authorization"] = f"Bearer {config.token.reveal()}"
        return headers
