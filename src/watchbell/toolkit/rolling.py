"""Files that grow while they are written, roll by size or age, and are published by rename: what all file sinks share.

    20231114221320-divolte-tracking-<node>-1.avro.partial   in flight
    20231114221320-divolte-tracking-<node>-1.avro           published
    .<node>.avro.state                                      how far the sink is durable, and in which file

The state names the file in flight, its length at the last sync and the journal positions that are in it or in files
before it. So after a crash the file is cut to that length and published, and everything behind those positions is
written again: each record is in the files exactly once. A file in flight that the state does not name was never synced;
its records come again, so it is removed.
"""

import os
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from watchbell.domain.errors import Retryable
from watchbell.ports.journal import Positions

Record = dict[str, Any]

PARTIAL = ".partial"
DAMAGED = ".damaged"


class OpenFile(Protocol):
    """A file in flight."""

    def write(self, records: Sequence[Record]) -> None:
        """Takes all records or, raising Permanent, none."""
        ...

    def sync(self) -> int:
        """Makes the file durable up to here; its length in bytes. Cut to that length it is readable."""
        ...

    def size(self) -> int:
        """About how large the file is, in bytes."""
        ...

    def close(self) -> None:
        """Releases the file without writing anything more."""
        ...


class FileFormat(Protocol):
    """How records become a file."""

    suffix: str
    """File name ending, with the dot."""

    def create(self, path: Path) -> OpenFile:
        """Begins a file. The path does not exist."""
        ...

    def finish(self, partial: Path, target: Path) -> None:
        """Makes `target` of a synced file in flight, atomically and durably; `partial` may stay.

        Done again after a crash.
        """
        ...


class _State(msgspec.Struct, frozen=True):
    positions: dict[str, int] = {}
    file: str = ""
    """Name of the published file that the file in flight will become; empty: none is in flight."""
    length: int = 0
    records: int = 0


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class RollingFiles:
    """A sink (see its port) that writes files of one format into one folder.

    `now_ms` is the clock: milliseconds since 1970.
    """

    def __init__(
        self,
        folder: Path,
        file_format: FileFormat,
        *,
        node: str,
        roll_every_s: float,
        roll_bytes: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._folder = folder
        self._format = file_format
        self._node = re.sub(r"[^A-Za-z0-9_.-]", "_", node) or "node"
        self._roll_ms = int(roll_every_s * 1000)
        self._roll_bytes = roll_bytes
        self._now_ms = now_ms
        self._state_path = folder / f".{self._node}{file_format.suffix}.state"
        self._mine = re.compile(
            rf"[0-9]{{14}}-divolte-tracking-{re.escape(self._node)}-[0-9]+{re.escape(file_format.suffix)}{re.escape(PARTIAL)}"
        )
        self._state = _State()
        self._file: OpenFile | None = None
        self._name = ""
        self._opened_ms = 0
        self._records = 0
        self._upto: dict[str, int] = {}
        self._instance = 0

    def open(self) -> Positions:
        """See Sink."""
        try:
            self._release()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._state = self._load()
            self._recover()
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error
        self._upto = dict(self._state.positions)
        return dict(self._state.positions)

    def write(self, records: Sequence[Record], upto: Positions) -> None:
        """See Sink."""
        try:
            if records:
                file = self._file or self._begin()
                file.write(records)
                self._records += len(records)
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error
        self._upto.update(upto)

    def sync(self) -> Positions:
        """See Sink."""
        try:
            if self._upto != self._state.positions or self._records != self._state.records:
                state = _State(dict(self._upto))
                if self._file is not None and self._records:
                    state = _State(dict(self._upto), self._name, self._file.sync(), self._records)
                self._save(state)
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error
        return dict(self._state.positions)

    def tend(self) -> list[str]:
        """See Sink."""
        file = self._file
        if file is None or self._records == 0:
            return []
        old = self._now_ms() - self._opened_ms >= self._roll_ms
        return self._publish() if old or file.size() >= self._roll_bytes else []

    def close(self) -> list[str]:
        """See Sink."""
        return self._publish()

    def _begin(self) -> OpenFile:
        self._opened_ms = self._now_ms()
        stamp = datetime.fromtimestamp(self._opened_ms / 1000, UTC).strftime("%Y%m%d%H%M%S")
        while True:
            self._instance += 1
            name = f"{stamp}-divolte-tracking-{self._node}-{self._instance}{self._format.suffix}"
            partial = self._folder / (name + PARTIAL)
            if not (self._folder / name).exists() and not partial.exists():
                break
        self._name = name
        self._records = 0
        self._file = self._format.create(partial)
        return self._file

    def _publish(self) -> list[str]:
        self.sync()
        file, name = self._file, self._name
        if file is None:
            return []
        records = self._records
        try:
            self._release()
            if not records:
                # Begun for records that were then refused: there is nothing to publish.
                (self._folder / (name + PARTIAL)).unlink(missing_ok=True)
                return []
            self._finish(name)
            self._save(_State(dict(self._state.positions)))
        except OSError as error:
            raise Retryable(f"{self._folder / name}: {error}") from error
        return [name]

    def _finish(self, name: str) -> None:
        partial, target = self._folder / (name + PARTIAL), self._folder / name
        if not target.exists():
            self._format.finish(partial, target)
        partial.unlink(missing_ok=True)
        sync_folder(self._folder)

    def _recover(self) -> None:
        state = self._state
        if state.file:
            partial, target = self._folder / (state.file + PARTIAL), self._folder / state.file
            if target.exists():
                partial.unlink(missing_ok=True)
            elif partial.exists():
                self._recover_partial(partial)
            self._save(_State(dict(state.positions)))
        for entry in os.scandir(self._folder):
            if self._mine.fullmatch(entry.name):
                Path(entry.path).unlink()

    def _recover_partial(self, partial: Path) -> None:
        if partial.stat().st_size < self._state.length:
            # The disk lost what it had promised to keep. What is left may still be worth something to a person.
            partial.rename(partial.with_name(partial.name + DAMAGED))
            return
        os.truncate(partial, self._state.length)
        self._finish(self._state.file)

    def _release(self) -> None:
        file, self._file, self._name, self._records = self._file, None, "", 0
        if file is not None:
            file.close()

    def _load(self) -> _State:
        try:
            return msgspec.json.decode(self._state_path.read_bytes(), type=_State)
        except FileNotFoundError:
            return _State()

    def _save(self, state: _State) -> None:
        partial = self._state_path.with_name(self._state_path.name + PARTIAL)
        with partial.open("wb") as file:
            file.write(msgspec.json.encode(state))
            file.flush()
            os.fsync(file.fileno())
        partial.replace(self._state_path)
        sync_folder(self._folder)
        self._state = state
