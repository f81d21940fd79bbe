"""Passwords by argon2id, in threads of their own.

A hash takes some 50 ms and 46 MiB, so only a few are made at once, and callers beyond a bounded queue are refused:
guessing passwords must not take the machine's memory away from alerts.

Hashes by bcrypt came with people who were imported. They are outdated, so that the next log-in makes one of ours.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import TypeVar

import bcrypt
from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type

from watchbell.domain.access import HARDEST_BCRYPT, bcrypt_cost
from watchbell.domain.errors import Overloaded

AT_ONCE = 2
WAITING = 32
BCRYPT_MAX = 72
"""Bytes of a password that bcrypt looks at."""

T = TypeVar("T")


class Argon2Passwords:
    """The port, with OWASP's parameters for argon2id (46 MiB, one pass, one lane), or lighter ones for tests."""

    def __init__(self, *, time_cost: int = 1, memory_cost: int = 47104, parallelism: int = 1) -> None:
        self._hasher = PasswordHasher(
            time_cost=time_cost, memory_cost=memory_cost, parallelism=parallelism, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="passwords")
        self._under_way = 0

    async def hash(self, password: str) -> str:
        return await self._aside(self._hasher.hash, password)

    async def verify(self, password_hash: str, password: str) -> bool:
        return await self._aside(self._verify, password_hash, password)

    def outdated(self, password_hash: str) -> bool:
        try:
            return self._hasher.check_needs_rehash(password_hash)
        except InvalidHashError:
            return True

    async def _aside(self, work: Callable[..., T], *arguments: str) -> T:
        if self._under_way >= AT_ONCE + WAITING:
            raise Overloaded("Too many people log in at this moment.", retry_after=2)
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, *arguments)
        finally:
            self._under_way -= 1

    @cached_property
    def _nobodys_hash(self) -> str:
        return self._hasher.hash("nobody's password")

    def _verify(self, password_hash: str, password: str) -> bool:
        if bcrypt_cost(password_hash):
            return _verify_bcrypt(password_hash, password)
        # Without a hash another one is tried, so that the time taken does not tell which logins exist.
        try:
            return self._hasher.verify(password_hash or self._nobodys_hash, password) and bool(password_hash)
        except (VerificationError, InvalidHashError):
            return False


def _verify_bcrypt(password_hash: str, password: str) -> bool:
    """As whoever made the hash did it: what is beyond bcrypt's length was never looked at."""
    # An account without a password may have the hash of the empty one, which nobody shall come in by.
    if bcrypt_cost(password_hash) > HARDEST_BCRYPT or not password:
        return False
    try:
        return bcrypt.checkpw(password.encode("utf-8", "surrogatepass")[:BCRYPT_MAX], password_hash.encode())
    except ValueError:
        return False
