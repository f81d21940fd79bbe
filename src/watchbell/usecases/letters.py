"""The asking for a letter: what is written down for a keeper, who looks the account up and sends it.

Whoever asks learns nothing of whether there is such an account, not even by how long it takes.
"""

from datetime import datetime

from watchbell.domain.accounts import User
from watchbell.domain.ids import new_id, shard_of
from watchbell.domain.letters import AGAIN, Letter, Purpose
from watchbell.ports.store import OutboxRow, Transaction

LETTER = "letter"
"""Kind of the outbox row that says that a letter must leave; its id and subject are the letter's id."""


async def ask_for(tx: Transaction, purpose: Purpose, address: str, now: datetime, user_id: str = "") -> None:
    """Have a letter sent: to the accounts of the address, or to that of a user, who gets no second one so soon."""
    if user_id:
        former = await tx.letters.of_user(user_id, purpose)
        if former and now - former[0].created_at < AGAIN:
            return
    letter = Letter(id=new_id(), purpose=purpose, address=address, user_id=user_id, created_at=now)
    await tx.letters.save(letter)
    shard = shard_of(letter.id)
    row = OutboxRow(id=letter.id, kind=LETTER, subject=letter.id, shard=shard, created_at=now, available_at=now)
    await tx.outbox.add([row])


async def is_confirmed(tx: Transaction, user: User) -> bool:
    """Whether it is known that the user reads their address. Whoever has none has nothing to confirm."""
    profile = (await tx.people.profiles([user.id])).get(user.id)
    return not user.email or (profile is not None and profile.email_verified)
