"""`alertad.conf` as the plain assignments that it is: a file in Python's syntax, parsed and never executed.

A value is a constant, a list, a tuple, a set, a dictionary (also `dict(a=1)`), a sum or a product of such, a name that
was assigned before, a pattern (`re.compile("…")`), or a variable of the environment (`os.environ["…"]`,
`os.environ.get("…", otherwise)`, `os.getenv("…")`). Anything else is remarked with its line.
"""

import ast
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from watchbell.domain.errors import Permanent

LARGEST = 1_000_000  # bytes
_ENVIRONMENT = frozenset({"os.environ.get", "os.getenv", "environ.get", "getenv"})


class Given(NamedTuple):
    """A value, and the line that gives it; 0 is the environment."""

    value: Any
    line: int


class Pattern(NamedTuple):
    """A regular expression."""

    text: str


class Unread(NamedTuple):
    """A statement that is no plain assignment."""

    line: int
    text: str


class _Computed(Exception):
    """A value that cannot be had without executing something."""


def read_assignments(file: Path, environment: Mapping[str, str]) -> tuple[dict[str, Given], list[Unread]]:
    """Names with their last values, and what could not be read.

    Raises:
        Permanent: the file cannot be read at all.
    """
    try:
        text = file.read_bytes()
    except OSError as error:
        raise Permanent(f"{file}: cannot be read: {error.strerror}") from None
    if len(text) > LARGEST:
        raise Permanent(f"{file}: is larger than {LARGEST} bytes, which no alertad.conf is")
    try:
        tree = ast.parse(text, filename=str(file))
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f"{error.lineno}: " if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise Permanent(f"{file}:{line or ' '}is not Python's syntax: {reason}") from None
    found: dict[str, Given] = {}
    unread: list[Unread] = []
    for statement in tree.body:
        _take(statement, found, unread, environment)
    return found, unread


def _take(statement: ast.stmt, found: dict[str, Given], unread: list[Unread], environment: Mapping[str, str]) -> None:
    if isinstance(statement, ast.Import | ast.ImportFrom | ast.Pass):
        return
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return  # a comment written as a text
    names = list(_targets(statement))
    assigned: ast.expr | None = getattr(statement, "value", None)
    if names and assigned is not None:
        try:
            read = _value(assigned, {name: given.value for name, given in found.items()}, environment)
        except (_Computed, ArithmeticError, TypeError, RecursionError):
            pass
        else:
            found.update(dict.fromkeys(names, Given(read, statement.lineno)))
            return
    # What it says may be a secret: only what it is called is told.
    what = ", ".join(names) or f"{type(statement).__name__.lower()} …"
    unread.append(Unread(statement.lineno, what))
    for name in names:
        found.pop(name, None)


def _targets(statement: ast.stmt) -> Iterator[str]:
    if isinstance(statement, ast.Assign) and all(isinstance(target, ast.Name) for target in statement.targets):
        yield from (target.id for target in statement.targets if isinstance(target, ast.Name))
    elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        yield statement.target.id


def _value(node: ast.expr, names: Mapping[str, Any], environment: Mapping[str, str]) -> Any:
    def value(inner: ast.expr) -> Any:
        return _value(inner, names, environment)

    found: Any
    match node:
        case ast.Constant(value=constant) if not isinstance(constant, bytes | complex):
            found = constant
        case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
            found = [value(item) for item in items]
        case ast.Dict(keys=keys, values=values) if None not in keys:
            found = {str(value(key)): value(each) for key, each in zip(keys, values, strict=True) if key is not None}
        case ast.Name(id=name) if name in names:
            found = names[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            found = -_number(value(operand))
        case ast.BinOp(left=left, op=op, right=right):
            found = _combined(value(left), op, value(right))
        case ast.Subscript(value=place, slice=ast.Constant(value=str(name))) if ast.unparse(place) in _PLACES:
            found = environment.get(name, "")
        case ast.Call():
            found = _called(node, value, environment)
        case _:
            raise _Computed
    return found


_PLACES = frozenset({"os.environ", "environ"})


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _Computed
    return value


def _combined(left: Any, op: ast.operator, right: Any) -> Any:
    """Numbers by the four operations; texts and lists one after the other."""
    if isinstance(op, ast.Add) and type(left) is type(right) and isinstance(left, str | list):
        return left + right
    one, other = _number(left), _number(right)
    match op:
        case ast.Add():
            return one + other
        case ast.Sub():
            return one - other
        case ast.Mult():
            return one * other
        case ast.Div():
            return one / other
        case _:
            raise _Computed


def _called(node: ast.Call, value: Callable[[ast.expr], Any], environment: Mapping[str, str]) -> Any:
    name = ast.unparse(node.func)
    if name == "dict" and not node.args and all(word.arg for word in node.keywords):
        return {str(word.arg): value(word.value) for word in node.keywords}
    arguments = [value(argument) for argument in node.args]
    if name in {"re.compile", "compile"} and arguments and isinstance(arguments[0], str):
        return Pattern(arguments[0])
    if name in _ENVIRONMENT and arguments and isinstance(arguments[0], str):
        return environment.get(arguments[0], arguments[1] if len(arguments) > 1 else None)
    raise _Computed
