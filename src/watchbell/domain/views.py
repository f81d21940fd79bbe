"""Views: filters of the alerts that people keep under a name, for themselves or for everybody."""

from datetime import datetime

import msgspec

from watchbell.domain.errors import Fault

NAME_MAX = 100
QUERY_MAX = 2000
MOST = 200
"""Views that one person may have."""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """A named filter: `query` is what stands after the `?` in the address of the list.

    `owner` is the id of the user whose it is; a shared one stays when they are gone.
    """

    id: str
    owner: str
    name: str
    query: str
    shared: bool = False
    created_at: datetime


def view_faults(view: View) -> list[Fault]:
    """Everything wrong with a view."""
    found: list[Fault] = []
    if not view.name.strip() or len(view.name) > NAME_MAX or not view.name.isprintable():
        found.append(Fault(field="name", reason=f"must be 1 to {NAME_MAX} printable characters"))
    if not view.query or len(view.query) > QUERY_MAX:
        found.append(Fault(field="query", reason=f"must have 1 to {QUERY_MAX} characters"))
    elif not view.query.isascii() or not view.query.isprintable() or set(view.query) & set(' #"<>'):
        found.append(Fault(field="query", reason="must be the query of an address, with everything special encoded"))
    return found
