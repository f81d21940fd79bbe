"""Mailing: a keeper looks up whom a letter is for, makes its link, and sends it, until the mail server takes it.

The account is looked up here, long after the answer to whoever asked, so that nobody learns from it whether there is
one. Each attempt makes a new link, so it is good for its whole time however long the mail server was away.
"""

import asyncio
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from watchbell.domain.accounts import User
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.letters import LIFE, Letter, Purpose, binding, pause, reachable, wording
from watchbell.domain.oncall.message import Message, Receipt
from watchbell.ports.channel import Channel
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, OutboxRow, Store, Transaction
from watchbell.usecases.letters import LETTER, ask_for, is_confirmed
from watchbell.usecases.sessions import digest, note

BATCH = 20
_PAGES = {Purpose.CONFIRM: "confirm", Purpose.RESET: "reset"}
_log = structlog.get_logger("mailing")


class Post(msgspec.Struct, frozen=True, kw_only=True):
    """How letters leave: the channel, where people reach the pages, and for how long one is tried, in seconds.

    `attempt_timeout` is how long the channel takes at most for one, in seconds.
    """

    channel: Channel
    base_url: str
    attempt_timeout: float = 20.0
    give_up_after: float = 86400.0


class _Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A letter that is to leave now."""

    row: OutboxRow
    letter: Letter
    login: str
    message: Message


class Mailing:
    """Sends letters."""

    def __init__(self, store: Store, clock: Clock, post: Post) -> None:
        self._store = store
        self._clock = clock
        self._post = post

    async def run(self, leases: Sequence[Lease], limit: int = BATCH) -> int:
        """Claim up to `limit` letters of the leases' shards and send them; returns how many were claimed."""
        if not leases:
            return 0
        now = self._clock.now()
        until = now + timedelta(seconds=2 * self._post.attempt_timeout + 10)
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            rows = await tx.outbox.claim(LETTER, leases, now, until, limit)
            outgoing = [each for row in rows if (each := await self._prepare(tx, row, now)) is not None]
        sending = (self._post.channel.send(each.message) for each in outgoing)
        # Whatever goes wrong with one letter must not have the others sent again.
        results = await asyncio.gather(*sending, return_exceptions=True)
        if outgoing:
            async with self._store.transaction() as tx:
                await tx.leases.verify(leases)
                for each, result in zip(outgoing, results, strict=True):
                    await self._settle(tx, each, result, self._clock.now())
        return len(rows)

    async def _prepare(self, tx: Transaction, row: OutboxRow, now: datetime) -> _Outgoing | None:
        """The letter with a new link; None when there is nobody to send it to, or no use."""
        letter = await tx.letters.get(row.subject)
        user = await self._addressee(tx, letter, now) if letter is not None else None
        if letter is None or user is None:
            await tx.outbox.done([row.id])
            await tx.letters.remove(row.subject)
            return None
        if (now - letter.created_at).total_seconds() > self._post.give_up_after:
            await self._give_up(tx, row, user.login, "it is too old", now)
            return None
        for former in await tx.letters.of_user(user.id, letter.purpose):
            if former.id != letter.id:
                await tx.letters.remove(former.id)
        secret = secrets.token_urlsafe(32)
        letter = msgspec.structs.replace(
            letter,
            user_id=user.id,
            token=digest(secret),
            bound=binding(letter.purpose, user),
            expires_at=now + LIFE,
        )
        await tx.letters.save(letter)
        return _Outgoing(row=row, letter=letter, login=user.login, message=self._message(letter, user, secret, now))

    async def _addressee(self, tx: Transaction, letter: Letter, now: datetime) -> User | None:
        """Whom it is for. Of several accounts with the address, each of the others gets a letter of its own."""
        purpose = letter.purpose
        if letter.user_id:
            user = await tx.users.get(letter.user_id)
            if user is None or not reachable(user, purpose, letter.address):
                return None
            return None if purpose is Purpose.CONFIRM and await is_confirmed(tx, user) else user
        found = [user for user in await tx.users.all() if reachable(user, purpose, letter.address)]
        for other in found[1:]:
            await ask_for(tx, purpose, letter.address, now, other.id)
        return found[0] if found else None

    def _message(self, letter: Letter, user: User, secret: str, now: datetime) -> Message:
        # In the fragment, which browsers send to no server and no log keeps.
        link = f"{self._post.base_url}/{_PAGES[letter.purpose]}#token={secret}"
        title, text = wording(letter.purpose, user, link)
        return Message(
            id=letter.token[:32],
            to=user.email,
            purpose=letter.purpose.value,
            title=title,
            text=text,
            severity="informational",
            link=link,
            created_at=now,
        )

    async def _settle(self, tx: Transaction, each: _Outgoing, result: Receipt | BaseException, now: datetime) -> None:
        if isinstance(result, Receipt):
            await tx.outbox.done([each.row.id])
        elif not isinstance(result, Retryable):
            why = result.message if isinstance(result, Permanent) else f"it cannot be sent: {type(result).__name__}"
            await self._give_up(tx, each.row, each.login, why, now)
        else:
            _log.warning("letter_not_sent", letter=each.letter.id, attempts=each.row.attempts + 1, error=result.message)
            # It waits as it did before: without a link, so that nothing drops it when that would be over.
            await tx.letters.save(msgspec.structs.replace(each.letter, token="", bound="", expires_at=None))
            await tx.outbox.postpone(each.row.id, now + pause(each.row.attempts))

    async def _give_up(self, tx: Transaction, row: OutboxRow, login: str, why: str, now: datetime) -> None:
        _log.error("letter_given_up", letter=row.subject, error=why)
        await tx.outbox.done([row.id])
        await tx.letters.remove(row.subject)
        await note(tx, now, "", "mail-failed", login, why[:500])
