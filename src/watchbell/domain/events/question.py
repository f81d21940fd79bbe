"""Questions about the events of the past, and what can be asked of an event.

A question names fields of a fixed vocabulary (`FIELDS`) or custom parameters (`parameters.<name>`), never a piece of a
query language; whoever answers it binds values and takes names from the table. `check_question` reports every fault at
once. Conditions are also written as texts (`event_type=checkout`, `parameters.total>=10`), in addresses, commands and
requests alike.
"""

import re
from enum import StrEnum
from typing import Any, Final, get_args

import msgspec

from watchbell.domain.errors import Fault, Faulty, Invalid
from watchbell.domain.events.agent import UserAgent
from watchbell.domain.events.place import Place

PARAMETER_PREFIX: Final = "parameters."

TEXT, NUMBER, TRUTH = "text", "number", "truth"

_SCALARS: Final = {str: TEXT, bool: TRUTH, int: NUMBER, float: NUMBER}


def _fields_within(name: str, struct: type[msgspec.Struct]) -> dict[str, str]:
    """`name.field` and the type, for the fields that are one text, number or truth value."""
    found: dict[str, str] = {}
    for field in msgspec.structs.fields(struct):
        kinds = [kind for kind in get_args(field.type) or (field.type,) if kind in _SCALARS]
        if kinds:
            found[f"{name}.{field.name}"] = _SCALARS[kinds[0]]
    return found


FIELDS: Final[dict[str, str]] = {
    "event_type": TEXT,
    "location": TEXT,
    "location_host": TEXT,
    "location_path": TEXT,
    "referer": TEXT,
    "referer_host": TEXT,
    "party_id": TEXT,
    "session_id": TEXT,
    "page_view_id": TEXT,
    "event_id": TEXT,
    "source": TEXT,
    "remote": TEXT,
    "user_agent": TEXT,
    "new_party": TRUTH,
    "first_in_session": TRUTH,
    "corrupt": TRUTH,
    "duplicate": TRUTH,
    "screen_width": NUMBER,
    "screen_height": NUMBER,
    "viewport_width": NUMBER,
    "viewport_height": NUMBER,
    "pixel_ratio": NUMBER,
    "received_ms": NUMBER,
    "client_ms": NUMBER,
    **_fields_within("agent", UserAgent),
    **_fields_within("place", Place),
}
"""Every field that can be asked for, and its type. Besides these, `parameters.<name>`, dots for what lies within."""

MAX_SPAN_MS: Final = 400 * 86_400_000
MAX_CONDITIONS: Final = 20
MAX_TEXT: Final = 2000
MAX_WRITTEN: Final = MAX_TEXT + 500
"""Characters of a condition as a text."""
MAX_POINTS: Final = 2000
MAX_STEPS: Final = 10
MAX_WITHIN_S: Final = 30 * 86_400
STEPS_S: Final = (1, 5, 10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 86_400, 604_800)
"""Lengths of a point in a chart, in seconds, that a chart chooses from by itself."""
_POINTS = 120

_OP = re.compile(r"!=|!~|>=|<=|=|~|>|<")
_FIELD = re.compile(r"[A-Za-z0-9_.\-\[\]/ ]+")


class Op(StrEnum):
    """How a field is compared."""

    IS = "="
    IS_NOT = "!="
    CONTAINS = "~"
    LACKS = "!~"
    AT_LEAST = ">="
    AT_MOST = "<="
    ABOVE = ">"
    BELOW = "<"


