"""Settings as TOML text. Always the same text for the same settings; what `tomllib` reads from it is what was given."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

_BARE = re.compile(r"[A-Za-z0-9_-]+")


def toml_text(settings: Mapping[str, Any]) -> str:
    """Tables, texts, whole and other numbers, truth values, lists of these; anything else raises TypeError."""
    return "\n".join(_table(settings, ())).strip("\n") + "\n"


def _table(table: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[str]:
    plain = {key: value for key, value in table.items() if not isinstance(value, Mapping)}
    inner = {key: cast("Mapping[str, Any]", value) for key, value in table.items() if isinstance(value, Mapping)}
    if path and (plain or not inner):
        yield f"[{'.'.join(_key(name) for name in path)}]"
    for key, value in plain.items():
        yield f"{_key(key)} = {_value(value)}"
    if plain or (path and not inner):
        yield ""
    for key, value in inner.items():
        yield from _table(value, (*path, key))


def _key(name: str) -> str:
    return name if _BARE.fullmatch(name) else _text(name)


def _text(text: str) -> str:
    # JSON's escapes are TOML's; DEL must be escaped besides, and half a surrogate pair cannot be written at all.
    return json.dumps(text.encode("utf-8", "replace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return repr(value) if math.isfinite(value) else {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, Any]", value).items()
        return "{" + ", ".join(f"{_key(name)} = {_value(inner)}" for name, inner in pairs) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(item) for item in cast("list[Any]", value)) + "]"
    raise TypeError(f"{type(value).__name__} has no place in TOML")
