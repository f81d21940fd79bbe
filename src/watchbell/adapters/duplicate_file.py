"""The table of the duplicate memory as a file that is mapped into memory: it outlives the process, and costs no copy.

A file of another size than asked for, or none, begins anew: then what was seen before is forgotten.
"""

import mmap
from pathlib import Path
from typing import cast

from watchbell.domain.errors import Permanent
from watchbell.domain.events.duplicates import SLOT_BYTES, Table


class DuplicateFile:
    """Maps `slots` places of eight bytes. `table` is what the memory works on.

    Raises:
        Permanent: when it is made and the file cannot be had.
    """

    def __init__(self, path: Path, slots: int) -> None:
        size = SLOT_BYTES * slots
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.stat().st_size != size:
                # Really written, not only sized: a full disk must say so here, not by a signal later on.
                partial = path.with_suffix(".partial")
                partial.write_bytes(bytes(size))
                partial.replace(path)
            with path.open("r+b") as file:
                self._map = mmap.mmap(file.fileno(), size)
        except OSError as error:
            raise Permanent(f"{path}: {error}") from error
        self._view = memoryview(self._map).cast("q")
        self.table = cast("Table", self._view)

    def close(self) -> None:
        """Releases the file; the table must not be used any more."""
        self._view.release()
        self._map.close()
