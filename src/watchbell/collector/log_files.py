"""The files of a log that is rotated: which there are, and how to know one again under another name.

A file is known by its first line, which never changes and has the time, the client and the event in it. So it does not
matter whether rotation renames a file or copies it, or whether the system gives its number to another file. What a
rotation that copies and truncates loses between the two, is lost. Files are held open: one that is removed is read to
its end first. Names that end as compressed files do are left alone.
"""

import hashlib
import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path

MAX_LINE = 1 << 20
"""Longest line, bytes; nginx takes no request that would make one of a tenth of it."""

_COMPRESSED = (".gz", ".bz2", ".xz", ".zst", ".lz4")
_HEAD = 64 * 1024
_MISSED_SCANS = 600


class LogFile:
    """One file, held open. `identity` is empty until its first line is there."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        status = os.fstat(self._descriptor)
        self.inode = status.st_dev, status.st_ino
        self.identity = ""
        self._head = b""
        self.refresh()

    def refresh(self) -> None:
        """Looks at the first line again: a file that was truncated is another file from then on."""
        if self._head and os.pread(self._descriptor, len(self._head), 0) == self._head:
            return
        start = os.pread(self._descriptor, _HEAD, 0)
        end = start.find(b"\n")
        # A first line that is longer than any request is known by its beginning.
        self._head = start[: end + 1] if end >= 0 else start if len(start) == _HEAD else b""
        digest = hashlib.blake2b(self._head, digest_size=12).hexdigest()
        self.identity = digest if self._head else ""

    def size(self) -> int:
        """Its length now, in bytes."""
        return os.fstat(self._descriptor).st_size

    def removed(self) -> bool:
        """Whether no name leads to it any more."""
        return os.fstat(self._descriptor).st_nlink == 0

    def lines(self, start: int, most: int) -> bytes:
        """Whole lines from `start`, about `most` bytes; a line that is too long is cut."""
        piece = os.pread(self._descriptor, most, start)
        end = piece.rfind(b"\n")
        if end < 0 and len(piece) == most:
            piece = os.pread(self._descriptor, MAX_LINE, start)
            end = piece.find(b"\n")
            if end < 0 and len(piece) == MAX_LINE:
                return piece[:-1] + b"\n"
        return piece[: end + 1]

    def close(self) -> None:
        """Lets it go."""
        os.close(self._descriptor)


class LogFiles:
    """All files of the log `path`: itself and those whose names begin with its name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._files: dict[tuple[int, int], LogFile] = {}
        self._missed: dict[tuple[int, int], int] = {}

    def scan(self) -> dict[str, str]:
        """Opens the files that are new since the last call; what could not be read, each with the reason."""
        self._missed = {inode: self._missed.get(inode, 0) + 1 for inode in self._files}
        problems: dict[str, str] = {}
        try:
            paths = self._paths()
        except OSError as error:
            return {str(self._path.parent): error.strerror or repr(error)}
        for path in paths:
            try:
                self._see(path)
            except FileNotFoundError:
                pass  # renamed meanwhile: the next scan finds it
            except OSError as error:
                problems[str(path)] = error.strerror or repr(error)
        return problems

    def _see(self, path: Path) -> None:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            return
        inode = status.st_dev, status.st_ino
        if inode not in self._files:
            file = LogFile(path)
            inode = file.inode
            self._files[inode] = file
        self._missed.pop(inode, None)

    def _paths(self) -> list[Path]:
        name = self._path.name
        entries = list(self._path.parent.iterdir())
        return [
            entry
            for entry in entries
            if (entry.name == name or entry.name.startswith((f"{name}.", f"{name}-")))
            and not entry.name.endswith(_COMPRESSED)
        ]

    def each(self) -> Iterator[LogFile]:
        """Every file that has a first line; of two with the same one (a copy in the making), the longer."""
        best: dict[str, LogFile] = {}
        for file in self._files.values():
            file.refresh()
            if file.identity:
                known = best.get(file.identity)
                if known is None or file.size() > known.size():
                    best[file.identity] = file
        yield from best.values()

    def forget(self, read: Mapping[str, int]) -> None:
        """Lets go of files that were removed, or moved away long ago, and are read to their end.

        `read` is how far each was read. Who writes a log goes on with the file that it has for a while.
        """
        for inode, file in list(self._files.items()):
            gone = file.removed() or self._missed.get(inode, 0) >= _MISSED_SCANS
            if gone and read.get(file.identity, 0) >= file.size():
                file.close()
                del self._files[inode]

    def close(self) -> None:
        """Lets go of all."""
        for file in self._files.values():
            file.close()
        self._files.clear()
