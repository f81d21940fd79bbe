"""Viewing: filters that people keep under a name.

A view is its owner's; everybody sees a shared one, which whoever administers users may remove, too. Keys and strangers
have none of their own. A view is only a filter: what it shows is what its reader may see. Its name is seen by all,
so whoever is bound to customers neither shares one nor sees those that are shared.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Fault, Faulty, Forbidden, Missing
from watchbell.domain.ids import new_id
from watchbell.domain.views import MOST, View, view_faults
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.auditing import entry


class ViewChange(msgspec.Struct, frozen=True, kw_only=True):
    """What is wanted of a view; None leaves it as it is."""

    name: str | None = None
    query: str | None = None
    shared: bool | None = None


class Viewing:
    """Views of the list of alerts."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def all(self, by: Principal) -> Sequence[View]:
        """The caller's and those that are shared, by name."""
        async with self._store.reading() as tx:
            return [view for view in await tx.views.of(by.user_id) if _sees(by, view)]

    async def make(self, by: Principal, wanted: ViewChange) -> View:
        """Keep a filter.

        Raises `Forbidden` for whoever is no person, or may not share; `Conflict` for a name that they have already.
        """
        if not by.user_id:
            raise Forbidden("Only people have views of their own: log in.")
        start = View(id=new_id(), owner=by.user_id, name="", query="", created_at=self._clock.now())
        view = _changed(by, start, wanted)
        async with self._store.transaction() as tx:
            mine = [each for each in await tx.views.of(by.user_id) if each.owner == by.user_id]
            if len(mine) >= MOST:
                raise Faulty([Fault(field="name", reason=f"is one too many: nobody has more than {MOST} views")])
            await tx.views.save(view)
            await self._audit(tx, by, "create", None, view)
        return view

    async def change(self, by: Principal, view_id: str, wanted: ViewChange) -> View:
        """Rename a view of one's own, give it another filter, share it, or share it no longer."""
        async with self._store.transaction() as tx:
            before = await _own(tx, by, view_id)
            view = _changed(by, before, wanted)
            await tx.views.save(view)
            await self._audit(tx, by, "update", before, view)
        return view

    async def remove(self, by: Principal, view_id: str) -> None:
        """Remove a view of one's own; one that is shared may go by whoever administers users, too."""
        async with self._store.transaction() as tx:
            view = await _own(tx, by, view_id, but="admin:users")
            await tx.views.delete(view.id)
            await self._audit(tx, by, "delete", view, None)

    async def _audit(
        self, tx: Transaction, by: Principal, action: str, before: View | None, after: View | None
    ) -> None:
        one, other = ({} if each is None else _told(each) for each in (before, after))
        shown = after or before
        assert shown is not None  # noqa: S101 - there is always one of them
        event = ("view", action)
        await tx.audit.add([entry(self._clock.now(), by, event, shown.name, subject_id=shown.id, change=(one, other))])


def _sees(by: Principal, view: View) -> bool:
    return bool(by.user_id and view.owner == by.user_id) or (view.shared and by.customers is None)


def _told(view: View) -> dict[str, Any]:
    return {"name": view.name, "query": view.query, "shared": view.shared}


async def _own(tx: Transaction, by: Principal, view_id: str, but: str = "") -> View:
    """A view that the caller may change: their own, or any that they see when they may `but`."""
    view = await tx.views.get(view_id)
    if view is None or not _sees(by, view):
        raise Missing("There is no such view.")
    if view.owner != by.user_id and not (but and by.may(but)):
        raise Forbidden("It is somebody else's.")
    return view


def _changed(by: Principal, view: View, wanted: ViewChange) -> View:
    after = msgspec.structs.replace(
        view,
        name=view.name if wanted.name is None else wanted.name.strip(),
        query=view.query if wanted.query is None else wanted.query,
        shared=view.shared if wanted.shared is None else wanted.shared,
    )
    faults = view_faults(after)
    if faults:
        raise Faulty(faults)
    if after.shared and not view.shared and (by.customers is not None or not by.may("write:alerts")):
        raise Forbidden("Sharing asks for write:alerts, for all customers.")
    return after
