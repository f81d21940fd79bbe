"""Makes Parquet of what collectors spooled, merges small files, removes what is too old. Runs in a process of its own.

Each step can be done again: a spool file becomes files whose names follow from it, and is removed after them. A spool
file that cannot be read is set aside (`.damaged`) and said. Never raises for what it finds; OSError when the place
cannot be reached, and then nothing was lost.
"""

import json
import time
from collections.abc import Callable, Iterable
from importlib import import_module
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
import structlog

from watchbell.adapters.archive.layout import (
    HOUR_MS,
    ArchiveFile,
    Place,
    counting,
    file_name,
    hour_name,
    merged,
    node_name,
)
from watchbell.adapters.archive.spool import COMPLETE, read_spool
from watchbell.domain.errors import Invalid
from watchbell.domain.events.mincode import decode_mincode
from watchbell.domain.events.question import FIELDS, NUMBER, TRUTH

# pyarrow has no types; what is taken from it is Any from here on.
pa: Any = import_module("pyarrow")
pq: Any = import_module("pyarrow.parquet")

FAN: Final = 16
"""So many files of a size are merged into one of the next size."""
_SETTLED_MS: Final = 120_000
"""So long after its end an hour is merged into one file."""
_GRACE_MS: Final = 120_000
"""So long a merged file is kept for questions that read it."""
_SWEEP_MS: Final = 600_000
_LARGEST: Final = 512 * 1024 * 1024
_ROW_GROUP: Final = 50_000
_TEXT: Final = 8192
"""Longer texts are cut in columns; the raw request has them whole."""
_RAW: Final = 64 * 1024
_TYPES: Final = {TRUTH: pa.bool_(), NUMBER: pa.float64()}
_WHOLE: Final = frozenset(
    {"received_ms", "client_ms", "screen_width", "screen_height", "viewport_width", "viewport_height"}
)
EXTRA: Final = ("parameters", "raw_kind", "raw_query", "raw_body", "raw_headers")

_log = structlog.get_logger("explore")


def schema() -> Any:
    """The columns of an archive file: every field, the parameters as JSON, the raw request, the order of arrival."""
    named = [(name, pa.int64() if name in _WHOLE else _TYPES.get(kind, pa.string())) for name, kind in FIELDS.items()]
    extra = [(name, pa.string()) for name in EXTRA]
    return pa.schema([pa.field(name, kind) for name, kind in [*named, *extra, ("position", pa.int64())]])


SCHEMA: Final = schema()


def table_of(names: list[str], rows: list[list[Any]], first: int = 0) -> Any:
    """An Arrow table of spooled events; `first` numbers the first one among those received in its millisecond."""
    columns = dict(zip(names, zip(*rows, strict=True), strict=True)) if rows else {}
    made: dict[str, list[Any]] = {}
    for name in FIELDS:
        group, _, part = name.partition(".")
        if part:
            made[name] = [_part(value, part) for value in columns.get(group, ())]
        elif name in columns:
            made[name] = [_cut(value) for value in columns[name]]
    made["location_host"], made["location_path"] = _split(columns.get("location", ()))
    made["referer_host"], _ = _split(columns.get("referer", ()))
    made["parameters"] = [_parameters(value) for value in columns.get("raw_parameters", ())]
    made["raw_kind"] = [None if value is None else str(value) for value in columns.get("kind", ())]
    made["raw_query"] = [_cut(value, _RAW) for value in columns.get("raw.query", ())]
    made["raw_body"] = [_body(value) for value in columns.get("raw.body", ())]
    made["raw_headers"] = [_headers(value) for value in columns.get("raw.headers", ())]
    made["position"] = [
        moment * 1_000_000 + (first + number) % 1_000_000
        for number, moment in enumerate(columns.get("received_ms", ()))
    ]
    return pa.table([_column(field, made.get(field.name), len(rows)) for field in SCHEMA], schema=SCHEMA)


