"""Auditing: writes down who did what, within the transaction that does it, and reads it back.

Of the caller it takes what the request says; work of Watchbell's own names itself.
"""

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import Any

from watchbell.domain.accounts import ApiKey, Principal, User
from watchbell.domain.audit import AuditEntry, AuditQuery, Category, changes_of
from watchbell.domain.errors import Retryable
from watchbell.domain.ids import new_id
from watchbell.domain.plan import MASK
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store
from watchbell.usecases.calling import caller_now

BATCH = 1_000
MOST = 100_000
"""Entries in one export."""
TEXT_MAX = 1_000


def entry(
    at: datetime,
    by: Principal | str,
    event: tuple[str, str],
    subject: str,
    text: str = "",
    *,
    subject_id: str = "",
    category: Category = "admin",
    change: tuple[Mapping[str, Any], Mapping[str, Any]] = ({}, {}),
) -> AuditEntry:
    """An entry about (kind, action); `change` is what was there before and after, without any secret."""
    caller = caller_now()
    known = caller.principal if isinstance(by, str) else by
    kind, action = event
    return AuditEntry(
        id=new_id(),
        at=at,
        who=by if isinstance(by, str) else by.login,
        action=action,
        kind=kind,
        subject=subject,
        text=text[:TEXT_MAX],
        category=category,
        user_id=known.user_id if known else "",
        key=known.key if known else "",
        customers=tuple(sorted(known.customers or ())) if known else (),
        subject_id=subject_id,
        changes=changes_of(*change),
        address=caller.address,
        request_id=caller.request_id,
        user_agent=caller.user_agent,
    )


def account_told(thing: User | ApiKey | None) -> dict[str, Any]:
    """What the audit tells of a user or a key: nothing that lets anybody in."""
    if thing is None:
        return {}
    names = (
        ("login", "name", "email", "roles", "active")
        if isinstance(thing, User)
        else ("user", "scopes", "text", "expires_at", "customer")
    )
    told = {name: getattr(thing, name) for name in names}
    return told | {"password": MASK if thing.password_hash else ""} if isinstance(thing, User) else told


class Auditing:
    """The log, for administrators, and for what no other use case writes down."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def page(self, query: AuditQuery, page: int, page_size: int) -> tuple[list[AuditEntry], int]:
        """One page, newest first, and how many there are."""
        async with self._store.reading() as tx:
            found = await tx.audit.find(query, (page - 1) * page_size, page_size)
            return found, await tx.audit.count(query)

    async def every(self, query: AuditQuery) -> AsyncIterator[AuditEntry]:
        """The newest first, at most `MOST`."""
        async with self._store.reading() as tx:
            for start in range(0, MOST, BATCH):
                found = await tx.audit.find(query, start, BATCH)
                for each in found:
                    yield each
                if len(found) < BATCH:
                    return

    async def refused(self, by: Principal, kind: str, subject: str, why: str) -> None:
        """Write down that something was refused; when the database is away nobody waits for it."""
        try:
            async with self._store.transaction() as tx:
                await tx.audit.add([entry(self._clock.now(), by, (kind, "rejected"), subject, why, category="write")])
        except Retryable:
            return
