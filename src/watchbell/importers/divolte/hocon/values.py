"""What a HOCON file says: values with the place where each stands, before and after substitution.

Lines count from 1. Texts are kept as written: `10 s` is a text, and whether `8290` is a number, the reader says.
"""

from typing import NamedTuple, TypeAlias

import msgspec

from watchbell.domain.errors import Permanent


class Place(NamedTuple):
    """Where something stands: the file as it was named, and the line."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


class InvalidHocon(Permanent):
    """The text is not HOCON, or asks for what is refused; `place` says where, `reason` says why."""

    def __init__(self, place: Place, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class Scalar(msgspec.Struct, frozen=True, kw_only=True):
    """A text, number, truth value or null, as written; `variable` names the environment variable that it came from."""

    text: str
    quoted: bool = False
    place: Place
    variable: str = ""

    @property
    def is_null(self) -> bool:
        """Whether it is the word `null`."""
        return self.text == "null" and not self.quoted


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A list of resolved values."""

    items: tuple["Value", ...]
    place: Place


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """An object: resolved values by name, in the order in which the names first appear."""

    fields: dict[str, "Value"]
    place: Place


Value: TypeAlias = Scalar | Listing | Table


class Reference(msgspec.Struct, frozen=True, kw_only=True):
    """`${path}` or `${?path}`; in an included file the path is first looked for below `prefix`."""

    path: tuple[str, ...]
    optional: bool
    prefix: tuple[str, ...] = ()
    place: Place


class Joined(msgspec.Struct, frozen=True, kw_only=True):
    """Pieces side by side: texts are joined, lists appended, objects merged."""

    parts: tuple["Node", ...]
    place: Place


class Sequence(msgspec.Struct, frozen=True, kw_only=True):
    """A list as written."""

    items: tuple["Node", ...]
    place: Place


class Block(msgspec.Struct, frozen=True, kw_only=True):
    """An object as written: for each name everything that is assigned to it, the oldest first."""

    fields: dict[str, list["Node"]]
    place: Place


Node: TypeAlias = Scalar | Reference | Joined | Sequence | Block
