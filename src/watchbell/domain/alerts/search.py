"""The search language of `q=`: Lucene's query syntax as Alerta's users know it, read into an expression.

    disk full               either word            text:disk AND severity:major    both
    "no space left"         the words in a row     NOT status:closed, -status:closed, !status:closed
    dis?, disk*             wildcards              (a OR b) AND c, a && b || c
    /eth[0-9]+/             regular expression     text:(disk OR memory)
    duplicateCount:>5       also >= < <=           lastReceiveTime:[2026-01-01T00:00:00Z TO *], value:{10 TO 20}
    attributes.region:EU    or _.region:EU         _exists_:region, customer:*

Words that stand beside each other mean either of them, except that one with `+` must be there and one with `-`, `!` or
`NOT` must not. A backslash takes the next character literally. It fails with `Invalid`, which names the column; it
neither knows which fields there are (`resolve` does) nor how a store compares.
"""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from watchbell.domain.alerts.query import AllOf, AnyOf, Expression, Filter, Negation, Operator
from watchbell.domain.errors import Invalid

LONGEST: Final = 2000
DEEPEST: Final = 20
MOST_TERMS: Final = 100
_SPACE = " \t\r\n\u3000"
_ENDS_WORD = frozenset(_SPACE + '()[]{}"')
_JOINERS = {"AND": "and", "&&": "and", "OR": "or", "||": "or", "NOT": "not"}
_COMPARED: Final[Sequence[tuple[str, Operator]]] = ((">=", "gte"), ("<=", "lte"), (">", "gt"), ("<", "lt"))

EVERYTHING = AllOf(parts=())


class _Clause(msgspec.Struct, frozen=True):
    """One member of a row of words: whether it must be there (`+`), must not (`-`), or may."""

    expression: Expression
    sign: str = ""


def parse_search(text: str, default: str, resolve: Callable[[str], str]) -> Expression:
    """Read `text`; words without a field are looked for in the field `default`.

    `resolve` turns the name of a field as it is written into the one that a `Filter` has, or raises `Invalid`.
    """
    if len(text) > LONGEST:
        raise Invalid(f"must have at most {LONGEST} characters", "q")
    return _Parser(text, resolve).whole(default)


