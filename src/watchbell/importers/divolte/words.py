"""The words that stand at the beginning of a phrase in Divolte's mapping language, such as `map`, `parse`, `cookie`."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

from watchbell.importers.divolte.groovy import Call, Name
from watchbell.importers.divolte.terms import (
    ALGORITHMS,
    PARSED,
    VALUES,
    Term,
    Unconvertible,
    as_condition,
    as_text,
    as_value,
)

STRICT: Final = {"strict": True}
"""Divolte reads URIs as `java.net.URI` does; the same records need the same strictness."""


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """A phrase that is not complete: `map x` waits for `onto`."""

    verb: str
    words: frozenset[str]
    value: Any

    @property
    def rest(self) -> str:
        """How it must go on."""
        return " or ".join(f"`{word}`" for word in sorted(self.words))

    def parsed(self, node: Call) -> Term:
        """`parse x to T`; T is a word, no variable."""
        match node.arguments:
            case (Name(name="uri"),):
                return Term(data={"of": self.value, **STRICT}, family="uri")
            case (Name(name=kind),) if kind in PARSED:
                return Term(data={"parse": kind, "of": self.value}, family="boolean" if kind == "bool" else "value")
            case _:
                raise Unconvertible(node.line, f"known types are uri, {', '.join(sorted(PARSED))}")


Word = Callable[[list[Any], int], Any]


def _simple(name: str) -> Word:
    def word(arguments: list[Any], line: int) -> Term:
        if arguments:
            raise Unconvertible(line, f"`{name}()` takes no arguments")
        return Term(data={"value": VALUES[name].name}, family=VALUES[name].family)

    return word


def _only(arguments: list[Any], line: int, verb: str) -> Any:
    if len(arguments) != 1:
        raise Unconvertible(line, f"`{verb}` takes one value")
    return arguments[0]


def _map(arguments: list[Any], line: int) -> Pending:
    value = as_value(_only(arguments, line, "map"), line)
    return Pending(verb="map", words=frozenset({"onto"}), value=value)


def _when(arguments: list[Any], line: int) -> Pending:
    condition = as_condition(_only(arguments, line, "when"), line)
    return Pending(
        verb="when", words=frozenset({"apply", "stop", "exit"}), value=Term(data=condition, family="boolean")
    )


def _parse(arguments: list[Any], line: int) -> Pending:
    value = as_value(_only(arguments, line, "parse"), line)
    return Pending(verb="parse", words=frozenset({"to"}), value=value)


def _match(arguments: list[Any], line: int) -> Pending:
    pattern = as_text(arguments, line, "a regular expression")
    return Pending(verb="match", words=frozenset({"against"}), value=pattern)


def _not(arguments: list[Any], line: int) -> Term:
    return Term(data={"not": as_condition(_only(arguments, line, "not"), line)}, family="boolean")


def _cookie(arguments: list[Any], line: int) -> Term:
    return Term(data={"cookie": as_text(arguments, line, "the name of a cookie")})


def _header(arguments: list[Any], line: int) -> Term:
    return Term(data={"header": as_text(arguments, line, "the name of a header")}, family="header")


def _event_parameter(arguments: list[Any], line: int) -> Term:
    return Term(data={"parameter": as_text(arguments, line, "the name of an event parameter"), "empty": True})


def _user_agent(arguments: list[Any], line: int) -> Term:
    if arguments:
        raise Unconvertible(line, "`userAgent()` takes no arguments")
    return Term(data={}, family="agent")


def _place(arguments: list[Any], line: int) -> Term:
    if not arguments:
        return Term(data={}, family="place")
    return Term(data={"of": as_value(_only(arguments, line, "ip2geo"), line)}, family="place")


def _digest(arguments: list[Any], line: int) -> Term:
    if not 1 <= len(arguments) <= 2 or not all(isinstance(argument, str) for argument in arguments):
        raise Unconvertible(line, "`digest` takes the name of an algorithm and perhaps a seed")
    algorithm = arguments[0].lower()
    if algorithm not in ALGORITHMS:
        raise Unconvertible(
            line, f"the algorithm {arguments[0]!r} is not known; known are {', '.join(sorted(ALGORITHMS))}"
        )
    # The key as Divolte derives it, which is shorter than it should be: the same values need the same key.
    seeded = {"seed": arguments[1], "key": "divolte"} if len(arguments) == 2 else {}
    return Term(data={"digest": algorithm, "pieces": [], **seeded}, family="digest")


WORDS: Final[Mapping[str, Word]] = MappingProxyType(
    {
        **{name: _simple(name) for name in VALUES},
        "map": _map,
        "when": _when,
        "parse": _parse,
        "match": _match,
        "not": _not,
        "cookie": _cookie,
        "header": _header,
        "eventParameter": _event_parameter,
        "userAgent": _user_agent,
        "ip2geo": _place,
        "digest": _digest,
    }
)
