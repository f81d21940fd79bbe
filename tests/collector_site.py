"""A collector's application without a server: requests go in as objects, what the journal has comes out."""

import json
from pathlib import Path
from typing import Any

from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.collector.app import CollectorApp
from watchbell.collector.metrics import CollectorMetrics
from watchbell.collector.settings import CollectorSettings
from watchbell.collector.sources import default_tables, read_sources
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import RawEvent, decode_batch
from watchbell.usecases.collecting import Collecting

QUERY = "p=0:1:p&s=0:1:s&v=v&e=e&c=1&n=t&f=f&t=click"
ELEMENT = {"party_id": "0:1:p", "session_id": "0:1:s", "event_id": "e"}
JSON = [("content-type", "application/json")]
JSON_EVENT = json.dumps(
    {
        "session_id": "0:1:s",
        "event_id": "e",
        "is_new_party": True,
        "is_new_session": True,
        "client_timestamp_iso": "2016-06-01T18:54:16Z",
    }
).encode()


class Headers:
    def __init__(self, items: list[tuple[str, str]]) -> None:
        self._items = items

    def get(self, key: str, default: str | None = None) -> str | None:
        return next((value for name, value in self._items if name == key), default)

    def get_all(self, key: str) -> list[str]:
        return [value for name, value in self._items if name == key]

    def __contains__(self, key: str) -> bool:
        return any(name == key for name, _ in self._items)

    def items(self) -> list[tuple[str, str]]:
        return self._items


class Request:
    """One request, and the way back."""

    proto = "http"

    def __init__(self, method: str, target: str, headers: list[tuple[str, str]], body: list[bytes]) -> None:
        self.method = method
        self.path, _, self.query_string = target.partition("?")
        self.client = "192.0.2.1:4711"
        self.headers = Headers(headers)
        self._body = body
        self.status = 0
        self.answer: dict[str, str] = {}
        self.body = b""
        self.pieces_read = 0

    async def __aiter__(self):
        for piece in self._body:
            self.pieces_read += 1
            yield piece

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        self.response_bytes(status, headers, b"")

    def response_str(self, status: int, headers: list[tuple[str, str]], body: str) -> None:
        self.response_bytes(status, headers, body.encode())

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        assert self.status == 0, "answered twice"
        self.status, self.answer, self.body = status, dict(headers), body


class Site:
    """A collector over a journal in memory. `sources` are tables as in the settings; without them, the default ones."""

    def __init__(
        self,
        folder: Path,
        journal_bytes: int = 1 << 20,
        sources: dict[str, dict[str, Any]] | None = None,
        **settings: Any,
    ) -> None:
        self.journal = MemoryJournal(journal_bytes)
        self.metrics = CollectorMetrics(folder, "test")
        collecting = Collecting(self.journal.writer("a"), self.metrics)
        self.app = CollectorApp(
            CollectorSettings(**settings, sources=read_sources(default_tables() if sources is None else sources)),
            collecting,
            self.metrics,
            self.metrics.render,
            now_ms=lambda: 1000,
        )

    async def ask(
        self, method: str, target: str, headers: list[tuple[str, str]] | None = None, body: bytes | list[bytes] = b""
    ) -> Request:
        request = Request(method, target, headers or [], body if isinstance(body, list) else [body])
        await self.app.__rsgi__(request, request)
        return request

    def raws(self) -> list[RawEvent]:
        return [raw for batch in self.journal.read({}, 1 << 20) for raw in decode_batch(batch.payload)]

    def events(self) -> list[Event]:
        """What the journal has, decoded; all of it must be events."""
        found = [decode(raw) for raw in self.raws()]
        assert all(isinstance(each, Event) for each in found), found
        return [each for each in found if isinstance(each, Event)]