def _column(field: Any, values: list[Any] | None, rows: int) -> Any:
    if values is None:
        return pa.nulls(rows, field.type)
    try:
        return pa.array(values, field.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return pa.array([_fitting(value, field.type) for value in values], field.type)


def _fitting(value: Any, kind: Any) -> Any:
    """The value, or None when no column can hold it: such as a lone surrogate, or a number of 70 bits."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    try:
        pa.scalar(value, kind)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return None
    return value


def _cut(value: Any, most: int = _TEXT) -> Any:
    return value[:most] if isinstance(value, str) else value


def _part(value: Any, name: str) -> Any:
    found = value.get(name) if isinstance(value, dict) else None  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]
    return _cut(found)


def _split(addresses: Iterable[Any]) -> tuple[list[str | None], list[str | None]]:
    hosts: list[str | None] = []
    paths: list[str | None] = []
    known: dict[str, tuple[str | None, str | None]] = {}
    for address in addresses:
        text = address if isinstance(address, str) else ""
        if text not in known:
            known[text] = _host_and_path(text)
        host, path = known[text]
        hosts.append(host)
        paths.append(path)
    return hosts, paths


def _host_and_path(text: str) -> tuple[str | None, str | None]:
    try:
        parts = urlsplit(text[:_TEXT])
        host = parts.hostname or None
    except ValueError:
        return None, None
    return host, parts.path or ("/" if host else None)


def _parameters(raw: Any) -> str | None:
    """The custom parameters as JSON; None when there are none or they are malformed."""
    if raw is None:
        return None
    try:
        if isinstance(raw, bytes):
            msgspec.json.decode(raw)
            return raw.decode()
        return json.dumps(decode_mincode(raw), ensure_ascii=True)
    except (Invalid, msgspec.DecodeError, RecursionError, ValueError):
        return None


def _body(raw: Any) -> str | None:
    return raw[:_RAW].decode("utf-8", "replace") if raw else None


def _headers(raw: Any) -> str | None:
    return json.dumps(raw)[:_RAW] if raw else None


class Converter:
    """Works on the spool of one node. `keep_ms`: how long hours are kept; 0: for ever."""

    def __init__(
        self, spool: Path, place: Place, *, node: str, keep_ms: int, now_ms: Callable[[], int] | None = None
    ) -> None:
        self._spool = spool
        self._place = place
        self._node = node_name(node)
        self._keep_ms = keep_ms
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)
        self._doomed: dict[str, int] = {}
        """Path → since when it is merged into another."""
        self._growing: set[int] = set()
        """Hours (their start) that may have something to merge."""
        self._first_sweep = True
        self._swept_ms = 0

    def turn(self) -> int:
        """Converts what is complete, then tidies up; how many events were converted."""
        events = sum(self._convert(path) for path in sorted(self._spool.glob(f"*{COMPLETE}")))
        now_ms = self._now_ms()
        if now_ms - self._swept_ms >= _SWEEP_MS:
            self._swept_ms = now_ms
            self._sweep(now_ms)
        for hour_ms in sorted(self._growing):
            self._merge_hour(hour_ms, now_ms)
        for path, since in list(self._doomed.items()):
            if now_ms - since >= _GRACE_MS:
                self._remove(path)
                del self._doomed[path]
        return events

    def _convert(self, path: Path) -> int:
        try:
            names, rows = read_spool(path)
            table = table_of(names, rows)
        except (ValueError, TypeError, KeyError, pa.ArrowException) as error:
            _log.warning("explore_spool_damaged", file=str(path), reason=repr(error))
            path.rename(path.with_suffix(".damaged"))
            return 0
        number = int(path.stem)
        for hour_ms, part in _by_hour(table):
            self._write([part], hour_ms, number, number)
            self._growing.add(hour_ms)
        path.unlink()
        return len(rows)

    def _write(self, tables: Iterable[Any], hour_ms: int, first: int, last: int) -> None:
        folder = f"{self._place.root}/{hour_name(hour_ms)}"
        target = f"{folder}/{file_name(self._node, first, last)}"
        fs = self._place.fs
        fs.makedirs(folder, exist_ok=True)
        # An object appears when it is whole; a local file is given its name then.
        beside = target if self._place.remote else f"{target}.partial"
        with fs.open(beside, "wb") as file, pq.ParquetWriter(file, SCHEMA, compression="zstd") as writer:
            for table in tables:
                writer.write_table(table, row_group_size=_ROW_GROUP)
        if beside != target:
            Path(beside).rename(target)

    def _sweep(self, now_ms: int) -> None:
        """Removes hours that are too old; after a start it looks at all others once."""
        for hour_ms, folder in self._place.hours().items():
            if self._keep_ms and hour_ms + HOUR_MS < now_ms - self._keep_ms:
                self._remove(folder)
                self._growing.discard(hour_ms)
            elif self._first_sweep:
                self._growing.add(hour_ms)
        self._first_sweep = False

    def _merge_hour(self, hour_ms: int, now_ms: int) -> None:
        over = now_ms >= hour_ms + HOUR_MS + _SETTLED_MS
        while True:
            files = [file for file in self._place.files(hour_ms) if file.node == self._node]
            for file in merged(files):
                self._doomed.setdefault(file.path, now_ms)
            chosen = _small(counting(files)) if over else _alike(counting(files))
            if len(chosen) < 2:
                break
            self._write(self._tables(chosen), hour_ms, chosen[0].first, chosen[-1].last)
        if over:
            self._growing.discard(hour_ms)

    def _tables(self, files: Iterable[ArchiveFile]) -> Iterable[Any]:
        for file in files:
            with self._place.fs.open(file.path, "rb") as opened, pq.ParquetFile(opened) as source:
                for batch in source.iter_batches(_ROW_GROUP):
                    yield _complete(pa.Table.from_batches([batch]))

    def _remove(self, path: str) -> None:
        try:
            self._place.fs.rm(path, recursive=True)
        except FileNotFoundError:
            return


def _complete(table: Any) -> Any:
    """The table with the columns of this release, in their order."""
    columns = [
        table[field.name].cast(field.type) if field.name in table.column_names else pa.nulls(len(table), field.type)
        for field in SCHEMA
    ]
    return pa.table(columns, schema=SCHEMA)


def _by_hour(table: Any) -> list[tuple[int, Any]]:
    """The table, cut where another hour begins."""
    moments = table["received_ms"].to_pylist()
    hours = sorted({moment - moment % HOUR_MS for moment in moments if moment is not None})
    if len(hours) == 1:
        return [(hours[0], table)]
    found: list[tuple[int, Any]] = []
    for hour in hours:
        chosen = pa.array([moment is not None and moment - moment % HOUR_MS == hour for moment in moments])
        found.append((hour, table.filter(chosen)))
    return found


def _alike(files: list[ArchiveFile]) -> list[ArchiveFile]:
    """The newest neighbours of one size, when there are enough of them to be merged."""
    tail: list[ArchiveFile] = []
    for file in reversed(files):
        if tail and _level(file) > _level(tail[0]):
            break
        tail.insert(0, file)
    return tail if len(tail) >= FAN else []


def _small(files: list[ArchiveFile]) -> list[ArchiveFile]:
    """All files of an hour that is over, unless one file of them would be too large to be read at once."""
    return files if sum(file.size for file in files) <= _LARGEST else []


def _level(file: ArchiveFile) -> int:
    level, span = 0, file.span
    while span >= FAN:
        level, span = level + 1, span // FAN
    return level
