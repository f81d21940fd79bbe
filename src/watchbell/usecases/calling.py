"""Who calls, for as long as one request of the API lasts: what they may see, and what the audit tells of them.

Work of Watchbell's own has no caller and sees everything.
"""

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar

import msgspec

from watchbell.domain.accounts import Principal
from watchbell.domain.customers import Customers, assigned


class Caller(msgspec.Struct, frozen=True, kw_only=True):
    """Who calls, from where; `principal` is None for routes that are open to everybody.

    `via` are the installations that the request came through.
    """

    principal: Principal | None = None
    address: str = ""
    request_id: str = ""
    user_agent: str = ""
    via: tuple[str, ...] = ()


_NOBODY = Caller()
_CALLER: ContextVar[Caller] = ContextVar("caller", default=_NOBODY)


@contextmanager
def called_by(caller: Caller) -> Generator[None]:
    """Everything inside is done for the caller."""
    token = _CALLER.set(caller)
    try:
        yield
    finally:
        _CALLER.reset(token)


def caller_now() -> Caller:
    """Who calls."""
    return _CALLER.get()


def customers_now() -> Customers:
    """Whose alerts are there for the caller; None is everybody's."""
    principal = _CALLER.get().principal
    return None if principal is None else principal.customers


def assigned_now(wanted: str | None, resource: str) -> str | None:
    """The customer of what the caller writes.

    Raises:
        Invalid: it may not be this one, or it must be said.
    """
    principal = _CALLER.get().principal
    return wanted if principal is None or principal.customers is None else assigned(principal, wanted, resource)
