"""Correlations: rules that make one alert of signals from several resources, or tell alerts apart in another way.

Without a rule, signals of the same environment, resource, event and customer are one alert. A rule selects signals and
computes a key; those with the same key are one alert of their environment and customer, whatever their resource and
event. The first rule by `order` that has a key for a signal takes it.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.matching import Likeness, fits
from watchbell.domain.correlated import Correlated
from watchbell.domain.errors import Invalid
from watchbell.domain.expressions import Contexts, Program
from watchbell.domain.managed import Managed
from watchbell.domain.signal import Signal

KIND = "correlation"
LONGEST_ORDER = 10_000
LONGEST_KEY = 200
"""Characters; a longer key keeps its beginning and gets a hash instead of the rest."""
_HASHED = 16
_PLAIN = ("environment", "resource", "event", "group", "origin", "type", "text")
READABLE = frozenset({*_PLAIN, "customer", "service", "tags", "attributes"})
"""What a key may read. Not the severity: with it, an alert would never meet its own recovery."""


class Correlation(Managed, frozen=True, kw_only=True):
    """A rule by which signals with the same key are one alert."""

    description: str = ""
    """What it is for."""
    enabled: bool = True
    """Whether it is in force."""
    order: int = 100
    """Rules with lower numbers are asked first; of equal ones, by name."""
    alerts: Likeness = Likeness()
    """Which signals it is for; without anything, all."""
    key: str
    """An expression in CEL over a signal, such as `tag(tags, "cluster")` or `attributes.rack + "/" + event`.

    One that fails or yields nothing leaves the signal to the next rule.
    """
    worst: bool = True
    """Whether the alert stays as bad as the worst of its members and closes when all have recovered.

    Otherwise each message speaks for the whole, and the last one counts.
    """


def correlation_problems(correlation: Correlation) -> list[tuple[str, str]]:
    """What is wrong with it."""
    found: list[tuple[str, str]] = []
    found += [
        (f"alerts.{field}", "must not hold an empty text")
        for field in ("service", "tags")
        if "" in getattr(correlation.alerts, field)
    ]
    if not -LONGEST_ORDER <= correlation.order <= LONGEST_ORDER:
        found.append(("order", f"must be between -{LONGEST_ORDER} and {LONGEST_ORDER}"))
    if not correlation.key.strip():
        found.append(("key", 'is required, such as tag(tags, "cluster")'))
        return found
    try:
        _program(correlation.key)
    except Invalid as error:
        found.append((error.field, error.reason))
    return found


def _program(key: str) -> Program:
    return Program(key, "key", READABLE, "a signal", frozenset(_FUNCTIONS))


class Correlator:
    """The rules in force, compiled. One whose key does not compile (written by a newer release) is left out."""

    def __init__(self, rules: Iterable[Correlation] = ()) -> None:
        self._rules: list[tuple[Correlation, Program]] = []
        for rule in sorted(rules, key=lambda each: (each.order, each.name)):
            if rule.enabled and not correlation_problems(rule):
                self._rules.append((rule, _program(rule.key)))
        self._contexts = Contexts(_FUNCTIONS)

    def __bool__(self) -> bool:
        """Whether there is any rule."""
        return bool(self._rules)

    def of(self, signal: Signal | Alert) -> Correlated | None:
        """Which rule takes the signal, and by which key; None when none does."""
        for rule, program in self._rules:
            if fits(rule.alerts, signal):
                key = _text(program.value(lambda: self._contexts.of(_variables(signal))))
                if key:
                    return Correlated(rule=rule.name, key=key, worst=rule.worst)
        return None


def _variables(signal: Signal | Alert) -> dict[str, Any]:
    variables: dict[str, Any] = {field: getattr(signal, field) for field in _PLAIN}
    variables["customer"] = signal.customer or ""
    variables["service"], variables["tags"] = list(signal.service), list(signal.tags)
    variables["attributes"] = signal.attributes
    return variables


def _text(value: Any) -> str:
    """A key as text; empty when there is none."""
    if value is None or value in ("", [], {}):
        return ""
    text = (value if isinstance(value, str) else _encoded(value)).replace("\0", "")
    if len(text) <= LONGEST_KEY:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_HASHED).hexdigest()
    return f"{text[: LONGEST_KEY - len(digest) - 1]}~{digest}"


def _encoded(value: Any) -> str:
    try:
        return msgspec.json.encode(value, order="sorted").decode()
    except (TypeError, ValueError, msgspec.MsgspecError):
        return ""


# The engine complains on the standard error when one of these raises, so none does.
def _tag(tags: Any, name: Any) -> str:
    """The value of the first tag such as `name=value`; empty without one."""
    prefix, held = f"{name}=", cast("list[str]", tags) if isinstance(tags, list) else []
    return next((each.removeprefix(prefix) for each in held if str(each).startswith(prefix)), "")


def _part(text: Any, separator: Any, number: Any) -> str:
    """One part of a text, from 0, from the end when negative; empty when there are not so many."""
    parts = str(text).split(str(separator)) if separator else [str(text)]
    return parts[number] if isinstance(number, int) and -len(parts) <= number < len(parts) else ""


def _lower(text: Any) -> str:
    return str(text).lower()


_FUNCTIONS: Mapping[str, Any] = {"tag": _tag, "part": _part, "lower": _lower}
