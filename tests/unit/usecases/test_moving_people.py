"""Moving people: who comes, who stays as they are, and whose keys end."""

import pytest

from moving_bench import AGO, World, group, key, lines, row, tallied, user
from watchbell.domain.accounts import CustomerLookup, Permission, User


@pytest.fixture
def world() -> World:
    return World()


async def test_people_come_and_whoever_is_here_stays_as_they_are(world: World):
    async with world.store.transaction() as tx:
        await tx.users.save(User(id="ours", login="Ann", name="Ann of here", created_at=AGO))
    rows = [user(remark="comes without a password"), user("ann", name="Ann of there"), user("PAT", id="twin")]
    report = await world.move(*rows, group("their-pat", "their-ann", "their-nobody"))
    assert tallied(report, "user") == (1, 0, 2, 0, 0)
    assert lines(report, "user") == [
        "comes without a password",
        "the user 'ann' of this Watchbell stays as it is",
        "the user 'PAT' of this Watchbell stays as it is",
    ]
    assert lines(report, "group") == ["without 1 members who are not here"]
    async with world.store.reading() as tx:
        assert {each.login: each.name for each in await tx.users.all()} == {"Ann": "Ann of here", "pat": ""}
        assert (await tx.people.profiles(["id-of-pat"]))["id-of-pat"].text == "on call"
        (night,) = await tx.people.groups()
        events = [entry.event for entry in await tx.audit.newest()]
    assert night.members == ("id-of-pat", "ours")
    assert {"user-create", "group-create", "import-run"} <= set(events)


async def test_roles_and_customers(world: World):
    async with world.store.transaction() as tx:
        await tx.permissions.save(Permission(id="mine", match="ops", scopes=("read",)))
    roles = [Permission(id=name, match=name, scopes=("write",)) for name in ("ops", "admin", "deploy", "deploy")]
    looks = [CustomerLookup(id=name, match="x.org", customer=who) for name, who in (("1", "X"), ("2", "X"), ("3", "Y"))]
    rows = [*(row("role", one) for one in roles), *(row("customer", one) for one in looks)]
    report = await world.move(*rows)
    assert (tallied(report, "role"), tallied(report, "customer")) == ((1, 2, 1, 0, 0), (2, 1, 0, 0, 0))
    async with world.store.reading() as tx:
        assert {role.match: role.scopes for role in await tx.permissions.all()} == {
            "ops": ("read",),
            "deploy": ("write",),
        }


async def test_keys_of_people_who_are_inactive_end(world: World):
    gone = user("gone", active=False)
    report = await world.move(
        user(), gone, key("k1"), key("k2", "gone"), key("k3", ""), key("k4", "stranger"), key("k1")
    )
    assert tallied(report, "key") == (3, 1, 0, 0, 1)
    assert lines(report, "key") == ["its owner 'gone' is inactive"]
    async with world.store.reading() as tx:
        assert {each.id for each in await tx.keys.all()} == {"k1", "k3", "k4"}
