"""Reading managed objects from JSON-compatible data, every fault at once with its path, plug-in settings included."""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from typing import Any, cast, get_args, get_origin

import msgspec

from watchbell.domain.alerts.severity import DEFAULT, Severities
from watchbell.domain.errors import Fault, Faulty, Invalid
from watchbell.domain.kinds import DEEP, DEEPEST, IN_FILES, KINDS, PLUGGED, hostile_texts, problems
from watchbell.domain.managed import Managed
from watchbell.domain.plan import MASK
from watchbell.toolkit.settings import FieldDoc, InvalidSettings, Problem, docstrings, fields_of, read, secret_fields

_PATH = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_NOT_GIVEN = frozenset({"id"})
"""Fields of a managed object that are not the writer's to set."""

STAND_IN = "https://kept.invalid/"
"""A text that passes for a password, a header's value and an address."""

Tables = Mapping[str, Mapping[str, Any]]
"""Kind (`check`, `channel`) → type → plug-in class with a `Config`."""


class ObjectShapes:
    """Knows what each kind of object looks like."""

    def __init__(
        self,
        tables: Tables,
        environments: tuple[str, ...] = (),
        tools: Mapping[str, Any] | None = None,
        taken: Mapping[str, frozenset[str]] | None = None,
        severities: Severities = DEFAULT,
    ) -> None:
        """`tools` are those that plug-ins of a kind are made with; where there are none, settings are read only.

        `taken` are names, by kind, that no object may have.
        """
        self._taken = taken or {}
        self._tables = tables
        self._tools = tools or {}
        self._environments = environments
        self._severities = severities

    def read(self, kind: str, body: Mapping[str, Any]) -> Managed:
        """The object; raises `Faulty` with everything that is wrong with it."""
        if kind not in IN_FILES:
            raise Faulty(
                [Fault(field="kind", reason=f"there is no kind {kind!r}", fix=f"kinds are {', '.join(IN_FILES)}")]
            )
        cls = IN_FILES[kind]
        given = {name: value for name, value in body.items() if name not in _NOT_GIVEN}
        deepest = DEEPEST.get(kind, DEEP)
        faults = [Fault(field=field, reason=reason) for field, reason in hostile_texts(given, deepest=deepest)]
        if faults:
            raise Faulty(faults)
        thing: Managed | None = None
        try:
            thing = read(cls, given)
        except InvalidSettings as error:
            faults += [_located(problem) for problem in error.problems]
        faults += [Fault(field=path, reason="unknown setting") for path in _unknown_inside(cls, given)]
        wrong = {_first(fault.field) for fault in faults}
        rest = thing or _readable(cls, {name: value for name, value in given.items() if name not in wrong})
        if rest is not None:
            found = [Fault(field=field, reason=reason) for field, reason in self._problems(rest)]
            faults += [fault for fault in found if _first(fault.field) not in wrong]
        if "name" not in wrong and given.get("name") in self._taken.get(kind, frozenset()):
            faults.append(Fault(field="name", reason="is taken by a built-in one"))
        if kind in PLUGGED:
            faults += self._plugin_faults(kind, given)
        if faults or thing is None:
            raise Faulty(sorted(faults, key=lambda fault: fault.field))
        return thing

    def _problems(self, thing: Managed) -> list[tuple[str, str]]:
        return problems(thing, self._environments, self._severities)

    def secrets(self, kind: str, body: Mapping[str, Any]) -> frozenset[str]:
        """Names of the settings that hold secrets. Of an unknown type all do: better dots than a leak."""
        if kind not in PLUGGED:
            return frozenset()
        plugin = self._tables.get(kind, {}).get(str(body.get("type")))
        if plugin is None:
            config = body.get("config")
            return frozenset(cast("dict[str, Any]", config)) if isinstance(config, dict) else frozenset()
        return secret_fields(plugin.Config)

    def defaults(self, kind: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The values of settings that are not given, by name; none of an unknown type."""
        plugin = self._tables.get(kind, {}).get(str(body.get("type")))
        if plugin is None:
            return {}
        known = fields_of(plugin.Config)
        return {field.name: field.default for field in known if not field.required and not field.secret}

    def describe(self) -> dict[str, Any]:
        """Kinds and plug-ins with their fields, as forms are drawn from them."""
        return {
            "kinds": {kind: _described(kind.capitalize(), cls, skip=_NOT_GIVEN) for kind, cls in KINDS.items()},
            "plugins": {
                kind: {
                    name: _described(getattr(cls, "title", name), cls.Config, doc=_about(cls))
                    for name, cls in sorted(table.items())
                }
                for kind, table in self._tables.items()
            },
        }

    def _plugin_faults(self, kind: str, body: Mapping[str, Any]) -> list[Fault]:
        name, config = body.get("type"), body.get("config", {})
        if not isinstance(name, str) or not isinstance(config, dict):
            return []  # said already
        table = self._tables.get(kind, {})
        if name not in table:
            return [
                Fault(field="type", reason=f"there is no type {name!r}", fix=f"types are {', '.join(sorted(table))}")
            ]
        cls: Any = table[name]
        try:
            read(cls.Config, config, prefix="config.")  # pyright: ignore[reportUnknownArgumentType]
        except InvalidSettings as error:
            return [_located(problem) for problem in error.problems]
        return self._made_faults(cls, kind, config) if kind in self._tools else []  # pyright: ignore[reportUnknownArgumentType]

    def _made_faults(self, cls: Any, kind: str, config: dict[str, Any]) -> list[Fault]:
        """What the plug-in itself says when it is made with settings whose types are right."""
        try:
            cls(read(cls.Config, _with_stand_ins(config)), self._tools[kind])
        except InvalidSettings as error:
            return [
                Fault(field=f"config.{problem.field}", reason=problem.reason, fix=problem.fix)
                for problem in error.problems
            ]
        except Invalid as error:
            return [Fault(field=f"config.{error.field}" if error.field else "config", reason=error.reason)]
        except ValueError as error:
            return [Fault(field="config", reason=str(error))]
        except Exception as error:  # task edge: a fault in a plug-in is an answer to whoever uses it
            reason = f"the {kind} type {cls.__module__}:{cls.__qualname__} failed: {type(error).__name__}: {error}"
            return [Fault(field="config", reason=reason)]
        return []


def _first(path: str) -> str:
    """The name of the field at the first level."""
    return re.split(r"[.\[]", path, maxsplit=1)[0]


def _readable(cls: type[Managed], given: dict[str, Any]) -> Managed | None:
    """The object without the fields that are wrong, so that the others can be judged, too; None: that is too little."""
    try:
        return read(cls, given)
    except InvalidSettings:
        return None


def _with_stand_ins(value: Any) -> Any:
    """The settings with something plausible wherever dots stand for a stored secret, which was judged when it came."""
    if value == MASK:
        return STAND_IN
    if isinstance(value, dict):
        return {name: _with_stand_ins(inner) for name, inner in value.items()}  # pyright: ignore[reportUnknownVariableType]
    if isinstance(value, list):
        return [_with_stand_ins(inner) for inner in value]  # pyright: ignore[reportUnknownVariableType]
    return value


def _located(problem: Problem) -> Fault:
    """Put the path that msgspec writes at the end of its sentence where it belongs."""
    found = _PATH.search(problem.reason)
    if found is None:
        return Fault(field=problem.field, reason=problem.reason, fix=problem.fix)
    return Fault(field=problem.field + found["path"], reason=problem.reason[: found.start()], fix=problem.fix)


def _unknown_inside(cls: type[msgspec.Struct], data: Any, path: str = "") -> Iterator[str]:
    """Names below the first level that no field has: `read` sees to the first."""
    if not isinstance(data, Mapping):
        return
    known = {field.encode_name: field.type for field in msgspec.structs.fields(cls)}
    for name, value in cast("Mapping[str, Any]", data).items():
        inside = f"{path}{name}"
        if name not in known:
            if path:
                yield inside
            continue
        inner = _struct_in(known[name])
        if inner is None:
            continue
        if isinstance(value, Mapping):
            yield from _unknown_inside(inner, value, f"{inside}.")
        entries = cast("list[Any]", value) if isinstance(value, list) else []
        for number, entry in enumerate(entries):
            yield from _unknown_inside(inner, entry, f"{inside}[{number}].")


def _struct_in(annotation: Any) -> type[msgspec.Struct] | None:
    """The struct that a field is, or that its list holds."""
    inner = get_args(annotation)[0] if get_origin(annotation) is list else annotation
    return inner if isinstance(inner, type) and issubclass(inner, msgspec.Struct) else None


def _about(plugin: Any) -> str:
    """What a plug-in is, for people: the first paragraph of its module, as the reference has it."""
    return inspect.cleandoc(sys.modules[plugin.__module__].__doc__ or plugin.__doc__ or "")


def _described(
    title: str, cls: type[msgspec.Struct], *, doc: str | None = None, skip: frozenset[str] = frozenset()
) -> dict[str, Any]:
    return {
        "title": title,
        "doc": (doc or cls.__doc__ or "").strip().split("\n\n")[0],
        "fields": [_field(cls, field) for field in fields_of(cls) if field.name not in skip],
    }


def _field(cls: type[msgspec.Struct], field: FieldDoc) -> dict[str, Any]:
    found = msgspec.structs.asdict(field)
    annotation = next(f.type for f in msgspec.structs.fields(cls) if f.encode_name == field.name)
    inner = _struct_in(annotation)
    if inner is not None:
        # A form needs the documentation of the entries, which JSON Schema from msgspec does not carry.
        found["schema"] = {**found["schema"], "x-docs": docstrings(inner)}
    return found
