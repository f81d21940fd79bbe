"""Regular expressions of users over hostile text: RE2, whose time grows with the text only, whatever the pattern."""

import importlib
from typing import Any

from watchbell.domain.errors import Invalid

_re2: Any = importlib.import_module("re2")  # ships without types
_MEMORY = 8 << 20


class Pattern:
    """One compiled expression. `Invalid` when it cannot be read: RE2 has no look-around and no back-references."""

    def __init__(self, text: str) -> None:
        options = _re2.Options()
        options.max_mem = _MEMORY
        options.log_errors = False
        try:
            self._compiled = _re2.compile(text, options)
        except (_re2.error, UnicodeEncodeError) as error:
            reason = error.args[0] if isinstance(error, _re2.error) and error.args else "malformed"
            words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise Invalid(f"is not a regular expression: {words}") from error

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere."""
        return self._compiled.search(text) is not None

    def matches(self, text: str) -> bool:
        """Whether it matches the whole text. Never a text that is no Unicode (half a surrogate pair)."""
        try:
            return self._compiled.fullmatch(text) is not None
        except UnicodeEncodeError:
            return False

    def whole(self, text: str) -> Any:
        """The match of the whole text, whose `group(number or name)` is what that group matched; None without one."""
        try:
            return self._compiled.fullmatch(text)
        except UnicodeEncodeError:
            return None

    def has_group(self, group: int | str) -> bool:
        """Whether there is a group of that number (0 is the whole) or name."""
        if isinstance(group, int):
            return 0 <= group <= self._compiled.groups
        return group in self._compiled.groupindex
