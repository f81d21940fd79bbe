"""Letters: mails that prove that somebody reads an address. One confirms the address, the other sets a new password.

A link in a letter is good once and for `LIFE`. It is bound to what the account was when the letter left: a new address
or a new password in the meantime, or a newer letter, makes it worthless.
"""

import hashlib
import hmac
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from watchbell.domain.accounts import User

LIFE = timedelta(seconds=900)
"""So long the link in a letter is good, counted from when it was sent."""
AGAIN = timedelta(minutes=2)
"""So soon no second letter of a kind is written to the same account."""
LETTERS_HERE = 20
"""So many letters may be asked for from one address of the net within `FAILURE_WINDOW`."""
LETTERS_EACH = 5
"""So many letters may be asked for to one mail address within `FAILURE_WINDOW`."""
_FIRST_PAUSE = timedelta(seconds=5)
_LONGEST_PAUSE = timedelta(minutes=5)


class Purpose(StrEnum):
    """What the link in a letter does."""

    CONFIRM = "confirm"
    """It proves that the account's owner reads the address."""
    RESET = "reset"
    """It sets a new password."""


class Letter(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that was asked for, and what its link is good for.

    `user_id` is empty until the account is looked up, which is when the letter is about to leave. `token` is the
    SHA-256 of the link's secret, in hex, empty before that; the secret itself is only in the mail.
    """

    id: str
    purpose: Purpose
    address: str
    user_id: str = ""
    token: str = ""
    bound: str = ""
    created_at: datetime
    expires_at: datetime | None = None

    def good_for(self, purpose: Purpose, user: User, now: datetime) -> bool:
        """Whether its link does this for the user, as they are now."""
        open_still = self.expires_at is not None and now < self.expires_at
        same = hmac.compare_digest(self.bound, binding(purpose, user))
        return self.purpose is purpose and self.user_id == user.id and open_still and same


def binding(purpose: Purpose, user: User) -> str:
    """What a link is bound to: the account, its address and, for a new password, the present one."""
    password = user.password_hash if purpose is Purpose.RESET else ""
    return hashlib.sha256(f"{user.id}\0{user.email.lower()}\0{password}".encode()).hexdigest()


def reachable(user: User, purpose: Purpose, address: str) -> bool:
    """Whether the user gets such a letter at this address. Whoever has no password logs in by others, and gets none."""
    same = bool(user.email) and user.email.lower() == address.lower()
    return same and user.active and (purpose is Purpose.CONFIRM or bool(user.password_hash))


def wording(purpose: Purpose, user: User, link: str) -> tuple[str, str]:
    """Subject and text of a letter."""
    minutes = int(LIFE.total_seconds() // 60)
    good = f"The link is good once, for {minutes} minutes; only the newest one counts."
    if purpose is Purpose.CONFIRM:
        title = "Confirm your e-mail address"
        text = f"Confirm that this is the address of your account {user.login}:"
        other = "If you have no such account, you need not do anything."
    else:
        title = "Set a new password"
        text = f"Somebody asked for a new password of your account {user.login}. Set it here:"
        other = "If it was not you, you need not do anything: the password stays as it is."
    return title, f"{text}\n\n{link}\n\n{good}\n{other}\n"


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts that failed."""
    return min(_FIRST_PAUSE * 2 ** min(attempts, 10), _LONGEST_PAUSE)
