"""Groovy tokens to a syntax tree, for the part of the language that mapping scripts use.

A statement that is not understood becomes `Unreadable`, and reading goes on behind it; only what makes the rest
meaningless (a text or brace that is never closed, nesting without end) raises `InvalidGroovy`.
"""

from typing import Final

import msgspec

from watchbell.importers.divolte.groovy.tokens import MAX_DIGITS, Token, tokens_of
from watchbell.importers.divolte.groovy.tree import (
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
    Property,
    Statement,
    Template,
    Unreadable,
)

MAX_DEPTH: Final = 60
_OPENING: Final = {"(": ")", "[": "]", "{": "}"}
_WORDS: Final = {"true": True, "false": False, "null": None}
_REFUSED: Final = frozenset(
    {"if", "else", "for", "while", "do", "switch", "try", "catch", "finally", "throw", "class", "interface", "enum"}
    | {"trait", "import", "package", "new", "return", "assert", "static", "private", "public", "protected", "goto"}
    | {"synchronized", "abstract", "break", "continue", "instanceof", "super", "this", "void"}
)
_BINDING: Final = {
    "?:": 1, "?": 1, "||": 2, "&&": 3, "|": 4, "^": 5, "&": 6, "==": 7, "!=": 7, "===": 7, "!==": 7, "<=>": 7, "==~": 7,
    "=~": 7, "<": 8, ">": 8, "<=": 8, ">=": 8, "..": 9, "+": 10, "-": 10, "*": 11, "/": 11, "%": 11, "**": 12,
}  # fmt: skip


def parse_script(text: str) -> tuple[Statement, ...]:
    """The statements of a script, in order.

    Raises:
        InvalidGroovy: nothing sensible can be read.
    """
    return _Parser(text).script()


class _Unexpected(InvalidGroovy):
    """One statement cannot be read; the next ones may."""


