"""Which alerts are meant: by environment, resource, event and the like, in blackouts and in inhibitions alike."""

from collections.abc import Sequence
from typing import Protocol

import msgspec

from watchbell.domain.alerts.alert import Alert
from watchbell.domain.alerts.query import Filter
from watchbell.domain.signal import Signal

EVERY = "*"
"""As an environment: every one."""
_WILD = ("resource", "event", "origin")


class Wanted(Protocol):
    """What alerts must be like. What is empty asks for nothing; all the rest must hold."""

    @property
    def environment(self) -> str:
        """Their environment; `EVERY` for any."""
        ...

    @property
    def resource(self) -> str:
        """Their resource; `*` stands for any characters."""
        ...

    @property
    def event(self) -> str:
        """Their event; `*` stands for any characters."""
        ...

    @property
    def group(self) -> str:
        """Their group."""
        ...

    @property
    def origin(self) -> str:
        """Who sent them; `*` stands for any characters."""
        ...

    @property
    def service(self) -> Sequence[str]:
        """Services that they must all have."""
        ...

    @property
    def tags(self) -> Sequence[str]:
        """Tags that they must all have."""
        ...


class Likeness(msgspec.Struct, frozen=True, kw_only=True):
    """What alerts are like. What is empty asks for nothing; all the rest must hold."""

    environment: str = ""
    """Their environment; empty or `*` is every one."""
    resource: str = ""
    """Their resource; `*` stands for any characters."""
    event: str = ""
    """Their event; `*` stands for any characters."""
    group: str = ""
    """Their group."""
    service: list[str] = []
    """Services that they must all have."""
    tags: list[str] = []
    """Tags that they must all have."""
    origin: str = ""
    """Who sent them; `*` stands for any characters."""


def fits(wanted: Wanted, alert: Alert | Signal) -> bool:
    """Whether the alert is one of those that are meant."""
    return (
        wanted.environment in {"", EVERY, alert.environment}
        and (not wanted.resource or like(wanted.resource, alert.resource))
        and (not wanted.event or like(wanted.event, alert.event))
        and (not wanted.group or wanted.group == alert.group)
        and (not wanted.origin or like(wanted.origin, alert.origin))
        and (not wanted.service or set(wanted.service) <= set(_services(alert)))
        and set(wanted.tags) <= set(alert.tags)
    )


def _services(alert: Alert | Signal) -> Sequence[str]:
    """Of an alert of several problems those of the one that it shows, as its resource and event are."""
    for each in alert.correlation.members if alert.correlation is not None else ():
        if (each.resource, each.event) == (alert.resource, alert.event) and each.service is not None:
            return each.service
    return alert.service


def narrowing(wanted: Wanted) -> list[Filter]:
    """Filters that let through all alerts that fit, and few others; `fits` decides."""
    found: list[Filter] = []
    if wanted.environment not in {"", EVERY}:
        found.append(equal("environment", wanted.environment))
    if wanted.group:
        found.append(equal("group", wanted.group))
    for field in _WILD:
        pattern: str = getattr(wanted, field)
        if pattern:
            found.append(_alike(field, pattern))
    found += [equal("service", service) for service in wanted.service]
    found += [equal("tags", tag) for tag in wanted.tags]
    return found


def equal(field: str, *values: str) -> Filter:
    """The field has one of the values."""
    return Filter(field=field, values=values)


def like(pattern: str, text: str) -> bool:
    """Whether the text fits a pattern in which `*` stands for any characters; takes linear steps."""
    if "*" not in pattern:
        return pattern == text
    first, *middle, last = pattern.split("*")
    if len(text) < len(first) + len(last) or not (text.startswith(first) and text.endswith(last)):
        return False
    at, stop = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, stop)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _alike(field: str, pattern: str) -> Filter:
    if "*" not in pattern:
        return equal(field, pattern)
    plain = pattern.replace("\\", "\\\\").replace("?", "\\?")
    return Filter(field=field, operator="like", values=(plain,))
