"""Rejected events as lines of JSON, in files of bounded size, oldest first by name.

    rejected-00000000000000000001.ndjson
    trimmed                                 how many lines are gone

The oldest file goes when there are too many bytes or it is too old. Each line has what people want to see, the raw
event whole, for replaying, and the number of the checkpoint that it was kept for: one that was never written takes its
lines with it. One process appends; others may read, and rewrite under the lock.
"""

import base64
import fcntl
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Rejection
from watchbell.domain.events.raw import RawEvent, decode_batch, encode_batch
from watchbell.toolkit.kept import load, replace_file, save, sync_folder

FILE_BYTES = 4 * 1024 * 1024
_NAME = "rejected-{:020d}.ndjson"
_TRIMMED = "trimmed"


class RejectedRow(msgspec.Struct, frozen=True, kw_only=True):
    """One line."""

    reason: str
    detail: str
    mapping: str = ""
    received_ms: int
    source: str
    kind: str
    remote: str
    user_agent: str | None
    query: str
    body: str
    """As text; what is no UTF-8 is replaced."""
    raw: str = ""
    """The raw event as the journal has it, base64."""
    number: int = 0
    """See RejectedEvents.keep."""

    def event(self) -> RawEvent | None:
        """The raw event; None when the line is of a release that did not keep it, or damaged."""
        try:
            return decode_batch(base64.b64decode(self.raw))[0] if self.raw else None
        except (ValueError, msgspec.DecodeError, IndexError):
            return None


class _Trimmed(msgspec.Struct):
    """What is kept in the file `trimmed`."""

    events: int = 0


class RejectedFiles:
    """Keeps at most `max_bytes`, and nothing older than `keep_ms` (0: any age). `now_ms` is the clock."""

    def __init__(
        self,
        folder: Path,
        max_bytes: int = 128 * 1024 * 1024,
        keep_ms: int = 0,
        now_ms: Callable[[], int] = lambda: 0,
    ) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._file_bytes = min(FILE_BYTES, max(1, max_bytes // 4))
        self._keep_ms = keep_ms
        self._now_ms = now_ms

    def keep(self, rejections: Sequence[Rejection], number: int = 0) -> None:
        """See RejectedEvents."""
        lines = b"".join(_line(rejection, number) for rejection in rejections)
        try:
            with self._locked():
                files = self._files()
                if not files or files[-1].stat().st_size + len(lines) > self._file_bytes:
                    files.append(self._folder / _NAME.format(_number(files[-1]) + 1 if files else 1))
                _append(files[-1], lines)
                self._trim(files)
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error

    def _trim(self, files: list[Path]) -> None:
        """Removes the oldest files beyond the bounds; never the one that grows."""
        sizes = {path: path.stat().st_size for path in files}
        oldest_ms = self._now_ms() - self._keep_ms if self._keep_ms else 0
        for path in files[:-1]:
            if sum(sizes.values()) > self._max_bytes or path.stat().st_mtime_ns // 1_000_000 < oldest_ms:
                gone = path.read_bytes().count(b"\n")
                path.unlink(missing_ok=True)
                del sizes[path]
                save(self._folder / _TRIMMED, _Trimmed(self.trimmed() + gone))

    def trimmed(self) -> int:
        """See RejectedEvents. 0 when the file cannot be read."""
        try:
            found = load(self._folder / _TRIMMED, _Trimmed)
        except (OSError, msgspec.DecodeError):
            return 0
        return found.events if found is not None else 0

    def settle(self, number: int) -> None:
        """See RejectedEvents."""
        try:
            with self._locked():
                for path in reversed(self._files()):
                    if any(0 < row.number <= number for row in _rewrite(path, lambda row: row.number <= number)[0]):
                        return  # what lies before was kept before
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error

    def trim(self) -> None:
        """What time brings: removes what is too old.

        Raises:
            Retryable: the disk failed.
        """
        try:
            with self._locked():
                self._trim(self._files())
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error

    def rows(self) -> Iterator[RejectedRow]:
        """Every line, newest first; one that cannot be read is left out."""
        for path in reversed(self._files()):
            yield from reversed(_read(path))

    def rewrite(self, keeps: Callable[[RejectedRow], bool]) -> int:
        """Removes the lines that `keeps` does not want; how many. A crash leaves a file as it was, or as it should be.

        Raises:
            Retryable: the disk failed.
        """
        removed = 0
        try:
            with self._locked():
                for path in self._files():
                    removed += _rewrite(path, keeps)[1]
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error
        return removed

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("rejected-*.ndjson"))

    @contextmanager
    def _locked(self) -> Generator[None]:
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _number(path: Path) -> int:
    digits = path.stem.rpartition("-")[2]
    return int(digits) if digits.isdecimal() else 0


def _read(path: Path) -> list[RejectedRow]:
    found: list[RejectedRow] = []
    try:
        lines = path.read_bytes().splitlines()
    except FileNotFoundError:
        return found
    for line in lines:
        try:
            found.append(msgspec.json.decode(line, type=RejectedRow))
        except msgspec.DecodeError:
            continue  # the end of a write that a crash cut off
    return found


def _append(path: Path, lines: bytes) -> None:
    """Whole or not at all, and safe from a crash of the machine when it returns."""
    begun = not path.exists()
    with path.open("ab", buffering=0) as file:
        length = file.tell()
        try:
            left = memoryview(lines)
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            with suppress(OSError):
                os.ftruncate(file.fileno(), length)
            raise
    if begun:
        sync_folder(path.parent)


def _rewrite(path: Path, keeps: Callable[[RejectedRow], bool]) -> tuple[list[RejectedRow], int]:
    """The lines that stay, and how many were removed."""
    rows = _read(path)
    kept = [row for row in rows if keeps(row)]
    if len(kept) < len(rows):
        replace_file(path, b"".join(msgspec.json.encode(row) + b"\n" for row in kept), synced=True)
    return kept, len(rows) - len(kept)


def _line(rejection: Rejection, number: int) -> bytes:
    row = _row(rejection, number)
    try:
        return msgspec.json.encode(row) + b"\n"
    except UnicodeEncodeError:
        # What went wrong may quote half of a surrogate pair.
        detail = row.detail.encode("utf-8", "replace").decode()
        return msgspec.json.encode(msgspec.structs.replace(row, detail=detail)) + b"\n"


def _row(rejection: Rejection, number: int) -> RejectedRow:
    raw = rejection.raw
    return RejectedRow(
        number=number,
        reason=rejection.reason,
        detail=rejection.detail,
        mapping=rejection.mapping,
        received_ms=raw.received_ms,
        source=raw.source,
        kind=raw.kind,
        remote=raw.remote,
        user_agent=raw.user_agent,
        query=raw.query,
        body=raw.body.decode("utf-8", "replace"),
        raw=base64.b64encode(encode_batch([raw])).decode(),
    )


class MemoryRejected:
    """Keeps rejections in a list."""

    def __init__(self) -> None:
        self.kept: list[Rejection] = []
        self._numbers: list[int] = []

    def keep(self, rejections: Sequence[Rejection], number: int = 0) -> None:
        """See RejectedEvents."""
        self.kept.extend(rejections)
        self._numbers.extend([number] * len(rejections))

    def settle(self, number: int) -> None:
        """See RejectedEvents."""
        left = [index for index, each in enumerate(self._numbers) if each <= number]
        self.kept = [self.kept[index] for index in left]
        self._numbers = [self._numbers[index] for index in left]

    def trimmed(self) -> int:
        """Never any."""
        return 0