class _Parser:
    def __init__(self, text: str, line: int = 1, depth: int = 0) -> None:
        self._text = text
        self._tokens = tokens_of(text, line)
        self._match = _brackets(self._tokens)
        self._at = 0
        self._depth = depth

    def script(self) -> tuple[Statement, ...]:
        return self._statements("")

    def only_expression(self) -> Expression:
        """The text as one expression, as it stands in a text in double quotes."""
        value = self._expression()
        self._skip_lines()
        if self._token.kind != "end":
            raise self._unexpected()
        return value

    # ── Tokens ───────────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def _token(self) -> Token:
        return self._tokens[self._at]

    def _is(self, text: str) -> bool:
        return self._token.kind == "sign" and self._token.text == text

    def _take(self) -> Token:
        token = self._token
        self._at += token.kind != "end"
        return token

    def _expect(self, text: str) -> Token:
        if not self._is(text):
            raise self._unexpected(f"expected {text}, found")
        return self._take()

    def _skip_lines(self) -> None:
        while self._token.kind == "line":
            self._at += 1

    def _unexpected(self, words: str = "unexpected") -> _Unexpected:
        token = self._token
        if token.kind == "name" and token.text in _REFUSED:
            return _Unexpected(token.line, f"`{token.text}` is program code, which is not executed")
        shown = {"line": "the end of the line", "end": "the end"}.get(token.kind, self._text[token.start : token.end])
        return _Unexpected(token.line, f"{words} {shown}")

    # ── Statements ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _statements(self, closing: str) -> tuple[Statement, ...]:
        found: list[Statement] = []
        while True:
            while self._token.kind == "line" or self._is(";"):
                self._at += 1
            if self._token.kind == "end" or (closing and self._is(closing)):
                return tuple(found)
            found.append(self._statement(closing))

    def _statement(self, closing: str) -> Statement:
        start = self._at
        depth = self._depth
        try:
            statement = self._read_statement()
            if not (self._token.kind in {"line", "end"} or self._is(";") or (closing and self._is(closing))):
                raise self._unexpected()
        except _Unexpected as error:
            self._depth = depth
            return self._skipped(start, error)
        return msgspec.structs.replace(statement, last=self._tokens[max(self._at - 1, start)].line)

    def _skipped(self, start: int, error: _Unexpected) -> Unreadable:
        """Go behind the statement that begins at `start`: to the end of a line outside all brackets."""
        self._at = start
        while self._token.kind != "end":
            if self._at in self._match:
                self._at = self._match[self._at] + 1
                continue
            if self._is(";") or self._is("}") or (self._token.kind == "line" and not self._goes_on()):
                break
            self._at += 1
        first, last = self._tokens[start], self._tokens[max(self._at - 1, start)]
        text = self._text[first.start : last.end]
        return Unreadable(text=text, reason=error.reason, line=first.line, last=last.line)

    def _goes_on(self) -> bool:
        """Whether the statement goes on behind this end of line: with `else`, `catch`, or a call by a dot."""
        behind = next(token for token in self._tokens[self._at :] if token.kind != "line")
        return behind.text in {"else", "catch", "finally", ".", "?."} and behind.kind in {"name", "sign"}

    def _read_statement(self) -> Statement:
        token = self._token
        ahead = [(t.kind, t.text) for t in self._tokens[self._at : self._at + 3]]
        if token.kind == "name" and token.text == "return":
            self._take()
            return Do(value=self._command(), line=token.line)
        if token.kind == "name" and token.text in _REFUSED:
            raise self._unexpected()
        if token.kind == "name" and token.text in {"def", "final"} and len(ahead) == 3:
            self._take()
            if self._token.kind == "name" and ahead[2][0] == "name":
                self._take()  # final String x
            return self._let(new=True)
        if [kind for kind, _ in ahead] == ["name", "name", "sign"] and ahead[2][1] == "=":
            self._take()  # String x = …
            return self._let(new=True)
        if token.kind == "name" and ahead[1:2] == [("sign", "=")]:
            return self._let(new=False)
        return Do(value=self._command(), line=token.line)

    def _let(self, *, new: bool) -> Let:
        token = self._take()
        if token.kind != "name":
            raise _Unexpected(token.line, "only `def name = …` is read")
        self._expect("=")
        self._skip_lines()
        return Let(name=token.text, value=self._command(), new=new, line=token.line)

    # ── Expressions ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _command(self) -> Expression:
        """An expression, or a chain without parentheses: `map a() onto 'f'`."""
        value = self._expression()
        if isinstance(value, Name | Property) and self._argument_here():
            target = value.target if isinstance(value, Property) else None
            value = Call(target=target, name=value.name, arguments=self._arguments(), line=value.line)
        if not isinstance(value, Call):
            return value
        chain: Expression = value
        while self._token.kind == "name" and self._token.text not in _REFUSED:
            word = self._take()
            if self._is("("):
                call = Call(target=chain, name=word.text, arguments=self._parenthesised(), line=word.line)
                chain = self._suffixes(call)
            elif self._argument_here():
                chain = Call(target=chain, name=word.text, arguments=self._arguments(), line=word.line)
            else:
                chain = Property(target=chain, name=word.text, line=word.line)
        return chain

    def _argument_here(self) -> bool:
        token = self._token
        if token.kind == "name":
            return token.text not in _REFUSED
        return token.kind in {"text", "template", "number"} or (token.kind == "sign" and token.text in {"{", "[", "!"})

    def _arguments(self) -> tuple[Expression, ...]:
        found = [self._expression(blocks=False)]
        while self._is(","):
            self._take()
            self._skip_lines()
            found.append(self._expression(blocks=False))
        return tuple(found)

    def _expression(self, binding: int = 0, *, blocks: bool = True) -> Expression:
        """An expression whose operators bind tighter than `binding`; `blocks`: `{` behind a name is its argument."""
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidGroovy(self._token.line, f"is nested more than {MAX_DEPTH} deep")
        value = self._operand(blocks=blocks)
        while self._token.kind == "sign" and _BINDING.get(self._token.text, 0) > binding:
            operator = self._take()
            self._skip_lines()
            right = self._expression(0 if operator.text == "?" else _BINDING[operator.text], blocks=blocks)
            operands = (value, right)
            if operator.text == "?":
                self._skip_lines()
                self._expect(":")
                self._skip_lines()
                operands = (value, right, self._expression(blocks=blocks))
            value = Operation(operator=operator.text, operands=operands, line=operator.line)
        self._depth -= 1
        return value

    def _operand(self, *, blocks: bool) -> Expression:
        token = self._take()
        if token.kind == "sign" and token.text in {"!", "-", "+", "~", "++", "--"}:
            value = self._expression(13, blocks=blocks)
            return Operation(operator=token.text, operands=(value,), line=token.line)
        return self._suffixes(self._primary(token), blocks=blocks)

    def _primary(self, token: Token) -> Expression:  # noqa: PLR0911 - one for each kind of token
        if token.kind == "text":
            return Literal(value=token.text, line=token.line)
        if token.kind == "template":
            return self._template(token)
        if token.kind == "number":
            return Literal(value=_number(token), line=token.line)
        if token.kind == "name":
            if token.text in _WORDS:
                return Literal(value=_WORDS[token.text], line=token.line)
            if token.text in _REFUSED:
                self._at -= 1
                raise self._unexpected()
            return Name(name=token.text, line=token.line)
        if token.text == "(" and token.kind == "sign":
            self._skip_lines()
            value = self._command()
            self._skip_lines()
            self._expect(")")
            return value
        if token.text == "[" and token.kind == "sign":
            return ListOf(items=self._items("]"), line=token.line)
        if token.text == "{" and token.kind == "sign":
            return self._closure(token)
        self._at -= token.kind != "end"
        raise self._unexpected()

    def _template(self, token: Token) -> Template:
        parts: list[Expression] = []
        for is_expression, text, line in token.parts:
            if is_expression:
                parts.append(_Parser(text, line, self._depth).only_expression())
            else:
                parts.append(Literal(value=text, line=line))
        return Template(parts=tuple(parts), line=token.line)

    def _suffixes(self, value: Expression, *, blocks: bool = True) -> Expression:
        """What hangs on a value: `(…)`, `.name(…)`, `{…}`, also when the dot stands on the next line."""
        while True:
            if self._is("(") and isinstance(value, Name | Property):
                target = value.target if isinstance(value, Property) else None
                value = Call(target=target, name=value.name, arguments=self._parenthesised(), line=value.line)
            elif self._dot_ahead():
                self._skip_lines()
                self._take()
                self._skip_lines()
                token = self._take()
                if token.kind not in {"name", "text"}:
                    self._at -= token.kind != "end"
                    raise self._unexpected("after a dot there must be a name, found")
                value = Property(target=value, name=token.text, line=token.line)
            elif (
                self._is("{") and isinstance(value, Name | Property | Call) and self._takes_block(value, blocks=blocks)
            ):
                value = self._with_block(value)
            else:
                return value

    def _takes_block(self, value: Expression, *, blocks: bool) -> bool:
        """Whether `{` belongs to this value: `.each {` does; `c` in `when c apply {` cannot come here."""
        return blocks or isinstance(value, Property)

    def _with_block(self, value: Name | Property | Call) -> Call:
        closure = self._closure(self._take())
        if isinstance(value, Call):
            return Call(target=value.target, name=value.name, arguments=(*value.arguments, closure), line=value.line)
        target = value.target if isinstance(value, Property) else None
        return Call(target=target, name=value.name, arguments=(closure,), line=value.line)

    def _dot_ahead(self) -> bool:
        at = self._at
        while self._tokens[at].kind == "line":
            at += 1
        return self._tokens[at].kind == "sign" and self._tokens[at].text in {".", "?."}

    def _parenthesised(self) -> tuple[Expression, ...]:
        self._expect("(")
        return self._items(")")

    def _items(self, closing: str) -> tuple[Expression, ...]:
        found: list[Expression] = []
        self._skip_lines()
        while not self._is(closing):
            found.append(self._command())
            self._skip_lines()
            if not self._is(closing):
                self._expect(",")
                self._skip_lines()
        self._take()
        return tuple(found)

    def _closure(self, opening: Token) -> Closure:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise InvalidGroovy(opening.line, f"is nested more than {MAX_DEPTH} deep")
        parameters = self._parameters()
        body = self._statements("}")
        self._expect("}")
        self._depth -= 1
        return Closure(parameters=parameters, body=body, line=opening.line)

    def _parameters(self) -> tuple[str, ...]:
        """`a, b ->` behind an opening brace; nothing is taken when there is no arrow."""
        start = self._at
        names: list[str] = []
        self._skip_lines()
        while self._token.kind == "name" or self._is(","):
            token = self._take()
            if token.kind == "name" and token.text not in {"def", "final"}:
                names.append(token.text)
        if self._is("->"):
            self._take()
            return tuple(names)
        self._at = start
        return ()


