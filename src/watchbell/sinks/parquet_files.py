"""Parquet files, published by rename.

While a file is in flight its rows stand in an Arrow stream, because that can be cut and read after a crash and Parquet
cannot; it becomes Parquet when it is published. A record that does not fit the schema is refused whole (Permanent); a
failing disk is reported (Retryable).
"""

import os
from collections.abc import Callable, Sequence
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from watchbell.domain.errors import Permanent
from watchbell.toolkit.arrow import arrow_schema
from watchbell.toolkit.rolling import Record, RollingConfig, RollingFiles
from watchbell.toolkit.settings import Settings

# pyarrow has no types; what is taken from it is Any from here on.
pa: Any = import_module("pyarrow")
ipc: Any = import_module("pyarrow.ipc")
pq: Any = import_module("pyarrow.parquet")

_ROW_GROUP = 100_000
_CONVERTING = ".converting"


class Compression(StrEnum):
    """How columns are compressed."""

    NONE = "none"
    SNAPPY = "snappy"
    ZSTD = "zstd"


class ParquetFilesConfig(RollingConfig, frozen=True, kw_only=True):
    """Settings of a sink that writes Parquet files."""

    roll_bytes: int = 128 * 1024 * 1024
    """Publish a file when its rows, not yet compressed, take about so many bytes."""
    compression: Compression = Compression.ZSTD
    """Compression of the columns: `none`, `snappy` or `zstd`."""


class ParquetFiles(RollingFiles):
    """The sink of kind `parquet_files`."""

    name: ClassVar[str] = "parquet_files"
    title: ClassVar[str] = "Parquet files"
    Config: ClassVar[type[Settings]] = ParquetFilesConfig

    def __init__(
        self, config: ParquetFilesConfig, *, schema: dict[str, Any], folder: Path, node: str, now_ms: Callable[[], int]
    ) -> None:
        super().__init__(
            config,
            ParquetFormat(schema, config.compression),
            schema=schema,
            folder=folder,
            node=node,
            roll_bytes=config.roll_bytes,
            now_ms=now_ms,
        )


class ParquetFormat:
    """Parquet files of one schema."""

    suffix = ".parquet"

    def __init__(self, schema: dict[str, Any], compression: Compression = Compression.ZSTD) -> None:
        self._schema = arrow_schema(schema)
        self._compression = compression

    def prepare(self, records: Sequence[Record]) -> Any:
        """See FileFormat. One record batch."""
        try:
            columns = [pa.array([record[field.name] for record in records], field.type) for field in self._schema]
            for field, column in zip(self._schema, columns, strict=True):
                if column.null_count and not field.nullable:
                    raise Permanent(f"a record does not fit the schema: {field.name} is missing")
            return pa.record_batch(columns, schema=self._schema)
        except (pa.ArrowException, KeyError, TypeError, ValueError, OverflowError) as error:
            raise Permanent(f"a record does not fit the schema: {error}") from error

    def create(self, path: Path) -> "ArrowFile":
        """See FileFormat."""
        return ArrowFile(path, self._schema)

    def finish(self, partial: Path, target: Path) -> None:
        """See FileFormat. Reads the stream a row group at a time, so memory does not grow with the file."""
        converting = partial.with_name(partial.name + _CONVERTING)
        with (
            pa.OSFile(str(partial), "rb") as source,
            ipc.open_stream(source) as stream,
            pq.ParquetWriter(converting, self._schema, compression=self._compression.value) as writer,
        ):
            self._copy(stream, writer)
        with converting.open("rb") as file:
            os.fsync(file.fileno())
        converting.rename(target)

    def _copy(self, stream: Any, writer: Any) -> None:
        waiting: list[Any] = []
        rows = 0
        for batch in stream:
            waiting.append(batch)
            rows += batch.num_rows
            if rows >= _ROW_GROUP:
                writer.write_table(pa.Table.from_batches(waiting, self._schema))
                waiting, rows = [], 0
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting, self._schema))


class ArrowFile:
    """One file in flight: an Arrow stream without its end mark."""

    def __init__(self, path: Path, schema: Any) -> None:
        self._file = path.open("xb")
        self._stream = ipc.new_stream(self._file, schema)
        self._file.flush()

    def append(self, prepared: Any) -> None:
        """See OpenFile."""
        self._stream.write_batch(prepared)

    def sync(self) -> int:
        """See OpenFile."""
        self._file.flush()
        os.fsync(self._file.fileno())
        return self._file.tell()

    def size(self) -> int:
        """See OpenFile."""
        return self._file.tell()

    def close(self) -> None:
        """See OpenFile."""
        # Closing the stream would write its end mark behind the synced length: drop it, and close the file below it.
        self._file.close()
