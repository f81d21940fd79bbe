"""Reads steps: checks them, and makes functions that run them.

A step is run with the event, its memo and the record; it says how to go on: None is the next step.
"""

from collections.abc import Callable
from typing import Any, Final, NamedTuple, cast

from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.avro import Field
from watchbell.domain.events.mapping.fitting import AS_IS, Convert, fitted
from watchbell.domain.events.mapping.from_json import Misfit
from watchbell.domain.events.mapping.model import DEPTH_MAX, STEPS_MAX
from watchbell.domain.events.mapping.reading import Get, Memo, Reader

Record = dict[str, Any]
EXIT: Final = "exit"
STOP: Final = "stop"


class Drop(NamedTuple):
    """There is to be no record, and why."""

    reason: str


Signal = str | Drop | None
"""How to go on: None with the next step, `EXIT`, `STOP`, or `Drop`."""
Run = Callable[[Event, Memo, Record], Signal]


class Passed(NamedTuple):
    """A step that was taken, as `try` shows it."""

    place: str
    what: str
    """Such as `set location` or `when: true`."""
    value: Any = None
    problem: str = ""


Watch = Callable[[Passed], None]
"""Told of each step that is taken; for trying a mapping, not for running it."""

_FORMS: Final = {
    "set": frozenset({"to"}),
    "when": frozenset({"then", "otherwise"}),
    "section": frozenset[str](),
    "drop": frozenset[str](),
}


class _Set(NamedTuple):
    name: str
    get: Get
    convert: Convert
    place: str


class StepReader:
    """Reads the steps of one mapping. With `watch`, what runs tells of each step."""

    def __init__(self, reader: Reader, fields: dict[str, Field], watch: Watch | None = None) -> None:
        self._reader = reader
        self._fields = fields
        self._watch = watch
        self._count = 0
        self.set: set[str] = set()
        """Fields that some step sets."""

    def read(self, data: Any, place: str, depth: int = 0) -> Run:
        """What runs a list of steps."""
        listed = self._reader.list_of(data, place)
        if listed is None or depth > DEPTH_MAX:
            if listed is not None:
                self._reader.wrong(place, f"is nested more than {DEPTH_MAX} deep")
            return _nothing
        runs: list[Run] = []
        sets: list[_Set] = []
        for number, step in enumerate(listed):
            found = self._step(step, f"{place}[{number}]", depth)
            if isinstance(found, _Set):
                sets.append(found)
                continue
            if sets:
                runs.append(self._setting(sets))
                sets = []
            runs.append(found)
        if sets:
            runs.append(self._setting(sets))
        return runs[0] if len(runs) == 1 else _sequence(runs)

    def _step(self, data: Any, place: str, depth: int) -> "_Set | Run":
        self._count += 1
        if self._count > STEPS_MAX:
            if self._count == STEPS_MAX + 1:
                self._reader.wrong(place, f"there are more than {STEPS_MAX} steps")
            return _nothing
        if data in (EXIT, STOP):
            return self._told(_signalling(data), place, data)
        form = self._form(data, place)
        return _nothing if form is None else self._of_form(form, cast("dict[str, Any]", data), place, depth)

    def _of_form(self, form: str, given: dict[str, Any], place: str, depth: int) -> "_Set | Run":
        if form == "set":
            return self._set(given, place) or _nothing
        if form == "when":
            return self._when(given, place, depth)
        if form == "section":
            return _section(self.read(given["section"], f"{place}.section", depth + 1))
        reason = self._reader.name(given["drop"], f"{place}.drop")
        return self._told(_signalling(Drop(reason or "")), place, f"drop: {reason}")

    def _form(self, data: Any, place: str) -> str | None:
        wrong = self._reader.wrong
        if not isinstance(data, dict):
            return wrong(place, "must be exit, stop, or an object with set, when, section or drop")
        given = cast("dict[str, Any]", data)
        forms = [key for key in given if key in _FORMS]
        if len(forms) != 1:
            return wrong(place, "needs exactly one of set, when, section and drop")
        unknown = [key for key in given if key not in forms and key not in _FORMS[forms[0]]]
        for key in unknown:
            wrong(f"{place}.{key}", f"{forms[0]} has no `{key}`")
        needed = {"set": "to", "when": "then"}.get(forms[0])
        if needed is not None and needed not in given:
            return wrong(place, f"{forms[0]} needs `{needed}`")
        return None if unknown else forms[0]

    def _set(self, data: dict[str, Any], place: str) -> _Set | None:
        name = data["set"]
        field = self._fields.get(name) if isinstance(name, str) else None
        if field is None:
            known = ", ".join(list(self._fields)[:40])
            self._reader.wrong(f"{place}.set", f"the schema has no field {name!r:.60}; it has {known}")
        else:
            self.set.add(field.name)
        value = self._reader.read(data["to"], f"{place}.to")
        if field is None or value is None:
            return None
        try:
            convert = fitted(value, field.kind)
        except Misfit as error:
            return self._reader.wrong(f"{place}.to", f"{error}, which {field.name!r} is")
        if convert is None:
            return self._reader.wrong(f"{place}.to", f"is {value.kind}, but {field.name!r} is {field.kind}")
        return _Set(field.name, value.get, convert, place)

    def _setting(self, sets: list[_Set]) -> Run:
        if self._watch is not None:
            return _watched_setting(sets, self._watch)
        plain = [(each.name, each.get) for each in sets if each.convert is AS_IS]
        if len(plain) == len(sets):
            return _plain_setting(plain)
        return _mixed_setting([(each.name, each.get, None if each.convert is AS_IS else each.convert) for each in sets])

    def _when(self, data: dict[str, Any], place: str, depth: int) -> Run:
        condition = self._reader.condition(data["when"], f"{place}.when", 0)
        then = self.read(data["then"], f"{place}.then", depth + 1)
        otherwise = self.read(data["otherwise"], f"{place}.otherwise", depth + 1) if "otherwise" in data else _nothing
        if condition is None:
            return _nothing
        get = condition.get
        if self._watch is not None:
            get = _watched_condition(get, place, self._watch)

        def when(event: Event, memo: Memo, record: Record) -> Signal:
            return then(event, memo, record) if get(event, memo) else otherwise(event, memo, record)

        return when

    def _told(self, run: Run, place: str, what: str) -> Run:
        watch = self._watch
        if watch is None:
            return run

        def told(event: Event, memo: Memo, record: Record) -> Signal:
            watch(Passed(place, what))
            return run(event, memo, record)

        return told