class _Parser:
    def __init__(self, text: str, resolve: Callable[[str], str]) -> None:
        self._text = text
        self._at = 0
        self._depth = 0
        self._terms = 0
        self._resolve = resolve

    def whole(self, default: str) -> Expression:
        if not self._text.strip(_SPACE):
            return EVERYTHING
        found = self._row(self._resolve(default))
        if self._peek():
            raise self._wrong(f"unexpected {self._peek()!r}")
        return found

    # What stands in a row: alternatives, each of them a chain of AND.

    def _row(self, field: str) -> Expression:
        self._depth += 1
        if self._depth > DEEPEST:
            raise self._wrong(f"is nested more than {DEEPEST} deep")
        clauses = [self._chain(field)]
        while self._peek() not in {"", ")"}:
            self._skip_joiner("or")
            clauses.append(self._chain(field))
        self._depth -= 1
        needed = [clause.expression for clause in clauses if clause.sign == "+"]
        unwanted = [Negation(part=clause.expression) for clause in clauses if clause.sign == "-"]
        possible = [clause.expression for clause in clauses if not clause.sign]
        wanted = needed or ([_any(possible)] if possible else [])
        return _all([*wanted, *unwanted])

    def _chain(self, field: str) -> _Clause:
        first = self._signed(field)
        parts = [Negation(part=first.expression) if first.sign == "-" else first.expression]
        while True:
            joined = self._skip_joiner("and")
            if not joined and not (first.sign != "-" and self._is_negation()):
                break
            following = self._signed(field)
            negated = following.sign == "-"
            parts.append(Negation(part=following.expression) if negated else following.expression)
        return first if len(parts) == 1 else _Clause(_all(parts), "+" if first.sign == "+" else "")

    def _signed(self, field: str) -> _Clause:
        sign = ""
        while self._is_negation():
            self._at += 3 if self._joiner() == "not" else 1
            sign = "" if sign else "-"
        if not sign and self._peek() == "+":
            self._at += 1
            sign = "+"
        return _Clause(self._clause(field), sign)

    def _is_negation(self) -> bool:
        return self._joiner() == "not" or self._peek() in {"-", "!"}

    def _joiner(self) -> str:
        """The word between clauses that comes next, if one does."""
        self._peek()
        for word, meaning in _JOINERS.items():
            if self._text.startswith(word, self._at):
                after = self._text[self._at + len(word) : self._at + len(word) + 1]
                if not word.isalpha() or not after or after in _ENDS_WORD:
                    return meaning
        return ""

    def _skip_joiner(self, meaning: str) -> bool:
        if self._joiner() != meaning:
            return False
        self._at += next(len(w) for w, m in _JOINERS.items() if m == meaning and self._text.startswith(w, self._at))
        return True

    # One clause: (…), field:…, or a value.

    def _clause(self, field: str) -> Expression:
        if self._joiner():
            raise self._wrong("a word is missing before AND or OR")
        if self._peek() == "(":
            return self._group(field)
        name = self._field_name()
        if name is None:
            return self._value(field)
        if name == "_exists_":
            return self._exists()
        if name == "*" and self._text.startswith("*", self._at):
            self._at += 1
            return EVERYTHING
        field = self._resolve(f"attributes.{name[2:]}" if name.startswith("_.") else name)
        return self._group(field) if self._peek() == "(" else self._value(field)

    def _group(self, field: str) -> Expression:
        self._at += 1
        found = self._row(field)
        if self._peek() != ")":
            raise self._wrong("a ')' is missing")
        self._at += 1
        return found

    def _field_name(self) -> str | None:
        """The name before a colon, when there is one; stands behind the colon then."""
        end = self._at
        while end < len(self._text) and (self._text[end].isalnum() or self._text[end] in "_.-*@$"):
            end += 1
        begins_word = self._text[self._at : self._at + 1].isdigit() or self._text.startswith("://", end)
        if end == self._at or not self._text.startswith(":", end) or begins_word:
            return None  # a time or an address has a colon too
        name = self._text[self._at : end]
        self._at = end + 1
        return name

    def _exists(self) -> Expression:
        word, _ = self._word()
        try:
            field = self._resolve(word)
        except Invalid:
            field = self._resolve(f"attributes.{word.removeprefix('_.')}")
        return self._leaf(field, "exists")

    def _value(self, field: str) -> Expression:
        head = self._peek()
        if not head:
            raise self._wrong("something is missing at the end")
        if head == '"':
            return self._leaf(field, "phrase", self._quoted('"'))
        if head == "/":
            return self._leaf(field, "regex", self._quoted("/"))
        if head in "[{":
            return self._range(field)
        for sign, operator in _COMPARED:
            if self._text.startswith(sign, self._at):
                self._at += len(sign)
                return self._leaf(field, operator, self._plain())
        word, wild = self._word()
        if word == "*" and wild:
            return self._leaf(field, "exists")
        return self._leaf(field, "like" if wild else "term", word)

    def _leaf(self, field: str, operator: Operator, *values: str) -> Filter:
        self._terms += 1
        if self._terms > MOST_TERMS:
            raise self._wrong(f"has more than {MOST_TERMS} terms")
        return Filter(field=field, operator=operator, values=values)

    def _range(self, field: str) -> Expression:
        opened = self._text[self._at]
        self._at += 1
        low = self._bound()
        if not (self._peek() and self._text.startswith("TO", self._at)):
            raise self._wrong("a range is written [from TO to]")
        self._at += 2
        high = self._bound()
        closed = self._peek()
        if closed not in {"]", "}"}:
            raise self._wrong("a ']' or '}' is missing")
        self._at += 1
        parts: list[Expression] = []
        if low != "*":
            parts.append(self._leaf(field, "gte" if opened == "[" else "gt", low))
        if high != "*":
            parts.append(self._leaf(field, "lte" if closed == "]" else "lt", high))
        return _all(parts) if parts else self._leaf(field, "exists")

    def _bound(self) -> str:
        if self._peek() != "*":
            return self._plain()
        self._at += 1
        return "*"

    def _plain(self) -> str:
        return self._quoted('"') if self._peek() == '"' else self._word()[0].replace("\\", "")

    def _word(self) -> tuple[str, bool]:
        r"""The next word, and whether it has wildcards; a literal `*`, `?` or `\` in one with wildcards is escaped."""
        self._peek()
        plain, escaped, wild, start = "", "", False, self._at
        while self._at < len(self._text) and self._text[self._at] not in _ENDS_WORD:
            character = self._text[self._at]
            if character in "~^" and self._at > start:
                raise self._wrong(f"{character!r} (fuzzy words, boosts) is not understood; write \\{character}")
            if character == "\\":
                self._at += 1
                if self._at == len(self._text):
                    raise self._wrong("a backslash needs a character behind it")
                character = self._text[self._at]
                escaped += f"\\{character}" if character in "*?\\" else character
            else:
                wild = wild or character in "*?"
                escaped += character
            plain += character
            self._at += 1
        if self._at == start:
            raise self._wrong(
                f"unexpected {self._text[start : start + 1]!r}" if self._peek() else "something is missing"
            )
        return (escaped, True) if wild else (plain, False)

    def _quoted(self, mark: str) -> str:
        start = self._at
        self._at += 1
        found = ""
        while self._at < len(self._text):
            character = self._text[self._at]
            if character == mark:
                self._at += 1
                return found
            if character == "\\" and self._at + 1 < len(self._text):
                self._at += 1
                # In a regular expression every other escape is the expression's own.
                keep = mark == "/" and self._text[self._at] != "/"
                character = f"\\{self._text[self._at]}" if keep else self._text[self._at]
            found += character
            self._at += 1
        self._at = start
        raise self._wrong(f"a closing {mark} is missing")

    def _peek(self) -> str:
        """The next character that is no space; '' at the end."""
        while self._at < len(self._text) and self._text[self._at] in _SPACE:
            self._at += 1
        return self._text[self._at : self._at + 1]

    def _wrong(self, reason: str) -> Invalid:
        return Invalid(f"Failed to parse query string: {reason} (column {self._at + 1})", "")


def _all(parts: Sequence[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else AllOf(parts=tuple(parts))


def _any(parts: Sequence[Expression]) -> Expression:
    return parts[0] if len(parts) == 1 else AnyOf(parts=tuple(parts))
