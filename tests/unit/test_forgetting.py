"""What files do while a party is forgotten: they are written, published, merged and removed."""

import os
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import fastavro
import pytest

from watchbell.bootstrap import forgetting
from watchbell.bootstrap.forgetting import Forgotten, forget
from watchbell.config import Configuration

PARTY, OTHER = "0:i1t84hgy:one", "0:i1t84hgy:other"
SCHEMA = {"type": "record", "name": "R", "fields": [{"name": "partyId", "type": "string"}]}
NAME = "20261120101112-divolte-tracking-n-1.avro"


def write(path: Path, *parties: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        fastavro.writer(file, SCHEMA, [{"partyId": party} for party in parties])
    return path


def read(path: Path) -> list[str]:
    with path.open("rb") as file:
        rows: list[Any] = list(fastavro.reader(file))
    return [row["partyId"] for row in rows]


@pytest.fixture
def settings(tmp_path: Path) -> Configuration:
    return Configuration(data_dir=str(tmp_path))


def run(settings: Configuration, monkeypatch: pytest.MonkeyPatch, *steps: Callable[[], object]) -> Forgotten:
    """Forgets the party; each time that it would sleep, the next step happens instead. Time goes on by being asked."""
    left = list(steps)
    time = SimpleNamespace(sleep=lambda _: left.pop(0)(), monotonic=count(0, 10).__next__)
    monkeypatch.setattr(forgetting, "time", time)
    return forget(settings, PARTY, 60, lambda _: None)


def test_a_file_that_is_written_to_until_it_is_published_is_waited_for(settings, tmp_path, monkeypatch):
    partial = write(tmp_path / "events" / f"{NAME}.partial", PARTY, OTHER)

    def publish() -> None:
        os.utime(partial)  # its end was written, and then it got its name
        partial.rename(partial.with_suffix(""))

    done = run(settings, monkeypatch, lambda: os.utime(partial), publish)
    assert read(tmp_path / "events" / NAME) == [OTHER]
    assert (done.records, done.unfinished) == (1, [])


def test_what_is_begun_afterwards_is_not_waited_for(settings, tmp_path, monkeypatch):
    partial = write(tmp_path / "events" / f"{NAME}.partial", PARTY)
    later = tmp_path / "events" / "20261120101113-divolte-tracking-n-2.avro.partial"

    def publish() -> None:
        partial.rename(partial.with_suffix(""))
        write(later, OTHER)

    done = run(settings, monkeypatch, publish)
    assert (done.records, done.unfinished) == (1, [])
    assert later.exists()


def test_the_collector_is_told_again_once_it_is_known_what_is_in_flight(settings, tmp_path, monkeypatch):
    told = tmp_path / "collector" / "forgotten.json"
    partial = write(tmp_path / "events" / f"{NAME}.partial", PARTY)
    seen: list[int] = []
    monkeypatch.setattr(forgetting, "unfinished_files", lambda *_: seen.append(told.stat().st_ino) or [partial])

    def publish() -> None:
        assert told.stat().st_ino != seen[0]
        partial.rename(partial.with_suffix(""))

    run(settings, monkeypatch, publish)


def test_a_file_that_goes_into_another_before_it_was_looked_into_is_found_there(settings, tmp_path, monkeypatch):
    small = write(tmp_path / "explore" / "2026-11-20T10" / "small.avro", PARTY, OTHER)
    merged = small.with_name("merged.avro")
    listed = forgetting.event_files

    def merge(*folders: Path) -> list[Path]:
        found = listed(*folders)
        if small.exists():
            small.rename(merged)
        return found

    monkeypatch.setattr(forgetting, "event_files", merge)
    assert run(settings, monkeypatch).records == 1
    assert read(merged) == [OTHER]


def test_a_merge_that_is_under_way_is_looked_at_when_it_is_done(settings, tmp_path, monkeypatch):
    folder = tmp_path / "explore" / "2026-11-20T10"
    partial = folder / "m.parquet.partial"
    looked = iter([[], [partial], [], []])
    monkeypatch.setattr(forgetting, "unfinished_files", lambda *_: next(looked))
    done = run(settings, monkeypatch, lambda: write(folder / "m.avro", PARTY, OTHER))
    assert (done.records, done.unfinished) == (1, [])


def test_what_nobody_publishes_is_named(settings, tmp_path, monkeypatch):
    partial = write(tmp_path / "events" / f"{NAME}.partial", PARTY)
    spooled = tmp_path / "explore" / "spool" / "7.partial"
    write(spooled)
    steps = [lambda: spooled.rename(spooled.with_suffix(".spool")), *[lambda: None] * 9]
    done = run(settings, monkeypatch, *steps)
    assert sorted(done.unfinished) == sorted([str(partial), str(spooled)])
