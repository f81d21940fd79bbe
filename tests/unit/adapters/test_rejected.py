import os
import resource
import signal
from pathlib import Path

import pytest

from watchbell.adapters.rejected import RejectedFiles
from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Rejection
from watchbell.domain.events.raw import RawEvent, RawKind


def rejection(name: str) -> Rejection:
    raw = RawEvent(RawKind.JSON, "json", 1, "::1", None, name, b"\xff{", (("a", "b"),))
    return Rejection("missing_parameter", "missing: p", raw, "shop")


def names(kept: RejectedFiles) -> list[str]:
    return [row.query for row in kept.rows()]


def test_rows_newest_first_with_the_raw_event_whole(tmp_path: Path):
    kept = RejectedFiles(tmp_path / "below")
    kept.keep([rejection("a")])
    kept.keep([rejection("b"), rejection("c\nd")])
    assert names(kept) == ["c\nd", "b", "a"]
    row = next(kept.rows())
    assert (row.reason, row.detail, row.mapping, row.source, row.kind, row.body) == (
        "missing_parameter",
        "missing: p",
        "shop",
        "json",
        "j",
        "\ufffd{",
    )
    assert row.event() == rejection("c\nd").raw


def test_size_is_bounded_and_the_oldest_go(tmp_path: Path):
    kept = RejectedFiles(tmp_path, max_bytes=4000)
    for n in range(100):
        kept.keep([rejection(str(n))])
    assert sum(path.stat().st_size for path in tmp_path.glob("*.ndjson")) <= 4000
    assert names(kept) == [str(99 - n) for n in range(len(names(kept)))]
    assert len(names(kept)) > 4
    assert kept.trimmed() == 100 - len(names(kept))
    assert RejectedFiles(tmp_path).trimmed() == kept.trimmed()


def test_what_is_too_old_goes(tmp_path: Path):
    kept = RejectedFiles(tmp_path, max_bytes=4000, keep_ms=1_000_000, now_ms=lambda: 10_000_000)
    for n in range(6):
        kept.keep([rejection(str(n))])
    for path in tmp_path.glob("*.ndjson"):
        os.utime(path, ns=(0, 9_500_000 * 1_000_000))
    kept.trim()
    assert len(names(kept)) > 2
    for path in sorted(tmp_path.glob("*.ndjson")):
        os.utime(path, ns=(0, 8_000_000 * 1_000_000))
    kept.trim()
    assert len(list(tmp_path.glob("*.ndjson"))) == 1
    assert kept.trimmed() == 6 - len(names(kept)) > 0


def test_rewriting_removes_what_is_not_wanted(tmp_path: Path):
    kept = RejectedFiles(tmp_path, max_bytes=4000)
    for name in "abcd":
        kept.keep([rejection(name)])
    assert kept.rewrite(lambda row: row.query not in "bd") == 2
    assert names(kept) == ["c", "a"]
    assert list(tmp_path.glob("*.partial")) == []


def test_a_line_that_a_crash_cut_off_is_left_out(tmp_path: Path):
    kept = RejectedFiles(tmp_path)
    kept.keep([rejection("a")])
    (path,) = tmp_path.glob("*.ndjson")
    with path.open("ab") as file:
        file.write(b'{"reason": "x", ')
    assert names(kept) == ["a"]


def test_a_folder_that_cannot_be_made_is_retryable(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Retryable):
        RejectedFiles(tmp_path / "file" / "below").keep([rejection("a")])


def test_a_disk_that_fails_keeps_nothing_of_it(tmp_path: Path):
    kept = RejectedFiles(tmp_path)
    kept.keep([rejection("a")])
    (path,) = tmp_path.glob("*.ndjson")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 100, hard))
    try:
        with pytest.raises(Retryable):
            kept.keep([rejection("b")])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, former)
    kept.keep([rejection("c")])
    assert names(kept) == ["c", "a"]
    assert path.read_bytes().count(b"\n") == 2
