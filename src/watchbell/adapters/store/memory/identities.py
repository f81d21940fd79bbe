"""Whom log-in providers vouch for, in memory."""

from watchbell.adapters.store.memory.tables import Tables
from watchbell.ports.login import Known


class MemoryIdentities:
    """Table `identities` (by issuer and subject)."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def get(self, issuer: str, subject: str) -> Known | None:
        return self._tables.read("identities").get((issuer, subject))

    async def of_user(self, user_id: str) -> list[Known]:
        rows = sorted(self._tables.read("identities").items())
        return [known for _, known in rows if known.user_id == user_id]

    async def save(self, known: Known) -> None:
        self._tables.edit("identities")[known.issuer, known.subject] = known

    async def delete(self, issuer: str, subject: str) -> None:
        self._tables.drop("identities", [(issuer, subject)])
