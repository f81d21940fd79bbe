"""Signing up: people make accounts for themselves, confirm their address, and set a new password by mail.

Whether there is an account of a mail address shows neither in an answer nor in the time that it takes: nothing is
looked up until a keeper writes the letter. A login is no such secret: that it is taken must be said.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from watchbell.domain.access import is_address, network_of, password_faults, user_faults
from watchbell.domain.accounts import Profile, User
from watchbell.domain.customers import is_address_of
from watchbell.domain.errors import Conflict, Fault, Faulty, Forbidden, Invalid
from watchbell.domain.ids import new_id
from watchbell.domain.letters import LETTERS_EACH, LETTERS_HERE, Letter, Purpose
from watchbell.ports.clock import Clock
from watchbell.ports.passwords import Passwords
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.authenticating import Authenticating
from watchbell.usecases.demanding import NOT_CONFIRMED
from watchbell.usecases.directory import admit_profile
from watchbell.usecases.guessing import refuse_more
from watchbell.usecases.letters import ask_for, is_confirmed
from watchbell.usecases.saving_users import refuse_taken, save_user
from watchbell.usecases.sessions import LoggedIn, digest, note

ADDRESS_MAX = 255
_OVER = "This link is not good any more. Ask for a new one."


class SignUpTerms(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings let people do by themselves.

    `mail` is whether a mail server is set. `domains` are those of mail addresses that may sign up; none are all.
    `reserved` are logins that nobody gets so.
    """

    sign_up: bool = False
    reset: bool = False
    verify_email: bool = False
    mail: bool = False
    domains: tuple[str, ...] = ()
    reserved: frozenset[str] = frozenset()


