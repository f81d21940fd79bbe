"""What a signal must be to be let in: a list of small steps, each with the reason that its sender reads.

`Invalid` (400) for what is malformed, `Refused` (403) for what this installation does not take.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, cast

import msgspec

from watchbell.domain.errors import Invalid, Refused
from watchbell.domain.signal import Signal


class Limits(msgspec.Struct, frozen=True):
    """What is let in.

    Sizes in characters; `environments` are regular expressions of which one must match as a whole, `refused_origins`
    such whose match at the beginning refuses.
    """

    environments: tuple[str, ...] = ("Production", "Development")
    refused_origins: tuple[str, ...] = ()
    name: int = 1024
    text: int = 65_536
    raw: int = 262_144
    items: int = 256
    depth: int = 16


_SHORT = {"prod": "Production", "prd": "Production", "dev": "Development", "devel": "Development", "stg": "Staging"}


def meant_environment(said: str, limits: Limits) -> str:
    """The allowed environment that a vendor means, in other letters or for short; what it said when there is none."""
    if any(re.fullmatch(allowed, said) for allowed in limits.environments):
        return said
    for meant in (said, _SHORT.get(said.lower(), said)):
        for allowed in limits.environments:
            if allowed.lower() == meant.lower():
                return allowed
    return said


def known_environment(signal: Signal, limits: Limits) -> None:
    """The environment matches one that is allowed."""
    if not any(re.fullmatch(allowed, signal.environment) for allowed in limits.environments):
        raise Refused(f"[POLICY] Alert environment does not match one of {', '.join(limits.environments)}")


def welcome_origin(signal: Signal, limits: Limits) -> None:
    """The origin is none that is refused."""
    if any(re.match(refused, signal.origin) for refused in limits.refused_origins):
        raise Refused(f"[POLICY] Alert origin '{signal.origin}' has been blacklisted")


def some_service(signal: Signal, _limits: Limits) -> None:
    """At least one service."""
    if not signal.service:
        raise Refused("[POLICY] Alert must define a service")


def short_names(signal: Signal, limits: Limits) -> None:
    """Names are short and hold no control characters."""
    for field in (
        "id",
        "environment",
        "resource",
        "event",
        "severity",
        "status",
        "group",
        "origin",
        "type",
        "customer",
    ):
        _check_text(field, getattr(signal, field) or "", limits.name)
    for field in ("service", "correlate", "tags"):
        values: Sequence[str] = getattr(signal, field)
        if len(values) > limits.items:
            raise Invalid(f"has {len(values)} items, more than {limits.items}", field)
        for value in values:
            _check_text(field, value, limits.name)


def bounded_text(signal: Signal, limits: Limits) -> None:
    """Free texts may have lines, and an end."""
    _check_text("text", signal.text, limits.text, lines=True)
    if isinstance(signal.value, str):
        _check_text("value", signal.value, limits.text, lines=True)
    else:
        _check_json("value", signal.value, limits)
    if isinstance(signal.raw_data, str):
        if len(signal.raw_data) > limits.raw:
            raise Invalid(f"is longer than {limits.raw} characters", "rawData")
        if "\x00" in signal.raw_data:
            raise Invalid("holds a NUL character", "rawData")
    else:
        _check_json("rawData", signal.raw_data, limits)


def bounded_attributes(signal: Signal, limits: Limits) -> None:
    """Attributes have plain names and a bounded size."""
    admit_attributes(signal.attributes, limits)


def admit_attributes(attributes: Mapping[str, Any], limits: Limits) -> None:
    """Attributes that a sender or an operator gives."""
    if len(attributes) > limits.items:
        raise Invalid(f"has {len(attributes)} items, more than {limits.items}", "attributes")
    for name, value in attributes.items():
        if "." in name or "$" in name:
            raise Invalid('Attribute keys must not contain "." or "$"')
        _check_text("attributes", name, limits.name)
        _check_json(f"attributes.{name}", value, limits)


def admit_words(limits: Limits, **words: str) -> None:
    """What an operator writes: `text` may have lines, everything else is a name."""
    for field, given in words.items():
        lines = field == "text"
        _check_text(field, given, limits.text if lines else limits.name, lines=lines)


def admit_tags(tags: Sequence[str], limits: Limits) -> None:
    """Tags that an operator adds."""
    if len(tags) > limits.items:
        raise Invalid(f"has {len(tags)} items, more than {limits.items}", "tags")
    for each in tags:
        _check_text("tags", each, limits.name)


FORM: tuple[Callable[[Signal, Limits], None], ...] = (short_names, bounded_text, bounded_attributes)
STEPS: tuple[Callable[[Signal, Limits], None], ...] = (*FORM, welcome_origin, known_environment, some_service)


def admit(signal: Signal, limits: Limits) -> None:
    """Let the signal in, or raise the first reason not to."""
    for step in STEPS:
        step(signal, limits)


def well_formed(signal: Signal, limits: Limits) -> None:
    """Let the signal be shown to plug-ins, or raise the first reason not to; they may mend what else is missing."""
    for step in FORM:
        step(signal, limits)


# Line breaks and tabs are text; every other control character has no business in an alert.
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def _check_text(field: str, text: str, limit: int, *, lines: bool = False) -> None:
    if len(text) > limit:
        raise Invalid(f"is longer than {limit} characters", field)
    found = (_CONTROL_BUT_LINES if lines else _CONTROL).search(text)
    if found:
        raise Invalid(f"holds a control character (code {ord(found.group())})", field)


def _check_json(field: str, value: Any, limits: Limits) -> None:
    size = 0
    for depth, text in _texts(value, 0):
        if depth > limits.depth:
            raise Invalid(f"is nested deeper than {limits.depth}", field)
        if "\x00" in text:
            raise Invalid("holds a NUL character", field)
        size += len(text) + 1
        if size > limits.raw:
            raise Invalid(f"is longer than {limits.raw} characters", field)


def _texts(value: Any, depth: int) -> Iterator[tuple[int, str]]:
    """Every text in JSON-like data with its depth; stops to look deeper when it is absurd."""
    yield depth, value if isinstance(value, str) else ""
    if depth > 100:
        return
    if isinstance(value, dict):
        for name, inner in cast("dict[str, Any]", value).items():
            yield depth, str(name)
            yield from _texts(inner, depth + 1)
    elif isinstance(value, list | tuple):
        for inner in cast("Sequence[Any]", value):
            yield from _texts(inner, depth + 1)
