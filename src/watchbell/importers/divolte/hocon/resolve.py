"""Nodes to values: duplicates merged, substitutions filled in from the text itself, then from the environment.

Work is bounded: a file of a few lines may ask for more text than there is memory, and is refused.
"""

from collections.abc import Mapping

from watchbell.importers.divolte.hocon.values import (
    Block,
    InvalidHocon,
    Joined,
    Listing,
    Node,
    Place,
    Reference,
    Scalar,
    Sequence,
    Table,
    Value,
)

MAX_STEPS = 200_000
MAX_TEXT = 1 << 20  # characters of all joined texts together
MAX_DEPTH = 200


class Resolver:
    """Resolves one tree. `environment` answers what the tree does not."""

    def __init__(self, root: Block, environment: Mapping[str, str]) -> None:
        self._root = root
        self._environment = environment
        self._busy: dict[int, Node] = {}
        self._steps = 0
        self._text = 0

    def resolve(self) -> Table:
        """The whole tree."""
        fields = self._fields([self._root])
        return Table(fields=fields, place=self._root.place)

    def _fields(self, blocks: list[Block]) -> dict[str, Value]:
        """The fields of objects that stand for the same thing, the oldest first."""
        names = dict.fromkeys(name for block in blocks for name in block.fields)
        found: dict[str, Value] = {}
        for name in names:
            value = self._stack([node for block in blocks for node in block.fields.get(name, ())])
            if value is not None:
                found[name] = value
        return found

    def _stack(self, nodes: list[Node]) -> Value | None:
        """What remains of everything that was assigned to one name: the last, or all objects since the last other."""
        merged: Value | None = None
        for index in range(len(nodes) - 1, -1, -1):
            node = nodes[index]
            if merged is not None and not isinstance(node, Block | Reference | Joined):
                break
            value = self._node(node)
            if value is None:
                continue
            if merged is None:
                merged = value
                if not isinstance(value, Table):
                    break
            elif isinstance(merged, Table) and isinstance(value, Table):
                merged = merge(value, merged)
            else:
                break
        return merged

    def _node(self, node: Node) -> Value | None:
        self._count(node.place)
        if isinstance(node, Scalar):
            return node
        key = id(node)
        if key in self._busy:
            raise InvalidHocon(node.place, "this value is made of itself")
        if len(self._busy) > MAX_DEPTH:
            raise InvalidHocon(node.place, f"substitutions follow each other more than {MAX_DEPTH} deep")
        self._busy[key] = node
        try:
            return self._compound(node)
        finally:
            del self._busy[key]

    def _compound(self, node: Reference | Joined | Sequence | Block) -> Value | None:
        if isinstance(node, Block):
            return Table(fields=self._fields([node]), place=node.place)
        if isinstance(node, Sequence):
            items = (self._node(item) for item in node.items)
            return Listing(items=tuple(item for item in items if item is not None), place=node.place)
        if isinstance(node, Reference):
            return self._reference(node)
        return self._joined(node)

    def _count(self, place: Place) -> None:
        self._steps += 1
        if self._steps > MAX_STEPS:
            raise InvalidHocon(place, "asks for too many substitutions")

    # ── Substitutions ────────────────────────────────────────────────────────────────────────────────────────────────

    def _reference(self, node: Reference) -> Value | None:
        paths = [node.prefix + node.path, node.path] if node.prefix else [node.path]
        for path in paths:
            value = self._stack(self._before(self._assigned([self._root], path)))
            if value is not None:
                return value
        name = ".".join(node.path)
        if name in self._environment:
            return Scalar(text=self._environment[name], quoted=True, place=node.place, variable=name)
        if node.optional:
            return None
        raise InvalidHocon(
            node.place, f"${{{name}}} stands for nothing: neither a setting nor a variable has this name"
        )

    def _assigned(self, nodes: list[Node], path: tuple[str, ...]) -> list[Node]:
        """Everything that was assigned to a path below `nodes`, the oldest first."""
        for name in path:
            found: list[Node] = []
            for node in self._before(nodes):
                self._count(node.place)
                if isinstance(node, Block):
                    found += node.fields.get(name, [])
                elif isinstance(node, Reference | Joined):
                    value = self._node(node)
                    if not isinstance(value, Table):
                        found = [] if value is not None else found
                    elif name in value.fields:
                        found.append(_as_node(value.fields[name]))
                else:
                    found = []
            nodes = found
        return nodes

    def _before(self, nodes: list[Node]) -> list[Node]:
        """Only what was assigned before a value that is being made: so `a = ${a} [1]` sees the former `a`."""
        for index, node in enumerate(nodes):
            if id(node) in self._busy and not isinstance(node, Block):
                return nodes[:index]
        return nodes

    # ── Values side by side ──────────────────────────────────────────────────────────────────────────────────────────

    def _joined(self, node: Joined) -> Value | None:
        values = [self._node(part) for part in node.parts]
        there = [value for value in values if value is not None]
        if any(isinstance(value, Table | Listing) for value in there):
            return _together([v for v in there if not _is_space(v)], node.place)
        if not there or all(_is_space(value) for value in there):
            return None
        texts = [value for value in there if isinstance(value, Scalar)]
        text = "".join(value.text for value in texts).strip(" \t\r")
        self._text += len(text)
        if self._text > MAX_TEXT:
            raise InvalidHocon(node.place, "substitutions make too much text")
        variable = next((value.variable for value in texts if value.variable), "")
        return Scalar(text=text, quoted=True, place=node.place, variable=variable)


def merge(older: Table, newer: Table) -> Table:
    """Both objects' fields; where both have one, the newer's, unless both are objects."""
    fields = dict(older.fields)
    for name, value in newer.fields.items():
        before = fields.get(name)
        fields[name] = merge(before, value) if isinstance(before, Table) and isinstance(value, Table) else value
    return Table(fields=fields, place=newer.place)


def _together(values: list[Value], place: Place) -> Value:
    if all(isinstance(value, Listing) for value in values):
        items = tuple(item for value in values if isinstance(value, Listing) for item in value.items)
        return Listing(items=items, place=place)
    merged: Table | None = None
    for value in values:
        if not isinstance(value, Table):
            raise InvalidHocon(place, "a list, an object and a text cannot be joined")
        merged = value if merged is None else merge(merged, value)
    if merged is None:
        raise InvalidHocon(place, "nothing to join")
    return merged


def _is_space(value: Value) -> bool:
    return isinstance(value, Scalar) and not value.quoted and not value.text.strip()


def _as_node(value: Value) -> Node:
    if isinstance(value, Scalar):
        return value
    if isinstance(value, Listing):
        return Sequence(items=tuple(_as_node(item) for item in value.items), place=value.place)
    return Block(fields={name: [_as_node(field)] for name, field in value.fields.items()}, place=value.place)
