"""A journal into which events come only as they may be stored: whoever appends, and whatever."""

from watchbell.domain.events.privacy import Protector
from watchbell.domain.events.raw import decode_batch, encode_batch
from watchbell.ports.journal import JournalWriter


class PrivateJournalWriter:
    """Cleans what it appends to another writer."""

    def __init__(self, writer: JournalWriter, protector: Protector) -> None:
        self._writer = writer
        self._protect = protector.protect

    async def append(self, payload: bytes) -> int:
        """See JournalWriter."""
        return await self._writer.append(encode_batch([self._protect(raw) for raw in decode_batch(payload)]))

    def end(self) -> int:
        """See JournalWriter."""
        return self._writer.end()

    def accepted(self) -> int:
        """See JournalWriter."""
        return self._writer.accepted()

    def size(self) -> int:
        """See JournalWriter."""
        return self._writer.size()

    def truncated(self) -> int:
        """See JournalWriter."""
        return self._writer.truncated()

    async def close(self) -> None:
        """See JournalWriter."""
        await self._writer.close()
