"""Managed objects: read, written one by one, planned and applied as a set, exported.

Every write is one transaction with its audit entries. References are checked inside it, and a write that another one
overtook is tried again, so that no object is ever left referring to nothing. Raises `Faulty` with all faults at once,
`Missing`, and `Conflict`.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

import msgspec

from watchbell.domain.accounts import Principal
from watchbell.domain.alerts.blackout import Blackout
from watchbell.domain.audit import AuditEntry
from watchbell.domain.checks.heartbeat import ANY_HEARTBEAT
from watchbell.domain.customers import assigned
from watchbell.domain.errors import Conflict, Fault, Faulty, Missing
from watchbell.domain.kinds import IN_FILES, KINDS, USER
from watchbell.domain.managed import Managed, Stored
from watchbell.domain.plan import MASK, Change, FieldChange, differences, masked
from watchbell.domain.roles import USUAL, RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.ports.vault import Vault
from watchbell.usecases.auditing import entry
from watchbell.usecases.enrolling import SCOPE, refuse_users, rows_for, user_faults, user_rows, write_users
from watchbell.usecases.guarding_objects import sees_object
from watchbell.usecases.holding import roles_now
from watchbell.usecases.proposing import (
    HEARTBEAT,
    Proposal,
    Step,
    absent,
    propose,
    referrers,
    slugs,
    step_for,
    taken_slug,
)
from watchbell.usecases.sealing import seal

TRIES = 4
BATCH_MAX = 20_000  # objects in one plan

T = TypeVar("T")


class Shapes(Protocol):
    """What each kind of object looks like."""

    def read(self, kind: str, body: Mapping[str, Any]) -> Managed:
        """The object; raises `Faulty` with everything that is wrong with it."""
        ...

    def secrets(self, kind: str, body: Mapping[str, Any]) -> frozenset[str]:
        """Names of the settings that hold secrets."""
        ...

    def defaults(self, kind: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """The values of settings that are not given."""
        ...


class _OvertakenError(Exception):
    """Another writer was faster: what was decided rests on objects that have changed."""


class Managing:
    """The catalogue's front."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        vault: Vault,
        shapes: Shapes,
        written: Callable[[], None] = lambda: None,
        rules: RoleRules = USUAL,
    ) -> None:
        """`written` is called after each write: for `Configured.expire`."""
        self._store = store
        self._clock = clock
        self._vault = vault
        self._shapes = shapes
        self._written = written
        self._rules = rules

    async def all(self, kind: str) -> list[Stored]:
        """All objects of a kind, by name; secrets are dots."""
        _require_kind(kind)
        async with self._store.reading() as tx:
            return [self._masked(row) for row in await tx.catalogue.all(kind)]

    async def get(self, kind: str, name_or_id: str) -> tuple[Stored, list[Stored]]:
        """One object, and its former versions, newest first; secrets are dots."""
        _require_kind(kind)
        async with self._store.reading() as tx:
            found = await _existing(tx, kind, name_or_id)
            past = await tx.catalogue.past(kind, found.id)
        return self._masked(found), [self._masked(row) for row in past if row.version != found.version]

    async def create(self, by: Principal, kind: str, body: Mapping[str, Any]) -> Stored:
        """A new object."""
        _require_kind(kind)
        thing = self._read(by, kind, body)

        async def write(tx: Transaction, seen: int) -> Stored:
            if await tx.catalogue.get(kind, thing.name) is not None:
                raise Conflict(f"There is a {kind} named {thing.name!r} already.", "name")
            return await self._write_one(tx, by, seen, kind, thing, None)

        return self._masked(await self._try(write))

    async def update(
        self, by: Principal, kind: str, identifier: str, body: Mapping[str, Any], if_version: int | None = None
    ) -> Stored:
        """Replace an object as a whole. With `if_version`, only if that is still its version."""
        _require_kind(kind)
        thing = self._read(by, kind, body)

        async def write(tx: Transaction, seen: int) -> Stored:
            before = await _existing(tx, kind, identifier)
            if if_version is not None and before.version != if_version:
                whose = before.updated_by or "someone"
                raise Conflict(f"It was changed by {whose} meanwhile. Look at it again.", "if-version")
            if thing.name != before.name:
                await _refuse_rename(tx, before, thing.name)
            return await self._write_one(tx, by, seen, kind, thing, before)

        return self._masked(await self._try(write))

    async def delete(self, by: Principal, kind: str, identifier: str) -> None:
        """Delete an object that nothing refers to. Keepers close what stands for it."""
        _require_kind(kind)

        async def write(tx: Transaction, seen: int) -> None:
            before = await _existing(tx, kind, identifier)
            others = referrers(await tx.catalogue.all(), kind, before.name)
            if others:
                raise Conflict(f"It is still used by {', '.join(others)}. Change them first.")
            await self._commit(tx, by, seen, [Step("delete", before, None)])

        await self._try(write)

    async def plan(
        self, by: Principal, objects: Sequence[Any], *, prune: bool = False
    ) -> tuple[list[Change], list[Fault]]:
        """What `apply` would do, and what is wrong. Fields are `objects[<n>].<field>`."""
        async with self._store.reading() as tx:
            proposal = await self._propose(tx, by, objects, prune=prune)
        return self._shown(proposal.steps), proposal.faults

    async def apply(self, by: Principal, objects: Sequence[Any], *, prune: bool = False) -> tuple[list[Change], int]:
        """Make catalogue and users as the objects say, in one transaction; returns what changed and the new version.

        With `prune`, objects that are not named are deleted; users only if at least one is named.
        """

        async def write(tx: Transaction, seen: int) -> tuple[list[Change], int]:
            proposal = await self._propose(tx, by, objects, prune=prune)
            if proposal.faults:
                raise Faulty(proposal.faults)
            version = await self._commit(tx, by, seen, proposal.steps)
            return self._shown(proposal.steps), version

        return await self._try(write)

    async def export(self, by: Principal) -> list[dict[str, Any]]:
        """Every object as `apply` takes it, in an order that does not change; secrets are dots.

        Fields that have their default are left out, as people write objects. Users are there for whoever may change
        them, without passwords.
        """
        order = list(IN_FILES)
        async with self._store.reading() as tx:
            stored = await tx.catalogue.all()
            rows = [row for row in stored if row.kind in KINDS and sees_object(by.customers, row)]
            if by.may(SCOPE):
                rows += await user_rows(tx)
        rows.sort(key=lambda row: (order.index(row.kind), row.name))
        return [{"kind": row.kind, "name": row.name, **_without_defaults(self._masked(row))} for row in rows]

    async def _write_one(
        self, tx: Transaction, by: Principal, seen: int, kind: str, thing: Managed, before: Stored | None
    ) -> Stored:
        rows = await tx.catalogue.all()
        known = {(row.kind, row.name) for row in rows} | {(kind, thing.name)}
        faults = absent(thing, known) + taken_slug(thing, slugs(rows, before.id if before else ""))
        if faults:
            raise Faulty(faults)
        step = step_for(kind, thing, before, self._sealed)
        if step is None:
            assert before is not None  # noqa: S101 - a new object is always a step
            return before
        version = await self._commit(tx, by, seen, [step])
        return msgspec.structs.replace(self._stamped(step.row, by), version=version)

    async def _commit(self, tx: Transaction, by: Principal, seen: int, steps: Sequence[Step]) -> int:
        """Write the steps, audited; returns the version of the configuration then.

        Raises:
            _OvertakenError: the configuration is no longer what it was at version `seen`.
        """
        await write_users(tx, steps, self._clock.now(), self._rules)
        objects = [step for step in steps if step.row.kind != USER]
        puts = [self._stamped(step.after, by) for step in objects if step.after is not None]
        removals: dict[str, list[str]] = {}
        for step in objects:
            if step.after is None:
                removals.setdefault(step.row.kind, []).append(step.row.id)
        version = await tx.catalogue.put(puts) if puts else seen
        for kind, identifiers in removals.items():
            version = await tx.catalogue.remove(kind, identifiers)
        if version != seen + bool(puts) + len(removals):
            raise _OvertakenError
        if steps:
            await tx.audit.add([self._entry(change, by) for change in self._shown(steps)])
        if objects:
            rows = [step.row for step in objects]
            tx.changed("config", *(ANY_HEARTBEAT if row.kind == HEARTBEAT else row.id for row in rows))
        return version

    async def _propose(self, tx: Transaction, by: Principal, objects: Sequence[Any], *, prune: bool) -> Proposal:
        if len(objects) > BATCH_MAX:
            raise Faulty([Fault(field="objects", reason=f"must be at most {BATCH_MAX}")])
        mine = [row for row in await tx.catalogue.all() if sees_object(by.customers, row)]
        rows = [*mine, *await rows_for(tx, by, objects)]
        steps, faults = propose(rows, objects, prune=prune, read=partial(self._read, by), seal=self._sealed)
        if not faults:
            await refuse_users(tx, by, steps, self._rules)
            faults = user_faults(by, rows, steps, objects, await roles_now(tx, self._rules))
        return Proposal(steps, faults)

    def _read(self, by: Principal, kind: str, body: Mapping[str, Any]) -> Managed:
        """The object as the caller may write it: a blackout belongs to one of their customers."""
        thing = self._shapes.read(kind, body)
        if not isinstance(thing, Blackout) or by.customers is None:
            return thing
        return msgspec.structs.replace(thing, customer=assigned(by, thing.customer, "blackouts"))

    def _sealed(self, kind: str, body: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any]:
        shapes = self._shapes
        return seal(body, before, shapes.secrets(kind, body), self._vault, shapes.defaults(kind, body))

    def _shown(self, steps: Sequence[Step]) -> list[Change]:
        found: list[Change] = []
        for step in steps:
            before = self._masked(step.before).body if step.before and step.after else {}
            after = self._masked(step.after).body if step.after else {}
            fields = differences(before, after)
            if step.action == "update" and not fields:
                # Only secrets differ, and they are not shown.
                fields = [FieldChange(field="config", before=MASK, after=f"{MASK} (changed)")]
            found.append(Change(action=step.action, kind=step.row.kind, name=step.row.name, fields=tuple(fields)))
        return found

    def _entry(self, change: Change, by: Principal) -> AuditEntry:
        names = ", ".join(field.field for field in change.fields) if change.action == "update" else ""
        event = (change.kind, change.action)
        made = entry(self._clock.now(), by, event, change.name, names)
        return msgspec.structs.replace(made, changes=change.fields)

    def _stamped(self, row: Stored, by: Principal) -> Stored:
        return msgspec.structs.replace(row, updated_at=self._clock.now(), updated_by=by.login)

    def _masked(self, row: Stored) -> Stored:
        return msgspec.structs.replace(row, body=masked(row.body, self._shapes.secrets(row.kind, row.body)))

    async def _try(self, write: Callable[[Transaction, int], Awaitable[T]]) -> T:
        """Run a write in a transaction; again when another writer got in between its reading and its writing."""
        for _ in range(TRIES):
            try:
                async with self._store.transaction() as tx:
                    done = await write(tx, await tx.catalogue.version())
            except _OvertakenError:
                continue
            self._written()
            return done
        raise Conflict("Others are changing the configuration at the same time. Try again.")


def _without_defaults(row: Stored) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for field in msgspec.structs.fields(IN_FILES[row.kind]):
        if field.encode_name not in row.body or field.name == "name":
            continue
        value = row.body[field.encode_name]
        if not field.required:
            default = field.default if field.default_factory is msgspec.NODEFAULT else field.default_factory()
            if msgspec.to_builtins(default) == value:
                continue
        found[field.encode_name] = value
    return found


async def _refuse_rename(tx: Transaction, before: Stored, name: str) -> None:
    if await tx.catalogue.get(before.kind, name) is not None:
        raise Conflict(f"There is a {before.kind} named {name!r} already.", "name")
    others = referrers(await tx.catalogue.all(), before.kind, before.name)
    if others:
        raise Conflict(f"It cannot be renamed: it is used as {before.name!r} by {', '.join(others)}.", "name")


def _require_kind(kind: str) -> None:
    if kind not in KINDS:
        raise Missing(f"There is no kind {kind!r}; kinds are {', '.join(KINDS)}.")


async def _existing(tx: Transaction, kind: str, identifier: str) -> Stored:
    found = await tx.catalogue.get(kind, identifier)
    if found is None:
        raise Missing(f"There is no {kind} {identifier[:200]!r}.")
    return found
