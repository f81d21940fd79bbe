"""Passwords, and the hashes of people who were imported."""

import bcrypt
import pytest

from watchbell.adapters.passwords import Argon2Passwords

PASSWORD = "correct horse"


@pytest.fixture
def passwords() -> Argon2Passwords:
    return Argon2Passwords(time_cost=1, memory_cost=8, parallelism=1)


def hashed(password: str, prefix: bytes = b"2a") -> str:
    return bcrypt.hashpw(password.encode()[:72], bcrypt.gensalt(4, prefix)).decode()


async def test_ours(passwords):
    made = await passwords.hash(PASSWORD)
    assert await passwords.verify(made, PASSWORD)
    assert not await passwords.verify(made, "another one")
    assert not passwords.outdated(made)


@pytest.mark.parametrize("prefix", [b"2a", b"2b"])
async def test_hashes_by_bcrypt_are_understood_and_outdated(passwords, prefix):
    made = hashed(PASSWORD, prefix)
    assert await passwords.verify(made, PASSWORD)
    assert not await passwords.verify(made, "another one")
    assert passwords.outdated(made)


async def test_bcrypt_looks_at_72_bytes_as_it_did_when_the_hash_was_made(passwords):
    made = hashed("ü" * 40)
    assert await passwords.verify(made, "ü" * 40)
    assert await passwords.verify(made, "ü" * 36)
    assert not await passwords.verify(made, "ü" * 35)


async def test_nobody_comes_in_by_the_hash_of_the_empty_password(passwords):
    assert not await passwords.verify(hashed(""), "")


@pytest.mark.parametrize(
    "wrong", ["", "$2a$04$short", "$2a$31$" + "a" * 53, "$2a$99$" + "a" * 53, "$2a$04$" + "a" * 53]
)
async def test_hashes_that_are_none_or_too_hard_are_never_the_one(passwords, wrong):
    assert not await passwords.verify(wrong, PASSWORD)
    assert not await passwords.verify(wrong, "")


async def test_texts_that_bcrypt_cannot_take_are_wrong_passwords(passwords):
    made = hashed(PASSWORD)
    for odd in ("correct\x00horse", "\ud800"):
        assert not await passwords.verify(made, odd)
