"""Notes, heartbeats by origin, profiles, groups, roles and customers."""

import msgspec
import pytest

from contract.store.samples import after, new_alert
from watchbell.domain.accounts import CustomerLookup, Group, Permission, Profile, User
from watchbell.domain.alerts.note import Note
from watchbell.domain.checks.origin_heartbeat import OriginHeartbeat
from watchbell.domain.errors import Conflict
from watchbell.ports.store import Store


def new_note(note_id: str, alert_id: str, seconds: float = 0) -> Note:
    return Note(
        id=note_id,
        alert_id=alert_id,
        text="has a ü\nand lines",
        user=None,
        attributes={"nested": {"list": [1, None]}},
        create_time=after(seconds),
        update_time=after(seconds + 1),
        customer="acme",
    )


def new_heartbeat(number: str, origin: str = "cron/db1", **more: object) -> OriginHeartbeat:
    plain = OriginHeartbeat(
        id=number,
        origin=origin,
        tags=("a", "b c"),
        attributes={"service": ["shop"]},
        create_time=after(0),
        receive_time=after(1),
        timeout=60,
    )
    return msgspec.structs.replace(plain, **more)


async def test_notes_of_an_alert_in_order_until_they_are_deleted(store: Store):
    late, early, foreign = new_note("n1", "a1", 5), new_note("n2", "a1", 2), new_note("n3", "a2")
    async with store.transaction() as tx:
        for note in (late, early, foreign):
            await tx.notes.save(note)
    changed = msgspec.structs.replace(late, text="other", update_time=after(9))
    async with store.transaction() as tx:
        await tx.notes.save(changed)
        await tx.notes.delete("n3")
    async with store.reading() as tx:
        assert await tx.notes.of("a1") == [early, changed]
        assert await tx.notes.of("a2") == []
        assert await tx.notes.get("n2") == early
        assert await tx.notes.get("n3") is None


async def test_notes_go_with_their_alert(store: Store):
    alert = new_alert()
    async with store.transaction() as tx:
        await tx.alerts.save([alert])
        await tx.notes.save(new_note("n1", alert.id))
        await tx.notes.save(new_note("n2", "another"))
    async with store.transaction() as tx:
        await tx.alerts.delete([alert.id])
    async with store.reading() as tx:
        assert await tx.notes.of(alert.id) == []
        assert [note.id for note in await tx.notes.of("another")] == ["n2"]


async def test_heartbeats_are_unique_by_origin_and_customer(store: Store):
    ours, theirs = new_heartbeat("h1"), new_heartbeat("h2", customer="acme")
    async with store.transaction() as tx:
        assert await tx.origin_heartbeats.of("cron/db1", None) is None
        await tx.origin_heartbeats.save([theirs, ours])
    again = msgspec.structs.replace(ours, alerted="expired", version=7)
    async with store.transaction() as tx:
        await tx.origin_heartbeats.save([again])
    async with store.reading() as tx:
        assert await tx.origin_heartbeats.all() == [again, theirs]
        assert await tx.origin_heartbeats.of("cron/db1", "acme") == theirs
        assert await tx.origin_heartbeats.get(["h2", "h9", "h1"]) == [again, theirs]
        assert await tx.origin_heartbeats.get([]) == []
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.origin_heartbeats.save([new_heartbeat("h3")])
    async with store.transaction() as tx:
        await tx.origin_heartbeats.delete("h1")
    async with store.reading() as tx:
        assert await tx.origin_heartbeats.all() == [theirs]


async def test_profiles_and_memberships_go_with_their_user(store: Store):
    ann = User(id="u1", login="ann", created_at=after(0))
    profile = Profile(user_id="u1", text="on call", attributes={"prefs": {"dark": True}}, updated_at=after(1))
    group = Group(id="g1", name="ops", text="operators", members=("u1", "u2"))
    async with store.transaction() as tx:
        await tx.users.save(ann)
        await tx.people.save_profile(profile)
        await tx.people.save_group(group)
    async with store.reading() as tx:
        assert await tx.people.profiles(["u1", "u2"]) == {"u1": profile}
        assert await tx.people.profiles([]) == {}
        assert await tx.people.groups() == [msgspec.structs.replace(group, members=("u1",))]
    async with store.transaction() as tx:
        await tx.users.delete("u1")
    async with store.reading() as tx:
        assert await tx.people.profiles(["u1"]) == {}
        assert [found.members for found in await tx.people.groups()] == [()]


async def test_two_groups_never_share_a_name(store: Store):
    async with store.transaction() as tx:
        await tx.people.save_group(Group(id="g1", name="ops"))
        await tx.people.save_group(Group(id="g2", name="dev"))
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.people.save_group(Group(id="g3", name="ops"))
    async with store.transaction() as tx:
        await tx.people.delete_group("g2")
    async with store.reading() as tx:
        assert [group.id for group in await tx.people.groups()] == ["g1"]


async def test_roles_by_what_they_match(store: Store):
    ops = Permission(id="p1", match="ops", scopes=("read", "write:alerts"))
    dev = Permission(id="p2", match="dev", scopes=("read",))
    async with store.transaction() as tx:
        for row in (ops, dev, Permission(id="p3", match="old", scopes=("read",))):
            await tx.permissions.save(row)
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.permissions.save(Permission(id="p4", match="ops", scopes=("admin",)))
    wider = msgspec.structs.replace(dev, match="devs", scopes=("read", "write"))
    async with store.transaction() as tx:
        await tx.permissions.save(wider)
        await tx.permissions.delete("p3")
        await tx.permissions.delete("p9")
    async with store.reading() as tx:
        assert await tx.permissions.all() == [wider, ops]


async def test_customers_by_what_they_match(store: Store):
    rows = [CustomerLookup(id="1", match="b.org", customer="B"), CustomerLookup(id="2", match="a.org", customer="A")]
    async with store.transaction() as tx:
        for row in rows:
            await tx.customer_lookups.save(row)
        await tx.customer_lookups.save(CustomerLookup(id="3", match="a.org", customer="B"))
        await tx.customer_lookups.delete("9")
    async with store.transaction() as tx:
        await tx.customer_lookups.delete("1")
    async with store.reading() as tx:
        assert [row.id for row in await tx.customer_lookups.all()] == ["2", "3"]
