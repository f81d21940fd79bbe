"""What time takes from a collector's disk."""

import json
import os
from pathlib import Path

import pytest

from watchbell.bootstrap.events import event_folders, tidy
from watchbell.config import Configuration
from watchbell.loading import load

NAME = "20231114221320-divolte-tracking-node-1.avro"


@pytest.fixture
def settings(tmp_path: Path) -> Configuration:
    sinks = {
        "avro_files": {"folder": str(tmp_path / "far")},
        "lake": {"type": "parquet_files", "folder": str(tmp_path / "waiting"), "target": "s3://bucket/events"},
        "here": {"type": "avro_files"},
        "kafka": {"brokers": "localhost:1"},
    }
    lines = [f"data_dir = {json.dumps(str(tmp_path / 'data'))}", "[events]", "keep_files = 1"]
    for sink, given in sinks.items():
        lines += [f"[collector.sinks.{sink}]", *(f"{name} = {json.dumps(value)}" for name, value in given.items())]
    path = tmp_path / "watchbell.toml"
    path.write_text("\n".join(lines))
    return load(path, {})


def test_files_are_in_the_data_directory_and_where_sinks_put_them(settings, tmp_path):
    assert event_folders(settings) == [tmp_path / "data" / "events", tmp_path / "far"]


def test_what_is_too_old_goes_wherever_a_sink_put_it(settings, tmp_path):
    old = [tmp_path / "data" / "events" / NAME, tmp_path / "far" / "day=1" / NAME]
    other = [tmp_path / "far" / "report.avro", tmp_path / "waiting" / NAME]
    for path in (*old, *other):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
        os.utime(path, (1000, 1000))
    assert tidy(settings) == 2
    assert [path.exists() for path in (*old, *other)] == [False, False, True, True]
