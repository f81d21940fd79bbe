"""JSONPath, the part of it that needs no functions and no scripts, over the custom parameters of an event.

    $.name   $['name']   $['a','b']   $[0]   $[-1]   $[0,2]   $[1:3]   $[*]   $.*   $..name   $..[0]   $[?(<filter>)]

A filter compares values below the element (`@`): `@.price > 10 && (@.kind == 'fruit' || !@.old)`, with == != < <= > >=,
texts in single or double quotes, numbers, true, false, null; a path alone asks whether it is there.

A path of single names and indices is definite: it finds one value or none. Every other is indefinite: it finds a list.
Work is bounded: at most two `..`; as many results as `RESULTS_MAX`, what is beyond is left out; and each node that is
visited is taken from an `Effort`.
"""

import re
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final, cast

from watchbell.domain.effort import Effort
from watchbell.domain.errors import Invalid

RESULTS_MAX: Final = 10_000
_DESCENTS_MAX: Final = 2
_DEPTH_MAX: Final = 20
_FILTER_STEP: Final = 16  # characters of a filter that are as much work as a node

_NAME = re.compile(r"[^\s.\[\]'\"()@$?*:,!<>=&|]+")
_QUOTED = re.compile(r"'((?:[^'\\]|\\.)*)'|\"((?:[^\"\\]|\\.)*)\"", re.DOTALL)
_INTEGER = re.compile(r"-?[0-9]{1,9}")
_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
_OPERATOR = re.compile(r"==|!=|<=|>=|<|>")
_WORDS: Final = {"true": True, "false": False, "null": None}
_MISSING: Final = object()

Select = Callable[[Any, Effort], Iterator[Any]]
Test = Callable[[Any], Any]


class JsonPath:
    """One path, read. `Invalid` when it cannot be."""

    def __init__(self, text: str) -> None:
        reader = _Reader(text)
        self._segments = reader.path("$")
        if reader.at < len(text):
            raise reader.fail("unexpected")
        self.definite = all(keys is not None for keys, _ in self._segments)
        self._keys = [keys for keys, _ in self._segments]

    def find(self, data: Any, effort: Effort | None = None) -> Any:
        """What it finds in `data`: one value, or None, when definite; else a list.

        Raises:
            TooMuch: it would visit more nodes than `effort` has left.
        """
        effort = effort or Effort()
        if self.definite:
            effort.spend(len(self._keys))
            for key in self._keys:
                data = _child(data, key)
                if data is _MISSING:
                    return None
            return data
        nodes = [data]
        for _, select in self._segments:
            found: list[Any] = []
            for node in nodes:
                found.extend(islice(select(node, effort), RESULTS_MAX - len(found)))
                if len(found) == RESULTS_MAX:
                    break
            nodes = found
        return nodes


def _child(data: Any, key: Any) -> Any:
    if isinstance(key, str):
        return cast("dict[str, Any]", data).get(key, _MISSING) if isinstance(data, dict) else _MISSING
    if isinstance(data, list):
        entries = cast("list[Any]", data)
        return entries[key] if -len(entries) <= key < len(entries) else _MISSING
    return _MISSING


def _children(data: Any, effort: Effort) -> Iterator[Any]:
    if isinstance(data, dict):
        entries = cast("dict[str, Any]", data)
        effort.spend(len(entries))
        yield from entries.values()
    elif isinstance(data, list):
        items = cast("list[Any]", data)
        effort.spend(len(items))
        yield from items


def _all_below(data: Any, effort: Effort) -> Iterator[Any]:
    waiting = [data]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, dict | list):
            waiting.extend(reversed(list(_children(node, effort))))


