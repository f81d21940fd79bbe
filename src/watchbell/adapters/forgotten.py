"""Parties that are to be forgotten, and until when: a file that commands write and the collector looks at.

What such a party did before that moment is not mapped any more, wherever the journal still has it.
"""

from pathlib import Path

import msgspec

from watchbell.toolkit.kept import replace_file


class ForgottenFile:
    """Party → the moment (milliseconds since 1970) up to which its events are left out."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp: tuple[int, int] | None = None
        self.parties: dict[str, int] = {}
        """The same dictionary all the time."""

    def look(self) -> bool:
        """Reads the file when it changed; whether it did. A file that cannot be read changes nothing."""
        try:
            stat = self._path.stat()
            stamp = stat.st_mtime_ns, stat.st_ino
            if stamp == self._stamp:
                return False
            found = msgspec.json.decode(self._path.read_bytes(), type=dict[str, int])
        except (OSError, msgspec.DecodeError):
            return False
        self._stamp = stamp
        self.parties.update(found)
        return True

    def add(self, parties: list[str], until_ms: int) -> None:
        """Writes these parties, too.

        Raises:
            OSError: the disk failed.
        """
        self.look()
        self.parties.update(dict.fromkeys(parties, until_ms))
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replace_file(self._path, msgspec.json.encode(self.parties))
