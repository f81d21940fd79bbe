import json
from pathlib import Path

import pytest

from watchbell.adapters.rejected import RejectedFiles
from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Rejection
from watchbell.domain.events.raw import RawEvent, RawKind


def rejection(name: str) -> Rejection:
    return Rejection("missing_parameter", "missing: p", RawEvent(RawKind.JSON, "json", 1, "::1", None, name, b"\xff{"))


def names(path: Path) -> list[str]:
    return [json.loads(line)["query"] for line in path.read_text().splitlines()]


def test_one_line_each(tmp_path: Path):
    kept = RejectedFiles(tmp_path / "events")
    kept.keep([rejection("a")])
    kept.keep([rejection("b"), rejection("c\nd")])
    path = tmp_path / "events" / "rejected.ndjson"
    assert names(path) == ["a", "b", "c\nd"]
    line = json.loads(path.read_text().splitlines()[0])
    assert (line["reason"], line["detail"], line["source"], line["kind"]) == (
        "missing_parameter",
        "missing: p",
        "json",
        "j",
    )
    assert line["body"] == "\ufffd{"


def test_size_is_bounded_and_the_oldest_go(tmp_path: Path):
    kept = RejectedFiles(tmp_path, max_bytes=1000)
    for n in range(50):
        kept.keep([rejection(str(n))])
    sizes = [path.stat().st_size for path in sorted(tmp_path.iterdir())]
    assert len(sizes) == 2
    assert max(sizes) <= 1000
    assert names(tmp_path / "rejected.ndjson")[-1] == "49"


def test_a_folder_that_cannot_be_made_is_retryable(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Retryable):
        RejectedFiles(tmp_path / "file" / "below").keep([rejection("a")])
