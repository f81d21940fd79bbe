import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import msgspec
import pytest

from api_client import PASSWORD, World
from watchbell.adapters.store.memory import MemoryStore
from watchbell.adapters.store.memory.store import MemoryTransaction
from watchbell.domain.accounts import Principal
from watchbell.domain.errors import Conflict, Faulty, Forbidden, Throttled, Unauthenticated
from watchbell.usecases.administering import OPERATOR, Administering, KeyChange, UserChange
from watchbell.usecases.authenticating import Authenticating, ensure_setup

HOME = "192.0.2.1"


@pytest.fixture
def world() -> World:
    return World(admin_key="the key of the administrator")


async def test_many_guesses_at_once_are_counted_while_they_are_checked(world: World):
    await world.add_user("ann")
    tries = [world.authenticating.log_in("ann", "guess", HOME) for _ in range(30)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(error, Unauthenticated) for error in ended) == 10
    assert sum(isinstance(error, Throttled) for error in ended) == 20


async def test_a_stranger_does_not_lock_a_person_out(world: World):
    await world.add_user("ann")
    for _ in range(10):
        with pytest.raises(Unauthenticated):
            await world.authenticating.log_in("ann", "guess", "203.0.113.5")
    assert (await world.authenticating.log_in("ann", PASSWORD, HOME)).user.login == "ann"


async def test_guesses_from_everywhere_at_one_account_are_slowed_down(world: World):
    await world.add_user("ann")
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await world.authenticating.log_in("ann", "guess", f"203.0.113.{number}")
    with pytest.raises(Throttled):
        await world.authenticating.log_in("ann", "guess", "198.51.100.1")


async def test_guesses_at_many_accounts_from_one_network_are_slowed_down(world: World):
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await world.authenticating.log_in(f"user{number}", "guess", f"2001:db8:0:1::{number}")
    with pytest.raises(Throttled):
        await world.authenticating.log_in("another", "guess", "2001:db8:0:1:ffff::")
    with pytest.raises(Unauthenticated):
        await world.authenticating.log_in("another", "guess", "2001:db8:0:2::")


async def test_a_key_ends_at_its_time(world: World):
    made = world.clock.now()
    plain, _ = await world.administering.create_key(OPERATOR, ["read"], expires_at=made + timedelta(minutes=1))
    world.clock.time += timedelta(seconds=59)
    assert (await world.authenticating.by_key(plain)).scopes == {"read"}
    world.clock.time += timedelta(seconds=1)
    with pytest.raises(Unauthenticated):
        await world.authenticating.by_key(plain)


def another(world: World) -> Authenticating:
    """Another process on the same store."""
    return Authenticating(world.store, world.clock, world.passwords)


async def test_a_revoked_key_is_refused_at_once_everywhere(world: World):
    plain, key = await world.administering.create_key(OPERATOR, ["read"])
    kept, _ = await world.administering.create_key(OPERATOR, ["read"])
    elsewhere = another(world)
    for each in (elsewhere, world.authenticating):
        assert (await each.by_key(plain)).scopes == {"read"}
    await world.administering.delete_key(OPERATOR, key.id)
    for each in (elsewhere, world.authenticating):
        with pytest.raises(Unauthenticated):
            await each.by_key(plain)
        assert (await each.by_key(kept)).scopes == {"read"}


async def test_a_narrower_key_is_narrower_at_once_everywhere(world: World):
    plain, key = await world.administering.create_key(OPERATOR, ["read", "write"])
    elsewhere = another(world)
    await elsewhere.by_key(plain)
    await world.administering.change_key(OPERATOR, key.id, KeyChange(scopes=("read",)))
    assert (await elsewhere.by_key(plain)).scopes == {"read"}


