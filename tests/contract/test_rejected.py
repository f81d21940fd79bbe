"""What every place for rejected events promises."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from watchbell.adapters.rejected import MemoryRejected, RejectedFiles
from watchbell.domain.events.event import Rejection
from watchbell.domain.events.raw import RawEvent, RawKind
from watchbell.ports.rejected import RejectedEvents

Names = Callable[[], list[str]]


@pytest.fixture(params=["memory", "files"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[RejectedEvents, Names]]:
    """The place, and what tells its reasons, oldest first."""
    if request.param == "memory":
        memory = MemoryRejected()
        yield memory, lambda: [each.reason for each in memory.kept]
    else:
        files = RejectedFiles(tmp_path / "below", max_bytes=12_000)
        yield files, lambda: [row.reason for row in files.rows()][::-1]


def rejection(reason: str) -> Rejection:
    return Rejection(reason, "\ud800", RawEvent(RawKind.JSON, "json", 1, "::1", None, "q" * 100, b"\xff"))


def test_what_was_kept_for_a_checkpoint_that_was_never_written_goes(place):
    rejected, names = place
    rejected.settle(0)
    rejected.keep([rejection("a"), rejection("b")], 1)
    rejected.keep([rejection("refused")])
    rejected.keep([rejection(f"c{n}") for n in range(9)], 2)
    rejected.keep([rejection("d")], 3)
    rejected.settle(3)
    assert names()[-1] == "d"
    rejected.settle(1)
    assert names() == ["a", "b", "refused"]
    rejected.keep([rejection("c")], 2)
    rejected.settle(2)
    assert names() == ["a", "b", "refused", "c"]
    assert rejected.trimmed() == 0
