"""Where a check runs and against what: a check put together with its host."""

from collections.abc import Iterable, Mapping

import msgspec

from watchbell.domain.checks.check import Check, Host

DEFAULT_SITE = "default"


class Placed(msgspec.Struct, frozen=True):
    """A check whose `site` is filled in, and the address that it connects to (empty without a host)."""

    check: Check
    address: str = ""


def place(check: Check, hosts: Mapping[str, Host]) -> Placed:
    """Put a check together with its host. A host that nobody defined is taken by its name: it may resolve."""
    host = hosts.get(check.host)
    site = check.site or (host.site if host is not None else "") or DEFAULT_SITE
    address = (host.address if host is not None else "") or check.host
    return Placed(check if check.site == site else msgspec.structs.replace(check, site=site), address)


def place_all(checks: Iterable[Check], hosts: Mapping[str, Host]) -> dict[str, Placed]:
    """All checks, by id."""
    return {check.id: place(check, hosts) for check in checks}
