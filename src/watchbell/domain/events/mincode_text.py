"""Mincode, written: what `mincode` reads. For parameters that were changed before they are stored."""

import json
import re
from typing import Any, cast

from watchbell.domain.events.numbers import to_base36

_SPECIAL = re.compile(r"([!~])")


def encode_mincode(value: Any, name: str | None = None) -> str:
    """The record of JSON-compatible data; with the name of the field when it stands in an object."""
    named = "" if name is None else f"{_escaped(name)}!"
    if value is None or isinstance(value, bool):
        return {None: "n", True: "t", False: "f"}[value] + named
    if isinstance(value, str):
        return f"s{named}{_escaped(value)}!"
    if isinstance(value, int):
        return f"d{named}{to_base36(value)}!"
    if isinstance(value, float):
        return f"j{named}{json.dumps(value)}!"
    if isinstance(value, list):
        items = cast("list[Any]", value)
        return f"a{named}{''.join(encode_mincode(each) for each in items)}."
    fields = cast("dict[str, Any]", value)
    return f"({named}{''.join(encode_mincode(each, key) for key, each in fields.items())})"


def _escaped(text: str) -> str:
    return _SPECIAL.sub(r"~\1", text)
