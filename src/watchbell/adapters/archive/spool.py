"""What a collector writes for the archive while it maps: cheap, because it is beside the path of every event.

It is a sink whose positions make each event come exactly once through the end of a process. It never holds up the
others: when its disk fails or nobody takes what it wrote (`MAX_SPOOL`), events are left out of the archive, and the
log says how many. It is written, not synced: the end of the machine may cost the archive the last seconds, never a
sink.

    <folder>/000000000017.partial     growing: a frame for each write, after the names of the columns
    <folder>/000000000017.spool       complete, to be made into Parquet by `convert`
    <folder>/state                    how far the journal is in here
"""

import os
from collections.abc import Callable, Sequence
from operator import attrgetter
from pathlib import Path
from struct import Struct
from typing import IO, Any, Final

import msgspec
import structlog

from watchbell.domain.events.event import Event
from watchbell.ports.journal import Positions
from watchbell.ports.sink import Record

MAX_SPOOL: Final = 1024 * 1024 * 1024
"""Bytes that may wait to become Parquet; beyond them events are left out."""
_ROLL_BYTES: Final = 32 * 1024 * 1024
_RETRY_MS: Final = 5000
PARTIAL, COMPLETE = ".partial", ".spool"

_LENGTH = Struct(">I")
_log = structlog.get_logger("explore")

COLUMNS: Final = tuple(name for name in Event.__struct_fields__ if name not in {"raw", "headers"})
RAW_COLUMNS: Final = ("raw.query", "raw.body", "raw.headers")
_values = attrgetter(*COLUMNS)
_of_raw = attrgetter("query", "body", "headers")
_NO_RAW = (None, None, None)


class _State(msgspec.Struct, frozen=True):
    positions: dict[str, int] = {}
    number: int = 0
    """The file in flight, or the last one."""
    length: int = 0


