"""The syntax tree of a mapping script: what is said, with the line of each part. Nothing here is ever executed."""

from typing import TypeAlias

import msgspec

from watchbell.domain.errors import Permanent


class InvalidGroovy(Permanent):
    """The text cannot be read from here on; `line` counts from 1."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"line {line}: {reason}")
        self.line = line
        self.reason = reason


class Literal(msgspec.Struct, frozen=True, kw_only=True):
    """A text, number, truth value or `null`."""

    value: str | int | float | bool | None
    line: int


class Template(msgspec.Struct, frozen=True, kw_only=True):
    """A text in double quotes with expressions in it."""

    parts: tuple["Expression", ...]
    line: int


class Name(msgspec.Struct, frozen=True, kw_only=True):
    """A variable, or the word before a block or an argument."""

    name: str
    line: int


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """`name(arguments)`, or `target.name(arguments)`, however it was written."""

    target: "Expression | None"
    name: str
    arguments: tuple["Expression", ...]
    line: int


class Property(msgspec.Struct, frozen=True, kw_only=True):
    """`target.name` without arguments."""

    target: "Expression"
    name: str
    line: int


class ListOf(msgspec.Struct, frozen=True, kw_only=True):
    """`[a, b]`."""

    items: tuple["Expression", ...]
    line: int


class Closure(msgspec.Struct, frozen=True, kw_only=True):
    """`{ a, b -> statements }`; without parameters `it` is the argument."""

    parameters: tuple[str, ...]
    body: tuple["Statement", ...]
    line: int


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """An operator, as in `!a`, `-a`, `a + b`."""

    operator: str
    operands: tuple["Expression", ...]
    line: int


Expression: TypeAlias = Literal | Template | Name | Call | Property | ListOf | Closure | Operation


class Let(msgspec.Struct, frozen=True, kw_only=True):
    """`def name = value`, or `name = value` (`new` is false) for a variable that there is."""

    name: str
    value: Expression
    new: bool
    line: int
    last: int = 0
    """The last line of the statement."""


class Do(msgspec.Struct, frozen=True, kw_only=True):
    """An expression that stands as a statement; the last one of a closure is its value."""

    value: Expression
    line: int
    last: int = 0
    """The last line of the statement."""


class Unreadable(msgspec.Struct, frozen=True, kw_only=True):
    """A statement outside the subset that is read; its lines are skipped, and reported."""

    text: str
    reason: str
    line: int
    last: int


Statement: TypeAlias = Let | Do | Unreadable
