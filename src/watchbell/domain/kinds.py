"""The kinds of managed objects: their types, what each may refer to, and what is wrong with one.

Problems are (field, reason) pairs, all of them at once, so that everything can be mended in one go.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, cast
from urllib.parse import urlsplit

from watchbell.domain.access import user_faults
from watchbell.domain.accounts import Person
from watchbell.domain.alerts.blackout import Blackout, blackout_problems
from watchbell.domain.alerts.correlation import Correlation, correlation_problems
from watchbell.domain.alerts.inhibition import Inhibition, inhibition_problems
from watchbell.domain.alerts.matching import EVERY
from watchbell.domain.alerts.severity import DEFAULT, Severities
from watchbell.domain.checks.check import Check, Host
from watchbell.domain.checks.heartbeat import Heartbeat
from watchbell.domain.checks.validation import LONGEST, host_problems
from watchbell.domain.checks.validation import problems as check_problems
from watchbell.domain.events.mapping.compiled import problems as mapping_problems
from watchbell.domain.events.mapping.model import LEVELS_MAX
from watchbell.domain.events.mapping.model import Mapping as EventMapping
from watchbell.domain.events.rules.rule import Rule, rule_problems
from watchbell.domain.managed import Managed
from watchbell.domain.oncall.service import Channel, Policy, Service
from watchbell.domain.webhooks.model import DEPTH_MAX as FORMAT_LEVELS
from watchbell.domain.webhooks.model import Format
from watchbell.domain.webhooks.reading import format_problems

KINDS: Mapping[str, type[Managed]] = MappingProxyType(
    {
        "channel": Channel,
        "policy": Policy,
        "service": Service,
        "host": Host,
        "check": Check,
        "heartbeat": Heartbeat,
        "mapping": EventMapping,
        "rule": Rule,
        "blackout": Blackout,
        "inhibition": Inhibition,
        "correlation": Correlation,
        "webhook": Format,
    }
)
"""Every kind, those that others refer to first."""

USER = "user"
IN_FILES: Mapping[str, type[Managed]] = MappingProxyType({**KINDS, USER: Person})
"""What files may hold: every kind, and users, who are no part of the catalogue."""

PLUGGED = frozenset({"check", "channel"})
"""Kinds whose `type` names a plug-in that their `config` is for."""

_SLUG = re.compile(r"[a-z0-9_-]{1,100}")

NAME_MAX = 200
TEXT_MAX = 16_384
MANY = 1000  # entries in a list or mapping
DEEP = 20

DEEPEST: Mapping[str, int] = MappingProxyType({"mapping": LEVELS_MAX, "webhook": 2 * FORMAT_LEVELS + 5})
"""Of kinds whose objects are nested deeper than `DEEP`: how deep."""

_SEVERITIES = ("severity", "warning_severity", "unknown_severity", "minimum_severity", "accept")

Problem = tuple[str, str]


def key_of(kind: str, name: str) -> tuple[str, str]:
    """What tells objects apart: of a login, small and capital letters are the same."""
    return kind, name.lower() if kind == USER else name


class Reference(NamedTuple):
    """A field that names another object."""

    field: str
    kind: str
    name: str


def references(thing: Managed) -> Iterator[Reference]:
    """What the object refers to by name."""
    match thing:
        case Check():
            if thing.host:
                yield Reference("host", "host", thing.host)
            yield from _services("services", thing.services)
        case Service():
            if thing.policy:
                yield Reference("policy", "policy", thing.policy)
        case Policy():
            for number, step in enumerate(thing.steps):
                for place, target in enumerate(step.targets):
                    yield Reference(f"steps[{number}].targets[{place}].channel", "channel", target.channel)
        case Heartbeat():
            yield from _services("services", thing.services)
        case Rule():
            yield from _services("service", thing.service)
        case _:
            return


def _services(field: str, names: list[str] | tuple[str, ...]) -> Iterator[Reference]:
    for number, name in enumerate(names):
        yield Reference(f"{field}[{number}]", "service", name)


def problems(thing: Managed, environments: tuple[str, ...] = (), severities: Severities = DEFAULT) -> list[Problem]:
    """Everything wrong with an object, but for what it refers to and what its plug-in says.

    `environments` are the regular expressions of those that alerts may have; none means any.
    """
    found = _name(thing.name)
    judge = _JUDGES.get(type(thing))
    if judge is not None:
        named = bool(found)  # then the name has been spoken of
        found += [problem for problem in judge(thing) if problem[0] != "name" or not named]
    found += _of_alerts(thing, environments, severities)
    return list(dict.fromkeys(found))


def _of_alerts(thing: Managed, environments: tuple[str, ...], severities: Severities) -> Iterator[Problem]:
    """Environments that alerts cannot have, and severities that there are not."""
    parts: dict[str, Any] = {"": thing}
    if isinstance(thing, Inhibition):
        parts = {"source.": thing.source, "target.": thing.target}
    elif isinstance(thing, Correlation):
        parts = {"alerts.": thing.alerts}
    selecting = isinstance(thing, Inhibition | Correlation)
    every = (EVERY, "") if selecting else (EVERY,) if isinstance(thing, Blackout) else ()
    for path, part in parts.items():
        environment: Any = getattr(part, "environment", None)
        judged = bool(environments) and isinstance(environment, str) and environment not in every
        if judged and not any(re.fullmatch(each, environment) for each in environments):
            yield f"{path}environment", f"{environment!r} is not allowed; allowed are {', '.join(environments)}"
        for field, severity in _unknown_severities(part, severities):
            yield f"{path}{field}", f"there is no severity {severity!r}; there are {', '.join(severities.ordered)}"


def _unknown_severities(part: Any, severities: Severities) -> Iterator[tuple[str, str]]:
    """The severities that are named and that there are not, and where."""
    said = {field: getattr(part, field, None) for field in _SEVERITIES}
    if isinstance(part, Format):
        said["alert.severity"] = part.alert.get("severity")
    for field, named in said.items():
        if isinstance(named, str) and named not in severities.known:
            yield field, named
        elif isinstance(named, list):
            # Compared with what alerts have, so other words for it would never match.
            for number, each in enumerate(cast("list[str]", named)):
                if each not in severities.ranks:
                    yield f"{field}[{number}]", each


def hostile_texts(value: Any, path: str = "", depth: int = 0, deepest: int = DEEP) -> Iterator[Problem]:
    """Texts with control characters other than line breaks and tabs, and what is too long or deep, anywhere."""
    if depth > deepest:
        yield path, f"is nested more than {deepest} deep"
    elif isinstance(value, str):
        if len(value) > TEXT_MAX:
            yield path, f"must have at most {TEXT_MAX} characters, not {len(value)}"
        elif any(_is_control(character) for character in value):
            yield path, "must not contain control characters"
    elif isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        yield path, "is too large a number"
    elif isinstance(value, dict | list | tuple):
        yield from _hostile_inside(cast("Any", value), path, depth, deepest)


def _hostile_inside(value: Any, path: str, depth: int, deepest: int) -> Iterator[Problem]:
    if len(value) > MANY:
        yield path, f"must have at most {MANY} entries"
        return
    if isinstance(value, dict):
        for name, inner in cast("dict[Any, Any]", value).items():
            shown = str(name) if str(name).isprintable() else repr(name)
            inside = f"{path}.{shown}" if path else shown
            if not isinstance(name, str) or len(name) > NAME_MAX or not name.isprintable():
                yield inside[:NAME_MAX], f"a field's name must be a text of at most {NAME_MAX} printable characters"
            else:
                yield from hostile_texts(inner, inside, depth + 1, deepest)
        return
    for number, inner in enumerate(value):
        yield from hostile_texts(inner, f"{path}[{number}]", depth + 1, deepest)


def _is_control(character: str) -> bool:
    code = ord(character)
    return (code < 32 and character not in "\n\t\r") or 127 <= code < 160 or 0xD800 <= code < 0xE000


def _name(name: str) -> list[Problem]:
    if not name.strip():
        return [("name", "is required")]
    if name != name.strip():
        return [("name", "must not begin or end with a space")]
    if len(name) > NAME_MAX:
        return [("name", f"must have at most {NAME_MAX} characters, not {len(name)}")]
    if not name.isprintable():
        return [("name", "must not contain control characters")]
    return []


def _of_service(service: Service) -> list[Problem]:
    if service.runbook and urlsplit(service.runbook).scheme not in {"http", "https"}:
        return [("runbook", "must be an address that begins with http:// or https://")]
    return []


def _of_policy(policy: Any) -> list[Problem]:
    found: list[Problem] = []
    before = 0.0
    for number, step in enumerate(policy.steps):
        if not 0 <= step.after <= LONGEST:
            found.append((f"steps[{number}].after", f"must be between 0 and {LONGEST:g} seconds"))
        elif step.after < before:
            found.append((f"steps[{number}].after", f"must not be before the step above it ({before:g} seconds)"))
        before = max(before, step.after)
        if not step.targets:
            found.append((f"steps[{number}].targets", "needs at least one target"))
        found += [
            (f"steps[{number}].targets[{place}].channel", "is required")
            for place, target in enumerate(step.targets)
            if not target.channel
        ]
    return found


def _of_heartbeat(heartbeat: Any) -> list[Problem]:
    found: list[Problem] = []
    if not 1 <= heartbeat.every <= LONGEST:
        found.append(("every", f"must be between 1 and {LONGEST:g} seconds"))
    if not 0 <= heartbeat.grace <= LONGEST:
        found.append(("grace", f"must be between 0 and {LONGEST:g} seconds"))
    if heartbeat.slug and not _SLUG.fullmatch(heartbeat.slug):
        found.append(("slug", "must be 1 to 100 small letters, digits, - and _"))
    return found


def _of_rule(rule: Any) -> list[Problem]:
    return rule_problems(rule)


def _of_person(person: Any) -> list[Problem]:
    fields = {"login": "name", "name": "full_name"}
    faults = user_faults(person.name, person.full_name, person.email, person.roles)
    found = [(fields.get(fault.field, fault.field), fault.reason) for fault in faults]
    if len(set(person.roles)) != len(person.roles):
        found.append(("roles", "names a role twice"))
    return found


_JUDGES: dict[type[Managed], Callable[[Any], list[Problem]]] = {
    Check: check_problems,
    Host: host_problems,
    Service: _of_service,
    Policy: _of_policy,
    Heartbeat: _of_heartbeat,
    EventMapping: mapping_problems,
    Rule: _of_rule,
    Blackout: blackout_problems,
    Inhibition: inhibition_problems,
    Correlation: correlation_problems,
    Format: format_problems,
    Person: _of_person,
}
