"""`q=` over lists that are read whole: the search language of alerts, over the fields that the rows have on the wire.

It finds as searches of alerts do: a word is a part of a text, a member of a list, and equal to all else, whatever its
letters' case in a text. Fails with `Invalid` for what cannot be read, and for a field that no row has.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from operator import ge, gt, le, lt
from typing import Any, cast

from watchbell.domain.alerts.query import Filter, predicate_of
from watchbell.domain.alerts.search import parse_search
from watchbell.domain.errors import Invalid
from watchbell.domain.pattern import Pattern

Row = Mapping[str, Any]
Test = Callable[[Row], bool]
ALIASES: Mapping[str, str] = {"tag": "tags", "role": "roles", "scope": "scopes"}
ANY_FIELD = "any"
TRUE = frozenset({"true", "t", "1", "yes", "y", "on"})
_COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le}
_NOT_SEARCHED = frozenset({"href"})


def row_search(text: str, default: str, known: AbstractSet[str]) -> Test:
    """The test that rows with the fields `known` pass; words without a field are looked for in the field `default`.

    Without a default that is `text` where rows have one, and any field where they have none.
    """

    def resolve(name: str) -> str:
        name = ALIASES.get(name, name)
        first, *others = name.split("_")
        for spelling in (name, first + "".join(word.capitalize() for word in others)):
            if not known or spelling == ANY_FIELD or spelling.partition(".")[0] in known:
                return spelling
        raise Invalid(f"there is no field {name!r}; there are {', '.join(sorted(known))} and {ANY_FIELD}", "q")

    return predicate_of(parse_search(text, default or ("text" if "text" in known else ANY_FIELD), resolve), _test)


def _test(wanted: Filter) -> Test:
    holds = _comparison(wanted)
    return lambda row: any(holds(value, member) for value, member in _values(row, wanted.field))


def _values(row: Row, field: str) -> Iterator[tuple[Any, bool]]:
    """What the field holds, without what is empty, and whether that is a member of a list."""
    name, _, inner = field.partition(".")
    value = row.get(name)
    if field == ANY_FIELD:
        found = [each for name, each in row.items() if name not in _NOT_SEARCHED]
    else:
        found = [cast("Row", value).get(inner) if inner and isinstance(value, Mapping) else value]
    for each in found:
        members = cast("Sequence[Any]", each) if isinstance(each, list | tuple) else None
        yield from ((one, members is not None) for one in (members or [each]) if one not in (None, "", [], (), {}))


def _comparison(item: Filter) -> Callable[[Any, bool], bool]:
    if item.operator == "exists":
        return lambda value, member: True  # noqa: ARG005 - what is empty does not come here
    wanted = item.values[0]
    if item.operator in _COMPARED:
        compare = _COMPARED[item.operator]
        return lambda value, member: compare(*_alike(item.field, value, wanted))  # noqa: ARG005 - as for one value
    if item.operator == "term":
        return lambda value, member: _is(value, wanted, whole=member and item.field != ANY_FIELD)
    if item.operator == "regex":
        found = _pattern(wanted)
        return lambda value, member: found(_text(value))  # noqa: ARG005 - as for one value
    form = re.escape(wanted) if item.operator == "phrase" else _wild(wanted)
    among, whole = _pattern(rf"(?:^|\W){form}(?:$|\W)"), _pattern(rf"^{form}$")
    return lambda value, member: (whole if member else among)(_text(value))


def _is(value: Any, wanted: str, *, whole: bool) -> bool:
    if isinstance(value, bool):
        return value is (wanted.lower() in TRUE)
    if isinstance(value, int | float):
        try:
            return value == float(wanted)
        except ValueError:
            return False
    text = _text(value)
    return text == wanted if whole else wanted.lower() in text.lower()


def _alike(field: str, value: Any, wanted: str) -> tuple[Any, Any]:
    """Both as numbers, as times, or as texts, as the value is one."""
    try:
        if isinstance(value, int | float):
            return float(value), float(wanted)
        if field.endswith("Time") or field == "lastLogin":
            return datetime.fromisoformat(_text(value)), _moment(wanted)
    except (ValueError, OverflowError):
        reason = "is not a number" if isinstance(value, int | float) else "is not a time in ISO 8601"
        raise Invalid(reason, field) from None
    return _text(value), wanted


def _moment(text: str) -> datetime:
    """A time; without a zone it is in UTC."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at


def _text(value: Any) -> str:
    return value if isinstance(value, str) else str(value)


def _wild(text: str) -> str:
    r"""`*` as any text and `?` as one character or none; a backslash takes them plainly."""
    found = re.finditer(r"\\(?P<plain>.)|(?P<wild>[*?])|(?P<other>.)", text, re.DOTALL)
    return "".join(f".{each['wild']}" if each["wild"] else re.escape(each["plain"] or each["other"]) for each in found)


def _pattern(text: str) -> Callable[[str], bool]:
    try:
        return Pattern(f"(?is){text}").found_in
    except Invalid as error:
        raise Invalid(error.reason, "q") from None
