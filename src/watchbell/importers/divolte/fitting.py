"""A converted script against the schema: what our language refuses there is left out, too, and named with its line.

Divolte fails at the start where a field is unknown or a type does not fit; and some regular expressions of Java's are
none of RE2's. The rest of the mapping need not wait for these.
"""

import re
from typing import Any, Final, cast

import msgspec

from watchbell.domain.errors import Fault, Faulty
from watchbell.domain.events.mapping.compiled import compile_mapping
from watchbell.domain.events.mapping.model import Mapping
from watchbell.importers.divolte.groovy import InvalidGroovy
from watchbell.importers.divolte.naming import uses_name
from watchbell.importers.divolte.script import Converted, Omission, Step

MAX_ROUNDS: Final = 50
_INNER: Final = frozenset({"then", "section"})
_STEP = re.compile(r"(steps|\.then|\.section)\[(\d+)\]")


def fitted(mapping: Mapping, script: Converted) -> tuple[Mapping, list[Omission]]:
    """The mapping with the script's steps, as far as they fit its schema; and what does not."""
    omissions = list(script.omissions)
    for _ in range(MAX_ROUNDS):
        steps, define, lines = script.rendered()
        whole = msgspec.structs.replace(mapping, steps=steps, define=define)
        faults = _faults(whole)
        found = {step: fault for fault in reversed(faults) if (step := _step_of(fault.field, steps, define, lines))}
        omissions += [_omission(script, lines.get(step, 1), fault) for step, fault in reversed(found.items())]
        if not found:
            omissions += [_omission(script, 1, fault) for fault in faults]
            return whole, omissions
        script = msgspec.structs.replace(script, tree=_without(script.tree, "steps", set(found)))
    raise InvalidGroovy(1, "the script asks for more than a mapping may hold")


def _faults(mapping: Mapping) -> list[Fault]:
    try:
        compile_mapping(mapping)
    except Faulty as error:
        return list(error.faults)
    return []


def _step_of(field: str, steps: list[Any], define: dict[str, Any], lines: dict[str, int]) -> str:
    """The innermost step that a fault is about; empty when it is about none."""
    if field.startswith("define."):
        name = field.removeprefix("define.").partition(".")[0].partition("[")[0]
        return _using(_users(name, define), steps, "steps")
    path, at = "", 0
    while match := _STEP.match(field, at):
        path, at = field[: match.end()], match.end()
    return path if path in lines else ""


def _users(name: str, define: dict[str, Any]) -> set[str]:
    """A definition and those that use it; they stand behind it."""
    found = {name}
    for other, data in define.items():
        if any(uses_name(data, each) for each in found):
            found.add(other)
    return found


def _using(names: set[str], steps: list[Any], path: str) -> str:
    """The first step that uses one of these definitions itself, not in its inner steps."""
    for index, step in enumerate(steps):
        here = f"{path}[{index}]"
        if not isinstance(step, dict):
            continue
        fields = cast("dict[str, Any]", step)
        if any(uses_name([each for key, each in fields.items() if key not in _INNER], name) for name in names):
            return here
        for key in _INNER & fields.keys():
            found = _using(names, fields[key], f"{here}.{key}")
            if found:
                return found
    return ""


def _without(tree: list[Step], path: str, gone: set[str]) -> list[Step]:
    kept: list[Step] = []
    for index, step in enumerate(tree):
        here = f"{path}[{index}]"
        if here in gone:
            continue
        if step.inner is not None:
            key = "then" if "then" in step.data else "section"
            step = msgspec.structs.replace(step, inner=_without(step.inner, f"{here}.{key}", gone))  # noqa: PLW2901 - the same step without what is gone
        kept.append(step)
    return kept


def _omission(script: Converted, line: int, fault: Fault) -> Omission:
    text = script.source[line - 1].strip()[:200] if 0 < line <= len(script.source) else ""
    return Omission(line=line, text=text, reason=fault.reason)