ANY: Final = "*"
"""As the value of `=` and `!=`: the field is known, or is not."""
_ORDERED = frozenset({Op.AT_LEAST, Op.AT_MOST, Op.ABOVE, Op.BELOW})


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One comparison. An event that does not have the field fulfils none but `!=` and `!~`."""

    field: str
    op: Op = Op.IS
    value: str | int | float | bool = ANY


class Measure(StrEnum):
    """What is counted."""

    EVENTS = "events"
    PARTIES = "parties"
    SESSIONS = "sessions"


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="ask", rename="camel"):
    """What every question has: a stretch of time (milliseconds since 1970, the end not included), and conditions."""

    start_ms: int
    end_ms: int
    where: tuple[Condition, ...] = ()


class Counts(_Asked, frozen=True, kw_only=True, tag="counts"):
    """How many, over time; by the values of a field, the most frequent ones, when `by` is given."""

    by: str = ""
    measure: Measure = Measure.EVENTS
    step_s: int = 0
    """Length of a point; 0 chooses."""
    series: int = 8
    """How many values at most; the rest is counted together."""


class Top(_Asked, frozen=True, kw_only=True, tag="top"):
    """The most frequent values of a field."""

    field: str
    limit: int = 20


class Numbers(_Asked, frozen=True, kw_only=True, tag="numbers"):
    """Percentiles of a number, over time and in all."""

    field: str
    step_s: int = 0


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One step of a funnel: an event that fulfils the conditions."""

    name: str = ""
    where: tuple[Condition, ...] = ()


class Funnel(_Asked, frozen=True, kw_only=True, tag="funnel"):
    """How many parties take each step after the one before it, all within a time from the first."""

    steps: tuple[Step, ...]
    within_s: int = 3600


class Sessions(_Asked, frozen=True, kw_only=True, tag="sessions"):
    """What one party did, session by session, oldest first."""

    party: str
    limit: int = 1000


class Records(_Asked, frozen=True, kw_only=True, tag="records"):
    """The newest events with the request behind each."""

    limit: int = 50
    before: str = ""
    """The `position` of an event, for what is older."""


Question = Counts | Top | Numbers | Funnel | Sessions | Records
Answer = dict[str, Any]
"""The answer to a question; its shape stands in the reference of the API."""


def parse_condition(text: str) -> Condition:
    """A condition as it is written: a field, one of `= != ~ !~ >= <= > <`, a value.

    Raises:
        Invalid: it is none.
    """
    if len(text) > MAX_WRITTEN:
        raise Invalid(f"a condition is longer than {MAX_WRITTEN} characters", "where")
    found = _OP.search(text)
    field = text[: found.start()].strip() if found is not None else ""
    if found is None or _FIELD.fullmatch(field) is None:
        raise Invalid(
            f"{text[:80]!r} is no condition; write it as event_type=checkout or parameters.total>=10", "where"
        )
    return Condition(field=field, op=Op(found[0]), value=text[found.end() :].lstrip())


def type_of(field: str) -> str | None:
    """The type of a field; None when there is no such field. A parameter is a text, which may read as a number."""
    if field.startswith(PARAMETER_PREFIX) and 0 < len(field) - len(PARAMETER_PREFIX) <= 200:
        return TEXT if field.isprintable() else None
    return FIELDS.get(field)


def chosen_step_ms(start_ms: int, end_ms: int, step_s: int) -> int:
    """The length of a point in milliseconds: the one asked for, or one that gives about a hundred points."""
    if step_s:
        return step_s * 1000
    wanted = (end_ms - start_ms) / _POINTS / 1000
    return next((step for step in STEPS_S if step >= wanted), STEPS_S[-1]) * 1000


def check_question(question: Question) -> None:
    """See that a question can be asked.

    Raises:
        Faulty: with every field and reason.
    """
    faults = [*_span_faults(question), *_condition_faults(question.where, "where")]
    match question:
        case Counts():
            faults += _field_faults(question.by, "by") if question.by else []
            faults += _range_faults(question.series, 1, 50, "series")
            faults += _step_faults(question, question.step_s)
        case Top():
            faults += _field_faults(question.field, "field") + _range_faults(question.limit, 1, 1000, "limit")
        case Numbers():
            faults += _field_faults(question.field, "field") + _step_faults(question, question.step_s)
            if FIELDS.get(question.field, NUMBER) != NUMBER:
                faults.append(Fault(field="field", reason=f"{question.field} is not a number"))
        case Funnel():
            faults += _funnel_faults(question)
        case Sessions():
            if not 0 < len(question.party) <= MAX_TEXT:
                faults.append(Fault(field="party", reason="must name a party"))
            faults += _range_faults(question.limit, 1, 10_000, "limit")
        case Records():
            faults += _record_faults(question)
    if faults:
        raise Faulty(faults)


