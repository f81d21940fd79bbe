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

import msgspec

from watchbell.domain.errors import Permanent
from watchbell.toolkit.avro import DOES_NOT_FIT, Encode, encode_bytes, encode_long, record_encoder
from watchbell.toolkit.rolling import Record, RollingFiles
from watchbell.toolkit.settings import Settings

MAGIC = b"Obj\x01"
_BLOCK_BYTES = 1 << 18


class Codec(StrEnum):
    """How blocks are compressed."""

    NULL = "null"
    DEFLATE = "deflate"


class AvroFilesConfig(Settings, frozen=True, kw_only=True):
    """Settings of a sink that writes Avro files."""

    folder: str = ""
    """Folder for the files; created when it is not there. Empty: `events` in the data directory."""
    roll_every_s: float = 3600
    """Publish a file at the latest so many seconds after its first record."""
    roll_bytes: int = 256 * 1024 * 1024
    """Publish a file when it has grown to about so many bytes."""
    codec: Codec = Codec.NULL
    """Compression of the blocks: `null` (none) or `deflate`."""


class AvroFiles(RollingFiles):
    """The sink of kind `avro_files`."""

    name: ClassVar[str] = "avro_files"
    title: ClassVar[str] = "Avro files"
    Config: ClassVar[type[Settings]] = AvroFilesConfig

    def __init__(
        self, config: AvroFilesConfig, *, schema: dict[str, Any], folder: Path, node: str, now_ms: Callable[[], int]
    ) -> None:
        super().__init__(
            Path(config.folder) if config.folder else folder,
            AvroFormat(schema, config.codec),
            node=node,
            roll_every_s=config.roll_every_s,
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

    def create(self, path: Path) -> "AvroFile":
        """See FileFormat."""
        return AvroFile(path, self._encode, self._schema_json, self._codec)

    def finish(self, partial: Path, target: Path) -> None:
        """See FileFormat. What was synced is a whole Avro file already."""
        partial.rename(target)


class AvroFile:
    """One Avro file in flight."""

    def __init__(self, path: Path, encode: Encode, schema_json: bytes, codec: Codec) -> None:
        self._encode = encode
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

    def write(self, records: Sequence[Record]) -> None:
        """See OpenFile."""
        encode = self._encode
        try:
            encoded = [encode(record) for record in records]
        except DOES_NOT_FIT as error:
            raise Permanent(f"a record does not fit the schema: {error}") from error
        self._block.extend(encoded)
        self._block_bytes += sum(map(len, encoded))
        if self._block_bytes >= _BLOCK_BYTES:
            self._end_block()

    def _end_block(self) -> None:
        if self._block:
            data = b"".join(self._block)
            if self._codec is Codec.DEFLATE:
                data = zlib.compress(data, wbits=-15)
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