class _Reader:
    """A cursor over the text of a path."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self._descents = 0
        self._depth = 0

    def fail(self, what: str) -> Invalid:
        rest = self.text[self.at : self.at + 20]
        return Invalid(f"is not a JSONPath: {what} {rest!r} at character {self.at}" if rest else f"{what} at the end")

    def take(self, literal: str) -> bool:
        self.space()
        if self.text.startswith(literal, self.at):
            self.at += len(literal)
            return True
        return False

    def need(self, literal: str) -> None:
        if not self.take(literal):
            raise self.fail(f"{literal!r} expected,")

    def space(self) -> None:
        while self.text[self.at : self.at + 1].isspace():
            self.at += 1

    def matched(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        self.space()
        found = pattern.match(self.text, self.at)
        if found is not None:
            self.at = found.end()
        return found

    def path(self, root: str) -> list[tuple[Any, Select]]:
        """The segments after `$` or `@`: (the key when it is a single one, what it selects)."""
        self.need(root)
        segments: list[tuple[Any, Select]] = []
        while self.text[self.at : self.at + 1] in {".", "["} and self.at < len(self.text):
            if self.text.startswith("..", self.at):
                self.at += 2
                self._descents += 1
                if self._descents > _DESCENTS_MAX:
                    raise self.fail(f"more than {_DESCENTS_MAX} '..',")
                _, select = self.bracket() if self.text[self.at : self.at + 1] == "[" else self.dotted()
                segments.append((None, _descending(select)))
            elif self.take("."):
                segments.append(self.dotted())
            else:
                segments.append(self.bracket())
        return segments

    def dotted(self) -> tuple[Any, Select]:
        if self.take("*"):
            return None, _children
        found = self.matched(_NAME)
        if found is None:
            raise self.fail("name expected,")
        return found[0], _selecting([found[0]])

    def bracket(self) -> tuple[Any, Select]:
        self.need("[")
        if self.take("*"):
            self.need("]")
            return None, _children
        if self.take("?"):
            begin = self.at
            self.need("(")
            test = self.either()
            self.need(")")
            self.need("]")
            return None, _filtering(test, 1 + (self.at - begin) // _FILTER_STEP)
        if re.match(r"\s*+-?[0-9]*+\s*+:", self.text[self.at :]):
            return None, self.slice()
        keys = [self.key()]
        while self.take(","):
            keys.append(self.key())
        self.need("]")
        return (keys[0] if len(keys) == 1 else None), _selecting(keys)

    def slice(self) -> Select:
        bounds: list[int | None] = [self.integer()]
        while self.take(":"):
            bounds.append(self.integer())
        self.need("]")
        if len(bounds) > 3 or 0 in bounds[2:]:
            raise self.fail("no slice")
        return _slicing(slice(*bounds))

    def integer(self) -> int | None:
        found = self.matched(_INTEGER)
        return None if found is None else int(found[0])

    def key(self) -> str | int:
        quoted = self.matched(_QUOTED)
        if quoted is not None:
            return re.sub(r"\\(.)", r"\1", quoted[1] if quoted[1] is not None else quoted[2], flags=re.DOTALL)
        index = self.integer()
        if index is None:
            raise self.fail("index or quoted name expected,")
        return index

    def either(self) -> Test:
        self._depth += 1
        if self._depth > _DEPTH_MAX:
            raise self.fail("nested too deeply,")
        tests = [self.both()]
        while self.take("||"):
            tests.append(self.both())
        self._depth -= 1
        return tests[0] if len(tests) == 1 else lambda node: any(test(node) for test in tests)

    def both(self) -> Test:
        tests = [self.single()]
        while self.take("&&"):
            tests.append(self.single())
        return tests[0] if len(tests) == 1 else lambda node: all(test(node) for test in tests)

    def single(self) -> Test:
        if self.take("("):
            inner = self.either()
            self.need(")")
            return inner
        self.space()
        if self.text.startswith("!", self.at) and not self.text.startswith("!=", self.at):
            self.at += 1
            self._depth += 1
            if self._depth > _DEPTH_MAX:
                raise self.fail("nested too deeply,")
            negated = self.single()
            self._depth -= 1
            return lambda node: not negated(node)
        left = self.operand()
        operator = self.matched(_OPERATOR)
        if operator is None:
            return lambda node: left(node) is not _MISSING
        right, compare = self.operand(), _COMPARE[operator[0]]
        return lambda node: compare(left(node), right(node))

    def operand(self) -> Test:
        self.space()
        if self.text.startswith("@", self.at):
            segments = self.path("@")
            keys = [key for key, _ in segments]
            if None in keys:
                raise self.fail("in a filter only names and indices stand after '@',")
            return lambda node: _walk(node, keys)
        quoted = self.matched(_QUOTED)
        if quoted is not None:
            text = re.sub(r"\\(.)", r"\1", quoted[1] if quoted[1] is not None else quoted[2], flags=re.DOTALL)
            return lambda _: text
        number = self.matched(_NUMBER)
        if number is not None:
            value = float(number[0]) if re.search("[.eE]", number[0]) else int(number[0])
            return lambda _: value
        word = self.matched(_NAME)
        if word is None or word[0] not in _WORDS:
            raise self.fail("value expected,")
        constant = _WORDS[word[0]]
        return lambda _: constant


def _walk(node: Any, keys: list[Any]) -> Any:
    for key in keys:
        node = _child(node, key)
        if node is _MISSING:
            break
    return node


def _selecting(keys: list[Any]) -> Select:
    def select(node: Any, effort: Effort) -> Iterator[Any]:
        effort.spend(len(keys))
        for key in keys:
            found = _child(node, key)
            if found is not _MISSING:
                yield found

    return select


def _slicing(bounds: slice) -> Select:
    def select(node: Any, effort: Effort) -> Iterator[Any]:
        if isinstance(node, list):
            entries = cast("list[Any]", node)[bounds]
            effort.spend(1 + len(entries))
            yield from entries

    return select


def _filtering(test: Test, steps: int) -> Select:
    def select(node: Any, effort: Effort) -> Iterator[Any]:
        for child in _children(node, effort):
            effort.spend(steps)
            if test(child):
                yield child

    return select


def _descending(select: Select) -> Select:
    def descend(node: Any, effort: Effort) -> Iterator[Any]:
        for below in _all_below(node, effort):
            effort.spend(1)
            yield from select(below, effort)

    return descend


def _same(left: Any, right: Any) -> bool:
    return left == right and isinstance(left, bool) == isinstance(right, bool)


def _ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    def ordered(left: Any, right: Any) -> bool:
        try:
            return compare(left, right)
        except TypeError:
            return False

    return ordered


_COMPARE: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "==": _same,
    "!=": lambda left, right: not _same(left, right),
    "<": _ordered(lambda left, right: left < right),
    "<=": _ordered(lambda left, right: left <= right),
    ">": _ordered(lambda left, right: left > right),
    ">=": _ordered(lambda left, right: left >= right),
}