def _brackets(tokens: list[Token]) -> dict[int, int]:
    """Where each opening bracket is closed; raises when they do not fit."""
    found: dict[int, int] = {}
    open_ones: list[int] = []
    for index, token in enumerate(tokens):
        if token.kind != "sign":
            continue
        if token.text in _OPENING:
            open_ones.append(index)
        elif token.text in {")", "]", "}"}:
            if not open_ones or _OPENING[tokens[open_ones[-1]].text] != token.text:
                raise InvalidGroovy(token.line, f"{token.text} closes nothing")
            found[open_ones.pop()] = index
    if open_ones:
        token = tokens[open_ones[-1]]
        raise InvalidGroovy(token.line, f"this {token.text} is never closed")
    return found


def _number(token: Token) -> int | float:
    text = token.text.replace("_", "")
    if len(text) > MAX_DIGITS:
        raise _Unexpected(token.line, f"a number of more than {MAX_DIGITS} digits")
    low = text.lower()
    if low.startswith(("0x", "0b")):
        digits = low[2:].rstrip("ilg")
        if not digits:
            raise _Unexpected(token.line, "a number without digits")
        return int(digits, 16 if low[1] == "x" else 2)
    if low[-1] in "ilg" and low[:-1].isdecimal():
        return _whole(low[:-1], token)
    if low.isdecimal():
        return _whole(low, token)
    return float(low.rstrip("fdgil"))


def _whole(digits: str, token: Token) -> int:
    if len(digits) > 1 and digits.startswith("0"):  # Groovy reads these as octal
        if set(digits) - set("01234567"):
            raise _Unexpected(token.line, f"{digits} is no octal number")
        return int(digits, 8)
    return int(digits)