def _nothing(_event: Event, _memo: Memo, _record: Record) -> Signal:
    return None


def _signalling(signal: Signal) -> Run:
    return lambda _event, _memo, _record: signal


def _sequence(runs: list[Run]) -> Run:
    def sequence(event: Event, memo: Memo, record: Record) -> Signal:
        for run in runs:
            signal = run(event, memo, record)
            if signal is not None:
                return signal
        return None

    return sequence


def _section(inner: Run) -> Run:
    def section(event: Event, memo: Memo, record: Record) -> Signal:
        signal = inner(event, memo, record)
        return None if signal == EXIT else signal

    return section


def _plain_setting(sets: list[tuple[str, Get]]) -> Run:
    def setting(event: Event, memo: Memo, record: Record) -> Signal:
        for name, get in sets:
            value = get(event, memo)
            if value is not None:
                record[name] = value
        return None

    return setting


def _mixed_setting(sets: list[tuple[str, Get, Convert | None]]) -> Run:
    def setting(event: Event, memo: Memo, record: Record) -> Signal:
        for name, get, convert in sets:
            value = get(event, memo)
            if value is not None:
                if convert is not None:
                    value = convert(value)
                    if value is None:
                        continue
                record[name] = value
        return None

    return setting


def _watched_setting(sets: list[_Set], watch: Watch) -> Run:
    def setting(event: Event, memo: Memo, record: Record) -> Signal:
        for name, get, convert, place in sets:
            value = get(event, memo)
            fitting = None if value is None else convert(value)
            if fitting is not None:
                record[name] = fitting
                watch(Passed(place, f"set {name}", fitting))
            elif value is None:
                watch(Passed(place, f"set {name}: absent"))
            else:
                watch(Passed(place, f"set {name}", value, "does not fit the field, which is left as it is"))
        return None

    return setting


def _watched_condition(get: Get, place: str, watch: Watch) -> Get:
    def condition(event: Event, memo: Memo) -> Any:
        value = get(event, memo)
        watch(Passed(place, f"when: {'absent' if value is None else str(value).lower()}"))
        return value

    return condition
