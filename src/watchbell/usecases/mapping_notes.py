"""What a mapper notes with each checkpoint, so that everything is counted once whatever ends it."""

import msgspec

from watchbell.domain.events.accounts import Account, Counted, KeptMarks
from watchbell.domain.events.glance import KeptGlance
from watchbell.domain.events.rules.windows import CountedWindows
from watchbell.usecases.eras import KeptEra


class Note(msgspec.Struct, array_like=True):
    """What is kept with the checkpoint."""

    windows: CountedWindows = msgspec.field(default_factory=CountedWindows)
    glance: KeptGlance = msgspec.field(default_factory=KeptGlance)
    moment_ms: int = 0
    read: dict[str, int] = {}
    """How far everything here is counted. The sinks know their positions themselves."""
    accounts: dict[str, Account] = {}
    marks: list[KeptMarks] = []
    seen: dict[int, int] = {}
    """What the duplicate memory saw since the checkpoint before, in case that it cannot settle any more."""
    kept: int = 0
    """With which number rejected events were kept last."""
    eras: list[KeptEra] = []
    """The mappings in force, and those before that some sink still needs."""
    counted: Counted | None = None
    """None: a former release wrote it."""

    def counted_so_far(self) -> Counted:
        """What was come past; what a former release received has no numbers."""
        if self.counted is not None:
            return self.counted
        return Counted(unnumbered=sum(book.received for book in self.accounts.values()))


def accounts_of(note: bytes) -> dict[str, Account]:
    """Source → its account, from what was kept with a checkpoint.

    Raises:
        msgspec.DecodeError: it was not kept by a mapper.
    """
    return msgspec.msgpack.decode(note, type=Note).accounts if note else {}
