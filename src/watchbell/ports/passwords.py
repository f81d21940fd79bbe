"""Hashing passwords: slow on purpose, so never in the event loop."""

from typing import Protocol


class Passwords(Protocol):
    """Makes and checks hashes of passwords (argon2id). Raises `Overloaded` when too many are being made at once."""

    async def hash(self, password: str) -> str:
        """A salted hash that holds its own parameters."""
        ...

    async def verify(self, password_hash: str, password: str) -> bool:
        """Whether the password is the one. An empty or broken hash takes as long and is never the one.

        A hash by bcrypt, of somebody who was imported, is understood, too.
        """
        ...

    def outdated(self, password_hash: str) -> bool:
        """Whether the hash was made with weaker parameters than are used now."""
        ...
