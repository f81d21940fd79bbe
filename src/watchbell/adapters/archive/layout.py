"""Where the archive's files stand, and which of them count.

    <root>/2026-11-21T08/<node>.000000000017.000000000032.parquet     spool files 17 to 32 of that hour

A file that lies within another's numbers was merged into it: it does not count, and is removed a little later, when
no question reads it any more. So a merge is one rename, and nobody sees an event twice or not at all. The root may be
any place that fsspec knows.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

import msgspec

HOUR_MS = 3_600_000
_HOUR = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2})")
_FILE = re.compile(r"([A-Za-z0-9_-]+)\.([0-9]{12})\.([0-9]{12})\.parquet")


class ArchiveFile(msgspec.Struct, frozen=True):
    """One file: the spool files `first` to `last` of `node`, as far as they fall into the hour."""

    path: str
    hour_ms: int
    node: str
    first: int
    last: int
    size: int

    @property
    def span(self) -> int:
        """How many spool files it covers."""
        return self.last - self.first + 1


def hour_name(moment_ms: int) -> str:
    """The folder of the hour that the moment lies in."""
    return datetime.fromtimestamp(moment_ms / 1000, UTC).strftime("%Y-%m-%dT%H")


def file_name(node: str, first: int, last: int) -> str:
    """The name of a file."""
    return f"{node}.{first:012d}.{last:012d}.parquet"


def node_name(node: str) -> str:
    """The node as a part of a file name."""
    return re.sub(r"[^A-Za-z0-9_-]", "_", node)[:100] or "node"


class Place:
    """A folder, wherever it is. Methods raise OSError when the place cannot be reached."""

    def __init__(self, url: str | Path) -> None:
        core: Any = import_module("fsspec.core")
        self.url = str(url)
        self.remote = "://" in self.url and not self.url.startswith("file://")
        self.fs: Any
        self.root: str
        self.fs, self.root = core.url_to_fs(self.url)
        self.root = self.root.rstrip("/")

    def address(self, path: str) -> str:
        """What DuckDB calls a path of this place."""
        return self.fs.unstrip_protocol(path) if self.remote else path

    def exists(self) -> bool:
        """Whether the folder is there."""
        self.fs.invalidate_cache()
        return bool(self.fs.exists(self.root))

    def hours(self) -> dict[int, str]:
        """Start of the hour in milliseconds → its folder."""
        found: dict[int, str] = {}
        for path in self._names(self.root):
            match = _HOUR.fullmatch(path.rpartition("/")[2])
            if match:
                start = datetime.strptime(match[1] + "+0000", "%Y-%m-%dT%H%z")
                found[int(start.timestamp() * 1000)] = path
        return dict(sorted(found.items()))

    def files(self, hour_ms: int) -> list[ArchiveFile]:
        """Every file of an hour, those that were merged into others included."""
        found: list[ArchiveFile] = []
        for entry in self._entries(f"{self.root}/{hour_name(hour_ms)}"):
            path = str(entry["name"])
            match = _FILE.fullmatch(path.rpartition("/")[2])
            if match:
                size = int(entry.get("size") or 0)
                found.append(ArchiveFile(path, hour_ms, match[1], int(match[2]), int(match[3]), size))
        return found

    def _entries(self, folder: str) -> list[dict[str, Any]]:
        self.fs.invalidate_cache()
        try:
            return list(self.fs.ls(folder, detail=True))
        except FileNotFoundError:
            return []

    def _names(self, folder: str) -> list[str]:
        return [str(entry["name"]).rstrip("/") for entry in self._entries(folder)]


def counting(files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """The files of one hour that count: those not merged into another."""
    kept: list[ArchiveFile] = []
    for file in sorted(files, key=lambda one: (one.node, one.first, -one.last)):
        before = kept[-1] if kept else None
        if before is None or before.node != file.node or file.last > before.last:
            kept.append(file)
    return kept


def merged(files: Iterable[ArchiveFile]) -> list[ArchiveFile]:
    """The files of one hour that were merged into another."""
    every = list(files)
    kept = {file.path for file in counting(every)}
    return [file for file in every if file.path not in kept]
