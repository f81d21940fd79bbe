"""What the parts of the conversion share: remarks gathered on the way, and names that fit ours."""

import re
from typing import Any, Final

from watchbell.importers.divolte.hocon import Place
from watchbell.importers.divolte.reading import Part
from watchbell.ports.importer import Remark

_NAME: Final = re.compile(r"[^A-Za-z0-9_-]")


class Remarks:
    """Remarks on one configuration, in the order of its lines."""

    def __init__(self) -> None:
        self._found: list[Remark] = []

    def add(self, place: Place, what: str, reason: str, *, lost: bool = False) -> None:
        """Note what is not the same here; `lost`: something that had an effect has none now."""
        self._found.append(Remark(file=place.file, line=place.line, what=what, reason=reason, lost=lost))

    def of(self, part: Part, path: str, key: str, reason: str, *, lost: bool = False) -> None:
        """The same for a setting, when the file gives it."""
        given = part.given.get(key)
        if given is not None:
            self.add(given.place, f"{path}.{key}", reason, lost=lost)

    def sorted(self) -> list[Remark]:
        """All of them."""
        return sorted(dict.fromkeys(self._found), key=lambda remark: (remark.file, remark.line))


class Taking:
    """Takes settings of one part into a table of ours, and remarks what came from the environment."""

    def __init__(self, part: Part, path: str, remarks: Remarks) -> None:
        self.table: dict[str, Any] = {}
        self._part = part
        self._path = path
        self._remarks = remarks

    def take(self, key: str, ours: str) -> None:
        """Copy a setting as it is."""
        given = self._part.given.get(key)
        if given is not None:
            self.table[ours] = given.value
            self.outside(key)

    def seconds(self, key: str, ours: str) -> None:
        """Copy a duration: Divolte's are milliseconds here, ours are seconds."""
        given = self._part.given.get(key)
        if given is not None:
            self.table[ours] = in_seconds(given.value)
            self.outside(key)

    def outside(self, key: str) -> None:
        """Remark a value that an environment variable gave: it is written down as it was during the import."""
        given = self._part.given.get(key)
        if given is not None and given.variable:
            reason = f"taken from ${given.variable} as it was during the import"
            self._remarks.add(given.place, f"{self._path}.{key}", reason)


def in_seconds(milliseconds: float) -> int | float:
    """Seconds, a whole number where it is one."""
    seconds = milliseconds / 1000
    return int(seconds) if seconds == int(seconds) else seconds


def our_name(name: str) -> str:
    """A name of a source or a sink with the letters that ours have."""
    return _NAME.sub("_", name)[:64] or "_"
