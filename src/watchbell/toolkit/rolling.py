"""Files that grow while they are written, roll by size or age, and are published by rename: what all file sinks share.

    20231114221320-divolte-tracking-<node>-1.avro.partial   in flight
    20231114221320-divolte-tracking-<node>-1.avro           published
    .<node>.avro.state                                      how far the sink is durable, and in which files

Files stand in the folder itself or, with a pattern, in folders below it. The state names the files in flight, their
lengths at the last sync and the journal positions that are in them or in files before them. So after a crash each is
cut to that length and published, and everything behind those positions is written again: each record is in the files
exactly once. A file in flight that the state does not name was never synced; its records come again, so it is removed.

With a target elsewhere, a published file waits in the folder until it is there (see `publishing`).
"""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import msgspec

from watchbell.domain.errors import Retryable
from watchbell.domain.events.event import Event
from watchbell.ports.journal import Positions
from watchbell.toolkit import kept
from watchbell.toolkit.kept import PARTIAL
from watchbell.toolkit.partitions import Partitions
from watchbell.toolkit.publishing import Outbox, Target
from watchbell.toolkit.settings import Secret, Settings

Record = dict[str, Any]

DAMAGED = ".damaged"
MAX_OPEN = 32
"""How many files may be in flight before the oldest is published: partitions by a field may be many."""


class RollingConfig(Settings, frozen=True, kw_only=True):
    """Settings that all sinks to files share."""

    folder: str = ""
    """Folder for the files; created when it is not there. Empty: `events` in the data directory. With a `target`, the
    files in flight and those that wait for the target."""
    partition: str = ""
    """Pattern of folders below, such as `year={year}/month={month}/day={day}/hour={hour}`: of the time when an event
    was received (UTC), and of fields of the record by name. Empty: none."""
    roll_every_s: float = 3600
    """Publish a file at the latest so many seconds after its first record."""
    target: str = ""
    """Where published files go instead: a URL such as `s3://bucket/events`, `gs://bucket/events` or
    `hdfs://host:8020/events`. They appear there whole. Empty: they stay in the folder."""
    target_options: dict[str, str | bool | int | float] = {}
    """Options of the target's file system (fsspec), such as `endpoint_url` or `profile` for S3, `token` for GCS."""
    target_secrets: dict[str, Secret] = {}
    """The same for options that are secret, such as `key` and `secret` for S3."""


class OpenFile(Protocol):
    """A file in flight."""

    def append(self, prepared: Any) -> None:
        """Takes what the format has prepared."""
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

    def prepare(self, records: Sequence[Record]) -> Any:
        """The records as `append` takes them.

        Raises:
            Permanent: a record does not fit the schema.
        """
        ...

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
    files: dict[str, int] = {}
    """Path, below the folder, of the published file that each file in flight will become → its length in bytes."""
    instance: int = 0
    """Number of the newest file: names are not used twice, also when the files are taken away."""


class _InFlight:
    __slots__ = ("file", "name", "opened_ms", "records")

    def __init__(self, name: str, file: OpenFile, opened_ms: int) -> None:
        self.name, self.file, self.opened_ms = name, file, opened_ms
        self.records = 0


