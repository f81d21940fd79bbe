"""Lasting: the sessions of a person that have not ended, and the ending of them by that person."""

from datetime import datetime

from watchbell.domain.access import SESSION_IDLE
from watchbell.domain.accounts import Means, Principal, Session
from watchbell.domain.errors import Forbidden, Missing
from watchbell.ports.clock import Clock
from watchbell.ports.store import Store, Transaction
from watchbell.usecases.sessions import note, rights_changed


def shown_id(session: Session) -> str:
    """What names a session to its owner: too little of the hash to look anything up by."""
    return session.id[:16]


class Lasting:
    """People's own sessions."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def sessions(self, by: Principal) -> list[Session]:
        """The caller's, the newest first.

        Raises:
            Forbidden: the caller came by a key, or is nobody's.
        """
        _refuse_keys(by)
        async with self._store.reading() as tx:
            return await _lasting(tx, by, self._clock.now())

    async def end(self, by: Principal, name: str = "") -> int:
        """End one, or all but the caller's present one; how many ended.

        Raises:
            Missing: there is none of this name.
        """
        _refuse_keys(by)
        now = self._clock.now()
        async with self._store.transaction() as tx:
            found = [
                each
                for each in await _lasting(tx, by, now)
                if (shown_id(each) == name if name else each.id != by.session_id)
            ]
            if name and not found:
                raise Missing("There is no such session.")
            for each in found:
                await tx.sessions.delete(each.id)
            if found:
                await rights_changed(tx)
                await note(tx, now, by.login, "logout", by.login, f"{len(found)} sessions ended by their owner")
        return len(found)


def _refuse_keys(by: Principal) -> None:
    if by.means is Means.KEY or not by.user_id:
        raise Forbidden("A key does not see its owner's sessions: log in for that.")


async def _lasting(tx: Transaction, by: Principal, now: datetime) -> list[Session]:
    found = await tx.sessions.of_user(by.user_id)
    return [each for each in found if each.expires_at > now and now - each.seen_at < SESSION_IDLE]
