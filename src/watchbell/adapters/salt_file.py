"""The salts of today and of the day before, in a file that all processes of a collector share.

A salt is made by chance on its day and destroyed when it is no more needed: then nobody can tell whose hash was whose.
The day before is kept for events that were received just before midnight; the next day destroys it.
"""

import base64
import fcntl
import os
import secrets
from pathlib import Path

import msgspec

from watchbell.toolkit.kept import replace_file, sync_folder


class SaltFile:
    """Salts by day (days since 1970, UTC). The file is readable by its owner only."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: dict[int, bytes] = {}

    def of(self, day: int) -> bytes:
        """The salt of a day.

        Raises:
            OSError: the file cannot be read or written.
        """
        known = self._known.get(day)
        return known if known is not None else self._take(day)

    def _take(self, day: int) -> bytes:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # The lock is a file of its own: the other one is replaced while it is held.
        descriptor = os.open(self._path.with_name(f"{self._path.name}.lock"), os.O_CREAT | os.O_RDWR, 0o600)
        with os.fdopen(descriptor, "r+b") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self._read()
            if day not in kept:
                kept[day] = base64.b64encode(secrets.token_bytes(32)).decode()
                kept = dict(sorted(kept.items())[-2:])
                replace_file(self._path, msgspec.json.encode(kept), synced=True, mode=0o600)
                sync_folder(self._path.parent)
        self._known = {each: base64.b64decode(salt) for each, salt in kept.items()}
        # An event of a day whose salt is gone: its hash is of today's chance, and nobody's.
        return self._known.setdefault(day, secrets.token_bytes(32))

    def _read(self) -> dict[int, str]:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[int, str])
        except (FileNotFoundError, msgspec.DecodeError):
            return {}
