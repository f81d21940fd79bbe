"""Permitting: roles of one's own, and who has which scopes because of them.

Whoever makes, changes or deletes a role must hold what it gave and what it is to give. When somebody holds less than
before, those of their keys that give more are revoked.
"""

from collections.abc import Sequence

import msgspec

from watchbell.domain.access import role_faults
from watchbell.domain.accounts import Permission, Principal
from watchbell.domain.errors import Conflict, Faulty, Missing
from watchbell.domain.ids import new_id
from watchbell.domain.roles import USUAL, RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.auditing import entry
from watchbell.usecases.holding import held_by_all, refuse_more_than_held, revoke_beyond
from watchbell.usecases.sessions import rights_changed


class Permitting:
    """Roles of one's own."""

    def __init__(self, store: Store, clock: Clock, rules: RoleRules = USUAL) -> None:
        self._store = store
        self._clock = clock
        self.rules = rules

    async def all(self) -> list[Permission]:
        """By what they match."""
        async with self._store.reading() as tx:
            return await tx.permissions.all()

    async def save(
        self, by: Principal, permission_id: str, match: str | None, scopes: Sequence[str] | None
    ) -> Permission:
        """Make a role (`permission_id` empty), or change what is given of one."""
        async with self._store.transaction() as tx:
            before = await _permission(tx, permission_id) if permission_id else None
            start = before or Permission(id=new_id(), match="", scopes=())
            after = msgspec.structs.replace(
                start,
                match=start.match if match is None else match,
                scopes=start.scopes if scopes is None else tuple(dict.fromkeys(scopes)),
            )
            faults = role_faults(after.match, after.scopes, self.rules.custom_scopes)
            if faults:
                raise Faulty(faults)
            refuse_built_in(self.rules, after.match)
            refuse_more_than_held(by, [*start.scopes, *after.scopes])
            if any(other.match == after.match and other.id != after.id for other in await tx.permissions.all()):
                raise Conflict(f"There is a role {after.match!r} already.")
            held = await held_by_all(tx, self.rules)
            await tx.permissions.save(after)
            await revoke_beyond(tx, self.rules, held)
            await rights_changed(tx)
            await self._audit(tx, by, "update" if before else "create", before, after)
        return after

    async def delete(self, by: Principal, permission_id: str) -> None:
        """Delete a role; whoever has it has what their other roles give."""
        async with self._store.transaction() as tx:
            found = await _permission(tx, permission_id)
            refuse_more_than_held(by, found.scopes)
            held = await held_by_all(tx, self.rules)
            await tx.permissions.delete(found.id)
            await revoke_beyond(tx, self.rules, held)
            await rights_changed(tx)
            await self._audit(tx, by, "delete", found, None)

    async def _audit(
        self, tx: Transaction, by: Principal, action: str, before: Permission | None, after: Permission | None
    ) -> None:
        one, other = ({} if each is None else msgspec.structs.asdict(each) for each in (before, after))
        shown = after or before
        assert shown is not None  # noqa: S101 - there is always one of them
        event = ("role", action)
        await tx.audit.add([entry(self._clock.now(), by, event, shown.match, subject_id=shown.id, change=(one, other))])


def refuse_built_in(rules: RoleRules, match: str) -> None:
    """Raise `Conflict` for a role that the settings make."""
    if match in rules.built_in():
        raise Conflict(f"{match} role already exists")


async def _permission(tx: Transaction, permission_id: str) -> Permission:
    for found in await tx.permissions.all():
        if permission_id in (found.id, found.match):
            return found
    raise Missing("There is no such role.")
