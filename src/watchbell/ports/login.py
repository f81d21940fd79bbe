"""Log-in providers: who else can say who somebody is, and who is known by them."""

from datetime import datetime
from typing import Protocol

import msgspec

from watchbell.domain.admission import Identity


class Challenge(msgspec.Struct, frozen=True, kw_only=True):
    """What binds an answer of a provider to the browser that asked: sent along, and compared with what comes back."""

    redirect: str
    """Where the provider sends the browser back to."""
    state: str = ""
    nonce: str = ""
    """In the signed answer; empty when whoever asked sent none."""
    verifier: str = ""
    """The secret of PKCE; empty when whoever asked used none."""


class LoginProvider(Protocol):
    """Somebody who vouches for people. Raises `Retryable` when it does not answer, and never tells a secret."""

    async def address(self, challenge: Challenge) -> str:
        """Where the browser is sent to."""
        ...

    async def redeem(self, code: str, challenge: Challenge) -> Identity:
        """Who came back with this code.

        Raises:
            Unauthenticated: the code is not good, or what is said with it is not proved.
        """
        ...

    async def authorization_endpoint(self) -> str:
        """The address without parameters, for clients that put them together themselves."""
        ...


class PasswordKeeper(Protocol):
    """Somebody who knows people by a password that is typed on our own page. Never tells a secret."""

    async def check(self, login: str, password: str) -> Identity:
        """Who this is.

        Raises:
            Unauthenticated: nobody there has this login and this password.
            Retryable: it does not answer, or not as it was set up.
        """
        ...


class Known(msgspec.Struct, frozen=True, kw_only=True):
    """A person of a provider who is a user here."""

    issuer: str
    subject: str
    user_id: str
    created_at: datetime
    last_login: datetime


class Identities(Protocol):
    """Whom providers vouch for."""

    async def get(self, issuer: str, subject: str) -> Known | None:
        """One."""
        ...

    async def of_user(self, user_id: str) -> list[Known]:
        """Those that are one user, by issuer and subject. They go with the user."""
        ...

    async def save(self, known: Known) -> None:
        """Insert or overwrite by issuer and subject."""
        ...

    async def delete(self, issuer: str, subject: str) -> None:
        """Forget one."""
        ...
