"""Expressions of inbound formats, read into functions; every problem is noted with its place."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple, cast

from watchbell.domain.effort import Effort
from watchbell.domain.errors import Invalid
from watchbell.domain.events.mapping.jsonpath import JsonPath
from watchbell.domain.pattern import Pattern
from watchbell.domain.webhooks.model import DEPTH_MAX, EXPRESSIONS_MAX, PATTERN_MAX, TEXT_MAX

SOURCES: Final = ("item", "body", "query")
_PIECE = re.compile(r"\{\{|\}\}|\{(\$[^{}]*)\}|[{}]")


_LETTERS: Final = 100  # characters of a text that are as much work as a node


class Message(NamedTuple):
    """What expressions read. `found` is what paths into body and query found: the same for every item of a message."""

    item: Any
    body: Any
    query: Mapping[str, str]
    found: dict[int, Any] | None = None
    effort: Effort | None = None

    def text(self, value: Any) -> str:
        """A value as text; lists and objects as their parts between commas."""
        return text_of(value, self.effort)


Get = Callable[[Message], Any]
"""The value, or None for absent."""


def text_of(value: Any, effort: Effort | None = None) -> str:
    """A value as text; lists and objects as their parts between commas.

    Raises:
        TooMuch: it would be more work than `effort` has left.
    """
    if isinstance(value, list | dict):
        return _Written(effort or Effort()).of(value)
    text = _scalar(value)
    if effort is not None:
        effort.spend(1 + len(text) // _LETTERS)
    return text


def _scalar(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value)[:TEXT_MAX]


class _Written:
    """A list or an object as text, up to the length that a text may have."""

    def __init__(self, effort: Effort) -> None:
        self._effort = effort
        self._parts: list[str] = []
        self._left = TEXT_MAX

    def of(self, value: Any) -> str:
        self._value(value)
        return "".join(self._parts)[:TEXT_MAX]

    def _value(self, value: Any) -> None:
        if isinstance(value, dict):
            for number, (name, inner) in enumerate(cast("dict[str, Any]", value).items()):
                if self._left <= 0:
                    return
                self._add(f", {name}=" if number else f"{name}=")
                self._value(inner)
        elif isinstance(value, list):
            for number, inner in enumerate(cast("list[Any]", value)):
                if self._left <= 0:
                    return
                self._add(", " if number else "")
                self._value(inner)
        else:
            self._add(_scalar(value))

    def _add(self, text: str) -> None:
        self._effort.spend(1 + len(text) // _LETTERS)
        self._parts.append(text)
        self._left -= len(text)


class Reader:
    """Reads expressions and notes what is wrong with them."""

    def __init__(self) -> None:
        self.problems: list[tuple[str, str]] = []
        self._count = 0

    def wrong(self, place: str, reason: str) -> Get:
        """Note a problem; the expression is absent."""
        self.problems.append((place, reason))
        return _absent

    def expression(self, data: Any, place: str, depth: int = 0) -> Get:
        """The function that computes it."""
        self._count += 1
        if self._count == EXPRESSIONS_MAX + 1:
            return self.wrong(place, f"there are more than {EXPRESSIONS_MAX} expressions")
        if depth > DEPTH_MAX:
            return self.wrong(place, f"is nested more than {DEPTH_MAX} deep")
        if data is None or isinstance(data, str | int | float):
            return lambda _: data
        if not isinstance(data, dict):
            return self.wrong(place, "must be a text, a number, a truth value or an object with an operator")
        given = cast("dict[str, Any]", data)
        named = [name for name in given if name in OPERATORS]
        if len(named) > 1 and "in" in named:
            named.remove("in")  # also a key of `path`
        if len(named) != 1:
            return self.wrong(place, f"needs exactly one operator of {', '.join(OPERATORS)}")
        read, keys = OPERATORS[named[0]]
        for name in given:
            if name != named[0] and name not in keys:
                self.wrong(f"{place}.{name}", f"unknown; {named[0]} takes {', '.join(keys) or 'no other keys'}")
        return read(self, given, place, depth + 1)

    def several(self, data: Any, place: str, depth: int, count: int = 0) -> list[Get]:
        """A list of expressions; `count` says how many there must be."""
        if not isinstance(data, list) or (count and len(cast("list[Any]", data)) != count):
            self.wrong(place, f"must be a list of {count} expressions" if count else "must be a list of expressions")
            return []
        entries = cast("list[Any]", data)
        return [self.expression(entry, f"{place}[{number}]", depth) for number, entry in enumerate(entries)]

    def path(self, text: Any, place: str) -> JsonPath | None:
        """A JSONPath."""
        if not isinstance(text, str) or len(text) > PATTERN_MAX:
            self.wrong(place, f"must be a JSONPath of at most {PATTERN_MAX} characters")
            return None
        try:
            return JsonPath(text)
        except Invalid as error:
            self.wrong(place, error.reason)
            return None

    def words(self, data: Any, place: str) -> list[str]:
        """A list of texts, numbers and truth values, as texts."""
        entries: list[Any] = cast("list[Any]", data) if isinstance(data, list) else []
        if not entries or not all(isinstance(entry, str | int | float) for entry in entries):
            self.wrong(place, "must be a list of texts")
            return []
        return [text_of(entry) for entry in entries]


def _absent(_: Message) -> None:
    return None


def _path(reader: Reader, data: dict[str, Any], place: str, _: int) -> Get:
    path, source = reader.path(data["path"], f"{place}.path"), data.get("in", "item")
    if source not in SOURCES:
        return reader.wrong(f"{place}.in", f"must be one of {', '.join(SOURCES)}")
    if path is None:
        return _absent
    if source == "item":
        return lambda message: _found(path.find(message.item, message.effort))

    def once(message: Message) -> Any:
        if message.found is None:
            return _found(path.find(getattr(message, source), message.effort))
        if id(path) not in message.found:
            message.found[id(path)] = _found(path.find(getattr(message, source), message.effort))
        return message.found[id(path)]

    return once


def _found(found: Any) -> Any:
    return None if found == [] else found


def _template(reader: Reader, data: dict[str, Any], place: str, _: int) -> Get:
    text: Any = data["template"]
    if not isinstance(text, str) or len(text) > PATTERN_MAX:
        return reader.wrong(f"{place}.template", f"must be a text of at most {PATTERN_MAX} characters")
    pieces: list[str | JsonPath] = []
    at = 0
    for found in _PIECE.finditer(text):
        pieces.append(text[at : found.start()])
        at = found.end()
        if found[0] in {"{{", "}}"}:
            pieces.append(found[0][0])
        elif found[1] is None:
            return reader.wrong(
                f"{place}.template", f"a brace at character {found.start()} holds no path such as {{$.a}}"
            )
        else:
            path = reader.path(found[1], f"{place}.template")
            pieces.append(path or "")
    pieces.append(text[at:])
    return lambda message: "".join(
        piece if isinstance(piece, str) else message.text(piece.find(message.item, message.effort)) for piece in pieces
    )[:TEXT_MAX]


def _match(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    text, of = data["match"], reader.expression(data.get("of"), f"{place}.of", depth)
    if "of" not in data:
        return reader.wrong(f"{place}.of", "is required")
    if not isinstance(text, str) or len(text) > PATTERN_MAX:
        return reader.wrong(f"{place}.match", f"must be a text of at most {PATTERN_MAX} characters")
    try:
        pattern = Pattern(text)
    except Invalid as error:
        return reader.wrong(f"{place}.match", error.reason)
    group = data.get("group")
    if group is None:
        return lambda message: pattern.matches(message.text(of(message)))
    if isinstance(group, bool) or not isinstance(group, int | str) or not pattern.has_group(group):
        return reader.wrong(f"{place}.group", "there is no such group in the expression")

    def grouped(message: Message) -> Any:
        found = pattern.whole(message.text(of(message)))
        return None if found is None else found.group(group)

    return grouped


def _map(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    of = reader.expression(data["map"], f"{place}.map", depth)
    default = reader.expression(data.get("default"), f"{place}.default", depth)
    table: Any = data.get("to")
    if not isinstance(table, dict) or not table:
        return reader.wrong(f"{place}.to", "must be an object with a text for each value")
    known: dict[str, Any] = {}
    for name, value in cast("dict[str, Any]", table).items():
        if not isinstance(value, str | int | float):
            reader.wrong(f"{place}.to.{name}", "must be a text")
        known[name] = value

    def mapped(message: Message) -> Any:
        found = known.get(message.text(of(message)))
        return default(message) if found is None else found

    return mapped


def _split(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    of, by = reader.expression(data["split"], f"{place}.split", depth), data.get("by", ",")
    if not isinstance(by, str) or not by:
        return reader.wrong(f"{place}.by", "must be a text")
    return lambda message: [part.strip() for part in message.text(of(message)).split(by) if part.strip()] or None


def _first_of(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    several = reader.several(data["first_of"], f"{place}.first_of", depth)
    return lambda message: next((found for get in several if (found := get(message)) not in (None, "")), None)


def _join(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    several, between = reader.several(data["join"], f"{place}.join", depth), data.get("with", "")
    if not isinstance(between, str):
        return reader.wrong(f"{place}.with", "must be a text")
    return lambda message: (
        between.join(text for get in several if (text := message.text(get(message))))[:TEXT_MAX] or None
    )


def _of_text(name: str, change: Callable[[str], str]) -> "Read":
    def read(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
        of = reader.expression(data[name], f"{place}.{name}", depth)
        return lambda message: None if (found := of(message)) is None else change(message.text(found))

    return read


def _is_present(message: Message, get: Get) -> bool:
    return get(message) is not None


def _present(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    of = reader.expression(data["present"], f"{place}.present", depth)
    return lambda message: _is_present(message, of)


def _is_absent(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    of = reader.expression(data["absent"], f"{place}.absent", depth)
    return lambda message: not _is_present(message, of)


def _equal(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    several = reader.several(data["equal"], f"{place}.equal", depth, 2)
    if not several:
        return _absent
    left, right = several
    return lambda message: (one := left(message)) is not None and _same(message, one, right(message))


def _same(message: Message, one: Any, other: Any) -> bool:
    """Equal as texts: YAML reads `1` as a number where the message has '1'."""
    return other is not None and message.text(one) == message.text(other)


def _ordered(name: str, sign: int) -> "Read":
    def read(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
        several = reader.several(data[name], f"{place}.{name}", depth, 2)
        if not several:
            return _absent
        left, right = several

        def compare(message: Message) -> bool:
            one, other = _number(left(message)), _number(right(message))
            return one is not None and other is not None and (one - other) * sign > 0

        return compare

    return read


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if found - found == 0 else None


def _in(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    if "of" not in data:
        return reader.wrong(f"{place}.of", "is required")
    words = frozenset(reader.words(data["in"], f"{place}.in"))
    of = reader.expression(data["of"], f"{place}.of", depth)
    return lambda message: (found := of(message)) is not None and message.text(found) in words


def _all(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    several = reader.several(data["and"], f"{place}.and", depth)
    return lambda message: all(get(message) is True for get in several)


def _any(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    several = reader.several(data["or"], f"{place}.or", depth)
    return lambda message: any(get(message) is True for get in several)


def _not(reader: Reader, data: dict[str, Any], place: str, depth: int) -> Get:
    of = reader.expression(data["not"], f"{place}.not", depth)
    return lambda message: of(message) is not True


Read = Callable[[Reader, dict[str, Any], str, int], Get]

OPERATORS: Final[Mapping[str, tuple[Read, tuple[str, ...]]]] = {
    "path": (_path, ("in",)),
    "template": (_template, ()),
    "match": (_match, ("of", "group")),
    "map": (_map, ("to", "default")),
    "split": (_split, ("by",)),
    "first_of": (_first_of, ()),
    "join": (_join, ("with",)),
    "lower": (_of_text("lower", str.lower), ()),
    "upper": (_of_text("upper", str.upper), ()),
    "trim": (_of_text("trim", str.strip), ()),
    "present": (_present, ()),
    "absent": (_is_absent, ()),
    "equal": (_equal, ()),
    "less": (_ordered("less", -1), ()),
    "greater": (_ordered("greater", 1), ()),
    "in": (_in, ("of",)),
    "and": (_all, ()),
    "or": (_any, ()),
    "not": (_not, ()),
}
"""By name: what reads it, and the further keys that it takes."""
