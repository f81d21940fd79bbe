"""Avro container files: one schema per folder, blocks that are closed at each sync, published by rename.

A record that does not fit the schema is refused whole (Permanent); a failing disk is reported (Retryable) and nothing
of the file is lost up to the last sync.
"""

import os
import secrets
import zlib
from collections.abc import Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar

import cramjam
import msgspec

from watchbell.domain.errors import Permanent
from watchbell.toolkit.avro import DOES_NOT_FIT, encode_bytes, encode_long, record_encoder
from watchbell.toolkit.rolling import Record, RollingConfig, RollingFiles
from watchbell.toolkit.settings import Settings

MAGIC = b"Obj\x01"
_BLOCK_BYTES = 1 << 18
_cramjam: Any = cramjam


class Codec(StrEnum):
    """How blocks are compressed."""

    NULL = "null"
    DEFLATE = "deflate"
    SNAPPY = "snappy"
    ZSTANDARD = "zstandard"


class AvroFilesConfig(RollingConfig, frozen=True, kw_only=True):
    """Settings of a sink that writes Avro files."""

    roll_bytes: int = 256 * 1024 * 1024
    """Publish a file when it has grown to about so many bytes."""
    codec: Codec = Codec.NULL
    """Compression of the blocks: `null` (none), `deflate`, `snappy` or `zstandard`."""


class AvroFiles(RollingFiles):
    """The sink of kind `avro_files`."""

    name: ClassVar[str] = "avro_files"
    title: ClassVar[str] = "Avro files"
    Config: ClassVar[type[Settings]] = AvroFilesConfig

    def __init__(
        self, config: AvroFilesConfig, *, schema: dict[str, Any], folder: Path, node: str, now_ms: Callable[[], int]
    ) -> None:
        super().__init__(
            config,
            AvroFormat(schema, config.codec),
            schema=schema,
            folder=folder,
            node=node,
            roll_bytes=config.roll_bytes,
            now_ms=now_ms,
        )


class AvroFormat:
    """Avro container files of one schema."""

    suffix = ".avro"

    def __init__(self, schema: dict[str, Any], codec: Codec = Codec.NULL) -> None:
        self._schema_json = msgspec.json.encode(schema)
        self._encode = record_encoder(schema)
        self._codec = codec

    def prepare(self, records: Sequence[Record]) -> list[bytes]:
        """See FileFormat."""
        encode = self._encode
        try:
            return [encode(record) for record in records]
        except DOES_NOT_FIT as error:
            raise Permanent(f"a record does not fit the schema: {error}") from error

    def create(self, path: Path) -> "AvroFile":
        """See FileFormat."""
        return AvroFile(path, self._schema_json, self._codec)

    def finish(self, partial: Path, target: Path) -> None:
        """See FileFormat. What was synced is a whole Avro file already."""
        partial.rename(target)


class AvroFile:
    """One Avro file in flight."""

    def __init__(self, path: Path, schema_json: bytes, codec: Codec) -> None:
        self._codec = codec
        self._marker = secrets.token_bytes(16)
        self._block: list[bytes] = []
        self._block_bytes = 0
        self._file = path.open("xb", buffering=0)
        header = MAGIC + encode_long(2)
        for key, value in ((b"avro.codec", codec.value.encode()), (b"avro.schema", schema_json)):
            header += encode_bytes(key) + encode_bytes(value)
        self._length = 0
        self._append(header + encode_long(0) + self._marker)

    def append(self, prepared: Sequence[bytes]) -> None:
        """See OpenFile."""
        self._block.extend(prepared)
        self._block_bytes += sum(map(len, prepared))
        if self._block_bytes >= _BLOCK_BYTES:
            self._end_block()

    def _end_block(self) -> None:
        if self._block:
            data = _compressed(b"".join(self._block), self._codec)
            self._append(encode_long(len(self._block)) + encode_bytes(data) + self._marker)
            self._block, self._block_bytes = [], 0

    def _append(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            written = self._file.write(view)
            view = view[written:]
        self._length += len(data)

    def sync(self) -> int:
        """See OpenFile."""
        self._end_block()
        os.fsync(self._file.fileno())
        return self._length

    def size(self) -> int:
        """See OpenFile."""
        return self._length + self._block_bytes

    def close(self) -> None:
        """See OpenFile."""
        self._file.close()


def _compressed(data: bytes, codec: Codec) -> bytes:
    """A block as the codec of that name has it in the Avro specification."""
    match codec:
        case Codec.DEFLATE:
            return zlib.compress(data, wbits=-15)
        case Codec.SNAPPY:
            return bytes(_cramjam.snappy.compress_raw(data)) + zlib.crc32(data).to_bytes(4, "big")
        case Codec.ZSTANDARD:
            return bytes(_cramjam.zstd.compress(data))
        case Codec.NULL:
            return data
