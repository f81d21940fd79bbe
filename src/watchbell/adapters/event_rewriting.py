"""Published files of events, written again without some records: Avro and Parquet, wherever they lie below a folder.

A record is unwanted when one of its values, at any depth, is one of the given texts. Each file is replaced by rename,
so a crash leaves it as it was or as it should be; a file without unwanted records is not touched.
"""

import os
import re
from collections.abc import Iterator
from importlib import import_module
from math import inf
from pathlib import Path
from typing import Any, cast

fastavro: Any = import_module("fastavro")

_MARK = ".forget"
_PUBLISHED = re.compile(r"[0-9]{14}-divolte-tracking-.+-[0-9]+\.(avro|parquet)")
"""As `toolkit.rolling` names them: in a folder of its own choice a sink may not be alone."""


def event_files(*folders: Path) -> list[Path]:
    """The published files below the folders, by name."""
    found = {path for folder in folders for suffix in ("*.avro", "*.parquet") for path in folder.rglob(suffix)}
    return sorted(path for path in found if not path.name.startswith("."))


def unfinished_files(*folders: Path) -> list[Path]:
    """Files in flight below the folders, and those that wait to become files of the archive."""
    found = {path for folder in folders for suffix in ("*.partial", "*.spool") for path in folder.rglob(suffix)}
    return sorted(path for path in found if not path.name.startswith("."))


def remove_records(path: Path, texts: frozenset[str]) -> int:
    """How many records were removed. A file without any left is removed; one that is gone has none.

    Raises:
        OSError: the disk failed.
        ValueError: the file is damaged.
    """
    partial = path.with_name(f".{path.name}{_MARK}")
    try:
        removed, left = (_avro if path.suffix == ".avro" else _parquet)(path, partial, texts)
        if removed:
            _publish(partial, path, left)
    except FileNotFoundError:
        return 0
    finally:
        partial.unlink(missing_ok=True)
    return removed


def _publish(partial: Path, path: Path, left: int) -> None:
    if not left:
        path.unlink(missing_ok=True)
        return
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    partial.replace(path)


def _holds(value: Any, texts: frozenset[str]) -> bool:
    if isinstance(value, str):
        return value in texts
    if isinstance(value, dict):
        return any(_holds(each, texts) for each in cast("dict[str, Any]", value).values())
    if isinstance(value, list | tuple):
        return any(_holds(each, texts) for each in cast("list[Any]", value))
    return False


def _avro(path: Path, partial: Path, texts: frozenset[str]) -> tuple[int, int]:
    counts = [0, 0]
    with path.open("rb") as file:
        reader = fastavro.reader(file)
        if not any(_holds(record, texts) for record in reader):
            return 0, 1
    with path.open("rb") as file, partial.open("wb") as target:
        reader = fastavro.reader(file)
        known = {name: text for name, text in reader.metadata.items() if not name.startswith("avro.")}

        def kept() -> Iterator[Any]:
            for record in reader:
                unwanted = _holds(record, texts)
                counts[unwanted] += 1
                if not unwanted:
                    yield record

        fastavro.writer(target, reader.writer_schema, kept(), codec=reader.codec, metadata=known)
    return counts[1], counts[0]


def _parquet(path: Path, partial: Path, texts: frozenset[str]) -> tuple[int, int]:
    # Loaded where it is needed: every role knows of this module, and few ever rewrite a file.
    pa: Any = import_module("pyarrow")
    pq: Any = import_module("pyarrow.parquet")
    removed = left = 0
    writer: Any = None
    with pq.ParquetFile(path) as file:
        codec = file.metadata.row_group(0).column(0).compression if file.num_row_groups else "SNAPPY"
        try:
            for group in range(file.num_row_groups):
                table = file.read_row_group(group)
                mask = [not _holds(row, texts) for row in table.to_pylist()]
                removed += len(mask) - sum(mask)
                left += sum(mask)
                if writer is None:
                    writer = pq.ParquetWriter(
                        partial, table.schema, compression=codec.lower().replace("uncompressed", "none")
                    )
                writer.write_table(table.filter(pa.array(mask, pa.bool_())))
        finally:
            if writer is not None:
                writer.close()
    return removed, left


def too_old(before_s: float, *folders: Path) -> list[Path]:
    """Published files of sinks that were last changed before that moment (seconds since 1970)."""
    return [path for path in event_files(*folders) if _PUBLISHED.fullmatch(path.name) and _changed_s(path) < before_s]


def _changed_s(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return inf
