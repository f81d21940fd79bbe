"""Sessions: the opening of one, whatever somebody logged in with, and the news that rights went away."""

import hashlib
import secrets
from datetime import datetime

import msgspec

from watchbell.domain.access import SESSION_LIFE
from watchbell.domain.accounts import Means, Principal, Session, User
from watchbell.domain.errors import Forbidden
from watchbell.domain.ids import new_id
from watchbell.domain.roles import RoleRules
from watchbell.ports.store import Transaction
from watchbell.usecases.auditing import entry
from watchbell.usecases.holding import holder

ACCOUNTS_FACT = "accounts-version"
"""A text that is another one after each change that takes rights away."""


class LoggedIn(msgspec.Struct, frozen=True, kw_only=True):
    """A new session: `cookie` is the secret for the browser, which is stored nowhere."""

    cookie: str
    user: User
    principal: Principal
    kind: str = "basic"
    """What kind of provider knew them; `basic` is a password here."""


def digest(secret: str) -> str:
    """What is stored of a key, a cookie or a one-time link: its SHA-256, in hex."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


async def rights_changed(tx: Transaction) -> None:
    """Have every process ask again about everybody: in the transaction that takes rights away."""
    await tx.facts.put(ACCOUNTS_FACT, new_id())
    people_changed(tx)


def people_changed(tx: Transaction) -> None:
    """Tell open pages that users, groups, roles, keys or customers are not what they were; not which, or whose."""
    tx.changed("people", "*")


def admitted(principal: Principal) -> Principal:
    """Raise `Forbidden` for somebody who would see nothing at all."""
    if principal.customers is not None and not principal.customers:
        raise Forbidden(f"No customer lookup configured for user '{principal.login}'")
    return principal


async def open_session(
    tx: Transaction, user: User, now: datetime, rules: RoleRules, *, by_password: bool = False
) -> LoggedIn:
    """A new session of a user.

    Raises:
        Forbidden: they would see nothing at all.
    """
    cookie = secrets.token_urlsafe(32)
    session = Session(
        id=digest(cookie),
        user_id=user.id,
        csrf=secrets.token_urlsafe(32),
        created_at=now,
        seen_at=now,
        expires_at=now + SESSION_LIFE,
        by_password=by_password,
    )
    await tx.sessions.purge(now)
    await tx.sessions.save(session)
    principal = admitted(await holder(tx, user, rules, Means.SESSION, csrf=session.csrf, session_id=session.id))
    return LoggedIn(cookie=cookie, user=user, principal=principal)


async def note(tx: Transaction, now: datetime, who: str, action: str, subject: str, text: str = "") -> None:
    """Write down what became of a log-in."""
    await tx.audit.add([entry(now, who, ("session", action), subject, text, category="auth")])