class EventSpool:
    """The sink (see its port). `now_ms` is the clock: milliseconds since 1970."""

    def __init__(self, folder: Path, *, roll_every_s: float, now_ms: Callable[[], int]) -> None:
        self._folder = folder
        self._roll_ms = int(roll_every_s * 1000)
        self._now_ms = now_ms
        self._encode = msgspec.msgpack.Encoder().encode
        self._state_path = folder / "state"
        self._upto: dict[str, int] = {}
        self._number = 0
        self._file: IO[bytes] | None = None
        self._length = 0
        self._opened_ms = 0
        self._blocked_until_ms = 0
        self._saved = _State()
        self.left_out = 0
        """How many events are not in the archive because its disk failed, or nobody took what was written."""

    def open(self) -> Positions:
        """See Sink. Never raises: what cannot be read is begun anew."""
        self._release()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._saved = self._load()
            self._recover()
        except OSError as error:
            self._fail(error)
        self._upto = dict(self._saved.positions)
        return dict(self._upto)

    def write(self, records: Sequence[Record], upto: Positions, about: Sequence[Event] = ()) -> None:
        """See Sink. Takes the events; the records are for others."""
        del records
        if about and self._may_write(len(about)):
            try:
                file = self._file or self._begin()
                frame = self._frame(about)
                file.write(_LENGTH.pack(len(frame)) + frame)
                self._length += 4 + len(frame)
            except (OSError, TypeError, ValueError, OverflowError) as error:
                self.left_out += len(about)
                self._fail(error)
        self._upto.update(upto)

    def sync(self) -> Positions:
        """See Sink."""
        if self._upto != self._saved.positions:
            try:
                if self._file is not None:
                    self._file.flush()
                self._save()
            except OSError as error:
                self._fail(error)
        return dict(self._upto)

    def tend(self) -> list[str]:
        """See Sink. Completes a file that is old or large enough; its name is nobody's business."""
        if self._file is not None and (
            self._now_ms() - self._opened_ms >= self._roll_ms or self._length >= _ROLL_BYTES
        ):
            self._complete()
        return []

    def close(self) -> list[str]:
        """See Sink."""
        self.sync()
        self._complete()
        return []

    def _frame(self, events: Sequence[Event]) -> bytes:
        rows = [_values(event) + (_of_raw(event.raw) if event.raw else _NO_RAW) for event in events]
        try:
            return self._encode(rows)
        except UnicodeEncodeError:
            # Half of a surrogate pair is legal in JSON, and in no file.
            return self._encode([tuple(map(_writable, row)) for row in rows])

    def _may_write(self, events: int) -> bool:
        now_ms = self._now_ms()
        if now_ms < self._blocked_until_ms:
            self.left_out += events
            return False
        return True

    def _begin(self) -> IO[bytes]:
        waiting = sum(entry.stat().st_size for entry in self._folder.glob(f"*{COMPLETE}"))
        if waiting > MAX_SPOOL:
            raise OSError(f"{waiting >> 20} MiB wait to be made into Parquet")
        self._number += 1
        self._opened_ms = self._now_ms()
        file = (self._folder / f"{self._number:012d}{PARTIAL}").open("xb", buffering=256 * 1024)
        self._file = file
        header = self._encode([*COLUMNS, *RAW_COLUMNS])
        file.write(_LENGTH.pack(len(header)) + header)
        self._length = 4 + len(header)
        return file

    def _complete(self) -> None:
        if self._file is None:
            return
        try:
            self._release()
            partial = self._folder / f"{self._number:012d}{PARTIAL}"
            # The state first says that nothing is in flight: found complete, the file is never cut again.
            self._length = 0
            self._save()
            partial.rename(partial.with_suffix(COMPLETE))
        except OSError as error:
            self._fail(error)

    def _recover(self) -> None:
        """Keep of the files in flight what the state speaks of; the rest comes again from the journal."""
        # Numbers never come again, though the state was lost: they follow the clock then, which they cannot overtake.
        self._number = self._saved.number or self._now_ms() // 1000
        for partial in self._folder.glob(f"*{PARTIAL}"):
            number = int(partial.stem) if partial.stem.isdecimal() else 0
            self._number = max(self._number, number)
            if number == self._saved.number:
                if self._saved.length:
                    os.truncate(partial, self._saved.length)
                partial.rename(partial.with_suffix(COMPLETE))
            else:
                partial.unlink()
        for complete in self._folder.glob(f"*{COMPLETE}"):
            self._number = max(self._number, int(complete.stem) if complete.stem.isdecimal() else 0)

    def _fail(self, error: Exception) -> None:
        """Say it, leave the file, try again later."""
        _log.warning("explore_spool_failed", folder=str(self._folder), reason=str(error), left_out=self.left_out)
        self._blocked_until_ms = self._now_ms() + _RETRY_MS
        if self._file is None:
            return
        partial = self._folder / f"{self._number:012d}{PARTIAL}"
        self._length = 0
        try:
            self._release()
            partial.rename(partial.with_suffix(COMPLETE))  # a torn end is left out by `read_spool`
        except OSError:
            self._file = None

    def _release(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def _load(self) -> _State:
        try:
            return msgspec.json.decode(self._state_path.read_bytes(), type=_State)
        except (FileNotFoundError, msgspec.DecodeError):
            return _State()

    def _save(self) -> None:
        state = _State(dict(self._upto), self._number, self._length)
        beside = self._state_path.with_suffix(".new")
        beside.write_bytes(msgspec.json.encode(state))
        beside.replace(self._state_path)
        self._saved = state


def _writable(value: Any) -> Any:
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def read_spool(path: Path) -> tuple[list[str], list[list[Any]]]:
    """The names of the columns, and the events. What was torn by the end of a machine is left out."""
    data = path.read_bytes()
    frames: list[Any] = []
    place = 0
    while place + 4 <= len(data):
        (length,) = _LENGTH.unpack_from(data, place)
        frame = data[place + 4 : place + 4 + length]
        if len(frame) < length:
            break
        try:
            frames.append(msgspec.msgpack.decode(frame))
        except msgspec.DecodeError:
            break
        place += 4 + length
    return (frames[0], [row for frame in frames[1:] for row in frame]) if frames else ([], [])
