"""A system that people move from: its files, read as settings and objects of ours."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import msgspec


class Remark(msgspec.Struct, frozen=True, kw_only=True):
    """Something of the other system that is not the same here: where it stands, what it says, and what became of it.

    `line` counts from 1. `lost` tells that something which had an effect has none now.
    """

    file: str
    line: int
    what: str
    """The setting's path, or the text of the script."""
    reason: str
    lost: bool = False


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an importer made of a file."""

    settings: dict[str, Any] = {}
    """A part of `watchbell.toml`: section → setting → value, JSON-compatible."""
    objects: list[dict[str, Any]] = []
    """Objects for `plan` and `apply`, each with its `kind` and `name`."""
    remarks: list[Remark] = []
    """In the order of files and lines."""
    secret: bool = False
    """Whether the settings hold a password or a key."""

    @property
    def lost(self) -> list[Remark]:
        """What was left out though it had an effect."""
        return [remark for remark in self.remarks if remark.lost]


class Importer(Protocol):
    """Reads one system's configuration. It reads files and nothing else, and never executes what they hold."""

    def read(self, file: Path, environment: Mapping[str, str]) -> Imported:
        """Everything that the file says, converted; what could not be is in the remarks, nothing is dropped silently.

        `environment` answers for variables that the file names. Files that it names are read only from its own folder
        or below it.

        Raises:
            Faulty: the other system would refuse the file, too; every fault with file, line and path.
            Permanent: the file cannot be read at all.
        """
        ...
