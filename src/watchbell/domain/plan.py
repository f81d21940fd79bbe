"""What applying a set of objects would change: which are made, changed and removed, and field by field how."""

from typing import Any, Literal, cast

import msgspec

MASK = "••••"
"""What stands for a secret wherever one is shown."""


class FieldChange(msgspec.Struct, frozen=True, kw_only=True):
    """One field before and after; None when it was not there."""

    field: str
    before: Any = None
    after: Any = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """What happens to one object."""

    action: Literal["create", "update", "delete"]
    kind: str
    name: str
    fields: tuple[FieldChange, ...] = ()


def differences(before: Any, after: Any, path: str = "") -> list[FieldChange]:
    """Where two bodies differ; mappings are followed, lists are compared whole."""
    if isinstance(before, dict) and isinstance(after, dict):
        one, other = cast("dict[str, Any]", before), cast("dict[str, Any]", after)
        found: list[FieldChange] = []
        for name in sorted({*one, *other}):
            found += differences(one.get(name), other.get(name), f"{path}.{name}" if path else name)
        return found
    if before == after and isinstance(before, bool) == isinstance(after, bool):
        return []
    return [FieldChange(field=path, before=before, after=after)]


def masked(body: dict[str, Any], secrets: frozenset[str]) -> dict[str, Any]:
    """The body with dots for every text inside the settings named in `secrets`."""
    config = body.get("config")
    if not isinstance(config, dict) or not secrets:
        return body
    given = cast("dict[str, Any]", config)
    return {**body, "config": {name: _dots(value) if name in secrets else value for name, value in given.items()}}


def _dots(value: Any) -> Any:
    if isinstance(value, str):
        return MASK if value else ""
    if isinstance(value, dict):
        return {name: _dots(inner) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_dots(inner) for inner in cast("list[Any]", value)]
    return value
