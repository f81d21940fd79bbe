"""A mapping script in Groovy to steps of our language: read, followed and unrolled, never executed.

Divolte runs the script once and keeps the list of actions that it made; the same walk is done here over the syntax
tree. What has no counterpart is left out with its lines, its text and the reason; everything else is converted.
"""

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from watchbell.domain.events.mapping.model import STEPS_MAX
from watchbell.importers.divolte.groovy import (
    Call,
    Closure,
    Do,
    Expression,
    InvalidGroovy,
    Let,
    ListOf,
    Literal,
    Name,
    Operation,
    Statement,
    Template,
    Unreadable,
    parse_script,
)
from watchbell.importers.divolte.naming import inlined
from watchbell.importers.divolte.terms import Term, Unconvertible, as_value, part_of, size_of
from watchbell.importers.divolte.words import WORDS, Pending

MAX_SHOWN: Final = 10  # lines of what was left out
INLINE: Final = 4  # parts of an expression that is repeated rather than named


class Omission(msgspec.Struct, frozen=True, kw_only=True):
    """A part of the script that was not converted."""

    line: int
    text: str
    reason: str


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One step, and the line of the script that it comes from; `inner` are the steps of a `when` or a section."""

    data: Any
    line: int
    inner: "list[Step] | None" = None


class Converted(msgspec.Struct, frozen=True, kw_only=True):
    """A mapping script in our language."""

    tree: list[Step]
    named: dict[str, tuple[Any, int]]
    """Named expressions, each with the line of the script."""
    omissions: list[Omission]
    source: list[str]
    """The lines of the script."""

    def rendered(self) -> tuple[list[Any], dict[str, Any], dict[str, int]]:
        """The steps and the definitions as data, and the line of the script for the path of each step."""
        lines: dict[str, int] = {}
        steps = list(_rendered(self.tree, "steps", lines))
        steps, define = inlined(steps, {name: data for name, (data, _) in self.named.items()})
        lines |= {f"define.{name}": self.named[name][1] for name in define}
        return steps, define, lines


def convert_script(text: str) -> Converted:
    """The steps that a script makes.

    Raises:
        InvalidGroovy: it is no Groovy, or holds no `mapping { … }`.
    """
    walk = _Walk(text)
    walk.script(parse_script(text))
    return walk.result()


class _Failed(msgspec.Struct, frozen=True):
    """What a variable holds whose value could not be converted."""

    line: int


class _Block(msgspec.Struct, frozen=True):
    """A closure and the variables that it sees."""

    closure: Closure
    scope: "_Scope"


class _Scope:
    """Variables of one block; those outside are seen, too."""

    def __init__(self, outer: "_Scope | None" = None) -> None:
        self.values: dict[str, Any] = {}
        self.outer = outer

    def get(self, name: str) -> Any:
        scope = self._holder(name)
        return None if scope is None else scope.values[name]

    def put(self, name: str, value: Any, *, new: bool) -> None:
        scope = self if new else self._holder(name) or self._outermost()
        scope.values[name] = value

    def _holder(self, name: str) -> "_Scope | None":
        scope: _Scope | None = self
        while scope is not None and name not in scope.values:
            scope = scope.outer
        return scope

    def _outermost(self) -> "_Scope":
        scope = self
        while scope.outer is not None:
            scope = scope.outer
        return scope


class _Walk:
    def __init__(self, text: str) -> None:
        self._source = text.split("\n")
        self._scope = _Scope()
        self._steps: list[Step] = []
        self._top = self._steps
        self._define: dict[str, tuple[Any, int]] = {}
        self._omissions: list[Omission] = []
        self._count = 0
        self._inside = False

    # ── The whole ────────────────────────────────────────────────────────────────────────────────────────────────────

    def script(self, statements: tuple[Statement, ...]) -> None:
        for statement in statements:
            value = statement.value if isinstance(statement, Do) else None
            if isinstance(value, Call) and value.target is None and value.name == "mapping":
                self._inside = True
                for argument in value.arguments:
                    if isinstance(argument, Closure):
                        self._block(argument.body, self._scope)
            else:
                self._statement(statement)
        if not self._inside:
            raise InvalidGroovy(1, "there is no `mapping { … }` in this script")

    def result(self) -> Converted:
        return Converted(tree=self._top, named=self._define, omissions=self._omissions, source=self._source)

    # ── Statements ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _block(self, body: tuple[Statement, ...], outer: _Scope, **variables: Any) -> Any:
        """Follow the statements of a closure; the value of the last."""
        before, self._scope = self._scope, _Scope(outer)
        try:
            for name, value in variables.items():
                self._scope.put(name, value, new=True)
            last: Any = None
            for statement in body:
                last = self._statement(statement)
            return last
        finally:
            self._scope = before

    def _statement(self, statement: Statement) -> Any:
        if isinstance(statement, Unreadable):
            self._omit(statement.line, statement.last, statement.reason)
            return None
        try:
            value = self._value(statement.value)
            if isinstance(statement, Let):
                self._let(statement, value)
        except Unconvertible as error:
            self._omit(statement.line, statement.last, error.reason)
            if isinstance(statement, Let):
                self._scope.put(statement.name, _Failed(statement.line), new=statement.new)
            return _Failed(statement.line)
        if isinstance(value, Pending) and isinstance(statement, Do):
            self._omit(statement.line, statement.last, f"this does nothing: it should go on with {value.rest}")
            return _Failed(statement.line)
        return value

    def _omit(self, first: int, last: int, reason: str) -> None:
        shown = self._source[first - 1 : min(last, first + MAX_SHOWN - 1)]
        text = "\n".join(line.rstrip()[:200] for line in shown) + ("\n…" if last >= first + MAX_SHOWN else "")
        self._omissions.append(Omission(line=first, text=text.strip(), reason=reason))

    def _let(self, statement: Let, value: Any) -> None:
        """Give a value a name. Long expressions are named in the result, too, so that they are written once."""
        if isinstance(value, Term):
            if value.family in {"uri", "matcher"} and size_of(value.data["of"]) > INLINE:
                value = Term(data={**value.data, "of": self._named(statement, value.data["of"])}, family=value.family)
            elif value.family in {"value", "boolean", "json", "bytes"} and size_of(value.data) > INLINE:
                value = Term(data=self._named(statement, value.data), family=value.family)
        self._scope.put(statement.name, value, new=statement.new)

    def _named(self, statement: Let, data: Any) -> Any:
        name, number = statement.name, 1
        while name in self._define:
            number += 1
            name = f"{statement.name}_{number}"
        self._define[name] = (data, statement.line)
        return {"use": name}

    def emit(self, data: Any, line: int, inner: list[Step] | None = None) -> None:
        """Add a step."""
        self._count += 1
        if self._count > STEPS_MAX:
            raise InvalidGroovy(line, f"the script makes more than {STEPS_MAX} steps")
        self._steps.append(Step(data=data, line=line, inner=inner))

    # ── Expressions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _value(self, node: Expression) -> Any:  # noqa: PLR0911 - one for each kind of node
        """A term, a literal, a list, a block or something pending; raises `Unconvertible`."""
        match node:
            case Literal():
                if node.value is None:
                    raise Unconvertible(node.line, "`null` has no meaning in a mapping")
                return node.value
            case Template():
                return "".join(self._shown(part) for part in node.parts)
            case Name():
                return self._variable(node)
            case ListOf():
                return [self._value(item) for item in node.items]
            case Closure():
                return _Block(node, self._scope)
            case Operation():
                return self._operation(node)
            case Call():
                return self._call(node)
            case _:
                raise Unconvertible(node.line, f"`.{node.name}` without parentheses is not known here")

    def _variable(self, node: Name) -> Any:
        value = self._scope.get(node.name)
        if isinstance(value, _Failed):
            raise Unconvertible(node.line, f"it needs `{node.name}` of line {value.line}, which was left out")
        if value is None:
            raise Unconvertible(node.line, f"`{node.name}` is not known here")
        return value

    def _shown(self, part: Expression) -> str:
        if isinstance(part, Name) and part.name == "it" and self._scope.get("it") is None:
            return "null"  # outside of a block without parameters Groovy's `it` is null
        value = self._value(part)
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, str | int | float):
            return str(value)
        raise Unconvertible(part.line, "only texts and numbers can stand within a text")

    def _operation(self, node: Operation) -> Any:
        values = [self._value(operand) for operand in node.operands] if node.operator in {"-", "+"} else []
        match node.operator, values:
            case "-", [int() | float() as number] if not isinstance(number, bool):
                return -number
            case "+", [str(), str() | int() | float()]:
                return values[0] + self._shown(node.operands[1])
            case _:
                instead = {"!": "not(…)", "==": ".equalTo(…)", "&&": ".and(…)", "||": ".or(…)"}.get(node.operator, "")
                hint = f"; Divolte's own way is `{instead}`" if instead else ""
                raise Unconvertible(node.line, f"the operator `{node.operator}` would be executed by Groovy{hint}")

    def _call(self, node: Call) -> Any:
        arguments_of = lambda: [self._value(argument) for argument in node.arguments]  # noqa: E731 - the order matters
        if node.target is None:
            return self._word(node, arguments_of())
        target = self._value(node.target)
        if isinstance(target, Pending):
            return self._completed(target, node)
        arguments = arguments_of()
        if isinstance(target, list):
            return self._each(target, node, arguments)  # pyright: ignore[reportUnknownArgumentType]
        if isinstance(target, Term):
            return part_of(target, node.name, arguments, node.line)
        raise Unconvertible(node.line, f"`.{node.name}()` of this is not known here")

    def _word(self, node: Call, arguments: list[Any]) -> Any:
        known = self._scope.get(node.name)
        if known is not None:
            raise Unconvertible(node.line, f"calling `{node.name}` would be executed by Groovy")
        if node.name in {"exit", "stop"}:
            if arguments:
                raise Unconvertible(node.line, f"`{node.name}` takes no arguments")
            self.emit(node.name, node.line)
            return None
        if node.name == "section":
            self._section(node, arguments)
            return None
        word = WORDS.get(node.name)
        if word is None:
            raise Unconvertible(node.line, f"`{node.name}` is not known here")
        if node.name in {"map", "when"}:
            arguments = [self._of_block(argument, node.line) for argument in arguments]
        return word(arguments, node.line)

    def _of_block(self, argument: Any, line: int) -> Any:
        """The value of a closure in the place of a value; anything else as it is."""
        if not isinstance(argument, _Block):
            return argument
        value = self._block(argument.closure.body, argument.scope)
        if isinstance(value, _Failed):
            raise Unconvertible(line, "its value was left out")
        return value

    def _section(self, node: Call, arguments: list[Any]) -> None:
        match arguments:
            case [_Block() as block]:
                inner = self._collected(block)
                if inner:
                    self.emit({"section": []}, node.line, inner)
            case _:
                raise Unconvertible(node.line, "`section` takes a block")

    def _collected(self, block: _Block) -> list[Step]:
        before, self._steps = self._steps, []
        try:
            self._block(block.closure.body, block.scope)
            return self._steps
        finally:
            self._steps = before

    def _completed(self, pending: Pending, node: Call) -> Any:
        """`map x onto 'f'`, `when c apply {…}`, `when c stop()`, `parse x to uri`, `match 're' against x`."""
        if node.name not in pending.words:
            raise Unconvertible(node.line, f"`{pending.verb} …` must go on with {pending.rest}, not `{node.name}`")
        if pending.verb == "parse":
            return pending.parsed(node)
        arguments = [self._value(argument) for argument in node.arguments]
        match pending.verb, node.name, arguments:
            case "map", _, [str() as field]:
                self.emit({"set": field, "to": pending.value}, node.line)
            case "match", _, [value]:
                return Term(data={"match": pending.value, "of": as_value(value, node.line)}, family="matcher")
            case "when", "apply", [_Block() as block]:
                condition = pending.value.data
                inner = self._collected(block)
                if inner:
                    self.emit({"when": condition, "then": []}, node.line, inner)
            case "when", "stop" | "exit", []:
                inner = [Step(data=node.name, line=node.line)]
                self.emit({"when": pending.value.data, "then": []}, node.line, inner)
            case _:
                raise Unconvertible(node.line, f"`{node.name}` does not take this")
        return None

    def _each(self, items: list[Any], node: Call, arguments: list[Any]) -> Any:
        match arguments:
            case [_Block(closure=closure, scope=scope)] if node.name == "each" and len(closure.parameters) <= 1:
                name = closure.parameters[0] if closure.parameters else "it"
                for item in items:
                    self._count += 1
                    if self._count > STEPS_MAX:
                        raise InvalidGroovy(node.line, f"the script makes more than {STEPS_MAX} steps")
                    self._block(closure.body, scope, **{name: item})
                return items
            case _:
                raise Unconvertible(node.line, "of a list only `.each { a -> … }` is read")


# ── The result ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _rendered(steps: list[Step], path: str, lines: dict[str, int]) -> Iterator[Any]:
    for index, step in enumerate(steps):
        here = f"{path}[{index}]"
        lines[here] = step.line
        if step.inner is None:
            yield step.data
        else:
            key = "then" if "then" in step.data else "section"
            yield {**step.data, key: list(_rendered(step.inner, f"{here}.{key}", lines))}
