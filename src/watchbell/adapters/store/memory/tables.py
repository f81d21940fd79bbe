"""The tables of the memory store, and one transaction's view of them.

A transaction copies a table before it first writes to it; the copies replace the originals when it commits. So an
abandoned transaction leaves no trace, and a reader keeps the state that it began with.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from watchbell.domain.errors import WatchbellError

State = dict[str, dict[Any, Any]]
"""Table name → rows by key."""


class Tables:
    """What one transaction sees. A transaction in which a method failed cannot be committed."""

    def __init__(self, state: State, *, writable: bool) -> None:
        self._state = state
        self._edited: State = {}
        self._writable = writable
        self.failure: WatchbellError | None = None

    def read(self, table: str) -> dict[Any, Any]:
        """The rows; not to be changed."""
        found = self._edited.get(table)
        return self._state.get(table, {}) if found is None else found

    def edit(self, table: str) -> dict[Any, Any]:
        """The rows, to be changed.

        Raises:
            RuntimeError: the transaction is for reading.
        """
        self.must_write()
        if table not in self._edited:
            self._edited[table] = dict(self._state.get(table, {}))
        return self._edited[table]

    def must_write(self) -> None:
        """Refuse when the transaction is for reading."""
        if not self._writable:
            raise RuntimeError("a reading transaction cannot write")

    def fail(self, error: WatchbellError) -> WatchbellError:
        """Note that the transaction must not be committed; hands the error back to be raised."""
        self.failure = error
        return error

    def committed(self) -> State:
        """The state with what was changed."""
        return {**self._state, **self._edited}

    def next_number(self, sequence: str) -> int:
        """1, 2, 3, … for each sequence."""
        numbers = self.edit("sequences")
        numbers[sequence] = numbers.get(sequence, 0) + 1
        return numbers[sequence]

    def drop(self, table: str, keys: Iterable[Any]) -> int:
        """Delete rows by key; returns how many were there."""
        rows = self.edit(table)
        return sum(rows.pop(key, None) is not None for key in list(keys))

    def pick(self, table: str, keys: Iterable[Any]) -> Iterator[Any]:
        """The rows of those keys that are there."""
        rows = self.read(table)
        return (rows[key] for key in dict.fromkeys(keys) if key in rows)
