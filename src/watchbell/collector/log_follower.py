"""Follows the log of an nginx and puts its requests into the journal, each exactly once.

How far each file was read is noted before a batch goes into the journal, together with where the journal ended then.
A start after a kill -9 looks whether the journal has grown since: if so, the batch is in it. While the journal is full
the log waits. It fails never for good: what cannot be read or written is tried again.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec
import structlog

from watchbell.collector.log_files import LogFile, LogFiles
from watchbell.collector.nginx_log import parse_log
from watchbell.collector.receiving import system_ms
from watchbell.domain.errors import Overloaded
from watchbell.domain.events.raw import encode_batch
from watchbell.ports.journal import JournalWriter
from watchbell.ports.telemetry import Telemetry
from watchbell.toolkit.kept import replace_file

log = structlog.get_logger("collector")

PIECE = 256 * 1024
"""How much of a file becomes one batch of the journal, about; bytes."""

MAX_KNOWN = 1000
"""Files whose position is kept although they are gone: somebody may bring one back."""

_POLL_S = 0.05
_SCAN_S = 1.0
_RETRY_S = 0.5


class FollowedLog(msgspec.Struct, frozen=True):
    """Which log, for which source, and whether its place is kept over a crash of the machine, too."""

    source: str
    path: Path
    fsync: bool = False


class Pending(msgspec.Struct, array_like=True):
    """A batch that was about to be written."""

    identity: str
    end: int
    """How far its file is read when it is in the journal."""
    journal_end: int
    """Where the journal ended before."""


class Progress(msgspec.Struct, array_like=True):
    """What is kept over a restart: how far each file is read, the longest known first."""

    positions: dict[str, int] = {}
    pending: Pending | None = None


class LogFollower:
    """Feeds one stream of the journal from one log. `progress` is the file that it keeps its place in."""

    def __init__(
        self,
        followed: FollowedLog,
        journal: JournalWriter,
        progress: Path,
        telemetry: Telemetry,
        now_ms: Callable[[], int] = system_ms,
    ) -> None:
        self._source = followed.source
        self._files = LogFiles(followed.path)
        self._journal = journal
        self._path = progress
        self._telemetry = telemetry
        self._fsync = followed.fsync
        self._now_ms = now_ms
        self._positions = self._restored()
        self._problems: dict[str, str] = {}

    def _restored(self) -> dict[str, int]:
        try:
            kept = msgspec.msgpack.decode(self._path.read_bytes(), type=Progress)
        except FileNotFoundError:
            return {}
        if kept.pending is not None and self._journal.end() > kept.pending.journal_end:
            kept.positions[kept.pending.identity] = kept.pending.end
        return kept.positions

    async def run(self, stop: asyncio.Event) -> None:
        """Reads until `stop` is set."""
        next_scan = 0.0
        while not stop.is_set():
            pause = 0.0
            if time.monotonic() >= next_scan:
                self.scan()
                next_scan = time.monotonic() + _SCAN_S
            try:
                pause = 0.0 if await self.step() else _POLL_S
            except Overloaded:
                pause = _RETRY_S
            except OSError as error:
                self._telemetry.count("event_log_failures")
                log.warning("collector_log_failed", source=self._source, reason=str(error), retry_in_s=_RETRY_S)
                pause = _RETRY_S
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), pause)

    def scan(self) -> None:
        """Looks for new files and lets go of those that are done with."""
        problems = self._files.scan()
        for path, reason in problems.items():
            if path not in self._problems:
                self._telemetry.count("event_log_failures")
                log.warning("collector_log_not_readable", source=self._source, path=path, reason=reason)
        self._problems = problems
        self._files.forget(self._positions)
        unread = sum(max(0, each.size() - self._positions.get(each.identity, 0)) for each in self._files.each())
        self._telemetry.gauge("event_log_unread_bytes", unread)

    async def step(self) -> int:
        """Takes a piece of each file that has more; how many lines that was.

        Raises:
            Overloaded: the journal is full; nothing of that piece was taken.
            OSError: a disk failed; likewise.
        """
        taken = 0
        for file in list(self._files.each()):
            taken += await self._advance(file)
        return taken

    async def _advance(self, file: LogFile) -> int:
        identity = file.identity
        start = self._positions.get(identity, 0)
        piece = file.lines(start, PIECE)
        if not piece:
            return 0
        found = parse_log(piece, self._source, self._now_ms())
        end = start + len(piece)
        if found.events:
            await self._put(encode_batch(found.events), Pending(identity, end, self._journal.end()))
            self._telemetry.count("events_accepted", len(found.events))
        self._positions[identity] = end
        count = self._telemetry.count
        count("events_repeated_by_browser", found.repeated)
        count("event_log_lines_ignored", found.others)
        count("event_log_lines_unreadable", found.unreadable)
        return len(found.events) + found.repeated + found.others

    async def _put(self, payload: bytes, pending: Pending) -> None:
        self._save(pending)
        try:
            await self._journal.append(payload)
        except OSError:
            # When it failed only while it was made safe, it is in the journal and will be read.
            if self._journal.end() == pending.journal_end:
                raise

    def _save(self, pending: Pending) -> None:
        if len(self._positions) > MAX_KNOWN:
            self._drop_oldest()
        replace_file(self._path, msgspec.msgpack.encode(Progress(self._positions, pending)), synced=self._fsync)

    def _drop_oldest(self) -> None:
        there = {file.identity for file in self._files.each()}
        gone = [identity for identity in self._positions if identity not in there]
        for identity in gone[: len(self._positions) - MAX_KNOWN]:
            del self._positions[identity]

    def close(self) -> None:
        """Lets go of the files."""
        self._files.close()
