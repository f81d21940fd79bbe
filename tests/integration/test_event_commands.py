"""What commands do with collected events while the collector runs.

Rejected ones are listed and replayed, the past is mapped again into a folder, a party is forgotten.
"""

import json
import os
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import pytest

from servers.process import ServerProcess, free_port, wait_until

ONE, OTHER = "0:i1t84hgy:one", "0:i1t84hgy:other"


class Machine:
    """A collector with its data, and the commands."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.data = folder / "data"
        self.port = free_port()
        sections = {
            "collector": {"port": self.port},
            "explore": {"every": 1},
            "server": {"port": free_port()},
            **settings,
        }
        lines = [f"data_dir = {json.dumps(str(self.data))}"]
        for section, values in sections.items():
            lines += [f"[{section}]", *(f"{name} = {json.dumps(value)}" for name, value in values.items())]
        config = folder / "watchbell.toml"
        config.write_text("\n".join(lines))
        self.environment = {**os.environ, "WATCHBELL_CONFIG": str(config)}
        self.command("migrate")
        command = [sys.executable, "-m", "watchbell", "collector"]
        self.process = ServerProcess("collector", command, folder=folder, env=self.environment, grace=30)
        self.start()

    def start(self) -> None:
        self.process.start().wait_ready(lambda: self.ask("/ping") == 200)

    def ask(self, path: str) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=60) as answer:
                return answer.status
        except (urllib.error.URLError, OSError):
            return 0

    def event(self, party: str, name: str, **more: str) -> None:
        extra = "".join(f"&{key}={value}" for key, value in more.items())
        assert self.ask(f"/csc-event?p={party}&s=0:1:s&v={name}&e={name}&c=1&n=t&f=t&t=click{extra}") == 200

    def command(self, *arguments: str, code: int = 0) -> str:
        command = [sys.executable, "-m", "watchbell", *arguments]
        done = subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    def views(self, folder: Path | None = None) -> list[str]:
        found: list[str] = []
        for path in sorted((folder or self.data / "events").rglob("*.avro")):
            with path.open("rb") as file:
                rows: list[Any] = list(fastavro.reader(file))
            found += [row["pageViewId"] for row in rows]
        return sorted(found)

    def metrics(self) -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=60) as answer:
            return answer.read().decode()

    def holding(self, text: bytes) -> list[str]:
        """The files that have the text in them; not the database, whose free pages keep deleted rows for a while."""
        paths = [path for path in self.data.rglob("*") if path.is_file() and not path.name.startswith("watchbell.db")]
        return [path.name for path in paths if text in path.read_bytes().replace(b"%3A", b":")]

    def shown(self) -> list[str]:
        """The parties of the events that pages show."""
        with sqlite3.connect(self.data / "watchbell.db") as database:
            rows = database.execute("SELECT event FROM recent_events").fetchall()
        database.close()
        return [json.loads(event)["party_id"] for (event,) in rows]


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    made = Machine(tmp_path)
    yield made
    made.process.stop()


def test_rejected_events_are_listed_and_replayed(machine):
    machine.event(ONE, "1")
    assert machine.ask("/csc-event?p=nonsense&s=0:1:s&v=2&e=2&c=1&n=t&f=t") == 200

    def rows() -> list[dict[str, Any]]:
        return json.loads(machine.command("events", "rejected", "--json"))

    wait_until(lambda: len(rows()) == 1, 20, "the rejected event")
    (row,) = rows()
    assert (row["reason"], row["source"]) == ("invalid_identifier", "browser")
    assert "p (party id) is not" in machine.command("events", "rejected")
    assert machine.command("events", "rejected", "--reason", "other") == ""
    assert machine.command("events", "replay", "--rejected", "--reason", "other").startswith("0 ")
    assert machine.command("events", "replay", "--rejected").startswith("1 ")
    received = 'watchbell_events_received_total{source="browser"} 3.0'
    wait_until(lambda: received in machine.metrics(), 20, "the replayed event")
    # Nothing has changed that would make it an event: it is rejected again, and kept once.
    wait_until(lambda: len(rows()) == 1, 20, "its second rejection")
    page = machine.metrics()
    assert 'watchbell_events_stored_total{source="browser"} 1.0' in page
    assert 'watchbell_events_rejected_total{reason="invalid_identifier",source="browser"} 2.0' in page


def test_a_party_is_forgotten_while_the_collector_runs(machine):
    for number in range(5):
        machine.event(ONE, f"one{number}")
        machine.event(OTHER, f"other{number}")
    assert machine.ask(f"/csc-event?p={ONE}&s=nonsense&v=2&e=2&c=1&n=t&f=t") == 200
    wait_until(lambda: "invalid_identifier" in machine.command("events", "rejected"), 20, "the rejected event")
    machine.command("events", "forget", ONE, "--wait", "40")
    assert machine.views() == [f"other{number}" for number in range(5)]
    assert machine.command("events", "rejected") == ""
    machine.event(ONE, "later")
    assert machine.process.stop() == 0
    assert machine.views() == ["later", *(f"other{number}" for number in range(5))]
    machine.start()
    machine.command("events", "forget", ONE, "--wait", "60")
    assert machine.process.stop() == 0
    assert machine.views() == [f"other{number}" for number in range(5)]
    assert machine.holding(b"one1") == []
    assert machine.holding(ONE.encode()) == ["forgotten.json"]
    assert machine.holding(b"other1") != []
    assert set(machine.shown()) == {OTHER}
    machine.command("events", "forget", "nonsense", code=1)


def test_the_past_is_mapped_again_into_a_folder(machine, tmp_path):
    for number in range(3):
        machine.event(ONE, str(number))
    wait_until(lambda: 'events_stored_total{source="browser"} 3.0' in machine.metrics(), 20, "the events")
    into = tmp_path / "again"
    shown = machine.command(
        "events", "replay", "--from", "2020-01-01", "--to", "2100-01-01", "--into", str(into), "--journal"
    )
    assert shown.split() == ["browser", "3", "3", "0", "0", "0"]
    assert machine.views(into) == ["0", "1", "2"]
    machine.command("events", "replay", "--from", "2020-01-01", "--to", "2100-01-01", "--into", str(into), code=1)
    assert machine.process.stop() == 0
    shown = machine.command(
        "events", "replay", "--from", "2020-01-01", "--to", "2100-01-01", "--into", str(tmp_path / "archived")
    )
    assert shown.split() == ["browser", "3", "3", "0", "0", "0"]
    assert machine.views(tmp_path / "archived") == ["0", "1", "2"]


def test_what_privacy_asks_for_is_on_no_disk(tmp_path):
    machine = Machine(tmp_path, events={"addresses": "none", "redact": ["email"], "rotate_ids": True})
    try:
        machine.event(ONE, "1", l="https%3A%2F%2Fx.org%2F%3Femail%3Dsecret%2540x.org%26page%3D2")
        wait_until(lambda: 'events_stored_total{source="browser"} 1.0' in machine.metrics(), 20, "the event")
    finally:
        assert machine.process.stop() == 0
    for secret in (b"secret", ONE.encode(), b"127.0.0.1"):
        assert machine.holding(secret) == []
    assert machine.views() == ["1"]