@pytest.mark.parametrize("end", ["log out", "log in again", "password", "role", "inactive", "deleted", "file"])
async def test_a_session_that_ended_is_refused_at_once_everywhere(world: World, end: str):
    await world.add_user("root", "admin")
    await world.add_user("ann", "user")
    session = await world.authenticating.log_in("ann", PASSWORD, HOME)
    elsewhere = another(world)
    assert await elsewhere.by_session(session.cookie) is not None
    assert await elsewhere.by_password("ann", PASSWORD, HOME) is not None
    changes = {
        "password": UserChange(password="another fine password"),
        "role": UserChange(roles=["guest"]),
        "inactive": UserChange(status="inactive"),
    }
    if end == "log out":
        await world.authenticating.log_out(session.principal)
    elif end == "log in again":
        await world.authenticating.log_in("ann", PASSWORD, HOME, session.cookie)
    elif end == "deleted":
        await world.administering.delete_user(OPERATOR, "ann")
    elif end == "file":
        managing = world.needs()["managing"]
        await managing.apply(OPERATOR, [{"kind": "user", "name": "ann", "active": False}])
    else:
        await world.administering.change_user(OPERATOR, "ann", changes[end])
    assert await elsewhere.by_session(session.cookie) is None
    if end in {"password", "inactive", "deleted", "file"}:
        with pytest.raises(Unauthenticated):
            await elsewhere.by_password("ann", PASSWORD, HOME)


class WatchedStore(MemoryStore):
    """Counts what is read, and does something once after a reading."""

    def __init__(self, world: World) -> None:
        super().__init__(world.clock.now)
        self.readings = 0
        self.then: dict[int, Callable[[], Awaitable[None]]] = {}

    @asynccontextmanager
    async def reading(self) -> AsyncGenerator[MemoryTransaction]:
        self.readings += 1
        then = self.then.pop(self.readings, None)
        async with super().reading() as tx:
            yield tx
        if then is not None:
            await then()


async def test_whom_a_proxy_named_is_asked_for_again_without_its_word(world: World):
    await world.add_user("ann", "guest")
    before = Principal(login="ann", user_id="id-ann", scopes=frozenset({"admin"}))
    now = await world.authenticating.again(before)
    assert now is not None
    assert not now.may("admin")
    await world.change_user("ann", active=False)
    assert await world.authenticating.again(before) is None


async def test_what_is_revoked_while_it_is_asked_for_is_not_remembered(world: World):
    store = WatchedStore(world)
    authenticating = Authenticating(store, world.clock, world.passwords)
    administering = Administering(store, world.clock, world.passwords, authenticating)
    plain, key = await administering.create_key(OPERATOR, ["read"])
    # The look is the first reading, the key the second.
    store.then[store.readings + 2] = lambda: administering.delete_key(OPERATOR, key.id)
    assert (await authenticating.by_key(plain)).scopes == {"read"}
    assert store.then == {}
    with pytest.raises(Unauthenticated):
        await authenticating.by_key(plain)


async def test_requests_that_come_together_share_one_look(world: World):
    store = WatchedStore(world)
    authenticating = Authenticating(store, world.clock, world.passwords)
    plain, _ = await Administering(store, world.clock, world.passwords, authenticating).create_key(OPERATOR, ["read"])
    await authenticating.by_key(plain)
    before = store.readings
    await asyncio.gather(*(authenticating.by_key(plain) for _ in range(50)))
    assert store.readings - before == 1


async def test_when_a_key_was_used_is_written_once_a_minute(world: World):
    plain, key = await world.administering.create_key(OPERATOR, ["read"])
    seen: list[object] = []
    for _ in range(13):
        await world.authenticating.by_key(plain)
        async with world.store.reading() as tx:
            seen.append(msgspec.structs.asdict((await tx.keys.all())[0])["last_used"])
        world.clock.time += timedelta(seconds=10)
    assert len(set(seen)) == 3
    assert key.last_used is None


async def test_the_configured_administrators_key(world: World):
    assert (await world.authenticating.by_key("the key of the administrator")).may("admin:users")
    with pytest.raises(Unauthenticated):
        await world.authenticating.by_key("the key of the administrato")
    with pytest.raises(Unauthenticated):
        await Authenticating(world.store, world.clock, world.passwords).by_key("")


async def test_passwords_with_each_request(world: World):
    await world.add_user("ann", "guest")
    assert (await world.authenticating.by_password("ann", PASSWORD, HOME)).may("read:alerts")
    with pytest.raises(Unauthenticated):
        await world.authenticating.by_password("ann", PASSWORD + "x", HOME)


async def test_two_first_administrators_at_once_make_one(world: World):
    token = await ensure_setup(world.store)
    assert token is not None
    tries = [world.authenticating.set_up(token, f"root{n}", "", "", PASSWORD) for n in range(3)]
    ended = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(isinstance(error, Conflict | Unauthenticated) for error in ended) == 2
    assert len(await world.administering.users()) == 1


