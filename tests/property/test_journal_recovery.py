"""A journal under appends, crashes with torn tails, restarts and releases: what was accepted is read once, in order."""

import asyncio
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from watchbell.adapters.journal.files import SUFFIX, FileJournalReader, FileJournalWriter
from watchbell.adapters.journal.frames import HEADER, MARK
from watchbell.ports.journal import Checkpoint

PAYLOADS = st.binary(max_size=120)
TORN = st.binary(max_size=40) | st.builds(
    # The beginning of a batch: a header that promises more than follows.
    lambda promised, given: HEADER.pack(MARK, promised, 0, 0) + b"x" * min(given, promised - 1),
    st.integers(1, 1000),
    st.integers(0, 1000),
)


class Journal(RuleBasedStateMachine):
    """One stream. `accepted` is the truth; `read` is what came out of it."""

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name)
        self.accepted: list[bytes] = []
        self.read: list[bytes] = []
        self.released = 0
        self.position: dict[str, int] = {}
        self.writer = self.open_writer()
        self.reader = FileJournalReader(self.root)

    def open_writer(self) -> FileJournalWriter:
        return FileJournalWriter(self.root, "a", segment_bytes=300, max_bytes=1 << 20)

    def close_writer(self) -> None:
        asyncio.run(self.writer.close())

    @rule(payload=PAYLOADS)
    def append(self, payload: bytes) -> None:
        asyncio.run(self.writer.append(payload))
        self.accepted.append(payload)

    @rule(tail=TORN)
    def crash(self, tail: bytes) -> None:
        """The writer dies in the middle of a write that nobody was told about."""
        self.close_writer()
        last = max((self.root / "a").glob(f"*{SUFFIX}"), default=self.root / "a" / f"{0:020d}{SUFFIX}")
        with last.open("ab") as file:
            file.write(tail)
        self.writer = self.open_writer()

    @rule(size=st.integers(1, 2000))
    def read_on(self, size: int) -> None:
        for batch in self.reader.read(self.position, size):
            self.read.append(batch.payload)
            self.position = {"a": batch.end}

    @rule()
    def release(self) -> None:
        self.reader.save(Checkpoint(dict(self.position), str(len(self.read)).encode()))
        self.released = len(self.read)

    @rule()
    def reader_dies(self) -> None:
        """What was read but not released comes again."""
        self.reader.close()
        self.reader = FileJournalReader(self.root)
        checkpoint = self.reader.checkpoint()
        self.position = checkpoint.positions
        assert int(checkpoint.note or b"0") == self.released
        self.read = self.read[: self.released]

    @invariant()
    def what_was_read_is_what_was_accepted(self) -> None:
        if hasattr(self, "accepted"):
            assert self.read == self.accepted[: len(self.read)]

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        for batch in self.reader.read(self.position, 1 << 20):
            self.read.append(batch.payload)
        assert self.read == self.accepted
        self.close_writer()
        self.reader.close()
        self.folder.cleanup()


TestJournal = Journal.TestCase
TestJournal.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
