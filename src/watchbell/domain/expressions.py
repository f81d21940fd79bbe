"""Expressions of users in CEL: compiled once, bounded, without side effects.

The engine (`common-expression-language`, Rust) has no loops but comprehensions; of those an expression may hold one,
so the work is bounded by the length of the expression times the size of what it reads. Regular expressions run in RE2.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from watchbell.domain.errors import Invalid
from watchbell.domain.pattern import Pattern

if TYPE_CHECKING:
    import cel

LONGEST = 2000
"""Characters of an expression."""
PATTERNS_KEPT = 1000

_FAULTS = (ArithmeticError, LookupError, RuntimeError, TypeError, ValueError)
_TEXT = re.compile(r'"(?:[^"\\\n]|\\.)*"' + r"|'(?:[^'\\\n]|\\.)*'")
_COMPREHENSION = re.compile(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter)\s*\(")
_MATCHES = re.compile(r"""matches\s*\(\s*(r?)("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')\s*\)""")
_FUNCTIONS = frozenset(
    {
        *("size", "startsWith", "endsWith", "contains", "matches", "has", "int", "uint", "double", "string", "bool"),
        *("timestamp", "duration", "dyn", "type", "bytes"),
        *("getFullYear", "getMonth", "getDayOfMonth", "getDayOfWeek", "getHours", "getMinutes", "getSeconds"),
        *("getDate", "getDayOfYear", "getMilliseconds"),
    }
)


@cache
def _engine() -> Any:
    """Loaded with the first expression: most commands have none, and it brings much with it."""
    import cel  # noqa: PLC0415

    return cel


def without_texts(source: str) -> str:
    """The source with every text in it empty: what is left is operators and names."""
    return _TEXT.sub('""', source)


class Program:
    """A compiled expression that reads some of `readable`, which are fields of `thing`.

    `functions` are those of the context that it may call besides CEL's own.
    """

    def __init__(
        self, source: str, field: str, readable: frozenset[str], thing: str, functions: frozenset[str] = frozenset()
    ) -> None:
        """Compile.

        Raises:
            Invalid: with `field` and the reason.
        """
        self._program = _compiled(source, field)
        self.names: frozenset[str] = _names(self._program, source, field, functions)
        """The fields that are read."""
        for name in sorted(self.names - readable):
            raise Invalid(f"{name!r} is not a field of {thing}; there are {', '.join(sorted(readable))}", field)

    def value(self, context: "Callable[[], cel.Context]") -> Any:
        """What it yields; None when it fails: a field that is not there, a text compared with a number."""
        try:
            return self._program.execute(context())
        except _FAULTS:
            return None


class Contexts:
    """Makes what expressions read from; keeps the regular expressions that they were asked for."""

    def __init__(self, functions: Mapping[str, Callable[..., Any]] | None = None) -> None:
        self._functions = {"matches": self._matches, **(functions or {})}
        self._patterns: dict[str, Pattern] = {}

    def of(self, variables: dict[str, Any]) -> "cel.Context":
        """A context with these variables."""
        made: cel.Context = _engine().Context(variables=variables)
        for name, function in self._functions.items():
            made.add_function(name, function)
        return made

    def _matches(self, text: Any, pattern: Any) -> bool:
        if not isinstance(text, str) or not isinstance(pattern, str):
            return False
        found = self._patterns.get(pattern)
        if found is None:
            try:
                found = Pattern(pattern)
            except Invalid:
                return False
            if len(self._patterns) < PATTERNS_KEPT:
                self._patterns[pattern] = found
        try:
            return found.found_in(text)
        except UnicodeEncodeError:
            return False


def _compiled(source: str, field: str) -> Any:
    if len(source) > LONGEST:
        raise Invalid(f"must have at most {LONGEST} characters, not {len(source)}", field)
    if len(_COMPREHENSION.findall(without_texts(source))) > 1:
        raise Invalid("may hold one of all, exists, exists_one, map and filter", field)
    for raw, literal in _MATCHES.findall(source):
        text = literal[1:-1] if raw else literal[1:-1].replace("\\\\", "\\")
        try:
            Pattern(text)
        except Invalid as error:
            raise Invalid(f"the pattern {text!r}: {error.reason}", field) from error
    try:
        return _engine().compile(source)
    except _FAULTS as error:
        raise Invalid(f"is not CEL: {_first_fault(str(error))}", field) from error


def _names(program: Any, source: str, field: str, functions: frozenset[str]) -> frozenset[str]:
    allowed = _FUNCTIONS | functions
    unknown = [name for name in program.functions() if name not in allowed and not re.fullmatch(r"[@!_].*|.*_", name)]
    if unknown:
        raise Invalid(f"there is no function {unknown[0]!r}", field)
    bound = set(re.findall(r"\.\s*(?:all|exists|exists_one|existsOne|map|filter)\s*\(\s*([A-Za-z_]\w*)\s*,", source))
    return frozenset(cast("list[str]", program.variables())) - bound


def _first_fault(text: str) -> str:
    _, _, fault = text.partition("ERROR: <input>:")
    return (fault or text).split("\n")[0][:200]
