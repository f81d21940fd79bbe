"""Questions as SQL for DuckDB. Every value is bound; names come from the vocabulary's table and nowhere else.

`events(files)` is the table that each statement reads: the Parquet files that lie in the question's time.
"""

from typing import Any, Final

from watchbell.domain.errors import Invalid
from watchbell.domain.events.question import (
    ANY,
    FIELDS,
    NUMBER,
    PARAMETER_PREFIX,
    TEXT,
    TRUTH,
    Condition,
    Measure,
    Op,
    number_of,
    truth_of,
    type_of,
)

_ORDER: Final = {Op.AT_LEAST: ">=", Op.AT_MOST: "<=", Op.ABOVE: ">", Op.BELOW: "<"}
MEASURES: Final = {
    Measure.EVENTS: "count(*)",
    Measure.PARTIES: "count(DISTINCT party_id)",
    Measure.SESSIONS: "count(DISTINCT session_id)",
}


class Sql:
    """A piece of SQL with the values that are bound in it, in order."""

    __slots__ = ("text", "values")

    def __init__(self, text: str, *values: Any) -> None:
        self.text = text
        self.values = list(values)

    def __add__(self, other: "Sql | str") -> "Sql":
        if isinstance(other, str):
            return Sql(self.text + other, *self.values)
        return Sql(self.text + other.text, *self.values, *other.values)


def column(name: str) -> str:
    """A column by its name in the vocabulary.

    Raises:
        Invalid: there is no such field.
    """
    if name not in FIELDS:
        raise Invalid(f"{name[:80]!r} is not a field of an event", "field")
    return f'"{name}"'


def value_of(name: str) -> Sql:
    """A field or a parameter. A parameter is its JSON as text."""
    if not name.startswith(PARAMETER_PREFIX):
        return Sql(column(name))
    if type_of(name) is None:
        raise Invalid(f"{name[:80]!r} is not a field of an event", "field")
    whole = name.removeprefix(PARAMETER_PREFIX)
    found = Sql("json_extract_string(parameters, ?)", _pointer([whole]))
    if "." not in whole:
        return found
    within = Sql("json_extract_string(parameters, ?)", _pointer(whole.split(".")))
    return Sql("coalesce(") + found + ", " + within + ")"


def _pointer(names: list[str]) -> str:
    return "".join("/" + name.replace("~", "~0").replace("/", "~1") for name in names)


def as_text(name: str) -> Sql:
    """The field as a text, for counting by it."""
    found = value_of(name)
    return found if FIELDS.get(name, TEXT) == TEXT else Sql("CAST(") + found + " AS VARCHAR)"


def as_number(name: str) -> Sql:
    """The field as a number; NULL where it is none."""
    return Sql("TRY_CAST(") + value_of(name) + " AS DOUBLE)"


def test_of(condition: Condition) -> Sql:
    """A condition, true or false (never NULL)."""
    found, kind, value = value_of(condition.field), FIELDS.get(condition.field, TEXT), condition.value
    if value == ANY and condition.op in {Op.IS, Op.IS_NOT}:
        return Sql("(") + found + (" IS NOT NULL)" if condition.op is Op.IS else " IS NULL)")
    if condition.op in _ORDER:
        return (
            Sql("coalesce(") + as_number(condition.field) + Sql(f" {_ORDER[condition.op]} ?, false)", number_of(value))
        )
    if kind in {NUMBER, TRUTH} and condition.op in {Op.IS, Op.IS_NOT}:
        wanted = truth_of(value) if kind == TRUTH else number_of(value)
        return Sql("coalesce(") + found + _equal(condition.op, wanted)
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    if condition.op in {Op.IS, Op.IS_NOT}:
        return Sql("coalesce(") + as_text(condition.field) + _equal(condition.op, shown)
    lacks = condition.op is Op.LACKS
    text = Sql("contains(lower(") + as_text(condition.field) + Sql("), lower(?))", shown)
    return Sql("coalesce(" + ("NOT " if lacks else "")) + text + (", true)" if lacks else ", false)")


def _equal(op: Op, value: Any) -> Sql:
    return Sql(" = ?, false)", value) if op is Op.IS else Sql(" <> ?, true)", value)


def events(files: list[str], start_ms: int, end_ms: int, where: tuple[Condition, ...]) -> Sql:
    """`FROM … WHERE …`: the events of the time that fulfil the conditions."""
    found = Sql(
        " FROM read_parquet(?, union_by_name=true) WHERE received_ms >= ? AND received_ms < ?", files, start_ms, end_ms
    )
    for condition in where:
        found = found + " AND " + test_of(condition)
    return found


def either(steps: tuple[tuple[Condition, ...], ...]) -> Sql:
    """True for an event of any of the steps."""
    return Sql("(") + _joined([all_of(step) for step in steps], " OR ") + ")"


def all_of(conditions: tuple[Condition, ...]) -> Sql:
    """True for an event that fulfils all of them."""
    return Sql("(") + _joined([test_of(condition) for condition in conditions], " AND ") + ")"


def _joined(pieces: list[Sql], between: str) -> Sql:
    found = pieces[0]
    for piece in pieces[1:]:
        found = found + between + piece
    return found
