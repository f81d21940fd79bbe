"""What a process that accepts events opens. It imports nothing else: there may be many of these processes."""

from pathlib import Path

from watchbell.adapters.journal.files import FileJournalWriter
from watchbell.adapters.journal.private import PrivateJournalWriter
from watchbell.adapters.salt_file import SaltFile
from watchbell.domain.events.privacy import Privacy, Protector
from watchbell.ports.journal import JournalWriter


def open_writer(
    root: Path,
    max_bytes: int,
    fsync: bool,  # noqa: FBT001 - as above
    asked: Privacy,
    salt: Path,
    name: str,
) -> JournalWriter:
    """The journal of the acceptor `name`; what is private is left out before it is written."""
    writer = FileJournalWriter(root, name, max_bytes=max_bytes, fsync=fsync)
    return PrivateJournalWriter(writer, Protector(asked, SaltFile(salt).of)) if asked.wanted else writer
