"""Named expressions: what is used once is written where it is used, what is used more often gets its name."""

from typing import Any, Final, cast

INLINE_DEPTH: Final = 8
"""How deep an expression may be nested to be written where it is used."""


def inlined(steps: list[Any], define: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Small definitions that are used once are put where they are used; those never used are dropped.

    A definition uses only those before it, so one pass is enough.
    """
    uses: dict[str, int] = {}
    _count_uses([steps, list(define.values())], uses)
    small: dict[str, Any] = {}
    kept: dict[str, Any] = {}
    for name, data in define.items():
        whole = _replaced(data, small)
        if uses.get(name, 0) <= 1 and _depth(whole) <= INLINE_DEPTH:
            small[name] = whole
        else:
            kept[name] = whole
    steps = _replaced(steps, small)
    reached = _reached(steps, kept)
    return steps, {name: data for name, data in kept.items() if name in reached}


def _reached(steps: list[Any], define: dict[str, Any]) -> set[str]:
    """The definitions that steps use, directly or by another definition."""
    uses: dict[str, int] = {}
    _count_uses(steps, uses)
    reached = set(uses)
    for name in reversed(define):
        if name in reached:
            _count_uses(define[name], uses)
            reached |= set(uses)
    return reached


def uses_name(data: Any, name: str) -> bool:
    """Whether an expression uses a definition."""
    uses: dict[str, int] = {}
    _count_uses(data, uses)
    return name in uses


def _count_uses(data: Any, uses: dict[str, int]) -> None:
    waiting = [data]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            fields = cast("dict[str, Any]", current)
            used = fields.get("use")
            if isinstance(used, str) and len(fields) == 1:
                uses[used] = uses.get(used, 0) + 1
            waiting.extend(fields.values())
        elif isinstance(current, list):
            waiting.extend(cast("list[Any]", current))


def _replaced(data: Any, by: dict[str, Any]) -> Any:
    if isinstance(data, dict):
        fields = cast("dict[str, Any]", data)
        used = fields.get("use")
        if isinstance(used, str) and len(fields) == 1:
            return by.get(used, fields)
        return {key: _replaced(value, by) for key, value in fields.items()}
    if isinstance(data, list):
        return [_replaced(value, by) for value in cast("list[Any]", data)]
    return data


def _depth(data: Any) -> int:
    if isinstance(data, dict):
        return 1 + max(map(_depth, cast("dict[str, Any]", data).values()), default=0)
    if isinstance(data, list):
        return 1 + max(map(_depth, cast("list[Any]", data)), default=0)
    return 0
