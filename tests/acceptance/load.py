"""Clients that post alerts and events as fast as they are answered, and remember what was accepted."""

import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

import httpx

from acceptance.installation import ADMIN_KEY, Installation, SingleMachine
from servers.process import PATIENCE


class Load:
    """Runs within `with`. Each alert has a resource of its own, each event a type of its own."""

    def __init__(self, installation: Installation, name: str, *, posters: int = 3, browsers: int = 2) -> None:
        self._installation = installation
        self._name = name
        self.alerts: set[str] = set()
        """Resources of the alerts that were answered with 2xx."""
        self.events: set[str] = set()
        """Types of the events that were answered with 2xx."""
        self.refused: Counter[int] = Counter()
        """How many requests were answered otherwise, by status code."""
        self._stopping = threading.Event()
        work: list[tuple[Callable[[httpx.Client, str], None], int]] = [(self._alert, posters), (self._event, browsers)]
        self._threads = [
            threading.Thread(target=self._run, args=(post, f"{name}-{post.__name__}-{number}"), daemon=True)
            for post, count in work
            for number in range(count)
        ]

    def wait_accepted(self, alerts: int, events: int, timeout: float = 60) -> None:
        """Wait until there is something to lose."""
        end = time.monotonic() + timeout * PATIENCE
        while len(self.alerts) < alerts or len(self.events) < events:
            counted = f"{len(self.alerts)} alerts and {len(self.events)} events accepted, refused: {self.refused}"
            assert time.monotonic() < end, f"{self._name}: {counted}"
            time.sleep(0.02)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join(40 * PATIENCE)
            assert not thread.is_alive(), "a client waits for an answer for ever"

    def _run(self, post: Callable[[httpx.Client, str], None], name: str) -> None:
        verify = self._installation.verify
        number = 0
        with httpx.Client(headers={"X-API-Key": ADMIN_KEY}, timeout=30 * PATIENCE, verify=verify) as client:
            while not self._stopping.is_set():
                number += 1
                try:
                    post(client, f"{name}-{number}")
                except httpx.HTTPError:
                    time.sleep(0.05)  # it is away; whether it took this one nobody knows

    def _alert(self, client: httpx.Client, name: str) -> None:
        body = {"resource": name, "event": "Load", "environment": "Production", "severity": "minor"}
        body |= {"service": ["Load"]}
        self._note(client.post(f"{self._installation.url}/api/alert", json=body), self.alerts, name)

    def _event(self, client: httpx.Client, name: str) -> None:
        answer = client.post(f"{self._installation.collector_url}/events", json=[{"event_type": name}])
        self._note(answer, self.events, name)

    def _note(self, answer: httpx.Response, accepted: set[str], name: str) -> None:
        if answer.is_success:
            accepted.add(name)
        else:
            self.refused[answer.status_code] += 1
            time.sleep(0.05)


def check_events_stored(installation: SingleMachine, accepted: set[str]) -> None:
    """Every accepted event is in the published files once, and none is there twice unless it is flagged."""
    assert installation.unpublished() == []
    counts = Counter(record["eventType"] for record in first_sightings(installation.records()))
    assert [name for name in accepted if counts[name] != 1] == []
    assert [name for name, count in counts.items() if count > 1] == []


def first_sightings(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The records that are not flagged as repeats."""
    return [record for record in records if not record["detectedDuplicate"]]


def check_alerts_stored(installation: Installation, accepted: set[str]) -> None:
    """Every accepted alert is there, and none twice, also of those of which nobody knows whether they were accepted."""
    counts = Counter(name for name in installation.resources() if name in accepted or "-_alert-" in name)
    assert [name for name in accepted if counts[name] != 1] == []
    assert [name for name, count in counts.items() if count > 1] == []
