"""HOCON, the language of Divolte's configuration: objects, lists, texts, includes and substitutions.

Included files must lie in the folder of the first one or below it; addresses and class paths are refused. No Python
library is used: those that exist keep no lines, fetch addresses, and read the environment by themselves.
"""

from collections.abc import Mapping
from pathlib import Path

from watchbell.importers.divolte.hocon.parser import MAX_CHARACTERS, Parser
from watchbell.importers.divolte.hocon.resolve import Resolver
from watchbell.importers.divolte.hocon.values import Block, InvalidHocon, Listing, Place, Scalar, Table, Value

__all__ = ["InvalidHocon", "Listing", "Place", "Scalar", "Table", "Value", "load", "read_text"]

MAX_FILES = 64
MAX_INCLUDES_DEEP = 8


def load(file: Path, environment: Mapping[str, str]) -> Table:
    """Everything that the file and what it includes say.

    Raises:
        InvalidHocon: the file cannot be read, is no HOCON, or includes what is refused; with file and line.
    """
    return Resolver(_Files(file.parent).read(file, (), 0), environment).resolve()


def read_text(file: Path, place: Place, *, limit: int = MAX_CHARACTERS) -> str:
    """The text of a regular file of at most `limit` bytes; raises `InvalidHocon` at `place`."""
    try:
        if not file.is_file():
            raise InvalidHocon(place, f"{file.name}: no such file")
        with file.open("rb") as opened:
            content = opened.read(limit + 1)
    except (OSError, ValueError) as error:
        raise InvalidHocon(place, f"{file.name} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > limit:
        raise InvalidHocon(place, f"{file.name} is larger than {limit} bytes")
    try:
        return content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise InvalidHocon(place, f"{file.name} is not UTF-8 text") from None


class _Files:
    """Reads a file and what it includes; nothing from outside `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._inside = folder.resolve()
        self._count = 0

    def read(self, file: Path, path: tuple[str, ...], depth: int) -> Block:
        self._count += 1
        start = Place(str(file), 1)
        if self._count > MAX_FILES or depth > MAX_INCLUDES_DEEP:
            raise InvalidHocon(start, f"more than {MAX_FILES} files, or includes more than {MAX_INCLUDES_DEEP} deep")

        def include(name: str, required: bool, below: tuple[str, ...], place: Place) -> Block | None:  # noqa: FBT001 - as the parser calls it
            found = self._find(file.parent, name, place)
            if found is None:
                if required:
                    raise InvalidHocon(place, f"the included file {name!r} does not exist")
                return None
            return self.read(found, below, depth + 1)

        return Parser(read_text(file, start), str(file), include, path).parse()

    def _find(self, beside: Path, name: str, place: Place) -> Path | None:
        if "://" in name:
            raise InvalidHocon(place, f"including {name!r} is refused; only files of this folder are read")
        if name.endswith(".properties"):
            raise InvalidHocon(
                place, f"{name!r}: .properties files are not read; write its settings into the .conf file"
            )
        candidates = [name] if name.endswith((".conf", ".json")) else [f"{name}.conf", f"{name}.json", name]
        for candidate in candidates:
            try:
                found = (beside / candidate).resolve()
                inside = found.is_relative_to(self._inside)
                there = found.is_file()
            except (OSError, ValueError, RuntimeError):
                raise InvalidHocon(place, f"{name!r} is no file name") from None
            if not inside:
                raise InvalidHocon(place, f"including {name!r} is refused: it lies outside {self._folder}")
            if there:
                return found
        return None
