"""Settings of plug-ins and of the product: one model that validates, draws the form and writes the reference page.

A settings class is a frozen struct whose fields each carry a docstring. `read` checks data against it and reports
every problem at once;
`fields_of` tells a form or a page what there is.
"""

import ast
import difflib
import inspect
import itertools
import re
import textwrap
from functools import cache
from typing import Any, TypeVar, cast, get_args, get_type_hints

import msgspec

from watchbell.domain.errors import Invalid

MINIMUM_SECRET = 32
"""Characters that a secret has at least with which something is signed or sealed."""


class Secret:
    """A text that prints as dots. `reveal()` is the only way to it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The text itself."""
        return self._value

    def __repr__(self) -> str:
        return "Secret('••••')"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        return hash(self._value)

    def __bool__(self) -> bool:
        return bool(self._value)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every settings class. Give each field a docstring: it is the help text and the reference."""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong with some settings: where, why, and what would be right."""

    field: str
    reason: str
    fix: str = ""


class InvalidSettings(Invalid):
    """Some settings are wrong; `problems` lists all of them."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("; ".join(f"{p.field}: {p.reason}" for p in problems))
        self.problems = problems


class FieldDoc(msgspec.Struct, frozen=True, kw_only=True):
    """What a form or a page needs to know of one field.

    `schema` is JSON Schema; `default` is absent when the field is required.
    """

    name: str
    doc: str
    required: bool
    secret: bool
    default: Any = None
    schema: dict[str, Any]


_SECRET_NAME = re.compile(r"secret|passw|token|(^|[._-])key$", re.IGNORECASE)

S = TypeVar("S", bound=msgspec.Struct)


def _decode_special(wanted: type, value: Any) -> Any:
    if wanted is Secret and isinstance(value, str):
        return Secret(value)
    raise NotImplementedError(f"expected {wanted.__name__}, got {type(value).__name__}")


def secret_schema(wanted: type) -> dict[str, Any]:
    """How `msgspec` is to describe a secret; for any other type it wants this error."""
    if wanted is Secret:
        return {"type": "string", "format": "password"}
    raise NotImplementedError(wanted)


def _holds_secret(annotation: Any) -> bool:
    return annotation is Secret or any(_holds_secret(arg) for arg in get_args(annotation))


def read(cls: type[S], data: dict[str, Any], *, strict: bool = True, prefix: str = "") -> S:
    """Make `cls` of JSON-compatible data, or raise `InvalidSettings` with every problem.

    `prefix` is put before the field names.

    With `strict=False` texts such as "5" and "true" become numbers and truth values, as environment variables need it.
    """
    problems: list[Problem] = []
    known = {field.encode_name: field for field in msgspec.structs.fields(cls)}
    problems.extend(
        Problem(field=prefix + name, reason="unknown setting", fix=_nearest(name, list(known)))
        for name in data.keys() - known.keys()
    )
    values: dict[str, Any] = {}
    for name, field in known.items():
        if name not in data:
            if field.required:
                problems.append(Problem(field=prefix + name, reason="is required"))
            continue
        try:
            values[field.name] = msgspec.convert(data[name], field.type, strict=strict, dec_hook=_decode_special)
        except (msgspec.ValidationError, NotImplementedError) as error:
            problems.append(Problem(field=prefix + name, reason=str(error)))
    if problems:
        raise InvalidSettings(sorted(problems, key=lambda p: p.field))
    return cls(**values)


def masked(value: Any, name: str = "") -> Any:
    """Tables of settings with dots in the place of texts whose name says that they are secret."""
    if isinstance(value, dict):
        return {key: masked(inner, str(key)) for key, inner in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list):
        return [masked(inner, name) for inner in cast("list[Any]", value)]
    return Secret("") if isinstance(value, str) and value and _SECRET_NAME.search(name) else value


def _nearest(name: str, known: list[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]}?" if close else f"known are: {', '.join(sorted(known))}"


def secret_fields(cls: type[msgspec.Struct]) -> frozenset[str]:
    """Names of the fields that hold secrets: sealed at rest, never shown again."""
    hints = get_type_hints(cls)
    return frozenset(name for name, annotation in hints.items() if _holds_secret(annotation))


@cache
def fields_of(cls: type[msgspec.Struct]) -> tuple[FieldDoc, ...]:
    """Every field of a settings class, in order, with its docstring and JSON Schema."""
    docs = docstrings(cls)
    secrets = secret_fields(cls)
    found: list[FieldDoc] = []
    for field in msgspec.structs.fields(cls):
        default = field.default
        if default is msgspec.NODEFAULT and field.default_factory is not msgspec.NODEFAULT:
            default = field.default_factory()
        schema = msgspec.json.schema(field.type, schema_hook=secret_schema)
        found.append(
            FieldDoc(
                name=field.encode_name,
                doc=docs.get(field.name, ""),
                required=field.required,
                secret=field.name in secrets,
                default=None if field.required or field.name in secrets else msgspec.to_builtins(default),
                schema=schema,
            )
        )
    return tuple(found)


@cache
def docstrings(cls: type) -> dict[str, str]:
    """The docstring below each field of a class and of its bases."""
    found: dict[str, str] = {}
    for base in reversed(cls.__mro__):
        if base.__module__ in {"builtins", "msgspec"}:
            continue
        try:
            tree = ast.parse(textwrap.dedent(inspect.getsource(base)))
        except (OSError, TypeError):
            continue
        body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
        for field, doc in itertools.pairwise(body):
            if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
                continue
            if isinstance(doc, ast.Expr) and isinstance(doc.value, ast.Constant) and isinstance(doc.value.value, str):
                found[field.target.id] = inspect.cleandoc(doc.value.value)
    return found
