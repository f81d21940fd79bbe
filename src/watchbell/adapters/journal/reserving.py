"""Positions of a stream are never used twice, whatever a crash of the machine leaves of its files.

The checkpoint and the sinks keep positions, each safe on the disk by itself; a stream whose last batches were not yet
written by the disk would give their positions to other events, and those would count as mapped. So a file beside the
segments says up to where positions may have been given; it is safe before the first of them is given, and a writer
begins behind it. Should that file be gone as well, or come from a backup, the clock is ahead of every position: one
nanosecond for each byte is more than a disk takes.
"""

import os
from collections.abc import Callable
from pathlib import Path

AHEAD = 1 << 30
"""How much is reserved at once: the disk is asked once for so many bytes."""

_NAME = "reserved"


def sync_folder(folder: Path) -> None:
    """Makes the names in a folder safe from a crash of the machine."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Reservation:
    """The positions that one stream may give."""

    def __init__(self, folder: Path, now_ns: Callable[[], int]) -> None:
        self._folder = folder
        self._now_ns = now_ns
        self._upto = self._read()

    def _read(self) -> int:
        try:
            return int((self._folder / _NAME).read_text())
        except (FileNotFoundError, ValueError):
            return 0

    def begin(self, known: int) -> int:
        """A position that was never given, and is not before `known`."""
        return max(known, self._upto, self._now_ns())

    def cover(self, end: int) -> None:
        """Makes sure that positions up to `end` may be given.

        Raises:
            OSError: the disk failed; nothing may be given.
        """
        if end <= self._upto:
            return
        upto = end + AHEAD
        partial = self._folder / f"{_NAME}.partial"
        with partial.open("w") as file:
            file.write(str(upto))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._folder / _NAME)
        sync_folder(self._folder)
        self._upto = upto
