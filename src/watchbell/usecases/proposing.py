"""Working out what a set of objects would change, and everything that stands against it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

import msgspec

from watchbell.domain.checks.heartbeat import Heartbeat
from watchbell.domain.errors import Fault, Faulty
from watchbell.domain.events.mapping.compiled import schema_of
from watchbell.domain.events.mapping.evolution import obstacles
from watchbell.domain.events.mapping.model import Mapping as EventMapping
from watchbell.domain.ids import new_id
from watchbell.domain.kinds import IN_FILES, KINDS, key_of, references
from watchbell.domain.managed import Managed, Stored

HEARTBEAT = "heartbeat"
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

Read = Callable[[str, Mapping[str, Any]], Managed]
Seal = Callable[[str, dict[str, Any], dict[str, Any] | None], dict[str, Any]]


class Step(NamedTuple):
    """One object before and after."""

    action: Literal["create", "update", "delete"]
    before: Stored | None
    after: Stored | None

    @property
    def row(self) -> Stored:
        """The object that stays, or the one that goes."""
        row = self.after or self.before
        assert row is not None  # noqa: S101 - a step without either is never made
        return row


class Proposal(NamedTuple):
    """Steps in the order of kinds and names; with faults, none of them may be taken."""

    steps: list[Step]
    faults: list[Fault]


def body_of(thing: Managed) -> dict[str, Any]:
    """The object as it is stored: every field but the id, as it comes back from the store (no tuples)."""
    body: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(thing))
    del body["id"]
    return body


def step_for(kind: str, thing: Managed, before: Stored | None, seal: Seal) -> Step | None:
    """The step that makes the stored object like `thing`; None when it is so already.

    Raises:
        Faulty: a secret is missing, or a changed schema of a mapping does not go with the former one.
    """
    if before is not None and isinstance(thing, EventMapping):
        _refuse_broken_schema(thing, before)
    body = seal(kind, body_of(thing), before.body if before else None)
    if before is None:
        fresh = Stored(kind=kind, id=new_id(), name=thing.name, body=body, version=0, updated_at=_NEVER, updated_by="")
        return Step("create", None, fresh)
    if before.body == body and before.name == thing.name:
        return None
    return Step("update", before, msgspec.structs.replace(before, name=thing.name, body=body))


def _refuse_broken_schema(thing: EventMapping, before: Stored) -> None:
    try:
        found = obstacles(schema_of(msgspec.convert(before.body, EventMapping)), schema_of(thing), thing.compatibility)
    except ValueError:
        return  # what is stored cannot be read: anything is better
    if found:
        fix = "mend the schema, or set `compatibility` to none and give the records another place"
        raise Faulty([Fault(field="schema", reason=reason, fix=fix) for reason in found])


def propose(rows: Sequence[Stored], objects: Sequence[Any], *, prune: bool, read: Read, seal: Seal) -> Proposal:
    """Compare what is wanted with what is stored."""
    stored = {key_of(row.kind, row.name): row for row in rows}
    wanted: dict[tuple[str, str], tuple[int, Managed]] = {}
    faults: list[Fault] = []
    for number, given in enumerate(objects):
        try:
            kind, thing = _read(given, read)
        except Faulty as error:
            faults += _inside(number, error.faults)
            continue
        key = key_of(kind, thing.name)
        if key in wanted:
            first = wanted[key][0]
            faults.append(Fault(field=f"objects[{number}].name", reason=f"is the same {kind} as objects[{first}]"))
        wanted.setdefault(key, (number, thing))
    steps: list[Step] = []
    for key, (number, thing) in wanted.items():
        try:
            step = step_for(key[0], thing, stored.get(key), seal)
        except Faulty as error:
            faults += _inside(number, error.faults)
            continue
        if step is not None:
            steps.append(step)
    gone = {key for key in stored if prune and key not in wanted and key[0] in IN_FILES}
    steps += [Step("delete", stored[key], None) for key in gone]
    faults += _dangling(wanted, (stored.keys() | wanted.keys()) - gone)
    faults += _still_used(rows, wanted, gone)
    faults += _shared_slugs(rows, wanted, gone)
    order = list(IN_FILES)
    steps.sort(key=lambda step: (step.action == "delete", order.index(step.row.kind), step.row.name))
    return Proposal(steps, faults)


def absent(thing: Managed, known: Iterable[tuple[str, str]]) -> list[Fault]:
    """References of an object to others that do not exist."""
    there = set(known)
    return [
        Fault(field=field, reason=f"there is no {kind} named {name!r}", fix=f"make the {kind} first")
        for field, kind, name in references(thing)
        if (kind, name) not in there
    ]


def taken_slug(thing: Managed, others: Iterable[tuple[str, str]]) -> list[Fault]:
    """What is wrong with a heartbeat whose slug another has; `others` are names and slugs of the other heartbeats."""
    slug = thing.slug if isinstance(thing, Heartbeat) else ""
    return [
        Fault(field="slug", reason=f"is the slug of the heartbeat {name!r}", fix="choose another")
        for name, taken in others
        if slug and taken == slug
    ]


def slugs(rows: Iterable[Stored], besides: str = "") -> list[tuple[str, str]]:
    """Names and slugs of the heartbeats among stored objects; the one with the id `besides` is left out."""
    beats = (row for row in rows if row.kind == HEARTBEAT and row.id != besides)
    return [(row.name, str(row.body.get("slug", ""))) for row in beats]


def referrers(rows: Iterable[Stored], kind: str, name: str) -> list[str]:
    """Who refers to an object, as `check web`, by kind and name."""
    found: set[str] = set()
    for row in rows:
        thing = _decoded(row)
        if thing is not None and any((r.kind, r.name) == (kind, name) for r in references(thing)):
            found.add(f"{row.kind} {row.name}")
    return sorted(found)


def _read(given: Any, read: Read) -> tuple[str, Managed]:
    if not isinstance(given, Mapping):
        raise Faulty([Fault(field="", reason="must be a mapping with kind, name and other fields")])
    kind = given.get("kind")  # pyright: ignore[reportUnknownVariableType, reportUnknownMemberType]
    if not isinstance(kind, str):
        raise Faulty([Fault(field="kind", reason="is required", fix=f"kinds are {', '.join(IN_FILES)}")])
    body: dict[str, Any] = {str(name): value for name, value in given.items() if name != "kind"}  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType]
    return kind, read(kind, body)


def _inside(number: int, faults: Iterable[Fault]) -> list[Fault]:
    prefix = f"objects[{number}]"
    return [
        msgspec.structs.replace(fault, field=f"{prefix}.{fault.field}" if fault.field else prefix) for fault in faults
    ]


def _dangling(wanted: Mapping[tuple[str, str], tuple[int, Managed]], known: Iterable[tuple[str, str]]) -> list[Fault]:
    there = set(known)
    return [fault for number, thing in wanted.values() for fault in _inside(number, absent(thing, there))]


def _still_used(
    rows: Iterable[Stored], wanted: Mapping[tuple[str, str], tuple[int, Managed]], gone: set[tuple[str, str]]
) -> list[Fault]:
    """Objects that stay as they are and refer to one that goes."""
    found: list[Fault] = []
    for row in rows:
        if not gone or (row.kind, row.name) in wanted or (row.kind, row.name) in gone:
            continue
        thing = _decoded(row)
        for reference in references(thing) if thing else ():
            if (reference.kind, reference.name) in gone:
                reason = f"the {reference.kind} {reference.name!r} would go, and {row.kind} {row.name!r} uses it"
                found.append(Fault(field="prune", reason=reason))
    return found


def _shared_slugs(
    rows: Sequence[Stored], wanted: Mapping[tuple[str, str], tuple[int, Managed]], gone: set[tuple[str, str]]
) -> list[Fault]:
    """Heartbeats that are to have the slug of one that stays as it is, or of one before them."""
    staying = [row for row in rows if (row.kind, row.name) not in wanted and (row.kind, row.name) not in gone]
    others = slugs(staying)
    found: list[Fault] = []
    for number, thing in wanted.values():
        if isinstance(thing, Heartbeat):
            found += _inside(number, taken_slug(thing, others))
            others.append((thing.name, thing.slug))
    return found


def _decoded(row: Stored) -> Managed | None:
    if row.kind not in KINDS:
        return None
    try:
        return msgspec.convert({**row.body, "name": row.name}, KINDS[row.kind])
    except msgspec.ValidationError:
        return None  # written by a newer release; it is left out of the configuration too
