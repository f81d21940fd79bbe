"""Operators that give a truth value: present, absent, equal, less, greater, in, and, or, not.

As in Divolte, `and`, `or` and `not` are absent when an operand is, whatever the others say; `equal` of two absent
values is true.
"""

import operator
from collections.abc import Callable
from typing import Any, Final

from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.reading import NUMBERS, Memo, Operator, Reader, Typed, key_of


def _present(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    of = reader.read(data["present"], f"{place}.present", depth + 1)
    if of is None:
        return None
    get = of.get
    return Typed("boolean", lambda event, memo: get(event, memo) is not None, key_of("present", of.key))


def _absent(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    of = reader.read(data["absent"], f"{place}.absent", depth + 1)
    if of is None:
        return None
    get = of.get
    return Typed("boolean", lambda event, memo: get(event, memo) is None, key_of("absent", of.key))


def _pair(reader: Reader, name: str, data: dict[str, Any], place: str, depth: int) -> tuple[Typed, Typed] | None:
    where = f"{place}.{name}"
    listed = reader.list_of(data[name], where)
    if listed is None:
        return None
    if len(listed) != 2:
        return reader.wrong(where, f"needs exactly two expressions, not {len(listed)}")
    one, other = reader.read(listed[0], f"{where}[0]", depth + 1), reader.read(listed[1], f"{where}[1]", depth + 1)
    if one is None or other is None:
        return None
    if "json" not in {one.kind, other.kind} and _family(one.kind) != _family(other.kind):
        return reader.wrong(where, f"compares {one.kind} with {other.kind}, which are never equal")
    return one, other


def _family(kind: str) -> str:
    return "number" if kind in NUMBERS or kind == "instant" else kind


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal; true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _equal(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    pair = _pair(reader, "equal", data, place, depth)
    if pair is None:
        return None
    one, other = pair[0].get, pair[1].get
    key = key_of("equal", pair[0].key, pair[1].key)
    if "json" in {pair[0].kind, pair[1].kind}:
        return Typed("boolean", lambda event, memo: same(one(event, memo), other(event, memo)), key)
    literal = pair[1].literal
    if literal is not None:
        return Typed("boolean", lambda event, memo: one(event, memo) == literal, key)
    return Typed("boolean", lambda event, memo: one(event, memo) == other(event, memo), key)


def _ordering(name: str, compare: Callable[[Any, Any], bool]) -> Operator:
    def read(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
        pair = _pair(reader, name, data, place, depth)
        if pair is None:
            return None
        for number, each in enumerate(pair):
            if each.kind not in {"json", "text"} and _family(each.kind) != "number":
                return reader.wrong(f"{place}.{name}[{number}]", f"must be a number or a text, not {each.kind}")
        one, other = pair[0].get, pair[1].get

        def get(event: Event, memo: Memo) -> bool | None:
            left, right = one(event, memo), other(event, memo)
            try:
                return None if left is None or right is None else compare(left, right)
            except TypeError:
                return None  # JSON of different types has no order

        return Typed("boolean", get, key_of(name, pair[0].key, pair[1].key))

    return _operator(read)


def _in(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    listed, of = reader.list_of(data["in"], f"{place}.in"), reader.read(data["of"], f"{place}.of", depth + 1)
    if listed is None or of is None:
        return None
    for number, each in enumerate(listed):
        where = f"{place}.in[{number}]"
        literal = reader.read(each, where, depth + 1)
        if literal is None or literal.literal is None:
            return None if literal is None else reader.wrong(where, "must be a text, a number, true or false")
        if of.kind != "json" and _family(literal.kind) != _family(of.kind):
            return reader.wrong(where, f"is {literal.kind}, but the value is {of.kind}")
    get, key = of.get, key_of("in", listed, of.key)

    def is_in(event: Event, memo: Memo) -> bool | None:
        value = get(event, memo)
        return None if value is None else any(same(value, each) for each in listed)

    return Typed("boolean", is_in, key)


def _all(reader: Reader, name: str, data: dict[str, Any], place: str, depth: int) -> list[Typed] | None:
    listed = reader.list_of(data[name], f"{place}.{name}")
    if listed is None:
        return None
    if not listed:
        return reader.wrong(f"{place}.{name}", "needs at least one condition")
    read = [reader.condition(each, f"{place}.{name}[{number}]", depth) for number, each in enumerate(listed)]
    found = [each for each in read if each is not None]
    return found if len(found) == len(read) else None


def _junction(name: str, decide: Callable[[list[Any]], bool]) -> Operator:
    def read(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
        operands = _all(reader, name, data, place, depth)
        if operands is None:
            return None
        gets = [each.get for each in operands]

        def get(event: Event, memo: Memo) -> bool | None:
            values = [each(event, memo) for each in gets]
            return None if None in values else decide(values)

        return Typed("boolean", get, key_of(name, [each.key for each in operands]))

    return _operator(read)


def _not(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Typed | None:
    of = reader.condition(data["not"], f"{place}.not", depth)
    if of is None:
        return None
    inner = of.get

    def get(event: Event, memo: Memo) -> bool | None:
        value = inner(event, memo)
        return None if value is None else not value

    return Typed("boolean", get, key_of("not", of.key))


def _operator(read: Any, *needs: str) -> Operator:
    return Operator(frozenset(needs), frozenset(), read)


OPERATORS: Final = {
    "present": _operator(_present),
    "absent": _operator(_absent),
    "equal": _operator(_equal),
    "less": _ordering("less", operator.lt),
    "greater": _ordering("greater", operator.gt),
    "in": _operator(_in, "of"),
    "and": _junction("and", all),
    "or": _junction("or", any),
    "not": _operator(_not),
}
