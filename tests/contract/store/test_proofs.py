"""What proves who somebody is: letters with a link, two-step log-in, and passkeys."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from contract.store.samples import after
from watchbell.domain.accounts import Session, User
from watchbell.domain.errors import Conflict
from watchbell.domain.letters import Letter, Purpose
from watchbell.domain.passkeys import Passkey
from watchbell.domain.second_factor import SecondFactor
from watchbell.ports.store import Store

FACTOR = SecondFactor(user_id="u1", secret="sealed:x", last_step=100, created_at=after(0))


def new_letter(letter_id: str, seconds: float = 0, **more: object) -> Letter:
    plain = Letter(id=letter_id, purpose=Purpose.RESET, address="ä@example.org", created_at=after(seconds))
    return msgspec.structs.replace(plain, **more)


async def test_letters_are_found_by_id_by_token_and_by_user(store: Store):
    waiting = new_letter("l1")
    sent = new_letter("l2", 1, user_id="u1", token="t2", bound="b", expires_at=after(900))
    newer = new_letter("l3", 2, user_id="u1", token="t3")
    other = new_letter("l4", 3, user_id="u1", purpose=Purpose.CONFIRM)
    async with store.transaction() as tx:
        for letter in (waiting, sent, newer, other):
            await tx.letters.save(letter)
    async with store.reading() as tx:
        assert await tx.letters.get("l1") == waiting
        assert await tx.letters.get("l9") is None
        assert await tx.letters.by_token("t2") == sent
        assert await tx.letters.by_token("") is None, "letters that were not sent have no token"
        assert await tx.letters.of_user("u1", Purpose.RESET) == [newer, sent]
        assert await tx.letters.of_user("u1", Purpose.CONFIRM) == [other]
    changed = msgspec.structs.replace(sent, token="t5")
    async with store.transaction() as tx:
        await tx.letters.save(changed)
        assert await tx.letters.by_token("t5") == changed
        assert await tx.letters.by_token("t2") is None


async def test_a_letter_is_removed_once(store: Store):
    async with store.transaction() as tx:
        await tx.letters.save(new_letter("l1"))

    async def remove() -> bool:
        async with store.transaction() as tx:
            return await tx.letters.remove("l1")

    assert sorted(await asyncio.gather(remove(), remove())) == [False, True]


async def test_letters_whose_link_is_over_are_dropped_and_those_that_wait_are_not(store: Store):
    async with store.transaction() as tx:
        await tx.letters.save(new_letter("l1"))
        await tx.letters.save(new_letter("l2", expires_at=after(10)))
        await tx.letters.save(new_letter("l3", expires_at=after(11)))
        await tx.letters.purge(after(10))
    async with store.reading() as tx:
        assert [await tx.letters.get(each) is not None for each in ("l1", "l2", "l3")] == [True, False, True]


async def test_a_second_factor_with_its_recovery_codes(store: Store):
    async with store.transaction() as tx:
        await tx.second_factors.add(FACTOR, ["h1", "h2"])
        await tx.second_factors.add(msgspec.structs.replace(FACTOR, user_id="u2"), ["h1"])
    async with store.reading() as tx:
        assert await tx.second_factors.get("u1") == FACTOR
        assert await tx.second_factors.get("u3") is None
        assert await tx.second_factors.having(["u1", "u3"]) == {"u1"}
        assert await tx.second_factors.having([]) == set()
        assert await tx.second_factors.left("u1") == 2
    async with store.transaction() as tx:
        assert await tx.second_factors.remove("u1")
        assert not await tx.second_factors.remove("u1")
    async with store.reading() as tx:
        assert await tx.second_factors.get("u1") is None
        assert (await tx.second_factors.left("u1"), await tx.second_factors.left("u2")) == (0, 1)


async def test_nobody_has_two_second_factors(store: Store):
    async with store.transaction() as tx:
        await tx.second_factors.add(FACTOR, ["h1"])
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.second_factors.add(FACTOR, ["h2"])
    async with store.reading() as tx:
        assert await tx.second_factors.left("u1") == 1


async def test_time_steps_only_move_on(store: Store):
    async with store.transaction() as tx:
        await tx.second_factors.add(FACTOR, [])
    async with store.transaction() as tx:
        assert not await tx.second_factors.advance("u1", 100)
        assert not await tx.second_factors.advance("u1", 99)
        assert not await tx.second_factors.advance("u2", 101)
        assert await tx.second_factors.advance("u1", 101)
        assert (await tx.second_factors.get("u1")).last_step == 101


async def test_a_code_is_good_for_one_of_several_processes(opening: Callable[[], Store]):
    stores = [opening() for _ in range(4)]
    async with stores[0].transaction() as tx:
        await tx.second_factors.add(FACTOR, ["h1"])

    async def advance(store: Store) -> bool:
        async with store.transaction() as tx:
            return await tx.second_factors.advance("u1", 101)

    async def spend(store: Store) -> bool:
        async with store.transaction() as tx:
            return await tx.second_factors.spend("u1", "h1")

    assert sorted(await asyncio.gather(*map(advance, stores))) == [False, False, False, True]
    assert sorted(await asyncio.gather(*map(spend, stores))) == [False, False, False, True]


async def test_a_recovery_code_is_its_owners(store: Store):
    async with store.transaction() as tx:
        await tx.second_factors.add(FACTOR, ["h1", "h2"])
        assert not await tx.second_factors.spend("u2", "h1")
        assert not await tx.second_factors.spend("u1", "h3")
        assert await tx.second_factors.spend("u1", "h1")
        assert await tx.second_factors.left("u1") == 1


async def test_all_of_it_goes_with_its_user(store: Store):
    async with store.transaction() as tx:
        await tx.users.save(User(id="u1", login="ann", created_at=after(0)))
        await tx.second_factors.add(FACTOR, ["h1"])
        await tx.second_factors.add(msgspec.structs.replace(FACTOR, user_id="u2"), ["h1"])
        await tx.letters.save(new_letter("l1", user_id="u1", expires_at=after(0) + timedelta(days=1)))
        await tx.letters.save(new_letter("l2", user_id="u2"))
    async with store.transaction() as tx:
        await tx.users.delete("u1")
    async with store.reading() as tx:
        assert await tx.second_factors.having(["u1", "u2"]) == {"u2"}
        assert (await tx.second_factors.left("u1"), await tx.second_factors.left("u2")) == (0, 1)
        assert await tx.letters.get("l1") is None
        assert await tx.letters.get("l2") is not None


async def test_what_is_good_once_is_used_up_until_it_need_not_be_remembered(store: Store):
    async with store.transaction() as tx:
        assert await tx.spent.use("a", after(0), after(10))
        assert not await tx.spent.use("a", after(1), after(99))
        assert await tx.spent.use("b", after(1), after(20))
    async with store.transaction() as tx:
        assert not await tx.spent.use("a", after(9.9), after(99))
        assert await tx.spent.use("a", after(10), after(30)), "it was remembered long enough"
        await tx.spent.purge(after(20))
        assert await tx.spent.use("b", after(0), after(20)), "forgotten"
        assert not await tx.spent.use("a", after(20), after(50))


async def test_what_an_abandoned_transaction_used_up_is_still_good(store: Store):
    with pytest.raises(Conflict):  # noqa: PT012 - the whole transaction is under test
        async with store.transaction() as tx:
            assert await tx.spent.use("a", after(0), after(10))
            raise Conflict("something else")
    async with store.transaction() as tx:
        assert await tx.spent.use("a", after(0), after(10))


async def test_what_is_good_once_is_so_for_one_of_several_processes(opening: Callable[[], Store]):
    async def use(store: Store) -> bool:
        async with store.transaction() as tx:
            return await tx.spent.use("a", after(0), after(10))

    stores = [opening() for _ in range(4)]
    assert sorted(await asyncio.gather(*map(use, stores))) == [False, False, False, True]


async def test_who_locks_a_name_waits_for_whoever_holds_it(opening: Callable[[], Store]):
    order: list[str] = []

    async def enter(store: Store, name: str, number: int) -> None:
        async with store.transaction() as tx:
            await tx.users.lock(name)
            order.append(f"in {number}")
            await asyncio.sleep(0.05)
            order.append(f"out {number}")

    await asyncio.gather(enter(opening(), "ann@example.org", 1), enter(opening(), "Ann@Example.ORG", 2))
    assert order in (["in 1", "out 1", "in 2", "out 2"], ["in 2", "out 2", "in 1", "out 1"])
    async with opening().reading() as tx:
        with pytest.raises(RuntimeError):
            await tx.users.lock("ann")


def new_passkey(passkey_id: str, seconds: float = 0, **more: object) -> Passkey:
    plain = Passkey(
        id=passkey_id,
        user_id="u1",
        name="Ännes Telefon",
        credential=f"credential-{passkey_id}",
        public_key="k",
        counter=0,
        transports=("internal", "hybrid"),
        created_at=after(seconds),
    )
    return msgspec.structs.replace(plain, **more)


async def test_passkeys_are_found_by_user_and_by_credential(store: Store):
    one, two = new_passkey("p1", 5, counter=4_294_967_295), new_passkey("p2", 1, last_used=after(9), transports=())
    other = new_passkey("p3", user_id="u2")
    async with store.transaction() as tx:
        for each in (one, two, other):
            await tx.passkeys.add(each)
    async with store.reading() as tx:
        assert await tx.passkeys.of_user("u1") == [two, one]
        assert await tx.passkeys.of_user("u3") == []
        assert await tx.passkeys.by_credential("credential-p1") == one
        assert await tx.passkeys.by_credential("credential") is None
        assert await tx.passkeys.having(["u1", "u3"]) == {"u1"}
        assert await tx.passkeys.having([]) == set()


async def test_nobody_has_anothers_credential(store: Store):
    async with store.transaction() as tx:
        await tx.passkeys.add(new_passkey("p1"))
    with pytest.raises(Conflict):
        async with store.transaction() as tx:
            await tx.passkeys.add(new_passkey("p2", user_id="u2", credential="credential-p1"))
    async with store.reading() as tx:
        assert await tx.passkeys.of_user("u2") == []


async def test_a_passkeys_counter_only_goes_on(store: Store):
    async with store.transaction() as tx:
        await tx.passkeys.add(new_passkey("p1"))
        assert await tx.passkeys.used("p1", 0, after(1)), "it does not count"
        assert await tx.passkeys.used("p1", 0, after(2))
        assert await tx.passkeys.used("p1", 7, after(3))
        for back in (7, 6, 0):
            assert not await tx.passkeys.used("p1", back, after(4))
        assert not await tx.passkeys.used("p2", 1, after(4))
        assert await tx.passkeys.of_user("u1") == [new_passkey("p1", counter=7, last_used=after(3))]


async def test_of_two_with_the_same_counter_one_is_let_in(store: Store):
    async with store.transaction() as tx:
        await tx.passkeys.add(new_passkey("p1"))

    async def use() -> bool:
        async with store.transaction() as tx:
            return await tx.passkeys.used("p1", 1, after(1))

    assert sorted(await asyncio.gather(use(), use())) == [False, True]


async def test_passkeys_are_renamed_by_their_owner(store: Store):
    async with store.transaction() as tx:
        await tx.passkeys.add(new_passkey("p1"))
        await tx.passkeys.add(new_passkey("p2", user_id="u2"))
        assert await tx.passkeys.rename("u1", "p1", "laptop")
        assert not await tx.passkeys.rename("u1", "p2", "laptop")
        assert not await tx.passkeys.rename("u1", "p3", "laptop")
    async with store.reading() as tx:
        assert await tx.passkeys.of_user("u1") == [new_passkey("p1", name="laptop")]
        assert await tx.passkeys.of_user("u2") == [new_passkey("p2", user_id="u2")]


async def test_passkeys_are_removed_by_their_owner(store: Store):
    async with store.transaction() as tx:
        for each in (new_passkey("p1"), new_passkey("p2"), new_passkey("p3"), new_passkey("p4", user_id="u2")):
            await tx.passkeys.add(each)
    async with store.transaction() as tx:
        assert await tx.passkeys.remove("u1", "p4") == 0
        assert await tx.passkeys.remove("u1", "p1") == 1
        assert await tx.passkeys.remove("u1", "p1") == 0
        assert await tx.passkeys.remove("u1") == 2
    async with store.reading() as tx:
        assert await tx.passkeys.having(["u1", "u2"]) == {"u2"}


async def test_passkeys_go_with_their_user(store: Store):
    async with store.transaction() as tx:
        await tx.users.save(User(id="u1", login="ann", created_at=after(0)))
        await tx.passkeys.add(new_passkey("p1"))
        await tx.passkeys.add(new_passkey("p2", user_id="u2"))
    async with store.transaction() as tx:
        await tx.users.delete("u1")
    async with store.reading() as tx:
        assert await tx.passkeys.having(["u1", "u2"]) == {"u2"}


async def test_new_recovery_codes_take_the_place_of_those_of_the_same_user(store: Store):
    async with store.transaction() as tx:
        await tx.second_factors.add(FACTOR, ["h1", "h2"])
        await tx.second_factors.add(msgspec.structs.replace(FACTOR, user_id="u2"), ["h1"])
        await tx.second_factors.renew("u1", ["h2", "h3", "h4"])
    async with store.transaction() as tx:
        assert (await tx.second_factors.left("u1"), await tx.second_factors.left("u2")) == (3, 1)
        assert not await tx.second_factors.spend("u1", "h1")
        assert await tx.second_factors.spend("u1", "h4")
        assert await tx.second_factors.get("u1") == FACTOR


async def test_a_session_remembers_whether_it_began_with_a_password(store: Store):
    plain = Session(
        id="s1", user_id="u1", csrf="x", created_at=after(0), seen_at=after(0), expires_at=after(9), by_password=True
    )
    async with store.transaction() as tx:
        await tx.sessions.save(plain)
        await tx.sessions.save(msgspec.structs.replace(plain, id="s2", by_password=False))
    async with store.reading() as tx:
        assert [(await tx.sessions.get(name)).by_password for name in ("s1", "s2")] == [True, False]
