"""Trying a mapping on an event, and its unit tests. Nothing is stored and nothing is sent."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

import msgspec

from watchbell.domain.errors import Fault, Faulty
from watchbell.domain.events.agent import ParseUserAgent
from watchbell.domain.events.enrich import Enricher
from watchbell.domain.events.event import Event
from watchbell.domain.events.mapping.compiled import try_mapping
from watchbell.domain.events.mapping.examples import event_of
from watchbell.domain.events.mapping.model import Mapping as EventMapping
from watchbell.domain.events.mapping.reading import Lookups
from watchbell.domain.events.place import FindPlace

CASES_MAX: Final = 1000
_OUTCOMES: Final = ("record", "drop", "error")
_CASE_KEYS: Final = frozenset({"name", "event", *_OUTCOMES})


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """One step that was taken: where, what it did, and what did not fit."""

    place: str
    what: str
    value: Any = None
    problem: str = ""


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event. Without a record, `why` says why not."""

    record: dict[str, Any] | None
    """JSON-compatible: bytes are base64, decimals texts."""
    why: str = ""
    steps: tuple[Taken, ...] = ()


class CaseResult(msgspec.Struct, frozen=True, kw_only=True):
    """How one unit test ended; `faults` is empty when it passed."""

    name: str
    faults: tuple[str, ...] = ()


class Trying:
    """Tries mappings, with a reader of user agents and a database of places if there are any."""

    def __init__(self, parse_agent: ParseUserAgent | None = None, find_place: FindPlace | None = None) -> None:
        self._enricher = Enricher(parse_agent, find_place)
        self._lookups = Lookups(find_place) if find_place is not None else Lookups()

    def attempt(self, mapping: EventMapping, data: Any) -> Tried:
        """The record of an event, written as `examples` says, and the steps that led to it.

        Raises:
            Faulty: the mapping or the event is wrong.
        """
        record, why, passed = try_mapping(mapping, self._event(data), self._lookups)
        steps = [
            Taken(place=step.place, what=step.what, value=_shown(step.value), problem=step.problem) for step in passed
        ]
        return Tried(record=None if record is None else _shown(record), why=why, steps=tuple(steps))

    def _event(self, data: Any) -> Event:
        event = event_of(data)
        agent, place = event.agent, event.place
        self._enricher.enrich(event, event.headers)
        event.agent, event.place = agent or event.agent, place or event.place
        return event

    def run_cases(self, mapping: EventMapping, cases: Sequence[Any]) -> list[CaseResult]:
        """How each unit test ends.

        Raises:
            Faulty: the mapping or a case is wrong, with everything that is.
        """
        faults = [fault for number, case in enumerate(cases) for fault in _case_faults(case, f"cases[{number}]")]
        if len(cases) > CASES_MAX:
            faults.append(Fault(field="cases", reason=f"must be at most {CASES_MAX}"))
        if faults:
            raise Faulty(faults)
        return [self._run_case(mapping, case, number) for number, case in enumerate(cases)]

    def _run_case(self, mapping: EventMapping, case: Mapping[str, Any], number: int) -> CaseResult:
        name = str(case.get("name") or f"case {number + 1}")
        try:
            tried = self.attempt(mapping, case.get("event", {}))
        except Faulty as error:
            if any(fault.field.startswith("event") for fault in error.faults):
                raise Faulty(
                    [msgspec.structs.replace(each, field=f"cases[{number}].{each.field}") for each in error.faults]
                ) from error
            raise
        return CaseResult(name=name, faults=tuple(_differences(case, tried)))


def _case_faults(case: Any, place: str) -> list[Fault]:
    if not isinstance(case, Mapping):
        return [Fault(field=place, reason="must be an object with event and one of record, drop and error")]
    given = cast("Mapping[str, Any]", case)
    found = [
        Fault(field=f"{place}.{name}", reason="unknown", fix=f"there are {', '.join(sorted(_CASE_KEYS))}")
        for name in given
        if name not in _CASE_KEYS
    ]
    if sum(name in given for name in _OUTCOMES) != 1:
        found.append(Fault(field=place, reason="needs exactly one of record, drop and error"))
    elif "record" in given and not isinstance(given["record"], Mapping):
        found.append(Fault(field=f"{place}.record", reason="must be an object"))
    return found


def _differences(case: Mapping[str, Any], tried: Tried) -> list[str]:
    if "record" in case:
        if tried.record is None:
            return [f"no record: {tried.why}"]
        return [
            f"{field} is {_text(tried.record.get(field))}, not {_text(wanted)}"
            if field in tried.record
            else f"the record has no {field!r}"
            for field, wanted in cast("Mapping[str, Any]", case["record"]).items()
            if field not in tried.record or not _same(tried.record[field], wanted)
        ]
    if tried.record is not None:
        return [f"there is a record: {_text(tried.record)}"]
    begins, wanted = ("drop: ", case.get("drop")) if "drop" in case else ("", case.get("error"))
    dropped = tried.why.startswith(("drop: ", "discarded: "))
    if dropped != ("drop" in case):
        return [f"it ended with {tried.why!r}"]
    expected = wanted if isinstance(wanted, str) else ""
    return [] if tried.why.removeprefix(begins).startswith(expected) else [f"it ended with {tried.why!r}"]


def _same(one: Any, other: Any) -> bool:
    """Equal, and true is not 1."""
    return one == other and _text(one).replace(".0", "") == _text(other).replace(".0", "")


def _text(value: Any) -> str:
    return msgspec.json.encode(value, order="sorted").decode()


def _shown(value: Any) -> Any:
    return msgspec.to_builtins(value, str_keys=True)