class Applicant(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who signs up; without `login` it is the address."""

    login: str = ""
    name: str = ""
    email: str = ""
    password: str
    text: str = ""
    attributes: Mapping[str, Any] = {}


class SigningUp:
    """Accounts that people see to by themselves. `authenticating` knows the roles, and opens sessions."""

    def __init__(
        self, store: Store, clock: Clock, passwords: Passwords, authenticating: Authenticating, terms: SignUpTerms
    ) -> None:
        self._store = store
        self._clock = clock
        self._passwords = passwords
        self._authenticating = authenticating
        self._rules = authenticating.rules
        self.terms = terms

    async def sign_up(self, applicant: Applicant, address: str) -> LoggedIn:
        """Make an account with the role of new users, and log it in.

        Raises:
            Forbidden: nobody may, or not with this address; or the address must be confirmed first, by a mail.
            Faulty: what describes the account is not valid.
            Conflict: the login or the address is taken.
            Throttled: too many from this address of the net.
        """
        if not self.terms.sign_up:
            raise Forbidden("user signup is disabled")
        login = applicant.login or applicant.email
        self._check(applicant, login)
        async with self._store.transaction() as tx:
            await self._count(tx, {f"signup:{network_of(address)}": LETTERS_HERE})
        hashed = await self._passwords.hash(applicant.password)
        now = self._clock.now()
        user = User(
            id=new_id(),
            login=login,
            name=applicant.name,
            email=applicant.email,
            password_hash=hashed,
            roles=self._rules.user_roles[:1],
            created_at=now,
        )
        profile = Profile(
            user_id=user.id, text=applicant.text, attributes=dict(applicant.attributes), updated_at=user.created_at
        )
        async with self._store.transaction() as tx:
            await self._refuse_taken(tx, user)
            await tx.users.save(user)
            await tx.people.save_profile(profile)
            await note(tx, now, login, "signup", login, f"from {address}")
            if not self.terms.verify_email:
                user = msgspec.structs.replace(user, last_login=now)
                await tx.users.save(user)
                return await self._authenticating.open(tx, user, now)
            await ask_for(tx, Purpose.CONFIRM, user.email, now, user.id)
        raise Forbidden(NOT_CONFIRMED)

    async def confirm(self, secret: str, address: str) -> str:
        """Note that the owner of an account reads its address, which is returned.

        Raises:
            Invalid: the link is not good, or not any more.
        """
        now = self._clock.now()
        async with self._store.transaction() as tx:
            user = await self._used(tx, secret, Purpose.CONFIRM)
            await self._note_confirmed(tx, user)
            await note(tx, now, user.login, "verify-email", user.login, f"from {address}")
        return user.email

    async def ask_to_confirm(self, login: str) -> None:
        """Have a letter sent by which somebody confirms the address of their account; no second one so soon.

        Raises:
            Conflict: no mail can leave, there is no address, or it is confirmed already.
        """
        if not self.terms.mail:
            raise Conflict("No mail server is set up here.")
        async with self._store.transaction() as tx:
            user = await tx.users.get(login)
            if user is None or not user.email:
                raise Conflict("There is no address to confirm.")
            if await is_confirmed(tx, user):
                raise Conflict("The address is confirmed already.")
            await ask_for(tx, Purpose.CONFIRM, user.email, self._clock.now(), user.id)

    async def forgot(self, email: str, address: str) -> None:
        """Have a letter sent to the accounts with this address, if there are any.

        Raises:
            Forbidden: there is no such thing here.
            Invalid: it is no address.
            Throttled: too many to this address, or from this one of the net.
        """
        self._must_reset()
        if len(email) > ADDRESS_MAX or not is_address(email) or not email.isprintable():
            raise Invalid("is not an e-mail address", "email")
        wanted, now = email.lower(), self._clock.now()
        async with self._store.transaction() as tx:
            here = f"letters-from:{network_of(address)}"
            await self._count(tx, {f"letters:{wanted}": LETTERS_EACH, here: LETTERS_HERE})
            await ask_for(tx, Purpose.RESET, wanted, now)
            await note(tx, now, "", "password-forgot", wanted, f"from {address}")

    async def reset(self, secret: str, password: str, address: str) -> None:
        """Set a new password. All sessions and tokens of the account end; two-step log-in stays as it is.

        Raises:
            Forbidden: there is no such thing here.
            Invalid: the link is not good, or not any more.
            Faulty: the password will not do; the link is still good.
        """
        self._must_reset()
        async with self._store.reading() as tx:
            user, _ = await self._good(tx, secret, Purpose.RESET)
        faults = password_faults(password, user.login, user.name, user.email)
        if faults:
            raise Faulty(faults)
        hashed = await self._passwords.hash(password)
        now = self._clock.now()
        async with self._store.transaction() as tx:
            before = await self._used(tx, secret, Purpose.RESET)
            await save_user(tx, before, msgspec.structs.replace(before, password_hash=hashed), self._rules)
            # Whoever has the link reads the address.
            await self._note_confirmed(tx, before)
            await note(tx, now, before.login, "password-reset", before.login, f"from {address}")

    def _must_reset(self) -> None:
        if not self.terms.reset:
            raise Forbidden("password reset is disabled")

    def _check(self, applicant: Applicant, login: str) -> None:
        email = applicant.email
        faults = user_faults(login, applicant.name, email, self._rules.user_roles[:1])
        faults += password_faults(applicant.password, login, applicant.name, email)
        if not email and (self.terms.verify_email or self.terms.domains):
            faults.append(Fault(field="email", reason="is required"))
        same = is_address_of(login, email)
        if "@" in login and not same:
            faults.append(Fault(field="login", reason="must be the e-mail address, or have no @"))
        elif self._rules.customer_views and not same:
            # Customers are looked up by the login, too, so it must be proved to be one's own.
            faults.append(Fault(field="login", reason="must be the e-mail address"))
        if faults:
            raise Faulty(faults)
        if self.terms.domains and email.rpartition("@")[2].lower() not in self.terms.domains:
            raise Forbidden("unauthorized domain")
        admit_profile(applicant.text, applicant.attributes)

    async def _refuse_taken(self, tx: Transaction, user: User) -> None:
        """Nobody becomes, by a name of their choice, somebody who is or was here, or is named in the settings."""
        await refuse_taken(tx, None, user)
        present = await tx.users.all()
        if not present:
            raise Forbidden("The first administrator must be set up before anybody signs up.")
        taken = {*self.terms.reserved, *self._rules.admin_users, *(other.id for other in present)}
        taken |= {key.user.lower() for key in await tx.keys.all()}
        if user.login.lower() in taken:
            raise Conflict("user with that login already exists")

    async def _count(self, tx: Transaction, tries: Mapping[str, int]) -> None:
        await refuse_more(tx, self._clock, tries, what="requests of this kind")
        for key in tries:
            await tx.sessions.failed(key, self._clock.now())

    async def _good(self, tx: Transaction, secret: str, purpose: Purpose) -> tuple[User, Letter]:
        letter = await tx.letters.by_token(digest(secret))
        user = await tx.users.get(letter.user_id) if letter is not None and letter.user_id else None
        if letter is None or user is None or not (user.active and letter.good_for(purpose, user, self._clock.now())):
            raise Invalid(_OVER)
        return user, letter

    async def _used(self, tx: Transaction, secret: str, purpose: Purpose) -> User:
        """The account of a link, which is used up."""
        user, letter = await self._good(tx, secret, purpose)
        if not await tx.letters.remove(letter.id):
            raise Invalid(_OVER)
        return user

    async def _note_confirmed(self, tx: Transaction, user: User) -> None:
        now = self._clock.now()
        profile = (await tx.people.profiles([user.id])).get(user.id) or Profile(user_id=user.id, updated_at=now)
        await tx.people.save_profile(msgspec.structs.replace(profile, email_verified=True, updated_at=now))
