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
        except _re2.error as error:
            reason = error.args[0] if error.args else "malformed"
            words = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
            raise Invalid(f"is not a regular expression: {words}") from error

    def found_in(self, text: str) -> bool:
        """Whether it matches anywhere."""
        return self._compiled.search(text) is not None
