"""Mailing of nudges: a keeper gathers what each person is to hear of, and mails it, until the mail server takes it.

All that waits for a person and may be told now is one mail. A keeper holds a person's shard alone, so when they last
heard of an alert is written down by one keeper only. Without a mail server what waits is dropped.
"""

import asyncio
import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec
import structlog

from watchbell.domain.accounts import User
from watchbell.domain.alerts.alert import Alert
from watchbell.domain.customers import sees
from watchbell.domain.errors import Permanent, Retryable
from watchbell.domain.letters import pause
from watchbell.domain.nudges import (
    Nudge,
    Wish,
    after_quiet,
    mailable,
    remembered,
    subject_of,
    wanted,
    wish_of,
    wording,
)
from watchbell.domain.oncall.message import Message, Receipt
from watchbell.domain.roles import RoleRules
from watchbell.ports.clock import Clock
from watchbell.ports.store import Lease, OutboxRow, Store, Transaction
from watchbell.usecases.holding import holder
from watchbell.usecases.mailing import Post
from watchbell.usecases.nudging import NUDGE

BATCH = 200
"""Rows claimed at once; a person's of one batch are one mail."""
_log = structlog.get_logger("mailing")
_nudge = msgspec.json.Decoder(Nudge)
_times = msgspec.json.Decoder(dict[str, datetime])


class _Gathered(msgspec.Struct, frozen=True, kw_only=True):
    """A mail that is to leave now, and the rows that it does away with."""

    user: User
    rows: tuple[OutboxRow, ...]
    alerts: tuple[str, ...]
    message: Message


class MailingNudges:
    """Sends mails about alerts. `post` is None where no mail server is set."""

    def __init__(self, store: Store, clock: Clock, post: Post | None, rules: RoleRules) -> None:
        self._store = store
        self._clock = clock
        self._post = post
        self._rules = rules

    async def run(self, leases: Sequence[Lease], limit: int = BATCH) -> int:
        """Claim up to `limit` rows of the leases' shards and send what may be told; returns how many were claimed."""
        if not leases:
            return 0
        now = self._clock.now()
        until = now + timedelta(seconds=2 * (self._post.attempt_timeout if self._post else 0) + 10)
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            rows = await tx.outbox.claim(NUDGE, leases, now, until, limit)
            mails = await self._gather(tx, rows, now)
        if self._post is None or not mails:
            return len(rows)
        # Whatever goes wrong with one mail must not have the others sent again.
        sending = (self._post.channel.send(each.message) for each in mails)
        results = await asyncio.gather(*sending, return_exceptions=True)
        async with self._store.transaction() as tx:
            await tx.leases.verify(leases)
            for each, result in zip(mails, results, strict=True):
                await self._settle(tx, each, result, self._clock.now())
        return len(rows)

    async def _gather(self, tx: Transaction, rows: Sequence[OutboxRow], now: datetime) -> list[_Gathered]:
        if self._post is None:
            await tx.outbox.done([row.id for row in rows])
            return []
        by_user: dict[str, list[OutboxRow]] = {}
        for row in rows:
            by_user.setdefault(row.subject, []).append(row)
        found = [await self._gather_for(tx, self._post, user, held, now) for user, held in by_user.items()]
        return [mail for mail in found if mail is not None]

    async def _gather_for(
        self, tx: Transaction, post: Post, user_id: str, rows: Sequence[OutboxRow], now: datetime
    ) -> _Gathered | None:
        """The mail to one person; what is not for them is dropped, and what comes too soon waits."""
        user = await tx.users.get(user_id)
        profile = (await tx.people.profiles([user_id])).get(user_id)
        alerts: dict[str, Alert] = {}
        wish = wish_of(profile)
        if user is not None and mailable(user, profile) and wish is not Wish.NONE:
            alerts = await self._seen_by(tx, user, rows)
        elif user is None:
            await tx.facts.remove(_fact(user_id))
        last = await _last_told(tx, user_id)
        told: list[tuple[OutboxRow, Nudge]] = []
        for row in rows:
            nudge = _read(row)
            late = (now - row.created_at).total_seconds() > post.give_up_after
            if late or nudge is None or nudge.alert not in alerts or not wanted(wish, nudge.concern):
                await tx.outbox.done([row.id])
            elif (again := after_quiet(last, nudge, now)) is not None:
                await tx.outbox.postpone(row.id, again)
            else:
                told.append((row, nudge))
        if user is None or not told:
            return None
        told.sort(key=lambda each: each[1].at)
        return _composed(user, told, alerts, post.base_url, now)

    async def _seen_by(self, tx: Transaction, user: User, rows: Sequence[OutboxRow]) -> dict[str, Alert]:
        """Those of the alerts that are still there and that the user may see."""
        by = await holder(tx, user, self._rules)
        wanted_ids = dict.fromkeys(nudge.alert for row in rows if (nudge := _read(row)) is not None)
        found: dict[str, Alert] = {}
        for alert_id in wanted_ids if by.may("read:alerts") else ():
            alert = await tx.alerts.get(alert_id)
            if alert is not None and alert.id == alert_id and sees(by.customers, alert.customer):
                found[alert_id] = alert
        return found

    async def _settle(self, tx: Transaction, mail: _Gathered, result: Receipt | BaseException, now: datetime) -> None:
        ids = [row.id for row in mail.rows]
        if isinstance(result, Retryable):
            attempts = max(row.attempts for row in mail.rows)
            _log.warning("nudge_not_sent", user=mail.user.login, attempts=attempts + 1, error=result.message)
            for row_id in ids:
                await tx.outbox.postpone(row_id, now + pause(attempts))
            return
        await tx.outbox.done(ids)
        if isinstance(result, Receipt):
            told = remembered(await _last_told(tx, mail.user.id), mail.alerts, now)
            await tx.facts.put(_fact(mail.user.id), msgspec.json.encode(told).decode())
        else:
            why = result.message if isinstance(result, Permanent) else f"it cannot be sent: {type(result).__name__}"
            _log.error("nudge_given_up", user=mail.user.login, error=why)


def _composed(
    user: User, told: Sequence[tuple[OutboxRow, Nudge]], alerts: dict[str, Alert], base_url: str, now: datetime
) -> _Gathered:
    nudges = [nudge for _, nudge in told]
    concerned = tuple(dict.fromkeys(nudge.alert for nudge in nudges))
    only = alerts[concerned[0]] if len(concerned) == 1 else None
    message = Message(
        # The same rows again are the same mail, which a second sending can be recognised by.
        id=hashlib.sha256("\0".join(row.id for row, _ in told).encode()).hexdigest()[:32],
        to=user.email,
        purpose="nudge",
        title=subject_of(nudges, alerts),
        text=wording(user, nudges, alerts, base_url),
        severity=only.severity if only else "informational",
        link=f"{base_url}/alerts/{only.id}" if only else f"{base_url}/alerts",
        created_at=now,
    )
    return _Gathered(user=user, rows=tuple(row for row, _ in told), alerts=concerned, message=message)


def _fact(user_id: str) -> str:
    return f"nudged:{user_id}"


async def _last_told(tx: Transaction, user_id: str) -> dict[str, datetime]:
    """When the person last heard of which alert."""
    try:
        return _times.decode(await tx.facts.get(_fact(user_id)) or "{}")
    except msgspec.MsgspecError:
        return {}


def _read(row: OutboxRow) -> Nudge | None:
    """What a row carries; None when it cannot be read."""
    try:
        return _nudge.decode(row.body or "")
    except msgspec.MsgspecError:
        return None
