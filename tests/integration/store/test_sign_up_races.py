"""Of several who sign up at one moment with one name, at several processes, one becomes a user."""

import asyncio
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from api_client import PASSWORD, World
from store_fixtures import OpenStore
from watchbell.domain.accounts import Means, Principal
from watchbell.domain.errors import Conflict
from watchbell.usecases.administering import OPERATOR, Proof, UserChange
from watchbell.usecases.signing_up import Applicant, SignUpTerms

PROCESSES = 4


def worlds(opening: OpenStore) -> list[World]:
    """Several processes over one store."""
    return [World(store=lambda _now: opening(), terms=SignUpTerms(sign_up=True)) for _ in range(PROCESSES)]


async def all_at_once(machines: Sequence[World], applicants: Sequence[Applicant]) -> list[Any]:
    """What each of them is told."""
    pairs = zip(machines, applicants, strict=True)
    calls = [world.signing_up.sign_up(who, "10.0.0.1") for world, who in pairs]
    return await asyncio.gather(*calls, return_exceptions=True)


@pytest.mark.parametrize("emails", [("ann@example.org",), ("ann@example.org", "Ann@Example.ORG")])
async def test_two_who_sign_up_at_once_with_one_address_are_one_user(opening: OpenStore, emails: tuple[str, ...]):
    machines = worlds(opening)
    await machines[0].add_user("root", "admin")
    applicants = [
        Applicant(login=f"ann{number}", email=emails[number % len(emails)], password=PASSWORD)
        for number in range(PROCESSES)
    ]
    answers = await all_at_once(machines, applicants)
    refused = [each for each in answers if isinstance(each, Conflict)]
    assert len(refused) == PROCESSES - 1, answers
    assert {str(each) for each in refused} == {"user with that email already exists"}
    async with machines[0].store.reading() as tx:
        assert sum(user.email.lower() == "ann@example.org" for user in await tx.users.all()) == 1


async def test_two_who_sign_up_at_once_with_one_login_are_told_of_the_login(opening: OpenStore):
    machines = worlds(opening)
    await machines[0].add_user("root", "admin")
    applicants = [
        Applicant(login=("ann", "ANN")[number % 2], email=f"ann{number}@example.org", password=PASSWORD)
        for number in range(PROCESSES)
    ]
    answers = await all_at_once(machines, applicants)
    refused = [each for each in answers if isinstance(each, Conflict)]
    assert {str(each) for each in refused} == {"user with that login already exists"}
    assert len(refused) == PROCESSES - 1, answers


async def test_an_address_that_is_given_and_taken_at_once_is_one_users(opening: OpenStore):
    first, second, third, _ = worlds(opening)
    await first.add_user("root", "admin")
    bob = await first.add_user("bob")
    by = Principal(login="bob", user_id=bob.id, scopes=frozenset(), means=Means.BASIC)
    email = "ann@example.org"
    answers = await asyncio.gather(
        first.signing_up.sign_up(Applicant(login="ann1", email=email, password=PASSWORD), "10.0.0.1"),
        second.administering.create_user(OPERATOR, UserChange(login="ann2", email=email.upper())),
        third.administering.change_self(by, UserChange(email=email), Proof(password=None, address="")),
        return_exceptions=True,
    )
    refused = [each for each in answers if isinstance(each, Conflict)]
    assert len(refused) == 2, answers
    assert {str(each) for each in refused} == {"user with that email already exists"}


async def test_addresses_that_users_share_since_before_stay_and_are_refused_to_newcomers(opening: OpenStore):
    (world, *_) = worlds(opening)
    for login in ("one", "two"):
        user = await world.add_user(login)
        async with world.store.transaction() as tx:
            await tx.users.save(msgspec.structs.replace(user, email="both@example.org"))
    with pytest.raises(Conflict):
        await world.signing_up.sign_up(Applicant(login="x", email="Both@example.org", password=PASSWORD), "10.0.0.1")
