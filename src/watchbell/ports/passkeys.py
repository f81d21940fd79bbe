"""Passkey reading: the words of WebAuthn, between us and browsers."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import msgspec

from watchbell.domain.accounts import User
from watchbell.domain.passkeys import Passkey

Answer = Mapping[str, Any]
"""What a browser answers: a public key credential as JSON, bytes in base64url. Anybody may have written it."""


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """A passkey that a device has just made; ids and keys in base64url."""

    credential: str
    public_key: str
    counter: int
    transports: tuple[str, ...] = ()


class PasskeyReader(Protocol):
    """Says what browsers are to ask of devices, and reads what devices signed: for one host, and pages of one origin.

    Does not wait for anything. `missing` says why nothing can be asked; empty when all is well.
    """

    @property
    def missing(self) -> str:
        """Why there are no passkeys here."""
        ...

    def to_make(self, user: User, present: Sequence[Passkey], challenge: bytes) -> dict[str, Any]:
        """What a browser is asked to make one; devices that have one of the present ones make none."""
        ...

    def made(self, answer: Answer, challenge: bytes) -> Made:
        """What was made.

        Raises:
            Invalid: it is not an answer to this challenge, or not from our pages, or nobody was verified.
        """
        ...

    def to_use(self, challenge: bytes) -> dict[str, Any]:
        """What a browser is asked to log somebody in with whichever passkey they choose."""
        ...

    def credential_of(self, answer: Answer) -> str:
        """Which passkey it claims to be.

        Raises:
            Unauthenticated: it cannot be read.
        """
        ...

    def counter_of(self, answer: Answer, challenge: bytes, passkey: Passkey) -> int:
        """The counter of an answer that this passkey signed.

        Raises:
            Unauthenticated: it is not an answer to this challenge, not from our pages, not of this passkey or its user,
                or nobody was verified.
        """
        ...