async def test_the_last_administrator_stays(world: World):
    await world.add_user("root", "admin")
    for change in (UserChange(roles=["user"]), UserChange(status="inactive")):
        with pytest.raises(Conflict, match="only administrator"):
            await world.administering.change_user(OPERATOR, "root", change)
    with pytest.raises(Conflict, match="only administrator"):
        await world.administering.delete_user(OPERATOR, "root")


async def test_nobody_raises_themselves_or_makes_greater_ones(world: World):
    await world.add_user("ann", "user")
    ann = Principal(login="ann", scopes=frozenset({"read", "write", "admin:users"}))
    for change in (UserChange(login="bob", roles=["admin"]),):
        with pytest.raises(Forbidden):
            await world.administering.create_user(ann, change)
    with pytest.raises(Forbidden):
        await world.administering.change_user(ann, "ann", UserChange(roles=["admin"]))
    with pytest.raises(Forbidden, match="Requested scope 'admin' not in existing scopes"):
        await world.administering.create_key(ann, ["admin"])


async def test_whoever_may_less_does_not_change_an_administrators_password(world: World):
    await world.add_user("root", "admin")
    ann = Principal(login="ann", scopes=frozenset({"admin:users"}))
    with pytest.raises(Forbidden):
        await world.administering.change_user(ann, "root", UserChange(password="quite another one"))


async def test_a_user_that_may_less_loses_the_keys_that_give_more(world: World):
    await world.add_user("root", "admin")
    await world.add_user("ann", "admin")
    await world.add_key("strong", "admin", user="ann")
    await world.add_key("weak", "read:alerts", user="ann")
    await world.administering.change_user(OPERATOR, "ann", UserChange(roles=["guest"]))
    async with world.store.reading() as tx:
        assert [key.prefix for key in await tx.keys.all()] == ["weak"]
    await world.administering.change_user(OPERATOR, "ann", UserChange(status="inactive"))
    async with world.store.reading() as tx:
        assert await tx.keys.all() == []


async def test_a_key_is_its_owners_however_they_were_named(world: World):
    await world.add_user("bob")
    _, first = await world.administering.create_key(OPERATOR, ["read"], user="id-bob")
    _, second = await world.administering.create_key(OPERATOR, ["read"], user="BOB")
    machine = Principal(login="root", scopes=frozenset({"admin", "read"}))
    _, third = await world.administering.create_key(machine, ["read"], user="robot")
    changed = await world.administering.change_key(OPERATOR, third.id, KeyChange(user="id-bob"))
    assert [key.user for key in (first, second, third, changed)] == ["bob", "bob", "robot", "bob"]
    await world.add_key("former", "read", user="id-bob")
    await world.administering.change_user(OPERATOR, "bob", UserChange(status="inactive"))
    async with world.store.reading() as tx:
        assert await tx.keys.all() == []


async def test_keys_of_others_are_seen_by_administrators_of_keys_only(world: World):
    await world.add_key("k1", "read", user="ann")
    await world.add_key("k2", "read", user="bob")
    ann = Principal(login="ann", scopes=frozenset({"read"}))
    assert [key.user for key in await world.administering.keys(ann)] == ["ann"]
    assert len(await world.administering.keys(OPERATOR)) == 2
    _, key = await world.administering.create_key(ann, ["read"], user="bob")
    assert key.user == "ann"


async def test_all_faults_of_a_key_at_once(world: World):
    with pytest.raises(Faulty) as raised:
        await world.administering.create_key(OPERATOR, ["fly"], "a\x07b", world.clock.now())
    assert [fault.field for fault in raised.value.faults] == ["scopes", "text", "expireTime"]


async def test_everything_is_audited_and_no_entry_holds_a_secret(world: World):
    user = await world.administering.create_user(OPERATOR, UserChange(login="ann", password=PASSWORD))
    await world.administering.change_user(OPERATOR, user.id, UserChange(password="quite another one"))
    plain, key = await world.administering.create_key(OPERATOR, ["read"])
    await world.administering.delete_key(OPERATOR, key.prefix)
    await world.administering.delete_user(OPERATOR, "ann")
    async with world.store.reading() as tx:
        entries = await tx.audit.newest()
    assert [(entry.action, entry.kind) for entry in reversed(entries)] == [
        ("create", "user"),
        ("update", "user"),
        ("create", "key"),
        ("delete", "key"),
        ("delete", "user"),
    ]
    assert not any(secret in repr(entries) for secret in (plain, PASSWORD, "quite another one"))
