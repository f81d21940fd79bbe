"""YAML (or JSON) from people, with the line of each thing in it: so that a problem can be shown where it stands.

Aliases are refused: a short text could stand for an endless one. So are keys that stand twice, and texts over 1 MiB.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, cast

import yaml

from watchbell.domain.errors import Fault, Faulty

TEXT_MAX: Final = 1 << 20


class Placed(NamedTuple):
    """What was read. `lines`: place, such as `steps[3].to`, → line, the first is 1."""

    data: Any
    lines: dict[str, int]

    def line_of(self, place: str) -> int:
        """The line of a place, or of what is nearest around it."""
        while place and place not in self.lines:
            cut = max(place.rfind("."), place.rfind("["))
            place = place[:cut] if cut > 0 else ""
        return self.lines.get(place, 1)


class _Loader(yaml.SafeLoader):
    """Without aliases, and without dates: those are texts."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            mark = cast("Any", self.peek_event()).start_mark  # pyright: ignore[reportUnknownMemberType]
            raise yaml.constructor.ConstructorError(None, None, "aliases (*name) are not allowed", mark)
        return super().compose_node(parent, index)


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def read_placed(text: str) -> Placed:
    """The one document in `text`.

    Raises:
        Faulty: it is no YAML; the fault's field is `line <n>`.
    """
    if len(text) > TEXT_MAX:
        raise Faulty([Fault(field="line 1", reason=f"must have at most {TEXT_MAX} characters")])
    try:
        loader = _Loader(text)
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        reason = f"has a character that is not allowed here, number {error.character} of Unicode"
        raise Faulty([Fault(field=f"line {line}", reason=reason)]) from None
    try:
        node = loader.get_single_node()
        if node is None:
            return Placed(None, {})
        lines = dict(_lines(node, ""))
        data: Any = loader.construct_document(node)  # pyright: ignore[reportUnknownMemberType]
    except yaml.YAMLError as error:
        mark: Any = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark is not None else 1
        reason = getattr(error, "problem", None) or str(error)
        raise Faulty([Fault(field=f"line {line}", reason=str(reason))]) from None
    except (RecursionError, ValueError) as error:
        raise Faulty([Fault(field="line 1", reason=str(error) or "is nested too deeply")]) from None
    finally:
        loader.dispose()
    return Placed(data, lines)


def _lines(node: Any, place: str) -> Iterator[tuple[str, int]]:
    yield place, node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            name = str(key.value)
            if name in seen:
                raise yaml.constructor.ConstructorError(None, None, f"{name!r} stands twice", key.start_mark)
            seen.add(name)
            inside = f"{place}.{name}" if place else name
            for number, (where, line) in enumerate(_lines(value, inside)):
                yield where, key.start_mark.line + 1 if number == 0 else line
    elif isinstance(node, yaml.SequenceNode):
        for number, entry in enumerate(node.value):
            yield from _lines(entry, f"{place}[{number}]")
