"""A site whose pages load the tag: one server for the pages, and a real collector at another origin."""

import asyncio
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from servers.process import free_port, is_listening, wait_until
from servers.target import HttpTarget
from watchbell.adapters.journal.memory import MemoryJournal
from watchbell.collector.metrics import CollectorMetrics
from watchbell.collector.server import serve
from watchbell.collector.settings import CollectorSettings
from watchbell.collector.sources import read_sources
from watchbell.domain.events.decode import decode
from watchbell.domain.events.event import Event
from watchbell.domain.events.raw import decode_batch

if TYPE_CHECKING:
    from playwright.sync_api import Page

HTML = "text/html; charset=utf-8"
EVENT_TIMEOUT = 300.0
"""Seconds for which an event is waited for before the next one goes.

By default it is less than one: on a busy machine events would overtake each other, and what waits for those under way
would wait no longer. Tests of the time-out have their own.
"""


class TagCollector:
    """A collector that keeps in memory what it takes. `source` are settings of its only source, patient by default."""

    def __init__(self, folder: Path, **source: Any) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self._settings = CollectorSettings(
            port=self.port,
            sources=read_sources({"browser": {"type": "browser", "event_timeout": EVENT_TIMEOUT, **source}}),
        )
        self._journal = MemoryJournal()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        wait_until(lambda: is_listening(self.port), 20, "the collector")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(20)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        metrics = CollectorMetrics(self._folder, "tag")
        try:
            self._loop.run_until_complete(serve(self._settings, self._journal.writer("a"), metrics, self._stop))
        finally:
            self._loop.close()

    def events(self) -> list[Event]:
        """What has come, in order; every request must be an event whose checksum is right."""
        raws = [raw for batch in self._journal.read({}, 1 << 24) for raw in decode_batch(batch.payload)]
        events = [decode(raw) for raw in raws]
        assert all(isinstance(event, Event) and not event.corrupt for event in events), events
        return [event for event in events if isinstance(event, Event)]

    def types(self) -> list[str | None]:
        """The types of the events so far."""
        return [event.event_type for event in self.events()]

    def wait(self, count: int) -> list[Event]:
        """The events, as soon as there are so many."""
        wait_until(lambda: len(self.events()) >= count, 15, f"{count} events; there are {self.types()}")
        return self.events()


class TagSite:
    """Pages and the collector that their scripts come from."""

    def __init__(self, collector: TagCollector, pages: HttpTarget) -> None:
        self.collector = collector
        self.pages = pages
        self.url = pages.url

    def put(
        self, path: str, head: str = "", *, body: str = "", doctype: str = "<!doctype html>", **headers: str
    ) -> str:
        """Serve a page with this in its head; returns its address."""
        text = f"{doctype}<html><head><title>{path}</title>{head}</head><body>{body}</body></html>"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.pages.answer_path(path, body=text, headers={"Content-Type": HTML, **named})
        return self.url + path

    def script(self, name: str = "divolte.js", attributes: str = "") -> str:
        """The element that loads a script of the collector."""
        return f'<script src="{self.collector.url}/{name}" {attributes}></script>'


def ready(page: "Page", address: str, module: str = "divolte") -> None:
    """Open a page and wait until its tag is there."""
    page.goto(address, wait_until="domcontentloaded")
    # Not wait_for_function: it asks again from inside the page, which a strict policy of the page refuses.
    wait_until(lambda: page.evaluate(f"typeof window.{module} === 'object'"), what=f"window.{module}")
