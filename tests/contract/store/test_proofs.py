"""What proves who somebody is: letters with a link, and two-step log-in."""

import asyncio
from collections.abc import Callable
from datetime import timedelta

import msgspec
import pytest

from contract.store.samples import after
from watchbell.domain.accounts import User
from watchbell.domain.errors import Conflict
from watchbell.domain.letters import Letter, Purpose
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
