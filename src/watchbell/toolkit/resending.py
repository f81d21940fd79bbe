"""What a sink to a far place has sent since it was last durable, so that nothing is sent twice when it is given again.

After a failure a sink is given everything since its last `sync` anew (see its port). What was sent and not refused is
known here by its content, and is left out the second time. In memory only: after a crash the part that was not durable
is sent again.
"""

from collections import Counter
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

from watchbell.domain.errors import Permanent

_REFUSED = 10_000
"""How many refused messages are remembered: more than are given between two syncs that are refused."""

M = TypeVar("M", bound=Hashable)


class Resending(Generic[M]):
    """The messages of one sink that are not durable yet."""

    def __init__(self) -> None:
        self._sent: list[M] = []
        self._again: Counter[M] = Counter()
        self._refused: dict[M, str] = {}

    def fresh(self, messages: Sequence[M]) -> Sequence[int]:
        """Which of the messages still have to be sent, by their index; the others are noted as sent.

        Raises:
            Permanent: the place has refused one of them before. Nothing is noted.
        """
        if self._refused:
            for message in messages:
                if message in self._refused:
                    raise Permanent(self._refused[message])
        if not self._again:
            return range(len(messages))
        fresh: list[int] = []
        for index, message in enumerate(messages):
            left = self._again.pop(message, 0)
            if left > 1:
                self._again[message] = left - 1
            if left > 0:
                self._sent.append(message)
            else:
                fresh.append(index)
        return fresh

    def sent(self, message: M) -> None:
        """This one was handed to the place."""
        self._sent.append(message)

    def mark(self) -> int:
        """Where we are, for `back_to`."""
        return len(self._sent)

    def back_to(self, mark: int, *, without: M) -> None:
        """What was sent since `mark` will be given once more at once; `without` was not sent after all."""
        self._again.update([message for message in self._sent[mark:] if message != without])
        del self._sent[mark:]

    def refuse(self, message: M, reason: str) -> None:
        """The place will never take this one."""
        if len(self._refused) >= _REFUSED:
            del self._refused[next(iter(self._refused))]
        self._refused[message] = reason

    def begin_again(self, lost: Sequence[M]) -> None:
        """Everything since the last `durable` comes again; `lost` are those that were sent and did not arrive."""
        self._again.update(self._sent)
        self._again.subtract(lost)
        self._again = +self._again
        self._sent = []

    def forget_sent(self) -> None:
        """Nothing of what was sent counts (a transaction was undone); what was refused stays refused."""
        self._sent, self._again = [], Counter()

    def durable(self) -> None:
        """Everything that was sent has arrived."""
        self._sent = []
