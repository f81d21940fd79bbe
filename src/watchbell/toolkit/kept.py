"""Small facts that are kept over restarts: one file, always replaced whole, and synced where its loss would matter.

Raises OSError when the disk does not take it; the file then holds what it held before.
"""

import os
from pathlib import Path
from typing import TypeVar

import msgspec

S = TypeVar("S", bound=msgspec.Struct)

PARTIAL = ".partial"


def sync_folder(folder: Path) -> None:
    """Makes renames in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def load(path: Path, cls: type[S]) -> S | None:
    """What `save` has written; None when there is nothing.

    Raises:
        msgspec.DecodeError: the file was written by something else.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=cls)
    except FileNotFoundError:
        return None


def save(path: Path, facts: msgspec.Struct) -> None:
    """Replaces the file, durably."""
    replace_file(path, msgspec.json.encode(facts), synced=True)
    sync_folder(path.parent)


def replace_file(path: Path, content: bytes, *, synced: bool = False, mode: int = 0o666) -> None:
    """Puts a file in the place of another, or of none: whoever reads it finds the one or the other, never a part.

    `synced`: what it holds is on the disk itself before it takes the place. `mode`: who may read it, less the umask.
    """
    partial = path.with_name(path.name + PARTIAL)
    with open(partial, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
        file.write(content)
        if synced:
            file.flush()
            os.fsync(file.fileno())
    partial.replace(path)
