"""Blackouts: planned times in which matching alerts are recorded but nobody is told.

A blackout is in force by the clock of whoever judges, never by when an alert was made. It may recur by an iCal RRULE,
whose local time of day stays the same when the clocks change. Rules are by day or rarer and are looked at no further
than `HORIZON` ahead, so that none can keep the judge busy.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from typing import Annotated, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from dateutil.rrule import rrule, rrulestr

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.found import search_for, search_problem
from watchbell.domain.alerts.matching import EVERY, fits
from watchbell.domain.managed import Managed
from watchbell.domain.signal import Signal

HORIZON = timedelta(days=732)
"""How far ahead a recurrence is looked at: a rule for a leap day has its next start or none that matters now."""
LONGEST = 366 * 86400
"""Seconds that one occurrence may last."""
EARLIEST, LATEST = 2000, 8999
"""The years that its times may lie in."""
NARROWING = ("resource", "event", "group", "service", "tags", "origin", "customer", "query")
_PARTS = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "BYDAY", "BYMONTHDAY", "BYMONTH", "BYSETPOS", "WKST"})
_RARE = frozenset({"DAILY", "WEEKLY", "MONTHLY", "YEARLY"})


Moment = Annotated[str, msgspec.Meta(extra_json_schema={"format": "date-time"})]
"""A time with its offset, or nothing; forms offer a calendar for it."""


class Blackout(Managed, frozen=True, kw_only=True):
    """A time in which alerts that match are recorded with the status `blackout` and nobody is told."""

    environment: str
    """Environment of the alerts, `*` for every one; all else that is given must match, too."""
    resource: str = ""
    """Their resource; `*` stands for any characters."""
    event: str = ""
    """Their event; `*` stands for any characters."""
    group: str = ""
    """Their group."""
    service: list[str] = []
    """Services that an alert must all have."""
    tags: list[str] = []
    """Tags that an alert must all have."""
    origin: str = ""
    """Who sent them; `*` stands for any characters."""
    customer: str = ""
    """Their customer; empty is every customer."""
    query: str = ""
    """A search that must find them, such as `attributes.region:EU AND NOT tags:live`."""
    start: Moment = ""
    """When it begins, such as `2026-11-21T22:00:00Z`; empty is at once."""
    end: Moment = ""
    """When it ends; empty: by `duration`, or when it is deleted. For one that recurs, after this it recurs no more."""
    duration: float = 0
    """Seconds that it lasts, or each occurrence of it."""
    recurrence: str = ""
    """How it recurs from `start` on, as an iCal rule such as `FREQ=WEEKLY;BYDAY=SA`; by day or rarer."""
    timezone: str = "UTC"
    """Time zone in which it recurs, such as `Europe/Berlin`."""
    ended: Moment = ""
    """For one that recurs, when a time of it was ended by hand: what had begun by then is over, the next one comes."""
    accept: list[str] = []
    """Severities that are told all the same."""
    standing: bool = True
    """Whether alerts that are open when it begins fall silent, too."""
    text: str = ""
    """What it is for."""
    user: str = ""
    """Who asked for it."""
    created: Moment = ""
    """When it was made."""


class Span(NamedTuple):
    """One time in force; an `end` of None is for ever."""

    start: datetime
    end: datetime | None


class InForce(NamedTuple):
    """The blackouts in force at a time, and when that must be looked at again (None: never)."""

    blackouts: tuple[Blackout, ...]
    until: datetime | None


def in_force(blackouts: Iterable[Blackout], now: datetime) -> InForce:
    """Those in force now."""
    found: list[Blackout] = []
    until: datetime | None = None
    for blackout in blackouts:
        span = span_at(blackout, now)
        if span is not None and span.start <= now:
            found.append(blackout)
        change = _edge(span, now)
        if change is not None and (until is None or change < until):
            until = change
    return InForce(tuple(found), until)


def active(blackout: Blackout, now: datetime) -> bool:
    """Whether it is in force."""
    span = span_at(blackout, now)
    return span is not None and span.start <= now


def next_change(blackout: Blackout, now: datetime) -> datetime | None:
    """When it will begin or end next; None when it will not, as far as is looked."""
    return _edge(span_at(blackout, now), now)


def span_at(blackout: Blackout, now: datetime) -> Span | None:
    """The time in force now or else the next one; None when it is over for good."""
    start = moment_of(blackout.start) if blackout.start else datetime.min.replace(tzinfo=UTC)
    end = moment_of(blackout.end) if blackout.end else None
    if blackout.recurrence:
        return _occurrence(blackout, end, now)
    if end is None and blackout.duration:
        end = start + timedelta(seconds=blackout.duration)
    return Span(start, end) if end is None or now < end else None


def ended_at(blackout: Blackout, now: datetime) -> Blackout:
    """The same, but over now; one that recurs comes again at its next time.

    Raises:
        ValueError: it is not in force.
    """
    if not active(blackout, now):
        raise ValueError("is not in force")
    if blackout.recurrence:
        return msgspec.structs.replace(blackout, ended=now.isoformat())
    # Nothing may end where it began, not even what is ended at once.
    first = moment_of(blackout.start) + timedelta(milliseconds=1) if blackout.start else now
    return msgspec.structs.replace(blackout, end=max(now, first).isoformat(), duration=0)


def matches(blackout: Blackout, alert: Alert | Signal) -> bool:
    """Whether it is for such alerts, by what they are, not by the time. What it accepts never matches."""
    return (
        alert.severity not in blackout.accept
        and (not blackout.customer or blackout.customer == (alert.customer or ""))
        and fits(blackout, alert)
        and (not blackout.query or search_for(blackout.query)(alert))
    )


def covering(blackouts: Sequence[Blackout], alert: Alert | Signal) -> Blackout | None:
    """The first that matches."""
    return next((blackout for blackout in blackouts if matches(blackout, alert)), None)


def moment_of(text: str) -> datetime:
    """A time in ISO 8601 with its offset, in UTC.

    Raises:
        ValueError: it is none.
    """
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("must say its offset, as 2026-11-21T22:00:00Z does")
    return at.astimezone(UTC)


def blackout_problems(blackout: Blackout) -> list[tuple[str, str]]:
    """What is wrong with it."""
    found: list[tuple[str, str]] = []
    if not blackout.environment.strip():
        found.append(("environment", "is required"))
    elif blackout.environment == EVERY and not any(getattr(blackout, field) for field in NARROWING):
        found.append(("environment", f"must be one, or else one of {', '.join(NARROWING)} must say which alerts"))
    if not 0 <= blackout.duration <= LONGEST:
        found.append(("duration", f"must be between 0 and {LONGEST} seconds"))
    found += [(field, "must not hold an empty text") for field in ("service", "tags") if "" in getattr(blackout, field)]
    reason = search_problem(blackout.query) if blackout.query else ""
    found += [("query", reason)] if reason else []
    times = {field: _time_problem(getattr(blackout, field)) for field in ("start", "end", "ended", "created")}
    found += [(field, reason) for field, reason in times.items() if reason]
    try:
        ZoneInfo(blackout.timezone)
    except (OSError, ValueError, KeyError):
        found.append(("timezone", f"there is no time zone {blackout.timezone!r}"))
    if not found:
        found += _span_problems(blackout)
    return found


def _span_problems(blackout: Blackout) -> list[tuple[str, str]]:
    if blackout.start and blackout.end and moment_of(blackout.end) <= moment_of(blackout.start):
        return [("end", "must be after its start")]
    if blackout.duration and not (blackout.start or blackout.end):
        return [("start", "is required with a duration")]
    if not blackout.recurrence:
        return []
    if not blackout.start:
        return [("start", "is required for one that recurs: it gives the time of day")]
    if not blackout.duration:
        return [("duration", "is required for one that recurs")]
    reason = _rule_problem(blackout)
    return [("recurrence", reason)] if reason else []


def _time_problem(text: str) -> str:
    if not text:
        return ""
    try:
        at = moment_of(text)
    except (ValueError, OverflowError):
        return "must be a time with its offset, such as 2026-11-21T22:00:00Z"
    return "" if EARLIEST <= at.year <= LATEST else f"must be in the years {EARLIEST} to {LATEST}"


def _rule_problem(blackout: Blackout) -> str:
    parts = [part.partition("=") for part in blackout.recurrence.upper().split(";")]
    names = [name for name, _, _ in parts]
    given = {name: value for name, _, value in parts}
    if len(set(names)) != len(names) or not set(names) <= _PARTS:
        return f"may have each of {', '.join(sorted(_PARTS))} once"
    if given.get("FREQ") not in _RARE:
        return f"must have a FREQ of {', '.join(sorted(_RARE))}"
    for name in ("INTERVAL", "COUNT"):
        if name in given and not re.fullmatch(r"[1-9][0-9]{0,3}", given[name]):
            return f"has an {name} that is not between 1 and 9999"
    try:
        _rule(blackout.recurrence, blackout.start, blackout.timezone)
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        return f"is not a rule: {error}"
    return ""


class _Rule(NamedTuple):
    """When it recurs, and how often at most, None for any number: the library takes no count beside an end."""

    times: rrule
    most: int | None


@lru_cache(maxsize=1024)
def _rule(recurrence: str, start: str, timezone: str) -> _Rule:
    """The rule in local time without a zone, so that its time of day stays when the clocks change."""
    zone = ZoneInfo(timezone)
    parts: list[str] = []
    count: int | None = None
    for part in recurrence.upper().split(";"):
        name, _, value = part.partition("=")
        if name == "UNTIL" and value.endswith("Z"):
            until = datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
            value = until.astimezone(zone).strftime("%Y%m%dT%H%M%S")
        if name == "COUNT":
            count = int(value)
        else:
            parts.append(f"{name}={value}")
    found = rrulestr(";".join(parts), dtstart=moment_of(start).astimezone(zone).replace(tzinfo=None))
    if not isinstance(found, rrule):
        raise ValueError("it is more than one rule")  # noqa: TRY004 - what people wrote is wrong, not the program
    return _Rule(found, count)


def _occurrence(blackout: Blackout, last: datetime | None, now: datetime) -> Span | None:
    """The occurrence that lasts now, of several that overlap their union; else the next one."""
    zone = ZoneInfo(blackout.timezone)
    lasts = timedelta(seconds=blackout.duration)
    ended = moment_of(blackout.ended) if blackout.ended else None
    local = now.astimezone(zone).replace(tzinfo=None)
    rule, count = _rule(blackout.recurrence, blackout.start, blackout.timezone)
    horizon = local + HORIZON
    until: datetime | None = getattr(rule, "_until", None)  # the library has no other way to ask
    rule = rule.replace(until=horizon if until is None else min(until, horizon))
    span: Span | None = None
    since = local - lasts - timedelta(days=1)
    for at in (each for each in islice(rule, count) if each >= since):
        start = at.replace(tzinfo=zone).astimezone(UTC)
        if last is not None and start >= last:
            break
        if start + lasts <= now or (ended is not None and start <= ended):
            continue
        if span is None:
            span = Span(start, start + lasts)
        elif span.end is not None and start <= span.end and span.start <= now and span.end < now + HORIZON:
            span = Span(span.start, start + lasts)
        else:
            break
    if span is not None and last is not None and span.end is not None and span.end > last:
        span = Span(span.start, last)
    return span if span is not None and (span.end is None or now < span.end) else None


def _edge(span: Span | None, now: datetime) -> datetime | None:
    if span is None:
        return None
    return span.start if now < span.start else span.end


class Judge(msgspec.Struct):
    """Which of a configuration's blackouts are in force, remembered until that changes."""

    version: int = -1
    found: InForce = InForce((), None)
    asked: datetime | None = None

    def at(self, version: int, blackouts: Iterable[Blackout], now: datetime) -> tuple[Blackout, ...]:
        """Those in force at `now` of the configuration's version."""
        late = self.found.until is not None and now >= self.found.until
        early = self.asked is not None and now < self.asked
        old = self.asked is None or now - self.asked > timedelta(days=1)  # recurrences have a horizon
        if version != self.version or late or early or old:
            self.version, self.found, self.asked = version, in_force(blackouts, now), now
        return self.found.blackouts
