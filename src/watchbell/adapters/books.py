"""`Books` from the files of the collector on this machine: its checkpoint and its rejected events.

Both are read as they are at the moment; the collector writes them every second or so.
"""

import asyncio
from itertools import islice
from pathlib import Path

import msgspec

from watchbell.adapters.journal.scanning import checkpoint_of
from watchbell.adapters.rejected import RejectedFiles, RejectedRow
from watchbell.domain.errors import Missing, Retryable
from watchbell.domain.events.accounts import Account
from watchbell.ports.books import RejectedEvent, RejectedPage
from watchbell.usecases.mapping_notes import accounts_of

LOOKED_AT = 20_000
"""So many of the newest rejected events are looked through for one page."""
_REQUEST = 16 * 1024


class LocalBooks:
    """See Books. `missing`: what to say when there is no journal in `journal`."""

    def __init__(self, journal: Path, rejected: RejectedFiles, *, node: str, missing: str) -> None:
        self._journal = journal
        self._rejected = rejected
        self._node = node
        self._missing = missing

    async def accounts(self) -> dict[str, dict[str, Account]]:
        """See Books."""
        return await asyncio.to_thread(self._accounts)

    def _accounts(self) -> dict[str, dict[str, Account]]:
        self._see()
        try:
            found = accounts_of(checkpoint_of(self._journal).note)
        except (OSError, msgspec.DecodeError) as error:
            raise Retryable(f"the checkpoint in {self._journal} cannot be read: {error}") from error
        return {self._node: found} if found else {}

    async def rejected(self, reason: str, limit: int) -> RejectedPage:
        """See Books."""
        return await asyncio.to_thread(self._page, reason, limit)

    def _page(self, reason: str, limit: int) -> RejectedPage:
        self._see()
        reasons: dict[str, int] = {}
        events: list[RejectedEvent] = []
        try:
            for row in islice(self._rejected.rows(), LOOKED_AT):
                reasons[row.reason] = reasons.get(row.reason, 0) + 1
                if len(events) < limit and reason in {"", row.reason}:
                    events.append(_event(row))
        except OSError as error:
            raise Retryable(f"the rejected events cannot be read: {error}") from error
        return RejectedPage(events=events, reasons=reasons, trimmed=self._rejected.trimmed())

    def _see(self) -> None:
        if not self._journal.is_dir():
            raise Missing(self._missing)


def _event(row: RejectedRow) -> RejectedEvent:
    request = {"query": row.query, "body": row.body, "user_agent": row.user_agent or "", "remote": row.remote}
    return RejectedEvent(
        received_ms=row.received_ms,
        reason=row.reason,
        detail=row.detail,
        mapping=row.mapping,
        source=row.source,
        request={name: text[:_REQUEST] for name, text in request.items()},
    )
