"""The text of HTML as a reader sees it, roughly, in time that grows with the length of the HTML only."""

import re
from html import unescape
from typing import Final

HTML_MAX: Final = 200_000
"""Characters that are read."""
_HIDDEN: Final = frozenset({"script", "style", "head", "title"})
_BREAKS: Final = frozenset(
    {"br", "p", "div", "tr", "li", "h1", "h2", "h3", "table", "ul", "ol", "pre", "blockquote"}
)  # fmt: skip
_NAMED = re.compile(r"</?([A-Za-z][^\s/>]{0,40})")
_REST = re.compile(r"""(?:[^>"']|"[^"]*+"|'[^']*+')*+>""")
_ENDS: Final = {name: re.compile(rf"</{name}(?=[\s/>])", re.IGNORECASE) for name in ("script", "style")}
_CODE = re.compile(r"&#0*+(?:[0-9]{8,}|[xX]0*+[0-9a-fA-F]{8,});?")


def without_markup(html: str) -> str:
    """The text without tags, scripts and styles; no blanks around its lines, and no two empty ones in a row."""
    lines: list[str] = []
    for line in "".join(_Reader(_short(html)).read()).splitlines():
        words = " ".join(line.split())
        if words or (lines and lines[-1]):
            lines.append(words)
    return "\n".join(lines).strip()


def _short(html: str) -> str:
    """What is read of it, without the tag that the cut goes through."""
    if len(html) <= HTML_MAX:
        return html
    begun = html.rfind("<", 0, HTML_MAX)
    return html[: begun if begun > html.rfind(">", 0, HTML_MAX) else HTML_MAX]


class _Reader:
    """A cursor that only goes forward: where a comment or a script does not end, the rest belongs to it."""

    def __init__(self, html: str) -> None:
        self._html = html
        self._hidden = 0
        self._quotes = True
        self.parts: list[str] = []

    def read(self) -> list[str]:
        """The texts, and a line break for each tag that makes one."""
        at = 0
        while at < len(self._html):
            opened = self._html.find("<", at)
            opened = len(self._html) if opened < 0 else opened
            self._data(self._html[at:opened])
            at = self._markup(opened)
        return self.parts

    def _data(self, text: str) -> None:
        if text and not self._hidden:
            # Numbers that no character has, which `unescape` may be unable to read.
            self.parts.append(unescape(_CODE.sub("\ufffd", text)))

    def _markup(self, at: int) -> int:
        """What begins with `<` at this place; where it ends."""
        if self._html.startswith("<!--", at):
            return self._after("-->", at + 4)
        named = _NAMED.match(self._html, at)
        if named is not None:
            return self._tag(named)
        if self._html[at + 1 : at + 2] in {"!", "?", "/"}:
            return self._closed(at, at + 1)
        self._data(self._html[at : at + 1])
        return at + 1

    def _tag(self, named: re.Match[str]) -> int:
        name, ends = named[1].lower(), named[0].startswith("</")
        end = self._end(named)
        alone = self._html.endswith("/>", named.end(), end)
        if name in _BREAKS:
            self.parts.append("\n")
        elif name in _HIDDEN and ends:
            self._hidden = max(0, self._hidden - 1)
        elif name in _HIDDEN and not alone:
            self._hidden += 1
            if name in _ENDS:
                found = _ENDS[name].search(self._html, end)
                return found.start() if found is not None else len(self._html)
        return end

    def _end(self, named: re.Match[str]) -> int:
        """Behind the `>` of a tag, which is not one in quotes; once quotes stay open they count no more."""
        if self._quotes:
            found = _REST.match(self._html, named.end())
            if found is not None:
                return found.end()
            self._quotes = False
        return self._closed(named.start(), named.end())

    def _closed(self, begin: int, at: int) -> int:
        """Behind the next `>`. Without one, what begins here is no markup but text, as is all that follows."""
        end = self._after(">", at)
        if not self._html.endswith(">", at, end):
            self._data(self._html[begin:])
        return end

    def _after(self, mark: str, at: int) -> int:
        found = self._html.find(mark, at)
        return len(self._html) if found < 0 else found + len(mark)