class RollingFiles:
    """A sink (see its port) that writes files of one format below one folder.

    `now_ms` is the clock: milliseconds since 1970.
    """

    def __init__(
        self,
        config: RollingConfig,
        file_format: FileFormat,
        *,
        schema: Mapping[str, Any],
        folder: Path,
        node: str,
        roll_bytes: int,
        now_ms: Callable[[], int],
    ) -> None:
        self._folder = Path(config.folder) if config.folder else folder
        self._format = file_format
        self._node = re.sub(r"[^A-Za-z0-9_.-]", "_", node) or "node"
        self._roll_ms = int(config.roll_every_s * 1000)
        self._roll_bytes = roll_bytes
        self._now_ms = now_ms
        self._partitions = Partitions(config.partition, schema) if config.partition else None
        self._state_path = self._folder / f".{self._node}{file_format.suffix}.state"
        self._mine = re.compile(
            rf"[0-9]{{14}}-divolte-tracking-{re.escape(self._node)}-[0-9]+{re.escape(file_format.suffix)}"
        )
        self._outbox = Outbox(self._folder, config.target, _target_options(config)) if config.target else None
        self._state = _State()
        self._files: dict[str, _InFlight] = {}
        self._upto: dict[str, int] = {}
        self._dirty = False
        self._loose = False
        """Whether records were written whose position is not known yet."""
        self._instance = 0

    @staticmethod
    def check(config: RollingConfig) -> None:
        """Tells at the start what cannot be used, whatever the schema is.

        Raises:
            Invalid: with the field and the reason.
        """
        if config.target:
            Target(config.target, _target_options(config))

    def open(self) -> Positions:
        """See Sink."""
        try:
            self._let_go()
            self._folder.mkdir(parents=True, exist_ok=True)
            self._state = kept.load(self._state_path, _State) or _State()
            self._instance = max(self._instance, self._state.instance)
            self._recover()
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error
        self._upto = dict(self._state.positions)
        if self._outbox is not None:
            self._outbox.start(self._found(self._mine))
        return dict(self._state.positions)

    def write(self, records: Sequence[Record], upto: Positions, about: Sequence[Event] = ()) -> None:
        """See Sink."""
        try:
            if records:
                self._append(self._prepared(records, about))
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error
        self._upto.update(upto)
        self._loose = not upto and (self._loose or bool(records))

    def _prepared(self, records: Sequence[Record], about: Sequence[Event]) -> dict[str, tuple[Any, int]]:
        """Folder → what to append there, and how many records that is. All are prepared before one is appended."""
        prepare = self._format.prepare
        if self._partitions is None:
            return {"": (prepare(records), len(records))}
        groups: dict[str, list[Record]] = {}
        for path, record in zip(self._partitions.paths(records, about, self._now_ms()), records, strict=True):
            groups.setdefault(path, []).append(record)
        return {path: (prepare(group), len(group)) for path, group in groups.items()}

    def _append(self, prepared: Mapping[str, tuple[Any, int]]) -> None:
        # A sync between records and their position would make them count twice after a crash.
        too_many = len(self._files.keys() | prepared.keys()) - MAX_OPEN
        if too_many > 0 and not self._loose:
            oldest = sorted(self._files.keys() - prepared.keys(), key=lambda path: self._files[path].opened_ms)
            self._publish(oldest[:too_many])
        for path, (block, count) in prepared.items():
            flight = self._files.get(path) or self._begin(path)
            flight.file.append(block)
            flight.records += count
            self._dirty = True

    def sync(self) -> Positions:
        """See Sink."""
        try:
            if self._dirty or self._upto != self._state.positions:
                files = {flight.name: flight.file.sync() for flight in self._files.values() if flight.records}
                self._save(files)
                self._dirty = False
        except OSError as error:
            raise Retryable(f"{self._folder}: {error}") from error
        return dict(self._state.positions)

    def tend(self) -> list[str]:
        """See Sink."""
        now_ms = self._now_ms()
        due = [
            path
            for path, flight in self._files.items()
            if flight.records and (now_ms - flight.opened_ms >= self._roll_ms or flight.file.size() >= self._roll_bytes)
        ]
        published = self._publish(due) if due else []
        return published if self._outbox is None else self._outbox.arrived()

    def close(self) -> list[str]:
        """See Sink. What the target does not take in time waits in the folder for the next `open`."""
        published = self._publish(list(self._files))
        return published if self._outbox is None else self._outbox.finish()

    def abandon(self) -> None:
        """Releases what this process holds, as a crash would: what was synced is recovered by the next `open`."""
        self._let_go()
        if self._outbox is not None:
            self._outbox.stop()

    def _let_go(self) -> None:
        files, self._files = self._files, {}
        self._dirty = self._loose = False
        for flight in files.values():
            flight.file.close()

    def _begin(self, path: str) -> _InFlight:
        opened_ms = self._now_ms()
        stamp = datetime.fromtimestamp(opened_ms / 1000, UTC).strftime("%Y%m%d%H%M%S")
        folder = self._folder / path
        folder.mkdir(parents=True, exist_ok=True)
        while True:
            self._instance += 1
            name = f"{stamp}-divolte-tracking-{self._node}-{self._instance}{self._format.suffix}"
            partial = folder / (name + PARTIAL)
            if not (folder / name).exists() and not partial.exists():
                break
        flight = _InFlight(f"{path}/{name}" if path else name, self._format.create(partial), opened_ms)
        self._files[path] = flight
        return flight

    def _publish(self, paths: Sequence[str]) -> list[str]:
        self.sync()
        published: list[str] = []
        for path in paths:
            flight = self._files.pop(path)
            try:
                flight.file.close()
                if flight.records:
                    self._finish(flight.name)
                    published.append(flight.name)
                else:
                    # Begun for records that then could not be written: there is nothing to publish.
                    self._partial(flight.name).unlink(missing_ok=True)
            except OSError as error:
                raise Retryable(f"{self._folder / flight.name}: {error}") from error
        if published:
            try:
                self._save({name: length for name, length in self._state.files.items() if name not in published})
            except OSError as error:
                raise Retryable(f"{self._state_path}: {error}") from error
        return published

    def _partial(self, name: str) -> Path:
        return self._folder / (name + PARTIAL)

    def _finish(self, name: str) -> None:
        partial, target = self._partial(name), self._folder / name
        if not target.exists():
            self._format.finish(partial, target)
        partial.unlink(missing_ok=True)
        kept.sync_folder(target.parent)
        if self._outbox is not None:
            self._outbox.add(name)

    def _recover(self) -> None:
        for name, length in self._state.files.items():
            partial, target = self._partial(name), self._folder / name
            if target.exists():
                partial.unlink(missing_ok=True)
            elif partial.exists():
                self._recover_partial(name, length)
        if self._state.files:
            self._upto = dict(self._state.positions)
            self._save({})
        for name in self._found(re.compile(self._mine.pattern + re.escape(PARTIAL))):
            (self._folder / name).unlink()

    def _recover_partial(self, name: str, length: int) -> None:
        partial = self._partial(name)
        if partial.stat().st_size < length:
            # The disk lost what it had promised to keep. What is left may still be worth something to a person.
            partial.rename(partial.with_name(partial.name + DAMAGED))
            return
        os.truncate(partial, length)
        self._finish(name)

    def _found(self, wanted: re.Pattern[str]) -> list[str]:
        """Files of this sink with such names, oldest first, as paths below the folder."""
        found: list[str] = []
        below = self._partitions is not None or self._outbox is not None
        for folder, folders, names in os.walk(self._folder):
            if not below:
                folders.clear()
            where = Path(folder).relative_to(self._folder)
            found += [str(where / name) for name in names if wanted.fullmatch(name)]
        return sorted(found, key=lambda path: path.rpartition("/")[2])

    def _save(self, files: Mapping[str, int]) -> None:
        state = _State(dict(self._upto), dict(files), self._instance)
        kept.save(self._state_path, state)
        self._state = state


def _target_options(config: RollingConfig) -> dict[str, Any]:
    return {**config.target_options, **{name: secret.reveal() for name, secret in config.target_secrets.items()}}
