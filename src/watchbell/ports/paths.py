"""The log of steps: divided by party, written by every collector, each partition read by one of them at a time."""

from collections.abc import Sequence
from typing import Protocol

from watchbell.domain.events.rules.paths import PathStep, Progress


class PathReader(Protocol):
    """Who counts. Called from within `PathLog.poll` and `PathLog.close`."""

    def assigned(self, partition: int, state: bytes | None, *, lost: bool) -> None:
        """This partition is ours from now on; `state` was kept by its last holder.

        `lost`: there was a state, and it cannot be had any more.
        """
        ...

    def took(self, partition: int, message: PathStep | Progress) -> None:
        """The next message of a partition that is ours."""
        ...

    def revoked(self, partition: int) -> bytes | None:
        """It is ours no more; the state to keep for the next holder, None to leave what is kept."""
        ...

    def gone(self, partition: int) -> None:
        """Another one holds it already."""
        ...


class PathLog(Protocol):
    """The log as one member of the group that counts it sees it. Blocking; for one thread."""

    def poll(self, reader: PathReader, wait_s: float) -> int:
        """Takes what has come, or waits that long for something; how many messages.

        Raises:
            Retryable: the place is not reachable just now; what was assigned stays.
        """
        ...

    def keep(self, states: Sequence[tuple[int, bytes]]) -> None:
        """Keeps the state of partitions, which stands for everything that was taken. All of it or none of a partition.

        Raises:
            Retryable: the place failed, or a partition is no longer ours; what was kept before holds.
        """
        ...

    def close(self, reader: PathReader) -> None:
        """Gives all partitions back and leaves the group."""
        ...
