"""What is wrong with a check or host that someone wrote. Settings of the check type are the check type's to judge."""

from watchbell.domain.checks.check import Check, Host
from watchbell.domain.checks.schedule import MIN_INTERVAL

Problems = list[tuple[str, str]]
"""(field, reason) pairs; empty means that all is well."""

LONGEST = 366 * 86400.0
MOST_ATTEMPTS = 1000


def problems(check: Check) -> Problems:
    """Everything wrong with a check, so that all can be mended at once."""
    found = _name_problems("name", check.name)
    if not check.type:
        found.append(("type", "is required"))
    found += _span(check.interval, "interval", MIN_INTERVAL)
    if check.retry_interval:
        found += _span(check.retry_interval, "retry_interval", MIN_INTERVAL)
    found += _span(check.timeout, "timeout", 0.1, 3600.0)
    for field in ("fail_after", "recover_after"):
        count: int = getattr(check, field)
        if not 1 <= count <= MOST_ATTEMPTS:
            found.append((field, f"must be between 1 and {MOST_ATTEMPTS}, not {count}"))
    for field in ("severity", "warning_severity", "unknown_severity", "environment", "pool"):
        text: str = getattr(check, field)
        found += _name_problems(field, text)
    for field in ("host", "site"):
        text = getattr(check, field)
        if text:
            found += _name_problems(field, text)
    for number, service in enumerate(check.services):
        found += _name_problems(f"services[{number}]", service)
    if len(set(check.services)) != len(check.services):
        found.append(("services", "names a service twice"))
    return found


def host_problems(host: Host) -> Problems:
    """Everything wrong with a host."""
    found = _name_problems("name", host.name) + _name_problems("site", host.site)
    if host.address:
        found += _name_problems("address", host.address)
        if any(character.isspace() for character in host.address):
            found.append(("address", "must not contain spaces"))
        if host.address.startswith("-"):
            found.append(("address", "must not start with '-': a plug-in would take it for an option"))
    return found


def _name_problems(field: str, text: str) -> Problems:
    if not text.strip():
        return [(field, "is required")]
    if text != text.strip():
        return [(field, "must not begin or end with a space")]
    if len(text) > 200:
        return [(field, f"must have at most 200 characters, not {len(text)}")]
    if not text.isprintable():
        return [(field, "must not contain control characters")]
    return []


def _span(seconds: float, field: str, least: float, most: float = LONGEST) -> Problems:
    if not least <= seconds <= most:  # also catches NaN
        return [(field, f"must be between {least:g} and {most:g} seconds, not {seconds:g}")]
    return []