def _record_faults(question: Records) -> list[Fault]:
    faults = _range_faults(question.limit, 1, 500, "limit")
    before = question.before
    if before and not (before.isascii() and before.isdigit() and len(before) < 20):
        faults.append(Fault(field="before", reason="must be the position of an event"))
    return faults


def _span_faults(question: Question) -> list[Fault]:
    if question.start_ms < 0 or question.end_ms <= question.start_ms:
        return [Fault(field="endMs", reason="must be after startMs")]
    if question.end_ms - question.start_ms > MAX_SPAN_MS:
        return [Fault(field="endMs", reason="is more than 400 days after startMs")]
    return []


def _step_faults(question: Counts | Numbers, step_s: int) -> list[Fault]:
    if step_s < 0 or (step_s and (question.end_ms - question.start_ms) / step_s / 1000 > MAX_POINTS):
        return [Fault(field="stepS", reason=f"makes more than {MAX_POINTS} points")]
    return []


def _range_faults(value: int, least: int, most: int, field: str) -> list[Fault]:
    return [] if least <= value <= most else [Fault(field=field, reason=f"must be {least} to {most}")]


def _field_faults(name: str, where: str) -> list[Fault]:
    if type_of(name) is not None:
        return []
    known = f"there are {', '.join(FIELDS)} and {PARAMETER_PREFIX}<name>"
    return [Fault(field=where, reason=f"{name[:80]!r} is not a field of an event", fix=known)]


def _funnel_faults(question: Funnel) -> list[Fault]:
    faults = _range_faults(len(question.steps), 2, MAX_STEPS, "steps")
    faults += _range_faults(question.within_s, 1, MAX_WITHIN_S, "withinS")
    for number, step in enumerate(question.steps[:MAX_STEPS]):
        if not step.where:
            faults.append(Fault(field=f"steps.{number}.where", reason="a step needs a condition"))
        faults += _condition_faults(step.where, f"steps.{number}.where")
    return faults


def _condition_faults(conditions: tuple[Condition, ...], where: str) -> list[Fault]:
    if len(conditions) > MAX_CONDITIONS:
        return [Fault(field=where, reason=f"has more than {MAX_CONDITIONS} conditions")]
    faults: list[Fault] = []
    for number, condition in enumerate(conditions):
        place = f"{where}.{number}"
        faults += _field_faults(condition.field, place)
        kind = FIELDS.get(condition.field)
        if isinstance(condition.value, str) and len(condition.value) > MAX_TEXT:
            faults.append(Fault(field=place, reason=f"is longer than {MAX_TEXT} characters"))
        elif condition.value == ANY and condition.op in {Op.IS, Op.IS_NOT}:
            continue
        elif kind == TRUTH and (condition.op not in {Op.IS, Op.IS_NOT} or truth_of(condition.value) is None):
            faults.append(Fault(field=place, reason=f"{condition.field} is = or != true or false"))
        elif (condition.op in _ORDERED or kind == NUMBER) and number_of(condition.value) is None:
            faults.append(Fault(field=place, reason=f"{condition.op} needs a number"))
    return faults


def truth_of(value: Any) -> bool | None:
    """The value as true or false; None when it is neither."""
    return {"true": True, "false": False}.get(str(value).lower())


def number_of(value: Any) -> float | None:
    """The value as a finite number; None when it is none."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if number - number == 0 else None
